/* SPDX-License-Identifier: MIT */
#include "engine/ear_token.h"

#include <string.h>

#include <sodium.h>

_Static_assert(crypto_shorthash_BYTES == EAR_TOKEN_BYTES, "a token is a SipHash");
_Static_assert(crypto_shorthash_KEYBYTES == 16, "as long as a secret");

void ear_token_init(struct ear_token *t, uint64_t now_ns)
{
	randombytes_buf(t->secret, sizeof(t->secret));
	t->changed_ns = now_ns;
}

/* After a pause of ten minutes both secrets are of the past. */
static void rotate(struct ear_token *t, uint64_t now_ns)
{
	const uint64_t life_ns = EAR_TOKEN_LIFE_S * UINT64_C(1000000000);

	for (unsigned i = 0; i < 2 && now_ns >= t->changed_ns + life_ns; i++) {
		memcpy(t->secret[1], t->secret[0], sizeof(t->secret[0]));
		randombytes_buf(t->secret[0], sizeof(t->secret[0]));
		t->changed_ns += life_ns;
	}
	if (now_ns >= t->changed_ns + life_ns)
		t->changed_ns = now_ns;
}

void ear_token_make(struct ear_token *t, const struct endpoint *ep, uint64_t now_ns,
		    uint8_t out[static EAR_TOKEN_BYTES])
{
	rotate(t, now_ns);
	crypto_shorthash(out, ep->addr, sizeof(ep->addr), t->secret[0]);
}

bool ear_token_ok(struct ear_token *t, const struct endpoint *ep, uint64_t now_ns,
		  struct span token)
{
	uint8_t want[EAR_TOKEN_BYTES];

	rotate(t, now_ns);
	if (token.len != EAR_TOKEN_BYTES)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		crypto_shorthash(want, ep->addr, sizeof(ep->addr), t->secret[i]);
		if (sodium_memcmp(want, token.ptr, sizeof(want)) == 0)
			return true;
	}
	return false;
}
