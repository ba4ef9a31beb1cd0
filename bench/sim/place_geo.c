/* SPDX-License-Identifier: MIT */
#include "bench/sim/place_geo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/geo_own.h"
#include "engine/blocklist.h"

/**
 * DOC: real networks, weighed. A country gets its share of the DHT (geo_data.c),
 * whatever space it holds; inside a country a network gets by its size, but home
 * networks more than others and hoarders of old space next to nothing. Without
 * that a simulation of "all routed space" is a map of the Pentagon and of three
 * clouds.
 */

enum {
	RANGES_FIRST = 1 << 16,
	RANGES_MAX =
		1 << 22, /* ten times what is routed; beyond it the file is no table of networks */
	CODES = 26 * 26 + 1, /* two letters, or none */
	SHARE_UNLISTED = 1,  /* of a country that geo_data.c does not name, in 1/10,000 */
};

/* How much of a network's space is lived in by the DHT, against a home network's. */
#define WEIGHT_HOME    1.0
#define WEIGHT_OTHER   0.15
#define WEIGHT_HOARDER 0.01

/* Large space, few homes: armies, clouds, content networks, pure transit. Ascending. */
static const uint32_t hoarders[] = {
	3,     55,    71,    80,    174,   306,   367,   385,    647,    668,   714,   721,
	749,   1299,  1503,  1541,  2914,  3356,  3549,  5972,   6453,   6461,  8068,  8075,
	13335, 14061, 14618, 15169, 16509, 16625, 19527, 20940,  27064,  27065, 31898, 32934,
	36351, 36352, 37963, 45090, 54113, 55990, 63949, 132203, 396982,
};

/* Blocks that libtorrent never lists (census P1), so no census can find a node there. */
static const uint8_t unlisted_blocks[] = { 3,  6,  7,  9,  11, 19, 21, 22, 25,
					   26, 28, 29, 30, 33, 34, 48, 56 };

struct found {
	uint32_t first, last, asn;
};

struct collection {
	struct found *list;
	unsigned count, room;
	int err;
};

static int collect(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	struct collection *c = ctx;

	if (c->count == c->room) {
		unsigned room = c->room ? c->room * 2 : RANGES_FIRST;
		struct found *list =
			room > RANGES_MAX ? NULL : reallocarray(c->list, room, sizeof(*list));

		if (!list) {
			c->err = room > RANGES_MAX ? DT_ERANGE : -ENOMEM;
			return 1;
		}
		c->list = list;
		c->room = room;
	}
	c->list[c->count++] = (struct found){ first, last, asn };
	return 0;
}

/** without_bogons() - what of the ranges may be asked; both lists ascend. */
static int without_bogons(const struct collection *all, struct collection *out)
{
	struct blocklist *list;
	struct blocklist_range bogon;
	unsigned b = 0;
	int err = blocklist_new(&list), more;

	if (err)
		return err;
	more = blocklist_range(list, b, &bogon);
	for (unsigned i = 0; i < all->count && !out->err; i++) {
		uint64_t at = all->list[i].first, last = all->list[i].last;

		for (; more && endpoint_is4(&bogon.lo); more = blocklist_range(list, ++b, &bogon)) {
			uint64_t lo = endpoint_get_ip4(&bogon.lo), hi = endpoint_get_ip4(&bogon.hi);

			if (lo > last)
				break;
			if (lo > at)
				collect(out, (uint32_t)at, (uint32_t)(lo - 1), all->list[i].asn);
			at = hi + 1 > at ? hi + 1 : at;
			if (hi > last)
				break;
		}
		if (at <= last)
			collect(out, (uint32_t)at, (uint32_t)last, all->list[i].asn);
	}
	blocklist_free(list);
	return out->err;
}

static int by_asn(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/** struct homes - numbers of the home networks of geo_data.c, ascending. */
struct homes {
	uint32_t *asn;
	size_t count;
};

static int list_homes(struct homes *h)
{
	for (h->count = 0; sim_geo_networks[h->count].name; h->count++)
		;
	h->asn = calloc(h->count, sizeof(*h->asn));
	if (!h->asn)
		return -ENOMEM;
	for (size_t i = 0; i < h->count; i++)
		h->asn[i] = sim_geo_networks[i].asn;
	qsort(h->asn, h->count, sizeof(*h->asn), by_asn);
	return 0;
}

static double network_weight(const struct homes *h, const struct found *r)
{
	double size = (double)r->last - r->first + 1;

	if (memchr(unlisted_blocks, (int)(r->first >> 24), sizeof(unlisted_blocks)))
		return size * WEIGHT_HOARDER;
	if (bsearch(&r->asn, hoarders, sizeof(hoarders) / sizeof(hoarders[0]), sizeof(hoarders[0]),
		    by_asn))
		return size * WEIGHT_HOARDER;
	if (bsearch(&r->asn, h->asn, h->count, sizeof(*h->asn), by_asn))
		return size * WEIGHT_HOME;
	return size * WEIGHT_OTHER;
}

/** code_of() - a number for a country; the last one for none. */
static unsigned code_of(const char code[static 3])
{
	if (code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z')
		return CODES - 1;
	return (unsigned)(code[0] - 'A') * 26 + (unsigned)(code[1] - 'A');
}

static void country_shares(double share[static CODES])
{
	for (unsigned i = 0; i < CODES; i++)
		share[i] = SHARE_UNLISTED;
	for (const struct sim_geo_country *c = sim_geo_countries; c->code[0]; c++)
		share[code_of(c->code)] = c->share;
}

/** weigh() - first each network within its country, then the countries against each other. */
static int weigh(const struct geo *geo, const struct collection *c, struct sim_weighted *out)
{
	double share[CODES], sum[CODES] = { 0 };
	uint16_t *code = calloc(c->count, sizeof(*code));
	struct homes homes = { 0 };
	int err = code ? list_homes(&homes) : -ENOMEM;

	for (unsigned i = 0; i < c->count && !err; i++) {
		const struct found *r = &c->list[i];
		struct endpoint middle = endpoint_ip4(r->first + (r->last - r->first) / 2, 0);
		struct geo_place place;

		geo_lookup(geo, &middle, &place);
		code[i] = (uint16_t)code_of(place.country);
		out[i] = (struct sim_weighted){ .ip = r->first,
						.size = r->last - r->first + 1,
						.weight = network_weight(&homes, r),
						.lon = place.has_point ? (float)place.lon : 0 };
		sum[code[i]] += out[i].weight;
	}
	country_shares(share);
	for (unsigned i = 0; i < c->count && !err; i++)
		out[i].weight *= share[code[i]] / sum[code[i]];
	free(code);
	free(homes.asn);
	return err;
}

int sim_place_geo(const struct geo *geo, struct sim_weighted **out, unsigned *count)
{
	struct collection all = { 0 }, public = { 0 };
	int err;

	*out = NULL;
	*count = 0;
	if (geo_is_synthetic(geo))
		return DT_ENOTFOUND;
	geo_each_network4(geo, collect, &all);
	err = all.err ? all.err : without_bogons(&all, &public);
	if (!err && public.count == 0)
		err = DT_ENOTFOUND;
	if (!err) {
		*out = calloc(public.count, sizeof(**out));
		err = *out ? weigh(geo, &public, *out) : -ENOMEM;
		*count = public.count;
	}
	if (err) {
		free(*out);
		*out = NULL;
	}
	free(all.list);
	free(public.list);
	return err;
}
