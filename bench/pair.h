/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/pump.h"

/**
 * DOC: pumps that live with their responder: one thread per core, pinned, on
 * sockets that are dealt by CPU, so that both ends of a transaction stay on one
 * core. The bare loop of answered transactions.
 */

struct pair_opts {
	const struct pump_way *way;
	const struct pump_packets *packets;
	unsigned cores;
	unsigned batch;  /* most packets in one turn */
	uint32_t window; /* most packets without an answer, per core */
	uint64_t run_ns; /* measured, after a short start */
	/* From the near end of an island, where the calling thread is, instead of loopback. */
	bool island;
};

struct pair_result {
	double answered_per_s;            /* during run_ns */
	uint64_t sent, received, refused; /* from the first packet to the last */
	double user_s, system_s;          /* of the pumping threads, the same while */
};

/** pair_run() - Errors: those of the sockets and of the device. */
int pair_run(const struct pair_opts *opts, struct pair_result *out) DT_MUST;

#endif
