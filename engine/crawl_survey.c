/* SPDX-License-Identifier: MIT */
/**
 * DOC: what each node of a sample can do. A survey is a walk: known nodes are asked four
 * questions, one after another, and what each of them tells is kept beside its record. Contacts
 * are not learnt. Silence at a method is an answer too: five of eight implementations say
 * nothing to what they do not know.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/crawl_impl.h"

enum {
	TRAITS_FIRST = 1024,    /* room at first */
	TRAITS_MAX = 1 << 18,   /* of one shard: 9 MiB */
	ERROR_MAX = UINT16_MAX, /* greater codes are nobody's */
};

struct crawl_survey {
	struct krpc_template sample, item, scrape;
	struct crawl_trait *trait; /* by record number */
	uint32_t room;
};

static int make(const struct crawl_opts *opts, enum krpc_method method, bool scrape,
		struct krpc_template *out)
{
	struct krpc_query q = { .method = method,
				.v = span_of(opts->v, sizeof(opts->v)),
				.id = opts->own_id,
				.ro = true,
				.scrape = scrape };

	return krpc_template_init(out, &q);
}

int crawl_survey_new(const struct crawl_opts *opts, struct crawl_survey **out)
{
	struct crawl_survey *s = calloc(1, sizeof(*s));
	int err = s ? make(opts, KRPC_SAMPLE_INFOHASHES, false, &s->sample) : -ENOMEM;

	if (!err)
		err = make(opts, KRPC_GET, false, &s->item);
	if (!err)
		err = make(opts, KRPC_GET_PEERS, true, &s->scrape);
	if (err)
		crawl_survey_free(s);
	*out = err ? NULL : s;
	return err;
}

void crawl_survey_free(struct crawl_survey *s)
{
	if (!s)
		return;
	free(s->trait);
	free(s);
}

static struct crawl_trait *trait_of(struct crawl_survey *s, uint32_t ref)
{
	uint32_t room = s->room ? s->room : TRAITS_FIRST;
	struct crawl_trait *more;

	if (ref < s->room)
		return &s->trait[ref];
	if (ref >= TRAITS_MAX)
		return NULL;
	while (room <= ref)
		room *= 2;
	more = realloc(s->trait, room * sizeof(*more));
	if (!more)
		return NULL;
	memset(more + s->room, 0, (room - s->room) * sizeof(*more));
	s->trait = more;
	s->room = room;
	return &s->trait[ref];
}

const struct crawl_trait *crawl_survey_trait(const struct crawl *c, uint32_t ref)
{
	return c->survey && ref < c->survey->room ? &c->survey->trait[ref] : NULL;
}

const struct krpc_template *crawl_survey_template(const struct crawl *c, uint32_t ref)
{
	switch ((enum crawl_survey_question)nodetab_at(&c->tab, ref)->depth) {
	case SURVEY_SAMPLE:
		return &c->survey->sample;
	case SURVEY_ITEM:
		return &c->survey->item;
	case SURVEY_SCRAPE:
		return &c->survey->scrape;
	case SURVEY_FIND:
	case SURVEY_QUESTIONS:
	default:
		return &c->find46;
	}
}

struct nodeid crawl_survey_target(const struct crawl *c, uint32_t ref)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	const struct crawl_trait *t = crawl_survey_trait(c, ref);
	struct nodeid target = n->id;

	if (n->depth == SURVEY_SCRAPE && t && t->has_hash)
		memcpy(target.b, t->hash, NODEID_BYTES);
	return target;
}

static unsigned told(unsigned question, const struct krpc_msg *msg)
{
	unsigned flags = 0;

	if (msg->ip.len)
		flags |= SIGHTING_IP_VOTE;
	if (msg->nodes6.len)
		flags |= SIGHTING_NODES6;
	if (msg->samples.ptr || msg->num >= 0)
		flags |= SIGHTING_SAMPLES;
	if (msg->bloom)
		flags |= SIGHTING_SCRAPE;
	if (msg->ro)
		flags |= SIGHTING_READ_ONLY;
	if (msg->token.ptr && question == SURVEY_ITEM)
		flags |= SIGHTING_ITEMS;
	if (msg->token.ptr && question == SURVEY_SCRAPE)
		flags |= SIGHTING_TOKEN;
	return flags;
}

void crawl_survey_note(struct crawl *c, uint32_t ref, enum question q, const struct krpc_msg *msg)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	struct crawl_trait *t = trait_of(c->survey, ref);

	if (!t)
		return;
	t->there = true;
	/* Of a late answer to nobody knows what, only what cannot be mistaken. */
	t->flags |= (uint16_t)told(q == Q_WALK ? n->depth : SURVEY_QUESTIONS, msg);
	if (msg->samples.len >= NODEID_BYTES && !t->has_hash) {
		memcpy(t->hash, msg->samples.ptr, NODEID_BYTES);
		t->has_hash = true;
	}
	if (!msg->v.ptr || t->version_len)
		return;
	t->version_len =
		(uint8_t)(msg->v.len < sizeof(t->version) ? msg->v.len : sizeof(t->version));
	memcpy(t->version, msg->v.ptr, t->version_len);
}

void crawl_survey_refused(struct crawl *c, uint32_t ref, const struct krpc_msg *msg)
{
	struct crawl_trait *t = trait_of(c->survey, ref);

	if (!t)
		return;
	t->there = true;
	t->flags |= SIGHTING_ERROR;
	if (msg->error_code > 0 && msg->error_code <= ERROR_MAX)
		t->error = (uint16_t)msg->error_code;
}

bool crawl_survey_on(struct crawl *c, uint32_t ref)
{
	struct node *n = nodetab_at(&c->tab, ref);
	struct crawl_trait *t = trait_of(c->survey, ref);

	if (!t || n->depth >= SURVEY_QUESTIONS)
		return false;
	t->asked |= (uint8_t)(1u << n->depth++);
	/* Without a torrent of its own there is nothing to scrape. */
	if (n->depth == SURVEY_SCRAPE && !t->has_hash)
		return false;
	return n->depth < SURVEY_QUESTIONS;
}
