/* SPDX-License-Identifier: MIT */
#include "viz/spread.h"

#include <math.h>

#include "viz/accum.h"
#include "viz/num.h"

/*
 * Density exp(-r / s) in the plane: the distance r has the distribution
 * 1 - (1 + x) exp(-x), x = r / s. Its inverse by Newton from the quantile
 * before. With s = 0.44 sigma the furthest of a thousand nodes is as far off as
 * the furthest of a thousand in a Gaussian of that sigma; half of them are
 * nearer than 0.74 sigma, not 1.18.
 */
static void distances(float *out)
{
	const double scale = 0.44;
	double x = 0.01;

	for (int i = 0; i < SPREAD_STEPS; i++) {
		double want = (i + 0.5) / SPREAD_STEPS;

		for (int step = 0; step < 8; step++) {
			double e = num_exp2(-x * 1.44269504088896340736);

			x -= (1 - (1 + x) * e - want) / (x * e);
		}
		out[i] = (float)(scale * x);
	}
}

void spread_init(struct spread *t)
{
	distances(t->radius);
	for (int i = 0; i < SPREAD_STEPS; i++) {
		t->sine[i] = (float)num_sin(2 * NUM_PI * i / SPREAD_STEPS);
		t->root[i] = (float)sqrt((i + 0.5) / SPREAD_STEPS);
	}
}

static double clamp(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/*
 * Constants of viz.md 4 "Placement", in pixels of a 1080-line frame. However many stand on it,
 * no place is wider than the widest that a radius makes (V-84).
 */
static double sigma_px(const struct project_map *m, const struct scene_place *p, double u)
{
	const double most = 3;
	double sigma = 0.9;

	if (p->radius_km > 0)
		sigma = clamp((double)p->radius_km / (1.5 * m->km_per_px * u), 0.6, most);
	if (p->nodes > 100)
		sigma *= 1 + 0.35 * num_log2(p->nodes / 100.0) / 3.32192809488736234787;
	return sigma < most ? sigma : most;
}

struct spread_spot spread_spot(const struct project_map *m, const struct scene_place *p, double u)
{
	struct project_xy px = project_to_px(m, (double)p->lat, (double)p->lon);
	double reach = sigma_px(m, p, u);

	/* a disc's area grows with the root of its nodes, its light with the other root */
	if (p->country_level)
		reach = clamp(1.3 * sqrt(sqrt(p->nodes)), 4, 26);
	return (struct spread_spot){
		.x = (int32_t)floor(px.x * ACCUM_SUB + 0.5),
		.y = (int32_t)floor(px.y * ACCUM_SUB + 0.5),
		.reach = (float)(reach * u * ACCUM_SUB),
		.dim = p->country_level ? SPREAD_DIM : 1,
		.disc = p->country_level,
		.off = p->lat < PROJECT_SOUTH,
	};
}
