/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "viz/room.h"

#include "viz/reel_impl.h"

/**
 * DOC: light from a log of sightings. A node is lit at each sighting and for
 * hold_s after it (the time between two censuses: nobody could know better), then
 * fades until the next one. All there is to keep is when each was last seen.
 *
 * Who will stop being lit, or go dark, within the chunk at hand stands in a list
 * of that frame; whoever was seen again meanwhile is passed over there.
 */

/* A node, and when it had last been seen: whoever was seen since stands elsewhere as well. */
struct entry {
	uint32_t node, last_s;
};

struct list {
	struct entry *list;
	uint32_t count, room;
};

struct reel_log {
	uint32_t *last_s;                    /* per node of the cast; 0 = not yet */
	struct list due[FILM_CHUNK];         /* per frame of the chunk: who may leave or go dark */
	struct list born[REEL_SPARK_FRAMES]; /* ring of frames: who was seen for the first time */
	int64_t consumed_s;                  /* sightings up to here are in @last_s */
	bool begun;
};

/* Of the @n in @node the one at @i is at hand: when those behind it were seen is sent for. */
static inline void last_soon(const struct reel_log *l, const uint32_t *node, int i, int n)
{
	enum { AHEAD = 24 };

	if (i + AHEAD < n)
		__builtin_prefetch(&l->last_s[node[i + AHEAD]], 1);
}

static int keep(struct list *l, uint32_t node, uint32_t last_s)
{
	if (l->count == l->room) {
		uint32_t room = l->room ? 2 * l->room : 256;
		struct entry *grown = realloc(l->list, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->list = grown;
		l->room = room;
	}
	l->list[l->count++] = (struct entry){ node, last_s };
	return 0;
}

int reel_log_open(struct reel *r)
{
	r->log = calloc(1, sizeof(*r->log));
	if (!r->log)
		return -ENOMEM;
	r->log->last_s = room_zeroed((size_t)r->o.cast->count + 1, sizeof(*r->log->last_s));
	return r->log->last_s ? 0 : -ENOMEM;
}

void reel_log_close(struct reel *r)
{
	if (!r->log)
		return;
	for (unsigned i = 0; i < FILM_CHUNK; i++)
		free(r->log->due[i].list);
	for (unsigned i = 0; i < REEL_SPARK_FRAMES; i++)
		free(r->log->born[i].list);
	free(r->log->last_s);
	free(r->log);
	r->log = NULL;
}

/* When one last seen at @last_s stops being lit, and when it is dark. */
static int64_t leaves_at(const struct reel *r, int64_t last_s)
{
	const struct film_plan *p = r->o.plan;
	int64_t shine = (int64_t)p->shine_s;

	if (p->half_life_s > 0)
		return last_s + r->o.hold_s;
	if (p->cutoff_s <= 0)
		return INT64_MAX;
	return last_s + (shine > r->o.hold_s ? shine : r->o.hold_s);
}

static int64_t dark_at(const struct reel *r, int64_t last_s)
{
	int64_t leaves = leaves_at(r, last_s);

	return r->o.plan->half_life_s > 0 ? leaves + (int64_t)r->o.plan->shine_s : leaves;
}

static bool is_alight(const struct reel *r, uint32_t last_s, int64_t at)
{
	return last_s && dark_at(r, last_s) > at;
}

static void shed_at(struct reel *r, struct plates_rows rows, uint32_t i, uint32_t last_s,
		    int64_t at, int sign)
{
	const struct cast_node *n = &r->o.cast->nodes[i];
	int64_t leaves;
	struct plates_dot dot;

	if (!is_alight(r, last_s, at) || n->at & CAST_OFF)
		return;
	leaves = leaves_at(r, last_s);
	dot = reel_dot(r, n);
	if (leaves > at) {
		plates_live(&r->plates, rows, &dot, sign);
		return;
	}
	dot.weight *= reel_stored(r, leaves);
	plates_fade(&r->plates, rows, &dot, sign);
}

static void shed(struct reel *r, struct plates_rows rows, uint32_t i, int64_t at, int sign)
{
	shed_at(r, rows, i, r->log->last_s[i], at, sign);
}

/* Is a time within the steps of the chunk that follow its first frame? Then in which. */
static bool frame_of(const struct reel *r, int64_t time, unsigned *out)
{
	int64_t begin = film_plan_at(r->o.plan, r->chunk), step = r->o.plan->step_s, k;

	if (time <= begin || time > begin + step * (FILM_CHUNK - 1))
		return false;
	k = (time - begin + step - 1) / step;
	*out = (unsigned)k;
	return true;
}

/* @i, seen at @last_s, into the lists of the frames in which it would leave and go dark. */
static int note_due(struct reel *r, uint32_t i, uint32_t last_s)
{
	int64_t leaves = leaves_at(r, last_s);
	unsigned k = 0, dark;
	int err = 0;

	if (leaves == INT64_MAX)
		return 0;
	if (frame_of(r, leaves, &k))
		err = keep(&r->log->due[k], i, last_s);
	if (!err && r->o.plan->half_life_s > 0 && frame_of(r, dark_at(r, last_s), &dark) &&
	    dark != k)
		err = keep(&r->log->due[dark], i, last_s);
	return err;
}

/* Sightings up to a frame into @last_s alone: what is skipped is not drawn. */
static int skip_to(struct reel *r, uint32_t f)
{
	struct reel_log *l = r->log;
	int64_t to = film_plan_at(r->o.plan, f);
	int n;
	const uint32_t *node, *time;

	while ((n = sights_until(r->o.sights, to, &node, &time)) > 0)
		for (int i = 0; i < n; i++) {
			/* the frame in which it came, for those that are still sparks at @f */
			int64_t back = (to - time[i]) / r->o.plan->step_s;

			last_soon(l, node, i, n);
			if (!l->last_s[node[i]] && back < REEL_SPARK_FRAMES &&
			    time[i] > r->o.plan->from_s &&
			    keep(&l->born[(f - (uint32_t)back) % REEL_SPARK_FRAMES], node[i],
				 time[i]))
				return -ENOMEM;
			l->last_s[node[i]] = time[i];
		}
	l->consumed_s = to;
	return n;
}

static int rebuild(struct reel *r, uint32_t f)
{
	const struct cast *c = r->o.cast;
	struct reel_log *l = r->log;
	int64_t at = film_plan_at(r->o.plan, f);
	int err = 0;

	for (unsigned k = 0; k < FILM_CHUNK; k++)
		l->due[k].count = 0;
	reel_rebuild(r, f, shed);
	reel_tally_clear(r);
	for (uint32_t i = 0; i < c->count && !err; i++) {
		if (!is_alight(r, l->last_s[i], at))
			continue;
		reel_tally_node(r, i, 1);
		err = note_due(r, i, l->last_s[i]);
	}
	for (uint32_t k = f < REEL_SPARK_FRAMES ? 0 : f - REEL_SPARK_FRAMES + 1;
	     r->o.sparks && k <= f; k++) {
		const struct list *born = &l->born[k % REEL_SPARK_FRAMES];
		float weight = reel_spark_weight(r, k);

		for (uint32_t i = 0; i < born->count; i++)
			reel_spark(r, &c->nodes[born->list[i].node], weight, 1);
	}
	return err;
}

/* Seen again: what it was goes, what it is comes. Lit before and after, nothing changes. */
static int sight(struct reel *r, uint32_t i, uint32_t time_s, uint32_t f)
{
	const struct plates_rows all = plates_all(&r->plates);
	int64_t at = film_plan_at(r->o.plan, f), before = at - r->o.plan->step_s;
	uint32_t last = r->log->last_s[i];
	bool was = is_alight(r, last, before);

	if (!last && time_s > r->o.plan->from_s) {
		if (keep(&r->log->born[f % REEL_SPARK_FRAMES], i, time_s))
			return -ENOMEM;
		if (r->o.sparks)
			reel_spark(r, &r->o.cast->nodes[i], reel_spark_weight(r, f), 1);
	}
	r->log->last_s[i] = time_s;
	if (!was || leaves_at(r, last) <= before || leaves_at(r, time_s) <= at) {
		shed_at(r, all, i, last, before, -1);
		shed_at(r, all, i, time_s, at, 1);
		r->changes++;
	}
	if (is_alight(r, time_s, at) != was)
		reel_tally_node(r, i, was ? -1 : 1);
	return note_due(r, i, time_s);
}

/* Its time has come, unless it was seen since. */
static void fall_due(struct reel *r, const struct entry *e, int64_t before, int64_t at)
{
	const struct plates_rows all = plates_all(&r->plates);

	/* seen in this very step: already as it should be */
	if (r->log->last_s[e->node] != e->last_s || (int64_t)e->last_s > before)
		return;
	shed_at(r, all, e->node, e->last_s, before, -1);
	shed_at(r, all, e->node, e->last_s, at, 1);
	r->changes++;
	if (!is_alight(r, e->last_s, at))
		reel_tally_node(r, e->node, -1);
}

/* Seen once more within one step: only what it is at the step's end changes. */
static int sight_again(struct reel *r, uint32_t i, uint32_t time_s, int64_t at)
{
	const struct plates_rows all = plates_all(&r->plates);
	uint32_t last = r->log->last_s[i];
	bool was = is_alight(r, last, at), is = is_alight(r, time_s, at);

	if (last == time_s)
		return 0;
	r->log->last_s[i] = time_s;
	if (leaves_at(r, last) <= at) {
		shed_at(r, all, i, last, at, -1);
		shed_at(r, all, i, time_s, at, 1);
		r->changes++;
	}
	if (was != is)
		reel_tally_node(r, i, is ? 1 : -1);
	return note_due(r, i, time_s);
}

static int step(struct reel *r, uint32_t f)
{
	enum { AHEAD = 24 };
	struct reel_log *l = r->log;
	int64_t at = film_plan_at(r->o.plan, f), before = at - r->o.plan->step_s;
	struct list *due = &l->due[f % FILM_CHUNK];
	const uint32_t *node, *time;
	int n, err = 0;

	l->born[f % REEL_SPARK_FRAMES].count = 0;
	while ((n = sights_until(r->o.sights, at, &node, &time)) > 0)
		for (int i = 0; i < n && !err; i++) {
			last_soon(l, node, i, n);
			err = (int64_t)l->last_s[node[i]] > before
				      ? sight_again(r, node[i], time[i], at)
				      : sight(r, node[i], time[i], f);
		}
	if (n < 0 || err)
		return n < 0 ? n : err;
	for (uint32_t i = 0; i < due->count; i++) {
		if (i + AHEAD < due->count)
			__builtin_prefetch(&l->last_s[due->list[i + AHEAD].node]);
		fall_due(r, &due->list[i], before, at);
	}
	l->consumed_s = at;
	r->frame = f;
	return 0;
}

static int begin(struct reel *r)
{
	struct reel_log *l = r->log;

	memset(l->last_s, 0, ((size_t)r->o.cast->count + 1) * sizeof(*l->last_s));
	l->begun = true;
	return sights_rewind(r->o.sights);
}

/* To the beginning of a chunk, drawing nothing on the way. */
static int jump(struct reel *r, uint32_t chunk)
{
	struct reel_log *l = r->log;
	int err = 0;

	if (!l->begun || r->frame == UINT32_MAX || chunk < r->frame)
		err = begin(r);
	for (unsigned k = 0; k < REEL_SPARK_FRAMES; k++)
		l->born[k].count = 0;
	if (!err)
		err = skip_to(r, chunk);
	if (!err)
		err = rebuild(r, chunk);
	r->frame = chunk;
	return err;
}

int reel_log_seek(struct reel *r, uint32_t f)
{
	uint32_t chunk = f - f % FILM_CHUNK;
	int err = 0;

	if (r->frame == UINT32_MAX || f < r->frame || r->frame < chunk - (chunk > 0))
		err = jump(r, chunk);
	while (!err && r->frame < f) {
		uint32_t next = r->frame + 1;

		if (next % FILM_CHUNK) {
			err = step(r, next);
			continue;
		}
		/* a chunk begins: sightings into the table, then everything from it */
		r->log->born[next % REEL_SPARK_FRAMES].count = 0;
		err = skip_to(r, next);
		if (!err)
			err = rebuild(r, next);
		r->frame = next;
	}
	return err;
}
