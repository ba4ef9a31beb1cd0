/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "store/store.h"

/**
 * DOC: the hash palette: a network's hue follows from its number alone, so it
 * is the same in every picture, on every machine and in every year. Lightness
 * and chroma are equal for all, so brightness is left to speak of density.
 * Chroma 0.125: the largest that all hues share in sRGB at this lightness is
 * 0.1258 (tests/unit/store/test_color.c).
 */

static const double lightness = 0.74, chroma = 0.125;

/*
 * Best of 2^26 salts for twelve networks that hold much of the DHT by general
 * knowledge (no census of ours yet): AS4134, 4837, 9808, 12389, 4766, 3462,
 * 55836, 7922, 3320, 28573, 16276, 24940. Their closest pair stands 25.3
 * degrees apart; with salt 0 it is 0.2, the ideal is 30.
 */
static const uint64_t salt = 56330002;

/* The same lightness without chroma, for who belongs to no known network. */
static const uint8_t grey = 171;

/* Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014. */
static uint64_t splitmix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint8_t to_srgb(double linear)
{
	double v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;

	return (uint8_t)lrint(255 * (v < 0 ? 0 : v > 1 ? 1 : v));
}

/* Source: Ottosson, A perceptual color space for image processing, 2020 (OKLab). */
static void oklch_to_srgb(double c, double hue_rad, uint8_t rgb[static 3])
{
	double a = c * cos(hue_rad), b = c * sin(hue_rad);
	double l = lightness + 0.3963377774 * a + 0.2158037573 * b;
	double m = lightness - 0.1055613458 * a - 0.0638541728 * b;
	double s = lightness - 0.0894841775 * a - 1.2914855480 * b;

	l = l * l * l;
	m = m * m * m;
	s = s * s * s;
	rgb[0] = to_srgb(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
	rgb[1] = to_srgb(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
	rgb[2] = to_srgb(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
}

void asn_color_of_hue(unsigned hue, uint8_t rgb[static 3])
{
	oklch_to_srgb(chroma, hue % ASN_COLOR_HUES * (2 * M_PI / ASN_COLOR_HUES), rgb);
}

unsigned asn_hue(uint32_t asn)
{
	return (unsigned)(splitmix64(asn | salt << 32) >> 52);
}

void asn_color(uint32_t asn, uint8_t rgb[static 3])
{
	if (asn)
		asn_color_of_hue(asn_hue(asn), rgb);
	else
		rgb[0] = rgb[1] = rgb[2] = grey;
}
