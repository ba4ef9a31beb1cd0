/* SPDX-License-Identifier: MIT */
#include "engine/cookie.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

_Static_assert(COOKIE_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key is libsodium's");

void cookie_init(struct cookie *c, const uint8_t key[static COOKIE_KEY_BYTES], uint64_t late_ns)
{
	memcpy(c->key, key, COOKIE_KEY_BYTES);
	c->epoch_ns = late_ns / (COOKIE_EPOCHS - 1);
	if (c->epoch_ns == 0)
		c->epoch_ns = 1;
}

/* The MAC's input: an IPv4 address leaves its constant prefix out, which saves a
 * third of the hash; the lengths differ, so no v4 input is ever a v6 one. */
static uint32_t seal(const struct cookie *c, const struct endpoint *ep, uint32_t t, uint32_t epoch)
{
	uint8_t in[sizeof(*ep) + sizeof(t) + sizeof(epoch)], out[crypto_shorthash_BYTES];
	size_t skip = endpoint_is4(ep) ? offsetof(struct endpoint, addr) + 12 : 0;
	size_t len = sizeof(*ep) - skip;
	uint32_t mac;

	memcpy(in, (const uint8_t *)ep + skip, len);
	memcpy(in + len, &t, sizeof(t));
	memcpy(in + len + sizeof(t), &epoch, sizeof(epoch));
	crypto_shorthash(out, in, len + sizeof(t) + sizeof(epoch), c->key);
	memcpy(&mac, out, sizeof(mac));
	return mac;
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
