/* SPDX-License-Identifier: MIT */
#include "viz/export_pseudo.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum {
	LEVELS = 6, /* of one hash: 2^6 - 1 inner nodes */
	SUBKEY = 1, /* the first use that is made of the secret */
	/* family, depth, the bits before */
	MESSAGE_MAX = 2 + 16,
};

_Static_assert(sizeof(((struct export_pseudo *)0)->key) == crypto_shorthash_KEYBYTES, "SipHash");
_Static_assert((int)STORE_SECRET_BYTES == (int)crypto_kdf_KEYBYTES, "a key to derive from");

int export_pseudo_init(struct export_pseudo *p, const uint8_t secret[static STORE_SECRET_BYTES])
{
	if (sodium_init() < 0)
		return -EIO;
	crypto_kdf_derive_from_key(p->key, sizeof(p->key), SUBKEY, "exportip", secret);
	return 0;
}

/* One bit per inner node of the six levels below the first @depth bits of @addr. */
static uint64_t turns_below(const struct export_pseudo *p, const uint8_t *addr, unsigned bytes,
			    unsigned depth)
{
	uint8_t msg[MESSAGE_MAX] = { (uint8_t)bytes, (uint8_t)depth }, hash[8];
	uint64_t turns;

	memcpy(msg + 2, addr, depth / 8);
	if (depth % 8)
		msg[2 + depth / 8] = (uint8_t)(addr[depth / 8] & 0xff00 >> depth % 8);
	crypto_shorthash(hash, msg, 2 + bytes, p->key);
	memcpy(&turns, hash, sizeof(turns));
	return le64toh(turns);
}

static void turn(const struct export_pseudo *p, const uint8_t *addr, unsigned bytes, uint8_t *out)
{
	for (unsigned depth = 0; depth < 8 * bytes; depth += LEVELS) {
		uint64_t turns = turns_below(p, addr, bytes, depth);
		unsigned node = 1; /* as in a heap: below n lie 2n and 2n + 1 */

		for (unsigned i = depth; i < depth + LEVELS && i < 8 * bytes; i++) {
			unsigned bit = addr[i / 8] >> (7 - i % 8) & 1;

			out[i / 8] ^= (uint8_t)((turns >> node & 1) << (7 - i % 8));
			node = 2 * node + bit;
		}
	}
}

struct endpoint export_pseudo_of(const struct export_pseudo *p, const struct endpoint *ep)
{
	struct endpoint out = *ep;

	if (endpoint_is4(ep))
		turn(p, ep->addr + 12, 4, out.addr + 12);
	else
		turn(p, ep->addr, 16, out.addr);
	return out;
}
