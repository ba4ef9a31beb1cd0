/* SPDX-License-Identifier: MIT */
#include "viz/spread.h"

#include <math.h>

#include "viz/accum.h"
#include "viz/num.h"

/* Quantile i + 1/2 of SPREAD_STEPS, by summing the density outwards from the middle. */
static void gauss(float *normal)
{
	const double step = 1.0 / 4096, peak = 0.39894228040143267794; /* 1 / sqrt(2 pi) */
	double z = 0, area = 0;

	for (int i = 0; i < SPREAD_STEPS / 2; i++) {
		double want = (i + 0.5) / SPREAD_STEPS, slice = 0;

		for (;;) {
			double mid = z + step / 2;

			slice = step * peak * num_exp2(-mid * mid * 0.72134752044448170368);
			if (area + slice >= want)
				break;
			area += slice;
			z += step;
		}
		double at = z + step * (want - area) / slice;

		normal[SPREAD_STEPS / 2 + i] = (float)at;
		normal[SPREAD_STEPS / 2 - 1 - i] = (float)-at;
	}
}

void spread_init(struct spread *t)
{
	gauss(t->normal);
	for (int i = 0; i < SPREAD_STEPS; i++) {
		t->sine[i] = (float)num_sin(2 * NUM_PI * i / SPREAD_STEPS);
		t->root[i] = (float)sqrt((i + 0.5) / SPREAD_STEPS);
	}
}

static double clamp(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* Constants of viz.md 4 "Placement", in pixels of a 1080-line frame. */
static double sigma_px(const struct project_map *m, const struct scene_place *p, double u)
{
	double sigma = 0.9;

	if (p->radius_km > 0)
		sigma = clamp((double)p->radius_km / (1.5 * m->km_per_px * u), 0.6, 3);
	if (p->nodes > 100)
		sigma *= 1 + 0.35 * num_log2(p->nodes / 100.0) / 3.32192809488736234787;
	return sigma;
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
		.dim = p->country_level ? 0.35f : 1,
		.disc = p->country_level,
		.off = p->lat < PROJECT_SOUTH,
	};
}
