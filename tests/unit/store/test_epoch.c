/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/epoch.h"
#include "store/store.h"
#include "tests/support/tempdir.h"

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	tempdir_make(f->dir);
	*state = f;
	return store_open(f->dir, STORE_CREATE, &f->s, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static int look(struct fixture *f, uint32_t id, struct store_epoch *e, char *report, size_t cap)
{
	struct store_view *v;
	int rc;

	assert_int_equal(store_view_open(f->s, &v), 0);
	rc = store_view_epoch(v, id, e, report, cap);
	store_view_close(v);
	return rc;
}

static void begun_and_ended(void **state)
{
	struct fixture *f = *state;
	struct store_epoch e;
	char report[64] = "x";
	uint32_t id;

	assert_int_equal(look(f, 1, &e, NULL, 0), DT_ENOTFOUND);
	assert_int_equal(store_epoch_begin(f->s, 1000, true, &id), 0);
	assert_int_equal(id, 1);
	assert_int_equal(look(f, 1, &e, report, sizeof(report)), 0);
	assert_int_equal(e.id, 1);
	assert_int_equal(e.started_s, 1000);
	assert_int_equal(e.ended_s, 0);
	assert_true(e.synthetic);
	assert_int_equal(e.report_bytes, 0);
	assert_string_equal(report, "");
	assert_int_equal(store_epoch_end(f->s, 1, 1060, "{\"schema\":1}", 12), 0);
	assert_int_equal(look(f, 1, &e, report, sizeof(report)), 0);
	assert_int_equal(e.ended_s, 1060);
	assert_int_equal(e.report_bytes, 12);
	assert_true(e.synthetic);
	assert_string_equal(report, "{\"schema\":1}");
	assert_int_equal(look(f, 1, &e, report, 5), 0);
	assert_string_equal(report, "{\"sc");
	assert_int_equal(e.report_bytes, 12);
	assert_int_equal(store_epoch_begin(f->s, 2000, false, &id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(look(f, 2, &e, NULL, 0), 0);
	assert_false(e.synthetic);
}

static void a_broken_off_epoch_stays_open(void **state)
{
	struct fixture *f = *state;
	struct store_epoch e;
	uint32_t id;

	assert_int_equal(store_epoch_begin(f->s, 1000, false, &id), 0);
	store_close(f->s);
	assert_int_equal(store_open(f->dir, STORE_WRITE, &f->s, NULL), 0);
	assert_int_equal(store_epoch_begin(f->s, 2000, false, &id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(look(f, 1, &e, NULL, 0), 0);
	assert_int_equal(e.ended_s, 0);
}

static void what_cannot_be_ended(void **state)
{
	struct fixture *f = *state;
	char *huge = calloc(1, 2 << 20);
	uint32_t id;

	assert_int_equal(store_epoch_end(f->s, 1, 5, "{}", 2), DT_ENOTFOUND);
	assert_int_equal(store_epoch_begin(f->s, 1, false, &id), 0);
	assert_int_equal(store_epoch_end(f->s, 1, 5, huge, 2 << 20), DT_ESIZE);
	memset(huge, ' ', 1 << 20);
	assert_int_equal(store_epoch_end(f->s, 1, 5, huge, 1 << 20), 0);
	free(huge);
}

static void foreign_values_are_refused(void **state)
{
	uint8_t key[EPOCH_KEY_BYTES], val[EPOCH_HEAD_BYTES] = { 2 };
	struct span k = span_of(key, sizeof(key)), v = span_of(val, sizeof(val));
	struct epoch_row row;

	(void)state;
	epoch_key(0x01020304, key);
	assert_int_equal(epoch_decode(k, v, &row), 0);
	assert_int_equal(row.epoch.id, 0x01020304);
	assert_int_equal(row.report.len, 0);
	assert_int_equal(epoch_decode(k, span_of(val, sizeof(val) - 1), &row), DT_ESIZE);
	assert_int_equal(epoch_decode(span_of(key, 3), v, &row), DT_ESIZE);
	val[2] = 1; /* a byte of geo that is not there */
	assert_int_equal(epoch_decode(k, v, &row), DT_ECORRUPT);
	val[2] = 0;
	val[0] = 3;
	assert_int_equal(epoch_decode(k, v, &row), DT_ENEWER);
	val[0] = 1;
	assert_int_equal(epoch_decode(k, v, &row), DT_ECORRUPT);
}

static void all_of_a_row_comes_back(void **state)
{
	const struct epoch_row in = { .epoch = { .started_s = 5, .ended_s = 6, .synthetic = true },
				      .vantage = 0x1122334455667788,
				      .geo = SPAN_LIT("asn csv 2026-10-30"),
				      .report = SPAN_LIT("{}") };
	uint8_t key[EPOCH_KEY_BYTES], *val;
	struct epoch_row out;
	size_t len;

	(void)state;
	epoch_key(1, key);
	assert_int_equal(epoch_encode(&in, &val, &len), 0);
	assert_int_equal(epoch_decode(span_of(key, sizeof(key)), span_of(val, len), &out), 0);
	assert_true(out.epoch.started_s == 5 && out.epoch.ended_s == 6 && out.epoch.synthetic);
	assert_true(out.vantage == in.vantage && span_equal(out.geo, in.geo));
	assert_true(span_equal(out.report, in.report));
	free(val);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(begun_and_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_off_epoch_stays_open, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_ended, setup, teardown),
		cmocka_unit_test(foreign_values_are_refused),
		cmocka_unit_test(all_of_a_row_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
