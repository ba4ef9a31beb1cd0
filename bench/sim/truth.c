/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/world.h"

enum { SCORE_OUTSIDE = -1, SCORE_UNKNOWN, SCORE_MENTIONED, SCORE_ANSWERED }; /* lookup() */

/** When a census is compared with the truth. */
enum { AT_START, AT_MIDDLE, AT_END, INSTANTS };

struct instants {
	struct sim_tide at[INSTANTS];
};

static void look_at(const struct sim_world *w, struct instants *out)
{
	uint32_t start = w->presence.began_s, end = w->presence.now.now_s;

	presence_tide(w, start, &out->at[AT_START]);
	presence_tide(w, start + (end - start) / 2, &out->at[AT_MIDDLE]);
	presence_tide(w, end, &out->at[AT_END]);
}

/** was_there() - at any time of the census; asked of the few who came and went in between. */
static bool was_there(const struct sim_world *w, uint32_t n)
{
	enum { LOOKS = 256 };
	uint32_t start = w->presence.began_s, span = w->presence.now.now_s - start;
	struct sim_tide t;

	if (nature_is_silent(world_nature(w, n)))
		return false;

	for (uint32_t i = 0; i <= span && i < LOOKS; i++) {
		presence_tide(
			w, start + (span < LOOKS ? i : (uint32_t)((uint64_t)span * i / LOOKS)), &t);
		if (presence_in(w, n, world_mood(w, n), &t))
			return true;
	}
	return false;
}

struct here {
	bool at[INSTANTS];
};

static struct here when_here(const struct sim_world *w, uint32_t n, const struct instants *t)
{
	uint64_t mood = world_mood(w, n);
	bool silent = nature_is_silent(world_nature(w, n));
	struct here h;

	for (unsigned i = 0; i < INSTANTS; i++)
		h.at[i] = silent              ? false
			  : w->presence.moves ? presence_in(w, n, mood, &t->at[i])
					      : mood_alive(w, n, mood);
	return h;
}

void sim_score(const struct sim_world *w,
	       int (*lookup)(void *ctx, const struct endpoint *ep, struct nodeid *id), void *ctx,
	       struct sim_truth *out)
{
	struct sim_truth t = { .estimate_error = NAN };
	struct instants instants;
	uint64_t young = 0, young_seen = 0;

	look_at(w, &instants);
	for (uint32_t n = 0; n < w->nodes; n++) {
		struct here here = when_here(w, n, &instants);
		struct endpoint ep = world_contact(w, n);
		struct nodeid said, own = { { 0 } };
		int state;

		world_said_id(w, n, own.b);
		said = own;
		state = lookup(ctx, &ep, &said);
		if (state == SCORE_OUTSIDE)
			continue;
		t.live_start += here.at[AT_START];
		t.live += here.at[AT_MIDDLE];
		t.live_end += here.at[AT_END];
		if (here.at[AT_START] && here.at[AT_END]) {
			t.stayed++;
			t.seen += state != SCORE_UNKNOWN;
			t.answered += state == SCORE_ANSWERED;
			if (mood_age(world_mood(w, n)) == SIM_YOUNG) {
				young++;
				young_seen += state != SCORE_UNKNOWN;
			}
		}
		if (state != SCORE_ANSWERED)
			continue;
		if (!here.at[AT_START] && !here.at[AT_MIDDLE] && !here.at[AT_END] &&
		    !(w->presence.moves && was_there(w, n))) {
			t.false_nodes++;
			continue;
		}
		t.heard++;
		t.wrong_ids += !nodeid_equal(&own, &said);
	}
	t.recall = t.stayed ? (double)t.answered / (double)t.stayed : 0;
	t.seen_share = t.stayed ? (double)t.seen / (double)t.stayed : 0;
	t.young_seen_share = young ? (double)young_seen / (double)young : NAN;
	*out = t;
}

/** path_of() - DIR/NAME; false where it does not fit. */
static bool path_of(char out[static PATH_MAX], const char *dir, const char *name)
{
	int len = snprintf(out, PATH_MAX, "%s/%s", dir, name);

	return len > 0 && len < PATH_MAX;
}

enum { PRESENCE_HOURS = 24, HOUR_S = 3600 };

/** presence() - a digit an hour. */
static const char *presence(const struct sim_world *w, uint32_t n, const struct sim_tide *day,
			    char out[static PRESENCE_HOURS + 1])
{
	for (unsigned h = 0; h < PRESENCE_HOURS; h++)
		out[h] = presence_in(w, n, world_mood(w, n), &day[h]) ? '1' : '0';
	out[PRESENCE_HOURS] = 0;
	return out;
}

/** write_node() - @day: the hours to come, NULL in a world that stands still. */
static void write_node(FILE *f, const struct sim_world *w, uint32_t n, const struct sim_tide *day)
{
	char hours[PRESENCE_HOURS + 1];
	char hex[2 * NODEKEY_BYTES + 1], public[ENDPOINT_TEXT_MAX], alias[ENDPOINT_TEXT_MAX];
	struct sim_node node;
	struct nodekey key;

	sim_world_node(w, n, &node);
	key = nodekey_from_id(&node.id);
	fprintf(f, "%s,%s,%s,%d,%s%s%s\n", nodekey_to_hex(&key, hex),
		endpoint_to_text(&node.public_ep, public), endpoint_to_text(&node.alias, alias),
		node.live, sim_nature_name(nature_truth(w, n)), day ? "," : "",
		day ? presence(w, n, day, hours) : "");
}

static int write_nodes(const struct sim_world *w, const char *path)
{
	FILE *f = fopen(path, "we");
	struct sim_tide day[PRESENCE_HOURS];
	bool moves = w->presence.moves;
	int err = 0;

	if (!f)
		return -errno;
	for (unsigned h = 0; h < PRESENCE_HOURS; h++)
		presence_tide(w, w->presence.now.now_s + h * HOUR_S, &day[h]);
	fprintf(f, "id,endpoint,alias,live,class%s\n", moves ? ",presence" : "");
	for (uint32_t n = 0; n < w->nodes && !ferror(f); n++)
		write_node(f, w, n, moves ? day : NULL);
	if (ferror(f))
		err = -EIO;
	if (fclose(f) != 0 && !err)
		err = -errno;
	return err;
}

int sim_truth_write(const struct sim_world *w, const char *dir)
{
	char path[PATH_MAX];
	int err;

	if (!path_of(path, dir, "truth.csv"))
		return -ENAMETOOLONG;
	err = write_nodes(w, path);
	if (err || !sim_world_geo_is_own(w))
		return err;
	return path_of(path, dir, "geo.tsv") ? sim_world_write_geo(w, path) : -ENAMETOOLONG;
}

bool sim_world_geo_is_own(const struct sim_world *w)
{
	return w->places->own;
}

int sim_world_write_geo(const struct sim_world *w, const char *path)
{
	return sim_world_geo_is_own(w) ? sim_geo_own_write(path) : DT_EUNSUPPORTED;
}
