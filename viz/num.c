/* SPDX-License-Identifier: MIT */
#include "viz/num.h"

#include <math.h>

/* Taylor to x^17: on |x| <= pi/2 the rest is below 2e-14. */
static double sine(double x)
{
	double x2 = x * x, term = x, sum = x;

	for (int n = 2; n <= 18; n += 2) {
		term *= -x2 / (n * (n + 1));
		sum += term;
	}
	return sum;
}

double num_sin(double x)
{
	/* whole half turns, to the nearest */
	double turns = x / NUM_PI;
	int64_t k = (int64_t)(turns + (turns < 0 ? -0.5 : 0.5));
	double s = sine(x - (double)k * NUM_PI);

	return k & 1 ? -s : s;
}

double num_cos(double x)
{
	return num_sin(x + NUM_PI / 2);
}

/* Two halvings bring the argument below 0.2; then the series of arctan. */
static double arctan_small(double t)
{
	for (int i = 0; i < 2; i++)
		t = t / (1 + sqrt(1 + t * t));
	double t2 = t * t, power = t, sum = 0;

	for (int n = 0; n < 12; n++) {
		sum += (n & 1 ? -power : power) / (2 * n + 1);
		power *= t2;
	}
	return 4 * sum;
}

double num_atan2(double y, double x)
{
	double ax = x < 0 ? -x : x, ay = y < 0 ? -y : y, a;

	if (ax == 0 && ay == 0)
		return 0;
	a = ay <= ax ? arctan_small(ay / ax) : NUM_PI / 2 - arctan_small(ax / ay);
	if (x < 0)
		a = NUM_PI - a;
	return y < 0 ? -a : a;
}

double num_asin(double x)
{
	return num_atan2(x, sqrt((1 - x) * (1 + x)));
}

double num_log2(double x)
{
	uint64_t bits;
	double m;

	memcpy(&bits, &x, 8);
	int64_t exponent = (int64_t)(bits - 0x3fe6a09e667f3bcdull) >> 52;
	bits -= (uint64_t)exponent << 52;
	memcpy(&m, &bits, 8);
	double t = (m - 1) / (m + 1), t2 = t * t, power = t, sum = 0;

	for (int n = 1; n <= 19; n += 2) {
		sum += power / n;
		power *= t2;
	}
	return (double)exponent + sum * 2.8853900817779268147; /* 2 / ln 2 */
}

double num_exp2(double x)
{
	int64_t whole = (int64_t)(x + (x < 0 ? -0.5 : 0.5));
	double f = (x - (double)whole) * 0.69314718055994530942, term = 1, sum = 1, scale;
	uint64_t bits = (uint64_t)(whole + 1023) << 52;

	for (int n = 1; n <= 14; n++) {
		term *= f / n;
		sum += term;
	}
	memcpy(&scale, &bits, 8);
	return sum * scale;
}
