/* SPDX-License-Identifier: MIT */
#include "tests/support/tinydev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"

enum { FLIGHT_MAX = 1 << 15, PAST = 64, START_NS = 1000000000 };

struct flight {
	uint64_t at_ns;
	struct endpoint from;
	uint32_t len;
	uint8_t data[TINYNET_REPLY_MAX];
};

struct tinydev {
	struct net base;
	const struct tinynet *world;
	struct tinydev_opts opts;
	struct rng rng;
	uint64_t now_ns;
	/* one round-trip time for all, so the order of sending is that of arriving */
	struct flight *flight;
	uint64_t first, last;
	uint8_t frames[NET_BATCH_MAX][NET_FRAME_MAX];
	struct net_failure failures[NET_BATCH_MAX];
	unsigned failed;
	uint64_t (*past)[PAST]; /* per node, times of its last packets */
	uint64_t *count;
	struct net_stats stats;
	struct tinydev_witness seen;
};

static struct tinydev *self(struct net *net)
{
	return (struct tinydev *)net;
}

static unsigned dev_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	for (unsigned i = 0; i < count && i < NET_BATCH_MAX; i++)
		msgs[i].data = self(net)->frames[i];
	return count < NET_BATCH_MAX ? count : NET_BATCH_MAX;
}

static void recount(struct tinydev *d, const struct tinynet_node *n)
{
	size_t i = (size_t)(n - d->world->nodes);
	uint32_t within = 1;

	for (uint64_t k = 0; k < PAST && k < d->count[i]; k++)
		within += d->now_ns - d->past[i][k] <= UINT64_C(10000000000);
	d->past[i][d->count[i]++ % PAST] = d->now_ns;
	if (within > d->seen.worst_10s)
		d->seen.worst_10s = within;
}

static void deliver(struct tinydev *d, const struct net_msg *msg)
{
	struct flight *f = &d->flight[d->last % FLIGHT_MAX];
	const struct tinynet_node *n = tinynet_find(d->world, &msg->peer);

	if (!n) {
		d->seen.unknown++;
		return;
	}
	recount(d, n);
	if ((double)(rng_u64(&d->rng) >> 11) * 0x1p-53 < d->opts.loss)
		return;
	f->len = (uint32_t)tinynet_answer(d->world, &msg->peer, span_of(msg->data, msg->len),
					  f->data);
	if (f->len == 0)
		return;
	f->from = msg->peer;
	f->at_ns = d->now_ns + d->opts.rtt_ns;
	if (d->opts.stall_every_ns && f->at_ns % d->opts.stall_every_ns < d->opts.stall_ns)
		f->at_ns += d->opts.stall_ns - f->at_ns % d->opts.stall_every_ns;
	if (++d->last - d->first > FLIGHT_MAX)
		abort();
}

static unsigned dev_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct tinydev *d = self(net);

	for (unsigned i = 0; i < count; i++) {
		d->seen.handed_over++;
		if (d->opts.refuse_every && d->seen.handed_over % d->opts.refuse_every == 0) {
			d->failures[d->failed++] = (struct net_failure){ msgs[i].tag, -ENOBUFS };
			d->seen.refused++;
			d->stats.send_failures++;
			continue;
		}
		d->stats.sent_packets++;
		d->stats.sent_bytes += msgs[i].len;
		deliver(d, &msgs[i]);
	}
	return count;
}

static int dev_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct tinydev *d = self(net);
	uint64_t until = d->now_ns + wait_ns;
	unsigned n = 0;

	if (d->opts.die_at_ns && d->now_ns >= d->opts.die_at_ns)
		return -ENODEV;
	if (d->first == d->last)
		d->now_ns = until;
	else if (d->flight[d->first % FLIGHT_MAX].at_ns > d->now_ns)
		d->now_ns = d->flight[d->first % FLIGHT_MAX].at_ns < until
				    ? d->flight[d->first % FLIGHT_MAX].at_ns
				    : until;
	while (n < max && d->first != d->last) {
		struct flight *f = &d->flight[d->first % FLIGHT_MAX];

		if (f->at_ns > d->now_ns)
			break;
		msgs[n++] = (struct net_msg){ .peer = f->from, .len = f->len, .data = f->data };
		d->stats.recv_packets++;
		d->stats.recv_bytes += f->len;
		d->first++;
	}
	d->seen.delivered += n;
	return (int)n;
}

static void dev_recv_finish(struct net *net)
{
	(void)net;
}

static unsigned dev_failures(struct net *net, struct net_failure *out, unsigned max)
{
	struct tinydev *d = self(net);
	unsigned n = d->failed < max ? d->failed : max;

	memcpy(out, d->failures, n * sizeof(*out));
	memmove(d->failures, d->failures + n, (d->failed - n) * sizeof(*out));
	d->failed -= n;
	return n;
}

static void dev_stats(struct net *net, struct net_stats *out)
{
	*out = self(net)->stats;
}

static void dev_close(struct net *net)
{
	struct tinydev *d = self(net);

	free(d->flight);
	free(d->past);
	free(d->count);
	free(d);
}

static uint64_t dev_now(void *ctx)
{
	return ((const struct tinydev *)ctx)->now_ns;
}

static const struct net_ops ops = { "tiny",          dev_alloc,    dev_send,  dev_recv,
				    dev_recv_finish, dev_failures, dev_stats, dev_close };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct net *tinydev_open(const struct tinynet *t, const struct tinydev_opts *opts,
			 struct clock *clock)
{
	struct tinydev *d = must(calloc(1, sizeof(*d)));

	d->base.ops = &ops;
	d->world = t;
	d->opts = *opts;
	d->rng.state = opts->seed;
	d->now_ns = START_NS;
	d->flight = must(calloc(FLIGHT_MAX, sizeof(*d->flight)));
	d->past = must(calloc(t->count, sizeof(*d->past)));
	d->count = must(calloc(t->count, sizeof(*d->count)));
	*clock = (struct clock){ dev_now, UINT64_C(1700000000000000000), d };
	return &d->base;
}

struct tinydev_witness tinydev_witness(const struct net *net)
{
	return ((const struct tinydev *)net)->seen;
}
