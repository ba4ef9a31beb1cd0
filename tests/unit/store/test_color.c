/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>

#include "store/store.h"

/* Written the other way round, from sRGB to OKLab. Source: Ottosson 2020. */
struct oklab {
	double l, a, b;
};

static double to_linear(uint8_t c)
{
	double v = c / 255.0;

	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static struct oklab oklab_of(const uint8_t rgb[3])
{
	double r = to_linear(rgb[0]), g = to_linear(rgb[1]), b = to_linear(rgb[2]);
	double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
	double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
	double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);

	return (struct oklab){ 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
			       1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
			       0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s };
}

/* A colour cut at the edge of sRGB would come back with another chroma or lightness. */
static void all_hues_are_in_gamut_and_equally_light(void **state)
{
	(void)state;
	for (unsigned hue = 0; hue < ASN_COLOR_HUES; hue++) {
		uint8_t rgb[3];
		struct oklab lab;
		double turn;

		asn_color_of_hue(hue, rgb);
		lab = oklab_of(rgb);
		if (fabs(lab.l - 0.74) > 0.004)
			fail_msg("hue %u: lightness %f", hue, lab.l);
		if (fabs(hypot(lab.a, lab.b) - 0.125) > 0.004)
			fail_msg("hue %u: chroma %f", hue, hypot(lab.a, lab.b));
		turn = atan2(lab.b, lab.a) / (2 * M_PI) * ASN_COLOR_HUES - hue;
		turn -= ASN_COLOR_HUES * round(turn / ASN_COLOR_HUES);
		if (fabs(turn) > 24) /* 2.1 degrees: what 8 bits a channel leave */
			fail_msg("hue %u: off by %f", hue, turn);
	}
}

static void nobody_is_grey(void **state)
{
	uint8_t rgb[3];
	struct oklab lab;

	(void)state;
	asn_color(0, rgb);
	lab = oklab_of(rgb);
	assert_true(fabs(lab.l - 0.74) < 0.002 && hypot(lab.a, lab.b) < 0.001);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The list of store/color.c: the committed salt must keep them apart. */
static void large_networks_stand_apart(void **state)
{
	static const uint32_t asns[] = { 4134,  4837, 9808, 12389, 4766,  3462,
					 55836, 7922, 3320, 28573, 16276, 24940 };
	enum { N = sizeof(asns) / sizeof(asns[0]) };
	double hue[N + 1], least = 360;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		uint8_t rgb[3];
		struct oklab lab;

		asn_color(asns[i], rgb);
		lab = oklab_of(rgb);
		hue[i] = fmod(atan2(lab.b, lab.a) * 180 / M_PI + 360, 360);
	}
	qsort(hue, N, sizeof(hue[0]), ascending);
	hue[N] = hue[0] + 360;
	for (unsigned i = 0; i < N; i++)
		least = fmin(least, hue[i + 1] - hue[i]);
	assert_true(least > 22.5);
}

static void a_network_keeps_its_colour(void **state)
{
	static const struct {
		uint32_t asn;
		uint8_t rgb[3];
	} rows[] = { { 3320, { 217, 158, 70 } }, { 7922, { 55, 187, 229 } } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t rgb[3];

		asn_color(rows[i].asn, rgb);
		assert_memory_equal(rgb, rows[i].rgb, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_hues_are_in_gamut_and_equally_light),
		cmocka_unit_test(nobody_is_grey),
		cmocka_unit_test(large_networks_stand_apart),
		cmocka_unit_test(a_network_keeps_its_colour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
