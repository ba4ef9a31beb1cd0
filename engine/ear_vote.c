/* SPDX-License-Identifier: MIT */
#include "engine/ear_vote.h"

#include <string.h>

/* The mapped prefix tells the families apart. */
static void net_of(const struct endpoint *ep, uint8_t net[static 8])
{
	memset(net, 0, 8);
	memcpy(net, endpoint_is4(ep) ? ep->addr + 10 : ep->addr, 4);
}

void ear_vote_cast(struct ear_vote *v, const struct endpoint *voter, const struct endpoint *claim)
{
	unsigned at = v->count;
	uint8_t net[8];

	net_of(voter, net);
	for (unsigned i = 0; i < v->count; i++)
		if (memcmp(v->votes[i].net, net, sizeof(net)) == 0)
			at = i;
	if (at == EAR_VOTES_MAX) {
		at = v->next;
		v->next = (v->next + 1) % EAR_VOTES_MAX;
	} else if (at == v->count) {
		v->count++;
	}
	memcpy(v->votes[at].net, net, sizeof(net));
	memcpy(v->votes[at].claim, claim->addr, sizeof(claim->addr));
}

bool ear_vote_winner(const struct ear_vote *v, struct endpoint *out)
{
	for (unsigned i = 0; i < v->count; i++) {
		unsigned voices = 0;

		for (unsigned k = 0; k < v->count; k++)
			voices += memcmp(v->votes[i].claim, v->votes[k].claim, 16) == 0;
		if (voices >= EAR_VOTES_NEEDED && voices * 2 > v->count) {
			memcpy(out->addr, v->votes[i].claim, 16);
			out->port = 0;
			return true;
		}
	}
	return false;
}
