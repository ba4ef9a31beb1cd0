/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_EAR_VOTE_H
#define ENGINE_EAR_VOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"

/**
 * DOC: what address the others see us at. Everybody whom we asked may say so
 * (BEP 42 "ip"); a network has one voice, its last word counts, and an address
 * is believed once it has four voices and more than half of all.
 */
enum { EAR_VOTES_MAX = 32, EAR_VOTES_NEEDED = 4 };

struct ear_vote {
	struct {
		uint8_t net[8]; /* of the voter: /16, v6 /32 */
		uint8_t claim[16];
	} votes[EAR_VOTES_MAX];
	unsigned count, next;
};

/** ear_vote_cast() - @voter saw us at @claim. */
void ear_vote_cast(struct ear_vote *v, const struct endpoint *voter, const struct endpoint *claim);

/** ear_vote_winner() - true and the address (port 0) where there is one. */
bool ear_vote_winner(const struct ear_vote *v, struct endpoint *out);

#endif
