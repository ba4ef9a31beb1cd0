/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_SAY_H
#define BENCH_SIM_SAY_H

#include "bench/sim/limit.h"
#include "bench/sim/world.h"
#include "proto/krpc.h"

enum { PEER_CALL = 0xff }; /* as a method: nothing was asked, the node calls; its nonce is @luck */

/** struct peer_question - a query, reduced to what an answer needs, so that it can wait. */
struct peer_question {
	uint8_t target[NODEID_BYTES], id[NODEID_BYTES]; /* id: the asker's */
	uint8_t t[KRPC_T_MAX];
	uint8_t t_len;
	uint8_t method; /* enum krpc_method */
	uint8_t want;   /* KRPC_WANT_* bits */
	bool six;       /* asked over IPv6; peer_read() leaves it false */
	bool scrape;    /* BEP 33 */
	uint32_t luck;  /* a draw of this round trip: which of its ids a flapper says; likewise */
};

/** peer_read() - Errors: those of krpc_parse(); DT_EKIND for what is no query. */
int peer_read(struct span query, struct peer_question *out) DT_MUST;

/** peer_there() - is node @n there and says something, be it nonsense? */
static inline bool peer_there(const struct sim_world *w, uint32_t n)
{
	enum sim_nature nature = world_nature(w, n);

	return nature != SIM_ONEWAY && nature != SIM_READ_ONLY &&
	       mood_alive(w, n, world_mood(w, n));
}

/** peer_holed() - is node @n there, and has its NAT a hole for what comes from our @port?
 * @holes: of the device; NULL: there are none. */
bool peer_holed(const struct sim_world *w, uint32_t n, uint32_t face,
		const struct hole_table *holes, uint16_t port, uint64_t now_ms);

/** peer_has_holes() - are there NATs that let in whom their node has spoken to? */
static inline bool peer_has_holes(const struct sim_world *w)
{
	return w->opts.bad.oneway > 0 && w->opts.bad.nat_address + w->opts.bad.nat_port > 0;
}

/** peer_hears() - does what is sent to @face of it reach node @n? */
bool peer_hears(const struct sim_world *w, uint32_t n, uint32_t face);

/** peer_reply_face() - from where it answers: a remapped node half of the time from any port. */
uint32_t peer_reply_face(const struct sim_world *w, uint32_t n, uint32_t face, uint32_t luck);

/** peer_is_busy() - are its 8,000 B/s used up by others half of the time? */
bool peer_is_busy(const struct sim_world *w, uint32_t n);

/** peer_limit() - what its limiter and its quota say to a query of @ip; @t keeps the counts. */
enum limit_verdict peer_limit(const struct sim_world *w, uint32_t n, uint32_t ip, uint64_t now_ms,
			      struct limit_table *t);

/** peer_say() - the reply or error message of node @n, wherever it is alive or not. Returns its
 * length. */
int peer_say(const struct sim_world *w, uint32_t n, const struct peer_question *q,
	     const struct endpoint *from, uint8_t *out, size_t cap);

/** peer_caller() - does somebody who cannot be reached ask us now? Drawn from @nonce; @n: who. */
bool peer_caller(const struct sim_world *w, uint64_t nonce, uint32_t *n);

/** peer_call() - its query. Returns the length, 0 where it does not fit. */
int peer_call(const struct sim_world *w, uint32_t n, uint64_t nonce, uint8_t *out, size_t cap);

/** peer_lost() - is this round trip lost? Drawn from the seed, @n and @nonce. */
static inline bool peer_lost(const struct sim_world *w, uint32_t n, uint64_t nonce)
{
	return (sim_draw(w->key[SIM_DRAW_LOSS], n, nonce) & UINT32_MAX) < w->loss_32;
}

/**
 * peer_delay_ns() - this round trip's time: opts.delay_us in the median, spread
 * over three octaves by the sum of three draws, as distances on Earth spread it.
 */
uint64_t peer_delay_ns(const struct sim_world *w, uint32_t n, uint64_t nonce);

#endif
