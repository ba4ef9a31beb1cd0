/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "store/store.h"
#include "tests/support/scene_sample.h"
#include "viz/group.h"
#include "viz/palette.h"

static void assert_in_gamut(struct palette_rgb c, const char *what, double hue)
{
	if (!(c.r >= -1e-4f && c.r <= 1.0001f && c.g >= -1e-4f && c.g <= 1.0001f && c.b >= -1e-4f &&
	      c.b <= 1.0001f))
		fail_msg("%s, hue %.3f: %f %f %f", what, hue, (double)c.r, (double)c.g,
			 (double)c.b);
}

static void test_gamut(void **state)
{
	(void)state;
	for (int i = 0; i < 4096; i++)
		assert_in_gamut(palette_oklch(0.74, 0.125, i * 360.0 / 4096), "hash", i / 4096.0);
	for (int i = -10; i <= 1010; i++)
		assert_in_gamut(palette_ember((float)i / 1000), "ember", i);
}

/* The colours of Ottosson's reference implementation, to the byte. */
static void test_oklch(void **state)
{
	struct palette_rgb white = palette_oklch(1, 0, 0), red;

	(void)state;
	assert_true(fabsf(white.r - 1) < 1e-3f && fabsf(white.b - 1) < 1e-3f);
	red = palette_oklch(0.6279553606, 0.2576833077, 29.2338814);
	assert_true(fabsf(red.r - 1) < 1e-3f && fabsf(red.g) < 1e-3f && fabsf(red.b) < 1e-3f);
}

static void test_srgb(void **state)
{
	uint8_t last[3] = { 255, 128, 1 };
	struct palette_rgb c = palette_from_srgb(last);

	(void)state;
	for (int i = 0; i <= 1000; i++) {
		double v = i / 1000.0;
		double want = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;

		assert_true(fabs(palette_srgb(v) - want) < 1e-12);
		assert_true(fabs(palette_linear(palette_srgb(v)) - v) < 1e-6);
	}
	assert_true(palette_srgb(-1) == 0 && palette_linear(-1) == 0);
	assert_true(c.r == 1 && fabsf(c.g - 0.2158605f) < 1e-5f);
}

static void test_parse(void **state)
{
	enum palette_kind kind = PALETTE_CVD;

	(void)state;
	assert_int_equal(palette_parse(NULL, &kind), 0);
	assert_int_equal(kind, PALETTE_HASH);
	assert_int_equal(palette_parse("density", &kind), 0);
	assert_int_equal(kind, PALETTE_DENSITY);
	assert_int_equal(palette_parse("focus", &kind), 0);
	assert_int_equal(palette_parse("rainbow", &kind), DT_ENOTFOUND);
	assert_int_equal(palette_parse("hashish", &kind), DT_ENOTFOUND);
}

static double distance(struct palette_rgb a, struct palette_rgb b)
{
	return fabs((double)(a.r - b.r)) + fabs((double)(a.g - b.g)) + fabs((double)(a.b - b.b));
}

/* Named networks are told apart in each palette that promises it; hash is the store's colour. */
static void test_colors(void **state)
{
	static const unsigned told_apart[] = {
		[PALETTE_HASH] = 0, [PALETTE_FOCUS] = 6, [PALETTE_CVD] = 4, [PALETTE_DENSITY] = 0
	};
	struct rng r = rng_open(11);
	struct scene *s = scene_sample(&r, 5000);
	struct palette_rgb *c;

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->top_count, SCENE_TOP);
	c = calloc(s->network_count, sizeof(*c));
	assert_non_null(c);
	for (unsigned kind = PALETTE_HASH; kind <= PALETTE_DENSITY; kind++) {
		palette_colors((enum palette_kind)kind, s, c);
		for (uint32_t i = 0; i < s->network_count; i++)
			assert_in_gamut(c[i], "network", s->networks[i].asn);
		for (unsigned a = 0; a < told_apart[kind]; a++)
			for (unsigned b = 0; b < SCENE_TOP; b++)
				if (b != a)
					assert_true(distance(c[s->top[a].network],
							     c[s->top[b].network]) > 0.1);
	}
	palette_colors(PALETTE_HASH, s, c);
	for (uint32_t i = 0; i < s->network_count; i++) {
		uint8_t rgb[3];

		asn_color(s->networks[i].asn, rgb);
		if (s->networks[i].asn)
			assert_true(distance(c[i], palette_from_srgb(rgb)) < 1e-6);
		else
			assert_true(fabsf(c[i].r - c[i].b) < 2e-3f);
	}
	free(c);
	scene_free(s);
}

/* The hue that is seen, 0 .. 1, by Ottosson's matrices the other way; below 0: grey. */
static double hue_seen(struct palette_rgb c)
{
	double l = cbrt(0.4122214708 * (double)c.r + 0.5363325363 * (double)c.g +
			0.0514459929 * (double)c.b);
	double m = cbrt(0.2119034982 * (double)c.r + 0.6806995451 * (double)c.g +
			0.1073969566 * (double)c.b);
	double s = cbrt(0.0883024619 * (double)c.r + 0.2817188376 * (double)c.g +
			0.6299787005 * (double)c.b);
	double a = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s;
	double b = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s;
	double turn = atan2(b, a) / (2 * M_PI);

	return hypot(a, b) < 0.02 ? -1 : turn < 0 ? turn + 1 : turn;
}

/* Where a group is said to lie on the circle of hues is where its colour is seen to lie. */
static void test_turn(void **state)
{
	static const struct {
		enum group_kind kind;
		uint32_t groups[6];
	} rows[] = {
		{ GROUP_NETWORK, { 0, 1, 3320, 4134, 64512, UINT32_MAX } },
		{ GROUP_COUNTRY, { 0, 'D' << 8 | 'E', 'U' << 8 | 'S', 'Z' << 8 | 'W', 1, 9 } },
		{ GROUP_CLIENT, { 0, 1, 2, 3, 4, 5 } },
		{ GROUP_CLASS, { 0, 1, 2, 3, 4, 5 } },
		{ GROUP_REGISTRY, { 0, AFRINIC, APNIC, ARIN, LACNIC, RIPE } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene_network networks[6];
		struct scene s = { .networks = networks,
				   .network_count = 6,
				   .group = rows[i].kind };
		struct palette_rgb colors[6];

		for (unsigned k = 0; k < 6; k++)
			networks[k] = (struct scene_network){ .asn = rows[i].groups[k] };
		palette_colors(PALETTE_HASH, &s, colors);
		for (unsigned k = 0; k < 6; k++) {
			double turn = palette_turn(rows[i].kind, rows[i].groups[k]);
			double seen = hue_seen(colors[k]), apart = fabs(turn - seen);

			if (k == 0 ? turn != 0 || seen >= 0 : fmin(apart, 1 - apart) > 0.01)
				fail_msg("%s %u: said %.3f, seen %.3f",
					 group_kind_name(rows[i].kind), rows[i].groups[k], turn,
					 seen);
		}
	}
	assert_true(palette_turn(GROUP_REGISTRY, 77) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gamut),  cmocka_unit_test(test_oklch),
		cmocka_unit_test(test_srgb),   cmocka_unit_test(test_parse),
		cmocka_unit_test(test_colors), cmocka_unit_test(test_turn),
	};

	return cmocka_run_group_tests_name("viz/palette", tests, NULL, NULL);
}
