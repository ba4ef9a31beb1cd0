/* SPDX-License-Identifier: MIT */
#include "engine/post.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ring.h"
#include "proto/prefetch.h"

enum parcel_kind { PARCEL_CONTACTS, PARCEL_DATAGRAMS };

enum {
	HEAD_BYTES = 16,
	BODY_BYTES = POST_PARCEL_BYTES - HEAD_BYTES,
	PARCEL_CONTACTS_MAX = BODY_BYTES / sizeof(struct crawl_contact),
	/* A datagram in a parcel: endpoint 18, length 2, bytes. Shorter ones than this are
	 * not replies, and the bound keeps the list on the stack small. */
	DATAGRAM_HEAD = 20,
	PARCEL_DATAGRAMS_MAX = 64,
	/* Parcels of a worker, shared out evenly over the others. Where the kernel deals
	 * nothing, half of a turn's 256 replies of 300 bytes and all their contacts go to
	 * others: 40 parcels of datagrams, 30 of contacts. */
	PARCELS = 128,
	PARCELS_PER_PAIR_MAX = 64,
	CONTACTS_AHEAD = 8, /* six cache lines */
	PARCELS_PER_PAIR_MIN = 4,
	OVERFLOW_MIN = 1024,
};

struct parcel {
	uint32_t kind, count, used, unused;
	union {
		struct crawl_contact contacts[PARCEL_CONTACTS_MAX];
		uint8_t bytes[BODY_BYTES];
	};
};
_Static_assert(sizeof(struct parcel) == POST_PARCEL_BYTES, "one page");
_Static_assert(NET_WORKERS_MAX <= 64, "a bit a worker");

/* One direction between two workers. */
struct pair {
	struct ring there;      /* parcels under way */
	struct ring back;       /* opened ones going home */
	struct parcel *open[2]; /* being packed, by kind; the sender's */
	struct parcel *parcels;
};

/* Contacts that wait for a parcel. */
struct overflow {
	struct waiting {
		struct crawl_contact contact;
		unsigned to;
	} * list;
	size_t count, cap;
};

struct office {
	struct overflow overflow;
	struct post_stats stats;
	uint64_t opened_now; /* opened, not yet settled; the receiver's own */
	/* Written by the owner, read by the monitor. */
	_Alignas(64) _Atomic uint64_t sent;
	_Atomic uint64_t opened;
	atomic_bool quiet;
};

struct post {
	unsigned workers, parcels_per_pair;
	struct pair *pairs; /* [from * workers + to] */
	struct office *offices;
};

static struct pair *pair_of(const struct post *p, unsigned from, unsigned to)
{
	return &p->pairs[from * p->workers + to];
}

/* ---- sending ------------------------------------------------------------------ */

static void dispatch(struct post *p, unsigned from, struct pair *pair, unsigned kind)
{
	struct office *office = &p->offices[from];
	bool ok;

	if (!pair->open[kind])
		return;
	/* Counted before it can be opened (E-6): opened never exceeds sent for any reader.
	 * Release, so that whoever sees the parcel opened sees it counted. */
	atomic_fetch_add_explicit(&office->sent, 1, memory_order_release);
	ok = ring_push(&pair->there, pair->open[kind]);
	assert(ok); /* the ring holds every parcel of the pair */
	pair->open[kind] = NULL;
}

/* The parcel of this kind that is being packed; a new one if need be; NULL when none is home. */
static struct parcel *parcel_for(struct pair *pair, enum parcel_kind kind)
{
	struct parcel *parcel = pair->open[kind];

	if (parcel)
		return parcel;
	parcel = ring_pop(&pair->back);
	if (!parcel)
		return NULL;
	parcel->kind = kind;
	parcel->count = 0;
	parcel->used = 0;
	pair->open[kind] = parcel;
	return parcel;
}

static bool pack_contact(struct post *p, unsigned from, unsigned to, const struct crawl_contact *c)
{
	struct pair *pair = pair_of(p, from, to);
	struct parcel *parcel = parcel_for(pair, PARCEL_CONTACTS);

	if (!parcel)
		return false;
	/* The page was last the other core's: what is written next is on its way by then. */
	prefetch_write(parcel->contacts + parcel->count + CONTACTS_AHEAD);
	parcel->contacts[parcel->count++] = *c;
	if (parcel->count == PARCEL_CONTACTS_MAX)
		dispatch(p, from, pair, PARCEL_CONTACTS);
	return true;
}

/* False when the list is full or memory is. */
static bool keep(struct overflow *o, unsigned to, const struct crawl_contact *c)
{
	if (o->count == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : OVERFLOW_MIN;
		struct waiting *list;

		if (cap > POST_OVERFLOW_MAX)
			return false;
		list = realloc(o->list, cap * sizeof(*list));
		if (!list)
			return false;
		o->list = list;
		o->cap = cap;
	}
	o->list[o->count++] = (struct waiting){ *c, to };
	return true;
}

void post_contact(struct post *p, unsigned from, unsigned to, const struct crawl_contact *contact)
{
	struct office *office = &p->offices[from];

	assert(from != to && to < p->workers);
	if (!pack_contact(p, from, to, contact)) {
		if (!keep(&office->overflow, to, contact)) {
			office->stats.contacts_dropped++;
			return;
		}
		if (office->overflow.count > office->stats.overflow_peak)
			office->stats.overflow_peak = office->overflow.count;
	}
	office->stats.contacts++;
}

void post_datagram(struct post *p, unsigned from, unsigned to, const struct net_msg *msg)
{
	struct office *office = &p->offices[from];
	struct pair *pair = pair_of(p, from, to);
	struct parcel *parcel = parcel_for(pair, PARCEL_DATAGRAMS);
	size_t room = DATAGRAM_HEAD + msg->len;
	uint16_t len = (uint16_t)msg->len;

	assert(from != to && to < p->workers && msg->len <= NET_RECV_MAX);
	if (parcel && parcel->used + room > BODY_BYTES) {
		dispatch(p, from, pair, PARCEL_DATAGRAMS);
		parcel = parcel_for(pair, PARCEL_DATAGRAMS);
	}
	if (!parcel) {
		office->stats.datagrams_dropped++;
		return;
	}
	memcpy(parcel->bytes + parcel->used, &msg->peer, sizeof(msg->peer));
	memcpy(parcel->bytes + parcel->used + 18, &len, sizeof(len));
	memcpy(parcel->bytes + parcel->used + DATAGRAM_HEAD, msg->data, len);
	parcel->used += (uint32_t)room;
	office->stats.datagrams++;
	if (++parcel->count == PARCEL_DATAGRAMS_MAX)
		dispatch(p, from, pair, PARCEL_DATAGRAMS);
}

/*
 * As far as parcels have come home; what cannot leave stays, in order. Whoever had no parcel
 * for one has none for the next, so a long list costs nothing while nobody opens any.
 */
static void send_overflow(struct post *p, unsigned from)
{
	struct overflow *o = &p->offices[from].overflow;
	uint64_t shut = 0; /* a bit a worker */
	unsigned left = p->workers - 1;
	size_t kept = 0, i = 0;

	for (; i < o->count && left; i++) {
		uint64_t to = (uint64_t)1 << o->list[i].to;

		if (!(shut & to) && pack_contact(p, from, o->list[i].to, &o->list[i].contact))
			continue;
		left -= !(shut & to);
		shut |= to;
		o->list[kept++] = o->list[i];
	}
	if (kept == i)
		return;
	memmove(o->list + kept, o->list + i, (o->count - i) * sizeof(*o->list));
	o->count -= i - kept;
}

void post_flush(struct post *p, unsigned from)
{
	if (p->offices[from].overflow.count)
		send_overflow(p, from);
	for (unsigned to = 0; to < p->workers; to++) {
		struct pair *pair = pair_of(p, from, to);

		dispatch(p, from, pair, PARCEL_CONTACTS);
		dispatch(p, from, pair, PARCEL_DATAGRAMS);
	}
}

bool post_waiting(const struct post *p, unsigned from)
{
	if (p->offices[from].overflow.count)
		return true;
	for (unsigned to = 0; to < p->workers; to++) {
		const struct pair *pair = pair_of(p, from, to);

		if (pair->open[PARCEL_CONTACTS] || pair->open[PARCEL_DATAGRAMS])
			return true;
	}
	return false;
}

bool post_behind(const struct post *p, unsigned from)
{
	return p->offices[from].overflow.count > POST_OVERFLOW_BEHIND;
}

/* ---- receiving ---------------------------------------------------------------- */

static void open_datagrams(struct parcel *parcel, const struct post_box *box)
{
	struct net_msg msgs[PARCEL_DATAGRAMS_MAX];
	uint8_t *at = parcel->bytes;

	for (uint32_t i = 0; i < parcel->count; i++) {
		uint16_t len;

		memcpy(&msgs[i].peer, at, sizeof(msgs[i].peer));
		memcpy(&len, at + 18, sizeof(len));
		msgs[i].len = len;
		msgs[i].data = at + DATAGRAM_HEAD;
		msgs[i].tag = 0;
		at += DATAGRAM_HEAD + len;
	}
	box->datagrams(box->ctx, msgs, parcel->count);
}

unsigned post_collect(struct post *p, unsigned to, const struct post_box *box)
{
	unsigned opened = 0;

	for (unsigned from = 0; from < p->workers; from++) {
		struct pair *pair = pair_of(p, from, to);
		struct parcel *parcel;

		if (from == to)
			continue;
		/* No more than were there at first: a busy sender must not hold us here. */
		for (unsigned n = ring_count(&pair->there); n > 0; n--) {
			bool ok;

			parcel = ring_pop(&pair->there);
			if (parcel->kind == PARCEL_CONTACTS)
				box->contacts(box->ctx, parcel->contacts, parcel->count);
			else
				open_datagrams(parcel, box);
			ok = ring_push(&pair->back, parcel);
			assert(ok);
			opened++;
		}
	}
	p->offices[to].opened_now += opened;
	return opened;
}

/*
 * The order is the proof (E-6). Sent is counted before a parcel can be opened;
 * opened is counted after its contents were handled and the mood that followed
 * was published. post_at_rest() reads the other way round: opened, moods, sent.
 * A parcel that it counts as opened, it also counts as sent, so equal sums mean
 * that every parcel it can see was opened, and the moods it read are those after
 * the opening. A quiet worker sends nothing but on news from outside.
 */
void post_settle(struct post *p, unsigned worker, bool quiet)
{
	struct office *office = &p->offices[worker];

	/* Release: who sees the mood sees what was sent before it. */
	if (atomic_load_explicit(&office->quiet, memory_order_relaxed) != quiet)
		atomic_store_explicit(&office->quiet, quiet, memory_order_release);
	/* Release: who sees the count sees the mood. */
	if (office->opened_now)
		atomic_fetch_add_explicit(&office->opened, office->opened_now,
					  memory_order_release);
	office->opened_now = 0;
}

bool post_at_rest(const struct post *p)
{
	uint64_t opened = 0, sent = 0;

	for (unsigned i = 0; i < p->workers; i++)
		opened += atomic_load_explicit(&p->offices[i].opened, memory_order_acquire);
	for (unsigned i = 0; i < p->workers; i++)
		if (!atomic_load_explicit(&p->offices[i].quiet, memory_order_acquire))
			return false;
	for (unsigned i = 0; i < p->workers; i++)
		sent += atomic_load_explicit(&p->offices[i].sent, memory_order_acquire);
	return opened == sent;
}

void post_stats(const struct post *p, unsigned worker, struct post_stats *out)
{
	*out = p->offices[worker].stats;
}

/* ---- life --------------------------------------------------------------------- */

static int pair_init(struct pair *pair, unsigned parcels)
{
	pair->parcels = calloc(parcels, sizeof(*pair->parcels));
	/* A ring of n slots holds n - 1. */
	if (!pair->parcels || ring_init(&pair->there, 2 * parcels) ||
	    ring_init(&pair->back, 2 * parcels))
		return -ENOMEM;
	for (unsigned i = 0; i < parcels; i++) {
		bool ok = ring_push(&pair->back, &pair->parcels[i]);

		assert(ok);
	}
	return 0;
}

int post_new(unsigned workers, struct post **out)
{
	struct post *p = calloc(1, sizeof(*p));
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->workers = workers;
	p->parcels_per_pair = PARCELS_PER_PAIR_MAX;
	while (p->parcels_per_pair > PARCELS_PER_PAIR_MIN &&
	       p->parcels_per_pair * workers > PARCELS)
		p->parcels_per_pair /= 2;
	p->pairs = calloc((size_t)workers * workers, sizeof(*p->pairs));
	p->offices = aligned_alloc(64, workers * sizeof(*p->offices));
	if (!p->pairs || !p->offices)
		err = -ENOMEM;
	else
		memset(p->offices, 0, workers * sizeof(*p->offices));
	for (unsigned i = 0; !err && i < workers * workers; i++)
		if (i / workers != i % workers)
			err = pair_init(&p->pairs[i], p->parcels_per_pair);
	if (err) {
		post_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void post_free(struct post *p)
{
	if (!p)
		return;
	for (unsigned i = 0; p->pairs && i < p->workers * p->workers; i++) {
		ring_fini(&p->pairs[i].there);
		ring_fini(&p->pairs[i].back);
		free(p->pairs[i].parcels);
	}
	for (unsigned i = 0; p->offices && i < p->workers; i++)
		free(p->offices[i].overflow.list);
	free(p->pairs);
	free(p->offices);
	free(p);
}
