/* SPDX-License-Identifier: MIT */
/**
 * DOC: which questions a node is asked, and where they aim. A plan is a row of
 * a table: what follows the question for the node's own id, or what is asked
 * instead of it.
 */
#include <string.h>

#include "engine/crawl_impl.h"

enum {
	FLIP1 = 1 << Q_FLIP1,
	FLIP2 = 1 << Q_FLIP2,
	FLIP0 = 1 << Q_FLIP0,
	WALK = 1 << Q_WALK,
	ZONE_BITS = 8,
	UP_3 = 3,               /* the walk of plan 5 is one step: bit c-3 */
	TARGET_OF_WALK_0 = 100, /* purposes of crawl_draw(), beyond those of questions */
};

static const struct crawl_shape shapes[CRAWL_PLANS] = {
	[CRAWL_PLAN_2PLUS] = { "2+", FLIP1, CRAWL_WALK_NONE, 0, true, true },
	[CRAWL_PLAN_3] = { "3", FLIP1 | FLIP2, CRAWL_WALK_NONE, 0, true, true },
	[CRAWL_PLAN_4] = { "4", FLIP1 | FLIP2 | FLIP0, CRAWL_WALK_NONE, 0, true, false },
	[CRAWL_PLAN_5] = { "5", FLIP1 | FLIP2 | FLIP0 | WALK, CRAWL_WALK_UP3, 1, true, false },
	[CRAWL_PLAN_DRAIN] = { "drain", WALK, CRAWL_WALK_DRAIN, NODEID_BITS, true, false },
	[CRAWL_PLAN_PING] = { "ping", 0, CRAWL_WALK_NONE, 0, false, false },
	[CRAWL_PLAN_OWN] = { "own", 0, CRAWL_WALK_NONE, 0, true, false },
	[CRAWL_PLAN_FLIP_C] = { "flip-c", FLIP0, CRAWL_WALK_NONE, 0, true, false },
	[CRAWL_PLAN_RANDOM1] = { "random1", 0, CRAWL_WALK_RANDOM, 1, false, false },
	[CRAWL_PLAN_RANDOM2] = { "random2", 0, CRAWL_WALK_RANDOM, 2, false, false },
	[CRAWL_PLAN_RANDOM4] = { "random4", 0, CRAWL_WALK_RANDOM, 4, false, false },
	[CRAWL_PLAN_RANDOM8] = { "random8", 0, CRAWL_WALK_RANDOM, 8, false, false },
	[CRAWL_PLAN_CPL16] = { "cpl16", 0, CRAWL_WALK_CPL, 16, false, false },
	[CRAWL_PLAN_SURVEY] = { "survey", 0, CRAWL_WALK_SURVEY, SURVEY_QUESTIONS, false, false },
};

const struct crawl_shape *crawl_shape(enum crawl_plan plan)
{
	return &shapes[plan];
}

const char *crawl_plan_name(enum crawl_plan plan)
{
	return (unsigned)plan < CRAWL_PLANS ? shapes[plan].name : "?";
}

int crawl_plan_from_text(const char *text, enum crawl_plan *out)
{
	for (unsigned i = 0; i < CRAWL_PLAN_SURVEY; i++) /* which is no census */
		if (strcmp(text, shapes[i].name) == 0) {
			*out = (enum crawl_plan)i;
			return 0;
		}
	return DT_ENOTFOUND;
}

/* ---- targets ---------------------------------------------------------------- */

static uint64_t draw(const struct crawl *c, uint32_t ref, uint64_t purpose)
{
	struct endpoint ep = nodetab_endpoint(&c->tab, ref);

	return crawl_draw(c, &ep, purpose);
}

bool crawl_random_chosen(const struct crawl *c, uint32_t ref)
{
	return (draw(c, ref, CRAWL_DRAW_CHOICE) >> 32) < c->mixing_below;
}

/* One of the zones that are asked: the first one from @from on, round the circle. */
static uint8_t some_zone(const struct crawl *c, unsigned from)
{
	for (unsigned i = 0; i < CENSUS_ZONES; i++)
		if (census_zone_in(c->opts.zones, (from + i) % CENSUS_ZONES))
			return (uint8_t)((from + i) % CENSUS_ZONES);
	return (uint8_t)from;
}

static void random_target(const struct crawl *c, uint32_t ref, uint64_t purpose, uint8_t *out)
{
	struct rng r;
	uint64_t head;

	rng_init(&r, draw(c, ref, CRAWL_DRAW_TARGET + purpose), 0);
	rng_bytes(&r, out, NODEID_BYTES);
	if (!part_is_whole(&c->opts.part)) {
		memcpy(&head, out, sizeof(head));
		head = __builtin_bswap64(part_place(&c->opts.part, __builtin_bswap64(head)));
		memcpy(out, &head, sizeof(head));
	}
	if (c->opts.zoned) /* within the part as well */
		out[0] = some_zone(c, rng_below(&r, CENSUS_ZONES));
}

/* A sampled node without a known depth, or one that has no such bucket, is asked at its own id. */
static void flipped(const struct node *n, unsigned up, uint8_t *out)
{
	unsigned bit = n->depth - up;

	memcpy(out, n->id.b, NODEID_BYTES);
	if (n->depth != NODE_DEPTH_NONE && n->depth >= up && bit < NODEID_BITS)
		out[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
}

/* Exactly @common bits shared with the node's id, the rest at random. */
static void at_distance(const struct crawl *c, uint32_t ref, unsigned common, uint8_t *out)
{
	const struct nodeid *id = &nodetab_at(&c->tab, ref)->id;
	unsigned whole = common / 8, bits = common % 8;
	uint8_t kept = (uint8_t)(0xff00 >> bits), turned = (uint8_t)(0x80 >> bits);

	random_target(c, ref, TARGET_OF_WALK_0 + common, out);
	memcpy(out, id->b, whole);
	out[whole] = (uint8_t)((id->b[whole] & kept) | (~id->b[whole] & turned) |
			       (out[whole] & ~(kept | turned)));
}

static void walk_target(const struct crawl *c, uint32_t ref, uint8_t *out)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	struct nodeid target = n->id;

	switch (crawl_shape(c->opts.plan)->walk) {
	case CRAWL_WALK_RANDOM:
		random_target(c, ref, TARGET_OF_WALK_0 + n->depth, out);
		return;
	case CRAWL_WALK_CPL:
		at_distance(c, ref, n->depth, out);
		return;
	case CRAWL_WALK_UP3:
		flipped(n, UP_3, out);
		return;
	case CRAWL_WALK_DRAIN:
		flipped(n, 1, out);
		return;
	case CRAWL_WALK_SURVEY:
		target = crawl_survey_target(c, ref);
		break;
	case CRAWL_WALK_NONE:
	default:
		break;
	}
	memcpy(out, target.b, NODEID_BYTES);
}

void crawl_aim(const struct crawl *c, uint32_t ref, enum question q,
	       uint8_t out[static NODEID_BYTES])
{
	const struct node *n = nodetab_at(&c->tab, ref);

	switch (q) {
	case Q_FLIP0:
		flipped(n, 0, out);
		break;
	case Q_FLIP1:
		flipped(n, 1, out);
		break;
	case Q_FLIP2:
		flipped(n, 2, out);
		break;
	case Q_FIRST:
	case Q_MIX:
		random_target(c, ref, q, out);
		break;
	case Q_WALK:
		walk_target(c, ref, out);
		break;
	case Q_OWN:
	case Q_AGAIN:
	case Q_PROBE:
	case QUESTIONS:
	default:
		memcpy(out, n->id.b, NODEID_BYTES);
	}
}

struct nodeid crawl_target(const struct crawl *c, uint32_t ref, enum question q)
{
	struct nodeid target = { { 0 } };

	crawl_aim(c, ref, q, target.b);
	return target;
}

/* ---- what is asked ------------------------------------------------------------- */

static bool is_walk_only(const struct crawl_shape *s)
{
	return !s->own && s->walk != CRAWL_WALK_NONE;
}

uint8_t crawl_first_todo(const struct crawl *c, struct node *n)
{
	const struct crawl_shape *s = crawl_shape(c->opts.plan);
	bool inside = n->flags & NODE_HAS_ID && crawl_inside(c, &n->id);

	/* A ping needs no target, so it needs no id. */
	if (c->opts.plan == CRAWL_PLAN_PING || c->opts.method == CRAWL_PING)
		return 1u << Q_OWN;
	if (is_walk_only(s) && (inside || s->walk == CRAWL_WALK_RANDOM)) {
		n->depth = 0; /* counts the steps */
		return WALK;
	}
	return inside ? 1u << Q_OWN : 1u << Q_FIRST; /* outsiders: the way in */
}

static bool mixing_wanted(const struct crawl *c, uint32_t ref)
{
	/* A census that knows most endpoints from the one before has nothing to start up. */
	uint32_t known6 = c->tab.count6, known4 = c->tab.count - known6;
	/* Each family has an overlay of its own to get about in. */
	uint32_t known = nodetab_at(&c->tab, ref)->flags & NODE_V6 ? known6 : known4;
	bool starting = known < c->mixing_all_until && c->stats.warm_known < c->tab.count / 2;

	return starting || crawl_random_chosen(c, ref);
}

void crawl_plan_rest(struct crawl *c, uint32_t ref)
{
	struct node *n = nodetab_at(&c->tab, ref);
	unsigned rest = c->zone_rest[n->id.b[0]];

	if (is_walk_only(crawl_shape(c->opts.plan))) {
		n->depth = 0;
		n->todo |= WALK;
		return;
	}
	/* Its eight nearest may leave a part of bucket c unnamed: the sample is to be whole. */
	if (c->walks && crawl_health_wants(c, ref))
		rest |= FLIP0;
	if (n->depth == NODE_DEPTH_NONE)
		rest = 0;
	if (n->depth < UP_3 && crawl_shape(c->opts.plan)->walk == CRAWL_WALK_UP3)
		rest &= ~(unsigned)WALK;
	if (n->depth < 2)
		rest &= ~(unsigned)FLIP2;
	if (n->depth < 1)
		rest &= ~(unsigned)(FLIP1 | WALK);
	if (n->depth >= NODEID_BITS)
		rest &= ~(unsigned)FLIP0;
	if (c->opts.method == CRAWL_SAMPLE)
		rest |= FLIP1;
	n->todo |= (uint8_t)rest;
	if (mixing_wanted(c, ref))
		n->todo |= 1u << Q_MIX;
}

void crawl_walk_on(struct crawl *c, uint32_t ref, bool news)
{
	const struct crawl_shape *s = crawl_shape(c->opts.plan);
	struct node *n = nodetab_at(&c->tab, ref);

	if (s->walk == CRAWL_WALK_DRAIN) {
		/* Beyond a zone's edge there is nobody who is asked. */
		if (news && n->depth > (c->opts.zoned ? ZONE_BITS : 1))
			n->todo |= WALK;
		if (n->depth)
			n->depth--;
	} else if (s->walk == CRAWL_WALK_SURVEY) {
		if (crawl_survey_on(c, ref))
			n->todo |= WALK;
	} else if (s->walk == CRAWL_WALK_RANDOM || s->walk == CRAWL_WALK_CPL) {
		if (++n->depth < s->steps)
			n->todo |= WALK;
	}
}

uint8_t crawl_raise_bits(uint8_t rest)
{
	if (!(rest & FLIP2))
		return FLIP2;
	if (!(rest & FLIP0))
		return FLIP0;
	return 0;
}
