/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "tests/support/rng.h"
#include "tests/support/tempdir.h"
#include "viz/export_out.h"

enum { BYTES = 5 << 20 };

static uint8_t *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	uint8_t *buf = malloc(2 * BYTES);

	assert_non_null(f);
	*len = fread(buf, 1, 2 * BYTES, f);
	fclose(f);
	return buf;
}

static uint8_t *random_bytes(struct rng *r)
{
	uint8_t *bytes = malloc(BYTES);

	rng_fill(r, bytes, BYTES);
	for (unsigned i = 0; i < BYTES; i++)
		bytes[i] &= 0x0f; /* so that packing has something to do */
	return bytes;
}

/* In pieces of any size, both ways of putting, some larger than all buffers. */
static void put_pieces(struct export_out *o, struct rng *r, const uint8_t *bytes)
{
	for (size_t at = 0; at < BYTES;) {
		size_t n = rng_below(r, rng_below(r, 20) ? 3000 : 2 << 20);

		n = n < BYTES - at ? n : BYTES - at;
		if (n <= EXPORT_OUT_ROOM_MAX && rng_below(r, 2)) {
			memcpy(export_out_room(o, EXPORT_OUT_ROOM_MAX), bytes + at, n);
			export_out_took(o, n);
		} else {
			export_out_put(o, bytes + at, n);
		}
		at += n;
	}
}

static void check_file(const char *path, bool zstd, const uint8_t *want, uint64_t bytes,
		       const char *sha256)
{
	uint8_t sum[crypto_hash_sha256_BYTES], *raw = malloc(BYTES), *got;
	char hex[65];
	size_t len;

	got = slurp(path, &len);
	assert_int_equal(len, bytes);
	crypto_hash_sha256(sum, got, len);
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	assert_string_equal(hex, sha256);
	if (zstd) {
		assert_true(len < BYTES * 6 / 10);
		assert_int_equal(ZSTD_decompress(raw, BYTES, got, len), BYTES);
	}
	assert_memory_equal(zstd ? raw : got, want, BYTES);
	free(raw);
	free(got);
}

static void test_bytes(void **state)
{
	struct rng r = rng_open(21);
	uint8_t *bytes = random_bytes(&r);
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 16], sha256[65];

	(void)state;
	snprintf(path, sizeof(path), "%s/out", tempdir_make(dir));
	for (unsigned zstd = 0; zstd < 2; zstd++) {
		struct export_out o;
		uint64_t n;

		assert_int_equal(export_out_open(&o, path, zstd), 0);
		put_pieces(&o, &r, bytes);
		assert_int_equal(export_out_close(&o, &n, sha256), 0);
		check_file(path, zstd, bytes, n, sha256);
	}
	free(bytes);
	tempdir_remove(dir);
}

/* What stood under the name stays until the new file is whole. */
static void test_drop(void **state)
{
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 16], tmp[TEMPDIR_MAX + 32];
	struct export_out o;
	size_t len;
	uint8_t *got;

	(void)state;
	snprintf(path, sizeof(path), "%s/out", tempdir_make(dir));
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	tempdir_write(dir, "out", "before", 6);
	assert_int_equal(export_out_open(&o, path, false), 0);
	export_out_put(&o, "after", 5);
	assert_int_equal(access(tmp, F_OK), 0);
	export_out_drop(&o);
	assert_int_equal(access(tmp, F_OK), -1);
	got = slurp(path, &len);
	assert_int_equal(len, 6);
	assert_memory_equal(got, "before", 6);
	free(got);
	tempdir_remove(dir);
}

static void test_refused(void **state)
{
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 32], sha256[65];
	struct export_out o;
	uint64_t n;

	(void)state;
	snprintf(path, sizeof(path), "%s/nowhere/out", tempdir_make(dir));
	assert_int_equal(export_out_open(&o, path, true), -ENOENT);
	/* A disk without room: the error is kept, and told at the end. */
	snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(export_out_open(&o, path, false), 0);
	close(o.fd);
	o.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	for (unsigned i = 0; i < 100000; i++)
		export_out_put(&o, "some bytes that find no room", 28);
	assert_int_equal(export_out_close(&o, &n, sha256), DT_ENOSPACE);
	assert_int_equal(access(path, F_OK), -1);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("viz/export_out", tests, NULL, NULL);
}
