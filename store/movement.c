/* SPDX-License-Identifier: MIT */
#include "store/movement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "store/count.h"
#include "store/radix.h"
#include "store/view.h"

enum {
	NETWORKS_MAX = 1 << 20,
	COUNTRIES_MAX = 1 << 12,
	PLACES_MAX = 1 << 21,
};

struct node {
	uint64_t endpoint; /* a hash: two of 10 M collide once in a hundred thousand stores */
	uint32_t id;       /* rows of one id have one number */
	uint32_t asn;
	uint32_t place; /* latitude and longitude as the store has them; see has_place */
	uint16_t country;
	uint16_t has_place;
};
_Static_assert(sizeof(struct node) == 24, "one cache line at most for each node");

struct movement {
	uint32_t space;
	struct node node[];
};

/* ---- reading ----------------------------------------------------------------------- */

static struct node node_of(const struct endpoint *ep, const struct record *r, uint32_t id)
{
	uint8_t key[18];

	memcpy(key, ep->addr, 16);
	memcpy(key + 16, &ep->port, 2);
	return (struct node){ .endpoint = XXH3_64bits(key, sizeof(key)),
			      .id = id,
			      .asn = r->place.asn,
			      .place = (uint32_t)r->place.lat_q << 16 | r->place.lon_q,
			      .country = (uint16_t)((uint8_t)r->place.country[0] << 8 |
						    (uint8_t)r->place.country[1]),
			      .has_place = r->place.has_point };
}

static int read_nodes(struct store_view *v, struct movement *m)
{
	struct nodeid last = { { 0 } }, id;
	struct endpoint ep;
	uint32_t number = 0;
	struct record r;
	int rc;

	store_view_rewind(v);
	while ((rc = view_next_record(v, &id, &ep, &r)) == 1) {
		if (r.ordinal >= m->space)
			return DT_ECORRUPT;
		/* Nodes come by id. */
		number += !nodeid_equal(&id, &last);
		last = id;
		m->node[r.ordinal] = node_of(&ep, &r, number);
	}
	store_view_rewind(v);
	return rc;
}

int movement_new(struct store_view *v, struct movement **out)
{
	struct store_counts n;
	struct movement *m;
	int rc = store_view_counts(v, &n);

	if (rc < 0)
		return rc;
	if (n.nodes > UINT32_MAX)
		return DT_ECORRUPT;
	m = calloc(1, sizeof(*m) + n.nodes * sizeof(m->node[0]));
	if (!m)
		return -ENOMEM;
	m->space = (uint32_t)n.nodes;
	rc = read_nodes(v, m);
	if (rc < 0) {
		free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void movement_free(struct movement *m)
{
	free(m);
}

/* ---- two times --------------------------------------------------------------------- */

/* The nodes of one time that are not in the other, under what they are compared by. */
struct rest {
	struct radix_ref *rows, *tmp;
	uint32_t count;
};

static void rest_free(struct rest *r)
{
	free(r->rows);
	free(r->tmp);
}

static uint64_t only_in(const struct presence *a, const struct presence *b, uint32_t word)
{
	return a->words[word] & ~b->words[word];
}

static int rest_of(const struct movement *m, const struct presence *a, const struct presence *b,
		   struct rest *out)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w <= m->space / 64; w++)
		n += (uint64_t)__builtin_popcountll(only_in(a, b, w));
	out->rows = malloc((n + 1) * sizeof(*out->rows));
	out->tmp = malloc((n + 1) * sizeof(*out->tmp));
	if (!out->rows || !out->tmp)
		return -ENOMEM;
	for (uint32_t w = 0; w <= m->space / 64; w++) {
		for (uint64_t bits = only_in(a, b, w); bits; bits &= bits - 1) {
			uint32_t o = w * 64 + (uint32_t)__builtin_ctzll(bits);

			out->rows[out->count++] =
				(struct radix_ref){ .prefix = m->node[o].id, .row = o };
		}
	}
	return 0;
}

/* Pairs of equal keys are counted, one for one; what is without a partner stays. */
static uint64_t pair_up(struct rest *a, struct rest *b)
{
	uint32_t i = 0, j = 0, keep_a = 0, keep_b = 0;
	uint64_t pairs = 0;

	radix_sort(a->rows, a->tmp, a->count);
	radix_sort(b->rows, b->tmp, b->count);
	while (i < a->count && j < b->count) {
		if (a->rows[i].prefix < b->rows[j].prefix) {
			a->rows[keep_a++] = a->rows[i++];
		} else if (a->rows[i].prefix > b->rows[j].prefix) {
			b->rows[keep_b++] = b->rows[j++];
		} else {
			pairs++;
			i++;
			j++;
		}
	}
	while (i < a->count)
		a->rows[keep_a++] = a->rows[i++];
	while (j < b->count)
		b->rows[keep_b++] = b->rows[j++];
	a->count = keep_a;
	b->count = keep_b;
	return pairs;
}

static void by_endpoint(const struct movement *m, struct rest *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		r->rows[i].prefix = m->node[r->rows[i].row].endpoint;
}

int movement_between(const struct movement *m, const struct presence *a, const struct presence *b,
		     struct movement_counts *out)
{
	struct rest left = { .count = 0 }, joined = { .count = 0 };
	int rc = a->space == m->space && b->space == m->space ? 0 : DT_ERANGE;

	*out = (struct movement_counts){ .before = a->count, .after = b->count };
	if (rc == 0)
		rc = rest_of(m, a, b, &left);
	if (rc == 0)
		rc = rest_of(m, b, a, &joined);
	if (rc == 0) {
		out->stayed = a->count - left.count;
		out->moved = pair_up(&left, &joined);
		by_endpoint(m, &left);
		by_endpoint(m, &joined);
		out->changed_id = pair_up(&left, &joined);
		out->left = left.count;
		out->joined = joined.count;
	}
	rest_free(&left);
	rest_free(&joined);
	return rc;
}

/* ---- one time ----------------------------------------------------------------------- */

struct look {
	struct count networks, countries, places;
	struct movement_look *out;
};

static int look_at(struct look *l, const struct node *n)
{
	int rc = n->asn ? count_add(&l->networks, n->asn, NETWORKS_MAX) : 0;

	if (rc >= 0 && n->country)
		rc = count_add(&l->countries, n->country, COUNTRIES_MAX);
	if (rc >= 0 && n->has_place) {
		l->out->placed++;
		rc = count_add(&l->places, n->place, PLACES_MAX);
	}
	return rc < 0 ? rc : 0;
}

static int look_at_all(struct look *l, const struct movement *m, const struct presence *p)
{
	int rc = 0;

	for (uint32_t w = 0; w <= m->space / 64 && rc == 0; w++)
		for (uint64_t bits = p->words[w]; bits && rc == 0; bits &= bits - 1)
			rc = look_at(l, &m->node[w * 64 + (uint32_t)__builtin_ctzll(bits)]);
	return rc;
}

static void put_tops(struct look *l, struct store_view *v)
{
	struct movement_look *out = l->out;
	struct count_slot top[MOVEMENT_TOP];

	out->networks = count_keys(&l->networks);
	out->network_rows = count_top(&l->networks, top, MOVEMENT_TOP);
	for (unsigned i = 0; i < out->network_rows; i++) {
		out->top_networks[i].asn = top[i].key;
		out->top_networks[i].nodes = top[i].times;
		store_view_org(v, top[i].key, out->top_networks[i].name);
	}
	out->countries = count_keys(&l->countries);
	out->country_rows = count_top(&l->countries, top, MOVEMENT_TOP);
	for (unsigned i = 0; i < out->country_rows; i++) {
		out->top_countries[i].nodes = top[i].times;
		out->top_countries[i].name[0] = (char)(top[i].key >> 8);
		out->top_countries[i].name[1] = (char)top[i].key;
	}
	out->places = count_keys(&l->places);
	if (!count_top(&l->places, top, 1))
		return;
	out->densest = top[0].times;
	out->densest_lat = (float)(top[0].key >> 16) * 180 / UINT16_MAX - 90;
	out->densest_lon = (float)(top[0].key & UINT16_MAX) * 360 / UINT16_MAX - 180;
}

int movement_look(const struct movement *m, struct store_view *v, const struct presence *p,
		  struct movement_look *out)
{
	struct look l = { .out = out };
	int rc = p->space == m->space ? 0 : DT_ERANGE;

	memset(out, 0, sizeof(*out));
	out->nodes = p->count;
	count_init(&l.networks);
	count_init(&l.countries);
	count_init(&l.places);
	if (rc == 0)
		rc = look_at_all(&l, m, p);
	if (rc == 0)
		put_tops(&l, v);
	count_fini(&l.networks);
	count_fini(&l.countries);
	count_fini(&l.places);
	return rc;
}
