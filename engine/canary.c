/* SPDX-License-Identifier: MIT */
#include "engine/canary.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Marks a canary's t: the crawl's slots have this bit clear in the fourth byte. */
	T_MARK = 0xc5,
	MEET_EVERY = 32, /* of the nodes that answer, one in so many is looked at */
	SHARE = 100,
	NS_PER_MS = 1000000,
};

#define TAG_MARK (UINT64_C(1) << (NET_TAG_BITS - 1) | UINT64_C(0x4341) << 24)

struct member {
	struct endpoint ep;
	uint64_t asked_ns;
	uint16_t serial; /* of the question; goes into t */
	uint8_t misses;
	bool waiting;
};

struct canary {
	struct krpc_template ping;
	struct cookie cookie;
	struct canary_stats stats;
	unsigned members, next, met;
	struct member flock[CANARY_FLOCK];
};

int canary_new(const struct canary_opts *o, struct canary **out)
{
	struct krpc_query q = { .method = KRPC_PING, .id = o->own_id, .v = o->v, .ro = true };
	struct canary *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = krpc_template_init(&c->ping, &q);
	if (err) {
		free(c);
		return err;
	}
	cookie_init(&c->cookie, o->mac_key, 4ull * CANARY_TIMEOUT_MS * NS_PER_MS);
	*out = c;
	return 0;
}

void canary_free(struct canary *c)
{
	free(c);
}

/* New ones take free places, then that of whoever is asked next: the flock stays fresh. */
void canary_meet(struct canary *c, const struct endpoint *ep)
{
	struct member *m;

	if (c->met++ % MEET_EVERY && c->members >= CANARY_FLOCK / 8)
		return;
	m = &c->flock[c->members < CANARY_FLOCK ? c->members : c->met / MEET_EVERY % CANARY_FLOCK];
	if (m->waiting)
		return;
	if (c->members < CANARY_FLOCK)
		c->members++;
	*m = (struct member){ .ep = *ep };
}

/* ---- asking ------------------------------------------------------------------------- */

static void settle_lost(struct canary *c, struct member *m)
{
	m->waiting = false;
	c->stats.in_flight--;
	c->stats.lost++;
	if (++m->misses < CANARY_MISSES_MAX)
		return;
	*m = c->flock[--c->members]; /* may be itself */
	c->flock[c->members].waiting = false;
}

static uint32_t t_head(const struct canary *c, const struct member *m)
{
	unsigned at = (unsigned)(m - c->flock);

	return (uint32_t)T_MARK << 24 | (uint32_t)(at & 0xff) << 16 | m->serial;
}

static bool write_ping(struct canary *c, struct gate *g, uint64_t now_ns, struct member *m,
		       struct net_msg *msg)
{
	static const struct nodeid none;
	enum gate_reason why;
	uint8_t t[KRPC_TEMPLATE_T];
	uint64_t retry_ns;
	uint32_t head, mac;

	if (gate_admit(g, &m->ep, 2, now_ns, &why, &retry_ns) != GATE_PASS)
		return false;
	m->serial++;
	head = t_head(c, m);
	mac = cookie_make(&c->cookie, &m->ep, head, now_ns);
	memcpy(t, &head, 4);
	memcpy(t + 4, &mac, 4);
	krpc_template_write(&c->ping, &none, t, msg->data);
	msg->len = c->ping.len;
	msg->peer = m->ep;
	msg->tag = TAG_MARK | (uint64_t)(m - c->flock);
	m->asked_ns = now_ns;
	m->waiting = true;
	return true;
}

unsigned canary_ask(struct canary *c, struct gate *g, uint64_t now_ns, uint64_t sent,
		    struct net_msg *msgs, unsigned max)
{
	uint64_t due = sent / SHARE + 1;
	unsigned n = 0;

	if (max > CANARY_BATCH)
		max = CANARY_BATCH;
	/* Looked at: so many that everybody's turn comes several times within a timeout. */
	for (unsigned i = 0; i < 2 * CANARY_BATCH && c->members; i++) {
		struct member *m = &c->flock[c->next++ % c->members];
		uint64_t age_ms = (now_ns - m->asked_ns) / NS_PER_MS;

		if (m->waiting && age_ms >= CANARY_TIMEOUT_MS)
			settle_lost(c, m);
		else if (!m->waiting && n < max && c->stats.sent + n < due &&
			 (m->asked_ns == 0 || age_ms >= CANARY_EVERY_MS))
			n += write_ping(c, g, now_ns, m, &msgs[n]);
	}
	c->stats.sent += n;
	c->stats.in_flight += n;
	return n;
}

/* ---- answers ---------------------------------------------------------------------------- */

static const uint8_t *find_t(const struct net_msg *msg)
{
	static const char key[] = "1:t8:";
	enum { TAIL = 64 }; /* t, v and y come last in a message whose keys are sorted */
	size_t from = msg->len > TAIL ? msg->len - TAIL : 0;
	const uint8_t *p = memmem(msg->data + from, msg->len - from, key, sizeof(key) - 1);

	if (!p || (size_t)(p - msg->data) + sizeof(key) - 1 + KRPC_TEMPLATE_T > msg->len)
		return NULL;
	return p + sizeof(key) - 1;
}

bool canary_take(struct canary *c, const struct net_msg *msg, uint64_t now_ns)
{
	const uint8_t *t = find_t(msg);
	uint32_t head, mac;

	if (!t || t[3] != T_MARK)
		return false;
	memcpy(&head, t, 4);
	memcpy(&mac, t + 4, 4);
	if (!cookie_known(&c->cookie, &msg->peer, head, mac, now_ns))
		return false;
	for (unsigned at = head >> 16 & 0xff; at < c->members; at += 256) {
		struct member *m = &c->flock[at];

		if (!m->waiting || m->serial != (uint16_t)head ||
		    !endpoint_equal(&m->ep, &msg->peer))
			continue;
		m->waiting = false;
		m->misses = 0;
		c->stats.in_flight--;
		c->stats.answered++;
		return true;
	}
	return true; /* ours, but late or twice */
}

bool canary_owns(struct canary *c, uint64_t tag)
{
	uint64_t at = tag ^ TAG_MARK;

	if (at >= CANARY_FLOCK)
		return false;
	c->stats.sent--;
	c->stats.failed++;
	if (c->flock[at].waiting) {
		c->flock[at].waiting = false;
		c->stats.in_flight--;
	}
	return true;
}

void canary_stats(const struct canary *c, struct canary_stats *out)
{
	*out = c->stats;
	out->members = c->members;
}
