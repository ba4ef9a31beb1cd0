/* SPDX-License-Identifier: MIT */
/**
 * DOC: nodes, networks and coasts as the few bytes that a page holds. README.md
 * draws them.
 */
#include <errno.h>
#include <libdeflate.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "viz/basemap.h"
#include "viz/live_impl.h"
#include "viz/palette.h"
#include "viz/project.h"
#include "viz/spread.h"
#include "viz/text.h"

enum {
	WIDTH = 1920, /* the page's own frame: spots lie as on a 1080p picture */
	HEIGHT = 1080,
	SUB = 8,         /* the grid of coasts: 1/8 pixel, 2.6 km on the equator */
	SPOT_SUB = 4,    /* and of nodes, whose places are known to tens of kilometres */
	LEVEL = 9,       /* libdeflate: a page is written every ten seconds, not sixty times one */
	AGE_PARTS = 256, /* of a step: 5 s where the cutoff is 24 hours */
	META_MAX = 1 << 17,
	LAND_STEP = 3, /* shorter steps of a coast are left out; of SUB */
};

/* ---- bytes ------------------------------------------------------------------------- */

void live_put(struct live_bytes *b, uint8_t v)
{
	if (b->len == b->room) {
		size_t room = b->room ? b->room * 2 : 65536;
		uint8_t *grown = realloc(b->at, room);

		if (!grown) {
			b->failed = true;
			return;
		}
		b->at = grown;
		b->room = room;
	}
	b->at[b->len++] = v;
}

static void put_varint(struct live_bytes *b, uint32_t v)
{
	for (; v > 127; v >>= 7)
		live_put(b, (uint8_t)(v | 128));
	live_put(b, (uint8_t)v);
}

static void put_signed(struct live_bytes *b, int32_t v)
{
	put_varint(b, (uint32_t)v << 1 ^ (v < 0 ? UINT32_MAX : 0)); /* zigzag */
}

void live_put_text(struct live_bytes *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		live_put(b, (uint8_t)text[i]);
}

/* ---- land -------------------------------------------------------------------------- */

struct coast {
	struct live_bytes *out;
	int32_t *ring; /* x, y of the ring so far */
	size_t count, room;
	uint32_t rings;
	int32_t x, y; /* where the last ring ended */
};

static void end_ring(struct coast *c)
{
	if (c->count >= 4) {
		put_varint(c->out, (uint32_t)c->count);
		for (size_t i = 0; i < c->count; i++) {
			put_signed(c->out, c->ring[2 * i] - c->x);
			put_signed(c->out, c->ring[2 * i + 1] - c->y);
			c->x = c->ring[2 * i];
			c->y = c->ring[2 * i + 1];
		}
		c->rings++;
	}
	c->count = 0;
}

static void land_point(void *ctx, bool starts, double px, double py)
{
	int32_t x = (int32_t)floor(px * SUB + 0.5), y = (int32_t)floor(py * SUB + 0.5);
	struct coast *c = ctx;

	if (starts)
		end_ring(c);
	if (c->count && abs(x - c->ring[2 * c->count - 2]) < LAND_STEP &&
	    abs(y - c->ring[2 * c->count - 1]) < LAND_STEP)
		return;
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 4096;
		int32_t *grown = realloc(c->ring, room * 2 * sizeof(*grown));

		if (!grown) {
			c->out->failed = true;
			return;
		}
		c->ring = grown;
		c->room = room;
	}
	c->ring[2 * c->count] = x;
	c->ring[2 * c->count + 1] = y;
	c->count++;
}

static int put_land(struct live_bytes *out, const struct project_map *map, uint32_t *rings)
{
	struct coast c = { .out = out };
	int err = basemap_land(map, land_point, &c);

	end_ring(&c);
	free(c.ring);
	*rings = c.rings;
	return err;
}

/* ---- nodes ------------------------------------------------------------------------- */

struct spot {
	uint64_t history;
	uint16_t x, y;    /* of SPOT_SUB */
	uint32_t network; /* rank */
	uint32_t age;     /* of AGE_PARTS times LIVE_STEPS */
	uint32_t prefix;
};

struct pack {
	const struct live_scene *from;
	const struct scene *s;
	const struct live_opts *o;
	struct project_map map;
	struct spot *spots;
	uint32_t *rank_of, *by_rank; /* of networks: index to rank and back */
	uint32_t ranks, rings;
	uint64_t used; /* steps in which anybody was seen */
	struct live_stats *stats;
};

static int by_nodes(const void *a, const void *b, void *networks)
{
	const struct scene_network *x =
		(const struct scene_network *)networks + *(const uint32_t *)a;
	const struct scene_network *y =
		(const struct scene_network *)networks + *(const uint32_t *)b;

	if (x->nodes != y->nodes)
		return x->nodes < y->nodes ? 1 : -1;
	return x->asn < y->asn ? -1 : x->asn > y->asn;
}

/* By address: what is near there stands near, belongs together and was seen together. */
static int by_spot(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	if (x->y != y->y)
		return x->y < y->y ? -1 : 1;
	if (x->x != y->x)
		return x->x < y->x ? -1 : 1;
	if (x->age != y->age)
		return x->age < y->age ? -1 : 1;
	return x->history < y->history ? -1 : x->history > y->history;
}

static int rank_networks(struct pack *p)
{
	uint32_t n = p->s->network_count;

	p->rank_of = malloc((n + 1) * sizeof(*p->rank_of));
	p->by_rank = malloc((n + 1) * sizeof(*p->by_rank));
	if (!p->rank_of || !p->by_rank)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		p->by_rank[i] = i;
	qsort_r(p->by_rank, n, sizeof(*p->by_rank), by_nodes, p->s->networks);
	for (uint32_t i = 0; i < n; i++)
		p->rank_of[p->by_rank[i]] = i;
	p->ranks = n;
	return 0;
}

static bool is_alight(const struct pack *p, const struct scene_node *n)
{
	return p->s->last_s - n->last_s <= p->o->cutoff_s;
}

/* Seen all the time between its first and its last sighting: what is known without a log. */
static uint64_t lit_between(const struct pack *p, const struct scene_node *n)
{
	double step = p->o->cutoff_s / LIVE_STEPS, end = p->s->last_s;
	double from = LIVE_STEPS - (end - n->first_s) / step,
	       to = LIVE_STEPS - (end - n->last_s) / step;
	unsigned a = from <= 0 ? 0 : (unsigned)from, b = to <= 0 ? 0 : (unsigned)to;

	b = b > LIVE_STEPS - 1 ? LIVE_STEPS - 1 : b;
	a = a > b ? b : a;
	return (b - a == 63 ? UINT64_MAX : (1ull << (b - a + 1)) - 1) << a;
}

/* 1/16 pixel to the grid of spots, within the frame. */
static uint16_t on_grid(int32_t v, int32_t pixels)
{
	v = v * SPOT_SUB / 16;
	return (uint16_t)(v < 0 ? 0 : v >= pixels * SPOT_SUB ? pixels * SPOT_SUB - 1 : v);
}

static struct spot spot_of(const struct pack *p, const struct spread *spread,
			   const struct spread_spot *place, uint32_t i)
{
	const struct scene_node *n = &p->s->nodes[i];
	double age = (double)(p->s->last_s - n->last_s) / p->o->cutoff_s * AGE_PARTS * LIVE_STEPS;
	int32_t x, y;

	spread_node(spread, place, n->seed, &x, &y);
	return (struct spot){
		.x = on_grid(x, WIDTH),
		.y = on_grid(y, HEIGHT),
		.network = p->rank_of[n->network],
		.age = (uint32_t)(age + 0.5),
		.prefix = p->from->prefix ? p->from->prefix[i] : LIVE_NO_PREFIX,
		.history = p->from->history ? p->from->history[i] : lit_between(p, n),
	};
}

static void count(struct pack *p)
{
	struct live_stats *st = p->stats;

	for (uint32_t i = 0; i < p->s->node_count; i++)
		if (is_alight(p, &p->s->nodes[i])) {
			st->nodes++;
			st->unlocated += p->s->nodes[i].place == SCENE_NOWHERE;
		}
	st->every = (unsigned)((st->nodes - st->unlocated) / LIVE_NODES_MAX) + 1;
}

/* Every node that is alight and on the map; one in n by its seed where there are too many. */
static int gather(struct pack *p)
{
	struct spread *spread = malloc(sizeof(*spread));
	struct spread_spot *places = malloc((p->s->place_count + 1) * sizeof(*places));
	struct live_stats *st = p->stats;

	count(p);
	p->spots = malloc((st->nodes + 1) * sizeof(*p->spots));
	if (!spread || !places || !p->spots) {
		free(spread);
		free(places);
		return -ENOMEM;
	}
	spread_init(spread);
	for (uint32_t i = 0; i < p->s->place_count; i++)
		places[i] = spread_spot(&p->map, &p->s->places[i], 1);
	for (uint32_t i = 0; i < p->s->node_count; i++) {
		const struct scene_node *n = &p->s->nodes[i];

		if (n->place != SCENE_NOWHERE && is_alight(p, n) && !places[n->place].off &&
		    (n->seed * 0x85ebca6bu >> 8) % st->every == 0)
			p->spots[st->shown++] = spot_of(p, spread, &places[n->place], i);
	}
	free(spread);
	free(places);
	return 0;
}

/* ---- a constellation ------------------------------------------------------------------ */

static int by_age(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->age != y->age)
		return x->age < y->age ? -1 : 1;
	return by_spot(a, b);
}

/* The first @top spots of each cell of a grid, in their order, marked in @keep; returns how many.
 */
static uint64_t keep_tops(const struct pack *p, uint32_t columns, uint32_t rows, uint32_t *in_cell,
			  bool *keep)
{
	uint64_t kept = 0;

	memset(in_cell, 0, (size_t)columns * rows * sizeof(*in_cell));
	for (uint64_t i = 0; i < p->stats->shown; i++) {
		uint64_t row = (uint64_t)p->spots[i].y * rows / (HEIGHT * SPOT_SUB);
		uint64_t column = (uint64_t)p->spots[i].x * columns / (WIDTH * SPOT_SUB);

		keep[i] = in_cell[row * columns + column]++ < p->o->cell_top;
		kept += keep[i];
	}
	return kept;
}

/*
 * As the first dht-telescope thinned: where there are more nodes than wanted, a grid,
 * and of each cell the most recent @cell_top. The grid is the finest that keeps no more
 * than what is wanted; most of the globe is sea.
 */
static int thin(struct pack *p)
{
	enum { CELLS_MAX = 1 << 22 };
	uint64_t n = p->stats->shown, kept = 0;
	uint32_t *in_cell = malloc(CELLS_MAX * sizeof(*in_cell));
	bool *keep = malloc(n + 1), *best = calloc(n + 1, 1), *swap;

	if (n <= p->o->target_points || !in_cell || !keep || !best)
		goto out;
	qsort(p->spots, n, sizeof(*p->spots), by_age);
	for (double cells = 1; cells < CELLS_MAX / 2; cells *= 1.3) {
		uint32_t rows = (uint32_t)sqrt(cells * HEIGHT / WIDTH), columns;

		rows = rows ? rows : 1;
		columns = (uint32_t)(cells / rows);
		if (keep_tops(p, columns, rows, in_cell, keep) > p->o->target_points)
			break;
		swap = best, best = keep, keep = swap;
	}
	for (uint64_t i = 0; i < n; i++)
		if (best[i])
			p->spots[kept++] = p->spots[i];
	p->stats->shown = kept;
out:
	free(in_cell);
	free(keep);
	free(best);
	return in_cell && keep && best ? 0 : -ENOMEM;
}

/* ---- packing --------------------------------------------------------------------------- */

/*
 * A history as it is kept: of the steps in which anybody was seen, and of these where
 * it changes. Who stays is a run of zeros.
 */
static uint64_t changes(const struct pack *p, uint64_t history)
{
	uint64_t kept = 0;
	unsigned n = 0;

	for (uint64_t left = p->used; left; left &= left - 1)
		kept |= (history >> __builtin_ctzll(left) & 1) << n++;
	return kept ^ kept >> 1;
}

/* How long before the end of the last step of its history it was seen last. */
static uint32_t age_in_step(const struct spot *s)
{
	uint32_t behind = s->history ? (uint32_t)__builtin_clzll(s->history) * AGE_PARTS : 0;
	uint32_t part = s->age > behind ? s->age - behind : 0;

	return part < AGE_PARTS ? part : AGE_PARTS - 1;
}

enum field { NETWORK, X, Y, AGE, HISTORY };

static uint64_t zigzag(int32_t v)
{
	return (uint32_t)v << 1 ^ (v < 0 ? UINT32_MAX : 0);
}

/* Of node @i; x and y as the way from the node before. */
static uint64_t field_of(const struct pack *p, uint64_t i, enum field f)
{
	const struct spot none = { 0 }, *s = &p->spots[i], *before = i ? s - 1 : &none;

	switch (f) {
	case NETWORK:
		return s->network;
	case X:
		return zigzag((int32_t)s->x - before->x);
	case Y:
		return zigzag((int32_t)s->y - before->y);
	case AGE:
		return age_in_step(s);
	case HISTORY:
		return changes(p, s->history);
	}
	return 0;
}

/* The lowest @bytes bytes of one number of all nodes, byte by byte: likes side by side pack best.
 */
static void put_planes(struct live_bytes *out, const struct pack *p, enum field f, unsigned bytes)
{
	for (unsigned shift = 0; shift < 8 * bytes; shift += 8)
		for (uint64_t i = 0; i < p->stats->shown; i++)
			live_put(out, (uint8_t)(field_of(p, i, f) >> shift));
}

static void put_nodes(struct live_bytes *out, const struct pack *p)
{
	uint32_t prefix = 0;

	for (uint64_t i = 0; i < p->stats->shown; prefix = p->spots[i++].prefix)
		put_varint(out, p->spots[i].prefix - prefix);
	put_planes(out, p, NETWORK, 3);
	put_planes(out, p, X, 2);
	put_planes(out, p, Y, 2);
	put_planes(out, p, AGE, 1);
	put_planes(out, p, HISTORY, ((unsigned)__builtin_popcountll(p->used) + 7) / 8);
}

static void put_networks(struct live_bytes *out, const struct pack *p)
{
	struct palette_rgb *colors = malloc((p->s->network_count + 1) * sizeof(*colors));

	if (!colors) {
		out->failed = true;
		return;
	}
	palette_colors(PALETTE_HASH, p->s, colors);
	for (uint32_t i = 0; i < p->ranks; i++) {
		const struct palette_rgb *c = &colors[p->by_rank[i]];
		const float rgb[3] = { c->r, c->g, c->b };

		put_varint(out, p->s->networks[p->by_rank[i]].asn);
		for (unsigned k = 0; k < 3; k++)
			live_put(out, (uint8_t)(255 * palette_srgb((double)rgb[k]) + 0.5));
	}
	free(colors);
}

static int pack_base64(const struct live_bytes *raw, char **text)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(LEVEL);
	size_t bound = c ? libdeflate_zlib_compress_bound(c, raw->len) : 0, len = 0;
	uint8_t *packed = malloc(bound + 1);

	*text = NULL;
	if (c && packed)
		len = libdeflate_zlib_compress(c, raw->at, raw->len, packed, bound);
	if (len)
		*text = malloc(sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL));
	if (*text)
		sodium_bin2base64(*text,
				  sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL),
				  packed, len, sodium_base64_VARIANT_ORIGINAL);
	free(packed);
	libdeflate_free_compressor(c);
	return *text ? 0 : -ENOMEM;
}

static void names(struct json *j, const struct pack *p, live_name *name, void *ctx)
{
	json_key(j, "names");
	json_array_begin(j);
	for (uint32_t i = 0; i < p->ranks && i < LIVE_NAMES_MAX; i++) {
		uint32_t asn = p->s->networks[p->by_rank[i]].asn;
		char org[GEO_ORG_MAX] = "", shown[TEXT_NAME_MAX];

		if (asn)
			name(ctx, asn, org);
		json_cstring(j, text_name(org, shown));
	}
	json_array_end(j);
}

static int write_meta(const struct pack *p, live_name *name, void *ctx, char *out)
{
	struct json j;
	int len;

	json_init(&j, out, META_MAX, false);
	json_object_begin(&j);
	json_kv_cstring(&j, "title", p->o->title ? p->o->title : "DHT TELESCOPE");
	json_kv_u64(&j, "at", p->s->last_s);
	json_kv_u64(&j, "written", p->o->written_s);
	json_kv_u64(&j, "refresh", p->o->refresh_s);
	json_kv_double(&j, "halfLife", p->o->half_life_s);
	json_kv_double(&j, "cutoff", p->o->cutoff_s);
	json_kv_u64(&j, "shown", p->stats->shown);
	json_kv_u64(&j, "every", p->stats->every);
	json_kv_u64(&j, "unlocated", p->stats->unlocated);
	json_kv_u64(&j, "networks", p->ranks);
	json_kv_u64(&j, "rings", p->rings);
	json_kv_u64(&j, "steps", LIVE_STEPS);
	json_key(&j, "used");
	json_array_begin(&j);
	for (uint64_t left = p->used; left; left &= left - 1)
		json_u64(&j, (uint64_t)__builtin_ctzll(left));
	json_array_end(&j);
	json_key(&j, "log");
	json_bool(&j, p->from->history != NULL);
	json_key(&j, "square");
	json_bool(&j, p->from->prefix != NULL);
	json_key(&j, "constellation");
	json_bool(&j, p->o->constellation);
	json_key(&j, "served");
	json_bool(&j, p->o->served);
	json_kv_cstring(&j, "sidecar", p->o->sidecar ? p->o->sidecar : "");
	json_key(&j, "synthetic");
	json_bool(&j, p->s->synthetic);
	json_kv_cstring(&j, "attribution", p->s->attribution);
	names(&j, p, name, ctx);
	json_object_end(&j);
	len = json_finish(&j);
	return len < 0 ? len : 0;
}

static int pack_land(struct pack *p, char **text)
{
	struct live_bytes raw = { 0 };
	int err = put_land(&raw, &p->map, &p->rings);

	if (!err)
		err = raw.failed ? -ENOMEM : pack_base64(&raw, text);
	free(raw.at);
	return err;
}

static int pack_nodes(const struct pack *p, char **text)
{
	struct live_bytes raw = { 0 };
	int err;

	put_networks(&raw, p);
	put_nodes(&raw, p);
	err = raw.failed ? -ENOMEM : pack_base64(&raw, text);
	free(raw.at);
	return err;
}

int live_pack(const struct live_scene *from, const struct live_opts *o, live_name *name, void *ctx,
	      struct live_pack *out, struct live_stats *stats)
{
	struct pack p = { .from = from, .s = from->earth, .o = o, .stats = stats };
	int err;

	*stats = (struct live_stats){ 0 };
	*out = (struct live_pack){ .meta = malloc(META_MAX) };
	project_map_init(&p.map, WIDTH, HEIGHT);
	err = out->meta ? rank_networks(&p) : -ENOMEM;
	if (!err)
		err = gather(&p);
	if (!err && o->constellation)
		err = thin(&p);
	if (!err && !stats->shown)
		err = DT_ENOTFOUND;
	if (!err) {
		qsort(p.spots, stats->shown, sizeof(*p.spots), by_spot);
		for (uint64_t i = 0; i < stats->shown; i++)
			p.used |= p.spots[i].history;
		err = pack_land(&p, &out->land);
	}
	if (!err)
		err = pack_nodes(&p, &out->data);
	if (!err)
		err = write_meta(&p, name, ctx, out->meta);
	free(p.spots);
	free(p.rank_of);
	free(p.by_rank);
	return err;
}

void live_pack_fini(struct live_pack *p)
{
	free(p->data);
	free(p->land);
	free(p->meta);
	*p = (struct live_pack){ 0 };
}
