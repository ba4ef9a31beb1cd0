/* SPDX-License-Identifier: MIT */
#include "engine/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rng.h"

enum { LIST_FIRST = 4096, ROWS_SEEN_MAX = 4096 };

/* What a look over the first run's tables gathers, and what the runs after it add. */
struct gather {
	const struct survey_opts *opts;
	struct census_survey *out;
	struct engine *first, *second, *control, *last;
	struct survey_find *at; /* the sample, then the callers */
	size_t count, room, want;
	uint64_t offered; /* to the sample */
	bool failed;
	struct rng rng;
	struct net_group *group;       /* the second port's */
	struct crawl_contact *contact; /* of whoever is asked now */
	size_t contacts;
	struct survey_row *seen; /* ROWS_SEEN_MAX: by v, in the order in which they were met */
	unsigned rows_seen;
};

/* ---- whom to ask ----------------------------------------------------------------- */

static struct survey_find find_of(const struct crawl_entry *e)
{
	return (struct survey_find){ .ep = e->ep,
				     .id = e->node.id,
				     .node_class = e->node.node_class,
				     .asked_us = e->node.asked_us };
}

static bool room_for(struct gather *g, size_t count)
{
	size_t room = g->room ? g->room : LIST_FIRST;
	struct survey_find *at;

	if (count <= g->room)
		return true;
	while (room < count)
		room *= 2;
	at = realloc(g->at, room * sizeof(*at));
	if (!at) {
		g->failed = true;
		return false;
	}
	g->at = at;
	g->room = room;
	return true;
}

/* Whoever may have answered through a hole of its own making. */
static void take_caller(void *ctx, const struct crawl_entry *e)
{
	struct gather *g = ctx;

	if (!e->node.answered || !e->node.asked_us || g->count >= SURVEY_CALLERS_MAX ||
	    !part_has(&g->opts->engine.crawl.part, nodeid_prefix64(&e->node.id)) ||
	    !room_for(g, g->count + 1))
		return;
	g->at[g->count++] = find_of(e);
}

/* Each of the others as likely as any (reservoir, Vitter's algorithm R), behind the callers. */
static void take_sample(void *ctx, const struct crawl_entry *e)
{
	struct gather *g = ctx;
	size_t callers = g->out->callers;
	uint64_t place;

	if (!e->node.answered || e->node.asked_us ||
	    !part_has(&g->opts->engine.crawl.part, nodeid_prefix64(&e->node.id)))
		return;
	g->offered++;
	place = g->count - callers < g->want ? g->count - callers
					     : (uint64_t)(rng_double(&g->rng) * (double)g->offered);
	if (place >= g->want || !room_for(g, callers + place + 1))
		return;
	g->at[callers + place] = find_of(e);
	if (callers + place == g->count)
		g->count++;
}

/*
 * Who asked us and answered is asked in any case; a part of them, as large as theirs is
 * among the live, belongs to the sample.
 */
static void choose(struct gather *g, uint64_t live)
{
	uint64_t nodes = g->opts->nodes;
	size_t belong;

	if (!nodes) {
		nodes = live / SURVEY_SHARE < SURVEY_NODES ? live / SURVEY_SHARE : SURVEY_NODES;
		nodes = nodes < SURVEY_NODES_MIN ? SURVEY_NODES_MIN : nodes;
	}
	nodes = nodes < SURVEY_NODES_MAX ? nodes : SURVEY_NODES_MAX;
	nodes = nodes < live ? nodes : live;
	engine_each(g->first, take_caller, g);
	belong = live ? (size_t)((double)g->count * (double)nodes / (double)live + 0.5) : 0;
	for (size_t i = 0; i < belong && i < g->count; i++) {
		size_t k = i + rng_below(&g->rng, (uint32_t)(g->count - i));
		struct survey_find f = g->at[k];

		g->at[k] = g->at[i];
		g->at[i] = f;
		g->at[i].sampled = true;
	}
	g->out->callers = g->count;
	g->want = nodes - (belong < nodes ? belong : nodes);
	engine_each(g->first, take_sample, g);
	for (size_t i = g->out->callers; i < g->count; i++)
		g->at[i].sampled = true;
	for (size_t i = 0; i < g->count; i++)
		g->out->sampled += g->at[i].sampled;
}

/* ---- runs -------------------------------------------------------------------------- */

static void add_contact(struct gather *g, const struct endpoint *ep, const struct nodeid *id)
{
	g->contact[g->contacts++] = (struct crawl_contact){ .ep = *ep, .id = *id, .has_id = true };
}

static struct engine_opts options(struct gather *g, enum crawl_plan plan)
{
	struct engine_opts o = g->opts->engine;

	o.before = g->first;
	o.warm = NULL;
	o.keep.path = NULL;
	o.resume = NULL;
	o.crawl.failures = NULL;
	o.bootstrap = g->contact;
	o.bootstrap_count = g->contacts;
	memset(&o.sink, 0, sizeof(o.sink));
	o.bad = NULL;
	o.status_path = o.metadata_path = NULL;
	o.on_status = NULL;
	o.drop_privileges = false; /* they are dropped already */
	o.adaptive = false;
	o.crawl.plan = plan;
	o.crawl.method = CRAWL_FIND_NODE;
	o.crawl.zoned = false;
	o.crawl.raise_above = 0;
	o.crawl.endpoints_hint = 0;
	return o;
}

/* One run more. *@out is to be freed even where it fails or was interrupted. */
static int run(struct gather *g, enum engine_port port, struct engine_opts *o, struct engine **out,
	       struct engine_result *last, char why[static ENGINE_WHY_MAX])
{
	int err = 0;

	if (g->opts->device)
		err = g->opts->device(g->opts->ctx, port, &o->device, &o->clock);
	if (!err)
		err = engine_new(o, out, why);
	if (!err)
		err = engine_run(*out, last);
	if (err && !*why)
		snprintf(why, ENGINE_WHY_MAX, "survey: %.200s",
			 last->why[0] ? last->why : dt_strerror(err));
	if (!err)
		pass_cost_add(&g->out->cost, last);
	return err;
}

static int by_endpoint(const void *a, const void *b)
{
	const struct survey_find *x = a, *y = b;
	int order = memcmp(x->ep.addr, y->ep.addr, sizeof(x->ep.addr));

	return order ? order : (int)x->ep.port - (int)y->ep.port;
}

static void take_trait(void *ctx, const struct crawl_entry *e)
{
	struct gather *g = ctx;
	struct survey_find key = { .ep = e->ep };
	struct survey_find *f = bsearch(&key, g->at, g->count, sizeof(*g->at), by_endpoint);

	if (f && e->trait)
		f->trait = *e->trait;
}

static bool answers(const struct engine *e, const struct endpoint *ep)
{
	struct crawl_node n;

	return e && engine_find(e, ep, &n) == 0 && n.answered;
}

static bool asked_us(const struct engine *e, const struct endpoint *ep)
{
	struct crawl_node n;

	return e && engine_find(e, ep, &n) == 0 && n.asked_us;
}

/* A run from the second port. */
static struct engine_opts second_options(struct gather *g, enum crawl_plan plan)
{
	struct engine_opts o = options(g, plan);

	o.sockets = g->group ? &g->group : NULL;
	o.crawl.own_id = g->opts->own_id;
	/* Raw frames leave from one port; these few packets can do without them. */
	if (net_backend_is_raw(o.backend))
		o.backend = NET_BACKEND_AUTO;
	return o;
}

static int ask_abilities(struct gather *g, struct engine_result *last, char *why)
{
	struct engine_opts o;
	int err;

	for (size_t i = 0; i < g->count; i++)
		add_contact(g, &g->at[i].ep, &g->at[i].id);
	o = second_options(g, CRAWL_PLAN_SURVEY);
	o.crawl.seed = rng_mix(g->opts->seed);
	err = run(g, ENGINE_THIRD_PORT, &o, &g->second, last, why);
	g->out->at_ms = last->started_ms;
	return err;
}

static int ask_again(struct gather *g, struct engine_result *last, char *why)
{
	struct engine_opts o;

	g->contacts = 0;
	for (size_t i = 0; i < g->count; i++)
		if (!g->at[i].trait.there)
			add_contact(g, &g->at[i].ep, &g->at[i].id);
	if (!g->contacts)
		return 0;
	o = options(g, CRAWL_PLAN_PING);
	o.crawl.seed = rng_mix(g->opts->seed + 1);
	return run(g, ENGINE_FIRST_PORT, &o, &g->control, last, why);
}

/* Who answers the first port and was silent at the second may have been busy at the time. */
static int ask_last(struct gather *g, struct engine_result *last, char *why)
{
	struct engine_opts o;

	g->contacts = 0;
	for (size_t i = 0; i < g->count; i++)
		if (!g->at[i].trait.there && answers(g->control, &g->at[i].ep))
			add_contact(g, &g->at[i].ep, &g->at[i].id);
	if (!g->contacts)
		return 0;
	o = second_options(g, CRAWL_PLAN_PING);
	o.crawl.seed = rng_mix(g->opts->seed + 2);
	return run(g, ENGINE_THIRD_PORT, &o, &g->last, last, why);
}

/* ---- what came of it --------------------------------------------------------------- */

static enum survey_reach reach_of(const struct gather *g, const struct survey_find *f)
{
	if (f->trait.there || answers(g->last, &f->ep))
		return asked_us(g->second, &f->ep) || asked_us(g->last, &f->ep) ? SURVEY_UNTOLD
										: SURVEY_ANY_PORT;
	if (answers(g->control, &f->ep))
		return SURVEY_ONE_PORT;
	return f->asked_us ? SURVEY_HOLE : SURVEY_GONE;
}

bool survey_asked(const struct survey_find *f, enum survey_ability a)
{
	switch (a) {
	case SURVEY_BEP32:
		return f->trait.asked >> SURVEY_FIND & 1;
	case SURVEY_BEP33:
		return f->trait.asked >> SURVEY_SCRAPE & 1;
	case SURVEY_BEP44:
		return f->trait.asked >> SURVEY_ITEM & 1;
	case SURVEY_BEP51:
		return f->trait.asked >> SURVEY_SAMPLE & 1;
	case SURVEY_BEP42_IP:
	case SURVEY_BEP42_ID:
	case SURVEY_BEP43:
		return f->trait.there;
	case SURVEY_ABILITIES:
	default:
		return false;
	}
}

bool survey_able(const struct survey_find *f, enum survey_ability a)
{
	static const uint16_t flag[SURVEY_ABILITIES] = {
		[SURVEY_BEP32] = SIGHTING_NODES6,     [SURVEY_BEP33] = SIGHTING_SCRAPE,
		[SURVEY_BEP42_IP] = SIGHTING_IP_VOTE, [SURVEY_BEP43] = SIGHTING_READ_ONLY,
		[SURVEY_BEP44] = SIGHTING_ITEMS,      [SURVEY_BEP51] = SIGHTING_SAMPLES,
	};

	if (a == SURVEY_BEP42_ID)
		return f->trait.there && nodeid_bep42_ok(&f->id, &f->ep);
	return (unsigned)a < SURVEY_ABILITIES && f->trait.flags & flag[a];
}

static void count_row(struct survey_row *row, const struct survey_find *f)
{
	row->nodes++;
	for (unsigned a = 0; a < SURVEY_ABILITIES; a++) {
		row->asked[a] += survey_asked(f, (enum survey_ability)a);
		row->able[a] += survey_able(f, (enum survey_ability)a);
	}
	if (!(f->trait.flags & SIGHTING_ERROR))
		return;
	row->errors[f->trait.error >= 201 && f->trait.error <= 204 ? f->trait.error - 201
								   : SURVEY_ERRORS - 1]++;
}

static struct survey_row *row_of(struct gather *g, const struct crawl_trait *t,
				 struct survey_row *others)
{
	for (unsigned i = 0; i < g->rows_seen; i++)
		if (g->seen[i].version_len == t->version_len &&
		    memcmp(g->seen[i].version, t->version, sizeof(t->version)) == 0)
			return &g->seen[i];
	if (g->rows_seen == ROWS_SEEN_MAX)
		return others;
	g->seen[g->rows_seen] = (struct survey_row){ .version_len = t->version_len };
	memcpy(g->seen[g->rows_seen].version, t->version, sizeof(t->version));
	return &g->seen[g->rows_seen++];
}

static int by_nodes(const void *a, const void *b)
{
	const struct survey_row *x = a, *y = b;

	return x->nodes < y->nodes ? 1 : x->nodes > y->nodes ? -1 : 0;
}

static void add_row(struct survey_row *into, const struct survey_row *row)
{
	into->nodes += row->nodes;
	for (unsigned a = 0; a < SURVEY_ABILITIES; a++) {
		into->asked[a] += row->asked[a];
		into->able[a] += row->able[a];
	}
	for (unsigned e = 0; e < SURVEY_ERRORS; e++)
		into->errors[e] += row->errors[e];
}

static void tabulate(struct gather *g)
{
	enum { NAMED = SURVEY_ROWS_MAX - 2 };
	struct census_survey *out = g->out;
	struct survey_row others = { .others = true }, all = { .all = true };

	for (size_t i = 0; i < g->count; i++)
		if (g->at[i].sampled && g->at[i].trait.there)
			count_row(row_of(g, &g->at[i].trait, &others), &g->at[i]);
	qsort(g->seen, g->rows_seen, sizeof(*g->seen), by_nodes);
	for (unsigned i = 0; i < g->rows_seen; i++) {
		add_row(&all, &g->seen[i]);
		if (i < NAMED)
			out->row[out->rows++] = g->seen[i];
		else
			add_row(&others, &g->seen[i]);
	}
	if (others.nodes)
		out->row[out->rows++] = others;
	out->row[out->rows++] = all;
}

static void conclude(struct gather *g)
{
	for (size_t i = 0; i < g->count; i++) {
		struct survey_find *f = &g->at[i];

		f->reach = reach_of(g, f);
		if (f->sampled)
			g->out->reach[f->reach]++;
		if (f->asked_us)
			g->out->callers_reach[f->reach]++;
		if (g->opts->found)
			g->opts->found(g->opts->ctx, f);
	}
	tabulate(g);
	g->out->done = true;
}

static int runs(struct gather *g, struct engine_result *r, char *why)
{
	struct engine_result *last = calloc(1, sizeof(*last));
	int err = last ? 0 : -ENOMEM;

	g->contact = calloc(g->count, sizeof(*g->contact));
	g->seen = calloc(ROWS_SEEN_MAX, sizeof(*g->seen));
	if (!g->contact || !g->seen)
		err = -ENOMEM;
	if (!err) {
		qsort(g->at, g->count, sizeof(*g->at), by_endpoint);
		err = ask_abilities(g, last, why);
	}
	if (!err && last->end == ENGINE_END_DONE) {
		engine_each(g->second, take_trait, g);
		err = ask_again(g, last, why);
		if (!err && last->end == ENGINE_END_DONE)
			err = ask_last(g, last, why);
		if (!err && last->end == ENGINE_END_DONE)
			conclude(g);
	}
	/* The gates are the same ones: what they saw last covers all of it. */
	if (last && last->counters.gate.passed)
		r->counters.gate = last->counters.gate;
	free(last);
	return err;
}

int survey_run(const struct survey_opts *opts, struct engine *first, struct engine_result *r,
	       char why[static ENGINE_WHY_MAX])
{
	struct gather g = { .opts = opts, .out = &r->survey, .first = first, .group = opts->group };
	struct census_survey none = { .second_pass_any_port = r->survey.second_pass_any_port,
				      .second_pass_one_port = r->survey.second_pass_one_port };
	int err = 0;

	why[0] = '\0';
	r->survey = none;
	rng_init(&g.rng, opts->seed, 0);
	choose(&g, r->counters.crawl.endpoints_live);
	if (g.failed)
		err = -ENOMEM;
	else if (g.count)
		err = runs(&g, r, why);
	engine_free(g.last);
	engine_free(g.control);
	engine_free(g.second);
	free(g.contact);
	free(g.seen);
	free(g.at);
	return err;
}

/* ---- names --------------------------------------------------------------------------- */

const char *survey_ability_name(unsigned ability)
{
	static const char *const names[SURVEY_ABILITIES] = { "bep32",    "bep33", "bep42_ip",
							     "bep42_id", "bep43", "bep44",
							     "bep51" };

	return ability < SURVEY_ABILITIES ? names[ability] : "?";
}

const char *survey_reach_name(unsigned reach)
{
	static const char *const names[SURVEY_REACHES] = { "any_port", "one_port", "hole", "untold",
							   "gone" };

	return reach < SURVEY_REACHES ? names[reach] : "?";
}
