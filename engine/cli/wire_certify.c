/* SPDX-License-Identifier: MIT */
/**
 * DOC: the second pass of a census, as configured: another port, another id.
 */
#include "engine/cli/wire_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/certify.h"
#include "engine/cli/cli.h"
#include "engine/rng.h"

enum {
	DEVICES_MAX = 8,          /* runs after a census in virtual time */
	ZONES_MIN = 4,            /* of a part, for a second pass that costs less than the first */
	CANARY_STREAM = 0x63616e, /* of the seed: draws that nothing else makes */
	CANARY_TRIES = 1000,      /* at most, per canary: zones are small parts */
	CORE_SHARE = 16,          /* 1 in 16 zones, where nothing else is said (census 4.9.3) */
};

struct wire_second {
	struct net_group *group, *third; /* of the second pass, of the survey */
	struct net *last, *device[DEVICES_MAX];
	struct clock clock; /* of the last one */
	unsigned devices;
};

double wire_certify_share(const struct conf *c)
{
	bool farm = c->sim && strcmp(c->sim_mode, "virtual") != 0;
	bool learns = strcmp(c->plan, "ping") != 0 && strcmp(c->query, "ping") != 0;

	if (!learns)
		return 0;
	return c->certify >= 0 ? c->certify : farm ? 0 : 1.0 / CORE_SHARE;
}

/* A small part is a zone or two: asked again whole, they would cost more than the first time. */
static bool worth_a_pass(const struct wire *w)
{
	double share = wire_certify_share(w->c), zones = part_share(&w->step.part) * CENSUS_ZONES;

	return share > 0 && (w->c->certify >= 0 || zones >= ZONES_MIN);
}

int wire_open_second(struct wire *w)
{
	struct net_udp_opts udp = w->engine_opts.udp;
	char text[ENDPOINT_TEXT_MAX];
	int err;

	if (w->second || (wire_certify_share(w->c) <= 0 && !wire_survey_nodes(w->c, 0)))
		return 0;
	w->second = calloc(1, sizeof(*w->second));
	if (!w->second)
		return -ENOMEM;
	w->second->last = w->device;
	if (w->device)
		return 0;
	udp.bind.port = 0; /* any other one */
	udp.raw = NET_BACKEND_AUTO;
	udp.workers = w->engine_opts.workers;
	err = net_group_open(&udp, &w->second->group);
	if (!err && wire_survey_nodes(w->c, 0))
		err = net_group_open(&udp, &w->second->third);
	if (err)
		cli_fail("second pass: %s: %s", endpoint_to_text(&udp.bind, text),
			 dt_strerror(err));
	return err;
}

static void close_devices(struct wire_second *s)
{
	for (unsigned i = 0; i < s->devices; i++)
		net_close(s->device[i]);
	s->devices = 0;
}

void wire_close_second(struct wire *w)
{
	if (!w->second)
		return;
	close_devices(w->second);
	net_group_close(w->second->group);
	net_group_close(w->second->third);
	free(w->second);
	w->second = NULL;
}

int wire_second_device(struct wire *w, enum engine_port port, struct net **out, struct clock *clock)
{
	struct wire_second *s = w->second;
	int err;

	if (s->devices == DEVICES_MAX)
		return DT_EFULL;
	err = net_sim_beside(s->last, (unsigned)port, out, clock);
	if (!err)
		s->last = s->device[s->devices++] = *out;
	s->clock = *clock;
	return err;
}

struct net_group *wire_survey_group(const struct wire *w)
{
	return w->second->third;
}

static int next_device(void *ctx, enum engine_port port, struct net **out, struct clock *clock)
{
	return wire_second_device(ctx, port, out, clock);
}

static void seen(void *ctx, const struct crawl_contact *c, enum certify_port answers)
{
	struct wire *w = ctx;

	if (answers == CERTIFY_NEITHER)
		return;
	if (answers == CERTIFY_OTHER_PORT)
		w->second_any++;
	else
		w->second_one++;
	wire_survey_saw(w, c, answers == CERTIFY_OTHER_PORT);
}

void wire_catch_up(struct wire *w)
{
	struct wire_second *s = w->second;
	struct net_msg msgs[NET_BATCH_MAX];
	uint64_t now, until = s->devices ? clock_now_ns(&s->clock) : 0;

	while ((now = clock_now_ns(&w->clock)) < until) {
		if (net_recv(w->device, msgs, NET_BATCH_MAX, until - now) < 0)
			break;
		net_recv_finish(w->device);
	}
	close_devices(s);
	s->last = w->device;
}

/* Live nodes drawn at random, whoever the census found: wire_score() has the ids loaded. */
static struct census_canaries plant(const struct wire *w)
{
	uint64_t planted = 0, found = 0, want = w->c->canaries;
	struct rng rng;

	if (!w->world || !want)
		return census_canaries(0, 0);
	rng_init(&rng, w->c->seed, CANARY_STREAM);
	/* Drawn with repetition: a share of the live is all that is asked. */
	for (uint64_t tries = 0; planted < want && tries < want * CANARY_TRIES; tries++) {
		struct sim_node node;
		struct crawl_node got;

		sim_world_node(w->world, rng_below(&rng, sim_world_nodes(w->world)), &node);
		if (!node.live || !part_has(&w->step.part, nodeid_prefix64(&node.id)))
			continue;
		planted++;
		found += engine_find(w->engine, &node.public_ep, &got) == 0 && got.answered;
	}
	return census_canaries(planted, found);
}

static void second_pass(struct wire *w, struct wire_result *r)
{
	struct certify_opts o = { .engine = w->engine_opts,
				  .share = wire_certify_share(w->c),
				  .seed = w->c->seed + 1,
				  .seen = seen,
				  .first_backend = w->engine_opts.backend,
				  .ctx = w };
	char why[ENGINE_WHY_MAX];
	int err;

	if (!w->second || r->engine.end != ENGINE_END_DONE || !worth_a_pass(w))
		return;
	o.group = w->second->group;
	if (o.group)
		wire_mirror_from(w, net_group_local(o.group));
	o.device = w->device ? next_device : NULL;
	o.engine.keep_writable = NULL;
	/* Raw frames leave from one port; the second pass can do without them. */
	if (net_backend_is_raw(o.engine.backend))
		o.engine.backend = NET_BACKEND_AUTO;
	wire_secrets(w, WIRE_SECOND, &o.own_id, o.engine.crawl.mac_key);
	if (w->talk->status)
		cli_say("second pass: %.3g of the id space, from another port and id",
			wire_certify_share(w->c));
	err = certify_run(&o, w->engine, &r->engine, why);
	if (err < 0)
		cli_say("note: no second pass: %s", *why ? why : dt_strerror(err));
	else if (!r->engine.certificate.done)
		cli_say("note: the second pass was not finished; the first one stands as it is");
	if (w->device)
		wire_catch_up(w);
}

void wire_certify(struct wire *w, struct wire_result *r)
{
	w->second_any = w->second_one = 0;
	w->second_at_ms = clock_wall_ns(&w->clock, clock_now_ns(&w->clock)) / 1000000;
	second_pass(w, r);
	r->engine.survey.second_pass_any_port = w->second_any;
	r->engine.survey.second_pass_one_port = w->second_one;
	wire_survey(w, r);
	if (w->second_lost || wire_flush(w) < 0)
		cli_say("note: not all of what came after the census is in the store");
	r->engine.certificate.canaries = plant(w);
}
