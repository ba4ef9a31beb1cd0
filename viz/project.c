/* SPDX-License-Identifier: MIT */
#include "viz/project.h"

#include <math.h>

#include "viz/num.h"

#define A1         1.340264
#define A2         -0.081106
#define A3         0.000893
#define A4         0.003796
#define HALF_SQRT3 0.86602540378443864676

/* y of the parametric latitude; its derivative divides x. */
static double northing(double t)
{
	double t2 = t * t, t6 = t2 * t2 * t2;

	return t * (A1 + A2 * t2 + t6 * (A3 + A4 * t2));
}

static double northing_slope(double t)
{
	double t2 = t * t, t6 = t2 * t2 * t2;

	return A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2);
}

static double stretch(double t)
{
	return num_cos(t) / (HALF_SQRT3 * northing_slope(t));
}

double project_stretch(double lat)
{
	return stretch(num_asin(HALF_SQRT3 * num_sin(lat)));
}

struct project_xy project_equal_earth(double lon, double lat)
{
	double t = num_asin(HALF_SQRT3 * num_sin(lat));

	return (struct project_xy){ lon * stretch(t), northing(t) };
}

/* Newton on a curve without turning points: 12 steps are far more than it takes. */
static bool parametric(double y, double *t)
{
	enum { STEPS = 12 };
	double guess = y / A1, s;

	for (int i = 0; i < STEPS; i++)
		guess -= (northing(guess) - y) / northing_slope(guess);
	s = num_sin(guess) / HALF_SQRT3;
	*t = guess;
	return s >= -1 - 1e-12 && s <= 1 + 1e-12 && fabs(guess) < NUM_PI / 2;
}

static double latitude_of(double t)
{
	double s = num_sin(t) / HALF_SQRT3;

	return num_asin(s > 1 ? 1 : s < -1 ? -1 : s);
}

bool project_latitude(double y, double *lat)
{
	double t;

	if (!(fabs(y) < 2) || !parametric(y, &t))
		return false;
	*lat = latitude_of(t);
	return true;
}

bool project_equal_earth_inverse(struct project_xy p, double *lon, double *lat)
{
	double t;

	if (!(fabs(p.y) < 2) || !parametric(p.y, &t))
		return false;
	*lon = p.x / stretch(t);
	*lat = latitude_of(t);
	return fabs(*lon) <= NUM_PI + 1e-12;
}

/* to -180 .. 180 */
static double wrap(double degrees)
{
	degrees = fmod(degrees + 180, 360); /* fmod is exact in IEEE 754 */
	return degrees < 0 ? degrees + 180 : degrees - 180;
}

void project_map_init(struct project_map *m, unsigned width, unsigned height)
{
	/* the most that leaves the bottom fifth to the furniture: 16:9 just fits */
	const double scale_per_height = 0.3285;
	double u = height / 1080.0, half = project_equal_earth(NUM_PI, 0).x, spare;

	m->meridian = PROJECT_MERIDIAN;
	m->scale = width / (2 * half);
	if (m->scale > scale_per_height * height)
		m->scale = scale_per_height * height;
	m->x0 = width / 2.0;
	m->y0 = 40 * u + m->scale * project_equal_earth(0, 84 * NUM_RAD).y;
	/* what a tall frame leaves above the furniture is shared out */
	spare = 890 * u - (m->y0 + m->scale * project_equal_earth(0, 60 * NUM_RAD).y);
	if (spare > 8 * u)
		m->y0 += spare / 2;
	m->km_per_px = 40075.017 / (2 * half * m->scale);
}

struct project_xy project_to_px(const struct project_map *m, double lat, double lon)
{
	struct project_xy p = project_equal_earth(wrap(lon - m->meridian) * NUM_RAD, lat * NUM_RAD);

	return (struct project_xy){ m->x0 + m->scale * p.x, m->y0 - m->scale * p.y };
}

bool project_from_px(const struct project_map *m, struct project_xy px, double *lat, double *lon)
{
	struct project_xy p = { (px.x - m->x0) / m->scale, (m->y0 - px.y) / m->scale };

	if (!project_equal_earth_inverse(p, lon, lat))
		return false;
	*lat /= NUM_RAD;
	*lon = wrap(*lon / NUM_RAD + m->meridian);
	return true;
}
