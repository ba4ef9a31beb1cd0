/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/sighting.h"
#include "viz/board.h"

enum { NOW_S = 1795240800, SPAN_S = 3000 };

/* Announce or question number @n; what it says is told by the number. */
static struct heard heard(uint32_t n, uint32_t when_s, unsigned kind)
{
	struct heard h = { .when_ms = (uint64_t)when_s * 1000 + n % 1000,
			   .kind = (uint8_t)kind,
			   .way = SIGHTING_TAPPED,
			   .flags = HEARD_HAS_ID | HEARD_HAS_TARGET,
			   .from = endpoint_ip4(0x0b000000 + n % 300, 5000),
			   .peer_port = 6000 };

	h.target.b[0] = (uint8_t)(n % 7);
	return h;
}

static struct board_view *view_of(struct board *b, uint32_t now_s)
{
	struct board_view *v;

	assert_int_equal(board_view_new(b, now_s, &v), 0);
	return v;
}

/* More than it keeps: the latest stay, the newest first, and totals go on counting. */
static void test_latest(void **state)
{
	struct board *b;
	struct board_view *v;

	(void)state;
	assert_int_equal(board_new(&b), 0);
	for (uint32_t i = 0; i < SPAN_S; i++) {
		struct heard h = heard(i, NOW_S + i, i % 2 ? HEARD_ANNOUNCE_PEER : HEARD_GET_PEERS);

		assert_int_equal(board_take(b, &h), 0);
	}
	v = view_of(b, NOW_S + SPAN_S);
	assert_int_equal(v->announces, SPAN_S / 2);
	assert_int_equal(v->getpeers, SPAN_S / 2);
	assert_int_equal(v->latest_announce_count, BOARD_LATEST);
	for (uint32_t i = 0; i < BOARD_LATEST; i++) {
		assert_int_equal(v->latest_announces[i].when_s, NOW_S + SPAN_S - 1 - 2 * i);
		assert_int_equal(v->latest_announces[i].peer.port, 6000);
		assert_int_equal(v->latest_getpeers[i].peer.port, 5000);
	}
	assert_int_equal(v->tree_count, 150);
	assert_int_equal(v->torrent_count, 7);
	assert_false(board_changed(b));
	board_view_unref(v);
	board_free(b);
}

/* What is a day old leaves the day's sums, not the totals; a view outlives what follows. */
static void test_day(void **state)
{
	struct board *b;
	struct board_view *old, *v;
	struct heard h;

	(void)state;
	assert_int_equal(board_new(&b), 0);
	for (uint32_t i = 0; i < 100; i++) {
		h = heard(i, NOW_S + i, HEARD_ANNOUNCE_PEER);
		assert_int_equal(board_take(b, &h), 0);
	}
	old = view_of(b, NOW_S + 100);
	assert_int_equal(old->peers_of_day, 100);
	h = heard(7, NOW_S + BOARD_PEERS_S + 50, HEARD_ANNOUNCE_PEER);
	assert_int_equal(board_take(b, &h), 0);
	assert_true(board_changed(b));
	v = view_of(b, NOW_S + BOARD_PEERS_S + 60);
	assert_int_equal(v->announces, 101);
	assert_int_equal(v->peers_of_day, 51);
	assert_int_equal(v->hot_count, 1);
	assert_int_equal(v->hot[0].announces, 1);
	assert_int_equal(old->tree_count, 100);
	board_view_unref(board_view_ref(old));
	board_view_unref(old);
	board_view_unref(v);
	board_free(b);
}

/* Other messages, and such without a target, are none of its business. */
static void test_others(void **state)
{
	struct board *b;
	struct board_view *v;

	(void)state;
	assert_int_equal(board_new(&b), 0);
	for (unsigned kind = 0; kind < HEARD_KINDS; kind++) {
		struct heard h = heard(kind, NOW_S, kind);

		if (kind == HEARD_ANNOUNCE_PEER || kind == HEARD_GET_PEERS)
			h.flags = 0;
		assert_int_equal(board_take(b, &h), 0);
	}
	v = view_of(b, NOW_S);
	assert_true(v->announces == 0 && v->getpeers == 0 && v->torrent_count == 0);
	assert_true(v->torrents == NULL);
	board_view_unref(v);
	board_free(b);
}

/* Peers of a bucket count once; times out of the window, the future too, not at all. */
static void test_series(void **state)
{
	const uint32_t bucket = NOW_S / BOARD_BUCKET_S * BOARD_BUCKET_S;
	struct board *b;
	struct board_view *v;

	(void)state;
	assert_int_equal(board_new(&b), 0);
	for (uint32_t i = 0; i < 40; i++) {
		struct heard h = heard(i % 10, bucket - 600 + i, HEARD_ANNOUNCE_PEER);

		assert_int_equal(board_take(b, &h), 0);
	}
	for (uint32_t i = 0; i < 5; i++) {
		struct heard h = heard(i, bucket + 6000, HEARD_ANNOUNCE_PEER);

		assert_int_equal(board_take(b, &h), 0);
	}
	v = view_of(b, bucket + 10);
	assert_int_equal(v->first_bucket_s, bucket - BOARD_PEERS_S);
	for (unsigned i = 0; i < BOARD_PEER_BUCKETS; i++)
		assert_int_equal(v->peers_over_time[i], i == BOARD_PEER_BUCKETS - 2 ? 10 : 0);
	board_view_unref(v);
	board_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_latest),
					    cmocka_unit_test(test_day),
					    cmocka_unit_test(test_others),
					    cmocka_unit_test(test_series) };

	return cmocka_run_group_tests_name("viz/board", tests, NULL, NULL);
}
