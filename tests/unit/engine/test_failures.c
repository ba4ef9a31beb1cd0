/* SPDX-License-Identifier: MIT */
#include "engine/failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/rng.h"
#include "tests/support/seed.h"
#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

static const uint8_t key[FAILURES_KEY_BYTES] = { 7 };

static struct endpoint host(uint32_t n)
{
	return endpoint_ip4(0x0b000000 + n, (uint16_t)(1024 + n % 60000));
}

static struct failures *make(unsigned log2)
{
	struct failures *f;

	assert_int_equal(failures_new(key, log2, &f), 0);
	return f;
}

static void note(struct failures *f, uint32_t n, bool answered)
{
	struct endpoint ep = host(n);

	failures_note(f, &ep, answered);
}

static unsigned count(const struct failures *f, uint32_t n)
{
	struct endpoint ep = host(n);

	return failures_count(f, &ep);
}

/* One more for a failure, half for an answer; nothing for somebody who never failed. */
static void test_aimd(void **state)
{
	struct failures *f = make(0);

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		failures_begin(f);
		note(f, 1, false);
		assert_int_equal(count(f, 1), i + 1 < FAILURES_MAX ? i + 1 : FAILURES_MAX);
	}
	for (unsigned want = FAILURES_MAX / 2; want; want /= 2) {
		failures_begin(f);
		note(f, 1, true);
		assert_int_equal(count(f, 1), want);
	}
	note(f, 2, true);
	assert_int_equal(count(f, 2), 0);
	assert_int_equal(failures_known(f), 1);
	failures_free(f);
}

/* Beside a plain array, through growth, and through the file. */
static void test_oracle(void **state)
{
	enum { HOSTS = 20000, CENSUSES = 12 };
	static unsigned truth[HOSTS];
	struct failures *f = make(0), *again;
	char path[TEMPDIR_MAX + 16], dir[TEMPDIR_MAX];
	struct stat st;
	struct rng r;

	(void)state;
	rng_init(&r, seed_open(), 0);
	memset(truth, 0, sizeof(truth));
	for (unsigned c = 0; c < CENSUSES; c++) {
		failures_begin(f);
		for (uint32_t n = 0; n < HOSTS; n++) {
			bool answered = rng_below(&r, 4) == 0;

			if (rng_below(&r, 3) == 0)
				continue;
			note(f, n, answered);
			truth[n] = answered ? truth[n] / 2 : truth[n] + 1;
		}
		for (uint32_t n = 0; n < HOSTS; n++)
			assert_int_equal(count(f, n), truth[n]);
	}
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/silent", dir);
	assert_int_equal(failures_save(f, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, FAILURES_HEAD_BYTES + 8 * (off_t)failures_known(f));
	assert_int_equal(failures_load(path, 0, &again), 0);
	for (uint32_t n = 0; n < HOSTS; n++)
		assert_int_equal(count(again, n), truth[n]);
	failures_free(again);
	failures_free(f);
	tempdir_remove(dir);
}

/* The table is bounded: who failed last long ago makes room, and where nobody did, nobody new. */
static void test_bound(void **state)
{
	struct failures *f = make(10);

	(void)state;
	failures_begin(f);
	for (uint32_t n = 0; n < 5000; n++)
		note(f, n, false);
	assert_true(failures_known(f) <= 683);
	assert_int_equal(count(f, 0), 1);
	assert_int_equal(count(f, 4999), 0);
	for (unsigned c = 0; c <= FAILURES_KEEP; c++)
		failures_begin(f);
	assert_int_equal(count(f, 0), 0);
	for (uint32_t n = 4000; n < 4600; n++)
		note(f, n, false);
	assert_int_equal(count(f, 4599), 1);
	assert_true(failures_known(f) <= 683);
	failures_free(f);
}

static void test_files(void **state)
{
	char path[TEMPDIR_MAX + 16], dir[TEMPDIR_MAX];
	struct failures *f = make(0), *out = NULL;
	uint8_t bytes[FAILURES_HEAD_BYTES + 8 * 3];
	FILE *file;

	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/silent", dir);
	assert_int_equal(failures_load(path, 0, &out), DT_ENOTFOUND);
	failures_begin(f);
	for (uint32_t n = 0; n < 3; n++)
		note(f, n, false);
	assert_int_equal(failures_save(f, path), 0);
	file = fopen(path, "rb");
	assert_int_equal(fread(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	fclose(file);
	for (size_t cut = 0; cut < sizeof(bytes); cut++)
		assert_int_equal(failures_decode(span_of(bytes, cut), 0, &out), DT_ECORRUPT);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		int rc;

		if (i >= 12 && i < 16)
			continue; /* the count of censuses */
		if (i >= 24 && i < 40)
			continue; /* the key */
		bytes[i] ^= 0x40;
		rc = failures_decode(span_of(bytes, sizeof(bytes)), 0, &out);
		assert_true(rc == DT_ECORRUPT || (i < 8 && rc == DT_EFOREIGN) ||
			    (i >= 8 && i < 12 && rc == DT_ENEWER));
		assert_null(out);
		bytes[i] ^= 0x40;
	}
	assert_int_equal(failures_decode(span_of(bytes, sizeof(bytes)), 0, &out), 0);
	assert_int_equal(count(out, 2), 1);
	failures_free(out);
	failures_free(f);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aimd),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
