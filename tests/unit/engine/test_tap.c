/* SPDX-License-Identifier: MIT */
#include "engine/tap.h"

#include <errno.h>
#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/unit.h"

/* A desk: a tap, and what it said. */

enum { SAID_MAX = 4096 };

struct desk {
	struct tap *tap;
	struct sighting said[SAID_MAX];
	struct heard heard[SAID_MAX];
	unsigned said_count, heard_count;
	struct listing listed[8];
	unsigned listed_count;
	bool closed; /* no room: everything is dropped */
	uint64_t now_us;
};

static bool on_sighting(void *ctx, const struct sighting *s)
{
	struct desk *d = ctx;

	if (d->closed)
		return false;
	d->said[d->said_count++ % SAID_MAX] = *s;
	return true;
}

static bool on_heard(void *ctx, const struct heard *h)
{
	struct desk *d = ctx;

	if (d->closed)
		return false;
	d->heard[d->heard_count++ % SAID_MAX] = *h;
	return true;
}

static bool on_listing(void *ctx, const struct listing *l)
{
	struct desk *d = ctx;

	if (d->closed)
		return false;
	d->listed[d->listed_count++ % 8] = *l;
	return true;
}

static void desk_open(struct desk *d, const struct tap_opts *opts)
{
	struct tap_port port = { d, on_sighting, on_heard, on_listing };

	memset(d, 0, sizeof(*d));
	d->now_us = 1700000000000000;
	assert_int_equal(tap_new(opts, &port, &d->tap), 0);
}

static struct endpoint at(const char *text)
{
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(text, &ep), 0);
	return ep;
}

static void pass(struct desk *d, const char *from, const char *to, const void *payload, size_t len)
{
	struct endpoint a = at(from), b = at(to);
	uint8_t packet[FRAME_HEAD_MAX + 2048];
	unsigned head = frame_head(&a, &b, span_of(payload, len), packet);
	struct tap_packet p = { .when_us = d->now_us,
				.bytes = span_of(packet, head + len),
				.wire_len = (uint32_t)(head + len),
				.link = FRAME_LINK_RAW };

	memcpy(packet + head, payload, len);
	tap_packet(d->tap, &p);
	memset(packet, 0xee, sizeof(packet)); /* the frame is gone when the call returns */
}

#define PASS(d, from, to, s) pass(d, from, to, s, sizeof(s) - 1)

#define A    "5.6.7.8:6881"
#define B    "9.8.7.6:1234"
#define ID_A "aaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccc"
#define IH   "hhhhhhhhhhhhhhhhhhhh"
#define PING                                                                                       \
	"d1:ad2:id20:" ID_A "e1:q4:ping1:t2:aa1:v4:LT\2\10"                                        \
	"1:y1:qe"
#define PONG "d1:rd2:id20:" ID_B "e1:t2:aa1:y1:re"
#define FIND "d1:ad2:id20:" ID_A "6:target20:" IH "e1:q9:find_node1:t2:ab1:y1:qe"
#define NODE                                                                                       \
	"d1:rd2:id20:" ID_B "5:nodes26:" ID_C "\1\2\3\4\1\2"                                       \
	"e1:t2:ab1:y1:re"
#define SEEK "d1:ad2:id20:" ID_A "9:info_hash20:" IH "e1:q9:get_peers2:roi1e1:t2:ac1:y1:qe"
#define NO   "d1:eli203e3:Note1:t2:ac1:y1:ee"

static struct tap_stats settled(struct desk *d)
{
	struct tap_stats st;

	tap_settle(d->tap);
	tap_stats(d->tap, &st);
	return st;
}

static const struct sighting *said_of(const struct desk *d, const char *from, unsigned way)
{
	const struct sighting *found = NULL;
	struct endpoint ep = at(from);

	for (unsigned i = 0; i < d->said_count; i++)
		if (endpoint_equal(&d->said[i].from, &ep) && d->said[i].way == way)
			found = &d->said[i];
	return found;
}

static void test_a_conversation(void **state)
{
	struct desk d;
	struct tap_opts opts = { .heard_kinds = 1u << HEARD_GET_PEERS, .queue = 3 };
	const struct sighting *s;
	struct tap_stats st;

	(void)state;
	desk_open(&d, &opts);
	PASS(&d, A, B, PING);
	d.now_us += 30000;
	PASS(&d, B, A, PONG);
	PASS(&d, A, B, FIND);
	d.now_us += 20000;
	PASS(&d, B, A, NODE);
	PASS(&d, A, B, SEEK);
	PASS(&d, B, A, NO);
	PASS(&d, B, A, NODE); /* nobody asked for this one */
	st = settled(&d);
	assert_int_equal(st.packets, 7);
	assert_int_equal(st.verdicts[FRAME_UDP], 7);
	assert_int_equal(st.messages[HEARD_PING], 1);
	assert_int_equal(st.messages[HEARD_REPLY], 3);
	assert_int_equal(st.messages[HEARD_ERROR], 1);
	assert_int_equal(st.answered, 2);
	assert_int_equal(st.answers_to[HEARD_PING], 1);
	assert_int_equal(st.answers_to[HEARD_FIND_NODE], 1);
	assert_int_equal(st.failed, 1);
	assert_int_equal(st.orphans, 1);
	assert_int_equal(st.pending, 0);
	assert_int_equal(st.nodes, 2);
	assert_int_equal(st.contacts, 1);
	assert_int_equal(st.client_messages[KRPC_CLIENT_LIBTORRENT], 1);

	tap_finish(d.tap);
	s = said_of(&d, A, SIGHTING_TAPPED);
	assert_non_null(s);
	assert_int_equal(s->answers, 0);
	assert_true(s->flags & SIGHTING_READ_ONLY && s->flags & SIGHTING_HAS_V);
	assert_memory_equal(s->version, "LT\2\10", 4);
	s = said_of(&d, B, SIGHTING_TAPPED);
	assert_non_null(s);
	assert_int_equal(s->answers, 1);
	assert_int_equal(s->rtt_us, 20000); /* the least */
	s = said_of(&d, "1.2.3.4:258", SIGHTING_MENTIONED);
	assert_non_null(s);
	assert_memory_equal(s->key.b, ID_C, 20);
	assert_int_equal(d.listed_count, 1); /* no list, no listing; the orphan's is nobody's */
	assert_memory_equal(d.listed[0].id.b, ID_B, 20);
	assert_memory_equal(d.listed[0].contacts[0].id.b, ID_C, 20);
	assert_int_equal(d.listed[0].count, 1);
	assert_int_equal(d.listed[0].depth, LISTING_DEPTH_UNKNOWN);
	assert_int_equal(st.listings, 1);
	assert_int_equal(d.heard_count, 1);
	assert_int_equal(d.heard[0].ear, 3);
	assert_memory_equal(d.heard[0].target.b, IH, 20);
	tap_free(d.tap);
}

/* A node that talks on is said again each minute, and what is new of it at once. */
static void test_said_again(void **state)
{
	struct tap_opts opts = { .again_s = 60 };
	struct desk d;

	(void)state;
	desk_open(&d, &opts);
	for (unsigned i = 0; i < 200; i++) { /* 200 s */
		PASS(&d, A, B, PING);
		d.now_us += 1000000;
	}
	tap_settle(d.tap);
	assert_int_equal(d.said_count, 4);
	PASS(&d, A, B, SEEK); /* ro is news */
	tap_settle(d.tap);
	assert_int_equal(d.said_count, 5);
	tap_finish(d.tap);
	assert_int_equal(d.said_count, 5);
	d.now_us += 5000000;
	PASS(&d, A, B, PING);
	tap_settle(d.tap);
	assert_int_equal(d.said_count, 5);
	tap_finish(d.tap); /* its last time */
	assert_int_equal(d.said_count, 6);
	assert_int_equal(d.said[5].when_ms, d.now_us / 1000);
	tap_free(d.tap);
}

static void test_by_port_or_by_looks(void **state)
{
	struct tap_opts opts = { .ports = { 6881 }, .port_count = 1 };
	struct tap_stats st;
	struct desk d;

	(void)state;
	desk_open(&d, &opts);
	PASS(&d, A, B, "rubbish on our port");
	PASS(&d, B, A, "d1:x");
	PASS(&d, "1.1.1.1:53", "2.2.2.2:9", PING); /* of others */
	st = settled(&d);
	assert_int_equal(st.messages[HEARD_MALFORMED], 2);
	assert_int_equal(st.foreign, 1);
	tap_free(d.tap);

	opts.port_count = 0;
	desk_open(&d, &opts);
	PASS(&d, A, B, "rubbish on any port");
	PASS(&d, A, B, "d1:ad2:id20:short");
	PASS(&d, "1.1.1.1:53", "2.2.2.2:9", PING);
	st = settled(&d);
	assert_int_equal(st.foreign, 1);
	assert_int_equal(st.messages[HEARD_MALFORMED], 1);
	assert_int_equal(st.messages[HEARD_PING], 1);
	tap_free(d.tap);
}

/* Small tables, hostile traffic: nothing grows, everything is accounted for. */
static void test_bounded(void **state)
{
	struct tap_opts opts = { .pairs_log2 = 6, .nodes_max = 500, .contacts_log2 = 6 };
	struct rng rng = rng_open(5);
	struct tap_stats st;
	struct desk d;
	uint64_t queries = 0, sum;

	(void)state;
	desk_open(&d, &opts);
	for (unsigned i = 0; i < 20000; i++) {
		char ping[] = PING, node[] = NODE, from[32];

		rng_fill(&rng, ping + 12, 20);
		rng_fill(&rng, node + 44, 26);
		snprintf(from, sizeof(from), "5.6.%u.%u:6881", i / 256 % 100, i % 256);
		d.now_us += 100;
		if (rng_below(&rng, 2)) {
			pass(&d, from, B, ping, sizeof(ping) - 1);
			pass(&d, from, B, FIND, sizeof(FIND) - 1);
			queries += 2;
		}
		if (rng_below(&rng, 2))
			pass(&d, B, from, node, sizeof(node) - 1);
	}
	st = settled(&d);
	assert_int_equal(st.nodes, 500);
	assert_true(st.nodes_bytes <= 4096 * 64);
	assert_true(st.nodes_crowded > 1000 && st.crowded > 1000);
	sum = st.answered + st.failed + st.expired + st.crowded + st.repeated + st.pending;
	assert_int_equal(sum, queries);
	assert_int_equal(st.messages[HEARD_PING] + st.messages[HEARD_FIND_NODE], queries);
	assert_int_equal(st.sightings, d.said_count);
	tap_free(d.tap);
}

static void test_no_room(void **state)
{
	struct tap_opts opts = { .heard_kinds = UINT32_MAX };
	struct tap_stats st;
	struct desk d;

	(void)state;
	desk_open(&d, &opts);
	d.closed = true;
	PASS(&d, A, B, FIND);
	PASS(&d, B, A, NODE);
	st = settled(&d);
	assert_int_equal(st.sightings, 0);
	assert_int_equal(st.sightings_dropped, 3); /* both and the contact */
	assert_int_equal(st.heard_dropped, 2);
	assert_int_equal(st.listings_dropped, 1);
	tap_free(d.tap);
}

static void test_sums_and_options(void **state)
{
	struct tap_opts opts = { .port_count = TAP_PORTS_MAX + 1 };
	struct tap_stats a = { .packets = 2, .first_us = 50, .last_us = 60, .nodes = 1 };
	struct tap_stats b = { .packets = 3, .first_us = 40, .last_us = 55, .nodes = 2 };
	struct tap_stats none = { .packets = 0 };
	struct tap_port port = { NULL, on_sighting, NULL, NULL };
	struct tap *t;

	(void)state;
	assert_int_equal(tap_new(&opts, &port, &t), -EINVAL);
	tap_stats_add(&a, &b);
	assert_int_equal(a.packets, 5);
	assert_int_equal(a.first_us, 40);
	assert_int_equal(a.last_us, 60);
	tap_stats_add(&a, &none);
	assert_int_equal(a.first_us, 40);
	tap_stats_add(&none, &b);
	assert_int_equal(none.first_us, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_conversation),
		cmocka_unit_test(test_said_again),
		cmocka_unit_test(test_by_port_or_by_looks),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_sums_and_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
