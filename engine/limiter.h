/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_LIMITER_H
#define ENGINE_LIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: who got how many packets of late. One entry of 16 bytes per address (or
 * per network) that was sent to in the last seconds holds a token bucket and
 * the counts of a sliding window; both must agree.
 *
 * Everything is rounded against us: time since the last packet down, the window
 * up (10 s are at least 10 s and at most 10.9, networks 13.4). So what the
 * limiter allows, an exact recount allows too (test_limiter.c recounts).
 *
 * Memory (E-3): tables of generations. A packet writes into the youngest table;
 * after limiter_keep() the next table becomes the youngest and the oldest is
 * forgotten whole, so nothing is ever deleted, rehashed or cleared. A table that
 * fills before its time is followed by a larger one. A question costs
 * one cache line in each of the usual two tables: see limiter_impl.h.
 *
 * Shape:   entry = key_lo 4, last 4, key_hi 1, bucket 2, window 5 bytes.
 */

enum limiter_kind {
	LIMITER_HOST, /* 13 bins of 0.83 s, up to 7 packets each */
	LIMITER_NET,  /* 4 bins of 3.3 s, up to 1023 packets each */
};

enum {
	LIMITER_WINDOW_S = 10,
	/* Tables alive at once: two when calm, one more each time that a table fills before
	 * its time. The next is twice as large, or four times where that was sudden; so
	 * slow growth never needs more than these, and sudden growth by 16,384 x neither.
	 * At the bound new addresses wait. */
	LIMITER_GENERATIONS = 8,
	LIMITER_ENTRIES_MIN = 4096,    /* 64 KiB */
	LIMITER_ENTRIES_MAX = 1 << 26, /* 1 GiB: 6 M new addresses a second */
};

struct limiter_opts {
	enum limiter_kind kind;
	double rate_pps;     /* refill of the bucket; > 0 */
	unsigned burst;      /* its size; >= 1 */
	unsigned window_max; /* most packets in any sliding 10 s; 0 = no bound, counted only */
	size_t entries_hint; /* addresses expected within limiter_keep(); 0 = unknown */
	size_t entries_max;  /* of one table; 0 = LIMITER_ENTRIES_MAX */
	uint64_t secret;     /* of the hash, which strangers must not know; 0 = the kernel's */
};

struct limiter;

/** limiter_new() - Errors: -ENOMEM; -EINVAL where a full bucket needs more than 13 s. */
int limiter_new(const struct limiter_opts *opts, struct limiter **out) DT_MUST;
void limiter_free(struct limiter *l);

/** limiter_key() - what an endpoint's packets are counted under: address, or /24 and /48. */
uint64_t limiter_key(const struct limiter *l, const struct endpoint *ep);

/** struct limiter_ticket - between a yes and its charge; private. */
struct limiter_ticket {
	void *line;
	uint64_t key, window;
	uint32_t now, ahead;
	uint32_t sum; /* of the window */
	unsigned at;
	bool fresh;
};

/**
 * limiter_ask() - may a packet leave now? Changes no budget.
 * @ticket: out when true; valid until the next limiter_ask().
 * @retry_ns: out when false: not before this time.
 */
bool limiter_ask(struct limiter *l, uint64_t key, uint64_t now_ns, struct limiter_ticket *ticket,
		 uint64_t *retry_ns);

/** limiter_charge() - it leaves, at the time of the limiter_ask() that said yes. */
void limiter_charge(struct limiter *l, const struct limiter_ticket *ticket);

/** limiter_keep_ns() - how long an address is remembered at least. */
uint64_t limiter_keep_ns(const struct limiter *l);

struct limiter_stats {
	uint32_t worst;   /* most packets in one window, never below the truth */
	uint64_t crowded; /* refused because every table was full */
	size_t entries;   /* in all living tables */
	size_t bytes;     /* their memory */
	unsigned tables;
};

void limiter_stats(const struct limiter *l, struct limiter_stats *out);

#endif
