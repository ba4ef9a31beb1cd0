/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_LISTEN_H
#define ENGINE_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/bad.h"
#include "engine/ear.h"
#include "engine/gate.h"
#include "engine/sink.h"
#include "proto/err.h"

/**
 * DOC: the ear on real sockets: one for each identity, all on the calling
 * thread; what it hears goes by the scribe into the sink.
 *
 * Identities are dealt to the addresses in turn: identity k binds address
 * k mod B at the port of that address plus k / B (BEP 45 wants one id to an
 * address; more share it by port).
 */

enum { LISTEN_BINDS_MAX = 64, LISTEN_WHY_MAX = 256, LISTEN_RATE_S = 60 };

struct listen_opts {
	const struct endpoint *bind; /* addresses with their first port; 0 = the kernel chooses */
	unsigned bind_count;
	unsigned ids;             /* 1..EAR_IDS_MAX */
	struct endpoint external; /* stated by the user; all zero = voted on, or the bound one */
	const struct endpoint *bootstrap;
	unsigned bootstrap_count;
	const char *blocklist_path; /* NULL = bogons only; read again on SIGHUP */
	double rate_pps;            /* of our own queries; 0 = 50 */
	double allowance;           /* see ear_budget.h */
	uint64_t seed;
	unsigned rate_s; /* seconds between rate lines; 0 = LISTEN_RATE_S */
	struct sink sink;
	struct bad *bad; /* malformed datagrams; NULL = none wanted */
	FILE *talk;      /* the rate line; NULL = none */
	/** about once a second, on the listening thread; NULL = nobody asks */
	void (*told)(void *ctx, const struct ear_stats *now);
	void *told_ctx;
	uint64_t max_runtime_ns; /* 0 = none */
	bool signals, drop_privileges;
	const char *const *keep_writable;
};

struct listen_result {
	struct ear_stats ear;
	struct gate_stats gate;
	uint64_t kernel_drops, truncated, send_failures; /* of the sockets */
	uint64_t started_ms, wall_ns;
	uint64_t heard, sightings, lost; /* through the scribe */
	unsigned ids;
	struct ear_identity_info identity[EAR_IDS_MAX];
	int privileges; /* enum priv_outcome; negative: not asked for */
	bool interrupted;
	int err;
	char why[LISTEN_WHY_MAX];
};

struct listen;

/** listen_open() - bind, load the list, drop privileges. @why: a line with the cure. */
int listen_open(const struct listen_opts *opts, struct listen **out,
		char why[static LISTEN_WHY_MAX]) DT_MUST;

/** listen_local() - where identity @i is bound; for tests and for what is printed. */
struct endpoint listen_local(const struct listen *l, unsigned i);

/** listen_run() - until SIGINT, SIGTERM or its time. Returns 0, or @out->err. */
int listen_run(struct listen *l, struct listen_result *out) DT_MUST;

void listen_close(struct listen *l);

enum { LISTEN_RATE_LINE_MAX = 512 };

/**
 * listen_rate_line() - "[rate 60s] ping=1 find_node=2 get_peers=3 announce_peer=0
 * unique_infohashes=3 in_flight=0" and further counts; @last: the counters of the line before.
 */
int listen_rate_line(const struct ear_stats *now, const struct ear_stats *last, unsigned rate_s,
		     char *out, size_t cap);

/* ---- at the end (listen_report.c) ---------------------------------------------- */

/** listen_report_to_json(), _text() - return the length, or DT_EFULL. */
int listen_report_to_json(const struct listen_result *r, const char *version, char *buf,
			  size_t cap) DT_MUST;
int listen_report_to_text(const struct listen_result *r, char *buf, size_t cap) DT_MUST;

#endif
