/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <pthread.h>
#include <sys/types.h>

#include "bench/bench.h"
#include "bench/pump.h"
#include "bench/sim/sim.h"
#include "engine/engine.h"
#include "engine/island.h"
#include "engine/kernel.h"

/**
 * DOC: what the engine is measured against, and by what. A world of two million live nodes
 * without loss and without dead contacts, so that transactions are counted and not
 * waiting; the farm that plays it, on loopback or as raw frames at the far end of an island;
 * and one yardstick for whoever asks it: the farm's counter of answers and the CPU time of both
 * processes, read at the two ends of a window that leaves out the first third of a turn and the
 * draining at its end.
 */

/** What answers: sockets on loopback, or raw frames at the far end of an island. */
enum rig_place { RIG_LOOPBACK, RIG_PACKET_FARM, RIG_XDP_FARM };

enum {
	RIG_WINDOW = 1024, /* questions under way, per worker */
	RIG_BOOTSTRAP = 64,
	RIG_CORES_MAX = 2,
};

struct rig_opts {
	enum rig_place place;
	unsigned
		cores; /* threads of the asker and of the farm; 0 = RIG_CORES_MAX where there are */
	unsigned farm_core; /* of the farm's first thread; the asker's is 0 */
	uint64_t seed;
	unsigned run_ms;             /* of a turn, where the caller of bench said nothing */
	struct sim_farm_guest guest; /* see sim.h */
};

struct rig {
	const struct bench_ctx *ctx;
	enum rig_place place;
	unsigned cores;
	uint64_t seed, run_ns;
	struct island *island;
	struct sim_world *world;
	struct sim_farm *farm;
	struct crawl_contact contacts[RIG_BOOTSTRAP];
	unsigned contact_count;
};

/**
 * rig_open() - on an island the calling process moves to its near end and stays: see
 * alone_in_child(). What is more to say of an error than its number goes to standard error.
 */
int rig_open(struct rig *r, const struct bench_ctx *ctx, const struct rig_opts *o) DT_MUST;

/** rig_close() - also where rig_open() failed. */
void rig_close(struct rig *r);

/** rig_engine_opts() - a census of the rig's world at its best; @r outlives the engine. */
struct engine_opts rig_engine_opts(struct rig *r, enum net_backend backend);

/** rig_packets() - real questions, as the engine would write them, to live nodes at random. */
int rig_packets(const struct rig *r, struct pump_packets *out) DT_MUST;

/* ---- accounts ---------------------------------------------------------------------- */

/** struct rig_rest - what the far end and the kernel have counted, when both are at rest (B-70). */
struct rig_rest {
	struct sim_farm_stats farm;
	struct engine_kernel kernel;
};

struct rig_rest rig_at_rest(const struct rig *r);

/** rig_unexplained() - datagrams of a run between two rests that nobody owns up to. */
double rig_unexplained(const struct rig *r, enum net_backend backend,
		       const struct engine_counters *c, const struct rig_rest *before,
		       const struct rig_rest *after);

/** rig_drops() - by the kernel, at the asker's sockets or the farm's. */
uint64_t rig_drops(const struct engine_counters *c, const struct rig_rest *before,
		   const struct rig_rest *after);

/* ---- the yardstick --------------------------------------------------------------------- */

struct rig_sample {
	double answered_per_s;
	double cpu_ns, farm_cpu_ns; /* per transaction */
	double user_share;          /* of the asker's CPU time; 0 of another process */
};

struct rig_reading {
	uint64_t at_ns, answered;
	double user_s, cpu_s, farm_s;
};

struct rig_watch {
	struct rig *rig;
	pid_t asker;
	struct rig_reading from, until;
	pthread_t thread;
};

/** rig_watch_start() - a turn of rig.run_ns begins. @asker: a process, 0 = this one. */
int rig_watch_start(struct rig_watch *w, struct rig *r, pid_t asker) DT_MUST;

/** rig_watch_end() - waits for the window's end. Errors:  -EIO nothing was answered. */
int rig_watch_end(struct rig_watch *w, struct rig_sample *out) DT_MUST;

#endif
