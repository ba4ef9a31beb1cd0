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
	uint64_t started_ns, stop_ns, shared_ns;
	struct share share;
	struct engine_kernel kernel_start;
	struct rusage usage_start;
	struct signals signals;
	atomic_int stops; /* by engine_stop() */
	int stops_obeyed;
};

/** engine_read_kernel() - the kernel's counters now. */
void engine_read_kernel(const struct engine *e, struct engine_kernel *out);

/** engine_sum_counters() - all workers' counters as last shown, and the kernel's since the start.
 */
void engine_sum_counters(struct engine *e, struct engine_counters *sum);

/** engine_fill_result() - after every thread has ended. */
void engine_fill_result(struct engine *e, uint64_t system_start_ns, struct engine_result *out);

#endif
