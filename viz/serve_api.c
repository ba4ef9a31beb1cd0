/* SPDX-License-Identifier: MIT */
/** DOC: pages of the node table, by a cursor that outlives the request; and shared texts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "viz/epoch_json.h"
#include "viz/serve_impl.h"

enum {
	NODES_DEFAULT = 100,
	NODES_MAX = 1000,
	EPOCHS_DEFAULT = 50,
	EPOCHS_MAX = 500,
	EPOCHS_BYTES = 4 << 20, /* of a page: a report is some 10 KiB */
	REPORT_MAX = 1 << 20,
	LOOKED_AT_MAX = 50000, /* rows for one page, some 4 ms: a filter may let few pass */
};

/* ---- pages ----------------------------------------------------------------------------- */

struct page {
	struct serve_ask ask;
	char *text;
	size_t at, room;
	uint64_t count;
	struct store_node last;
	bool more;
};

static void add_line(struct page *p, const struct store_node *n)
{
	const struct peer_said said = {
		.way = n->last_answered_s                  ? SIGHTING_ANSWERED
		       : n->ways & 1u << SIGHTING_ASKED_US ? SIGHTING_ASKED_US
							   : SIGHTING_TAPPED,
		.seen_s = n->last_seen_s,
	};

	if (p->count)
		p->text[p->at++] = ',';
	p->at += peer_line(n, &said, p->text + p->at);
	p->count++;
}

static int read_page(struct store_view *v, struct page *p)
{
	unsigned looked = 0;
	int rc;

	while ((rc = store_view_next(v, &p->last)) == 1) {
		if (export_where_holds(&p->ask.where, &p->last) &&
		    (!p->ask.ways || p->last.ways & p->ask.ways))
			add_line(p, &p->last);
		if (p->count == p->ask.limit || ++looked == LOOKED_AT_MAX) {
			p->more = true;
			return 0;
		}
	}
	return rc;
}

/* Errors: DT_ENOTFOUND where there is no store. */
static int look_up(struct serve *s, struct page *p)
{
	struct store_view *v;
	int rc;

	pthread_rwlock_rdlock(&s->store_lock);
	rc = s->store ? store_view_open(s->store, &v) : DT_ENOTFOUND;
	if (rc == 0) {
		if (p->ask.has_cursor)
			rc = store_view_seek(v, &p->ask.key, &p->ask.ep);
		if (rc == 0)
			rc = read_page(v, p);
		store_view_close(v);
	}
	pthread_rwlock_unlock(&s->store_lock);
	return rc;
}

static enum MHD_Result page_reply(struct MHD_Connection *c, struct page *p)
{
	char next[ASK_CURSOR_HEX + 1];
	enum MHD_Result rc;

	p->at += (size_t)snprintf(p->text + p->at, p->room - p->at, "],\"next\":");
	if (p->more) {
		serve_cursor(&p->last.key, &p->last.ep, next);
		p->at += (size_t)snprintf(p->text + p->at, p->room - p->at, "\"%s\"}\n", next);
	} else {
		p->at += (size_t)snprintf(p->text + p->at, p->room - p->at, "null}\n");
	}
	rc = serve_reply(c, MHD_HTTP_OK, "application/json", p->text, p->at);
	return rc;
}

enum MHD_Result serve_nodes(struct serve *s, struct MHD_Connection *c)
{
	struct page p = { .ask = { .limit = NODES_DEFAULT, .limit_max = NODES_MAX } };
	char why[ASK_WHY_MAX];
	enum MHD_Result rc;
	int err;

	if (serve_query(c, ASK_WHERE | ASK_WAY | ASK_LIMIT | ASK_CURSOR, &p.ask, why) < 0)
		return serve_error(c, MHD_HTTP_BAD_REQUEST, why);
	p.room = p.ask.limit * (PEER_LINE_MAX + 1) + ASK_CURSOR_HEX + 64;
	p.text = malloc(p.room);
	if (!p.text)
		return MHD_NO;
	p.at = (size_t)sprintf(p.text, "{\"nodes\":[");
	err = look_up(s, &p);
	if (err == DT_ENOTFOUND)
		rc = serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, "there is no store yet");
	else if (err < 0)
		rc = serve_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, dt_strerror(err));
	else
		rc = page_reply(c, &p);
	free(p.text);
	return rc;
}

/* ---- censuses, by their number --------------------------------------------------------- */

static int read_epochs(struct serve *s, const struct serve_ask *ask, struct json *j, char *report)
{
	struct store_epoch e;
	struct store_counts n;
	struct store_view *v;
	uint64_t id = ask->after + 1, end;
	int rc;

	pthread_rwlock_rdlock(&s->store_lock);
	rc = s->store ? store_view_open(s->store, &v) : DT_ENOTFOUND;
	if (rc == 0) {
		rc = store_view_counts(v, &n);
		json_kv_u64(j, "total", rc == 0 ? n.epochs : 0);
		json_key(j, "epochs");
		json_array_begin(j);
		for (end = ask->after + ask->limit; rc == 0 && id <= n.epochs && id <= end; id++) {
			rc = store_view_epoch(v, (uint32_t)id, &e, report, REPORT_MAX);
			if (rc == 0 && j->len + strlen(report) + SERVE_ROW_MAX > j->cap)
				break; /* the page is full: the next one begins with it */
			if (rc == 0)
				epoch_json(j, &e, report);
		}
		json_array_end(j);
		store_view_close(v);
	}
	pthread_rwlock_unlock(&s->store_lock);
	json_key(j, "next");
	if (rc == 0 && id <= n.epochs) {
		snprintf(report, REPORT_MAX, "%llu", (unsigned long long)id - 1);
		json_cstring(j, report);
	} else {
		json_null(j);
	}
	return rc;
}

enum MHD_Result serve_epochs(struct serve *s, struct MHD_Connection *c)
{
	struct serve_ask ask = { .limit = EPOCHS_DEFAULT, .limit_max = EPOCHS_MAX };
	char why[ASK_WHY_MAX], *text, *report;
	enum MHD_Result rc;
	struct json j;
	int len;

	if (serve_query(c, ASK_LIMIT | ASK_AFTER, &ask, why) < 0)
		return serve_error(c, MHD_HTTP_BAD_REQUEST, why);
	text = malloc(EPOCHS_BYTES);
	report = calloc(1, REPORT_MAX + 1);
	if (!text || !report) {
		free(text);
		free(report);
		return MHD_NO;
	}
	json_init(&j, text, EPOCHS_BYTES, false);
	json_object_begin(&j);
	len = read_epochs(s, &ask, &j, report);
	json_object_end(&j);
	if (len == 0)
		len = json_finish(&j);
	if (len == DT_ENOTFOUND)
		rc = serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, "there is no store yet");
	else if (len < 0)
		rc = serve_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, dt_strerror(len));
	else
		rc = serve_reply(c, MHD_HTTP_OK, "application/json", text, (size_t)len);
	free(text);
	free(report);
	return rc;
}

/* ---- what the last look found ------------------------------------------------------------ */

static const char nothing_yet[] = "nothing to show yet: no store, or no node in it";

/* Served, the page may ask its own server, and nobody else. */
static const char page_policy[] =
	"default-src 'none'; script-src 'unsafe-inline' 'self'; style-src "
	"'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action "
	"'none'; frame-ancestors 'none'";

enum MHD_Result serve_listed(struct serve *s, struct MHD_Connection *c, enum serve_listed what,
			     const char *key)
{
	struct serve_ask ask = { .limit = NODES_DEFAULT, .limit_max = NODES_MAX };
	char why[ASK_WHY_MAX], *text;
	struct serve_rows *rows;
	enum MHD_Result rc;
	size_t len;

	if (serve_query(c, ASK_LIMIT | ASK_AFTER, &ask, why) < 0)
		return serve_error(c, MHD_HTTP_BAD_REQUEST, why);
	pthread_mutex_lock(&s->lock);
	rows = serve_rows_ref(s->listed[what]);
	pthread_mutex_unlock(&s->lock);
	if (!rows)
		return serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, nothing_yet);
	text = serve_rows_page(rows, key, ask.after, ask.limit, &len);
	serve_rows_unref(rows);
	rc = text ? serve_reply(c, MHD_HTTP_OK, "application/json", text, len) : MHD_NO;
	free(text);
	return rc;
}

/* The page of a service that has nothing yet asks again by itself. */
static enum MHD_Result wait_a_little(struct MHD_Connection *c)
{
	static const char text[] =
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta "
		"http-equiv=\"refresh\" "
		"content=\"2\"><meta name=\"viewport\" content=\"width=device-width\"><title>DHT "
		"Telescope</title><style>body{background:#05070b;color:#99a8bd;font:16px/1.6 "
		"Inter,system-ui,sans-serif;display:grid;place-content:center;height:100vh;margin:"
		"0;"
		"text-align:center}h1{color:#f5f7ff;font-size:19px;letter-spacing:.24em;margin:0}</"
		"style>"
		"<h1>DHT TELESCOPE</h1><p>Nothing on the map yet. This page looks again every "
		"two seconds.</p></html>\n";

	return serve_reply(c, MHD_HTTP_OK, "text/html; charset=utf-8", text, sizeof(text) - 1);
}

enum MHD_Result serve_shown(struct serve *s, struct MHD_Connection *c, enum serve_shown what,
			    const char *type)
{
	struct serve_text *t;
	struct MHD_Response *r;
	enum MHD_Result rc;

	pthread_mutex_lock(&s->lock);
	t = s->shown[what];
	if (t) /* relaxed: the lock keeps it from being freed here */
		atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
	if (!t && what == SERVE_PAGE)
		return wait_a_little(c);
	if (!t)
		return serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, nothing_yet);
	r = MHD_create_response_from_buffer_with_free_callback_cls(t->len, t->bytes,
								   serve_text_unref, t);
	if (!r) {
		serve_text_unref(t);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", type);
	if (what == SERVE_PAGE)
		MHD_add_response_header(r, "Content-Security-Policy", page_policy);
	serve_headers(r);
	rc = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}
