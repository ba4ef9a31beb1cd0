/* SPDX-License-Identifier: MIT */
/**
 * DOC: a look at the store every few seconds, on a thread of its own: the tallies and
 * the page are made where the store has changed, and nodes seen since the last look
 * go to the feed where no census of this process has put them there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/json.h"
#include "viz/export_row.h"
#include "viz/export_tally.h"
#include "viz/live.h"
#include "viz/serve_impl.h"

enum {
	GROUPS_MOST = 1 << 20,
	LISTED_MOST = 1000, /* networks named in /v1/asn */
	TEXT_MAX = 4 << 20,
	REPORT_MAX = 1 << 20,
	EPOCHS_MOST = 500, /* the latest of them */
	SEEN_BATCH = 256,
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

static void publish_json(struct serve *s, enum serve_shown what, struct json *j)
{
	int len = json_finish(j);

	if (len > 0)
		publish(s, what, j->buf, (size_t)len);
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

static void country_row(struct json *j, uint64_t key)
{
	const char code[3] = { (char)(key >> 8), (char)key, 0 };

	json_kv_cstring(j, "country", code);
}

static void list(struct serve *s, struct store_view *v, enum serve_shown what,
		 struct export_tally *t, char *text)
{
	uint32_t count, shown;
	const struct export_tally_slot *slots = export_tally_sort(t, &count);
	struct json j;

	shown = count < LISTED_MOST ? count : LISTED_MOST;
	json_init(&j, text, TEXT_MAX, false);
	json_object_begin(&j);
	json_kv_u64(&j, "total", count);
	json_key(&j, what == SERVE_ASN ? "asn" : what == SERVE_COUNTRIES ? "countries" : "clients");
	json_array_begin(&j);
	for (uint32_t i = 0; i < shown; i++) {
		char org[GEO_ORG_MAX];

		json_object_begin(&j);
		if (what == SERVE_ASN) {
			json_kv_u64(&j, "asn", slots[i].key);
			json_kv_cstring(&j, "name", store_view_org(v, (uint32_t)slots[i].key, org));
		} else if (what == SERVE_COUNTRIES) {
			country_row(&j, slots[i].key);
		} else {
			json_kv_cstring(&j, "client",
					krpc_client_name((enum krpc_client)slots[i].key));
		}
		json_kv_u64(&j, "nodes", slots[i].times);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	publish_json(s, what, &j);
}

static void stats(struct serve *s, struct store_view *v, const struct store_counts *n,
		  const struct tallies *t, char *text)
{
	char line[512];
	struct json j;

	json_init(&j, text, TEXT_MAX, false);
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
	publish_json(s, SERVE_STATS, &j);
}

static void epochs(struct serve *s, struct store_view *v, uint32_t count, char *text)
{
	char *report = malloc(REPORT_MAX);
	struct store_epoch e;
	struct json j;

	if (!report)
		return;
	json_init(&j, text, TEXT_MAX, false);
	json_object_begin(&j);
	json_kv_u64(&j, "total", count);
	json_key(&j, "epochs");
	json_array_begin(&j);
	for (uint32_t id = count > EPOCHS_MOST ? count - EPOCHS_MOST + 1 : 1; id <= count; id++) {
		if (store_view_epoch(v, id, &e, report, REPORT_MAX) < 0)
			break;
		json_object_begin(&j);
		json_kv_u64(&j, "id", e.id);
		json_kv_u64(&j, "started_s", e.started_s);
		json_kv_u64(&j, "ended_s", e.ended_s);
		json_key(&j, "synthetic");
		json_bool(&j, e.synthetic);
		json_key(&j, "report");
		if (*report)
			json_raw(&j, span_of(report, strlen(report)));
		else
			json_null(&j);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	publish_json(s, SERVE_EPOCHS, &j);
	free(report);
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
	char *text = malloc(TEXT_MAX);
	bool running;

	pthread_mutex_lock(&s->lock);
	running = s->counters.running;
	pthread_mutex_unlock(&s->lock);
	/* What lies in the store at the first look was seen before anybody listened. */
	if (text && scan(s, v, running || !look->looked ? UINT64_MAX : look->seen_s, &t) == 0) {
		stats(s, v, n, &t, text);
		list(s, v, SERVE_ASN, &t.asn, text);
		list(s, v, SERVE_COUNTRIES, &t.country, text);
		list(s, v, SERVE_CLIENTS, &t.client, text);
		epochs(s, v, n->epochs, text);
		make_page(s, v);
		look->seen_s = t.newest_s;
		look->looked = true;
		pthread_mutex_lock(&s->lock);
		s->look++;
		s->store_nodes = n->nodes;
		s->store_bytes = n->file_bytes;
		pthread_mutex_unlock(&s->lock);
	}
	free(text);
	export_tally_free(&t.asn);
	export_tally_free(&t.country);
	export_tally_free(&t.client);
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
	pthread_rwlock_unlock(&s->store_lock);
}
