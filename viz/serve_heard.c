/* SPDX-License-Identifier: MIT */
/**
 * DOC: what was heard, over HTTP: /v1/infohashes, and /api as the dashboard of the first
 * dht-telescope had it, key by key. Its lists are bare arrays, so the next page is named
 * in a Link header.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/json.h"
#include "viz/serve_impl.h"

enum {
	ROW_MAX = 320,
	TREE_ROW_MAX = 512 + BOARD_TREE_ANNOUNCES * 256,
	AROUND = 32 * 1024, /* what an answer has beside its rows: the series */
	HEX = 2 * NODEKEY_BYTES + 1,
};

/* "5s", "3m", "2h", "1d": as it was said there. */
static const char *ago(uint64_t now_s, uint64_t when_s, char out[static 32])
{
	uint64_t d = now_s > when_s ? now_s - when_s : 0;

	if (d < 60)
		snprintf(out, 32, "%llus", (unsigned long long)d);
	else if (d < 3600)
		snprintf(out, 32, "%llum", (unsigned long long)d / 60);
	else if (d < 86400)
		snprintf(out, 32, "%lluh", (unsigned long long)d / 3600);
	else
		snprintf(out, 32, "%llud", (unsigned long long)d / 86400);
	return out;
}

static void kv_hash(struct json *j, const struct nodeid *hash)
{
	struct nodekey key = nodekey_from_id(hash);
	char hex[HEX];

	json_kv_cstring(j, "info_hash", nodekey_to_hex(&key, hex));
}

static void kv_peer(struct json *j, const struct endpoint *peer)
{
	char text[ENDPOINT_TEXT_MAX];

	json_kv_cstring(j, "peer", endpoint_to_text(peer, text));
}

/* ---- one answer ------------------------------------------------------------------------- */

struct answer {
	struct board_view *v;
	struct serve_ask ask;
	uint64_t now_s;
	struct json j;
	char *text, link[128];
};

/* Reads the query and takes a view; 0, or a refusal was queued in @rc. */
static int open_answer(struct serve *s, struct MHD_Connection *c, struct answer *a, unsigned known,
		       size_t row_max, enum MHD_Result *rc)
{
	char why[ASK_WHY_MAX];
	size_t cap;

	if (serve_query(c, known, &a->ask, why) < 0) {
		*rc = serve_error(c, MHD_HTTP_BAD_REQUEST, why);
		return DT_EMALF;
	}
	pthread_mutex_lock(&s->lock);
	a->v = board_view_ref(s->heard);
	pthread_mutex_unlock(&s->lock);
	if (!a->v) {
		*rc = serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "nothing to show yet: no store was looked at");
		return DT_ENOTFOUND;
	}
	a->now_s = (uint64_t)time(NULL);
	cap = a->ask.limit * row_max + AROUND;
	a->text = malloc(cap);
	if (!a->text) {
		board_view_unref(a->v);
		*rc = MHD_NO;
		return DT_EFULL;
	}
	json_init(&a->j, a->text, cap, false);
	return 0;
}

static enum MHD_Result close_answer(struct MHD_Connection *c, struct answer *a)
{
	int len = json_finish(&a->j);
	struct MHD_Response *r;
	enum MHD_Result rc;

	board_view_unref(a->v);
	if (len < 0) {
		free(a->text);
		return serve_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, dt_strerror(len));
	}
	r = MHD_create_response_from_buffer((size_t)len, a->text, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(a->text);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", "application/json");
	if (a->link[0])
		MHD_add_response_header(r, "Link", a->link);
	serve_headers(r);
	rc = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}

/* The rows asked for, of @count; names the page that follows. */
static uint32_t page_of(struct answer *a, const char *path, uint32_t count, uint32_t *from)
{
	uint32_t to;

	*from = a->ask.after < count ? (uint32_t)a->ask.after : count;
	to = count - *from > a->ask.limit ? *from + a->ask.limit : count;
	if (to < count && path)
		snprintf(a->link, sizeof(a->link), "<%s?limit=%u&after=%u>; rel=\"next\"", path,
			 a->ask.limit, to);
	return to;
}

/* ---- info-hashes --------------------------------------------------------------------------- */

static void hash_row(struct json *j, const struct torrent *t)
{
	json_object_begin(j);
	kv_hash(j, &t->hash);
	json_kv_u64(j, "peers", t->peers);
	json_kv_u64(j, "announces", t->announces);
	json_kv_u64(j, "get_peers", t->get_peers);
	json_kv_u64(j, "first_s", t->first_s);
	json_kv_u64(j, "last_s", t->last_s);
	json_object_end(j);
}

enum MHD_Result serve_infohashes(struct serve *s, struct MHD_Connection *c)
{
	struct answer a = { .ask = { .limit = 100, .limit_max = 1000 } };
	uint32_t from, to;
	char next[16];
	enum MHD_Result rc;

	if (open_answer(s, c, &a, ASK_LIMIT | ASK_AFTER, ROW_MAX, &rc) < 0)
		return rc;
	json_object_begin(&a.j);
	json_kv_u64(&a.j, "total", a.v->torrent_count);
	json_kv_u64(&a.j, "as_of_s", a.v->made_s);
	json_kv_u64(&a.j, "announced", a.v->announced);
	json_kv_u64(&a.j, "without_room", a.v->without_room);
	json_key(&a.j, "infohashes");
	json_array_begin(&a.j);
	to = page_of(&a, NULL, a.v->torrent_count, &from);
	for (uint32_t i = from; i < to; i++)
		hash_row(&a.j, &a.v->torrents[i]);
	json_array_end(&a.j);
	snprintf(next, sizeof(next), "%u", to);
	json_kv_cstring(&a.j, "next", to < a.v->torrent_count ? next : NULL);
	json_object_end(&a.j);
	return close_answer(c, &a);
}

/* ---- the dashboard's ------------------------------------------------------------------------ */

static void recently(const struct answer *a, uint64_t *announces, uint64_t *getpeers)
{
	for (unsigned i = 0; i < BOARD_RATE_STEPS; i++) {
		const struct board_rate *r = &a->v->rates[i];

		if ((uint64_t)r->step * BOARD_RATE_STEP_S + BOARD_RATE_S < a->now_s)
			continue;
		*announces += r->announces;
		*getpeers += r->getpeers;
	}
}

static void network(struct json *j, struct serve *s)
{
	struct serve_counters n;
	uint64_t nodes, up_ms = serve_now_ms() - s->started_ms;

	pthread_mutex_lock(&s->lock);
	n = s->counters;
	nodes = s->store_nodes;
	pthread_mutex_unlock(&s->lock);
	json_key(j, "network");
	json_object_begin(j);
	json_kv_u64(j, "uptime_s", up_ms / 1000);
	json_kv_u64(j, "known_nodes", n.running ? n.endpoints_known : nodes);
	json_kv_u64(j, "visited", n.answered + n.errors + n.expired);
	json_kv_u64(j, "in_flight", n.in_flight);
	json_key(j, "listen_mode");
	json_bool(j, false);
	json_kv_u64(j, "explore_queue", n.frontier);
	json_kv_u64(j, "outstanding_t", n.in_flight);
	json_object_end(j);
}

static void statuses(struct json *j, const char *key, uint64_t announces)
{
	json_key(j, key);
	json_object_begin(j);
	if (announces)
		json_kv_u64(j, "pending", announces);
	json_object_end(j);
}

enum MHD_Result serve_api_stats(struct serve *s, struct MHD_Connection *c)
{
	struct answer a = { .ask = { .limit = 1 } };
	uint64_t announces = 0, getpeers = 0;
	enum MHD_Result rc;

	if (open_answer(s, c, &a, 0, ROW_MAX, &rc) < 0)
		return rc;
	recently(&a, &announces, &getpeers);
	json_object_begin(&a.j);
	json_kv_u64(&a.j, "total_announces", a.v->announces);
	json_kv_u64(&a.j, "total_getpeers", a.v->getpeers);
	json_kv_u64(&a.j, "total_metadata", 0);
	statuses(&a.j, "status_counts", a.v->announces);
	json_kv_u64(&a.j, "recent_announces_5m", announces);
	json_kv_u64(&a.j, "recent_getpeers_5m", getpeers);
	network(&a.j, s);
	json_kv_u64(&a.j, "timestamp", a.now_s);
	json_object_end(&a.j);
	return close_answer(c, &a);
}

static enum MHD_Result said_list(struct serve *s, struct MHD_Connection *c, bool announces)
{
	struct answer a = { .ask = { .limit = announces ? 50 : 30, .limit_max = BOARD_LATEST } };
	const struct board_said *list;
	uint32_t from, to;
	enum MHD_Result rc;
	char text[32];

	if (open_answer(s, c, &a, ASK_LIMIT | ASK_AFTER, ROW_MAX, &rc) < 0)
		return rc;
	list = announces ? a.v->latest_announces : a.v->latest_getpeers;
	to = page_of(&a, announces ? "/api/announces" : "/api/getpeers",
		     announces ? a.v->latest_announce_count : a.v->latest_getpeers_count, &from);
	json_array_begin(&a.j);
	for (uint32_t i = from; i < to; i++) {
		json_object_begin(&a.j);
		kv_hash(&a.j, &list[i].hash);
		kv_peer(&a.j, &list[i].peer);
		if (announces) {
			json_kv_cstring(&a.j, "status", "pending");
			json_kv_u64(&a.j, "attempts", 0);
			json_kv_cstring(&a.j, "name", "");
		}
		json_kv_cstring(&a.j, "ago", ago(a.now_s, list[i].when_s, text));
		json_kv_u64(&a.j, "timestamp", list[i].when_s);
		json_object_end(&a.j);
	}
	json_array_end(&a.j);
	return close_answer(c, &a);
}

enum MHD_Result serve_api_announces(struct serve *s, struct MHD_Connection *c)
{
	return said_list(s, c, true);
}

enum MHD_Result serve_api_getpeers(struct serve *s, struct MHD_Connection *c)
{
	return said_list(s, c, false);
}

/* Names of torrents are content: never asked for, so none is ever known. */
enum MHD_Result serve_api_resolved(struct serve *s, struct MHD_Connection *c)
{
	struct answer a = { .ask = { .limit = 50, .limit_max = BOARD_LATEST } };
	enum MHD_Result rc;

	if (open_answer(s, c, &a, ASK_LIMIT | ASK_AFTER, 1, &rc) < 0)
		return rc;
	json_array_begin(&a.j);
	json_array_end(&a.j);
	return close_answer(c, &a);
}

static void tree_row(struct answer *a, const struct board_peer *p)
{
	char text[32];

	json_object_begin(&a->j);
	kv_peer(&a->j, &p->peer);
	json_kv_u64(&a->j, "total", p->total);
	json_kv_u64(&a->j, "resolved", 0);
	json_kv_u64(&a->j, "pending", p->total);
	json_kv_u64(&a->j, "failed", 0);
	json_kv_cstring(&a->j, "last_seen", ago(a->now_s, p->last_s, text));
	json_key(&a->j, "announces");
	json_array_begin(&a->j);
	for (uint32_t i = p->first; i < p->first + p->count; i++) {
		const struct board_said *said = &a->v->tree_said[i];

		json_object_begin(&a->j);
		kv_hash(&a->j, &said->hash);
		json_kv_cstring(&a->j, "status", "pending");
		json_kv_cstring(&a->j, "name", NULL);
		json_kv_cstring(&a->j, "ago", ago(a->now_s, said->when_s, text));
		json_object_end(&a->j);
	}
	json_array_end(&a->j);
	json_object_end(&a->j);
}

enum MHD_Result serve_api_tree(struct serve *s, struct MHD_Connection *c)
{
	struct answer a = { .ask = { .limit = 50, .limit_max = BOARD_TREE } };
	uint32_t from, to;
	enum MHD_Result rc;

	if (open_answer(s, c, &a, ASK_LIMIT | ASK_AFTER, TREE_ROW_MAX, &rc) < 0)
		return rc;
	to = page_of(&a, "/api/peer-tree", a.v->tree_count, &from);
	json_array_begin(&a.j);
	for (uint32_t i = from; i < to; i++)
		tree_row(&a, &a.v->tree[i]);
	json_array_end(&a.j);
	return close_answer(c, &a);
}

static void series(struct json *j, uint32_t first_s, const uint32_t *counts, unsigned n)
{
	json_array_begin(j);
	for (unsigned i = 0; i < n; i++) {
		json_object_begin(j);
		json_kv_u64(j, "t", first_s + i * BOARD_BUCKET_S);
		json_kv_u64(j, "count", counts[i]);
		json_object_end(j);
	}
	json_array_end(j);
}

enum MHD_Result serve_api_series(struct serve *s, struct MHD_Connection *c)
{
	struct answer a = { .ask = { .limit = 1 } };
	uint32_t swarm_s, swarms;
	enum MHD_Result rc;
	char hex[HEX];

	if (open_answer(s, c, &a, 0, ROW_MAX, &rc) < 0)
		return rc;
	swarms = a.v->hot_count < BOARD_SWARMS ? a.v->hot_count : BOARD_SWARMS;
	swarm_s = a.v->first_bucket_s +
		  (BOARD_PEER_BUCKETS - BOARD_SWARM_BUCKETS) * (uint32_t)BOARD_BUCKET_S;
	json_object_begin(&a.j);
	json_key(&a.j, "peers_over_time");
	series(&a.j, a.v->first_bucket_s, a.v->peers_over_time, BOARD_PEER_BUCKETS);
	json_key(&a.j, "swarms_over_time");
	json_object_begin(&a.j);
	for (uint32_t i = 0; i < swarms; i++) {
		struct nodekey key = nodekey_from_id(&a.v->hot[i].hash);

		json_key(&a.j, nodekey_to_hex(&key, hex));
		series(&a.j, swarm_s, a.v->hot[i].peers, BOARD_SWARM_BUCKETS);
	}
	json_object_end(&a.j);
	json_key(&a.j, "top_hashes");
	json_array_begin(&a.j);
	for (uint32_t i = 0; i < swarms; i++) {
		struct nodekey key = nodekey_from_id(&a.v->hot[i].hash);

		json_object_begin(&a.j);
		kv_hash(&a.j, &a.v->hot[i].hash);
		json_kv_cstring(&a.j, "name", nodekey_to_hex(&key, hex));
		json_object_end(&a.j);
	}
	json_array_end(&a.j);
	json_kv_u64(&a.j, "generated_at", a.v->made_s);
	json_kv_u64(&a.j, "bucket_seconds", BOARD_BUCKET_S);
	json_kv_u64(&a.j, "window_peers", BOARD_PEERS_S);
	json_kv_u64(&a.j, "window_swarms", BOARD_SWARMS_S);
	json_object_end(&a.j);
	return close_answer(c, &a);
}

static void top_peers(struct answer *a)
{
	char text[32];

	json_key(&a->j, "top_peers");
	json_array_begin(&a->j);
	for (uint32_t i = 0; i < a->v->top_peer_count; i++) {
		const struct board_peer *p = &a->v->top_peers[i];

		json_object_begin(&a->j);
		kv_peer(&a->j, &p->peer);
		json_kv_u64(&a->j, "total", p->total);
		json_kv_u64(&a->j, "ok", 0);
		json_kv_u64(&a->j, "err", 0);
		json_kv_cstring(&a->j, "last_seen_ago", ago(a->now_s, p->last_s, text));
		json_object_end(&a->j);
	}
	json_array_end(&a->j);
}

enum MHD_Result serve_api_analytics(struct serve *s, struct MHD_Connection *c)
{
	static const char *const empty[] = { "size_buckets", "content_buckets" };
	struct answer a = { .ask = { .limit = 1 } };
	enum MHD_Result rc;

	if (open_answer(s, c, &a, 0, ROW_MAX, &rc) < 0)
		return rc;
	json_object_begin(&a.j);
	json_kv_u64(&a.j, "unique_infohashes", a.v->announced);
	json_kv_u64(&a.j, "resolved_infohashes", 0);
	json_kv_double(&a.j, "resolution_rate", 0);
	statuses(&a.j, "status_breakdown", a.v->announces);
	top_peers(&a);
	for (unsigned i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
		json_key(&a.j, empty[i]);
		json_object_begin(&a.j);
		json_object_end(&a.j);
	}
	json_kv_double(&a.j, "unnamed_ratio", 0);
	json_key(&a.j, "resolved_last24h");
	json_array_begin(&a.j);
	for (uint64_t t = (a.now_s - 86400) / 3600; t <= a.now_s / 3600; t++) {
		json_object_begin(&a.j);
		json_kv_u64(&a.j, "t", t * 3600);
		json_kv_u64(&a.j, "count", 0);
		json_object_end(&a.j);
	}
	json_array_end(&a.j);
	json_key(&a.j, "hot_hashes_6h");
	json_array_begin(&a.j);
	for (uint32_t i = 0; i < a.v->hot_count; i++) {
		json_object_begin(&a.j);
		kv_hash(&a.j, &a.v->hot[i].hash);
		json_kv_u64(&a.j, "announces", a.v->hot[i].announces);
		json_object_end(&a.j);
	}
	json_array_end(&a.j);
	json_kv_u64(&a.j, "generated_at", a.v->made_s);
	json_object_end(&a.j);
	return close_answer(c, &a);
}
