/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <cairo.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/support/tempdir.h"
#include "viz/render.h"

struct fixture {
	char dir[TEMPDIR_MAX], png[TEMPDIR_MAX + 16];
	struct store *s;
	struct store_view *v;
};

static void fixture_open(struct fixture *f)
{
	tempdir_make(f->dir);
	snprintf(f->png, sizeof(f->png), "%s/map.png", f->dir);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
	assert_int_equal(store_view_open(f->s, &f->v), 0);
}

static void fixture_close(struct fixture *f)
{
	store_view_close(f->v);
	store_close(f->s);
	tempdir_remove(f->dir);
}

static struct render_opts small(void)
{
	struct render_opts o = render_opts_default();

	o.width = 640;
	o.height = 360;
	return o;
}

static void test_still(void **state)
{
	struct render_opts o = small();
	struct render_stats stats;
	char why[256] = "";
	cairo_surface_t *s;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(render_still(f.v, &o, f.png, &stats, why), 0);
	assert_int_equal(stats.nodes, 0);
	s = cairo_image_surface_create_from_png(f.png);
	assert_int_equal(cairo_image_surface_get_width(s), 640);
	assert_int_equal(cairo_image_surface_get_height(s), 360);
	cairo_surface_destroy(s);
	assert_int_equal(render_still(f.v, &o, f.png, NULL, why), 0); /* figures are optional */
	fixture_close(&f);
}

static void test_unwritable(void **state)
{
	struct render_opts o = small();
	struct render_stats stats;
	char why[256] = "";
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(render_still(f.v, &o, "/no/such/place/map.png", &stats, why), -ENOENT);
	assert_non_null(strstr(why, "/no/such/place/map.png"));
	o.palette = "neon";
	assert_int_equal(render_still(f.v, &o, f.png, &stats, why), DT_ENOTFOUND);
	assert_non_null(strstr(why, "neon"));
	assert_int_equal(access(f.png, F_OK), -1);
	fixture_close(&f);
}

static void test_defaults(void **state)
{
	struct render_opts o = render_opts_default();

	(void)state;
	assert_int_equal(o.width, 1920);
	assert_int_equal(o.height, 1080);
	assert_true(o.terminator);
	assert_false(o.borders); /* de facto lines provoke quarrels */
	assert_true(o.half_life_s == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_unwritable),
		cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests_name("viz/render", tests, NULL, NULL);
}
