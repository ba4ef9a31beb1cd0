/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "tests/support/tempdir.h"
#include "viz/when.h"

enum { NOON_S = 1795262400 /* 2026-11-21T12:00:00Z */ };

static void test_parse(void **state)
{
	static const struct row {
		const char *text;
		int rc;
		uint64_t unix_s;
		uint32_t census;
	} rows[] = {
		{ "3", 0, 0, 3 },
		{ "999999", 0, 0, 999999 },
		{ "1795262400", 0, NOON_S, 0 },
		{ "2026-11-21T12:00:00Z", 0, NOON_S, 0 },
		{ "2026-11-21T12:00:00", 0, NOON_S, 0 },
		{ "2026-11-21 12:00", 0, NOON_S, 0 },
		{ "2026-11-21T12:00Z", 0, NOON_S, 0 },
		{ "2026-11-21", 0, NOON_S - 43200, 0 },
		{ "now", 0, 77, 0 },
		{ "0", DT_ERANGE, 0, 0 },
		{ "", DT_EMALF, 0, 0 },
		{ "-3", DT_EMALF, 0, 0 },
		{ "yesterday", DT_EMALF, 0, 0 },
		{ "2026-13-21", DT_EMALF, 0, 0 },
		{ "2026-11-21T12:00:00+01:00", DT_EMALF, 0, 0 },
		{ "2026-11-21Zx", DT_EMALF, 0, 0 },
		{ "1960-01-01", DT_ERANGE, 0, 0 },
		{ "2200-01-01", DT_ERANGE, 0, 0 },
		{ "99999999999999999999999", DT_ERANGE, 0, 0 },
	};

	(void)state;
	for (const struct row *r = rows; r < TABLE_END(rows); r++) {
		uint64_t unix_s;
		uint32_t census;
		int rc = when_parse(r->text, 77, &unix_s, &census);

		if (rc != r->rc || unix_s != r->unix_s || census != r->census)
			fail_msg("'%s': %d, %llu, %u", r->text, rc, (unsigned long long)unix_s,
				 census);
	}
}

static void check_at(struct store_view *v, const char *text, uint64_t from_s, uint64_t to_s,
		     uint32_t census)
{
	struct when w;
	char why[256] = "";

	if (when_at(v, text, NOON_S, &w, why) < 0)
		fail_msg("%s: %s", text, why);
	assert_int_equal(w.from_s, from_s);
	assert_int_equal(w.to_s, to_s);
	assert_int_equal(w.census, census);
}

static void test_at(void **state)
{
	char dir[TEMPDIR_MAX], why[256];
	struct store_view *v;
	struct store *s;
	struct when w;
	uint32_t id;

	(void)state;
	tempdir_make(dir);
	assert_int_equal(store_open(dir, STORE_CREATE, &s, NULL), 0);
	assert_int_equal(store_view_open(s, &v), 0);
	check_at(v, "now", NOON_S - 3600, NOON_S, 0); /* no census: the hour */
	store_view_close(v);
	assert_int_equal(store_epoch_begin(s, NOON_S + 1000, false, &id), 0);
	assert_int_equal(store_epoch_end(s, id, NOON_S + 1500, "{}", 2), 0);
	assert_int_equal(store_epoch_begin(s, NOON_S + 5000, false, &id), 0); /* broken off */
	assert_int_equal(store_epoch_begin(s, NOON_S + 9000, false, &id), 0); /* still open */
	assert_int_equal(store_view_open(s, &v), 0);
	check_at(v, "1", NOON_S + 1000, NOON_S + 1500, 1);
	check_at(v, "2", NOON_S + 5000, NOON_S + 8999, 2);
	check_at(v, "3", NOON_S + 9000, UINT32_MAX, 3);
	check_at(v, "1795263400", NOON_S + 1000, NOON_S + 1500, 1);
	check_at(v, "1795266000", NOON_S + 1000, NOON_S + 1500, 1); /* after it: the last one */
	assert_int_equal(when_at(v, "now", NOON_S, &w, why), DT_ENOTFOUND);
	assert_non_null(strstr(why, "2026-11-21 12:16:40"));
	assert_int_equal(when_at(v, "4", NOON_S, &w, why), DT_ENOTFOUND);
	assert_non_null(strstr(why, "the store holds 3"));
	assert_int_equal(when_between(v, "1", "2", NOON_S, &w, why), 0);
	assert_true(w.from_s == NOON_S + 1000 && w.to_s == NOON_S + 8999);
	assert_int_equal(when_between(v, "2026-11-21T12:00", "1", NOON_S, &w, why), 0);
	assert_true(w.from_s == NOON_S && w.to_s == NOON_S + 1500);
	assert_int_equal(when_between(v, "2", "1", NOON_S, &w, why), DT_ERANGE);
	assert_int_equal(when_between(v, "1", "noon", NOON_S, &w, why), DT_EMALF);
	assert_non_null(strstr(why, "'noon' is no time"));
	store_view_close(v);
	store_close(s);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse),
					    cmocka_unit_test(test_at) };

	return cmocka_run_group_tests_name("viz/when", tests, NULL, NULL);
}
