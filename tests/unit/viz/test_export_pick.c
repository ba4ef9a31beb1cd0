/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>

#include "viz/export_pick.h"

enum { SPACE = 5000 };

static void test_index(void **state)
{
	struct export_pick p;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(export_pick_init(&p, SPACE), 0);
	for (uint32_t i = 0; i < SPACE; i++)
		if (i % 3 == 1 || i / 64 == 7)
			export_pick_set(&p, i);
	export_pick_set(&p, SPACE); /* nobody's */
	export_pick_set(&p, UINT32_MAX);
	export_pick_seal(&p);
	for (uint32_t i = 0; i < SPACE; i++) {
		assert_int_equal(export_pick_has(&p, i), i % 3 == 1 || i / 64 == 7);
		if (export_pick_has(&p, i))
			assert_int_equal(export_pick_index(&p, i), n++);
	}
	assert_int_equal(p.count, n);
	assert_false(export_pick_has(&p, SPACE));
	assert_false(export_pick_has(&p, UINT32_MAX));
	export_pick_fini(&p);
}

static void fill(struct export_pick *p)
{
	assert_int_equal(export_pick_init(p, SPACE), 0);
	for (uint32_t i = 0; i < SPACE; i += 2)
		export_pick_set(p, i);
	export_pick_seal(p);
}

/* As many as were asked for, each of them picked before, and the smaller draw within the larger. */
static void test_draw(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 100, 1999, SPACE / 2, SPACE };
	struct export_pick all, last, p;

	(void)state;
	fill(&all);
	assert_int_equal(export_pick_init(&last, SPACE), 0);
	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		fill(&p);
		assert_int_equal(export_pick_draw(&p, sizes[s]), 0);
		assert_int_equal(p.count, sizes[s] < SPACE / 2 ? sizes[s] : SPACE / 2);
		for (uint32_t i = 0; i < SPACE; i++) {
			assert_true(!export_pick_has(&p, i) || export_pick_has(&all, i));
			assert_true(!export_pick_has(&last, i) || export_pick_has(&p, i));
		}
		export_pick_fini(&last);
		last = p;
	}
	assert_int_equal(export_pick_draw(&all, 0), DT_ERANGE);
	export_pick_fini(&last);
	export_pick_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_index),
					    cmocka_unit_test(test_draw) };

	return cmocka_run_group_tests_name("viz/export_pick", tests, NULL, NULL);
}
