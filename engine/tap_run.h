/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TAP_RUN_H
#define ENGINE_TAP_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/capture.h"
#include "engine/sink.h"
#include "engine/tap.h"
#include "proto/err.h"

/**
 * DOC: a tap at work: a file on the calling thread, or a device with one
 * thread, one ring and one tap per queue; their sightings by the scribe into
 * one sink.
 *
 *	tap_run_open()	files, handles and rings; then privileges are dropped
 *	tap_run()	until the file is at its end, or somebody says stop
 *	tap_run_node()	...what was seen, queues put together
 *	tap_run_close()
 *
 * A live queue never waits for the sink: what finds no room with the scribe is
 * dropped and counted. A file does wait.
 */

struct tap_run_opts {
	const char *file; /* "-" = standard input; NULL = live */
	double speed;     /* of a file: 1 = as recorded, 2 = twice; 0 = as fast as it goes */
	struct capture_live live;
	const char *filter;  /* NULL: none for a file, capture_filter() of the ports for a device */
	struct tap_opts tap; /* queue is set here */
	struct sink sink;    /* put == NULL: counted and forgotten */
	bool heard;          /* sink.put_heard wants messages (tap.heard_kinds) */
	bool edges;          /* sink.put_listings wants who listed whom */
	uint64_t max_runtime_ns;          /* 0 = none */
	bool pin;                         /* live: queue i on usable core i */
	FILE *status;                     /* a line a second on a terminal, each 10 s in a log */
	bool signals;                     /* SIGINT and SIGTERM end it */
	bool drop_privileges;             /* once all is open */
	const char *const *keep_writable; /* as priv_drop() */
};

enum tap_end {
	TAP_END_FILE,        /* read to its end */
	TAP_END_CUT,         /* the file ends inside of a frame; all before it was read */
	TAP_END_BROKEN,      /* the file goes on as no capture does; the same */
	TAP_END_INTERRUPTED, /* SIGINT, SIGTERM */
	TAP_END_RUNTIME,
	TAP_END_FAILED, /* the device or the sink: @err, @why */
};

struct tap_queue {
	uint64_t packets, sightings_dropped, heard_dropped, listings_dropped;
	struct capture_stats kernel;
};

struct tap_result {
	enum tap_end end;
	int err;
	char why[CAPTURE_WHY_MAX]; /* of FAILED, CUT, BROKEN; else "" */
	char link[16];
	unsigned queues;
	struct tap_queue queue[CAPTURE_QUEUES_MAX];
	struct capture_stats kernel; /* sum */
	struct tap_stats stats;      /* sum; nodes: distinct over all queues */
	uint64_t wall_ns, cpu_ns;
	uint64_t peak_rss_bytes;
	int privileges; /* enum priv_outcome, or negative: not asked for */
};

struct tap_run;

int tap_run_open(const struct tap_run_opts *opts, struct tap_run **out,
		 char why[static CAPTURE_WHY_MAX]) DT_MUST;

/** tap_run() - Returns 0 but for TAP_END_FAILED: @out->err. */
int tap_run(struct tap_run *r, struct tap_result *out) DT_MUST;

/** tap_run_nodes() - after tap_run(): all nodes, of all queues, each once. */
const struct tap *tap_run_nodes(const struct tap_run *r);

void tap_run_close(struct tap_run *r);

/** tap_end_name() - "end of file", "cut file", ... */
const char *tap_end_name(enum tap_end end);

#endif
