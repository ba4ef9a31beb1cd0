/* SPDX-License-Identifier: MIT */
#ifndef VIZ_NUM_H
#define VIZ_NUM_H

#include <stdint.h>
#include <string.h>

/**
 * DOC: the few functions of analysis that a picture needs, from + - * / and
 * sqrt alone. Those are exact in IEEE 754, so a picture has the same bytes with
 * every C library (V-4). The float ones serve pixels, the double ones tables.
 *
 * Errors:  no range checks beyond what each line says.
 * Threads: pure.
 */

#define NUM_PI  3.14159265358979323846
#define NUM_RAD (NUM_PI / 180.0)

/** num_sin() - of radians, |x| < 1e6; within 1e-12. */
double num_sin(double x);
double num_cos(double x);

/** num_asin() - |x| <= 1; within 1e-12. */
double num_asin(double x);

/** num_atan2() - -pi..pi; within 1e-12. */
double num_atan2(double y, double x);

/** num_log2() - x > 0 and normal; relative error below 1e-13. */
double num_log2(double x);

/** num_exp2() - |x| < 1000; relative error below 1e-13. */
double num_exp2(double x);

/** num_pow() - x > 0. */
static inline double num_pow(double x, double y)
{
	return num_exp2(y * num_log2(x));
}

/** num_log2f() - x > 0 and normal; absolute error below 3e-7 near 1. */
static inline float num_log2f(float x)
{
	uint32_t bits;
	float m, t, t2;

	memcpy(&bits, &x, 4);
	/* to a mantissa within sqrt(1/2) .. sqrt(2), where the series is short */
	uint32_t shifted = bits - 0x3f3504f3u;
	int exponent = (int32_t)shifted >> 23;
	bits -= (uint32_t)exponent << 23;
	memcpy(&m, &bits, 4);
	t = (m - 1.0f) / (m + 1.0f);
	t2 = t * t;
	/* 2 / ln 2 * artanh t */
	return (float)exponent +
	       t * (2.88539008f + t2 * (0.961796694f + t2 * (0.577078016f + t2 * (0.412198583f))));
}

/** num_exp2f() - -126 <= x <= 126; relative error below 3e-7. */
static inline float num_exp2f(float x)
{
	float whole = (float)(int)(x + (x < 0 ? -0.5f : 0.5f));
	float f = x - whole, scale;
	uint32_t bits = (uint32_t)((int)whole + 127) << 23;

	memcpy(&scale, &bits, 4);
	return scale *
	       (1.0f +
		f * (0.693147181f +
		     f * (0.240226507f +
			  f * (0.0555041087f + f * (0.00961812911f +
						    f * (0.00133335581f + f * 0.000154035304f))))));
}

#endif
