/* SPDX-License-Identifier: MIT */
/**
 * DOC: what a node is, decided from evidence (census 4.8).
 *
 * One endpoint's own words: crawl_weigh() reads each answer, keeps what is odd in
 * suspects.h, and has a node asked again, under our other id, until it is clear. What
 * several endpoints have in common, one id on many addresses or ports, is seen at the
 * end: whoever shares an id is found by a filter of two bits per id, over all shards,
 * and only those are listed and compared.
 */
#include <errno.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/crawl_impl.h"

enum {
	PROBES_MAX = 3,
	SWITCHES_SURE = 2, /* there and back, or on: a restart changes an id once */
	CROWD_NODES = 16,  /* what a bootstrap router hands out */
	CROWD_DEPTH = 8,
	CLONE_ADDRESSES = 4, /* more than three unrelated ones */
	SPOILT_SURE = 2,     /* a node behind a NAT may know a neighbour by his private address */
	SPOILT_SHARE = 4,    /* an answer is spoilt where one contact of so many cannot be, */
	SPOILT_LEAST = 2,    /* and no fewer than these */
	FILTER_BITS_PER_ID = 8,
	FILTER_LOG2_MIN = 12,
	FILTER_LOG2_MAX = 31,
	SEED = 1, /* of id hashes: the same in every shard */
};

static void up(uint8_t *counter)
{
	if (*counter < UINT8_MAX)
		++*counter;
}

/* ---- one answer -------------------------------------------------------------------- */

static enum sighting_class class_of(const struct suspect *s)
{
	if (s->mirrored)
		return SIGHTING_CLASS_REFLECTOR;
	if (s->near_own && s->near_alt)
		return SIGHTING_CLASS_LIAR;
	if (s->switches >= SWITCHES_SURE)
		return SIGHTING_CLASS_FLAPPER;
	if (s->spoilt >= SPOILT_SURE)
		return SIGHTING_CLASS_POISONER;
	if (s->moves)
		return SIGHTING_CLASS_MULTIHOMED;
	if (s->aliases)
		return SIGHTING_CLASS_REMAPPED;
	return s->crowds ? SIGHTING_CLASS_ROUTER : SIGHTING_CLASS_NORMAL;
}

static bool misleads(enum sighting_class k)
{
	return k == SIGHTING_CLASS_REFLECTOR || k == SIGHTING_CLASS_LIAR ||
	       k == SIGHTING_CLASS_FLAPPER || k == SIGHTING_CLASS_POISONER;
}

/* Once more under our other id, where what was heard can be read in two ways.
 * @answered: it was the answer to such a question that was heard. */
static void want_probe(struct crawl *c, struct node *n, struct suspect *s, bool answered)
{
	/* A stale id in others' tables is common; two answers under the new one may still be
	 * a flapper's luck, three are not. */
	bool unclear = (s->near_own && !s->near_alt) || s->switches == 1 || (s->odd && !s->probes);

	if (crawl_revisits(c))
		return;
	if (!unclear || s->probes >= PROBES_MAX || (n->probing && !answered))
		return;
	up(&s->probes);
	if (answered)
		s->more = 1;
	else
		n->probing = 1;
}

bool crawl_weigh(struct crawl *c, uint32_t ref, const struct crawl_words *w)
{
	struct node *n = nodetab_at(&c->tab, ref);
	bool alt = w->q == Q_PROBE, odd = !nodeid_equal(&w->id, &w->expected);
	bool near = crawl_is_near(&w->id, alt ? &c->alt_id : &c->opts.own_id), doubt;
	struct suspect *s;

	if (!n->suspect && !odd && !near && !w->from)
		return false;
	s = suspects_note(&c->suspects, ref);
	if (!s)
		return odd || near;
	/* Against the answer before; the first one against what others said. */
	doubt = w->first || !s->last_id ? odd : s->last_id != nodeid_prefix64(&w->id);
	if (doubt && !w->first)
		up(&s->switches);
	if (doubt && w->first)
		s->odd = 1;
	n->suspect = 1;
	s->last_id = nodeid_prefix64(&w->id);
	if (near)
		up(alt ? &s->near_alt : &s->near_own);
	if (w->from && endpoint_same_host(w->from, &w->asked))
		up(&s->aliases);
	else if (w->from)
		up(&s->moves);
	n->distrusted = misleads(class_of(s));
	want_probe(c, n, s, alt);
	return doubt || near || n->distrusted;
}

bool crawl_probe_more(struct crawl *c, uint32_t ref)
{
	struct suspect *s = suspects_find(&c->suspects, ref);
	bool more = s && s->more;

	if (more)
		s->more = 0;
	return more;
}

void crawl_mirrored(struct crawl *c, uint32_t ref)
{
	struct node *n = nodetab_at(&c->tab, ref);
	struct suspect *s = suspects_note(&c->suspects, ref);

	n->todo = 0;
	n->probing = 0;
	n->distrusted = 1;
	if (!s)
		return;
	n->suspect = 1;
	up(&s->mirrored);
}

void crawl_crowd(struct crawl *c, uint32_t ref, size_t nodes, unsigned depth)
{
	struct suspect *s;

	if (nodes < CROWD_NODES || depth >= CROWD_DEPTH)
		return;
	s = suspects_note(&c->suspects, ref);
	if (!s)
		return;
	nodetab_at(&c->tab, ref)->suspect = 1;
	up(&s->crowds);
}

bool crawl_spoilt(struct crawl *c, uint32_t ref, size_t nodes, size_t impossible)
{
	struct node *n = nodetab_at(&c->tab, ref);
	struct suspect *s;

	if (impossible < SPOILT_LEAST || impossible * SPOILT_SHARE < nodes)
		return false;
	s = suspects_note(&c->suspects, ref);
	if (!s)
		return true;
	n->suspect = 1;
	up(&s->spoilt);
	n->distrusted = misleads(class_of(s));
	return true;
}

void crawl_asked_us(struct crawl *c, const struct endpoint *from, const struct krpc_msg *msg,
		    uint64_t now_ns)
{
	struct nodetab_key key = nodetab_key(&c->tab, from);
	uint32_t ref = nodetab_find(&c->tab, &key);
	struct suspect *s;

	if (ref == NODETAB_NONE)
		return; /* a stranger's word alone brings nobody into the table */
	s = suspects_note(&c->suspects, ref);
	if (!s)
		return;
	nodetab_at(&c->tab, ref)->suspect = 1;
	if (!s->heard)
		crawl_say_call(c, ref, msg, now_ns);
	up(&s->heard);
	if (msg->ro)
		up(&s->read_only);
	if (!(nodetab_at(&c->tab, ref)->flags & NODE_ANSWERED) && msg->id.len == NODEID_BYTES)
		s->last_id = nodeid_prefix64((const struct nodeid *)(const void *)msg->id.ptr);
}

bool crawl_only_calls(const struct crawl *c, uint32_t ref, bool *read_only)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	const struct suspect *s = n->suspect ? suspects_find(&c->suspects, ref) : NULL;

	*read_only = s && s->read_only;
	return s && s->heard && !(n->flags & NODE_ANSWERED) && n->flags & NODE_HAS_ID &&
	       s->last_id == nodeid_prefix64(&n->id);
}

/* ---- who shares an id ---------------------------------------------------------------- */

struct crawl_twins {
	unsigned log2;
	uint64_t *once, *twice; /* a bit per id hash: met, met again */
};

int crawl_twins_new(uint64_t live, struct crawl_twins **out)
{
	struct crawl_twins *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return -ENOMEM;
	t->log2 = FILTER_LOG2_MIN;
	while (t->log2 < FILTER_LOG2_MAX && 1ull << t->log2 < live * FILTER_BITS_PER_ID)
		t->log2++;
	t->once = calloc(1ull << (t->log2 - 6), sizeof(*t->once));
	t->twice = calloc(1ull << (t->log2 - 6), sizeof(*t->twice));
	if (!t->once || !t->twice) {
		crawl_twins_free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void crawl_twins_free(struct crawl_twins *t)
{
	if (!t)
		return;
	free(t->once);
	free(t->twice);
	free(t);
}

static uint64_t hash_of(const struct node *n)
{
	return XXH3_64bits_withSeed(n->id.b, NODEID_BYTES, SEED);
}

void crawl_twins_mark(const struct crawl *c, struct crawl_twins *t)
{
	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		const struct node *n = nodetab_at(&c->tab, ref);
		uint64_t at, bit;

		if (!(n->flags & NODE_ANSWERED) || n->distrusted)
			continue;
		at = hash_of(n) >> (64 - t->log2);
		bit = 1ull << (at & 63);
		if (__atomic_fetch_or(&t->once[at >> 6], bit, __ATOMIC_RELAXED) & bit)
			__atomic_fetch_or(&t->twice[at >> 6], bit, __ATOMIC_RELAXED);
	}
}

uint64_t crawl_twins_list(const struct crawl *c, const struct crawl_twins *t,
			  struct crawl_twin *out, uint64_t cap)
{
	uint64_t count = 0;

	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		const struct node *n = nodetab_at(&c->tab, ref);
		uint64_t hash, at;
		struct endpoint ep;

		if (!(n->flags & NODE_ANSWERED) || n->distrusted)
			continue;
		hash = hash_of(n);
		at = hash >> (64 - t->log2);
		if (!(t->twice[at >> 6] >> (at & 63) & 1))
			continue;
		if (count < cap) {
			ep = nodetab_endpoint(&c->tab, ref);
			out[count] = (struct crawl_twin){
				.id = hash,
				.address = XXH3_64bits_withSeed(ep.addr, sizeof(ep.addr), SEED),
				.ref = ref,
				.shard = (uint16_t)c->opts.shard,
				.six = n->flags & NODE_V6,
			};
		}
		count++;
	}
	return count;
}

static int by_id(const void *a, const void *b)
{
	const struct crawl_twin *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->address != y->address ? (x->address < y->address ? -1 : 1) : 0;
}

/* How many endpoints and addresses of either family share the id of @list[0..count). */
struct shared_id {
	uint64_t endpoints[2], addresses[2];
};

static struct shared_id count_shared(const struct crawl_twin *list, uint64_t count)
{
	struct shared_id n = { 0 };

	for (uint64_t i = 0; i < count; i++) {
		n.endpoints[list[i].six]++;
		n.addresses[list[i].six] += !i || list[i].address != list[i - 1].address;
	}
	return n;
}

/*
 * The families are two networks: a node of both is no twin of itself. But what an id is
 * in one of them it is in the other: there is one node, or one clone, behind it.
 */
static enum sighting_class judge(const struct shared_id *n)
{
	uint64_t addresses = n->addresses[0] > n->addresses[1] ? n->addresses[0] : n->addresses[1];

	if (addresses >= CLONE_ADDRESSES)
		return SIGHTING_CLASS_CLONE;
	if (addresses > 1)
		return SIGHTING_CLASS_MULTIHOMED;
	return n->endpoints[0] > 1 || n->endpoints[1] > 1 ? SIGHTING_CLASS_REMAPPED
							  : SIGHTING_CLASS_NORMAL;
}

void crawl_twins_judge(struct crawl_twin *list, uint64_t count)
{
	qsort(list, count, sizeof(*list), by_id);
	for (uint64_t from = 0, to; from < count; from = to) {
		struct shared_id n;

		for (to = from + 1; to < count && list[to].id == list[from].id; to++)
			;
		n = count_shared(list + from, to - from);
		for (uint64_t i = from; i < to; i++)
			list[i].node_class = (uint8_t)judge(&n);
	}
}

/* ---- the verdict -------------------------------------------------------------------- */

enum sighting_class crawl_verdict(const struct crawl *c, uint32_t ref)
{
	const struct node *n = nodetab_at(&c->tab, ref);
	const struct suspect *s = n->suspect ? suspects_find(&c->suspects, ref) : NULL;
	enum sighting_class own = s ? class_of(s) : SIGHTING_CLASS_NORMAL, shared;

	if (s && !(n->flags & NODE_ANSWERED) && !s->mirrored) {
		if (s->read_only)
			return SIGHTING_CLASS_READ_ONLY;
		return s->heard && n->flags & NODE_ASKED ? SIGHTING_CLASS_ONE_WAY
							 : SIGHTING_CLASS_NORMAL;
	}
	shared = c->judged && ref < c->judged_count ? (enum sighting_class)c->judged[ref]
						    : SIGHTING_CLASS_NORMAL;
	if (misleads(own))
		return own;
	return shared > SIGHTING_CLASS_REMAPPED || own == SIGHTING_CLASS_NORMAL ? shared : own;
}

int crawl_judge(struct crawl *c, const struct crawl_twin *list, uint64_t count)
{
	free(c->judged);
	c->judged_count = c->tab.count;
	c->judged = calloc(c->tab.count ? c->tab.count : 1, 1);
	if (!c->judged)
		return -ENOMEM;
	for (uint64_t i = 0; i < count; i++)
		if (list[i].shard == c->opts.shard)
			c->judged[list[i].ref] = list[i].node_class;
	return 0;
}

void crawl_count_classes(const struct crawl *c, struct crawl_classes *out)
{
	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		const struct node *n = nodetab_at(&c->tab, ref);
		enum sighting_class k = crawl_verdict(c, ref);

		if (n->flags & NODE_ANSWERED || k != SIGHTING_CLASS_NORMAL)
			out->count[k]++;
		out->marked += n->marked && !(n->flags & NODE_ASKED);
	}
	out->suspects += c->suspects.used;
	out->lost += c->suspects.lost;
}
