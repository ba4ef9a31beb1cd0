/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_ENGINE_IMPL_H
#define ENGINE_ENGINE_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include "engine/engine.h"
#include "engine/monitor.h"
#include "engine/pace.h"
#include "engine/post.h"
#include "engine/scribe.h"
#include "engine/seat.h"
#include "engine/share.h"
#include "engine/signals.h"

/** DOC: what engine.c (the run) and engine_result.c (what came of it) share. */

enum phase { PHASE_RUNNING, PHASE_STOPPING, PHASE_CLOSING, PHASE_LEAVING };

struct engine {
	struct engine_opts opts;
	struct blocklist *blocklist;
	struct net_group *group;
	struct post *post;
	struct scribe *scribe;
	struct monitor *monitor;
	FILE *metadata;
	struct seat *seats;
	unsigned workers, seats_made;
	struct clock clock;
	bool threaded;
	int privileges;
	/* while running */
	enum phase phase;
	enum engine_end end;
	int err;
	char why[ENGINE_WHY_MAX];
	unsigned raise_rounds;
	bool has_guest; /* a run sits beside this one */
	uint64_t system_start_ns;
	uint64_t started_ns, stop_ns, shared_ns;
	struct share share;
	struct pace pace;
	uint64_t paced_ns;
	double rate_pps;     /* in force */
	uint64_t kernel_gap; /* largest seen */
	struct engine_kernel kernel_start;
	struct rusage usage_start;
	struct signals signals;
	/* checkpoints: engine_save.c */
	struct engine_counters before; /* of this census, by processes that were killed */
	uint64_t elapsed_before_ns, span_before_ns, started_wall_ns;
	unsigned resumes, generation, checkpoints;
	uint64_t save_due_ns; /* of the system's clock */
	uint64_t save_pause_ns;
	atomic_int stops; /* by engine_stop() */
	int stops_obeyed;
};

/** engine_set_rate() - of the whole run, from now on; <= 0 = unlimited. */
void engine_set_rate(struct engine *e, double rate_pps);

/** engine_pace() - begins an adaptive run's pace, and keeps it: a few times a second. */
void engine_pace_start(struct engine *e, uint64_t now_ns);
void engine_pace(struct engine *e, uint64_t now_ns);

/** engine_heed_nudges() - SIGUSR1, SIGUSR2: five percent more, less. */
void engine_heed_nudges(struct engine *e);

/** engine_read_kernel() - the kernel's counters now. */
void engine_read_kernel(const struct engine *e, struct engine_kernel *out);

/** engine_sum_counters() - all workers' counters as last shown, and the kernel's since the start.
 */
void engine_sum_counters(struct engine *e, struct engine_counters *sum);

/** engine_order_all() - and wait until all have obeyed. */
void engine_order_all(struct engine *e, const struct seat_order *order);

/** engine_take_up() - the counters of a census that is gone on with; before it starts. */
void engine_take_up(struct engine *e);

/** engine_taken_up() - after its shards were opened: what they gave back. */
void engine_taken_up(struct engine *e);

/** engine_save_when_due() - a checkpoint, if it is time for one. */
void engine_save_when_due(struct engine *e);

/** engine_save() - a checkpoint now. What went wrong is said; the one before stays in force. */
void engine_save(struct engine *e);

/** engine_attend_guest() - look after the run beside this one, if there is or should be any. */
void engine_attend_guest(struct engine *e);

/** engine_fill_result() - after every thread has ended. */
void engine_fill_result(struct engine *e, uint64_t system_start_ns, struct engine_result *out);

#endif
