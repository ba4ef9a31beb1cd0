/* SPDX-License-Identifier: MIT */
#include "proto/nodekey.h"

#include "proto/span.h"

struct nodeid nodekey_to_id(const struct nodekey *key)
{
	struct nodeid id;

	memcpy(id.b, key->b, NODEID_BYTES);
	return id;
}

bool nodekey_equal(const struct nodekey *a, const struct nodekey *b)
{
	return a->bits == b->bits && memcmp(a->b, b->b, NODEKEY_BYTES) == 0;
}

char *nodekey_to_hex(const struct nodekey *key, char out[static 2 * NODEKEY_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned bytes = (key->bits + 7u) / 8;

	if (bytes > NODEKEY_BYTES)
		bytes = NODEKEY_BYTES;
	for (unsigned i = 0; i < bytes; i++) {
		out[2 * i] = digits[key->b[i] >> 4];
		out[2 * i + 1] = digits[key->b[i] & 15];
	}
	out[2 * bytes] = '\0';
	return out;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int nodekey_from_hex(const char *hex, struct nodekey *out)
{
	size_t len = strnlen(hex, 2 * NODEKEY_BYTES + 1);
	struct nodekey key = { .bits = (uint16_t)(len * 4) };

	if (!len || len % 2 || len > 2 * NODEKEY_BYTES)
		return DT_ESIZE;
	for (size_t i = 0; i < len; i++) {
		int d = hex_digit(hex[i]);

		if (d < 0)
			return DT_EMALF;
		key.b[i / 2] = (uint8_t)(key.b[i / 2] << 4 | d);
	}
	*out = key;
	return 0;
}

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}

bool nodeid_closer(const struct nodeid *target, const struct nodeid *a, const struct nodeid *b)
{
	/* Three words that overlap by four bytes cover 20 bytes without a tail. */
	static const unsigned at[3] = { 0, 8, 12 };

	for (unsigned i = 0; i < 3; i++) {
		uint64_t t = load_be64(target->b + at[i]);
		uint64_t da = load_be64(a->b + at[i]) ^ t;
		uint64_t db = load_be64(b->b + at[i]) ^ t;

		if (da != db)
			return da < db;
	}
	return false;
}

/* ---- BEP 42 ------------------------------------------------------------ */

/*
 * CRC32C (Castagnoli, reflected 0x82f63b78), four bits a step: the fallback
 * where the processor has no crc32 instruction. At 8 bytes a call a table of
 * 1 KiB would cost more cache than it saves.
 */
static uint32_t crc32c_table(const uint8_t *p, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint32_t crc = UINT32_MAX;

	for (; len; len--, p++) {
		crc = nibble[(crc ^ *p) & 15] ^ crc >> 4;
		crc = nibble[(crc ^ (uint32_t)*p >> 4) & 15] ^ crc >> 4;
	}
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (; len; len--, p++)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return ~crc;
}
#endif

static uint32_t crc32c(const uint8_t *p, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(p, len);
#endif
	return crc32c_table(p, len);
}

/* The first 21 bits that an id should have, left-aligned in 32; @r is the last byte's low 3. */
static uint32_t bep42_prefix(const struct endpoint *ep, uint8_t r)
{
	static const uint8_t mask4[4] = { 0x03, 0x0f, 0x3f, 0xff };
	static const uint8_t mask6[8] = { 0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff };
	uint8_t in[8];
	size_t len;

	if (endpoint_is4(ep)) {
		len = sizeof(mask4);
		for (size_t i = 0; i < len; i++)
			in[i] = ep->addr[12 + i] & mask4[i];
	} else {
		len = sizeof(mask6);
		for (size_t i = 0; i < len; i++)
			in[i] = ep->addr[i] & mask6[i];
	}
	in[0] |= (uint8_t)((r & 7) << 5);
	return crc32c(in, len) & 0xfffff800;
}

/* Addresses that mean nothing outside of their own network (RFC 1918, 3927, 1122, 4193, 4291). */
static bool bep42_exempt(const struct endpoint *ep)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (endpoint_is4(ep)) {
		uint32_t ip = endpoint_get_ip4(ep);

		return ip >> 24 == 10 || ip >> 24 == 127 || ip >> 20 == 0xac1 ||
		       ip >> 16 == 0xc0a8 || ip >> 16 == 0xa9fe;
	}
	return (ep->addr[0] & 0xfe) == 0xfc || (ep->addr[0] == 0xfe && ep->addr[1] >> 6 == 2) ||
	       memcmp(ep->addr, loopback6, 16) == 0;
}

bool nodeid_bep42_ok(const struct nodeid *id, const struct endpoint *ep)
{
	uint32_t have =
		(uint32_t)id->b[0] << 24 | (uint32_t)id->b[1] << 16 | (uint32_t)id->b[2] << 8;

	if (bep42_exempt(ep))
		return true;
	return (have & 0xfffff800) == bep42_prefix(ep, id->b[NODEID_BYTES - 1]);
}

struct nodeid nodeid_bep42_make(const struct nodeid *random, const struct endpoint *ep)
{
	uint32_t want = bep42_prefix(ep, random->b[NODEID_BYTES - 1]);
	struct nodeid id = *random;

	id.b[0] = (uint8_t)(want >> 24);
	id.b[1] = (uint8_t)(want >> 16);
	id.b[2] = (uint8_t)((want >> 8 & 0xf8) | (id.b[2] & 7));
	return id;
}
