/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SERVE_IMPL_H
#define VIZ_SERVE_IMPL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "viz/serve.h"

/**
 * DOC: the inside of serve*.c; nobody else includes this.
 *
 *	serve.c		the daemon, routes, limits, the two threads beside libmicrohttpd's
 *	serve_stream.c	/peers and /events: answers without an end
 *	serve_api.c	/v1: pages of nodes, and what the last look at the store found
 *	serve_look.c	looks at the store: tallies, the page, nodes that are new
 *	serve_metrics.c	/metrics
 */

/** struct serve_text - bytes that answers share: counted, never changed. */
struct serve_text {
	_Atomic unsigned refs;
	size_t len;
	char bytes[];
};

/** serve_text_new() - a copy, one reference; NULL = no memory. */
struct serve_text *serve_text_new(const char *bytes, size_t len);
void serve_text_unref(void *text);

/** What a look at the store leaves: texts to hand out. */
enum serve_shown {
	SERVE_PAGE,
	SERVE_SIDECAR,
	SERVE_EPOCHS,
	SERVE_ASN,
	SERVE_COUNTRIES,
	SERVE_CLIENTS,
	SERVE_STATS,
	SERVE_SHOWN
};

struct serve_stream;

struct serve {
	struct serve_opts opts;
	char token[SERVE_TOKEN_MAX];
	struct MHD_Daemon *daemon;
	struct feed *feed;
	pthread_t ticker, looker;
	_Atomic bool stopping;

	pthread_rwlock_t store_lock; /* held for reading while a view of @store is open */
	struct store *store;

	pthread_mutex_t lock; /* of what follows */
	struct serve_text *shown[SERVE_SHOWN];
	uint64_t look; /* number of the last look that found something new */
	struct serve_counters counters;
	struct serve_stream *streams;
	unsigned stream_count, peers_count;
	uint64_t requests, refused, lines_dropped, bytes_streamed;
	uint64_t store_nodes, store_bytes;
};

/* ---- serve.c ------------------------------------------------------------------- */

/** serve_reply() - queue @status with a copy of @text. */
enum MHD_Result serve_reply(struct MHD_Connection *c, unsigned status, const char *type,
			    const char *text, size_t len);

/** serve_error() - {"error": what} with @status. */
enum MHD_Result serve_error(struct MHD_Connection *c, unsigned status, const char *what);

/** serve_headers() - what every answer bears: no sniffing, no referrer, no cache. */
void serve_headers(struct MHD_Response *r);

/* ---- serve_stream.c ------------------------------------------------------------ */

enum MHD_Result serve_peers(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_events(struct serve *s, struct MHD_Connection *c);

/** serve_tick() - wake the streams that have something to say; @hangups: look for dead ones. */
void serve_tick(struct serve *s, bool hangups);

/** serve_end_streams() - let every stream end. */
void serve_end_streams(struct serve *s);

/* ---- serve_api.c --------------------------------------------------------------- */

enum MHD_Result serve_nodes(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_shown(struct serve *s, struct MHD_Connection *c, enum serve_shown what,
			    const char *type);

/** serve_where() - the filters of a query. @why: 256 bytes. Errors: as export_where_add(). */
int serve_where(struct MHD_Connection *c, struct export_where *where, char *why) DT_MUST;

/** serve_arg_u64() - a whole number of the query; @absent where it is not there. */
int serve_arg_u64(struct MHD_Connection *c, const char *key, uint64_t absent,
		  uint64_t *out) DT_MUST;

/* ---- serve_look.c -------------------------------------------------------------- */

/** struct serve_look - what one look remembers for the next. */
struct serve_look {
	uint64_t seen_s;  /* nodes up to here have been streamed */
	uint64_t version; /* of the store then */
	bool looked;
};

/** serve_look() - one look at the store, where it has changed. */
void serve_look(struct serve *s, struct serve_look *look);

/* ---- serve_metrics.c ------------------------------------------------------------- */

enum MHD_Result serve_metrics(struct serve *s, struct MHD_Connection *c);

#endif
