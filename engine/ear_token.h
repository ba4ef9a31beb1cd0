/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_EAR_TOKEN_H
#define ENGINE_EAR_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/span.h"

/**
 * DOC: the token of get_peers: a keyed hash of the asker's address under a
 * secret that lives five minutes; that of the five minutes before is still
 * taken (BEP 5). Nobody can announce an address from which he does not hear us,
 * nor one whose token he got ten minutes ago.
 */
enum { EAR_TOKEN_BYTES = 8, EAR_TOKEN_LIFE_S = 300 };

struct ear_token {
	uint8_t secret[2][16]; /* now, before */
	uint64_t changed_ns;
};

void ear_token_init(struct ear_token *t, uint64_t now_ns);

/** ear_token_make() - for @ep's address; ports do not matter, NATs change them. */
void ear_token_make(struct ear_token *t, const struct endpoint *ep, uint64_t now_ns,
		    uint8_t out[static EAR_TOKEN_BYTES]);

bool ear_token_ok(struct ear_token *t, const struct endpoint *ep, uint64_t now_ns,
		  struct span token);

#endif
