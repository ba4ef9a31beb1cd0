/* SPDX-License-Identifier: MIT */
/**
 * DOC: what a sample of nodes lists, kept for the health of routing tables. The
 * sample is uniform over the nodes that answer, whenever they do: those whose
 * draw is smallest. When the room is full the bound is halved and who is above
 * it is forgotten.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/crawl_impl.h"

enum {
	ROOM_FIRST = 1024,
	COMPACT4 = 26, /* BEP 5 */
	COMPACT6 = 38, /* BEP 32 */
};

bool crawl_health_wants(const struct crawl *c, uint32_t ref)
{
	struct endpoint ep = nodetab_endpoint(&c->tab, ref);

	return crawl_health_draw(crawl_host(c, &ep), ep.port) <= c->listed.below;
}

static void forget_half(struct crawl_sample *s)
{
	size_t kept = 0;

	s->below /= 2;
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].draw <= s->below)
			s->at[kept++] = s->at[i];
	s->count = kept;
}

/* Room for one more; false where there is no memory. */
static bool make_room(struct crawl_sample *s)
{
	size_t room = s->room ? 2 * s->room : ROOM_FIRST;
	struct crawl_listed *at;

	if (s->count < s->room)
		return true;
	if (s->room >= s->max) {
		forget_half(s);
		return s->count < s->room;
	}
	at = realloc(s->at, room * sizeof(*at));
	if (!at)
		return false;
	s->at = at;
	s->room = room;
	return true;
}

static void note(struct crawl_sample *s, const struct crawl_listed *one)
{
	if (one->draw <= s->below && make_room(s) && one->draw <= s->below)
		s->at[s->count++] = *one;
}

void crawl_health_note(struct crawl *c, uint32_t ref, uint64_t draw, const struct krpc_msg *msg,
		       bool own)
{
	struct crawl_listed one = { .lister = nodetab_at(&c->tab, ref)->id,
				    .own = own,
				    .draw = draw };

	for (size_t i = 0; i + COMPACT4 <= msg->nodes.len; i += COMPACT4) {
		krpc_node4(span_of(msg->nodes.ptr + i, COMPACT4), 0, &one.listed, &one.ep);
		note(&c->listed, &one);
	}
	for (size_t i = 0; c->opts.learn6 && i + COMPACT6 <= msg->nodes6.len; i += COMPACT6) {
		krpc_node6(span_of(msg->nodes6.ptr + i, COMPACT6), 0, &one.listed, &one.ep);
		note(&c->listed, &one);
	}
}

size_t crawl_listed(const struct crawl *c, const struct crawl_listed **out)
{
	*out = c->listed.at;
	return c->listed.count;
}
