/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/orgs.h"
#include "tests/support/tempdir.h"

static char dir[TEMPDIR_MAX];
static struct kv *kv;
static struct geo *geo;

static int setup(void **state)
{
	static const char table[] = "1.0.0.0,1.0.0.255,100,Hundred\n1.0.1.0,1.0.1.255,200,\n";
	const struct geo_opts opts = { .dir = dir };
	char why[KV_WHY_MAX], data[TEMPDIR_MAX + 8];

	(void)state;
	tempdir_make(dir);
	tempdir_write(dir, "asn-ipv4.csv", table, strlen(table));
	snprintf(data, sizeof(data), "%s", dir);
	assert_int_equal(geo_open(&opts, NULL, NULL, &geo), 0);
	return kv_open(data, KV_WRITE | KV_CREATE, &kv, why);
}

static int teardown(void **state)
{
	(void)state;
	kv_unref(kv);
	geo_close(geo);
	tempdir_remove(dir);
	return 0;
}

/* Writes what was noted; returns how many names stand there afterwards. */
static unsigned write_all(struct orgs *o, bool commit)
{
	struct kv_txn *t;
	uint64_t n;

	assert_int_equal(kv_begin(kv, true, &t), 0);
	assert_int_equal(orgs_write(o, t, geo), 0);
	if (commit)
		assert_int_equal(kv_commit(t), 0);
	else
		kv_abort(t);
	orgs_settle(o, commit);
	assert_int_equal(kv_begin(kv, false, &t), 0);
	n = kv_entries(t, KV_ORGS);
	kv_abort(t);
	return (unsigned)n;
}

static void named_once(void **state)
{
	uint8_t key[ORGS_KEY_BYTES];
	char text[256];
	struct kv_txn *t;
	struct span val;
	struct orgs o;

	(void)state;
	orgs_init(&o);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(orgs_note(&o, 100), 0);
		assert_int_equal(orgs_note(&o, 200), 0); /* has no name */
		assert_int_equal(orgs_note(&o, 0), 0);   /* is nobody */
	}
	assert_int_equal(write_all(&o, true), 1);
	orgs_key(100, key);
	assert_int_equal(kv_begin(kv, false, &t), 0);
	assert_int_equal(kv_get(t, KV_ORGS, span_of(key, sizeof(key)), &val), 1);
	assert_true(span_equal(val, SPAN_LIT("Hundred")));
	assert_non_null(strstr(orgs_attribution(t, text, sizeof(text)), "CC BY 4.0"));
	kv_abort(t);
	orgs_fini(&o);
}

/* What a failed commit took along is noted anew when its rows come again. */
static void a_failed_commit_forgets(void **state)
{
	struct orgs o;

	(void)state;
	orgs_init(&o);
	assert_int_equal(orgs_note(&o, 100), 0);
	assert_int_equal(write_all(&o, false), 0);
	assert_int_equal(write_all(&o, true), 0);
	assert_int_equal(orgs_note(&o, 100), 0);
	assert_int_equal(write_all(&o, true), 1);
	orgs_fini(&o);
	orgs_fini(&o);
}

static void very_many_networks(void **state)
{
	struct orgs o;

	(void)state;
	orgs_init(&o);
	for (uint32_t asn = 1; asn < 5000; asn++)
		assert_int_equal(orgs_note(&o, asn), 0);
	assert_int_equal(write_all(&o, true), 1);
	orgs_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(named_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_commit_forgets, setup, teardown),
		cmocka_unit_test_setup_teardown(very_many_networks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
