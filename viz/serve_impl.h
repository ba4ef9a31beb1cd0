/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SERVE_IMPL_H
#define VIZ_SERVE_IMPL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "viz/board.h"
#include "viz/serve.h"
#include "viz/serve_ask.h"
#include "viz/serve_rows.h"

/**
 * DOC: the inside of serve*.c; nobody else includes this.
 *
 *	serve.c		the daemon, routes, the two threads beside libmicrohttpd's
 *	serve_door.c	who comes in, for how long, and who may ask
 *	serve_ask.c	the words of a request; knows no HTTP library
 *	serve_stream.c	/peers and /events: answers without an end
 *	serve_api.c	/v1: pages of nodes and censuses, and what the last look at the store found
 *	serve_heard.c	/api and /v1/infohashes: what was heard
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
enum serve_shown { SERVE_PAGE, SERVE_SIDECAR, SERVE_STATS, SERVE_SHOWN };

/** And lists, by pages. */
enum serve_listed { SERVE_ASN, SERVE_COUNTRIES, SERVE_CLIENTS, SERVE_LISTED };

struct serve_stream;
struct serve_guest;

struct serve {
	struct serve_opts opts;
	char token[SERVE_TOKEN_MAX];
	int listen_fd;
	uint16_t port;
	struct MHD_Daemon *daemon;
	struct feed *feed;
	pthread_t ticker, looker;
	_Atomic bool stopping;

	pthread_rwlock_t store_lock; /* held for reading while a view of @store is open */
	struct store *store;
	uint64_t store_number; /* grows with each that is shown */

	pthread_mutex_t lock; /* of what follows */
	struct serve_text *shown[SERVE_SHOWN];
	struct serve_rows *listed[SERVE_LISTED];
	struct board_view *heard; /* NULL: nothing was read yet */
	uint64_t started_ms;
	uint64_t look; /* number of the last look that found something new */
	struct serve_counters counters;
	struct serve_stream *streams;
	unsigned stream_count, peers_count;
	struct serve_guest *guests; /* every connection */
	unsigned guest_count;
	uint64_t requests, refused, shown_out, lines_dropped, bytes_streamed;
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

/** serve_query() - the whole query into @a. Errors: as serve_ask_put(), with @why. */
int serve_query(struct MHD_Connection *c, unsigned known, struct serve_ask *a,
		char why[static ASK_WHY_MAX]) DT_MUST;

/** serve_now_ms() - of a clock that never goes back. */
uint64_t serve_now_ms(void);

/* ---- serve_door.c -------------------------------------------------------------- */

/** serve_came_or_went() and serve_answered() - as libmicrohttpd's MHD_OPTION_NOTIFY_*. */
void serve_came_or_went(void *cls, struct MHD_Connection *c, void **context,
			enum MHD_ConnectionNotificationCode what);
void serve_answered(void *cls, struct MHD_Connection *c, void **state,
		    enum MHD_RequestTerminationCode how);

/** serve_answering() - its request is whole; from now on it takes the answer. */
void serve_answering(struct serve *s, struct MHD_Connection *c, bool stream);

/** serve_show_out() - end the connections whose time is over. */
void serve_show_out(struct serve *s);

/** serve_refusal() - a status and @why, or 0: it may be answered. */
unsigned serve_refusal(const struct serve *s, struct MHD_Connection *c, const char *url,
		       const char *method, const char **why);

/** serve_from_here() - is it this machine that asks? @from: the address, port 0. */
bool serve_from_here(struct MHD_Connection *c, struct endpoint *from);

/* ---- serve_stream.c ------------------------------------------------------------ */

enum MHD_Result serve_peers(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_events(struct serve *s, struct MHD_Connection *c);

/** serve_tick() - wake the streams that have something to say; @hangups: look for dead ones. */
void serve_tick(struct serve *s, bool hangups);

/** serve_end_streams() - let every stream end. */
void serve_end_streams(struct serve *s);

/* ---- serve_api.c --------------------------------------------------------------- */

enum MHD_Result serve_nodes(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_epochs(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_listed(struct serve *s, struct MHD_Connection *c, enum serve_listed what,
			     const char *key);
enum MHD_Result serve_shown(struct serve *s, struct MHD_Connection *c, enum serve_shown what,
			    const char *type);

/* ---- serve_heard.c ------------------------------------------------------------- */

enum MHD_Result serve_infohashes(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_api_stats(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_api_announces(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_api_getpeers(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_api_resolved(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_api_tree(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_api_series(struct serve *s, struct MHD_Connection *c);
enum MHD_Result serve_api_analytics(struct serve *s, struct MHD_Connection *c);

/* ---- serve_look.c -------------------------------------------------------------- */

/** struct serve_look - what one look remembers for the next. */
struct serve_look {
	uint64_t seen_s;  /* nodes up to here have been streamed */
	uint64_t version; /* of the store then */
	bool looked;
	struct board *board; /* what was heard; read on from where we were */
	struct heardlog_reader *reader;
	uint64_t board_store;             /* the store that it is of */
	uint64_t board_due_s, board_at_s; /* next view; the last one */
};

/** serve_look() - one look at the store, where it has changed. */
void serve_look(struct serve *s, struct serve_look *look);
void serve_look_fini(struct serve_look *look);

/* ---- serve_metrics.c ------------------------------------------------------------- */

enum MHD_Result serve_metrics(struct serve *s, struct MHD_Connection *c);

#endif
