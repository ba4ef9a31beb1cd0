/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SERVE_H
#define VIZ_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "store/store.h"
#include "viz/feed.h"

/**
 * DOC: the HTTP service, on libmicrohttpd. What it shows comes from three sides:
 * the feed (nodes as they are seen), a store (what is remembered) and the counters
 * that whoever takes a census tells it. It asks nobody for anything.
 *
 *	GET /peers			ndjson, as it happens; viz/feed.h
 *	GET /v1/nodes			pages of the node table
 *	GET /v1/epochs asn countries clients stats
 *	GET / live.data.js events	the live page, its newer data, and when there are some
 *	GET /metrics healthz
 */

enum { SERVE_PORT = 3000, SERVE_WHY_MAX = 256, SERVE_TOKEN_MAX = 256 };

struct serve_opts {
	struct endpoint bind;
	const char *token;        /* of "Authorization: Bearer"; NULL = none asked for */
	const char *const *hosts; /* names that a request may call us by, NULL-terminated; beside
				     localhost and numbers; NULL = none */
	bool peers_act; /* a reader of /peers makes something happen: not for other sites' pages */
	const char *const
		*origins;     /* those whose pages may all the same; NULL-terminated; NULL = none */
	unsigned streams_max; /* /peers and /events at once, half of them for one address that is
				 not this machine's; beyond: 503 */
	unsigned connections_max, per_address_max;
	unsigned timeout_s; /* for a request to arrive, for an answer to be taken */
	unsigned refresh_s; /* how often the store is looked at, and the page made again */
	double half_life_s, cutoff_s; /* of the page */
	const char *version;          /* of the program */
	/* called once when the port is bound, on the thread from which all of the service's are
	 * born: what it gives up none of them has. Less than 0 ends the start; may be NULL. */
	int (*confine)(void *ctx);
	void *confine_ctx;
};

/** serve_opts_default() - 127.0.0.1:3000, no token, the limits of README.md. */
struct serve_opts serve_opts_default(void);

/** struct serve_counters - of the census, for /metrics; all since the start. */
struct serve_counters {
	bool running; /* a census is being taken in this process */
	char backend[16];
	uint64_t sent, received, bytes_sent, bytes_received, answered, errors, expired;
	uint64_t malformed, foreign, late, duplicate;
	uint64_t endpoints_known, endpoints_live, frontier, in_flight;
	uint64_t kernel_drops, unexplained, sightings;
	uint64_t slots_full, sink_full,
		post_full;           /* turns without room; contacts lost for want of it */
	uint64_t commits, commit_ns; /* of the store, as store_commits() */
	uint64_t rtt_hist[64];       /* as struct crawl_stats */
	uint64_t censuses;           /* completed */
};

struct serve;

/**
 * serve_start() - bind, and answer on threads of its own.
 * @feed: borrowed; must outlive it.
 * @why: a line for a person on error: the port taken, the address not ours.
 * Threads: three of its own; none runs with more rights than opts->confine() left.
 */
int serve_start(const struct serve_opts *opts, struct feed *feed, struct serve **out,
		char why[static SERVE_WHY_MAX]) DT_MUST;

/** serve_stop() - ends every stream; returns when no thread is left. NULL is nothing. */
void serve_stop(struct serve *s);

/** serve_port() - the one it is bound to. */
uint16_t serve_port(const struct serve *s);

/**
 * serve_use_store() - show this store from now on; NULL = none. Returns when nobody looks at
 * the one before any more, which then may be closed.
 */
void serve_use_store(struct serve *s, struct store *store);

void serve_count(struct serve *s, const struct serve_counters *c);

/** serve_streams() - clients that read /peers now. */
unsigned serve_streams(struct serve *s);

#endif
