/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/sim/limit.h"

enum { US = 0x7f000001, START = 1000 };

/** struct step - @count messages, one every @every_ms; how many of them pass. */
struct step {
	unsigned count, every_ms, wait_ms, passed;
};

/** The thresholds of real clients, message by message (real-peers: 49 of 60 at 5/s). */
static void thresholds_are_exact(void **state)
{
	static const struct {
		const char *name;
		enum limit_kind kind;
		struct step step[4];
	} rows[] = {
		{ "libtorrent: the 50th within 10 s bans",
		  LIMIT_LIBTORRENT,
		  { { 60, 100, 0, 49 } } },
		{ "at 5/s the 50th comes after 9.8 s", LIMIT_LIBTORRENT, { { 60, 200, 0, 49 } } },
		/* 49 x 205 ms is more than 10 s: the count begins again. */
		{ "a little slower it never does", LIMIT_LIBTORRENT, { { 300, 205, 0, 300 } } },
		{ "the ban lasts 300 s from its message on, whoever goes on asking",
		  LIMIT_LIBTORRENT,
		  { { 50, 1, 0, 49 }, { 1, 0, 299998, 0 }, { 1, 0, 2, 1 }, { 48, 1, 0, 48 } } },
		{ "mldht: ten at once, then two a second",
		  LIMIT_MLDHT,
		  { { 15, 0, 0, 10 }, { 1, 0, 499, 0 }, { 1, 0, 1, 1 }, { 40, 500, 500, 40 } } },
		{ "bitmagnet: ten at once, then one a second",
		  LIMIT_BITMAGNET,
		  { { 15, 0, 0, 10 }, { 1, 0, 999, 0 }, { 1, 0, 1, 1 }, { 20, 1000, 1000, 20 } } },
		{ "nobody", LIMIT_NONE, { { 5000, 0, 0, 5000 } } },
	};
	(void)state;

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct limit_table *t;
		uint64_t now = START;

		assert_int_equal(limit_table_new(4, &t), 0);
		for (unsigned s = 0; s < 4 && rows[r].step[s].count; s++) {
			const struct step *step = &rows[r].step[s];
			unsigned passed = 0;

			now += step->wait_ms;
			for (unsigned i = 0; i < step->count; i++) {
				passed += limit_take(t, rows[r].kind, 7, US, 1, now) == LIMIT_PASS;
				now += step->every_ms;
			}
			if (passed != step->passed)
				fail_msg("%s, step %u: %u passed", rows[r].name, s, passed);
		}
		limit_table_free(t);
	}
}

/** The blocker whole, and what limit_take() keeps of it for one asker, are one. */
static void one_place_is_what_the_blocker_does(void **state)
{
	struct limit_blocker whole = { 0 };
	struct limit_table *t;
	uint64_t now = START, x = 88172645463325252ull;
	(void)state;

	assert_int_equal(limit_table_new(4, &t), 0);
	for (unsigned i = 0; i < 20000; i++) {
		enum limit_verdict v = limit_take(t, LIMIT_LIBTORRENT, 3, US, 0, now);

		assert_int_equal(limit_blocker_take(&whole, US, now),
				 v == LIMIT_PASS || v == LIMIT_SILENT);
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		now += i / 500 % 2 ? x % 400 : x % 250;
		if (x % 4000 == 0)
			now += 400000;
	}
	limit_table_free(t);
}

/** Twenty addresses and no more: the one that spoke least gives way. */
static void the_blocker_keeps_twenty_addresses(void **state)
{
	struct limit_blocker b = { 0 };
	unsigned passed = 0;
	(void)state;

	for (uint32_t ip = 1; ip <= LIMIT_BLOCKER_IPS; ip++)
		for (unsigned i = 0; i < 10 + ip; i++)
			assert_true(limit_blocker_take(&b, ip, START));
	assert_true(limit_blocker_take(&b, 99,
				       START)); /* instead of 1, which had spoken eleven times */
	for (unsigned i = 0; i < 60; i++)
		passed += limit_blocker_take(&b, 1, START); /* counted anew, in the place of 99 */
	assert_int_equal(passed, 49);
	passed = 0;
	for (unsigned i = 0; i < 60; i++)
		passed += limit_blocker_take(&b, 20, START); /* has 30 already */
	assert_int_equal(passed, 19);
}

/** 24,000 bytes saved up, then 8,000 a second. */
static void the_quota_is_libtorrents(void **state)
{
	struct limit_table *t;
	unsigned passed = 0;
	(void)state;

	assert_int_equal(limit_table_new(4, &t), 0);
	/* From 40 addresses at once, as the blocker counts each: here one place each, so by hand.
	 */
	struct limit_quota q = { 0 };

	while (limit_quota_left(&q, START)) {
		q.bytes -= 300;
		passed++;
	}
	assert_int_equal(passed, 80); /* real-peers: 91 replies of 400 in 0.4 s */
	passed = 0;
	for (uint64_t ms = START; ms < START + 10000; ms += 10)
		if (limit_quota_left(&q, ms)) {
			q.bytes -= 300;
			passed++;
		}
	assert_true(passed >= 265 && passed <= 268); /* 80,000 bytes */
	limit_table_free(t);
}

/** Half of the time, in spells: who asks again at once hears nothing again. */
static void busy_nodes_are_busy_in_spells(void **state)
{
	unsigned busy = 0, changes = 0;
	bool before = false;
	(void)state;

	for (uint64_t s = 100; s < 20100; s++) {
		bool now = limit_busy(12345, s);

		assert_int_equal(now, limit_busy(12345, s));
		busy += now;
		changes += now != before;
		before = now;
	}
	print_message("# busy %u changes %u\n", busy, changes);
	assert_true(busy > 20000 * 0.2 && busy < 20000 * 0.6);
	assert_true(changes < busy * 1.7);
}

static void a_small_table_forgets_and_invents_nothing(void **state)
{
	struct limit_table *t;
	(void)state;

	assert_int_equal(limit_table_new(2, &t), 0);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(limit_take(t, LIMIT_LIBTORRENT, i % 5000, US, 1, START + i),
				 LIMIT_PASS);
	limit_table_free(t);
	limit_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thresholds_are_exact),
		cmocka_unit_test(one_place_is_what_the_blocker_does),
		cmocka_unit_test(the_blocker_keeps_twenty_addresses),
		cmocka_unit_test(the_quota_is_libtorrents),
		cmocka_unit_test(busy_nodes_are_busy_in_spells),
		cmocka_unit_test(a_small_table_forgets_and_invents_nothing),
	};

	return cmocka_run_group_tests_name("sim_limit", tests, NULL, NULL);
}
