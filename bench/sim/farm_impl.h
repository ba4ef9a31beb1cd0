/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_FARM_IMPL_H
#define BENCH_SIM_FARM_IMPL_H

#include <sys/types.h>

#include "bench/sim/limit.h"
#include "bench/sim/queue.h"
#include "engine/net_udp.h"

/**
 * DOC: the inside of farm*.c; nobody else includes this.
 *
 *	farm.c		the child process, its threads, what both processes see
 *	farm_lane.c	a thread's batch: who is asked, and what becomes of a question
 *	farm_socket.c	questions and answers over UDP sockets on loopback
 *	farm_raw.c	the same as frames at the far end of an island
 */

enum {
	FARM_BATCH = 64, /* limits.md: 16 to 256 are alike */
	FARM_QUERY_MAX = 1024,
	FARM_REPLY_MAX = KRPC_DATAGRAM_MAX,
	FARM_IDLE_NS = 100 * 1000 * 1000, /* a sleeping thread looks up so often */
	FARM_WHY_MAX = SIM_WHY_MAX,
};

/** struct farm_counters - of one thread, written by it alone. */
struct farm_counters {
	uint64_t received, answered, lost, dead, malformed, foreign, send_failures, kernel_drops;
	uint64_t limited, bans, calls;
} __attribute__((aligned(64)));

/** struct farm_shared - memory of both processes. */
struct farm_shared {
	uint32_t ready; /* threads that run */
	int32_t error;
	char why[FARM_WHY_MAX]; /* written before @error */
	uint64_t user_us, system_us, peak_rss_kib;
	struct farm_counters thread[NET_WORKERS_MAX];
};

struct farm_lane;

/** struct farm_io - the way in and out of one lane. */
struct farm_io {
	/** wait for questions, at most until @until_ns (monotonic; 0 = as long as it likes), serve
	 * them */
	void (*turn)(struct farm_lane *l, uint64_t until_ns);
	/** room for FARM_REPLY_MAX bytes from @local; sends what waits where none is left */
	uint8_t *(*room)(struct farm_lane *l, const struct endpoint *local);
	/** what room() gave holds an answer of @len bytes from @local to @e's peer */
	void (*put)(struct farm_lane *l, const struct endpoint *local, const struct sim_event *e,
		    uint32_t len);
	void (*flush)(struct farm_lane *l);
	void (*look_at_drops)(struct farm_lane *l);
};

struct sim_farm {
	pid_t pid;
	unsigned threads, ports;
	bool pin;
	unsigned first_core;
	struct sim_farm_guest guest;
	uint64_t started_ns;
	struct sim_world *world;
	struct farm_shared *shared;
	struct net_group *group[ALIAS_PORTS_MAX]; /* sockets */
	enum net_backend raw;                     /* NET_BACKEND_PACKET or _XDP, else sockets */
	const struct island *island;
	struct farm_raw *raw_state;
};

/** struct farm_asked - a datagram that arrived; addresses in network order. */
struct farm_asked {
	uint32_t peer_ip, local_ip;
	uint16_t peer_port, local_port; /* local_port: host order */
	struct span query;
};

/** struct farm_lane - a thread. */
struct farm_lane {
	struct sim_farm *farm;
	unsigned index;
	uint64_t nonce, batches;
	const struct farm_io *io;
	void *state; /* of io */
	struct farm_counters counters;
	struct sim_queue queue;
	unsigned count; /* in asked */
	struct farm_asked asked[FARM_BATCH];
	int64_t node[FARM_BATCH];   /* a node's number, or below zero: farm_lane.c */
	uint32_t face[FARM_BATCH];  /* that was asked */
	struct limit_table *limits; /* NULL: the world has none */
	struct hole_table *holes;   /* likewise */
};

/** farm_now_ns() - the monotonic clock. */
uint64_t farm_now_ns(void);

/** farm_lane_init() - its limiters, where the world has some. Errors: -ENOMEM. */
int farm_lane_init(struct farm_lane *l) DT_MUST;

/** farm_lane_serve() - what becomes of the asked[count] questions; answers that go at once are
 * sent. */
void farm_lane_serve(struct farm_lane *l);

/** farm_lane_due() - what the delay has held back long enough. */
void farm_lane_due(struct farm_lane *l, uint64_t now_ns);

/* ---- farm_socket.c ---------------------------------------------------------------- */

/** farm_socket_open() - all ports, before the fork. */
int farm_socket_open(struct sim_farm *f, uint16_t base_port) DT_MUST;
void farm_socket_close(struct sim_farm *f);
int farm_socket_lane(struct farm_lane *l) DT_MUST;

/* ---- farm_raw.c ------------------------------------------------------------------- */

/**
 * farm_raw_enter() - in the child: go to the far end of the island and make sure
 * that nothing leads out of it. @why: a phrase.
 * Errors:  DT_EREFUSED not an island; -errno.
 */
int farm_raw_enter(const struct sim_farm *f, char why[static FARM_WHY_MAX]) DT_MUST;

/** farm_raw_open() - the frames' way in and out. Errors:  DT_EUNSUPPORTED, -errno. */
int farm_raw_open(struct sim_farm *f, char why[static FARM_WHY_MAX]) DT_MUST;
int farm_raw_lane(struct farm_lane *l) DT_MUST;

#endif
