/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SEAT_H
#define ENGINE_SEAT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/checkpoint.h"
#include "engine/engine.h"
#include "engine/post.h"
#include "engine/scribe.h"
#include "engine/worker.h"
#include "proto/err.h"

/**
 * DOC: where a worker sits: its thread, its device, its gate, the orders that it
 * gets and the counters that it shows. The worker itself knows of none of this.
 *
 * Orders: the monitor writes one and raises order_no; the worker looks once a
 * turn, obeys on its own thread and sets done_no. One order at a time. Counters:
 * copied under a lock ten times a second. So the hot path pays one load a turn.
 *
 * Without a thread (virtual time) the caller turns the seat with seat_turn()
 * and orders are obeyed where they are given.
 *
 * A seat may have a guest: a seat of another engine, of a census beside this one. It has
 * a crawl, a device, a lane of its own, and its host's thread and gate: one thread asks for
 * both, so every budget holds over both without a lock. The guest's turn comes first; what
 * it leaves of the rate is the host's.
 */

enum seat_order_kind {
	SEAT_TALLY,     /* @tally and @quiet */
	SEAT_RAISE,     /* ask deeper in @zones; @raised */
	SEAT_TWINS,     /* crawl_twins_mark() into @twins */
	SEAT_LIST,      /* crawl_twins_list() of @twins; @list, @listed */
	SEAT_JUDGE,     /* crawl_judge() by @list */
	SEAT_STOP,      /* crawl_stop() */
	SEAT_PAUSE,     /* nothing but the post, until SEAT_SAVE */
	SEAT_SAVE,      /* write a checkpoint's file; @saved; then go on */
	SEAT_BLOCKLIST, /* use @blocklist from now on */
	SEAT_HOST,      /* open @guest, and turn it too until it was closed or left */
	SEAT_CLOSE,     /* say every endpoint once more; the thread ends */
	SEAT_LEAVE,     /* end at once */
};

struct seat_order {
	enum seat_order_kind kind;
	const struct blocklist *blocklist;
	struct seat *guest;
	struct crawl_twins *twins;
	const struct crawl_twin *list;
	uint64_t listed;
	uint8_t zones[CENSUS_ZONES / 8];
	const char *save_path; /* see checkpoint.h */
	unsigned generation;
};

/** struct seat_saved - a shard on disk, and what was counted by then. */
struct seat_saved {
	int err;
	struct checkpoint_file file;
	struct engine_counters counters;
	uint8_t levels[CENSUS_ZONES];
};

/** struct seat_opts - what the engine has for one seat. */
struct seat_opts {
	unsigned index, workers;
	bool threaded, pin;
	const struct engine_opts *engine; /* outlives the seat */
	const struct blocklist *blocklist;
	struct net_group *group; /* NULL: engine->device */
	struct clock clock;
	struct scribe_lane *lane;
	struct post *post;
	double rate_pps;
	bool unlimited;
	struct gate *gate; /* taken over from an earlier run; borrowed; NULL = a new one */
	struct seat *host; /* whose thread and gate it has; NULL = its own */
};

enum seat_state { SEAT_STARTING, SEAT_SEATED, SEAT_FAILED, SEAT_LEFT };

struct seat {
	struct seat_opts opts;
	pthread_t thread;
	bool has_thread;    /* its own */
	bool hosted;        /* turned by another's thread */
	struct seat *guest; /* the turning thread's; NULL = none */
	/* the worker's own */
	struct gate *gate;
	struct net *net;
	bool owns_net;
	struct net_stats net_before;   /* of a device that others have used */
	struct gate_stats gate_before; /* of the host's gate, when a guest came */
	bool busy;                     /* the last turn did something */
	struct worker *worker;
	uint64_t publish_ns;
	uint64_t unexplained;
	uint64_t rate_taken; /* rate_bits as last seen */
	/* orders */
	struct seat_order order;
	atomic_uint order_no, done_no;
	/* answers; the monitor reads them after done_no */
	struct census_tally tally;
	uint64_t raised;
	struct seat_saved saved;
	struct crawl_restored restored; /* when it was opened */
	struct crawl_twin *list;        /* malloc'ed; the engine takes it */
	uint64_t listed;
	bool quiet;
	atomic_bool hushed;
	/* shown */
	_Atomic uint64_t rate_bits; /* a double's */
	atomic_int state;           /* enum seat_state */
	int err;                    /* of SEAT_FAILED; read after the state */
	char why[ENGINE_WHY_MAX];
	char backend[ENGINE_BACKEND_MAX], backend_why[ENGINE_WHY_MAX];
	pthread_mutex_t lock; /* of shown */
	struct engine_counters shown;
};

/** seat_init() - nothing is opened yet. */
void seat_init(struct seat *s, const struct seat_opts *opts);
void seat_fini(struct seat *s);

/** seat_start() - on a thread of its own, or for virtual time opened on the spot. */
int seat_start(struct seat *s) DT_MUST;

/** seat_await() - wait until it is seated. Returns 0 or why it failed. */
int seat_await(struct seat *s) DT_MUST;

/** seat_turn() - one turn on the caller's thread; see worker_turn(). */
int seat_turn(struct seat *s) DT_MUST;

/** seat_obeys() - is there anybody to take an order? */
bool seat_obeys(const struct seat *s);

/** seat_tell() - give an order; seat_obeyed() says when it was carried out. */
void seat_tell(struct seat *s, const struct seat_order *order);
bool seat_obeyed(const struct seat *s);

/** seat_set_rate() - a new share of the rate; taken up with the next turn. */
void seat_set_rate(struct seat *s, double rate_pps);

/** seat_hush() - the closing words are not wanted any more: their sightings are dropped. */
void seat_hush(struct seat *s);

/** seat_join() - after SEAT_CLOSE or SEAT_LEAVE: the thread has ended, its last word is shown. */
void seat_join(struct seat *s);

/** seat_counters() - as last shown, at most a tenth of a second ago. */
void seat_counters(struct seat *s, struct engine_counters *out);

enum seat_state seat_state(const struct seat *s);

#endif
