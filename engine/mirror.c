/* SPDX-License-Identifier: MIT */
#include "engine/mirror.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "engine/ring.h"
#include "proto/frame.h"
#include "proto/span.h"

enum {
	NAP_NS = 2 * 1000 * 1000,
	LINK_RAW = 12, /* DLT_RAW: the file says LINKTYPE_RAW */
	SNAP_BYTES = 65535,
};

/* Before each datagram of a block. */
struct stamp {
	uint64_t when_us;
	struct endpoint local, peer;
	uint16_t len;
	bool sent;
};

struct block {
	unsigned used;
	uint8_t bytes[MIRROR_BLOCK_BYTES];
};

struct lane {
	atomic_bool taken;
	struct ring full, empty;
	struct block *blocks; /* made when it is first taken */
	_Atomic uint64_t dropped;
};

struct mirror {
	struct clock clock;
	struct endpoint local;
	pcap_t *pcap;
	pcap_dumper_t *file;
	struct lane lanes[MIRROR_LANES];
	pthread_t thread;
	atomic_bool stop;
	uint64_t packets;
	bool broken;
};

struct mirror_net {
	struct net net; /* first: engine/net.h */
	struct net *inner;
	struct mirror *mirror;
	struct lane *lane;
	struct block *open;
	struct endpoint local;
	bool patient, borrowed;
	struct net_ops ops; /* plain_ops under the name of the inner device */
};

static struct mirror_net *self(struct net *net)
{
	return (struct mirror_net *)net;
}

/* ---- the worker's side ----------------------------------------------------------------- */

static void push_open(struct mirror_net *n)
{
	if (n->open && n->open->used) {
		/* Never full: it has room for every block there is. */
		(void)ring_push(&n->lane->full, n->open);
		n->open = NULL;
	}
}

static struct block *next_block(struct mirror_net *n)
{
	const struct timespec nap = { 0, NAP_NS };
	struct block *b;

	while (!(b = ring_pop(&n->lane->empty)) && n->patient)
		nanosleep(&nap, NULL);
	return b;
}

static void copy(struct mirror_net *n, const struct net_msg *m, uint64_t when_us, bool sent)
{
	struct stamp s = { .when_us = when_us,
			   .local = n->local,
			   .peer = m->peer,
			   .len = (uint16_t)m->len,
			   .sent = sent };

	if (m->len > UINT16_MAX)
		return;
	if (n->open && n->open->used + sizeof(s) + m->len > MIRROR_BLOCK_BYTES)
		push_open(n);
	if (!n->open) {
		n->open = next_block(n);
		if (!n->open) {
			atomic_fetch_add_explicit(&n->lane->dropped, 1, memory_order_relaxed);
			return;
		}
		n->open->used = 0;
	}
	memcpy(n->open->bytes + n->open->used, &s, sizeof(s));
	memcpy(n->open->bytes + n->open->used + sizeof(s), m->data, m->len);
	n->open->used += (unsigned)sizeof(s) + m->len;
}

static void copy_all(struct mirror_net *n, const struct net_msg *msgs, unsigned count, bool sent)
{
	const struct clock *c = &n->mirror->clock;
	uint64_t when_us = clock_wall_ns(c, clock_now_ns(c)) / 1000;

	for (unsigned i = 0; i < count; i++)
		copy(n, &msgs[i], when_us, sent);
}

static unsigned mirror_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	return net_send_alloc(self(net)->inner, msgs, count);
}

static unsigned mirror_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	if (count)
		copy_all(self(net), msgs, count, true);
	return net_send(self(net)->inner, msgs, count);
}

static int mirror_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	int n;

	if (wait_ns) /* idle: what was begun should not wait with us */
		push_open(self(net));
	n = net_recv(self(net)->inner, msgs, max, wait_ns);
	if (n > 0)
		copy_all(self(net), msgs, (unsigned)n, false);
	return n;
}

static void mirror_recv_finish(struct net *net)
{
	net_recv_finish(self(net)->inner);
}

static unsigned mirror_failures(struct net *net, struct net_failure *out, unsigned max)
{
	return net_failures(self(net)->inner, out, max);
}

static void mirror_net_stats(struct net *net, struct net_stats *out)
{
	net_stats(self(net)->inner, out);
}

static void mirror_net_close(struct net *net)
{
	struct mirror_net *n = self(net);

	if (!n->borrowed)
		net_close(n->inner);
	push_open(n);
	if (n->open)
		(void)ring_push(&n->lane->empty, n->open);
	/* Release: the next device of this lane finds its rings as they are left. */
	atomic_store_explicit(&n->lane->taken, false, memory_order_release);
	free(n);
}

static const struct net_ops plain_ops = {
	.send_alloc = mirror_send_alloc,
	.send = mirror_send,
	.recv = mirror_recv,
	.recv_finish = mirror_recv_finish,
	.failures = mirror_failures,
	.stats = mirror_net_stats,
	.close = mirror_net_close,
};

/* ---- lanes ------------------------------------------------------------------------------ */

static int lane_make(struct lane *l)
{
	if (l->blocks)
		return 0;
	l->blocks = calloc(MIRROR_BLOCKS, sizeof(*l->blocks));
	if (!l->blocks)
		return -ENOMEM;
	for (unsigned i = 0; i < MIRROR_BLOCKS; i++)
		(void)ring_push(&l->empty, &l->blocks[i]);
	return 0;
}

static struct lane *lane_take(struct mirror *m)
{
	for (unsigned i = 0; i < MIRROR_LANES; i++) {
		bool no = false;

		if (!atomic_compare_exchange_strong(&m->lanes[i].taken, &no, true))
			continue;
		if (lane_make(&m->lanes[i]) == 0)
			return &m->lanes[i];
		atomic_store(&m->lanes[i].taken, false);
		break;
	}
	return NULL;
}

static struct mirror_net *wrap(struct mirror *m, struct net *inner)
{
	struct mirror_net *n = calloc(1, sizeof(*n));

	if (n)
		n->lane = lane_take(m);
	if (!n || !n->lane) {
		free(n);
		return NULL;
	}
	n->ops = plain_ops;
	n->ops.name = inner->ops->name; /* reports name the back end, not its mirror */
	n->net.ops = &n->ops;
	n->inner = inner;
	n->mirror = m;
	n->local = m->local;
	return n;
}

struct net *mirror_wrap(struct mirror *m, struct net *inner)
{
	struct mirror_net *n = wrap(m, inner);

	if (!n)
		net_close(inner);
	return n ? &n->net : NULL;
}

struct net *mirror_around(struct mirror *m, struct net *inner)
{
	struct mirror_net *n = wrap(m, inner);

	if (!n)
		return NULL;
	n->patient = n->borrowed = true;
	return &n->net;
}

/* ---- the writer's side -------------------------------------------------------------------- */

static void write_one(struct mirror *m, const struct stamp *s, const uint8_t *payload)
{
	uint8_t packet[FRAME_HEAD_MAX + UINT16_MAX];
	const struct endpoint *from = s->sent ? &s->local : &s->peer;
	const struct endpoint *to = s->sent ? &s->peer : &s->local;
	unsigned head = frame_head(from, to, span_of(payload, s->len), packet);
	struct pcap_pkthdr h = { .ts = { .tv_sec = (time_t)(s->when_us / 1000000),
					 .tv_usec = (suseconds_t)(s->when_us % 1000000) } };

	if (!head)
		return;
	memcpy(packet + head, payload, s->len);
	h.caplen = h.len = head + s->len;
	pcap_dump((u_char *)m->file, &h, packet);
	m->packets++;
}

static bool drain(struct mirror *m)
{
	bool any = false;

	for (unsigned i = 0; i < MIRROR_LANES; i++) {
		struct block *b;

		for (unsigned n = 0; n < MIRROR_BLOCKS && m->lanes[i].full.slots &&
				     (b = ring_pop(&m->lanes[i].full)) != NULL;
		     n++) {
			for (unsigned at = 0; at < b->used;) {
				struct stamp s;

				memcpy(&s, b->bytes + at, sizeof(s));
				write_one(m, &s, b->bytes + at + sizeof(s));
				at += (unsigned)sizeof(s) + s.len;
			}
			(void)ring_push(&m->lanes[i].empty, b);
			any = true;
		}
	}
	return any;
}

static void *mirror_main(void *arg)
{
	const struct timespec nap = { 0, NAP_NS };
	struct mirror *m = arg;

	for (;;) {
		/* Acquire, and read before the drain: whoever set it had closed the devices. */
		bool last = atomic_load_explicit(&m->stop, memory_order_acquire);

		if (drain(m))
			continue;
		if (pcap_dump_flush(m->file))
			m->broken = true;
		if (last)
			return NULL;
		nanosleep(&nap, NULL);
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

static void lanes_fini(struct mirror *m)
{
	for (unsigned i = 0; i < MIRROR_LANES; i++) {
		ring_fini(&m->lanes[i].full);
		ring_fini(&m->lanes[i].empty);
		free(m->lanes[i].blocks);
	}
}

static int open_file(struct mirror *m, const char *path, char *why)
{
	m->pcap = pcap_open_dead(LINK_RAW, SNAP_BYTES);
	if (!m->pcap)
		return -ENOMEM;
	m->file = pcap_dump_open(m->pcap, path);
	if (m->file)
		return 0;
	snprintf(why, MIRROR_WHY_MAX, "%.250s", pcap_geterr(m->pcap));
	return -EIO;
}

int mirror_open(const char *path, const struct clock *clock, struct mirror **out,
		char why[static MIRROR_WHY_MAX])
{
	struct mirror *m = calloc(1, sizeof(*m));
	int err = 0;

	why[0] = 0;
	if (!m)
		return -ENOMEM;
	m->clock = *clock;
	for (unsigned i = 0; i < MIRROR_LANES && !err; i++) {
		err = ring_init(&m->lanes[i].full, 2 * MIRROR_BLOCKS);
		if (!err)
			err = ring_init(&m->lanes[i].empty, 2 * MIRROR_BLOCKS);
	}
	if (!err)
		err = open_file(m, path, why);
	if (!err)
		err = -pthread_create(&m->thread, NULL, mirror_main, m);
	if (err) {
		if (m->file)
			pcap_dump_close(m->file);
		if (m->pcap)
			pcap_close(m->pcap);
		lanes_fini(m);
		free(m);
		return err;
	}
	pthread_setname_np(m->thread, "dt-mirror");
	*out = m;
	return 0;
}

void mirror_set_local(struct mirror *m, const struct endpoint *local)
{
	static const struct endpoint none;

	/* Virtual time has no address: then it is IPv4's "any". */
	m->local = endpoint_equal(local, &none) ? endpoint_ip4(0, 0) : *local;
}

int mirror_close(struct mirror *m, struct mirror_stats *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	if (!m)
		return 0;
	atomic_store_explicit(&m->stop, true, memory_order_release);
	pthread_join(m->thread, NULL);
	out->packets = m->packets;
	for (unsigned i = 0; i < MIRROR_LANES; i++)
		out->dropped += atomic_load(&m->lanes[i].dropped);
	err = m->broken || ferror(pcap_dump_file(m->file)) ? -EIO : 0;
	pcap_dump_close(m->file);
	pcap_close(m->pcap);
	lanes_fini(m);
	free(m);
	return err;
}
