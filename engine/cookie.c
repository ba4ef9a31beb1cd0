/* SPDX-License-Identifier: MIT */
#include "engine/cookie.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

_Static_assert(COOKIE_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key is libsodium's");

void cookie_init(struct cookie *c, const uint8_t key[static COOKIE_KEY_BYTES], uint64_t late_ns)
{
	memcpy(c->key, key, COOKIE_KEY_BYTES);
	c->epoch_ns = late_ns / (COOKIE_EPOCHS - 1);
	if (c->epoch_ns == 0)
		c->epoch_ns = 1;
}

static uint32_t shorthash(const struct cookie *c, const void *in, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint32_t mac;

	crypto_shorthash(out, in, len, c->key);
	memcpy(&mac, out, sizeof(mac));
	return mac;
}

/*
 * An IPv4 address leaves its constant prefix out, which saves a third of the
 * hash; the lengths differ, so no v4 input is ever a v6 one. Its 14 bytes, address and port as
 * they stand in the endpoint, t and epoch, are put together in two words: bytes written in pieces
 * and read in words at once would wait for every store before them (E-260).
 */
static uint32_t seal(const struct cookie *c, const struct endpoint *ep, uint32_t t, uint32_t epoch)
{
	enum { V4_AT = 12, V4_IN = 6 + sizeof(t) + sizeof(epoch) };
	uint8_t in[sizeof(*ep) + sizeof(t) + sizeof(epoch)];

	if (endpoint_is4(ep)) {
		uint64_t words[2];
		uint32_t ip;

		memcpy(&ip, ep->addr + V4_AT, sizeof(ip));
		words[0] = htole64(le32toh(ip) | (uint64_t)ep->port << 32 | (uint64_t)t << 48);
		words[1] = htole64(t >> 16 | (uint64_t)epoch << 16);
		return shorthash(c, words, V4_IN);
	}
	memcpy(in, ep, sizeof(*ep));
	memcpy(in + sizeof(*ep), &t, sizeof(t));
	memcpy(in + sizeof(*ep) + sizeof(t), &epoch, sizeof(epoch));
	return shorthash(c, in, sizeof(in));
}

uint32_t cookie_make(const struct cookie *c, const struct endpoint *ep, uint32_t t, uint64_t now_ns)
{
	return seal(c, ep, t, (uint32_t)(now_ns / c->epoch_ns));
}

bool cookie_known(const struct cookie *c, const struct endpoint *ep, uint32_t t, uint32_t mac,
		  uint64_t now_ns)
{
	uint32_t epoch = (uint32_t)(now_ns / c->epoch_ns);

	for (uint32_t back = 0; back < COOKIE_EPOCHS; back++)
		if (seal(c, ep, t, epoch - back) == mac)
			return true;
	return false;
}
