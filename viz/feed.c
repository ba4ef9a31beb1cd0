/* SPDX-License-Identifier: MIT */
#include "viz/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a filter looks at, and the line. */
struct item {
	struct endpoint ep;
	uint32_t asn;
	char country[3];
	uint8_t way, ways, node_class;
	uint8_t version[4], version_len;
	uint16_t len;
	char line[PEER_LINE_MAX];
};

struct feed {
	pthread_mutex_t lock;
	struct item *items;
	uint64_t mask, first; /* number of the first line of all */
	_Atomic uint64_t head;
};

enum {
	FEED_BATCH = 64,    /* lines written under one lock: some 50 us */
	FEED_LOOK = 1 << 14 /* lines a filter may look at under one lock: some 200 us */
};

int feed_new(unsigned items, uint64_t started_s, struct feed **out)
{
	struct feed *f;

	if (!items || items & (items - 1))
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->items = calloc(items, sizeof(*f->items));
	if (!f->items) {
		free(f);
		return -ENOMEM;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->mask = items - 1;
	f->first = started_s << FEED_SEQ_SHIFT | 1;
	atomic_init(&f->head, f->first);
	*out = f;
	return 0;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f->items);
	free(f);
}

static void put_one(struct feed *f, uint64_t seq, const struct feed_seen *s)
{
	struct item *it = &f->items[seq & f->mask];
	const struct peer_said said = { .seq = seq, .way = s->way, .seen_s = s->seen_s };

	it->ep = s->node.ep;
	it->asn = s->node.asn;
	memcpy(it->country, s->node.country, sizeof(it->country));
	it->way = (uint8_t)s->way;
	it->ways = (uint8_t)(s->node.ways | 1u << s->way);
	it->node_class = s->node.node_class;
	memcpy(it->version, s->node.version, sizeof(it->version));
	it->version_len = s->node.version_len;
	it->len = (uint16_t)peer_line(&s->node, &said, it->line);
}

void feed_put(struct feed *f, const struct feed_seen *list, unsigned count)
{
	for (unsigned at = 0; at < count; at += FEED_BATCH) {
		unsigned n = count - at < FEED_BATCH ? count - at : FEED_BATCH;
		uint64_t head;

		pthread_mutex_lock(&f->lock);
		/* relaxed: only this lock's holder writes it */
		head = atomic_load_explicit(&f->head, memory_order_relaxed);
		for (unsigned i = 0; i < n; i++)
			put_one(f, head + i, &list[at + i]);
		/* release: who sees the new head without the lock goes on to take the lock anyway
		 */
		atomic_store_explicit(&f->head, head + n, memory_order_release);
		pthread_mutex_unlock(&f->lock);
	}
}

uint64_t feed_head(const struct feed *f)
{
	return atomic_load_explicit(&f->head, memory_order_acquire);
}

uint64_t feed_written(const struct feed *f)
{
	return feed_head(f) - f->first;
}

struct feed_reader feed_reader_from(const struct feed *f, uint64_t since)
{
	uint64_t head = feed_head(f);

	return (struct feed_reader){ .next = since && since < head ? since + 1 : head };
}

static bool passes(const struct feed_reader *r, const struct item *it)
{
	struct store_node n;

	if (r->ways && !(r->ways & 1u << it->way))
		return false;
	if (export_where_is_all(&r->where))
		return true;
	n = (struct store_node){ .ep = it->ep,
				 .asn = it->asn,
				 .ways = it->ways,
				 .node_class = it->node_class,
				 .version_len = it->version_len };
	memcpy(n.country, it->country, sizeof(n.country));
	memcpy(n.version, it->version, sizeof(n.version));
	return export_where_holds(&r->where, &n);
}

/* Lines that were written over; those of an earlier run were never here and are not counted. */
static size_t tell_gap(const struct feed *f, struct feed_reader *r, uint64_t tail, char *out)
{
	uint64_t from = r->next < f->first ? f->first : r->next, dropped = tail - from;
	bool restarted = r->next < f->first;

	r->next = tail;
	r->dropped += dropped;
	return (size_t)snprintf(out, PEER_LINE_MAX,
				"{\"type\":\"gap\",\"dropped\":%llu,%s\"seq\":%llu}\n",
				(unsigned long long)dropped, restarted ? "\"restarted\":true," : "",
				(unsigned long long)(tail - 1));
}

size_t feed_read(struct feed *f, struct feed_reader *r, char *out, size_t cap)
{
	uint64_t head, tail;
	size_t at = 0;

	pthread_mutex_lock(&f->lock);
	head = atomic_load_explicit(&f->head, memory_order_relaxed);
	tail = head - f->first > f->mask + 1 ? head - f->mask - 1 : f->first;
	if (r->next < tail)
		at = tell_gap(f, r, tail, out);
	head = head - r->next > FEED_LOOK ? r->next + FEED_LOOK : head;
	for (; r->next < head; r->next++) {
		const struct item *it = &f->items[r->next & f->mask];

		if (!passes(r, it))
			continue;
		if (at + it->len + 1u > cap)
			break;
		memcpy(out + at, it->line, it->len);
		at += it->len;
		out[at++] = '\n';
	}
	pthread_mutex_unlock(&f->lock);
	return at;
}
