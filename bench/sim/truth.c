/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/say.h"
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

/** struct looker - whom to ask what became of an endpoint; and the counts of the young. */
struct looker {
	int (*lookup)(void *ctx, const struct endpoint *ep, struct nodeid *id);
	void *ctx;
	uint64_t young, young_seen;
};

/** struct faces - what became of a node's IPv4 endpoints. */
struct faces {
	int best; /* SCORE_... of the one that came furthest */
	unsigned all, answered;
	struct nodeid said; /* by one that answered */
};

static struct faces look_up(const struct sim_world *w, uint32_t n, const struct nodeid *own,
			    const struct looker *l)
{
	struct faces f = { .best = SCORE_OUTSIDE };
	uint32_t seat = world_seat(w, n);

	for (unsigned kind = 0; kind < w->seats.kinds; kind++) {
		uint32_t face = face_of(w, seat, kind);
		struct nodeid said = *own;
		struct endpoint ep;
		int state;

		if (face_is6(w, face) || (kind && !peer_hears(w, n, face)))
			continue;
		ep = face_contact(w, face);
		state = l->lookup(l->ctx, &ep, &said);
		f.all++;
		f.answered += state == SCORE_ANSWERED;
		if (state == SCORE_ANSWERED)
			f.said = said;
		if (state > f.best)
			f.best = state;
	}
	return f;
}

/** says_its_id() - flappers and liars do not; what they are held for is sim_confuse()'s. */
static bool says_its_id(const struct sim_world *w, uint32_t n)
{
	enum sim_nature nature = world_nature(w, n);

	return nature != SIM_FLAPPER && nature != SIM_LIAR;
}

static enum sim_missed_who who_is(const struct sim_world *w, uint32_t n)
{
	if (w->opts.bad.cgn > 0 && seat_is_shared(w, world_seat(w, n)))
		return SIM_MISSED_SHARED;
	return peer_is_busy(w, n) ? SIM_MISSED_BUSY : SIM_MISSED_OTHER;
}

/** score_stayer() - one that could be asked at any time of the census. */
static void score_stayer(const struct sim_world *w, uint32_t n, int best, struct looker *l,
			 struct sim_truth *t)
{
	bool young = mood_age(world_mood(w, n)) == SIM_YOUNG;

	t->stayed++;
	t->seen += best != SCORE_UNKNOWN;
	t->answered += best == SCORE_ANSWERED;
	if (best != SCORE_ANSWERED)
		t->missed[best == SCORE_UNKNOWN ? SIM_MISSED_UNLISTED : SIM_MISSED_SILENT]
			 [who_is(w, n)]++;
	l->young += young;
	l->young_seen += young && best != SCORE_UNKNOWN;
}

/** score_node() - one that the census was about. */
static void score_node(const struct sim_world *w, uint32_t n, const struct nodeid *own,
		       struct here here, const struct faces *f, struct looker *l,
		       struct sim_truth *t)
{
	t->live_start += here.at[AT_START];
	t->live += here.at[AT_MIDDLE];
	t->live_end += here.at[AT_END];
	t->endpoints += here.at[AT_MIDDLE] ? f->all : 0;
	if (here.at[AT_START] && here.at[AT_END])
		score_stayer(w, n, f->best, l, t);
	if (f->best != SCORE_ANSWERED)
		return;
	if (!here.at[AT_START] && !here.at[AT_MIDDLE] && !here.at[AT_END] &&
	    !(w->presence.moves && was_there(w, n))) {
		t->false_nodes++;
		return;
	}
	t->heard += f->answered;
	t->wrong_ids += says_its_id(w, n) && !nodeid_equal(own, &f->said);
}

void sim_score(const struct sim_world *w,
	       int (*lookup)(void *ctx, const struct endpoint *ep, struct nodeid *id), void *ctx,
	       struct sim_truth *out)
{
	struct sim_truth t = { .estimate_error = NAN };
	struct looker l = { .lookup = lookup, .ctx = ctx };
	struct instants instants;

	look_at(w, &instants);
	for (uint32_t n = 0; n < w->nodes; n++) {
		struct here here = when_here(w, n, &instants);
		struct nodeid own = { { 0 } };
		struct faces f;

		world_said_id(w, n, own.b);
		f = look_up(w, n, &own, &l);
		if (f.best != SCORE_OUTSIDE)
			score_node(w, n, &own, here, &f, &l, &t);
	}
	t.recall = t.stayed ? (double)t.answered / (double)t.stayed : 0;
	t.seen_share = t.stayed ? (double)t.seen / (double)t.stayed : 0;
	t.young_seen_share = l.young ? (double)l.young_seen / (double)l.young : NAN;
	*out = t;
}

void sim_confuse(const struct sim_world *w, int (*classify)(void *ctx, const struct endpoint *ep),
		 void *ctx, struct sim_confusion *out)
{
	memset(out, 0, sizeof(*out));
	for (uint32_t n = 0; n < w->nodes; n++) {
		enum sim_nature nature = nature_truth(w, n);
		uint32_t seat = world_seat(w, n);

		for (unsigned kind = 0; kind < w->seats.kinds; kind++) {
			struct endpoint ep = face_contact(w, face_of(w, seat, kind));
			int k;

			if (kind && !peer_hears(w, n, face_of(w, seat, kind)))
				continue;
			k = classify(ctx, &ep);
			if (k >= 0 && k < SIGHTING_CLASSES)
				out->count[nature][k]++;
		}
	}
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
