/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <cairo.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/rng.h"
#include "viz/png_out.h"

static const struct {
	unsigned width, height;
	bool noise;
} sizes[] = { { 1, 1, true },
	      { 7, 3, true },
	      { 320, 180, false },
	      { 641, 359, true },
	      { 1920, 1080, false } };

static uint8_t *picture(struct rng *r, unsigned width, unsigned height, bool noise)
{
	uint8_t *px = malloc((size_t)width * height * 4);

	assert_non_null(px);
	for (unsigned y = 0; y < height; y++)
		for (unsigned x = 0; x < width; x++)
			for (unsigned c = 0; c < 4; c++)
				px[((size_t)y * width + x) * 4 + c] =
					noise ? (uint8_t)rng_u64(r) : (uint8_t)(x + y * c);
	return px;
}

struct memory {
	const uint8_t *at;
	uint64_t left;
};

static cairo_status_t feed(void *ctx, unsigned char *out, unsigned len)
{
	struct memory *m = ctx;

	if (len > m->left)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(out, m->at, len);
	m->at += len;
	m->left -= len;
	return CAIRO_STATUS_SUCCESS;
}

static void assert_shows(cairo_surface_t *s, const uint8_t *px, unsigned width, unsigned height)
{
	const uint8_t *got = cairo_image_surface_get_data(s);

	assert_int_equal(cairo_surface_status(s), CAIRO_STATUS_SUCCESS);
	assert_int_equal(cairo_image_surface_get_width(s), width);
	assert_int_equal(cairo_image_surface_get_height(s), height);
	for (unsigned y = 0; y < height; y++)
		for (unsigned x = 0; x < width; x++) {
			const uint8_t *a = px + ((size_t)y * width + x) * 4;
			uint32_t b;

			memcpy(&b,
			       got + (size_t)y * (unsigned)cairo_image_surface_get_stride(s) +
				       4 * x,
			       4);
			if ((uint32_t)(a[0] << 16 | a[1] << 8 | a[2]) != (b & 0xffffff))
				fail_msg("pixel %u %u", x, y);
		}
}

/* libpng, by way of cairo, reads back what was written. */
static void test_other_reader(void **state)
{
	struct rng r = rng_open(14);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *px = picture(&r, sizes[i].width, sizes[i].height, sizes[i].noise);
		struct memory m;
		cairo_surface_t *s;
		uint8_t *png;

		assert_int_equal(png_out_encode(px, sizes[i].width, sizes[i].height, &png, &m.left),
				 0);
		m.at = png;
		s = cairo_image_surface_create_from_png_stream(feed, &m);
		assert_shows(s, px, sizes[i].width, sizes[i].height);
		cairo_surface_destroy(s);
		free(png);
		free(px);
	}
}

static void test_file(void **state)
{
	struct rng r = rng_open(15);
	uint8_t *px = picture(&r, 64, 48, true);
	char dir[] = "/tmp/dt-png-XXXXXX", path[64], tmp[80], why[256] = "";
	cairo_surface_t *s;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.png", dir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	assert_int_equal(png_out_write(path, px, 64, 48, why), 0);
	assert_int_equal(png_out_write(path, px, 64, 48, why), 0); /* over the old one */
	assert_int_equal(access(tmp, F_OK), -1);
	s = cairo_image_surface_create_from_png(path);
	assert_shows(s, px, 64, 48);
	cairo_surface_destroy(s);
	unlink(path);
	rmdir(dir);
	free(px);
}

/* A failure names the file, and leaves nothing behind. */
static void test_unwritable(void **state)
{
	char dir[] = "/tmp/dt-png-XXXXXX", path[64], long_path[5000], why[256] = "";
	uint8_t px[4] = { 0 };

	(void)state;
	assert_int_equal(png_out_write("/nowhere/at/all.png", px, 1, 1, why), -ENOENT);
	assert_non_null(strstr(why, "/nowhere/at/all.png"));
	assert_int_equal(png_out_write("/proc/a.png", px, 1, 1, why), -ENOENT);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(png_out_write(long_path, px, 1, 1, why), -ENAMETOOLONG);
	assert_non_null(strstr(why, "xxx"));
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/d", dir);
	assert_int_equal(mkdir(path, 0700), 0); /* a directory stands where the file should */
	assert_true(png_out_write(path, px, 1, 1, why) < 0);
	assert_non_null(strstr(why, path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0); /* no .tmp is left in it */
}

/* A full device is told, not ignored; here as standard output. */
static void test_full(void **state)
{
	int full = open("/dev/full", O_WRONLY), saved = dup(STDOUT_FILENO), err;
	uint8_t px[4] = { 0 };
	char why[256] = "";

	(void)state;
	if (full < 0)
		skip();
	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	err = png_out_write("-", px, 1, 1, why);
	dup2(saved, STDOUT_FILENO);
	close(full);
	close(saved);
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(why, "standard output"));
}

/* PATH.tmp may be somebody's link to somewhere else. */
static void test_link(void **state)
{
	char dir[] = "/tmp/dt-png-XXXXXX", path[64], tmp[80], target[64], why[256] = "";
	uint8_t px[4] = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.png", dir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	snprintf(target, sizeof(target), "%s/b", dir);
	assert_int_equal(symlink(target, tmp), 0);
	assert_int_equal(png_out_write(path, px, 1, 1, why), -ELOOP);
	assert_int_equal(access(target, F_OK), -1);
	unlink(tmp);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_reader), cmocka_unit_test(test_file),
		cmocka_unit_test(test_unwritable),   cmocka_unit_test(test_full),
		cmocka_unit_test(test_link),
	};

	return cmocka_run_group_tests_name("viz/png_out", tests, NULL, NULL);
}
