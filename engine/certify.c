/* SPDX-License-Identifier: MIT */
#include "engine/certify.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rng.h"

enum {
	LIST_FIRST = 4096, /* room of a list at first */
};

struct list {
	struct crawl_contact *at;
	size_t count, room;
	bool failed; /* no memory: the list is not whole */
};

/* What a look over one run's tables gathers. */
struct gather {
	const struct certify_opts *opts;
	struct census_certificate *cert;
	struct engine *first, *second, *check, *again; /* of those that were run */
	struct net_group *group;                       /* of the options */
	struct list seeds, there, silent;
	bool all;         /* the sample is all there is: nobody is outside */
	uint64_t offered; /* to the seeds, for the reservoir */
	struct rng rng;
};

/* ---- lists --------------------------------------------------------------------- */

static void append(struct list *l, const struct crawl_entry *e)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : LIST_FIRST;
		struct crawl_contact *at = realloc(l->at, room * sizeof(*at));

		if (!at) {
			l->failed = true;
			return;
		}
		l->at = at;
		l->room = room;
	}
	l->at[l->count++] = (struct crawl_contact){ .ep = e->ep, .id = e->node.id, .has_id = true };
}

static bool inside(const struct gather *g, const struct crawl_node *n)
{
	return n->answered && census_zone_in(g->cert->zones, n->id.b[0]) &&
	       part_has(&g->opts->engine.crawl.part, nodeid_prefix64(&n->id));
}

/* A sample of those outside, each as likely as any (reservoir, Vitter's algorithm R). */
static void take_seed(struct gather *g, const struct crawl_entry *e)
{
	uint64_t place;

	if (!e->node.answered || (!g->all && census_zone_in(g->cert->zones, e->node.id.b[0])))
		return;
	g->offered++;
	if (g->seeds.count < CERTIFY_SEEDS) {
		append(&g->seeds, e);
		if (g->seeds.count)
			g->seeds.at[g->seeds.count - 1].has_id = false;
		return;
	}
	place = (uint64_t)(rng_double(&g->rng) * (double)g->offered);
	if (place < g->seeds.count)
		g->seeds.at[place].ep = e->ep;
}

static void take_first(void *ctx, const struct crawl_entry *e)
{
	struct gather *g = ctx;

	if (inside(g, &e->node))
		append(&g->there, e);
	take_seed(g, e);
}

static bool answered_in(const struct engine *e, const struct endpoint *ep)
{
	struct crawl_node n;

	return engine_find(e, ep, &n) == 0 && n.answered;
}

static void take_second(void *ctx, const struct crawl_entry *e)
{
	struct gather *g = ctx;

	if (inside(g, &e->node) && !answered_in(g->first, &e->ep))
		append(&g->there, e);
}

/* ---- zones ----------------------------------------------------------------------- */

/* Of the zones that have anybody: a census of a part has few of them. */
static void choose_zones(struct gather *g, const struct engine_result *r)
{
	uint8_t order[CENSUS_ZONES];
	unsigned count = 0;
	double per_zone, want, enough;

	for (unsigned z = 0; z < CENSUS_ZONES; z++)
		if (r->tally.zone[z].live)
			order[count++] = (uint8_t)z;
	if (count == 0)
		return;
	per_zone = (double)r->estimate.live / count;
	want = g->opts->share * count;
	enough = CERTIFY_NODES_MIN / per_zone;
	enough = enough < (double)count / CERTIFY_ZONES_SHARE ? enough
							      : (double)count / CERTIFY_ZONES_SHARE;
	want = want < enough ? enough : want;
	g->cert->zone_count = want > count ? count : want < 1 ? 1 : (unsigned)ceil(want);
	g->all = g->cert->zone_count == count;
	for (unsigned i = 0; i < g->cert->zone_count; i++) {
		unsigned k = i + rng_below(&g->rng, count - i);
		uint8_t zone = order[k];

		order[k] = order[i];
		g->cert->zones[zone / 8] |= (uint8_t)(1u << zone % 8);
	}
}

/* ---- runs ------------------------------------------------------------------------- */

static struct engine_opts options(struct gather *g, const struct list *start)
{
	struct engine_opts o = g->opts->engine;

	o.before = g->first;
	o.sockets = g->group ? &g->group : NULL;
	o.warm = NULL;
	/* What is kept to go on with is the first pass; it ends anew where this one was cut. */
	o.keep.path = NULL;
	o.resume = NULL;
	o.crawl.failures = NULL;
	o.bootstrap = start->at;
	o.bootstrap_count = start->count;
	memset(&o.sink, 0, sizeof(o.sink));
	o.bad = NULL;
	o.status_path = o.metadata_path = NULL;
	o.on_status = NULL;
	o.drop_privileges = false; /* they are dropped already */
	o.crawl.own_id = g->opts->own_id;
	o.crawl.method = CRAWL_FIND_NODE;
	o.crawl.raise_above = 0;
	o.crawl.endpoints_hint = 0;
	return o;
}

static struct engine_opts second_options(struct gather *g)
{
	struct engine_opts o = options(g, &g->seeds);

	o.crawl.plan = CRAWL_PLAN_5;
	o.crawl.seed = rng_mix(g->opts->seed);
	o.crawl.mixing_all_until =
		(uint32_t)((uint64_t)o.crawl.mixing_all_until * g->cert->zone_count / CENSUS_ZONES);
	o.crawl.zoned = true;
	memcpy(o.crawl.zones, g->cert->zones, sizeof(o.crawl.zones));
	return o;
}

static struct engine_opts check_options(struct gather *g)
{
	struct engine_opts o = options(g, &g->there);

	o.crawl.plan = CRAWL_PLAN_PING;
	o.crawl.zoned = false;
	return o;
}

/* From the first port: who answered it and is silent at the second may not have left. */
static struct engine_opts again_options(struct gather *g)
{
	struct engine_opts o = options(g, &g->silent);

	o.crawl.plan = CRAWL_PLAN_PING;
	o.crawl.zoned = false;
	o.sockets = g->opts->engine.sockets;
	o.backend = g->opts->first_backend;
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
	if (err) {
		if (!*why)
			snprintf(why, ENGINE_WHY_MAX, "second pass: %.200s",
				 last->why[0] ? last->why : dt_strerror(err));
		return err;
	}
	pass_cost_add(&g->cert->cost, last);
	return 0;
}

/* ---- what came of it ----------------------------------------------------------------- */

static void list_silent(struct gather *g)
{
	for (size_t i = 0; i < g->there.count; i++) {
		const struct crawl_contact *c = &g->there.at[i];
		struct crawl_entry e = { .ep = c->ep, .node.id = c->id };

		if (answered_in(g->first, &c->ep) && !answered_in(g->second, &c->ep) &&
		    !answered_in(g->check, &c->ep))
			append(&g->silent, &e);
	}
}

static bool asked_us_in(const struct engine *e, const struct endpoint *ep)
{
	struct crawl_node n;

	return engine_find(e, ep, &n) == 0 && n.asked_us;
}

static enum certify_port answers(const struct gather *g, const struct endpoint *ep, bool second,
				 bool again)
{
	if (second)
		return asked_us_in(g->second, ep) || asked_us_in(g->check, ep) ? CERTIFY_NEITHER
									       : CERTIFY_OTHER_PORT;
	return again ? CERTIFY_ONE_PORT : CERTIFY_NEITHER;
}

/* Who was silent to the first pass, asked us, and answers now, is let in by its own packet. */
static bool calls(const struct gather *g, const struct endpoint *ep)
{
	return asked_us_in(g->first, ep) || asked_us_in(g->second, ep) || asked_us_in(g->check, ep);
}

static void count(struct gather *g)
{
	for (size_t i = 0; i < g->there.count; i++) {
		const struct crawl_contact *c = &g->there.at[i];
		struct census_capture *z = &g->cert->zone[c->id.b[0]];
		struct crawl_node in_first;
		bool known = engine_find(g->first, &c->ep, &in_first) == 0;
		bool a = known && in_first.answered;
		bool b = answered_in(g->second, &c->ep), still = answered_in(g->check, &c->ep);
		bool fresh = !a && b && still && !calls(g, &c->ep);
		bool again = g->again && answered_in(g->again, &c->ep);

		if (g->opts->seen && a)
			g->opts->seen(g->opts->ctx, c, answers(g, &c->ep, b || still, again));
		z->first += a;
		z->second += (a && b && still) || fresh;
		z->both += a && b && still;
		z->left += a && !b && !still && !again;
		z->fresh += fresh;
		z->fresh_known += fresh && known;
		z->known_once += known && !a && b && !still && !calls(g, &c->ep);
	}
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		g->cert->all.first += g->cert->zone[z].first;
		g->cert->all.second += g->cert->zone[z].second;
		g->cert->all.both += g->cert->zone[z].both;
		g->cert->all.left += g->cert->zone[z].left;
		g->cert->all.fresh += g->cert->zone[z].fresh;
		g->cert->all.fresh_known += g->cert->zone[z].fresh_known;
		g->cert->all.known_once += g->cert->zone[z].known_once;
	}
}

static int passes(struct gather *g, struct engine_result *r, char why[static ENGINE_WHY_MAX])
{
	struct engine_result *last = malloc(sizeof(*last));
	struct engine_opts o;
	int err;

	if (!last)
		return -ENOMEM;
	memset(last, 0, sizeof(*last));
	o = second_options(g);
	err = run(g, ENGINE_SECOND_PORT, &o, &g->second, last, why);
	r->certificate.at_ms = last->started_ms;
	if (!err && last->end == ENGINE_END_DONE) {
		engine_each(g->second, take_second, g);
		o = check_options(g);
		err = g->there.failed ? -ENOMEM
				      : run(g, ENGINE_SECOND_PORT, &o, &g->check, last, why);
	}
	if (!err && last->end == ENGINE_END_DONE) {
		list_silent(g);
		o = again_options(g);
		if (g->silent.failed)
			err = -ENOMEM;
		else if (g->silent.count)
			err = run(g, ENGINE_FIRST_PORT, &o, &g->again, last, why);
	}
	if (!err && last->end == ENGINE_END_DONE) {
		count(g);
		r->certificate.done = true;
		r->certificate.estimate = census_chapman(r->estimate.live, &g->cert->all);
		r->certificate.combined = census_combine(
			&r->tally, &g->cert->all, census_dispersion(g->cert->zone, g->cert->zones));
	}
	/* The gates are the same ones: what they saw last covers all of it. */
	if (last->counters.gate.passed)
		r->counters.gate = last->counters.gate;
	free(last);
	return err;
}

int certify_run(const struct certify_opts *opts, struct engine *first, struct engine_result *r,
		char why[static ENGINE_WHY_MAX])
{
	struct gather g = {
		.opts = opts, .cert = &r->certificate, .first = first, .group = opts->group
	};
	int err = 0;

	why[0] = '\0';
	memset(&r->certificate, 0, sizeof(r->certificate));
	rng_init(&g.rng, opts->seed, 0);
	choose_zones(&g, r);
	engine_each(first, take_first, &g);
	if (g.seeds.failed || g.there.failed)
		err = -ENOMEM;
	else if (g.seeds.count)
		err = passes(&g, r, why);
	engine_free(g.again);
	engine_free(g.check);
	engine_free(g.second);
	free(g.seeds.at);
	free(g.there.at);
	free(g.silent.at);
	return err;
}
