/* SPDX-License-Identifier: MIT */
#ifndef PROTO_NODEKEY_H
#define PROTO_NODEKEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: names of nodes. What travels and is stored is a struct nodekey: up to
 * 256 bits with its length, so that a network with other key widths never
 * changes a record. Inside the Mainline hot path the 20 bytes travel bare as a
 * struct nodeid.
 *
 * Bit 0 is the most significant bit of byte 0 (BEP 5 compares big-endian).
 */
enum { NODEKEY_BYTES = 32, NODEID_BYTES = 20, NODEID_BITS = 160 };

struct nodeid {
	uint8_t b[NODEID_BYTES];
};

struct nodekey {
	uint8_t b[NODEKEY_BYTES]; /* beyond @bits: zero */
	uint16_t bits;            /* 160 for Mainline; 0 = unknown */
};

/** nodekey_from_id() - widen a Mainline id. */
static inline struct nodekey nodekey_from_id(const struct nodeid *id)
{
	struct nodekey key = { .bits = NODEID_BITS };

	memcpy(key.b, id->b, NODEID_BYTES);
	return key;
}

/** nodekey_to_id() - narrow again; bytes past 160 bits are cut. */
struct nodeid nodekey_to_id(const struct nodekey *key);

bool nodekey_equal(const struct nodekey *a, const struct nodekey *b);

/** nodekey_to_hex() - lower-case hex of the key's bits; returns @out. */
char *nodekey_to_hex(const struct nodekey *key, char out[static 2 * NODEKEY_BYTES + 1]);

/** nodekey_from_hex() - 1..64 hex digits, even count. Errors: DT_EMALF, DT_ESIZE. */
int nodekey_from_hex(const char *hex, struct nodekey *out) DT_MUST;

static inline bool nodeid_equal(const struct nodeid *a, const struct nodeid *b)
{
	return memcmp(a->b, b->b, NODEID_BYTES) == 0;
}

/** nodeid_prefix64() - the 64 most significant bits, host order. */
static inline uint64_t nodeid_prefix64(const struct nodeid *id)
{
	uint64_t v;

	memcpy(&v, id->b, 8);
	return __builtin_bswap64(v);
}

/** nodeid_common_bits() - length of the shared prefix, 0..160. */
static inline unsigned nodeid_common_bits(const struct nodeid *a, const struct nodeid *b)
{
	for (unsigned i = 0; i < NODEID_BYTES; i++)
		if (a->b[i] != b->b[i])
			return i * 8 + (unsigned)__builtin_clz((unsigned)(a->b[i] ^ b->b[i])) - 24;
	return NODEID_BITS;
}

/** nodeid_flip() - @id with bit @bit (0..159) inverted. */
static inline struct nodeid nodeid_flip(const struct nodeid *id, unsigned bit)
{
	struct nodeid out = *id;

	out.b[bit / 8] ^= (uint8_t)(0x80u >> (bit % 8));
	return out;
}

/** nodeid_closer() - is @a nearer to @target than @b, by XOR? */
bool nodeid_closer(const struct nodeid *target, const struct nodeid *a, const struct nodeid *b);

/**
 * nodeid_bep42_ok() - do the 21 bits that BEP 42 derives from the address match?
 * Private and loopback addresses are exempt and give true.
 * Source:  BEP 42 "Node Identity Enforcement"; CRC32C.
 */
bool nodeid_bep42_ok(const struct nodeid *id, const struct endpoint *ep);

/** nodeid_bep42_make() - turn random @id into one that conforms for @ep. */
struct nodeid nodeid_bep42_make(const struct nodeid *random, const struct endpoint *ep);

#endif
