/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/sim/world.h"

/** An inner device that writes down what it is given and hands out what it is told. */
struct notebook {
	struct net net;
	struct net_msg sent[NET_BATCH_MAX], arriving[NET_BATCH_MAX];
	unsigned count, total, arrive, finished, closed;
	uint64_t last_wait_ns;
	uint8_t frame[NET_BATCH_MAX][NET_FRAME_MAX];
};

static unsigned note_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct notebook *b = (struct notebook *)net;

	count = count < NET_BATCH_MAX ? count : NET_BATCH_MAX;
	for (unsigned i = 0; i < count; i++)
		msgs[i].data = b->frame[i];
	return count;
}

static unsigned note_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct notebook *b = (struct notebook *)net;

	memcpy(b->sent, msgs, count * sizeof(*msgs));
	b->count = count;
	b->total += count;
	return count;
}

static int note_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct notebook *b = (struct notebook *)net;
	unsigned n = b->arrive < max ? b->arrive : max;

	memcpy(msgs, b->arriving, n * sizeof(*msgs));
	b->last_wait_ns = wait_ns;
	return (int)n;
}

static void note_finish(struct net *net)
{
	((struct notebook *)net)->finished++;
}

static unsigned note_failures(struct net *net, struct net_failure *out, unsigned max)
{
	(void)net;
	if (max)
		out[0] = (struct net_failure){ .tag = 4711, .err = -ENOBUFS };
	return max ? 1 : 0;
}

static void note_stats(struct net *net, struct net_stats *out)
{
	*out = (struct net_stats){ .sent_packets = ((struct notebook *)net)->total,
				   .send_failures = 2 };
}

static void note_close(struct net *net)
{
	((struct notebook *)net)->closed++;
}

static const struct net_ops note_ops = { "note",      note_alloc,    note_send,  note_recv,
					 note_finish, note_failures, note_stats, note_close };

struct bed {
	struct sim_world *w;
	struct notebook inner;
	struct net *net;
};

static struct bed *bed_open(bool plain)
{
	struct bed *b = calloc(1, sizeof(*b));
	struct sim_opts o = sim_opts_default();

	assert_non_null(b);
	o.live = 3000;
	o.plain = plain;
	b->inner.net.ops = &note_ops;
	assert_int_equal(sim_world_new(&o, &b->w), 0);
	sim_world_shed(b->w); /* never needed here */
	assert_int_equal(net_alias_open(b->w, &b->inner.net, &b->net), 0);
	return b;
}

static void bed_close(struct bed *b)
{
	net_close(b->net);
	assert_int_equal(b->inner.closed, 1);
	sim_world_free(b->w);
	free(b);
}

/** By seats: the device needs no ids. */
static struct endpoint public_of(const struct sim_world *w, uint32_t n)
{
	return face_public(w, n);
}

static struct endpoint alias_of(const struct sim_world *w, uint32_t n)
{
	return face_alias(w, n);
}

static void both_ways_are_translated(void **state)
{
	struct bed *b = bed_open(false);
	static struct net_msg msgs[NET_BATCH_MAX];
	(void)state;

	for (uint32_t n = 0; n + 50 <= b->w->nodes; n += 50) {
		assert_int_equal(net_send_alloc(b->net, msgs, 50), 50);
		for (unsigned i = 0; i < 50; i++) {
			msgs[i].peer = public_of(b->w, n + i);
			msgs[i].tag = n + i;
			msgs[i].len = i;
		}
		assert_int_equal(net_send(b->net, msgs, 50), 50);
		assert_int_equal(b->inner.count, 50);
		for (unsigned i = 0; i < 50; i++) {
			struct endpoint alias = alias_of(b->w, n + i);

			assert_true(endpoint_equal(&b->inner.sent[i].peer, &alias));
			assert_int_equal(b->inner.sent[i].tag, n + i);
			assert_int_equal(b->inner.sent[i].len, i);
			assert_ptr_equal(b->inner.sent[i].data, b->inner.frame[i]);
			b->inner.arriving[i] = b->inner.sent[i];
		}
		b->inner.arrive = 50;
		assert_int_equal(net_recv(b->net, msgs, NET_BATCH_MAX, 77), 50);
		assert_int_equal(b->inner.last_wait_ns, 77);
		for (unsigned i = 0; i < 50; i++) {
			struct endpoint public = public_of(b->w, n + i);

			assert_true(endpoint_equal(&msgs[i].peer, &public));
		}
		net_recv_finish(b->net);
	}
	assert_int_equal(b->inner.finished, b->w->nodes / 50);
	bed_close(b);
}

/** Whatever is asked for: public, private, loopback, broken, v6. */
static struct endpoint strange(uint32_t i)
{
	uint64_t draw = sim_draw(31, i, 0);
	struct endpoint ep = endpoint_ip4((uint32_t)draw, (uint16_t)(draw >> 32));

	switch (i % 8) {
	case 1:
		ep.addr[12] = 127; /* an alias is nobody's public address */
		break;
	case 2:
		ep = endpoint_ip4(0x7f000001, 20000);
		break;
	case 3:
		ep.addr[10] = 0; /* not a mapped IPv4 address */
		break;
	case 4:
		memset(&ep, 0, sizeof(ep));
		break;
	case 5:
		memset(&ep, 0xff, sizeof(ep));
		break;
	default:
		break;
	}
	return ep;
}

static int alias_owner(const struct sim_world *w, const struct endpoint *ep, uint32_t *face)
{
	return face_from_alias(w, endpoint_get_ip4(ep), ep->port, face);
}

static void nothing_but_loopback_is_ever_sent_to(void **state)
{
	(void)state;

	for (unsigned plain = 0; plain < 2; plain++) {
		struct bed *b = bed_open(plain);
		uint64_t refused = 0;

		for (uint32_t i = 0; i < 200000; i += 10) {
			struct net_failure failure[20];
			struct net_msg msgs[10];
			unsigned lent = net_send_alloc(b->net, msgs, 10), failed;

			assert_int_equal(lent, 10);
			for (unsigned k = 0; k < lent; k++) {
				msgs[k].peer = strange(i + k);
				msgs[k].tag = i + k;
			}
			msgs[i / 10 % 10].peer = face_contact(b->w, i % b->w->nodes);
			assert_int_equal(net_send(b->net, msgs, lent), lent);
			for (unsigned k = 0; k < b->inner.count; k++) {
				const struct endpoint *to = &b->inner.sent[k].peer;
				uint32_t n;

				assert_true(endpoint_is4(to) && to->addr[12] == 127);
				assert_int_equal(alias_owner(b->w, to, &n), 0);
			}
			assert_true(b->inner.count >= 1);
			failed = net_failures(b->net, failure, 20);
			assert_int_equal(failed, lent - b->inner.count + 1);
			for (unsigned k = 0; k + 1 < failed; k++) {
				assert_int_equal(failure[k].err, -EACCES);
				assert_true(failure[k].tag >= i && failure[k].tag < i + 10);
			}
			assert_int_equal(failure[failed - 1].tag,
					 4711); /* the inner device's own */
			refused += failed - 1;
		}
		assert_true(refused > 170000);
		struct net_stats stats;

		net_stats(b->net, &stats);
		assert_int_equal(stats.send_failures, refused + 2);
		bed_close(b);
	}
}

static void failures_that_nobody_fetches_stop_the_lending(void **state)
{
	struct bed *b = bed_open(false);
	static struct net_failure failure[NET_BATCH_MAX + 1];
	static struct net_msg msgs[NET_BATCH_MAX];
	unsigned lent, all = 0;
	(void)state;

	while ((lent = net_send_alloc(b->net, msgs, 100)) > 0) {
		for (unsigned i = 0; i < lent; i++) {
			msgs[i].peer = endpoint_ip4(0x08080808, 53);
			msgs[i].tag = all + i;
		}
		net_send(b->net, msgs, lent);
		all += lent;
	}
	assert_int_equal(all, NET_BATCH_MAX);
	assert_int_equal(b->inner.total, 0);
	/* With failures to be told, a receive does not sleep. */
	assert_int_equal(net_recv(b->net, msgs, 10, 1000000), 0);
	assert_int_equal(b->inner.last_wait_ns, 0);
	assert_int_equal(net_failures(b->net, failure, 100), 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(failure[i].tag, i);
	assert_int_equal(net_failures(b->net, failure, NET_BATCH_MAX + 1), NET_BATCH_MAX - 100 + 1);
	assert_int_equal(failure[0].tag, 100);
	assert_int_equal(net_send_alloc(b->net, msgs, NET_BATCH_MAX), NET_BATCH_MAX);
	bed_close(b);
}

static void strays_are_not_delivered(void **state)
{
	struct bed *b = bed_open(false);
	struct net_msg msgs[8];
	struct endpoint public;
	(void)state;

	b->inner.arriving[0].peer = endpoint_ip4(0x7f000001, 5353);
	b->inner.arriving[1].peer = alias_of(b->w, 42);
	b->inner.arriving[1].len = 99;
	b->inner.arriving[2].peer = endpoint_ip4(0x08080808, 20000);
	b->inner.arrive = 3;
	assert_int_equal(net_recv(b->net, msgs, 8, 0), 1);
	public = public_of(b->w, 42);
	assert_true(endpoint_equal(&msgs[0].peer, &public));
	assert_int_equal(msgs[0].len, 99);
	bed_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_are_translated),
		cmocka_unit_test(nothing_but_loopback_is_ever_sent_to),
		cmocka_unit_test(failures_that_nobody_fetches_stop_the_lending),
		cmocka_unit_test(strays_are_not_delivered),
	};

	return cmocka_run_group_tests_name("sim_alias", tests, NULL, NULL);
}
