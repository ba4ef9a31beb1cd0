/* SPDX-License-Identifier: MIT */
#include "viz/scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- growing tables ----------------------------------------------------------- */

/* Room for one more of @count items; doubling. */
static int make_room(void **list, uint32_t *room, uint32_t count, size_t item_bytes)
{
	void *grown;
	uint32_t next;

	if (count < *room)
		return 0;
	next = *room ? *room * 2 : 1024;
	grown = realloc(*list, next * item_bytes);
	if (!grown)
		return -ENOMEM;
	*list = grown;
	*room = next;
	return 0;
}

/* A power of two of slots, at most half of them taken. */
static int index_room(struct scene_index *ix, uint32_t count,
		      uint32_t (*hash_of)(const void *, uint32_t), const void *items)
{
	uint32_t slots = (ix->mask + 1) * 2, *fresh;

	if (ix->slots && count < (ix->mask + 1) / 2)
		return 0;
	if (!ix->slots)
		slots = 4096;
	fresh = calloc(slots, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = hash_of(items, i) & (slots - 1);

		while (fresh[at])
			at = (at + 1) & (slots - 1);
		fresh[at] = i + 1;
	}
	free(ix->slots);
	ix->slots = fresh;
	ix->mask = slots - 1;
	return 0;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint32_t place_hash(const struct scene_place *p)
{
	uint32_t lat, lon, radius;

	memcpy(&lat, &p->lat, 4);
	memcpy(&lon, &p->lon, 4);
	memcpy(&radius, &p->radius_km, 4);
	return (uint32_t)mix(((uint64_t)lat << 32 | lon) + radius * 0x9e3779b97f4a7c15ull +
			     p->country_level);
}

static uint32_t place_hash_at(const void *list, uint32_t i)
{
	return place_hash((const struct scene_place *)list + i);
}

static uint32_t network_hash(uint32_t asn)
{
	return (uint32_t)mix(asn + 0x9e3779b97f4a7c15ull);
}

static uint32_t network_hash_at(const void *list, uint32_t i)
{
	return network_hash(((const struct scene_network *)list + i)->asn);
}

static bool place_same(const struct scene_place *a, const struct scene_place *b)
{
	return a->lat == b->lat && a->lon == b->lon && a->radius_km == b->radius_km &&
	       a->country_level == b->country_level;
}

/* Index of the place whose hash is @at, added where new. */
static int place_of(struct scene *s, const struct scene_place *p, uint32_t at, uint32_t *out)
{
	struct scene_index *ix = &s->place_index;
	int err = index_room(ix, s->place_count, place_hash_at, s->places);

	if (err)
		return err;
	for (at &= ix->mask; ix->slots[at]; at = (at + 1) & ix->mask) {
		*out = ix->slots[at] - 1;
		if (place_same(&s->places[*out], p))
			return 0;
	}
	err = make_room((void **)&s->places, &ix->room, s->place_count, sizeof(*p));
	if (err)
		return err;
	*out = s->place_count++;
	s->places[*out] = *p;
	ix->slots[at] = *out + 1;
	return 0;
}

static int network_of(struct scene *s, uint32_t asn, uint32_t at, uint32_t *out)
{
	struct scene_index *ix = &s->network_index;
	int err = index_room(ix, s->network_count, network_hash_at, s->networks);

	if (err)
		return err;
	for (at &= ix->mask; ix->slots[at]; at = (at + 1) & ix->mask) {
		*out = ix->slots[at] - 1;
		if (s->networks[*out].asn == asn)
			return 0;
	}
	err = make_room((void **)&s->networks, &ix->room, s->network_count, sizeof(*s->networks));
	if (err)
		return err;
	*out = s->network_count++;
	s->networks[*out] = (struct scene_network){ .asn = asn };
	ix->slots[at] = *out + 1;
	return 0;
}

/* ---- filling ------------------------------------------------------------------- */

struct scene *scene_new(uint64_t nodes)
{
	struct scene *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (nodes > SCENE_NODES_MAX)
		nodes = SCENE_NODES_MAX;
	s->node_room = (uint32_t)nodes;
	s->nodes = nodes ? malloc(nodes * sizeof(*s->nodes)) : NULL;
	if (nodes && !s->nodes) {
		free(s);
		return NULL;
	}
	return s;
}

void scene_free(struct scene *s)
{
	if (!s)
		return;
	free(s->nodes);
	free(s->ordinals);
	free(s->places);
	free(s->networks);
	free(s->place_index.slots);
	free(s->network_index.slots);
	free(s);
}

int scene_number(struct scene *s)
{
	s->ordinals = malloc(((size_t)s->node_room + 1) * sizeof(*s->ordinals));
	return s->ordinals ? 0 : -ENOMEM;
}

/* Unix seconds fit 32 bits until 2106; what a broken clock wrote beyond stays there. */
static uint32_t seconds(uint64_t t)
{
	return t < UINT32_MAX ? (uint32_t)t : UINT32_MAX;
}

static void widen_range(struct scene *s, const struct scene_node *n)
{
	if (n->first_s && (!s->first_s || n->first_s < s->first_s))
		s->first_s = n->first_s;
	if (n->last_s > s->last_s)
		s->last_s = n->last_s;
}

static bool on_earth(const struct scene_row *row)
{
	return row->has_point && row->lat >= -90 && row->lat <= 90 && row->lon >= -180 &&
	       row->lon <= 180;
}

/* Rows are looked up by the block: 16 hold the memory of both tables busy at once. */
enum { BLOCK = 16 };

struct block {
	struct scene_place place[BLOCK];
	uint32_t place_hash[BLOCK], network_hash[BLOCK];
	bool located[BLOCK];
};

static struct scene_place place_of_row(const struct scene_row *row)
{
	return (struct scene_place){
		/* adding nought makes one of -0 and 0 */
		.lat = row->lat + 0.0f,
		.lon = row->lon + 0.0f,
		.radius_km = row->radius_km > 0 && row->radius_km < 20038 ? row->radius_km : 0,
		.country_level = row->country_level,
	};
}

static const void *slot_of(const struct scene_index *ix, uint32_t hash)
{
	return ix->slots ? &ix->slots[hash & ix->mask] : NULL;
}

static uint32_t guess_of(const struct scene_index *ix, uint32_t hash)
{
	uint32_t slot = ix->slots ? ix->slots[hash & ix->mask] : 0;

	return slot ? slot - 1 : 0;
}

/* Hashes, and the memory behind them on its way into the cache. */
static void prepare(const struct scene *s, const struct scene_row *rows, unsigned count,
		    struct block *b)
{
	for (unsigned i = 0; i < count; i++) {
		b->located[i] = on_earth(&rows[i]);
		b->place[i] = place_of_row(&rows[i]);
		b->place_hash[i] = place_hash(&b->place[i]);
		b->network_hash[i] = network_hash(rows[i].asn);
		__builtin_prefetch(slot_of(&s->place_index, b->place_hash[i]));
		__builtin_prefetch(slot_of(&s->network_index, b->network_hash[i]));
	}
	for (unsigned i = 0; i < count; i++) {
		__builtin_prefetch(s->places + guess_of(&s->place_index, b->place_hash[i]), 1);
		__builtin_prefetch(s->networks + guess_of(&s->network_index, b->network_hash[i]),
				   1);
	}
}

static int add_one(struct scene *s, const struct scene_row *row, const struct block *b, unsigned i)
{
	struct scene_node n = { .place = SCENE_NOWHERE, .seed = row->seed };
	int err = network_of(s, row->asn, b->network_hash[i], &n.network);

	if (!err && b->located[i])
		err = place_of(s, &b->place[i], b->place_hash[i], &n.place);
	if (err)
		return err;
	s->networks[n.network].nodes++;
	if (n.place == SCENE_NOWHERE) {
		s->unlocated++;
	} else {
		s->places[n.place].nodes++;
		row->country_level ? s->country_level++ : s->located++;
	}
	n.last_s = seconds(row->last_s);
	n.first_s = row->first_s ? seconds(row->first_s) : n.last_s;
	widen_range(s, &n);
	if (s->ordinals)
		s->ordinals[s->node_count] = row->ordinal;
	s->nodes[s->node_count++] = n;
	return 0;
}

int scene_add(struct scene *s, const struct scene_row *rows, unsigned count)
{
	struct block b;

	for (unsigned at = 0; at < count; at += BLOCK) {
		unsigned n = count - at < BLOCK ? count - at : BLOCK;
		int err = s->node_count + n > SCENE_NODES_MAX ? DT_EFULL : 0;
		uint32_t room = s->node_room;

		if (!err)
			err = make_room((void **)&s->nodes, &s->node_room, s->node_count + n - 1,
					sizeof(*s->nodes));
		if (!err && s->ordinals)
			err = make_room((void **)&s->ordinals, &room, s->node_count + n - 1,
					sizeof(*s->ordinals));
		if (!err)
			prepare(s, rows + at, n, &b);
		for (unsigned i = 0; i < n && !err; i++)
			err = add_one(s, &rows[at + i], &b, i);
		if (err)
			return err;
	}
	return 0;
}

/* Before @b in the legend? Equal counts by number, so that the order is one. */
static bool ranks_before(const struct scene_network *a, const struct scene_network *b)
{
	return a->nodes != b->nodes ? a->nodes > b->nodes : a->asn < b->asn;
}

void scene_seal(struct scene *s)
{
	s->top_count = 0;
	for (uint32_t i = 0; i < s->network_count; i++) {
		const struct scene_network *n = &s->networks[i];
		unsigned at = s->top_count;

		if (n->asn == 0)
			continue;
		while (at > 0 && ranks_before(n, &s->networks[s->top[at - 1].network]))
			at--;
		if (at == SCENE_TOP)
			continue;
		if (s->top_count < SCENE_TOP)
			s->top_count++;
		memmove(&s->top[at + 1], &s->top[at], (s->top_count - 1 - at) * sizeof(s->top[0]));
		s->top[at] = (struct scene_top){ .network = i };
		snprintf(s->top[at].name, sizeof(s->top[at].name), "AS%u", n->asn);
	}
}
