/* SPDX-License-Identifier: MIT */
#include "viz/board.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "viz/export_tally.h"

enum {
	DAY_FIRST = 1024,
	TALLY_MOST = 1 << 20,
	SEATS = 1024, /* of the peers of a tree, four times as many */
};

/* The last announces and get_peers, oldest written over. */
struct latest {
	struct board_said list[BOARD_LATEST];
	uint64_t written;
};

struct board {
	uint64_t announces, getpeers;
	bool changed;
	struct latest latest_announces, latest_getpeers;
	struct board_said *day; /* a ring of announces, grown up to BOARD_DAY_MAX */
	uint32_t day_cap, day_from, day_count;
	struct board_rate rates[BOARD_RATE_STEPS];
	struct torrents torrents;
};

int board_new(struct board **out)
{
	struct board *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->torrents.max = BOARD_HASHES_MAX;
	b->torrents.peer_max = BOARD_ENDPOINTS_MAX;
	*out = b;
	return 0;
}

void board_free(struct board *b)
{
	if (!b)
		return;
	torrents_fini(&b->torrents);
	free(b->day);
	free(b);
}

bool board_changed(const struct board *b)
{
	return b->changed;
}

/* ---- taking ---------------------------------------------------------------------------- */

static void put_latest(struct latest *l, const struct board_said *s)
{
	l->list[l->written++ % BOARD_LATEST] = *s;
}

static const struct board_said *day_at(const struct board *b, uint32_t i)
{
	return &b->day[(b->day_from + i) % b->day_cap];
}

static int day_grow(struct board *b)
{
	uint32_t cap = b->day_cap ? 2 * b->day_cap : DAY_FIRST;
	struct board_said *list = malloc(cap * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->day_count; i++)
		list[i] = *day_at(b, i);
	free(b->day);
	b->day = list;
	b->day_cap = cap;
	b->day_from = 0;
	return 0;
}

/* What is a day older than @s goes; at the bound the oldest does. */
static int put_day(struct board *b, const struct board_said *s)
{
	int rc;

	while (b->day_count && day_at(b, 0)->when_s + BOARD_PEERS_S < s->when_s) {
		b->day_from = (b->day_from + 1) % b->day_cap;
		b->day_count--;
	}
	if (b->day_count == b->day_cap && b->day_cap < BOARD_DAY_MAX) {
		rc = day_grow(b);
		if (rc < 0)
			return rc;
	}
	if (b->day_count == b->day_cap) {
		b->day_from = (b->day_from + 1) % b->day_cap;
		b->day_count--;
	}
	b->day[(b->day_from + b->day_count++) % b->day_cap] = *s;
	return 0;
}

static void put_rate(struct board *b, uint32_t when_s, bool announce)
{
	uint32_t step = when_s / BOARD_RATE_STEP_S;
	struct board_rate *r = &b->rates[step % BOARD_RATE_STEPS];

	if (r->step > step)
		return; /* older than all that counts */
	if (r->step < step)
		*r = (struct board_rate){ .step = step };
	r->announces += announce;
	r->getpeers += !announce;
}

int board_take(struct board *b, const struct heard *h)
{
	bool announce = h->kind == HEARD_ANNOUNCE_PEER;
	struct board_said s = { .when_s = (uint32_t)(h->when_ms / 1000),
				.peer = h->from,
				.hash = h->target };
	int rc;

	if ((!announce && h->kind != HEARD_GET_PEERS) || !(h->flags & HEARD_HAS_TARGET))
		return 0;
	if (announce && h->peer_port)
		s.peer.port = h->peer_port;
	rc = torrents_add(&b->torrents, h);
	if (rc == 0 && announce)
		rc = put_day(b, &s);
	if (rc < 0)
		return rc;
	b->announces += announce;
	b->getpeers += !announce;
	put_latest(announce ? &b->latest_announces : &b->latest_getpeers, &s);
	put_rate(b, s.when_s, announce);
	b->changed = true;
	return 0;
}

/* ---- a view: who announces what ---------------------------------------------------------- */

static uint32_t show_latest(const struct latest *l, struct board_said *out)
{
	uint32_t n = l->written < BOARD_LATEST ? (uint32_t)l->written : BOARD_LATEST;

	for (uint32_t i = 0; i < n; i++)
		out[i] = l->list[(l->written - 1 - i) % BOARD_LATEST];
	return n;
}

/* The seat of a peer in the tree: its own, or the free one that it may take. */
static uint16_t *seat_of(const struct board_view *v, uint16_t *seats, const struct endpoint *peer)
{
	uint32_t at = (uint32_t)XXH3_64bits(peer, sizeof(*peer));

	for (;; at++) {
		uint16_t *seat = &seats[at % SEATS];

		if (!*seat || endpoint_equal(&v->tree[*seat - 1].peer, peer))
			return seat;
	}
}

/* From the newest back: the first so many peers that are met, each with its latest announces. */
static void fill_tree(const struct board *b, struct board_view *v)
{
	uint16_t seats[SEATS] = { 0 };

	for (uint32_t i = b->day_count; i-- > 0;) {
		const struct board_said *s = day_at(b, i);
		uint16_t *seat = seat_of(v, seats, &s->peer);
		struct board_peer *p;

		if (!*seat && v->tree_count == BOARD_TREE)
			continue;
		if (!*seat) {
			v->tree[v->tree_count] =
				(struct board_peer){ .peer = s->peer,
						     .last_s = s->when_s,
						     .first =
							     v->tree_count * BOARD_TREE_ANNOUNCES };
			*seat = (uint16_t)++v->tree_count;
		}
		p = &v->tree[*seat - 1];
		p->total++;
		if (p->count < BOARD_TREE_ANNOUNCES)
			v->tree_said[p->first + p->count++] = *s;
	}
}

/* ---- a view: the most frequent ----------------------------------------------------------- */

static uint64_t mark_of(const void *bytes, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, len, seed);
}

static int fill_top_peers(const struct board *b, struct board_view *v)
{
	struct export_tally t = export_tally_of(TALLY_MOST);
	const struct export_tally_slot *best;
	uint32_t n;
	int rc = 0;

	for (uint32_t i = 0; i < b->day_count && rc == 0; i++)
		rc = export_tally_add(&t, mark_of(&day_at(b, i)->peer, sizeof(struct endpoint), 0));
	if (rc == 0) {
		v->peers_of_day = t.used;
		best = export_tally_sort(&t, &n);
		v->top_peer_count = n < BOARD_TOP_PEERS ? n : BOARD_TOP_PEERS;
		/* the tally knows fingerprints: the last word of each says whose it is, and when */
		for (uint32_t i = 0; i < b->day_count; i++) {
			const struct board_said *s = day_at(b, i);
			uint64_t mark = mark_of(&s->peer, sizeof(s->peer), 0);

			for (uint32_t k = 0; k < v->top_peer_count; k++)
				if (best[k].key == mark)
					v->top_peers[k] = (struct board_peer){
						.peer = s->peer,
						.total = (uint32_t)best[k].times,
						.last_s = s->when_s
					};
		}
	}
	export_tally_free(&t);
	return rc;
}

static int fill_hot(const struct board *b, struct board_view *v)
{
	struct export_tally t = export_tally_of(TALLY_MOST);
	const struct export_tally_slot *best;
	uint32_t n;
	int rc = 0;

	for (uint32_t i = 0; i < b->day_count && rc == 0; i++)
		if (day_at(b, i)->when_s + BOARD_SWARMS_S >= v->made_s)
			rc = export_tally_add(&t, mark_of(day_at(b, i)->hash.b, NODEID_BYTES, 0));
	if (rc == 0) {
		best = export_tally_sort(&t, &n);
		v->hot_count = n < BOARD_HOT ? n : BOARD_HOT;
		for (uint32_t i = 0; i < b->day_count; i++) {
			const struct board_said *s = day_at(b, i);
			uint64_t mark = mark_of(s->hash.b, NODEID_BYTES, 0);

			for (uint32_t k = 0; k < v->hot_count; k++)
				if (best[k].key == mark) {
					v->hot[k].hash = s->hash;
					v->hot[k].announces = (uint32_t)best[k].times;
				}
		}
	}
	export_tally_free(&t);
	return rc;
}

/* Is it the first of its kind? A set by a tally: a key that is new makes it larger. */
static int is_new(struct export_tally *t, uint64_t key)
{
	uint32_t before = t->used;
	int rc = export_tally_add(t, key);

	return rc < 0 ? rc : t->used > before;
}

static int fill_series(const struct board *b, struct board_view *v)
{
	struct export_tally peers = export_tally_of(2 * TALLY_MOST),
			    swarms = export_tally_of(2 * TALLY_MOST);
	uint32_t last = v->made_s / BOARD_BUCKET_S, swarm_first = last - BOARD_SWARM_BUCKETS + 1;
	int rc = 0;

	v->first_bucket_s = (last - BOARD_PEER_BUCKETS + 1) * BOARD_BUCKET_S;
	for (uint32_t i = 0; i < b->day_count && rc >= 0; i++) {
		const struct board_said *s = day_at(b, i);
		uint32_t bucket = s->when_s / BOARD_BUCKET_S;
		uint64_t mark = mark_of(&s->peer, sizeof(s->peer), bucket);

		if (bucket > last || bucket < v->first_bucket_s / BOARD_BUCKET_S)
			continue;
		rc = is_new(&peers, mark);
		if (rc > 0)
			v->peers_over_time[bucket - v->first_bucket_s / BOARD_BUCKET_S]++;
		for (uint32_t k = 0;
		     rc >= 0 && bucket >= swarm_first && k < BOARD_SWARMS && k < v->hot_count;
		     k++) {
			if (!nodeid_equal(&v->hot[k].hash, &s->hash))
				continue;
			rc = is_new(&swarms, mark ^ mark_of(s->hash.b, NODEID_BYTES, 1));
			if (rc > 0)
				v->hot[k].peers[bucket - swarm_first]++;
		}
	}
	export_tally_free(&peers);
	export_tally_free(&swarms);
	return rc < 0 ? rc : 0;
}

static int by_rank(const void *a, const void *b)
{
	return torrent_before(a, b) ? -1 : 1;
}

static int fill_torrents(const struct board *b, struct board_view *v)
{
	const struct torrent *t;
	uint32_t at = 0;

	v->without_room = b->torrents.without_room;
	if (!b->torrents.count)
		return 0;
	v->torrents = malloc(b->torrents.count * sizeof(*v->torrents));
	if (!v->torrents)
		return -ENOMEM;
	while ((t = torrents_next(&b->torrents, &at)) != NULL) {
		v->torrents[v->torrent_count++] = *t;
		v->announced += t->announces > 0;
	}
	qsort(v->torrents, v->torrent_count, sizeof(*v->torrents), by_rank);
	return 0;
}

/* ---- a view ------------------------------------------------------------------------------- */

int board_view_new(struct board *b, uint32_t now_s, struct board_view **out)
{
	struct board_view *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	atomic_init(&v->refs, 1);
	v->made_s = now_s;
	v->announces = b->announces;
	v->getpeers = b->getpeers;
	v->latest_announce_count = show_latest(&b->latest_announces, v->latest_announces);
	v->latest_getpeers_count = show_latest(&b->latest_getpeers, v->latest_getpeers);
	memcpy(v->rates, b->rates, sizeof(v->rates));
	fill_tree(b, v);
	rc = fill_top_peers(b, v);
	if (rc == 0)
		rc = fill_hot(b, v);
	if (rc == 0)
		rc = fill_series(b, v);
	if (rc == 0)
		rc = fill_torrents(b, v);
	if (rc < 0) {
		board_view_unref(v);
		return rc;
	}
	b->changed = false;
	*out = v;
	return 0;
}

struct board_view *board_view_ref(struct board_view *v)
{
	/* relaxed: whoever gives it away holds one */
	if (v)
		atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void board_view_unref(struct board_view *v)
{
	/* acq_rel: the last one frees what all others have read */
	if (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1) {
		free(v->torrents);
		free(v);
	}
}
