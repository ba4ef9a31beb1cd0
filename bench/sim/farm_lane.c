/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <time.h>

#include "bench/sim/farm_impl.h"
#include "bench/sim/queue.h"

/** DOC: a thread's batch: who is asked, and what becomes of a question, however it came. */

enum {
	NOBODY = -1,      /* as a node number */
	GUEST = -2,       /* likewise: the other protocol's port was asked */
	LIMITS_LOG2 = 16, /* sets of four askings: 12 MB a lane, where there are limiters */
	HOLES_LOG2 = 16,  /* sets of four holes: 4 MB a lane, where there are such NATs */
};

uint64_t farm_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int farm_lane_init(struct farm_lane *l)
{
	const struct sim_world *w = l->farm->world;
	int err = 0;

	if (w->opts.bad.limiters > 0 || w->opts.bad.busy > 0)
		err = limit_table_new(LIMITS_LOG2, &l->limits);
	if (!err && peer_has_holes(w))
		err = hole_table_new(HOLES_LOG2, &l->holes);
	return err;
}

/** answer() - write the reply to an event into the next place of the batch. */
static void answer(struct farm_lane *l, const struct sim_event *e)
{
	const struct sim_world *w = l->farm->world;
	struct endpoint from = endpoint_ip4(ntohl(e->peer_ip), ntohs(e->peer_port));
	struct endpoint local = face_alias(w, e->face);
	uint8_t *room = l->io->room(l, &local);
	int len;

	if (!room) {
		l->counters.send_failures++;
		return;
	}
	if (e->question.method == PEER_CALL)
		len = peer_call(w, e->node, e->question.luck, room, FARM_REPLY_MAX);
	else
		len = peer_say(w, e->node, &e->question, &from, room, FARM_REPLY_MAX);
	if (len > 0)
		l->io->put(l, &local, e, (uint32_t)len);
}

/** reaches() - does question @i come through to node @n? */
static bool reaches(struct farm_lane *l, unsigned i, uint32_t n, uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;
	uint16_t port = l->asked[i].peer_port;

	if (peer_there(w, n) && peer_hears(w, n, l->face[i]))
		return true;
	if (!peer_holed(w, n, l->face[i], l->holes, port, now_ns / 1000000))
		return false;
	hole_open(l->holes, n, port, now_ns / 1000000); /* the answer keeps it open */
	return true;
}

/** find_nodes() - who was asked; what will be read of the world is on its way to the cache. */
static void find_nodes(struct farm_lane *l, uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;

	for (unsigned i = 0; i < l->count; i++) {
		const struct farm_asked *a = &l->asked[i];
		uint32_t n;

		l->node[i] = NOBODY;
		if (!alias_is_ours(w, ntohl(a->peer_ip))) {
			l->counters.foreign++;
			continue;
		}
		if (l->farm->guest.port && a->local_port == l->farm->guest.port) {
			l->node[i] = GUEST;
			continue;
		}
		if (face_from_alias(w, ntohl(a->local_ip), a->local_port, &l->face[i]) < 0) {
			l->counters.dead++;
			continue;
		}
		n = world_sitter(w, face_seat(w, l->face[i]));
		if (!reaches(l, i, n, now_ns)) {
			l->counters.dead++;
			continue;
		}
		l->node[i] = n;
	}
	l->counters.received += l->count;
}

/** put_off() - for as long as a round trip takes, or not at all. */
static void put_off(struct farm_lane *l, const struct sim_event *e, uint64_t nonce, uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;
	struct sim_event *later;

	if (!w->opts.delay_us) {
		answer(l, e);
		return;
	}
	later = sim_queue_push(&l->queue, now_ns + peer_delay_ns(w, e->node, nonce));
	if (later)
		*later = *e;
	else
		l->counters.lost++;
}

/** call_back() - somebody whom nobody can reach may have heard of the asker. */
static void call_back(struct farm_lane *l, const struct sim_event *e, uint64_t nonce,
		      uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;
	struct sim_event call = *e;

	if (!peer_caller(w, nonce, &call.node))
		return;
	call.face = world_seat(w, call.node);
	call.question = (struct peer_question){ .method = PEER_CALL, .luck = (uint32_t)nonce };
	l->counters.calls++;
	if (l->holes)
		hole_open(l->holes, call.node, call.peer_port, now_ns / 1000000);
	put_off(l, &call, nonce, now_ns);
}

static bool is_limited(struct farm_lane *l, const struct sim_event *e, uint64_t now_ns)
{
	enum limit_verdict v;

	if (!l->limits)
		return false;
	v = peer_limit(l->farm->world, e->node, e->peer_ip, now_ns / 1000000, l->limits);
	l->counters.limited += v != LIMIT_PASS;
	l->counters.bans += v == LIMIT_BANNED_ANEW;
	return v != LIMIT_PASS;
}

/** take() - one query of a live node: lost, not understood, put off, or answered now. */
static void take(struct farm_lane *l, unsigned i, uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;
	uint64_t nonce = (uint64_t)l->index << 48 | l->nonce++;
	struct sim_event now = { .node = (uint32_t)l->node[i],
				 .peer_ip = l->asked[i].peer_ip,
				 .peer_port = l->asked[i].peer_port };

	if (peer_lost(w, now.node, nonce)) {
		l->counters.lost++;
		return;
	}
	if (is_limited(l, &now, now_ns))
		return;
	if (peer_read(l->asked[i].query, &now.question) < 0) {
		l->counters.malformed++;
		return;
	}
	now.question.six = face_is6(w, l->face[i]);
	now.question.luck = (uint32_t)sim_draw(w->key[SIM_DRAW_FLAP] + 1, now.node, nonce);
	now.face = peer_reply_face(w, now.node, l->face[i], now.question.luck);
	put_off(l, &now, nonce, now_ns);
	call_back(l, &now, nonce, now_ns);
}

/** guest() - a question of the other protocol. */
static void guest(struct farm_lane *l, unsigned i)
{
	const struct farm_asked *a = &l->asked[i];
	const struct sim_event e = { .peer_ip = a->peer_ip, .peer_port = a->peer_port };
	struct endpoint local = endpoint_ip4(ntohl(a->local_ip), a->local_port);
	uint8_t *room = l->io->room(l, &local);
	uint32_t len;

	if (!room) {
		l->counters.send_failures++;
		return;
	}
	len = l->farm->guest.answer(a->query, room, FARM_REPLY_MAX);
	if (len)
		l->io->put(l, &local, &e, len);
	else
		l->counters.malformed++;
}

void farm_lane_serve(struct farm_lane *l)
{
	bool timed = l->farm->world->opts.delay_us || l->limits || l->holes;
	uint64_t now_ns = timed ? farm_now_ns() : 0;

	find_nodes(l, now_ns);
	for (unsigned i = 0; i < l->count; i++)
		if (l->node[i] == GUEST)
			guest(l, i);
		else if (l->node[i] != NOBODY)
			take(l, i, now_ns);
	l->count = 0;
	l->io->flush(l);
}

void farm_lane_due(struct farm_lane *l, uint64_t now_ns)
{
	while (sim_queue_next_ns(&l->queue) <= now_ns)
		answer(l, sim_queue_pop(&l->queue));
	l->io->flush(l);
}
