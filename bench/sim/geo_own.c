/* SPDX-License-Identifier: MIT */
#include "bench/sim/geo_own.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/world.h"

/**
 * DOC: carving. A network stands in the cities of its country (small ones only
 * in some), each such pair gets /16 blocks in proportion to its weight, cut into
 * pieces, and the pieces of a registry are laid over its /8s in a shuffled
 * order. So neighbours in address space are strangers on the map, as in life.
 */

enum {
	BLOCK_BITS = 16, /* the carving unit is a /16 */
	BLOCKS_PER_8 = 256,
	PIECE_MAX = 4, /* blocks in one range: a /14, as registries hand out */
	PAIRS_MAX = 16384,
	CARVE_KEY = 0x6765,
	/* Of a registry's blocks; the rest stays empty, as routed but unlit space does. */
	CARVED_PERCENT = 96,
};

/*
 * The /8s of each registry that home networks really have, without those that
 * hold special-purpose ranges (100, 169, 172, 192, 198, 203) and those that
 * libtorrent never lists (census P1: 3, 6, 9, 19, 34, ...). 0 ends a row.
 */
static const uint8_t registry_blocks[SIM_REGISTRIES][72] = {
	[SIM_ARIN] = { 12,  24,  47,  50,  63,  64,  65,  66,  67,  68,  69,  70,
		       71,  72,  73,  74,  75,  76,  96,  97,  98,  99,  104, 107,
		       108, 142, 162, 173, 174, 184, 206, 207, 208, 209, 216, 0 },
	[SIM_RIPE] = { 2,   5,   31,  37,  46,  62,  77,  78,  79,  80,  81,  82,  83,  84,
		       85,  86,  87,  88,  89,  90,  91,  92,  93,  94,  95,  109, 141, 145,
		       151, 176, 178, 185, 188, 193, 194, 195, 212, 213, 217, 0 },
	[SIM_APNIC] = { 1,   14,  27,  36,  39,  42,  43,  49,  58,  59,  60,  61,
			101, 103, 106, 110, 111, 112, 113, 114, 115, 116, 117, 118,
			119, 120, 121, 122, 123, 124, 125, 126, 175, 180, 182, 183,
			202, 210, 211, 218, 219, 220, 221, 222, 223, 0 },
	[SIM_LACNIC] = { 177, 179, 181, 186, 187, 189, 190, 191, 200, 201, 0 },
	[SIM_AFRINIC] = { 41, 102, 105, 154, 196, 197, 0 },
};

/** struct pair - a network in a city, before carving. */
struct pair {
	uint16_t network, city;
	uint8_t registry;
	float weight;
	unsigned blocks;
};

/** struct piece - up to PIECE_MAX blocks of a pair. */
struct piece {
	uint64_t order; /* shuffles them */
	uint16_t pair, blocks;
};

float sim_geo_radius_km(const struct sim_geo_city *city)
{
	return 6 + 0.55f * sqrtf((float)city->people_k);
}

static const struct sim_geo_country *country_of(const char *code)
{
	for (const struct sim_geo_country *c = sim_geo_countries; c->code[0]; c++)
		if (strcmp(c->code, code) == 0)
			return c;
	return NULL;
}

/** stands_in() - large networks stand in nearly all cities of their country, small ones in some. */
static bool stands_in(const struct sim_geo_network *net, double share, unsigned c, bool first)
{
	const struct sim_geo_city *city = &sim_geo_cities[c];
	uint64_t draw = sim_draw(CARVE_KEY, net->asn, c);
	double reach = 0.35 + 1.6 * share;

	if (strcmp(city->country, net->country) != 0)
		return false;
	if (net->only)
		return strcmp(city->name, net->only) == 0;
	return first || (double)(draw & 0xffff) / 65536 < reach;
}

/** pair_network() - the network's pairs, their weights adding up to its share of the DHT. */
static unsigned pair_network(unsigned n, const struct sim_geo_country *c, double share,
			     struct pair *out, unsigned room)
{
	const struct sim_geo_network *net = &sim_geo_networks[n];
	unsigned count = 0;
	double sum = 0;

	for (unsigned i = 0; sim_geo_cities[i].name && count < room; i++) {
		const struct sim_geo_city *city = &sim_geo_cities[i];
		uint64_t draw = sim_draw(CARVE_KEY + 1, net->asn, i);
		double mood = 0.4 + 1.2 * (double)(draw & 0xffff) / 65536;

		if (!stands_in(net, share, i, count == 0))
			continue;
		out[count] = (struct pair){ .network = (uint16_t)n,
					    .city = (uint16_t)i,
					    .registry = c->registry,
					    .weight = (float)(pow(city->people_k, 0.85) * mood) };
		sum += out[count++].weight;
	}
	for (unsigned i = 0; i < count; i++)
		out[i].weight *= (float)(c->share * share / sum);
	return count;
}

static unsigned make_pairs(struct pair *out)
{
	unsigned count = 0;

	for (unsigned n = 0; sim_geo_networks[n].name; n++) {
		const struct sim_geo_country *c = country_of(sim_geo_networks[n].country);
		double all = 0;

		for (const struct sim_geo_network *k = sim_geo_networks; k->name; k++)
			all += strcmp(k->country, sim_geo_networks[n].country) == 0 ? k->share : 0;
		if (c)
			count += pair_network(n, c, sim_geo_networks[n].share / all, out + count,
					      PAIRS_MAX - count);
	}
	return count;
}

static int by_order(const void *a, const void *b)
{
	uint64_t x = ((const struct piece *)a)->order, y = ((const struct piece *)b)->order;

	return x < y ? -1 : x > y;
}

static unsigned registry_room(unsigned registry)
{
	return (unsigned)strlen((const char *)registry_blocks[registry]) * BLOCKS_PER_8;
}

/** cut_pieces() - the blocks of one registry's pairs, shuffled. Returns the count. */
static unsigned cut_pieces(unsigned registry, struct pair *pairs, unsigned count, struct piece *out)
{
	unsigned room = registry_room(registry) * CARVED_PERCENT / 100, pieces = 0, least = 0;
	double sum = 0;

	for (unsigned i = 0; i < count; i++)
		if (pairs[i].registry == registry) {
			sum += pairs[i].weight;
			least++;
		}
	for (unsigned i = 0; i < count; i++) {
		unsigned blocks, part;

		if (pairs[i].registry != registry || least >= room)
			continue;
		blocks = pairs[i].blocks =
			1 + (unsigned)((double)pairs[i].weight / sum * (room - least));
		for (; blocks; blocks -= part, pieces++) {
			part = blocks >= PIECE_MAX ? PIECE_MAX : 1u << (31 - __builtin_clz(blocks));
			out[pieces] = (struct piece){
				.order = sim_draw(CARVE_KEY + 2, i, blocks),
				.pair = (uint16_t)i,
				.blocks = (uint16_t)part,
			};
		}
	}
	qsort(out, pieces, sizeof(*out), by_order);
	return pieces;
}

/** lay_pieces() - one after the other over the registry's /8s; none crosses a /8's end. */
static unsigned lay_pieces(unsigned registry, const struct pair *pairs, const struct piece *pieces,
			   unsigned count, struct sim_geo_row *rows)
{
	unsigned at = 0, room = registry_room(registry), laid = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct pair *p = &pairs[pieces[i].pair];
		unsigned left = BLOCKS_PER_8 - at % BLOCKS_PER_8;

		if (pieces[i].blocks > left)
			at += left;
		if (at + pieces[i].blocks > room)
			return 0;
		rows[laid++] = (struct sim_geo_row){
			.ip = (uint32_t)registry_blocks[registry][at / BLOCKS_PER_8] << 24 |
			      (at % BLOCKS_PER_8) << BLOCK_BITS,
			.size = (uint32_t)pieces[i].blocks << BLOCK_BITS,
			.network = p->network,
			.city = p->city,
			.weight = p->weight * (float)pieces[i].blocks / (float)p->blocks,
		};
		at += pieces[i].blocks;
	}
	return laid;
}

static int by_ip(const void *a, const void *b)
{
	uint32_t x = ((const struct sim_geo_row *)a)->ip, y = ((const struct sim_geo_row *)b)->ip;

	return x < y ? -1 : x > y;
}

/** carve() - all registries; @rows has room for every block there is. */
static int carve(struct pair *pairs, unsigned count, struct piece *pieces, struct sim_geo_row *rows)
{
	int laid = 0;

	for (unsigned r = 0; r < SIM_REGISTRIES; r++) {
		unsigned cut = cut_pieces(r, pairs, count, pieces);
		unsigned got = lay_pieces(r, pairs, pieces, cut, rows + laid);

		if (got != cut)
			return DT_ERANGE;
		laid += (int)got;
	}
	qsort(rows, (size_t)laid, sizeof(*rows), by_ip);
	return laid;
}

int sim_geo_own_rows(struct sim_geo_row **out)
{
	struct pair *pairs = calloc(PAIRS_MAX, sizeof(*pairs));
	struct piece *pieces = NULL;
	unsigned blocks = 0;
	int n = -ENOMEM;

	*out = NULL;
	for (unsigned r = 0; r < SIM_REGISTRIES; r++)
		blocks += registry_room(r);
	pieces = calloc(blocks, sizeof(*pieces));
	*out = calloc(blocks, sizeof(**out));
	if (pairs && pieces && *out)
		n = carve(pairs, make_pairs(pairs), pieces, *out);
	free(pairs);
	free(pieces);
	if (n < 0) {
		free(*out);
		*out = NULL;
	}
	return n;
}

static void write_row(FILE *f, const struct sim_geo_row *r, const struct sim_geo_roads *roads)
{
	const struct sim_geo_network *net = &sim_geo_networks[r->network];
	const struct sim_geo_city *city = &sim_geo_cities[r->city];
	uint32_t last = r->ip + r->size - 1;
	struct sim_geo_point at;

	sim_geo_point(r->city, sim_draw(CARVE_KEY + 3, r->ip, 0), roads, &at);
	fprintf(f, "%u.%u.%u.%u\t%u.%u.%u.%u\t%u\t%s\t%s\t%s\t%.4f\t%.4f\t%.0f\n", r->ip >> 24,
		r->ip >> 16 & 255, r->ip >> 8 & 255, r->ip & 255, last >> 24, last >> 16 & 255,
		last >> 8 & 255, last & 255, net->asn, net->name, net->country, city->name,
		(double)at.lat, (double)at.lon, (double)at.radius_km);
}

static int write_rows(FILE *f, const struct sim_geo_row *rows, int count)
{
	struct sim_geo_roads *roads;
	int err = sim_geo_roads(&roads);

	if (err)
		return err;
	fputs("# dht-telescope geo table v1\n"
	      "# a simulation's own Earth: real networks and cities, invented address ranges\n"
	      "# start\tend\tasn\torg\tcountry\tcity\tlat\tlon\tradius_km\n",
	      f);
	for (int i = 0; i < count; i++)
		write_row(f, &rows[i], roads);
	free(roads);
	return ferror(f) ? -EIO : 0;
}

int sim_geo_own_write(const char *path)
{
	struct sim_geo_row *rows;
	int count = sim_geo_own_rows(&rows), err;
	FILE *f;

	if (count < 0)
		return count;
	f = fopen(path, "we");
	if (!f) {
		err = -errno;
		free(rows);
		return err;
	}
	err = write_rows(f, rows, count);
	if (fclose(f) != 0 && !err)
		err = -errno;
	free(rows);
	return err;
}
