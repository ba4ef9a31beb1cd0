/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include "viz/export_sessions.h"

enum { MOST = 16, GAP_S = 100 };

struct seen {
	struct export_session list[MOST];
	unsigned count;
	int answer;
};

static int keep(void *ctx, const struct export_session *s)
{
	struct seen *seen = ctx;

	assert_true(seen->count < MOST);
	seen->list[seen->count++] = *s;
	return seen->answer;
}

static void check(const struct export_session *s, uint32_t node, uint32_t start_s, uint32_t end_s,
		  uint32_t sightings, uint32_t gap_s)
{
	assert_int_equal(s->node, node);
	assert_int_equal(s->start_s, start_s);
	assert_int_equal(s->end_s, end_s);
	assert_int_equal(s->sightings, sightings);
	assert_int_equal(s->gap_s, gap_s);
}

static void test_sessions(void **state)
{
	struct export_sessions *s;
	struct seen seen = { .count = 0 };

	(void)state;
	assert_int_equal(export_sessions_new(4, GAP_S, keep, &seen, &s), 0);
	assert_int_equal(export_sessions_add(s, 2, 1000, 1010), 0);
	assert_int_equal(export_sessions_add(s, 0, 1000, 1010), 0);
	assert_int_equal(export_sessions_add(s, 2, 1000, 1010), 0); /* twice in one bucket */
	assert_int_equal(export_sessions_add(s, 2, 1110, 1120), 0); /* a gap of 100 is none */
	assert_int_equal(seen.count, 0);
	assert_int_equal(export_sessions_add(s, 2, 1221, 1231), 0); /* 101 is one */
	assert_int_equal(seen.count, 1);
	check(&seen.list[0], 2, 1000, 1120, 3, 0);
	assert_int_equal(export_sessions_end(s), 0);
	assert_int_equal(seen.count, 3);
	check(&seen.list[1], 0, 1000, 1010, 1, 0);
	check(&seen.list[2], 2, 1221, 1231, 1, 101);
	assert_int_equal(export_sessions_add(s, 4, 1, 2), DT_ECORRUPT); /* nobody's ordinal */
	assert_int_equal(export_sessions_add(s, 1, 2, 2), DT_ECORRUPT);
	export_sessions_free(s);
}

static void test_stop(void **state)
{
	struct export_sessions *s;
	struct seen seen = { .answer = DT_ENOSPACE };

	(void)state;
	assert_int_equal(export_sessions_new(2, GAP_S, keep, &seen, &s), 0);
	assert_int_equal(export_sessions_add(s, 0, 1000, 1010), 0);
	assert_int_equal(export_sessions_add(s, 0, 5000, 5010), DT_ENOSPACE);
	assert_int_equal(export_sessions_end(s), DT_ENOSPACE);
	assert_int_equal(seen.count, 2);
	export_sessions_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sessions),
					    cmocka_unit_test(test_stop) };

	return cmocka_run_group_tests_name("viz/export_sessions", tests, NULL, NULL);
}
