/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>

#include "tests/support/rng.h"
#include "viz/num.h"
#include "viz/project.h"

/* Made with PROJ 9.1.1: cct -d 12 +proj=eqearth +R=1, input "lon lat 0 0". */
static const struct {
	double lon, lat, x, y;
} proj[] = {
	{ 0, 0, 0.000000000000, 0.000000000000 },
	{ 180, 0, 2.706629983696, 0.000000000000 },
	{ -180, 0, -2.706629983696, 0.000000000000 },
	{ 90, 0, 1.353314991848, 0.000000000000 },
	{ 0, 90, 0.000000000000, 1.317362759157 },
	{ 0, -90, 0.000000000000, -1.317362759157 },
	{ 0, 45, 0.000000000000, 0.860231085522 },
	{ 0, -45, 0.000000000000, -0.860231085522 },
	{ 180, 60, 2.039060087572, 1.088300835505 },
	{ -180, -60, -2.039060087572, -1.088300835505 },
	{ 180, 84, 1.628366577888, 1.306713138887 },
	{ -180, 84, -1.628366577888, 1.306713138887 },
	{ 180, 90, 1.603588648284, 1.317362759157 },
	{ -180, -90, -1.603588648284, -1.317362759157 },
	{ -150, -75, -1.454247951212, -1.253482973134 },
	{ -60, -75, -0.581699180485, -1.253482973134 },
	{ 45, -75, 0.436274385364, -1.253482973134 },
	{ 120, -75, 1.163398360970, -1.253482973134 },
	{ -150, -30, -2.109751396523, -0.592935119848 },
	{ -60, -30, -0.843900558609, -0.592935119848 },
	{ 45, -30, 0.632925418957, -0.592935119848 },
	{ 120, -30, 1.687801117218, -0.592935119848 },
	{ -150, -15, -2.218718785138, -0.302049072382 },
	{ -60, -15, -0.887487514055, -0.302049072382 },
	{ 45, -15, 0.665615635541, -0.302049072382 },
	{ 120, -15, 1.774975028110, -0.302049072382 },
	{ -150, 15, -2.218718785138, 0.302049072382 },
	{ -60, 15, -0.887487514055, 0.302049072382 },
	{ 45, 15, 0.665615635541, 0.302049072382 },
	{ 120, 15, 1.774975028110, 0.302049072382 },
	{ -150, 30, -2.109751396523, 0.592935119848 },
	{ -60, 30, -0.843900558609, 0.592935119848 },
	{ 45, 30, 0.632925418957, 0.592935119848 },
	{ 120, 30, 1.687801117218, 0.592935119848 },
	{ -150, 60, -1.699216739643, 1.088300835505 },
	{ -60, 60, -0.679686695857, 1.088300835505 },
	{ 45, 60, 0.509765021893, 1.088300835505 },
	{ 120, 60, 1.359373391714, 1.088300835505 },
	{ -150, 75, -1.454247951212, 1.253482973134 },
	{ -60, 75, -0.581699180485, 1.253482973134 },
	{ 45, 75, 0.436274385364, 1.253482973134 },
	{ 120, 75, 1.163398360970, 1.253482973134 },
	{ -150, 84, -1.356972148240, 1.306713138887 },
	{ -60, 84, -0.542788859296, 1.306713138887 },
	{ 45, 84, 0.407091644472, 1.306713138887 },
	{ 120, 84, 1.085577718592, 1.306713138887 },
	{ -131.6289, 62.5381, -1.453266347055, 1.121523032692 },
	{ 94.9589, -44.0876, 1.231705178559, -0.844910464416 },
	{ -1.6434, -9.0916, -0.024563093585, -0.183773951139 },
	{ 54.5735, 51.9702, 0.665896108839, 0.972246219692 },
	{ -146.2105, -84.8975, -1.317192845194, -1.309642657341 },
	{ 120.8754, -12.1019, 1.798255676759, -0.244206061552 },
	{ 94.4208, -89.6209, 0.841231301497, -1.317319877261 },
	{ -19.6606, 39.8772, -0.262222687734, 0.772469950184 },
	{ -97.6456, 80.1487, -0.905066945878, 1.289053086185 },
	{ 144.5139, -84.4938, 1.304250530620, -1.308381874901 },
	{ -170.8395, 7.4542, -2.558507963983, 0.150785025704 },
	{ 158.0937, -21.3832, 2.298660013273, -0.427875844441 },
	{ -102.0242, -14.019, -1.512245243743, -0.282511485757 },
	{ -169.5453, -50.0955, -2.101321379498, -0.943046904870 },
	{ -22.3605, -0.7538, -0.336217209844, -0.015270313064 },
	{ -96.0896, -48.444, -1.206741778218, -0.916738550426 },
	{ -101.2388, -7.2714, -1.516459208938, -0.147097851447 },
	{ -75.6786, -86.1319, -0.678583427450, -1.312914366974 },
	{ 121.5281, 10.1618, 1.813688508572, 0.205293597667 },
	{ 51.226, -56.5369, 0.600040248251, -1.040162054668 },
};

static void test_against_proj(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(proj) / sizeof(proj[0]); i++) {
		struct project_xy p =
			project_equal_earth(proj[i].lon * NUM_RAD, proj[i].lat * NUM_RAD);

		if (fabs(p.x - proj[i].x) > 1e-9 || fabs(p.y - proj[i].y) > 1e-9)
			fail_msg("lon %g lat %g: %.12f %.12f, PROJ says %.12f %.12f", proj[i].lon,
				 proj[i].lat, p.x, p.y, proj[i].x, proj[i].y);
	}
}

static void test_inverse(void **state)
{
	struct rng r = rng_open(1);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double lon = ((double)rng_below(&r, 3600001) / 1e4 - 180) * NUM_RAD;
		double lat = ((double)rng_below(&r, 1800001) / 1e4 - 90) * NUM_RAD, lon2, lat2;
		bool on = project_equal_earth_inverse(project_equal_earth(lon, lat), &lon2, &lat2);

		/* at the poles latitude is flat in y: 1e-6 of a radian is 6 m */
		if (!on || fabs(lon2 - lon) > 1e-9 || fabs(lat2 - lat) > 1e-6)
			fail_msg("%.9f %.9f came back as %.9f %.9f", lon, lat, lon2, lat2);
	}
}

static void test_off_the_globe(void **state)
{
	static const struct project_xy off[] = { { 2.71, 0 },  { -2.71, 0 },  { 0, 1.32 },
						 { 0, -1.32 }, { 1.7, 1.31 }, { 0, 1e9 },
						 { 0, NAN },   { 1e300, 0 } };
	double lon, lat;

	(void)state;
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		if (project_equal_earth_inverse(off[i], &lon, &lat))
			fail_msg("row %zu is off the globe", i);
	assert_false(project_latitude(1.5, &lat));
	assert_true(project_latitude(0.860231085522, &lat));
	assert_true(fabs(lat - 45 * NUM_RAD) < 1e-9);
}

/* Equal areas: the parallel's length times its distance to the next is cos(lat), but for a factor.
 */
static void test_equal_areas(void **state)
{
	double first = 0;

	(void)state;
	for (int lat = -85; lat <= 85; lat += 5) {
		double h = 1e-5, area;
		double dy = project_equal_earth(0, lat * NUM_RAD + h).y -
			    project_equal_earth(0, lat * NUM_RAD - h).y;

		area = project_stretch(lat * NUM_RAD) * dy / (2 * h) / cos(lat * NUM_RAD);
		if (lat == -85)
			first = area;
		assert_true(fabs(area / first - 1) < 1e-6);
	}
}

static const struct {
	const char *name;
	unsigned width, height;
} frames[] = { { "1080p", 1920, 1080 }, { "4K", 3840, 2160 },   { "small", 640, 360 },
	       { "wide", 2560, 1080 },  { "tall", 1080, 1350 }, { "square", 1000, 1000 } };

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct project_map m;
		double u = frames[i].height / 1080.0, lat, lon;
		struct project_xy north, south, east;

		project_map_init(&m, frames[i].width, frames[i].height);
		north = project_to_px(&m, 84, 11);
		south = project_to_px(&m, -60, 11);
		east = project_to_px(&m, 0, 190.9999);
		if (north.y < 39.9 * u || south.y > 891 * u || east.x > frames[i].width + 0.5 ||
		    fabs(north.x - frames[i].width / 2.0) > 1e-6)
			fail_msg("%s: north %.1f, south %.1f, east %.1f", frames[i].name, north.y,
				 south.y, east.x);
		assert_true(project_from_px(&m, project_to_px(&m, 52.5, 13.4), &lat, &lon));
		assert_true(fabs(lat - 52.5) < 1e-6 && fabs(lon - 13.4) < 1e-6);
	}
}

/* Across the cut in the Bering Strait longitude goes on from the other side. */
static void test_any_longitude(void **state)
{
	struct project_map m;
	static const double lon[] = { -400, -190, -169.5, -168.5, 0, 169, 191.5, 370, 725 };

	(void)state;
	project_map_init(&m, 1920, 1080);
	for (size_t i = 0; i < sizeof(lon) / sizeof(lon[0]); i++) {
		struct project_xy a = project_to_px(&m, 10, lon[i]);
		struct project_xy b = project_to_px(&m, 10, lon[i] + 360);

		assert_true(fabs(a.x - b.x) < 1e-6);
		assert_true(a.x > 0 && a.x < 1920);
	}
	assert_true(project_to_px(&m, 66, -170).x > 1500); /* Russia's easternmost cape */
	assert_true(project_to_px(&m, 66, -168).x < 420);  /* Alaska */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_proj),  cmocka_unit_test(test_inverse),
		cmocka_unit_test(test_off_the_globe), cmocka_unit_test(test_equal_areas),
		cmocka_unit_test(test_frames),        cmocka_unit_test(test_any_longitude),
	};

	return cmocka_run_group_tests_name("viz/project", tests, NULL, NULL);
}
