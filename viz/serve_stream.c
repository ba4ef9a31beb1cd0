/* SPDX-License-Identifier: MIT */
/**
 * DOC: answers without an end. libmicrohttpd asks for bytes when a client can take
 * some; where there are none its connection is suspended, and the ticker wakes it
 * when there are. A client that takes nothing costs its connection and loses lines
 * of the feed, never anybody else's time.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include "viz/serve_impl.h"

enum {
	CHUNK = 16 * 1024,
	BLOCK = 32 * 1024, /* what libmicrohttpd asks for at once */
	READS = 8,         /* looks at the feed for one answer: a filter may let nothing pass */
	GZIP_LEVEL = 3,
	GZIP_WINDOW = 13, /* 8 KiB: 100 clients shall not cost 25 MiB */
	GZIP_HEADER = 16, /* zlib: write a gzip header */
	ZSTD_WINDOW = 15,
	EVENT_MS = 1000,
};

enum coding { PLAIN, GZIP, ZSTD };

struct serve_stream {
	struct serve *s;
	struct MHD_Connection *c;
	struct serve_stream *next, **back;
	bool events;
	bool suspended, gone; /* under s->lock */
	bool from_here;       /* this machine: one address, many users */
	struct endpoint from;

	struct feed_reader reader;
	uint64_t look, event_at_ms; /* of /events */
	enum coding coding;
	z_stream gzip;
	ZSTD_CCtx *zstd;
	size_t at, len; /* of @out, still to be taken */
	char in[CHUNK], out[CHUNK + CHUNK / 8 + 256];
};

/* ---- coding ------------------------------------------------------------------------ */

static int start_coding(struct serve_stream *st, const char *list)
{
	if (list && serve_accepts(list, "zstd")) {
		st->coding = ZSTD;
		st->zstd = ZSTD_createCCtx();
		if (!st->zstd)
			return -ENOMEM;
		ZSTD_CCtx_setParameter(st->zstd, ZSTD_c_compressionLevel, 1);
		ZSTD_CCtx_setParameter(st->zstd, ZSTD_c_windowLog, ZSTD_WINDOW);
	} else if (list && serve_accepts(list, "gzip")) {
		if (deflateInit2(&st->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW + GZIP_HEADER, 6,
				 Z_DEFAULT_STRATEGY) != Z_OK)
			return -ENOMEM;
		st->coding = GZIP;
	}
	return 0;
}

/* What is in @in, @len bytes, into @out, flushed: a client reads it at once. */
static void encode(struct serve_stream *st, size_t len)
{
	ZSTD_inBuffer from = { st->in, len, 0 };
	ZSTD_outBuffer to = { st->out, sizeof(st->out), 0 };

	st->at = 0;
	switch (st->coding) {
	case PLAIN:
		memcpy(st->out, st->in, len);
		st->len = len;
		break;
	case GZIP:
		st->gzip.next_in = (unsigned char *)st->in;
		st->gzip.avail_in = (unsigned)len;
		st->gzip.next_out = (unsigned char *)st->out;
		st->gzip.avail_out = sizeof(st->out);
		deflate(&st->gzip, Z_SYNC_FLUSH);
		st->len = sizeof(st->out) - st->gzip.avail_out;
		break;
	case ZSTD:
		ZSTD_compressStream2(st->zstd, &to, &from, ZSTD_e_flush);
		st->len = to.pos;
		break;
	}
}

/* ---- what there is to say ------------------------------------------------------------ */

static size_t more_lines(struct serve_stream *st)
{
	uint64_t dropped = st->reader.dropped;
	size_t len = 0;

	for (unsigned i = 0; i < READS && !len && feed_pending(st->s->feed, &st->reader); i++)
		len = feed_read(st->s->feed, &st->reader, st->in, CHUNK);
	if (st->reader.dropped != dropped) {
		pthread_mutex_lock(&st->s->lock);
		st->s->lines_dropped += st->reader.dropped - dropped;
		pthread_mutex_unlock(&st->s->lock);
	}
	return len;
}

/* Server-sent events: that the page has newer data, and once a second what is counted. */
static size_t more_events(struct serve_stream *st)
{
	uint64_t now = serve_now_ms(), look, nodes;
	unsigned peers;
	int len = 0;

	pthread_mutex_lock(&st->s->lock);
	look = st->s->look;
	nodes = st->s->store_nodes;
	peers = st->s->peers_count;
	pthread_mutex_unlock(&st->s->lock);
	if (st->look != look)
		len = snprintf(st->in, CHUNK, "event: fresh\ndata: {\"look\":%llu}\n\n",
			       (unsigned long long)look);
	st->look = look;
	if (now >= st->event_at_ms) {
		st->event_at_ms = now + EVENT_MS;
		len += snprintf(
			st->in + len, CHUNK - (size_t)len,
			"event: count\ndata: {\"lines\":%llu,\"nodes\":%llu,\"streams\":%u}\n\n",
			(unsigned long long)feed_written(st->s->feed), (unsigned long long)nodes,
			peers);
	}
	return (size_t)len;
}

/* Called by libmicrohttpd whenever the client can take bytes. */
static ssize_t fill(void *cls, uint64_t pos, char *out, size_t max)
{
	struct serve_stream *st = cls;
	size_t len;
	bool gone;

	(void)pos;
	pthread_mutex_lock(&st->s->lock);
	gone = st->gone;
	pthread_mutex_unlock(&st->s->lock);
	if (gone)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (st->at == st->len) {
		len = st->events ? more_events(st) : more_lines(st);
		if (!len && (st->events || !feed_pending(st->s->feed, &st->reader))) {
			/* What comes between that look and this is seen by the next tick. */
			pthread_mutex_lock(&st->s->lock);
			st->suspended = true;
			MHD_suspend_connection(st->c);
			pthread_mutex_unlock(&st->s->lock);
			return 0;
		}
		if (!len)
			return 0;
		encode(st, len);
	}
	len = st->len - st->at < max ? st->len - st->at : max;
	memcpy(out, st->out + st->at, len);
	st->at += len;
	pthread_mutex_lock(&st->s->lock);
	st->s->bytes_streamed += len;
	pthread_mutex_unlock(&st->s->lock);
	return (ssize_t)len;
}

/* ---- life ---------------------------------------------------------------------------- */

static void drop(void *cls)
{
	struct serve_stream *st = cls;

	pthread_mutex_lock(&st->s->lock);
	if (st->back) {
		*st->back = st->next;
		if (st->next)
			st->next->back = st->back;
		st->s->stream_count--;
		st->s->peers_count -= !st->events;
	}
	pthread_mutex_unlock(&st->s->lock);
	if (st->coding == GZIP)
		deflateEnd(&st->gzip);
	ZSTD_freeCCtx(st->zstd);
	free(st);
}

/* Nobody takes all streams there are: half of them for one address. Under s->lock. */
static bool has_room(const struct serve *s, const struct serve_stream *st)
{
	unsigned same = 0;

	if (s->stream_count >= s->opts.streams_max)
		return false;
	for (const struct serve_stream *o = s->streams; o && !st->from_here; o = o->next)
		same += endpoint_same_host(&o->from, &st->from);
	return st->from_here || same < (s->opts.streams_max + 1) / 2;
}

static bool enter(struct serve *s, struct serve_stream *st)
{
	bool room;

	pthread_mutex_lock(&s->lock);
	room = has_room(s, st);
	if (room) {
		st->next = s->streams;
		st->back = &s->streams;
		if (st->next)
			st->next->back = &st->next;
		s->streams = st;
		s->stream_count++;
		s->peers_count += !st->events;
	}
	pthread_mutex_unlock(&s->lock);
	return room;
}

static struct serve_stream *stream_new(struct serve *s, struct MHD_Connection *c, bool events)
{
	struct serve_stream *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->s = s;
	st->c = c;
	st->events = events;
	st->from_here = serve_from_here(c, &st->from);
	if (start_coding(st, events ? NULL
				    : MHD_lookup_connection_value(c, MHD_HEADER_KIND,
								  "Accept-Encoding")) < 0) {
		drop(st);
		return NULL;
	}
	return st;
}

static enum MHD_Result begin(struct serve_stream *st, const char *type)
{
	static const char *const names[] = { NULL, "gzip", "zstd" };
	struct MHD_Response *r;
	enum MHD_Result rc;

	if (!enter(st->s, st)) {
		struct MHD_Connection *c = st->c;

		drop(st);
		return serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, "too many streams at once");
	}
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, fill, st, drop);
	if (!r) {
		drop(st);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", type);
	if (st->coding)
		MHD_add_response_header(r, "Content-Encoding", names[st->coding]);
	if (!st->events) {
		MHD_add_response_header(r, "Vary", "Accept, Accept-Encoding");
		/* as libp2p-dht-scrape-aas; nothing else may be read from other sites' pages */
		MHD_add_response_header(r, "Access-Control-Allow-Origin", "*");
	}
	serve_headers(r);
	rc = MHD_queue_response(st->c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}

/* A stream lives as long as its client: the time limit is for requests. */
static void no_timeout(struct serve *s, struct MHD_Connection *c)
{
	MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	serve_answering(s, c, true);
}

enum MHD_Result serve_peers(struct serve *s, struct MHD_Connection *c)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept");
	struct serve_stream *st;
	struct serve_ask ask = { .since = 0 };
	char why[ASK_WHY_MAX];

	if (serve_query(c, ASK_WHERE | ASK_WAY | ASK_SINCE, &ask, why) < 0)
		return serve_error(c, MHD_HTTP_BAD_REQUEST, why);
	st = stream_new(s, c, false);
	if (!st)
		return MHD_NO;
	st->reader = feed_reader_from(s->feed, ask.since);
	st->reader.where = ask.where;
	st->reader.ways = ask.ways;
	no_timeout(s, c);
	return begin(st, accept && strstr(accept, "application/x-ndjson") ? "application/x-ndjson"
									  : "application/json");
}

enum MHD_Result serve_events(struct serve *s, struct MHD_Connection *c)
{
	struct serve_stream *st = stream_new(s, c, true);

	if (!st)
		return MHD_NO;
	no_timeout(s, c);
	return begin(st, "text/event-stream");
}

/* ---- waking --------------------------------------------------------------------------- */

static bool hung_up(struct serve_stream *st)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(st->c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = { .fd = info ? info->connect_fd : -1, .events = POLLRDHUP };

	return p.fd >= 0 && poll(&p, 1, 0) == 1 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

void serve_tick(struct serve *s, bool hangups)
{
	uint64_t now = serve_now_ms();

	pthread_mutex_lock(&s->lock);
	for (struct serve_stream *st = s->streams; st; st = st->next) {
		if (!st->suspended)
			continue;
		if (hangups && hung_up(st))
			st->gone = true;
		if (st->gone || (st->events ? now >= st->event_at_ms || st->look != s->look
					    : feed_pending(s->feed, &st->reader))) {
			st->suspended = false;
			MHD_resume_connection(st->c);
		}
	}
	pthread_mutex_unlock(&s->lock);
}

void serve_end_streams(struct serve *s)
{
	pthread_mutex_lock(&s->lock);
	for (struct serve_stream *st = s->streams; st; st = st->next) {
		st->gone = true;
		if (st->suspended) {
			st->suspended = false;
			MHD_resume_connection(st->c);
		}
	}
	pthread_mutex_unlock(&s->lock);
}
