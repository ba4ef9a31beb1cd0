/* SPDX-License-Identifier: MIT */
/**
 * DOC: what nodes can do and how they are reached, as configured; what is found goes into the
 * store, a sighting for each node that said something.
 */
#include "engine/cli/wire_impl.h"

#include <string.h>

#include "engine/cli/cli.h"
#include "engine/survey.h"

struct told {
	struct wire *w;
	struct wire_result *r;
	int rc; /* of the sink */
};

uint64_t wire_survey_nodes(const struct conf *c, double live)
{
	bool farm = c->sim && strcmp(c->sim_mode, "virtual") != 0;
	bool learns = strcmp(c->plan, "ping") != 0 && strcmp(c->query, "ping") != 0;
	double nodes;

	if (!learns || (c->survey < 0 && farm))
		return 0;
	if (c->survey >= 0)
		return (uint64_t)c->survey;
	nodes = live / SURVEY_SHARE < SURVEY_NODES ? live / SURVEY_SHARE : SURVEY_NODES;
	return nodes < SURVEY_NODES_MIN ? SURVEY_NODES_MIN : (uint64_t)nodes;
}

/* ---- into the store ----------------------------------------------------------------- */

static struct sighting heard(const struct endpoint *ep, const struct nodeid *id, uint64_t when_ms)
{
	return (struct sighting){ .when_ms = when_ms,
				  .key = nodekey_from_id(id),
				  .from = *ep,
				  .way = SIGHTING_ANSWERED };
}

void wire_survey_saw(struct wire *w, const struct crawl_contact *c, bool second)
{
	struct sighting s = heard(&c->ep, &c->id, w->second_at_ms);

	s.flags = second ? SIGHTING_SECOND_PORT : SIGHTING_SURVEYED;
	if (wire_put(w, &s, 1) < 0)
		w->second_lost++;
}

/* Who is silent at a second port and had asked us first, was let in by its own packet. */
static bool is_one_way(const struct survey_find *f)
{
	return f->asked_us && (f->reach == SURVEY_ONE_PORT || f->reach == SURVEY_HOLE);
}

static void say(struct told *t, const struct survey_find *f)
{
	struct sighting s = heard(&f->ep, &f->id, t->r->engine.survey.at_ms);

	if (f->reach == SURVEY_GONE)
		return;
	s.flags = f->trait.flags;
	if (f->reach == SURVEY_ANY_PORT)
		s.flags |= SIGHTING_SURVEYED | SIGHTING_SECOND_PORT;
	if (f->reach == SURVEY_ONE_PORT)
		s.flags |= SIGHTING_SURVEYED;
	if (f->reach == SURVEY_HOLE) { /* nothing was heard now: a word on what was heard before */
		s.way = SIGHTING_ASKED_US;
		s.flags = SIGHTING_FINAL;
	}
	if (is_one_way(f))
		s.node_class = SIGHTING_CLASS_ONE_WAY;
	s.version_len = f->trait.version_len;
	memcpy(s.version, f->trait.version, sizeof(s.version));
	if (s.version_len)
		s.flags |= SIGHTING_HAS_V;
	if (wire_put(t->w, &s, 1) < 0)
		t->w->second_lost++;
}

/* ---- against the truth ---------------------------------------------------------------- */

static void compare(struct told *t, const struct survey_find *f)
{
	static const uint16_t flag[SURVEY_ABILITIES] = {
		[SURVEY_BEP32] = SIGHTING_NODES6,     [SURVEY_BEP33] = SIGHTING_SCRAPE,
		[SURVEY_BEP42_IP] = SIGHTING_IP_VOTE, [SURVEY_BEP44] = SIGHTING_ITEMS,
		[SURVEY_BEP51] = SIGHTING_SAMPLES,
	};
	struct census_survey_truth *out = &t->r->survey_truth;
	uint16_t truly;
	uint32_t n;

	if (!t->w->world || sim_world_by_public(t->w->world, &f->ep, &n) < 0)
		return;
	out->reach[sim_world_nat(t->w->world, n)][f->reach]++;
	truly = sim_world_able(t->w->world, n);
	for (unsigned a = 0; a < SURVEY_ABILITIES && f->trait.there; a++) {
		bool able = survey_able(f, (enum survey_ability)a);

		if (!flag[a] || !survey_asked(f, (enum survey_ability)a))
			continue;
		out->ability[a].asked++;
		out->ability[a].able += able;
		out->ability[a].truly += (truly & flag[a]) != 0;
		out->ability[a].both += able && truly & flag[a];
	}
}

static void found(void *ctx, const struct survey_find *f)
{
	struct told *t = ctx;

	say(t, f);
	compare(t, f);
}

static void name_kinds(struct census_survey_truth *out)
{
	out->nats = SIM_NATS;
	for (unsigned i = 0; i < SIM_NATS; i++)
		out->nat[i] = sim_nat_name((enum sim_nat)i);
}

/* ---- the run -------------------------------------------------------------------------- */

static int device(void *ctx, enum engine_port port, struct net **out, struct clock *clock)
{
	const struct told *t = ctx;

	return wire_second_device(t->w, port, out, clock);
}

void wire_survey(struct wire *w, struct wire_result *r)
{
	struct told told = { .w = w, .r = r };
	struct survey_opts o = {
		.engine = w->engine_opts, .found = found, .ctx = &told, .seed = w->c->seed + 2
	};
	char why[ENGINE_WHY_MAX];
	int err;

	o.nodes = wire_survey_nodes(w->c, (double)r->engine.counters.crawl.endpoints_live);
	if (!w->second || !o.nodes || r->engine.end != ENGINE_END_DONE || !w->step.full)
		return;
	o.group = wire_survey_group(w);
	if (o.group)
		wire_mirror_from(w, net_group_local(o.group));
	o.device = w->device ? device : NULL;
	o.engine.keep_writable = NULL;
	wire_secrets(w, WIRE_SURVEY, &o.own_id, o.engine.crawl.mac_key);
	if (w->talk->status)
		cli_say("survey: what nodes can do, and how they are reached");
	err = survey_run(&o, w->engine, &r->engine, why);
	if (err < 0)
		cli_say("note: no survey: %s", *why ? why : dt_strerror(err));
	else if (!r->engine.survey.done)
		cli_say("note: the survey was not finished; the census stands without");
	else if (w->world)
		name_kinds(&r->survey_truth);
	if (w->device)
		wire_catch_up(w);
}
