/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/bad.h"
#include "engine/crawl.h"
#include "engine/gate.h"
#include "engine/net.h"
#include "engine/post.h"
#include "engine/scribe.h"
#include "proto/clock.h"
#include "proto/err.h"

/**
 * DOC: one core's share of the census: a device, a shard of the crawl, a gate,
 * a lane to the scribe and a box at the post. Nothing here is shared; what must
 * cross, crosses by ring.
 *
 * worker_turn() is the whole of the hot path and needs no thread: the engine
 * calls it in a loop on a pinned thread per worker, a simulation in virtual
 * time calls it from the caller's own.
 */

struct worker_opts {
	unsigned index, workers;
	struct net *net; /* owned by the caller; used by the turning thread alone */
	struct clock clock;
	struct gate *gate;
	struct scribe_lane *lane;
	struct post *post;         /* NULL where there is one worker */
	struct crawl_opts crawl;   /* shard and shards are set from index and workers */
	uint64_t idle_wait_max_ns; /* longest sleep of a turn; 0 = WORKER_IDLE_WAIT_NS */
	const atomic_bool *hushed; /* once true, worker_close() says nothing more; NULL = never */
	struct bad *bad;           /* takes malformed datagrams; NULL = none wanted */
	uint32_t window;           /* self-clocking, see worker_turn(); 0 = off */
	bool canaries;             /* keep a flock of them, see canary.h */
};

enum {
	/* A sleeping worker looks up this often for post and commands: 200 wake-ups a
	 * second cost under 1 % of a core and no wake-up can be lost. */
	WORKER_IDLE_WAIT_NS = 5 * 1000 * 1000,
	/* The window counts packets of this last while. */
	WORKER_WINDOW_NS = 20 * 1000 * 1000,
	/* A near network answers within this, or a queue has built up before it. */
	WORKER_WINDOW_RTT_US = 10 * 1000,
	/* What a turn that found nothing waits at least. Less would be a wake-up (35 us
	 * on the reference machine) for a packet or two; more would outlast the 1 ms that
	 * the gate's rate lets us be late. A datagram ends the wait in any case. */
	WORKER_NAP_NS = 500 * 1000,
};

/** struct worker_stats - counters of the worker itself. */
struct worker_stats {
	uint64_t turns, busy_turns, sleeps;
	uint64_t sent_packets, recv_packets; /* as this loop saw them, refused ones taken off */
	uint64_t ring_full;       /* turns without asking because the scribe was behind */
	uint64_t window_full;     /* turns cut short by the window */
	uint64_t post_behind;     /* turns without asking because another worker opened no post */
	uint64_t post_dropped;    /* contacts lost because the overflow list was full */
	uint64_t forward_dropped; /* datagrams for other workers lost for want of parcels */
	uint64_t misdealt;        /* datagrams forwarded to their worker */
	uint64_t cpu_ns;          /* of the turning thread; set by the engine */
	uint64_t canary_sent, canary_answered, canary_lost, canary_in_flight, canary_failed;
	uint64_t first_send_ns, last_recv_ns; /* on the worker's clock; 0 = none yet */
};

struct worker;

int worker_new(const struct worker_opts *opts, struct worker **out) DT_MUST;
void worker_free(struct worker *w);

/**
 * worker_turn() - receive, step, send.
 *
 * Sleeps (in net_recv()) only when the turn before found nothing to do. With a
 * window, no more than @window packets of the last WORKER_WINDOW_NS may be
 * without an answer, and fewer in proportion once answers take longer than
 * WORKER_WINDOW_RTT_US: then packets wait in a queue before the far end, which
 * would overflow. A fast near network so clocks the sender, and a stalled one is
 * not flooded. Not for the real network, whose round trips are long anyway.
 *
 * Returns 1 when something was done, 0 when not, or the device's error.
 */
int worker_turn(struct worker *w) DT_MUST;

/** worker_quiet() - crawl idle, nothing in the post either way. Owner's thread. */
bool worker_quiet(const struct worker *w);

/**
 * worker_pause() - from now on turns open the post and do nothing else, until @pause is
 * false: nothing that this worker knows changes but by what others had sent it before.
 */
void worker_pause(struct worker *w, bool pause);

/**
 * worker_rest() - the longest sleep of the turns to come; 0 = none. Two workers on one thread
 * (see seat.h) may not sleep while the other has work.
 */
void worker_rest(struct worker *w, uint64_t most_ns);

/** worker_close() - crawl_close() and the last block to the scribe. */
void worker_close(struct worker *w);

struct crawl *worker_crawl(struct worker *w);
uint64_t worker_now_ns(const struct worker *w);
void worker_stats(const struct worker *w, struct worker_stats *out);

#endif
