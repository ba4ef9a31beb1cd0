/* SPDX-License-Identifier: MIT */
#include "viz/scene_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

uint32_t scene_view_seed(const struct endpoint *ep)
{
	return (uint32_t)XXH3_64bits(ep, sizeof(*ep));
}

static uint32_t first_bits(const struct nodekey *key)
{
	return (uint32_t)key->b[0] << 24 | (uint32_t)key->b[1] << 16 | (uint32_t)key->b[2] << 8 |
	       key->b[3];
}

/* In spaces other than the Earth one place holds everybody, and the seed says where in it. */
static void move_to(enum scene_space space, const struct store_node *n, struct scene_row *row)
{
	if (space == SCENE_EARTH)
		return;
	row->lat = row->lon = row->radius_km = 0;
	row->country_level = false;
	row->has_point = space == SCENE_IDS || endpoint_is4(&n->ep);
	row->seed = space == SCENE_IDS ? first_bits(&n->key) : endpoint_get_ip4(&n->ep);
}

static struct scene_row row_of(const struct store_node *n, enum group_kind group)
{
	return (struct scene_row){
		.first_s = n->first_answered_s ? n->first_answered_s : n->first_seen_s,
		.last_s = n->last_answered_s ? n->last_answered_s : n->last_seen_s,
		.asn = group == GROUP_NETWORK ? n->asn : group_of(group, n),
		.seed = scene_view_seed(&n->ep),
		.ordinal = n->ordinal,
		.lat = n->lat,
		.lon = n->lon,
		.radius_km = n->radius_km,
		.has_point = n->has_point,
		.country_level = n->country_level,
	};
}

/* What the store knows stays: it was looked up when the node was heard. */
static void fill_place(const struct geo *geo, struct store_node *n)
{
	struct geo_place p;

	if (!geo || (n->has_point && n->asn))
		return;
	geo_lookup(geo, &n->ep, &p);
	if (!n->asn)
		n->asn = p.asn;
	if (n->has_point || !p.has_point)
		return;
	n->has_point = true;
	n->country_level = p.country_level;
	n->lat = p.lat;
	n->lon = p.lon;
	n->radius_km = p.radius_km;
}

static int add_all(struct scene *s, struct store_view *v, const struct geo *geo)
{
	enum { BATCH = 128 };
	struct scene_row rows[BATCH];
	struct store_node n;
	unsigned count = 0;
	int got;

	store_view_rewind(v);
	while ((got = store_view_next(v, &n)) > 0) {
		fill_place(geo, &n);
		rows[count] = row_of(&n, (enum group_kind)s->group);
		move_to(s->space, &n, &rows[count++]);
		if (count == BATCH) {
			int err = scene_add(s, rows, count);

			if (err)
				return err;
			count = 0;
		}
	}
	return got < 0 ? got : scene_add(s, rows, count);
}

static void name_all(struct scene *s, struct store_view *v)
{
	for (unsigned i = 0; i < s->top_count; i++) {
		uint32_t group = s->networks[s->top[i].network].asn;

		group_name((enum group_kind)s->group, group, v, s->top[i].name);
	}
	store_view_attribution(v, s->attribution, sizeof(s->attribution));
}

/* One simulated census among others makes the whole picture a sample. */
static bool any_synthetic(struct store_view *v, uint32_t epochs)
{
	for (uint32_t id = 1; id <= epochs; id++) {
		struct store_epoch e;

		if (store_view_epoch(v, id, &e, NULL, 0) == 0 && e.synthetic)
			return true;
	}
	return false;
}

int scene_view_read(struct store_view *v, const struct scene_want *want, struct scene **out,
		    char why[static 256])
{
	struct store_counts counts;
	struct scene *s;
	int err = store_view_counts(v, &counts);

	if (err) {
		snprintf(why, 256, "the store cannot be counted: %s", dt_strerror(err));
		return err;
	}
	s = scene_new(counts.nodes);
	err = s ? 0 : -ENOMEM;
	if (!err) {
		s->space = want->space;
		s->group = want->group;
		err = want->numbered ? scene_number(s) : 0;
	}
	if (!err)
		err = add_all(s, v, want->geo);
	if (err) {
		snprintf(why, 256, "reading %llu nodes from the store: %s",
			 (unsigned long long)counts.nodes, dt_strerror(err));
		scene_free(s);
		return err;
	}
	scene_seal(s);
	name_all(s, v);
	s->synthetic = any_synthetic(v, counts.epochs);
	*out = s;
	return 0;
}
