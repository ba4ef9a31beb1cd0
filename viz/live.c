/* SPDX-License-Identifier: MIT */
#include "viz/live.h"

#include <errno.h>
#include <libdeflate.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "viz/basemap.h"
#include "viz/data/embed.h"
#include "viz/file_out.h"
#include "viz/palette.h"
#include "viz/project.h"
#include "viz/scene_view.h"
#include "viz/spread.h"
#include "viz/text.h"

enum {
	WIDTH = 1920, /* the page's own frame: spots lie as on a 1080p picture */
	HEIGHT = 1080,
	SUB = 8,   /* a spot's grid: 1/8 pixel, 2.6 km on the equator */
	LEVEL = 9, /* libdeflate: a page is written every ten seconds, not sixty times one */
	AGE_STEPS = 4095,
	META_MAX = 1 << 17,
	LAND_STEP = 3, /* shorter steps of a coast are left out; of SUB */
};

/* ---- bytes ------------------------------------------------------------------------- */

struct bytes {
	uint8_t *at;
	size_t len, room;
	bool failed;
};

static void put(struct bytes *b, uint8_t v)
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

static void put_varint(struct bytes *b, uint32_t v)
{
	for (; v > 127; v >>= 7)
		put(b, (uint8_t)(v | 128));
	put(b, (uint8_t)v);
}

static void put_signed(struct bytes *b, int32_t v)
{
	put_varint(b, (uint32_t)v << 1 ^ (v < 0 ? UINT32_MAX : 0)); /* zigzag */
}

/* ---- land -------------------------------------------------------------------------- */

struct coast {
	struct bytes *out;
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

static int put_land(struct bytes *out, const struct project_map *map, uint32_t *rings)
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
	uint32_t z;       /* x and y, bits interleaved */
	uint32_t network; /* rank */
	uint32_t age;     /* of AGE_STEPS */
};

struct pack {
	const struct scene *s;
	const struct live_opts *o;
	struct project_map map;
	struct spot *spots;
	uint32_t *rank_of, *by_rank; /* of networks: index to rank and back */
	uint32_t ranks, rings;
	struct live_stats *stats;
};

static uint32_t interleave(uint32_t x, uint32_t y)
{
	uint64_t v = (uint64_t)y << 32 | x;

	v = (v | v << 8) & 0x00ff00ff00ff00ffull;
	v = (v | v << 4) & 0x0f0f0f0f0f0f0f0full;
	v = (v | v << 2) & 0x3333333333333333ull;
	v = (v | v << 1) & 0x5555555555555555ull;
	return (uint32_t)v | (uint32_t)(v >> 32) << 1;
}

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

static int by_spot(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->z != y->z)
		return x->z < y->z ? -1 : 1;
	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	return x->age < y->age ? -1 : x->age > y->age;
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

static struct spot spot_of(const struct pack *p, const struct spread *spread,
			   const struct spread_spot *place, const struct scene_node *n)
{
	const int32_t most = (1 << 15) - 1;
	double age = (double)(p->s->last_s - n->last_s) / p->o->cutoff_s * AGE_STEPS;
	int32_t x, y;

	spread_node(spread, place, n->seed, &x, &y);
	x = x * SUB / 16;
	y = y * SUB / 16;
	return (struct spot){
		.z = interleave((uint32_t)(x < 0      ? 0
					   : x > most ? most
						      : x),
				(uint32_t)(y < 0      ? 0
					   : y > most ? most
						      : y)),
		.network = p->rank_of[n->network],
		.age = (uint32_t)(age + 0.5),
	};
}

/* Every node that is alight and on the map; one in n by its seed where there are too many. */
static int gather(struct pack *p)
{
	struct spread *spread = malloc(sizeof(*spread));
	struct spread_spot *places = malloc((p->s->place_count + 1) * sizeof(*places));
	struct live_stats *st = p->stats;

	for (uint32_t i = 0; i < p->s->node_count; i++)
		if (is_alight(p, &p->s->nodes[i])) {
			st->nodes++;
			st->unlocated += p->s->nodes[i].place == SCENE_NOWHERE;
		}
	st->every = (unsigned)((st->nodes - st->unlocated) / LIVE_NODES_MAX) + 1;
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
			p->spots[st->shown++] = spot_of(p, spread, &places[n->place], n);
	}
	free(spread);
	free(places);
	qsort(p->spots, st->shown, sizeof(*p->spots), by_spot);
	return 0;
}

static void put_nodes(struct bytes *out, const struct pack *p)
{
	uint32_t z = 0;

	for (uint64_t i = 0; i < p->stats->shown; z = p->spots[i++].z)
		put_varint(out, p->spots[i].z - z);
	for (uint64_t i = 0; i < p->stats->shown; i++)
		put(out, (uint8_t)p->spots[i].network);
	for (uint64_t i = 0; i < p->stats->shown; i++)
		put(out, (uint8_t)(p->spots[i].network >> 8));
	for (uint64_t i = 0; i < p->stats->shown; i++)
		put(out, (uint8_t)(p->spots[i].network >> 16));
	for (uint64_t i = 0; i < p->stats->shown; i++)
		put(out, (uint8_t)p->spots[i].age);
	for (uint64_t i = 0; i < p->stats->shown; i++)
		put(out, (uint8_t)(p->spots[i].age >> 8));
}

static void put_networks(struct bytes *out, const struct pack *p)
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
			put(out, (uint8_t)(255 * palette_srgb((double)rgb[k]) + 0.5));
	}
	free(colors);
}

/* ---- the page ---------------------------------------------------------------------- */

static int pack_base64(const struct bytes *raw, char **text)
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
	json_key(&j, "synthetic");
	json_bool(&j, p->s->synthetic);
	json_kv_cstring(&j, "attribution", p->s->attribution);
	names(&j, p, name, ctx);
	json_object_end(&j);
	len = json_finish(&j);
	return len < 0 ? len : 0;
}

/* JSON inside HTML: what could end the script element or begin a comment leaves as \u00XX. */
static void put_escaped(struct bytes *out, const char *json)
{
	for (; *json; json++) {
		char esc[12];

		if (!strchr("<>&'", *json)) {
			put(out, (uint8_t)*json);
			continue;
		}
		snprintf(esc, sizeof(esc), "\\u%04x", (unsigned)(unsigned char)*json);
		for (const char *e = esc; *e; e++)
			put(out, (uint8_t)*e);
	}
}

static void put_text(struct bytes *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(out, (uint8_t)text[i]);
}

/* The page with @META@ and @DATA@ filled in, in this order. */
static int fill_template(const char *meta, const char *data, struct bytes *out)
{
	const char *page = (const char *)embed_live, *end = page + embed_live_bytes;
	const char *m = memmem(page, embed_live_bytes, "@META@", 6);
	const char *d = m ? memmem(m, (size_t)(end - m), "@DATA@", 6) : NULL;

	if (!d)
		return DT_ECORRUPT;
	put_text(out, page, (size_t)(m - page));
	put_escaped(out, meta);
	put_text(out, m + 6, (size_t)(d - m - 6));
	put_text(out, data, strlen(data));
	put_text(out, d + 6, (size_t)(end - d - 6));
	put(out, '\0');
	return out->failed ? -ENOMEM : 0;
}

static int fill(struct pack *p, live_name *name, void *ctx, struct bytes *out)
{
	char *meta = malloc(META_MAX), *data = NULL;
	struct bytes raw = { 0 };
	int err = meta ? put_land(&raw, &p->map, &p->rings) : -ENOMEM;

	if (!err) {
		put_networks(&raw, p);
		put_nodes(&raw, p);
		err = raw.failed ? -ENOMEM : pack_base64(&raw, &data);
	}
	if (!err)
		err = write_meta(p, name, ctx, meta);
	if (!err)
		err = fill_template(meta, data, out);
	free(raw.at);
	free(meta);
	free(data);
	return err;
}

int live_page(const struct scene *s, const struct live_opts *o, live_name *name, void *ctx,
	      char **html, size_t *len, struct live_stats *stats)
{
	struct pack p = { .s = s, .o = o, .stats = stats };
	struct bytes out = { 0 };
	int err;

	*stats = (struct live_stats){ 0 };
	project_map_init(&p.map, WIDTH, HEIGHT);
	err = rank_networks(&p);
	if (!err)
		err = gather(&p);
	if (!err && !stats->shown)
		err = DT_ENOTFOUND;
	if (!err)
		err = fill(&p, name, ctx, &out);
	free(p.spots);
	free(p.rank_of);
	free(p.by_rank);
	if (err) {
		free(out.at);
		return err;
	}
	*html = (char *)out.at;
	*len = out.len - 1;
	stats->bytes = *len;
	return 0;
}

static char *name_in_store(void *ctx, uint32_t asn, char out[static GEO_ORG_MAX])
{
	return store_view_org(ctx, asn, out);
}

int live_write(struct store_view *v, const struct live_opts *o, const char *path,
	       struct live_stats *stats, char why[static 256])
{
	struct scene *s;
	char *html;
	size_t len;
	int err = scene_view_read(v, SCENE_EARTH, &s, why);

	if (err)
		return err;
	err = live_page(s, o, name_in_store, v, &html, &len, stats);
	scene_free(s);
	if (err == DT_ENOTFOUND)
		/* the seed's words */
		snprintf(why, 256,
			 "No points within cutoff; build/refresh geo cache or widen cutoff.");
	else if (err)
		snprintf(why, 256, "%.200s: %s", path, dt_strerror(err));
	if (err)
		return err;
	err = file_out_write(path, html, len, why);
	free(html);
	return err;
}
