/* SPDX-License-Identifier: MIT */
#include "engine/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/tap_nodes.h"
#include "engine/tap_pairs.h"

enum {
	PAIRS_LOG2 = 18,
	CONTACTS_LOG2 = 20,
	NODES_MAX = 1 << 22,
	TIMEOUT_MS = 15 * 1000, /* libtorrent waits as long */
	AGAIN_S = 60,
	CONTACT_WAYS = 8, /* a cache line of fingerprints */
	CHANGED = 128,    /* tap_node.did: since it was said */
	RTT_FIRST_LOG2 = 4,
	AHEAD = 8,     /* words that wait; a power of two */
	LIST_MAX = 40, /* contacts of one message; two dozen is the most that anybody sends */
	NODE4 = 26,
	NODE6 = 38,
};

/*
 * What a message says, between its parsing and its turn with the tables: its own copy, since
 * the frame is gone by then. AHEAD of them wait, each for two lines of memory and those of
 * its contacts; one after the other these would cost three times the parsing.
 */
struct word {
	uint64_t when_us;
	uint64_t pair, node; /* hashes */
	uint64_t list_hash[LIST_MAX];
	struct endpoint from;
	struct nodeid id;
	uint8_t kind; /* enum heard_kind */
	bool has_id;
	uint8_t version_len;
	uint8_t version[4];
	uint16_t flags; /* enum sighting_flag, but BEP42_OK */
	uint16_t bytes;
	uint16_t contacts4, contacts6; /* in @list */
	uint8_t list[LIST_MAX * NODE6];
};

struct tap {
	struct tap_opts opts;
	struct tap_port port;
	struct tap_pairs pairs;
	struct tap_nodes nodes;
	uint64_t *said; /* fingerprints of contacts, CONTACT_WAYS to a line */
	uint64_t said_mask;
	uint64_t draws; /* which of a full line goes */
	struct tap_stats stats;
	uint32_t word_first, word_count;
	struct word words[AHEAD];
};

static void say(struct tap *t, const struct sighting *s)
{
	if (t->port.sighting(t->port.ctx, s))
		t->stats.sightings++;
	else
		t->stats.sightings_dropped++;
}

/* ---- nodes ------------------------------------------------------------------- */

static void say_node(struct tap *t, struct tap_node *n, uint64_t when_ms)
{
	struct sighting s = { .when_ms = when_ms,
			      .key = nodekey_from_id(&n->id),
			      .from = n->ep,
			      .way = SIGHTING_TAPPED,
			      .version_len = n->version_len,
			      .flags = n->flags,
			      .attempts = n->did & TAP_ANSWERED ? 1 : 0,
			      .answers = n->did & TAP_ANSWERED ? 1 : 0,
			      .rtt_us = n->rtt_us };

	memcpy(s.version, n->version, sizeof(s.version));
	n->said_s = (uint32_t)(when_ms / 1000);
	n->did &= (uint8_t)~CHANGED;
	say(t, &s);
}

/* @rtt_us: of the answer that this is; UINT32_MAX = it is none that we know of. */
static void learn(struct tap *t, struct tap_node *n, const struct word *w, uint32_t rtt_us)
{
	uint8_t did = w->kind < HEARD_REPLY ? TAP_ASKED : TAP_REPLIED;
	uint64_t when_s = w->when_us / 1000000;
	bool first = n->messages == 0, news;
	uint16_t flags = n->flags | w->flags;

	if (first && nodeid_bep42_ok(&n->id, &n->ep))
		flags |= SIGHTING_BEP42_OK;
	if (rtt_us != UINT32_MAX)
		did |= TAP_ANSWERED;
	news = flags != n->flags || (did & ~n->did);
	if (rtt_us != UINT32_MAX && (n->rtt_us == 0 || rtt_us < n->rtt_us)) {
		n->rtt_us = rtt_us ? rtt_us : 1;
		n->did |= CHANGED;
	}
	n->flags = flags;
	n->did |= did;
	n->messages += n->messages < UINT32_MAX;
	n->bytes += w->bytes > UINT32_MAX - n->bytes ? UINT32_MAX - n->bytes : w->bytes;
	if (w->version_len) {
		memcpy(n->version, w->version, sizeof(n->version));
		n->version_len = w->version_len;
	}
	if (first || news || when_s >= (uint64_t)n->said_s + t->opts.again_s)
		say_node(t, n, w->when_us / 1000);
	else if (when_s > n->said_s)
		n->did |= CHANGED; /* its last time */
}

static void node_spoke(struct tap *t, const struct word *w, uint32_t rtt_us)
{
	struct tap_node *n = w->has_id ? tap_nodes_get(&t->nodes, w->node, &w->id, &w->from) : NULL;

	if (n)
		learn(t, n, w, rtt_us);
	else
		t->stats.nodes_crowded += w->has_id;
}

/* ---- contacts ------------------------------------------------------------------ */

static uint64_t *said_line(const struct tap *t, uint64_t hash)
{
	return &t->said[(hash & t->said_mask) * CONTACT_WAYS];
}

/* Has this contact been said of late? Remembers it. A line that is full forgets one. */
static bool said_before(struct tap *t, uint64_t hash)
{
	uint64_t *line = said_line(t, hash);

	hash |= 1; /* 0 = free */
	for (unsigned i = 0; i < CONTACT_WAYS; i++) {
		if (line[i] == hash)
			return true;
		if (!line[i]) {
			line[i] = hash;
			return false;
		}
	}
	line[t->draws++ % CONTACT_WAYS] = hash;
	return false;
}

static void say_contact(struct tap *t, const struct word *w, struct span list, size_t i, bool six)
{
	struct sighting s = { .when_ms = w->when_us / 1000,
			      .way = SIGHTING_MENTIONED,
			      .mentions = 1 };
	struct nodeid id;

	if (six)
		krpc_node6(list, i, &id, &s.from);
	else
		krpc_node4(list, i, &id, &s.from);
	if (!s.from.port)
		return;
	s.key = nodekey_from_id(&id);
	t->stats.contacts_said++;
	say(t, &s);
}

static void contacts(struct tap *t, const struct word *w)
{
	struct span four = span_of(w->list, (size_t)w->contacts4 * NODE4);
	struct span six = span_of(w->list + four.len, (size_t)w->contacts6 * NODE6);
	unsigned all = w->contacts4 + w->contacts6;

	t->stats.contacts += all;
	for (unsigned i = 0; i < all; i++) {
		bool is6 = i >= w->contacts4;

		if (!said_before(t, w->list_hash[i]))
			say_contact(t, w, is6 ? six : four, is6 ? i - w->contacts4 : i, is6);
	}
}

static void say_listing(struct tap *t, const struct listing *l)
{
	if (t->port.listing(t->port.ctx, l))
		t->stats.listings++;
	else
		t->stats.listings_dropped++;
}

/*
 * Who listed whom, sixteen to a listing. How deep it was asked is not known: the target went by
 * with the query, and of that no more is kept than that it waits.
 */
static void list(struct tap *t, const struct word *w)
{
	struct span four = span_of(w->list, (size_t)w->contacts4 * NODE4);
	struct span six = span_of(w->list + four.len, (size_t)w->contacts6 * NODE6);
	unsigned all = w->contacts4 + w->contacts6;
	struct listing l = { .when_ms = w->when_us / 1000,
			     .id = w->id,
			     .from = w->from,
			     .depth = LISTING_DEPTH_UNKNOWN,
			     .outcome = LISTING_ANSWERED,
			     .listed = (uint8_t)all };

	for (unsigned i = 0; i < all; i++) {
		struct listing_contact *c = &l.contacts[l.count++];

		if (i < w->contacts4)
			krpc_node4(four, i, &c->id, &c->ep);
		else
			krpc_node6(six, i - w->contacts4, &c->id, &c->ep);
		if (l.count < LISTING_CONTACTS && i + 1 < all)
			continue;
		say_listing(t, &l);
		l.count = 0;
	}
}

/* Hashes of the compact form; a contact of either family never looks like one of the other. */
static void take_contacts(struct tap *t, const struct krpc_msg *m, struct word *w)
{
	size_t four = m->nodes.len / NODE4, six = m->nodes6.len / NODE6;

	w->contacts4 = (uint16_t)(four < LIST_MAX ? four : LIST_MAX);
	six = six < (size_t)(LIST_MAX - w->contacts4) ? six : (size_t)(LIST_MAX - w->contacts4);
	w->contacts6 = (uint16_t)six;
	if (w->contacts4)
		memcpy(w->list, m->nodes.ptr, (size_t)w->contacts4 * NODE4);
	if (six)
		memcpy(w->list + w->contacts4 * NODE4, m->nodes6.ptr, six * NODE6);
	for (unsigned i = 0; i < w->contacts4; i++) {
		w->list_hash[i] = XXH3_64bits(w->list + i * NODE4, NODE4);
		__builtin_prefetch(said_line(t, w->list_hash[i]), 1);
	}
	for (unsigned i = 0; i < six; i++) {
		uint64_t hash = XXH3_64bits(w->list + w->contacts4 * NODE4 + i * NODE6, NODE6);

		w->list_hash[w->contacts4 + i] = hash;
		__builtin_prefetch(said_line(t, hash), 1);
	}
}

/* ---- words ------------------------------------------------------------------------- */

static unsigned rtt_bucket(uint32_t us)
{
	unsigned octave, bucket;

	if (us < 1u << RTT_FIRST_LOG2)
		return 0;
	octave = 31 - (unsigned)__builtin_clz(us);
	bucket = (octave - RTT_FIRST_LOG2) * 4 + (us >> (octave - 2) & 3);
	return bucket < TAP_RTT_BUCKETS ? bucket : TAP_RTT_BUCKETS - 1;
}

static void apply_reply(struct tap *t, const struct word *w)
{
	uint32_t rtt_us = UINT32_MAX;
	uint8_t asked = tap_pairs_close(&t->pairs, w->pair, w->when_us, &rtt_us);

	if (!asked) {
		t->stats.orphans++;
	} else if (w->kind == HEARD_ERROR) {
		t->stats.failed++;
		rtt_us = UINT32_MAX; /* of no use: errors carry no id */
	} else {
		t->stats.answered++;
		t->stats.answers_to[asked]++;
		t->stats.rtt_hist[rtt_bucket(rtt_us)]++;
	}
	node_spoke(t, w, rtt_us);
	/* What nobody asked for proves no more than that somebody can send. */
	if (!asked || w->kind != HEARD_REPLY)
		return;
	contacts(t, w);
	if (t->port.listing && w->has_id)
		list(t, w);
}

static void apply_first(struct tap *t)
{
	const struct word *w = &t->words[t->word_first];

	t->word_first = (t->word_first + 1) % AHEAD;
	t->word_count--;
	if (w->kind < HEARD_REPLY) {
		tap_pairs_open(&t->pairs, w->pair, w->when_us, w->kind);
		node_spoke(t, w, UINT32_MAX);
	} else {
		apply_reply(t, w);
	}
}

void tap_settle(struct tap *t)
{
	while (t->word_count)
		apply_first(t);
}

static uint16_t flags_of(const struct krpc_msg *m)
{
	return (uint16_t)((m->v.ptr ? SIGHTING_HAS_V : 0) | (m->ip.ptr ? SIGHTING_IP_VOTE : 0) |
			  (m->nodes6.ptr ? SIGHTING_NODES6 : 0) |
			  (m->samples.ptr ? SIGHTING_SAMPLES : 0) |
			  (m->ro ? SIGHTING_READ_ONLY : 0) |
			  (m->token.ptr && m->kind == KRPC_REPLY ? SIGHTING_TOKEN : 0) |
			  (m->kind == KRPC_ERROR ? SIGHTING_ERROR : 0));
}

static void take_sender(struct tap *t, const struct krpc_msg *m, struct word *w)
{
	memcpy(w->id.b, m->id.ptr, NODEID_BYTES);
	w->flags = flags_of(m);
	w->version_len = (uint8_t)(m->v.len > 4 ? 4 : m->v.len);
	memset(w->version, 0, sizeof(w->version));
	if (w->version_len)
		memcpy(w->version, m->v.ptr, w->version_len);
	w->node = tap_nodes_hash(&w->id, &w->from);
	tap_nodes_prefetch(&t->nodes, w->node);
}

/* The oldest word makes room for this one. */
static void queue_word(struct tap *t, const struct tap_packet *p, const struct frame *f,
		       const struct krpc_msg *m, uint8_t kind)
{
	bool query = kind < HEARD_REPLY;
	struct word *w;

	if (t->word_count == AHEAD)
		apply_first(t);
	w = &t->words[(t->word_first + t->word_count++) % AHEAD];
	w->when_us = p->when_us;
	w->from = f->from;
	w->kind = kind;
	w->bytes = (uint16_t)f->payload.len;
	w->contacts4 = w->contacts6 = 0;
	w->pair = query ? tap_pairs_key(&f->from, &f->to, m->t)
			: tap_pairs_key(&f->to, &f->from, m->t);
	tap_pairs_prefetch(&t->pairs, w->pair);
	w->has_id = m->id.ptr != NULL;
	if (w->has_id)
		take_sender(t, m, w);
	if (!query)
		take_contacts(t, m, w);
}

/* ---- frames -------------------------------------------------------------------------- */

static void hear(struct tap *t, const struct tap_packet *p, const struct frame *f,
		 const struct krpc_msg *m, int why)
{
	struct heard h = { .when_ms = p->when_us / 1000,
			   .from = f->from,
			   .way = SIGHTING_TAPPED,
			   .ear = t->opts.queue,
			   .bytes = (uint16_t)f->payload.len };

	heard_fill(&h, m, why);
	if (t->port.heard(t->port.ctx, &h))
		t->stats.heard++;
	else
		t->stats.heard_dropped++;
}

static bool has_port(const struct tap *t, const struct frame *f)
{
	for (unsigned i = 0; i < t->opts.port_count; i++)
		if (f->from.port == t->opts.ports[i] || f->to.port == t->opts.ports[i])
			return true;
	return false;
}

static uint8_t kind_of(const struct krpc_msg *m, int why)
{
	if (why)
		return HEARD_MALFORMED;
	if (m->kind == KRPC_QUERY)
		return (uint8_t)m->method;
	return m->kind == KRPC_REPLY ? HEARD_REPLY : HEARD_ERROR;
}

static void count_client(struct tap *t, const struct krpc_msg *m, size_t bytes)
{
	enum krpc_client c = krpc_version_parse(m->v).client;

	t->stats.client_messages[c]++;
	t->stats.client_bytes[c] += bytes;
}

static void datagram(struct tap *t, const struct tap_packet *p, const struct frame *f)
{
	struct krpc_msg m;
	uint8_t kind;
	int why;

	t->stats.tagged += f->tags > 0;
	t->stats.pppoe += f->pppoe;
	if (t->opts.port_count ? !has_port(t, f) : !krpc_looks_like(f->payload)) {
		t->stats.foreign++;
		return;
	}
	why = krpc_parse(f->payload, &m);
	kind = kind_of(&m, why);
	t->stats.messages[kind]++;
	t->stats.message_bytes[kind] += f->payload.len;
	if (t->port.heard && t->opts.heard_kinds & 1u << kind)
		hear(t, p, f, &m, why);
	if (why)
		return;
	t->stats.odd += m.odd != 0;
	if (m.id.ptr)
		count_client(t, &m, f->payload.len);
	queue_word(t, p, f, &m, kind);
}

void tap_packet(struct tap *t, const struct tap_packet *p)
{
	enum frame_verdict v;
	struct frame f;

	t->stats.packets++;
	t->stats.bytes += p->wire_len;
	if (p->when_us > t->stats.last_us)
		t->stats.last_us = p->when_us;
	if (t->stats.packets == 1 || p->when_us < t->stats.first_us)
		t->stats.first_us = p->when_us;
	v = frame_parse(p->bytes, p->wire_len, p->link, &f);
	t->stats.verdicts[v]++;
	if (v == FRAME_UDP)
		datagram(t, p, &f);
}

void tap_finish(struct tap *t)
{
	tap_settle(t);
	tap_pairs_expire(&t->pairs, t->stats.last_us);
	for (uint32_t i = 0; i <= t->nodes.mask; i++) {
		struct tap_node *n = &t->nodes.slots[i];

		if (n->messages && n->did & CHANGED)
			say_node(t, n, t->stats.last_us / 1000);
	}
}

/* ---- accounts --------------------------------------------------------------------- */

void tap_stats(const struct tap *t, struct tap_stats *out)
{
	*out = t->stats;
	out->pending = t->pairs.pending;
	out->expired = t->pairs.expired;
	out->crowded = t->pairs.crowded;
	out->repeated = t->pairs.repeated;
	out->nodes = t->nodes.count;
	out->nodes_bytes = ((uint64_t)t->nodes.mask + 1) * sizeof(struct tap_node);
}

void tap_stats_add(struct tap_stats *into, const struct tap_stats *one)
{
	uint64_t first =
		into->packets && into->first_us < one->first_us ? into->first_us : one->first_us;
	uint64_t last = into->last_us > one->last_us ? into->last_us : one->last_us;
	uint64_t *a = (uint64_t *)into;
	const uint64_t *b = (const uint64_t *)one;

	if (!one->packets && into->packets)
		first = into->first_us;
	_Static_assert(sizeof(*into) % sizeof(uint64_t) == 0, "nothing but 64-bit counters");
	for (size_t i = 0; i < sizeof(*into) / sizeof(uint64_t); i++)
		a[i] += b[i];
	into->first_us = first;
	into->last_us = last;
}

static void absorb_node(struct tap *t, const struct tap_node *o)
{
	struct tap_node *n =
		tap_nodes_get(&t->nodes, tap_nodes_hash(&o->id, &o->ep), &o->id, &o->ep);

	if (!n) {
		t->stats.nodes_crowded++;
		return;
	}
	if (!n->version_len) {
		memcpy(n->version, o->version, sizeof(n->version));
		n->version_len = o->version_len;
	}
	n->did |= o->did;
	n->flags |= o->flags;
	n->messages +=
		o->messages > UINT32_MAX - n->messages ? UINT32_MAX - n->messages : o->messages;
	n->bytes += o->bytes > UINT32_MAX - n->bytes ? UINT32_MAX - n->bytes : o->bytes;
	if (o->rtt_us && (!n->rtt_us || o->rtt_us < n->rtt_us))
		n->rtt_us = o->rtt_us;
}

void tap_absorb(struct tap *into, const struct tap *from)
{
	struct tap_stats st;

	for (uint32_t i = 0; i <= from->nodes.mask; i++)
		if (from->nodes.slots[i].messages)
			absorb_node(into, &from->nodes.slots[i]);
	tap_stats(from, &st);
	tap_stats_add(&into->stats, &st);
	into->pairs.pending += from->pairs.pending;
	into->pairs.expired += from->pairs.expired;
	into->pairs.crowded += from->pairs.crowded;
	into->pairs.repeated += from->pairs.repeated;
}

uint32_t tap_node_slots(const struct tap *t)
{
	return t->nodes.mask + 1;
}

const struct tap_node *tap_node_at(const struct tap *t, uint32_t i)
{
	return t->nodes.slots[i].messages ? &t->nodes.slots[i] : NULL;
}

/* ---- life -------------------------------------------------------------------------- */

static void defaults(struct tap_opts *o)
{
	o->pairs_log2 = o->pairs_log2 ? o->pairs_log2 : PAIRS_LOG2;
	o->contacts_log2 = o->contacts_log2 ? o->contacts_log2 : CONTACTS_LOG2;
	o->nodes_max = o->nodes_max ? o->nodes_max : NODES_MAX;
	o->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
	o->again_s = o->again_s ? o->again_s : AGAIN_S;
}

int tap_new(const struct tap_opts *opts, const struct tap_port *port, struct tap **out)
{
	struct tap *t;
	size_t lines;
	int err;

	if (opts->port_count > TAP_PORTS_MAX || (opts->pairs_log2 && opts->pairs_log2 < 2) ||
	    opts->pairs_log2 > 30 || (opts->contacts_log2 && opts->contacts_log2 < 3) ||
	    opts->contacts_log2 > 30)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->opts = *opts;
	t->port = *port;
	defaults(&t->opts);
	lines = ((size_t)1 << t->opts.contacts_log2) / CONTACT_WAYS;
	t->said_mask = lines - 1;
	t->said = tap_table_new(lines * CONTACT_WAYS * sizeof(*t->said));
	err = t->said ? tap_nodes_init(&t->nodes, t->opts.nodes_max) : -ENOMEM;
	if (!err)
		err = tap_pairs_init(&t->pairs, t->opts.pairs_log2,
				     (uint64_t)t->opts.timeout_ms * 1000);
	if (err) {
		tap_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void tap_free(struct tap *t)
{
	if (!t)
		return;
	tap_pairs_fini(&t->pairs);
	tap_nodes_fini(&t->nodes);
	free(t->said);
	free(t);
}
