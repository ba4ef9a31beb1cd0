/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "engine/checkpoint.h"
#include "engine/crawl_impl.h"

/*
 * DOC: the node table on disk and back: a struct node each as it lies in memory,
 * behind it the 16 bytes of an IPv6 address, and what speaks against it, where anything does.
 *
 * What is in flight is not saved: nobody will be there for the answer, so the
 * attempt is given back; unless the answer should have been there long ago. Waiting rooms are not
 * either: where an endpoint waits follows from its record.
 */
enum {
	ADDRESS6_BYTES = 16,
	/* An answer is not to be expected after this many usual round trips, within bounds. */
	OVERDUE_RTTS = 4,
	OVERDUE_MIN_US = 100 * 1000,
	OVERDUE_MAX_US = 1000 * 1000,
};
_Static_assert(sizeof(struct node) + ADDRESS6_BYTES + sizeof(struct suspect) <=
		       CHECKPOINT_RECORD_MAX,
	       "the room that is lent");

/* ---- saving ---------------------------------------------------------------------- */

static size_t encode(const struct crawl *c, const struct node *n, uint32_t ref, uint8_t *p)
{
	size_t len = sizeof(*n);

	memcpy(p, n, sizeof(*n));
	if (n->flags & NODE_V6) {
		memcpy(p + len, nodetab_address6(&c->tab, n), ADDRESS6_BYTES);
		len += ADDRESS6_BYTES;
	}
	if (n->suspect) {
		memcpy(p + len, suspects_find(&c->suspects, ref), sizeof(struct suspect));
		len += sizeof(struct suspect);
	}
	return len;
}

/* Of a saved record, by its head. */
static size_t record_bytes(const struct node *n)
{
	return sizeof(*n) + (n->flags & NODE_V6 ? ADDRESS6_BYTES : 0) +
	       (n->suspect ? sizeof(struct suspect) : 0);
}

/* A bit for each record whose query is overdue: nearly all are dead. NULL without memory. */
static uint8_t *find_overdue(const struct crawl *c, uint64_t now_ns)
{
	uint8_t *bits = calloc(1, c->tab.count / 8 + 1);
	uint32_t least = c->rtt_us * OVERDUE_RTTS;

	least = least < OVERDUE_MIN_US ? OVERDUE_MIN_US : least;
	least = least > OVERDUE_MAX_US ? OVERDUE_MAX_US : least;
	for (uint32_t i = 0; bits && i < c->slots.top; i++) {
		const struct slot *slot = slots_at(&c->slots, i);

		if (slot->cls != SLOTS_CLASSES && crawl_us(now_ns) - slot->sent_us > least)
			bits[slot->node / 8] |= (uint8_t)(1u << slot->node % 8);
	}
	return bits;
}

void crawl_save(const struct crawl *c, uint64_t now_ns, struct checkpoint_out *out)
{
	uint8_t *overdue = find_overdue(c, now_ns);

	for (uint32_t ref = 0; ref < c->tab.count; ref++) {
		struct node n = *nodetab_at(&c->tab, ref);

		if (overdue && overdue[ref / 8] >> ref % 8 & 1)
			n.flags &= (uint16_t)~NODE_FLIGHT;
		n.suspect = n.suspect && suspects_find(&c->suspects, ref);
		checkpoint_put(out, encode(c, &n, ref, checkpoint_room(out)));
	}
	free(overdue);
}

void crawl_levels(const struct crawl *c, uint8_t levels[static CENSUS_ZONES])
{
	memcpy(levels, c->zone_rest, CENSUS_ZONES);
}

/* ---- restoring -------------------------------------------------------------------- */

static void count_restored(struct crawl *c, const struct node *n)
{
	bool live = n->flags & NODE_ANSWERED;

	c->stats.endpoints_asked += !!(n->flags & NODE_ASKED);
	c->stats.warm_known += !!(n->flags & NODE_WARM);
	c->stats.doubted_known += !!(n->flags & NODE_DOUBTED);
	if (!live)
		return;
	c->stats.endpoints_live++;
	c->stats.warm_live += !!(n->flags & NODE_WARM);
	c->stats.doubted_live += !!(n->flags & NODE_DOUBTED);
	if (crawl_inside(c, &n->id))
		c->inside_live++;
	else
		c->stats.guides_live++;
}

/* All of a saved record but where it stands: its place in memory, its queue, what was in flight. */
static void take_over(struct node *n, const struct node *saved)
{
	const unsigned passing = NODE_V6 | NODE_QUEUED | NODE_FLIGHT;
	unsigned kept = saved->flags & ((1u << NODE_CLASS_SHIFT) - 1) & ~passing;
	uint16_t flags = n->flags;
	uint32_t ip = n->ip;

	*n = *saved;
	n->ip = ip;
	n->flags = (uint16_t)(flags | kept);
	if (kept & NODE_ANSWERED)
		n->flags |= NODE_ASKED | NODE_HAS_ID;
	n->suspect = 0;
	if (n->depth >= NODEID_BITS)
		n->depth = NODE_DEPTH_NONE;
}

/* Where it waits, as it would without the pause in between. */
static void let_wait(struct crawl *c, uint32_t ref, bool was_in_flight, uint64_t now_ns,
		     struct crawl_restored *out)
{
	struct node *n = nodetab_at(&c->tab, ref);

	if (crawl_question(n) == QUESTIONS || n->flags & NODE_REFUSED)
		return;
	if (!(n->flags & NODE_ASKED)) {
		n->tries = 0;
		if (n->marked)
			return;
		crawl_wait_first(c, ref, n);
		return;
	}
	if (was_in_flight && n->tries) {
		n->tries--;
		out->in_flight++;
		out->first_in_flight += n->tries == 0;
	}
	if (n->tries == 0) {
		crawl_go_on(c, ref);
		return;
	}
	n->flags |= NODE_FLIGHT;
	crawl_unanswered(c, ref, crawl_question(n), now_ns);
}

/* What spoke against it speaks against it still. */
static void restore_suspect(struct crawl *c, uint32_t ref, const uint8_t *saved)
{
	struct suspect *s = suspects_note(&c->suspects, ref);
	uint32_t own;

	if (!s)
		return;
	own = s->ref;
	memcpy(s, saved, sizeof(*s));
	s->ref = own;
	nodetab_at(&c->tab, ref)->suspect = 1;
}

/* @bytes: behind the head, as many as record_bytes() said. */
static void restore(struct crawl *c, const struct node *saved, const uint8_t *bytes,
		    uint64_t now_ns, struct crawl_restored *out)
{
	const uint8_t *address6 = saved->flags & NODE_V6 ? bytes : NULL;
	struct endpoint ep = endpoint_ip4(saved->ip, saved->port);
	struct nodetab_key key;
	uint32_t ref;

	if (address6)
		memcpy(ep.addr, address6, sizeof(ep.addr));
	if (address6 && endpoint_is4(&ep))
		return; /* nothing that was ever saved */
	if (c->opts.shards > 1 && net_deal(&ep, c->opts.shards) != c->opts.shard)
		return;
	if (gate_may_learn(c->gate, &ep) != GATE_OK)
		return; /* listed meanwhile */
	key = nodetab_key(&c->tab, &ep);
	if (nodetab_find(&c->tab, &key) != NODETAB_NONE)
		return;
	if (nodetab_add(&c->tab, &key, &ref)) {
		c->stats.endpoints_full++;
		return;
	}
	take_over(nodetab_at(&c->tab, ref), saved);
	if (saved->suspect)
		restore_suspect(c, ref, bytes + (address6 ? ADDRESS6_BYTES : 0));
	count_restored(c, nodetab_at(&c->tab, ref));
	let_wait(c, ref, saved->flags & NODE_FLIGHT, now_ns, out);
}

int crawl_restore(struct crawl *c, struct span records, uint64_t now_ns, struct crawl_restored *out)
{
	const uint8_t *p = records.ptr;
	size_t left = records.len, len;
	struct node saved;

	for (; left; p += len, left -= len) {
		if (left < sizeof(saved))
			return DT_ECORRUPT;
		memcpy(&saved, p, sizeof(saved));
		len = record_bytes(&saved);
		if (len > left)
			return DT_ECORRUPT;
		restore(c, &saved, p + sizeof(saved), now_ns, out);
	}
	return 0;
}

void crawl_set_levels(struct crawl *c, const uint8_t levels[static CENSUS_ZONES])
{
	memcpy(c->zone_rest, levels, CENSUS_ZONES);
}

void crawl_set_heard(struct crawl *c, const uint64_t heard[static 3])
{
	memcpy(c->stats.heard, heard, sizeof(c->stats.heard));
}
