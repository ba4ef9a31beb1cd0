/* SPDX-License-Identifier: MIT */
/**
 * DOC: a look at the store every few seconds, on a thread of its own: the tallies and
 * the page are made where the store has changed, and nodes seen since the last look
 * go to the feed where no census of this process has put them there. What was heard is
 * read on, and put on the board.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/json.h"
#include "store/heardlog.h"
#include "viz/export_row.h"
#include "viz/export_tally.h"
#include "viz/live.h"
#include "viz/serve_impl.h"

enum {
	GROUPS_MOST = 1 << 20,
	LISTED_MOST = 1 << 17, /* networks in /v1/asn: there are some 80,000 */
	SEEN_BATCH = 256,
	HEARD_MOST = 1 << 20, /* messages read in one look: a second */
	BOARD_SHARE = 20,     /* of the looker's time, one in so many goes into views */
};

static void publish(struct serve *s, enum serve_shown what, const char *bytes, size_t len)
{
	struct serve_text *t = serve_text_new(bytes, len), *old;

	if (!t)
		return;
	pthread_mutex_lock(&s->lock);
	old = s->shown[what];
	s->shown[what] = t;
	pthread_mutex_unlock(&s->lock);
	serve_text_unref(old);
}

static void publish_rows(struct serve *s, enum serve_listed what, struct serve_rows *rows)
{
	struct serve_rows *old;

	pthread_mutex_lock(&s->lock);
	old = s->listed[what];
	s->listed[what] = rows;
	pthread_mutex_unlock(&s->lock);
	serve_rows_unref(old);
}

/* ---- tallies ------------------------------------------------------------------------- */

struct tallies {
	struct export_tally asn, country, client;
	uint64_t answered, heard, located, newest_s;
};

static int count_node(struct tallies *t, const struct store_node *n)
{
	int rc;

	if (n->last_seen_s > t->newest_s)
		t->newest_s = n->last_seen_s;
	if (!n->last_answered_s) {
		t->heard++;
		return 0;
	}
	t->answered++;
	t->located += n->has_point;
	rc = export_tally_add(&t->asn, n->asn);
	if (rc == 0)
		rc = export_tally_add(&t->country, (uint64_t)(uint8_t)n->country[0] << 8 |
							   (uint8_t)n->country[1]);
	if (rc == 0)
		rc = export_tally_add(&t->client, export_where_client(n));
	return rc;
}

/* One scan: counts, and the nodes seen after @since to the feed. */
static int scan(struct serve *s, struct store_view *v, uint64_t since, struct tallies *t)
{
	struct feed_seen *batch = malloc(SEEN_BATCH * sizeof(*batch));
	struct store_node n;
	unsigned count = 0;
	int rc = batch ? 0 : -ENOMEM;

	while (rc == 0 && (rc = store_view_next(v, &n)) == 1) {
		rc = count_node(t, &n);
		if (rc < 0 || n.last_seen_s <= since)
			continue;
		batch[count++] = (struct feed_seen){
			.node = n,
			.way = n.last_answered_s                  ? SIGHTING_ANSWERED
			       : n.ways & 1u << SIGHTING_ASKED_US ? SIGHTING_ASKED_US
								  : SIGHTING_TAPPED,
			.seen_s = n.last_seen_s,
		};
		if (count == SEEN_BATCH) {
			feed_put(s->feed, batch, count);
			count = 0;
		}
	}
	if (count)
		feed_put(s->feed, batch, count);
	free(batch);
	return rc;
}

static void row(struct json *j, struct store_view *v, enum serve_listed what, uint64_t key)
{
	const char code[3] = { (char)(key >> 8), (char)key, 0 };
	char org[GEO_ORG_MAX];

	switch (what) {
	case SERVE_ASN:
		json_kv_u64(j, "asn", key);
		json_kv_cstring(j, "name", store_view_org(v, (uint32_t)key, org));
		break;
	case SERVE_COUNTRIES:
		json_kv_cstring(j, "country", code);
		break;
	case SERVE_CLIENTS:
	case SERVE_LISTED:
		json_kv_cstring(j, "client", krpc_client_name((enum krpc_client)key));
		break;
	}
}

static void list(struct serve *s, struct store_view *v, enum serve_listed what,
		 struct export_tally *t)
{
	uint32_t count;
	const struct export_tally_slot *slots = export_tally_sort(t, &count);
	struct serve_rows *rows = serve_rows_new(count, (uint64_t)time(NULL));
	char text[SERVE_ROW_MAX];
	int rc = rows ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < count && i < LISTED_MOST && rc == 0; i++) {
		struct json j;

		json_init(&j, text, sizeof(text), false);
		json_object_begin(&j);
		row(&j, v, what, slots[i].key);
		json_kv_u64(&j, "nodes", slots[i].times);
		json_object_end(&j);
		rc = serve_rows_add(rows, &j);
	}
	if (rc == 0)
		publish_rows(s, what, rows);
	else
		serve_rows_unref(rows);
}

static void stats(struct serve *s, struct store_view *v, const struct store_counts *n,
		  const struct tallies *t)
{
	char line[512], text[SERVE_ROW_MAX];
	struct json j;
	int len;

	json_init(&j, text, sizeof(text), false);
	json_object_begin(&j);
	json_kv_cstring(&j, "version", s->opts.version);
	json_kv_u64(&j, "nodes", n->nodes);
	json_kv_u64(&j, "answered", t->answered);
	json_kv_u64(&j, "heard_only", t->heard);
	json_kv_u64(&j, "mentioned", n->mentioned);
	json_kv_u64(&j, "addresses", n->addresses);
	json_kv_u64(&j, "located", t->located);
	json_kv_u64(&j, "networks", t->asn.used);
	json_kv_u64(&j, "countries", t->country.used);
	json_kv_u64(&j, "epochs", n->epochs);
	json_kv_u64(&j, "last_seen_s", t->newest_s);
	json_kv_u64(&j, "file_bytes", n->file_bytes);
	json_kv_cstring(&j, "attribution", store_view_attribution(v, line, sizeof(line)));
	json_object_end(&j);
	len = json_finish(&j);
	if (len > 0)
		publish(s, SERVE_STATS, text, (size_t)len);
}

/* ---- the page --------------------------------------------------------------------------- */

static void make_page(struct serve *s, struct store_view *v)
{
	const struct live_opts o = { .half_life_s = s->opts.half_life_s,
				     .cutoff_s = s->opts.cutoff_s,
				     .refresh_s = s->opts.refresh_s,
				     .written_s = (uint64_t)time(NULL),
				     .sidecar = "live.data.js",
				     .served = true };
	struct live_stats st;
	struct live_files f;
	char why[256];

	if (live_of_view(v, &o, &f, &st, why) < 0)
		return; /* nobody within the cutoff: the page before stays */
	publish(s, SERVE_PAGE, f.html, f.html_len);
	publish(s, SERVE_SIDECAR, f.sidecar, f.sidecar_len);
	live_files_fini(&f);
}

static void look_at(struct serve *s, struct store_view *v, const struct store_counts *n,
		    struct serve_look *look)
{
	struct tallies t = { .asn = export_tally_of(GROUPS_MOST),
			     .country = export_tally_of(GROUPS_MOST),
			     .client = export_tally_of(GROUPS_MOST) };
	bool running;

	pthread_mutex_lock(&s->lock);
	running = s->counters.running;
	pthread_mutex_unlock(&s->lock);
	/* What lies in the store at the first look was seen before anybody listened. */
	if (scan(s, v, running || !look->looked ? UINT64_MAX : look->seen_s, &t) == 0) {
		stats(s, v, n, &t);
		list(s, v, SERVE_ASN, &t.asn);
		list(s, v, SERVE_COUNTRIES, &t.country);
		list(s, v, SERVE_CLIENTS, &t.client);
		make_page(s, v);
		look->seen_s = t.newest_s;
		look->looked = true;
		pthread_mutex_lock(&s->lock);
		s->look++;
		s->store_nodes = n->nodes;
		s->store_bytes = n->file_bytes;
		pthread_mutex_unlock(&s->lock);
	}
	export_tally_free(&t.asn);
	export_tally_free(&t.country);
	export_tally_free(&t.client);
}

/* ---- what was heard -------------------------------------------------------------------------- */

static void heard_forget(struct serve_look *look)
{
	heardlog_end(look->reader);
	board_free(look->board);
	look->reader = NULL;
	look->board = NULL;
	look->board_at_s = look->board_due_s = 0;
}

/* Of another store: from its beginning; of the same: from where we were. */
static int heard_begin(struct serve *s, struct serve_look *look)
{
	int rc = 0;

	if (look->board && look->board_store != s->store_number)
		heard_forget(look);
	if (!look->board) {
		rc = board_new(&look->board);
		look->board_store = s->store_number;
	}
	if (rc == 0 && !look->reader)
		rc = store_heard_read(s->store, &look->reader);
	return rc;
}

static void publish_board(struct serve *s, struct serve_look *look)
{
	uint64_t begun = serve_now_ms(), now_s = (uint64_t)time(NULL);
	struct board_view *v, *old;

	if (board_view_new(look->board, (uint32_t)now_s, &v) < 0)
		return;
	look->board_at_s = now_s;
	look->board_due_s = now_s + (serve_now_ms() - begun) * BOARD_SHARE / 1000;
	pthread_mutex_lock(&s->lock);
	old = s->heard;
	s->heard = v;
	pthread_mutex_unlock(&s->lock);
	board_view_unref(old);
}

/* Time passes for its series, too: a new view each bucket. */
static void look_at_heard(struct serve *s, struct serve_look *look)
{
	uint64_t now_s = (uint64_t)time(NULL);
	struct heard h;
	unsigned n = 0;
	int rc = heard_begin(s, look);

	while (rc == 0 && n++ < HEARD_MOST && (rc = heardlog_next(look->reader, &h)) == 1)
		rc = board_take(look->board, &h);
	if (rc == -ESTALE)
		heard_forget(look); /* a merge put another log in its place: anew */
	if (look->board && now_s >= look->board_due_s &&
	    (board_changed(look->board) || now_s >= look->board_at_s + BOARD_BUCKET_S))
		publish_board(s, look);
}

void serve_look_fini(struct serve_look *look)
{
	heard_forget(look);
}

void serve_look(struct serve *s, struct serve_look *look)
{
	struct store_counts n;
	struct store_view *v;

	pthread_rwlock_rdlock(&s->store_lock);
	if (s->store && store_view_open(s->store, &v) == 0) {
		uint64_t version = store_view_version(v);

		if ((!look->looked || version != look->version) && store_view_counts(v, &n) == 0) {
			look_at(s, v, &n, look);
			look->version = version;
		}
		store_view_close(v);
	}
	if (s->store)
		look_at_heard(s, look);
	pthread_rwlock_unlock(&s->store_lock);
}
