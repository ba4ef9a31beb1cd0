/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bench/sim/world.h"

/**
 * DOC: a thin device around another: who uses it sees public addresses, what
 * travels goes to 127.0.0.0/8. Translation is arithmetic (world.h); no table of
 * conversations is kept.
 *
 * Nothing else can leave: an address is sent to only if it is an alias that the
 * world computed, and that it lies in 127.0.0.0/8 (over an island: 198.18.0.0/15) is
 * checked once more on the very endpoint that the inner device is given. Everything else is
 * reported as failed with -EACCES.
 */

enum {
	FAILURES_MAX = NET_BATCH_MAX, /* as many as one batch can hold */
	FETCH_BLOCK = 64,             /* 128 cache lines under way, a quarter of the first cache */
};

struct net_alias {
	struct net net; /* first: engine/net.h */
	struct net *inner;
	struct sim_world *world;
	uint64_t refused, strays;
	unsigned failed;
	struct net_failure failures[FAILURES_MAX];
	struct net_msg msgs[NET_BATCH_MAX];
};

static struct net_alias *alias_of(struct net *net)
{
	return (struct net_alias *)net;
}

static unsigned alias_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct net_alias *a = alias_of(net);
	unsigned room = FAILURES_MAX - a->failed; /* each message of a batch may fail */

	return net_send_alloc(a->inner, msgs, count < room ? count : room);
}

/** to_alias() - false where no node stands or the result is not loopback. */
static bool to_alias(const struct sim_world *w, const struct endpoint *public, struct endpoint *out)
{
	uint32_t face;
	int err = DT_ENOTFOUND;

	if (!w->opts.plain)
		err = face_from_public(w, public, &face);
	else if (endpoint_is4(public))
		err = face_from_alias(w, endpoint_get_ip4(public), public->port, &face);
	if (err)
		return false;
	*out = face_alias(w, face);
	return endpoint_is4(out) && alias_may_be_sent_to(w, endpoint_get_ip4(out));
}

/*
 * What a block of translations will read of the world's places, in two passes
 * because one read names the other.
 */
static void fetch_places(const struct sim_world *w, const struct net_msg *msgs, unsigned count)
{
	if (w->opts.plain)
		return;
	for (unsigned i = 0; i < count; i++)
		sim_places_fetch_ip(w->places, endpoint_get_ip4(&msgs[i].peer));
	for (unsigned i = 0; i < count; i++)
		sim_places_fetch_ip_range(w->places, endpoint_get_ip4(&msgs[i].peer));
}

static void fetch_places_of_aliases(const struct sim_world *w, const struct net_msg *msgs,
				    unsigned count)
{
	uint32_t seat[FETCH_BLOCK], face;
	unsigned found = 0;

	if (w->opts.plain)
		return;
	for (unsigned i = 0; i < count; i++) {
		const struct endpoint *ep = &msgs[i].peer;

		if (face_from_alias(w, endpoint_get_ip4(ep), ep->port, &face) < 0)
			continue;
		seat[found] = face_seat(w, face);
		sim_places_fetch_number(w->places, seat[found++]);
	}
	for (unsigned i = 0; i < found; i++)
		sim_places_fetch_number_range(w->places, seat[i]);
}

static unsigned block_of(unsigned at, unsigned count)
{
	return count - at < FETCH_BLOCK ? count - at : FETCH_BLOCK;
}

static unsigned alias_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct net_alias *a = alias_of(net);
	unsigned kept = 0;

	for (unsigned i = 0; i < count && i < NET_BATCH_MAX; i++) {
		if (i % FETCH_BLOCK == 0)
			fetch_places(a->world, msgs + i, block_of(i, count));
		a->msgs[kept] = msgs[i];
		if (to_alias(a->world, &msgs[i].peer, &a->msgs[kept].peer)) {
			kept++;
			continue;
		}
		a->refused++;
		world_harm_note(a->world, &msgs[i].peer);
		if (a->failed < FAILURES_MAX)
			a->failures[a->failed++] =
				(struct net_failure){ .tag = msgs[i].tag, .err = -EACCES };
	}
	net_send(a->inner, a->msgs, kept);
	return count;
}

static int alias_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct net_alias *a = alias_of(net);
	/* Failures of ours are something to hear: no sleep before they are. */
	int got = net_recv(a->inner, msgs, max, a->failed ? 0 : wait_ns), kept = 0;

	for (int i = 0; i < got; i++) {
		const struct endpoint *from = &msgs[i].peer;
		uint32_t face;

		if (i % FETCH_BLOCK == 0)
			fetch_places_of_aliases(a->world, msgs + i,
						block_of((unsigned)i, (unsigned)got));
		if (!endpoint_is4(from) ||
		    face_from_alias(a->world, endpoint_get_ip4(from), from->port, &face) < 0) {
			a->strays++;
			continue;
		}
		msgs[kept] = msgs[i];
		msgs[kept++].peer = face_contact(a->world, face);
	}
	return got < 0 ? got : kept;
}

static void alias_recv_finish(struct net *net)
{
	net_recv_finish(alias_of(net)->inner);
}

static unsigned alias_failures(struct net *net, struct net_failure *out, unsigned max)
{
	struct net_alias *a = alias_of(net);
	unsigned own = a->failed < max ? a->failed : max;

	memcpy(out, a->failures, own * sizeof(*out));
	memmove(a->failures, a->failures + own, (a->failed - own) * sizeof(*out));
	a->failed -= own;
	return own + net_failures(a->inner, out + own, max - own);
}

static void alias_stats(struct net *net, struct net_stats *out)
{
	const struct net_alias *a = alias_of(net);

	net_stats(a->inner, out);
	out->send_failures += a->refused;
}

static void alias_close(struct net *net)
{
	net_close(alias_of(net)->inner);
	free(net);
}

static const struct net_ops alias_ops = {
	.name = "alias",
	.send_alloc = alias_send_alloc,
	.send = alias_send,
	.recv = alias_recv,
	.recv_finish = alias_recv_finish,
	.failures = alias_failures,
	.stats = alias_stats,
	.close = alias_close,
};

int net_alias_open(struct sim_world *w, struct net *inner, struct net **out)
{
	struct net_alias *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (!a)
		return -ENOMEM;
	a->net.ops = &alias_ops;
	a->inner = inner;
	a->world = w;
	*out = &a->net;
	return 0;
}
