/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include "viz/layout.h"

static const struct {
	const char *name;
	int err;
	enum layout_kind kind;
	enum scene_space space;
} rows[] = {
	{ NULL, 0, LAYOUT_MAP, SCENE_EARTH },
	{ "", 0, LAYOUT_MAP, SCENE_EARTH },
	{ "map", 0, LAYOUT_MAP, SCENE_EARTH },
	{ "hilbert", 0, LAYOUT_HILBERT, SCENE_IPV4 },
	{ "idmap", 0, LAYOUT_IDMAP, SCENE_IDS },
	{ "Hilbert", DT_ENOTFOUND, LAYOUT_MAP, SCENE_EARTH },
	{ "hilbert ", DT_ENOTFOUND, LAYOUT_MAP, SCENE_EARTH },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum layout_kind kind = LAYOUT_MAP;

		assert_int_equal(layout_parse(rows[i].name, &kind), rows[i].err);
		assert_int_equal(kind, rows[i].kind);
		assert_int_equal(layout_space(kind), rows[i].space);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse) };

	return cmocka_run_group_tests_name("viz/layout", tests, NULL, NULL);
}
