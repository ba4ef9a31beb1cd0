/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_VANTAGE_H
#define ENGINE_VANTAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: from where we look. Most nodes drop packets from some blocks of the address
 * space (census P1), so a census from there sees a tenth of what is; and nodes
 * tell their askers under which address they see them (BEP 42's "ip").
 */

/**
 * vantage_is_dark() - do libtorrent's default settings drop packets from there?
 * Source:  dht_tracker.cpp, ignore_dark_internet: first octets; 3/8 and 34/8 among
 *          them, where large clouds have their machines.
 */
bool vantage_is_dark(const struct endpoint *ep);

/** vantage_is_public() - no special-purpose address: no NAT stands between. */
bool vantage_is_public(const struct endpoint *ep);

/** vantage_local() - each IPv4 address of this machine but loopback. Errors: -errno. */
int vantage_local(void (*visit)(void *ctx, const char *device, const struct endpoint *ep),
		  void *ctx) DT_MUST;

enum { VANTAGE_PLACES = 8 };

/**
 * struct vantage_votes - under which addresses nodes see us, the frequent ones.
 *
 * Misra and Gries, "Finding repeated elements" (1982): an address with more than a
 * ninth of all votes is among the places for sure, its count too low by at most
 * that. Ports are not told apart.
 */
struct vantage_votes {
	struct {
		struct endpoint ep;
		uint64_t votes;
	} place[VANTAGE_PLACES];
	uint64_t all;
};

/** vantage_count() - @votes more for @ep, whose port is 0. */
void vantage_count(struct vantage_votes *v, const struct endpoint *ep, uint64_t votes);

/** vantage_vote() - the "ip" of a reply: 6 or 18 bytes, or 4 or 16; others are no vote. */
static inline void vantage_vote(struct vantage_votes *v, struct span ip)
{
	struct endpoint ep;

	if (ip.len == 4 || ip.len == 6) {
		uint32_t be;

		memcpy(&be, ip.ptr, sizeof(be));
		ep = endpoint_ip4(__builtin_bswap32(be), 0);
	} else if (ip.len == 16 || ip.len == 18) {
		memcpy(ep.addr, ip.ptr, sizeof(ep.addr));
		ep.port = 0;
	} else {
		return;
	}
	if (v->place[0].votes && endpoint_equal(&v->place[0].ep, &ep)) {
		v->place[0].votes++;
		v->all++;
		return;
	}
	vantage_count(v, &ep, 1);
}

/** vantage_add() - the votes of another worker. */
void vantage_add(struct vantage_votes *sum, const struct vantage_votes *one);

/** vantage_best() - the most frequent address; its votes, 0 where nobody voted. */
uint64_t vantage_best(const struct vantage_votes *v, struct endpoint *out);

#endif
