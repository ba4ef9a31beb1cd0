/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "bench/sim/queue.h"

/**
 * DOC: the device of engine/net.h without a kernel. A query that will be
 * answered becomes an event of a queue ordered by the time at which its
 * answer arrives; the answer itself is written when it is received. Silence
 * (dead, lost, nobody there) costs nothing.
 *
 * Time is made here: it moves when net_recv() waits, to the next arrival or to
 * the end of the wait, and by TURN_NS with every net_recv(), so that a loop that
 * polls cannot stand still.
 */

enum {
	TURN_NS = 1000,
	WAIT_MAX_S = 3600,   /* of one net_recv(): "for ever" must not overflow the clock */
	OUR_IP = 0xc6336401, /* 198.51.100.1 (RFC 5737): where virtual nodes see us */
	OUR_PORT = 6881,
	NONCE_RUN_SHIFT = 48, /* more packets than any run sends */
	LIMITS_LOG2 = 16,     /* sets of four askings: 12 MB */
	HOLES_LOG2 = 16,      /* sets of four holes: 4 MB */
};

#define START_NS 1000000000ull /* now at the start: nothing is ever at 0 */

struct net_sim {
	struct net net; /* first: engine/net.h */
	struct sim_world *world;
	struct endpoint us, us6;
	uint64_t *now; /* its own time, or that of the device it was opened along */
	uint64_t time_ns, nonce;
	struct net_sim *along; /* the next device of the same time */
	struct net_stats stats;
	struct sim_queue queue;
	uint8_t send[NET_BATCH_MAX][NET_FRAME_MAX];
	uint8_t recv[NET_BATCH_MAX][NET_RECV_MAX];
};

static struct net_sim *sim_of(struct net *net)
{
	return (struct net_sim *)net;
}

/* ---- the device --------------------------------------------------------------- */

static unsigned sim_send_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct net_sim *s = sim_of(net);

	if (count > NET_BATCH_MAX)
		count = NET_BATCH_MAX;
	for (unsigned i = 0; i < count; i++)
		msgs[i].data = s->send[i];
	return count;
}

/** where_to() - the face that a packet goes to; false where it reaches nobody. */
static bool where_to(const struct sim_world *w, const struct endpoint *ep, uint32_t *face)
{
	if (!w->opts.plain)
		return face_from_public(w, ep, face) == 0;
	return endpoint_is4(ep) && face_from_alias(w, endpoint_get_ip4(ep), ep->port, face) == 0;
}

/** is_limited() - what the node's limiter makes of us; counted. */
static bool is_limited(struct net_sim *s, uint32_t n)
{
	enum limit_verdict v = peer_limit(s->world, n, OUR_IP, *s->now / 1000000, s->world->limits);
	struct sim_harm *harm = &s->world->harm;

	harm->limited += v != LIMIT_PASS;
	harm->bans += v == LIMIT_BANNED_ANEW;
	return v != LIMIT_PASS;
}

static struct sim_event *put_off(struct net_sim *s, uint32_t n, uint32_t face, uint64_t delay_ns)
{
	struct sim_event *e = sim_queue_push(&s->queue, *s->now + delay_ns);

	if (!e) {
		s->stats.buffer_starved++;
		return NULL;
	}
	e->node = n;
	e->face = face;
	return e;
}

/** through_nat() - a hole lets it in, and what comes back keeps that open. */
static bool through_nat(struct net_sim *s, uint32_t n, uint32_t face)
{
	uint64_t now_ms = *s->now / 1000000;

	if (!peer_holed(s->world, n, face, s->world->holes, s->us.port, now_ms))
		return false;
	hole_open(s->world->holes, n, s->us.port, now_ms);
	return true;
}

/** call_us() - somebody whom nobody can reach may have heard of us. */
static void call_us(struct net_sim *s, uint64_t nonce)
{
	const struct sim_world *w = s->world;
	struct sim_event *e;
	uint32_t n;

	if (!peer_caller(w, nonce, &n))
		return;
	e = put_off(s, n, world_seat(w, n), peer_delay_ns(w, n, nonce));
	if (!e)
		return;
	e->question = (struct peer_question){ .method = PEER_CALL, .luck = (uint32_t)nonce };
	if (w->holes)
		hole_open(w->holes, n, s->us.port, *s->now / 1000000);
}

static void send_one(struct net_sim *s, const struct net_msg *m)
{
	const struct sim_world *w = s->world;
	uint64_t nonce = s->nonce++;
	struct peer_question q;
	struct sim_event *e;
	uint32_t n, face;

	s->stats.sent_packets++;
	s->stats.sent_bytes += m->len;
	if (!where_to(w, &m->peer, &face)) {
		world_harm_note(s->world, &m->peer);
		return;
	}
	n = world_sitter(w, face_seat(w, face));
	if (!(peer_there(w, n) && peer_hears(w, n, face)) && !through_nat(s, n, face))
		return;
	if (peer_lost(w, n, nonce))
		return;
	if (s->world->limits && is_limited(s, n))
		return;
	if (peer_read(span_of(m->data, m->len), &q) < 0)
		return;
	q.six = face_is6(w, face);
	q.luck = (uint32_t)sim_draw(w->key[SIM_DRAW_FLAP] + 1, n, nonce);
	e = put_off(s, n, peer_reply_face(w, n, face, q.luck), peer_delay_ns(w, n, nonce));
	if (!e)
		return;
	e->question = q;
	call_us(s, nonce);
}

static unsigned sim_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		send_one(sim_of(net), &msgs[i]);
	return count;
}

static void recv_one(struct net_sim *s, struct net_msg *m, unsigned slot)
{
	const struct sim_event *e = sim_queue_pop(&s->queue);
	const struct peer_question *q = &e->question;
	int len;

	m->data = s->recv[slot];
	if (q->method == PEER_CALL)
		len = peer_call(s->world, e->node, q->luck, m->data, NET_RECV_MAX);
	else
		len = peer_say(s->world, e->node, q, q->six ? &s->us6 : &s->us, m->data,
			       NET_RECV_MAX);
	m->len = (uint32_t)len;
	m->peer = face_contact(s->world, e->face);
	m->tag = 0;
	s->stats.recv_packets++;
	s->stats.recv_bytes += m->len;
}

/** first_of() - the device whose time it is; the others of that time follow it. */
static struct net_sim *first_of(struct net_sim *s)
{
	return (struct net_sim *)(void *)((char *)s->now - offsetof(struct net_sim, time_ns));
}

/** next_arrival() - at any device of this time: none may sleep over another's. */
static uint64_t next_arrival(struct net_sim *s)
{
	uint64_t next = UINT64_MAX, one;

	for (s = first_of(s); s; s = s->along) {
		one = sim_queue_next_ns(&s->queue);
		next = one < next ? one : next;
	}
	return next;
}

static int sim_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct net_sim *s = sim_of(net);
	uint64_t next = next_arrival(s);
	unsigned count = 0;

	if (wait_ns > WAIT_MAX_S * 1000000000ull)
		wait_ns = WAIT_MAX_S * 1000000000ull;
	*s->now += TURN_NS;
	if (next > *s->now && wait_ns > TURN_NS)
		*s->now = next - *s->now < wait_ns ? next : *s->now + wait_ns;
	if (s->world->presence.moves)
		sim_world_set_time(s->world,
				   s->world->opts.time_s + (double)(*s->now - START_NS) / 1e9);
	if (max > NET_BATCH_MAX)
		max = NET_BATCH_MAX;
	for (; count < max && sim_queue_next_ns(&s->queue) <= *s->now; count++)
		recv_one(s, &msgs[count], count);
	return (int)count;
}

static void sim_recv_finish(struct net *net)
{
	(void)net;
}

static unsigned sim_failures(struct net *net, struct net_failure *out, unsigned max)
{
	(void)net, (void)out, (void)max;
	return 0;
}

static void sim_stats(struct net *net, struct net_stats *out)
{
	*out = sim_of(net)->stats;
}

static void sim_close(struct net *net)
{
	struct net_sim *s = sim_of(net), *at = first_of(s);

	while (at && at->along != s)
		at = at->along;
	if (at)
		at->along = s->along;
	sim_queue_free(&s->queue);
	free(s);
}

static uint64_t sim_now_ns(void *ctx)
{
	return *((const struct net_sim *)ctx)->now;
}

static const struct net_ops sim_ops = {
	.name = "sim",
	.send_alloc = sim_send_alloc,
	.send = sim_send,
	.recv = sim_recv,
	.recv_finish = sim_recv_finish,
	.failures = sim_failures,
	.stats = sim_stats,
	.close = sim_close,
};

/** keep_state() - of the world: a second device of the same address does not begin anew. */
static int keep_state(struct sim_world *w)
{
	int err = 0;

	if ((w->opts.bad.limiters > 0 || w->opts.bad.busy > 0) && !w->limits)
		err = limit_table_new(LIMITS_LOG2, &w->limits);
	if (!err && peer_has_holes(w) && !w->holes)
		err = hole_table_new(HOLES_LOG2, &w->holes);
	return err;
}

static int open_at(struct sim_world *w, uint16_t port, uint64_t now_ns, struct net **out,
		   struct clock *clock)
{
	struct net_sim *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->net.ops = &sim_ops;
	s->world = w;
	s->us = endpoint_ip4(OUR_IP, port);
	s->time_ns = now_ns;
	s->now = &s->time_ns;
	/* Other losses than those of the run before. */
	s->nonce = (uint64_t)w->runs++ << NONCE_RUN_SHIFT;
	s->us6 = (struct endpoint){ .addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, .port = port };
	if (keep_state(w) < 0) {
		free(s);
		return -ENOMEM;
	}
	*clock = (struct clock){ .now_ns = sim_now_ns,
				 .wall_minus_now_ns =
					 SIM_WALL_NS - START_NS + (uint64_t)(w->opts.time_s * 1e9),
				 .ctx = s };
	*out = &s->net;
	return 0;
}

int net_sim_open(struct sim_world *w, struct net **out, struct clock *clock)
{
	return open_at(w, OUR_PORT, START_NS, out, clock);
}

int net_sim_beside(const struct net *before, unsigned port, struct net **out, struct clock *clock)
{
	const struct net_sim *s = (const struct net_sim *)(const void *)before;

	return open_at(s->world, (uint16_t)(OUR_PORT + port), *s->now, out, clock);
}

int net_sim_along(struct net *first, unsigned port, struct net **out, struct clock *clock)
{
	struct net_sim *f = first_of(sim_of(first)), *s;
	int err = net_sim_beside(first, port, out, clock);

	if (err)
		return err;
	s = sim_of(*out);
	s->now = f->now;
	s->along = f->along;
	f->along = s;
	return 0;
}
