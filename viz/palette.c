/* SPDX-License-Identifier: MIT */
#include "viz/palette.h"

#include <math.h>
#include <string.h>

#include "store/store.h"
#include "viz/group.h"
#include "viz/num.h"

static const char *const names[] = { "hash", "focus", "cvd", "rir", "density" };

const char *palette_name(enum palette_kind kind)
{
	return names[kind];
}

int palette_parse(const char *name, enum palette_kind *out)
{

	if (!name || !*name)
		name = names[PALETTE_HASH];
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum palette_kind)i;
			return 0;
		}
	return DT_ENOTFOUND;
}

/* Source: IEC 61966-2-1. */
double palette_srgb(double linear)
{
	if (linear <= 0.0031308)
		return linear <= 0 ? 0 : 12.92 * linear;
	return 1.055 * num_pow(linear, 1 / 2.4) - 0.055;
}

double palette_linear(double srgb)
{
	if (srgb <= 0.04045)
		return srgb <= 0 ? 0 : srgb / 12.92;
	return num_pow((srgb + 0.055) / 1.055, 2.4);
}

struct palette_rgb palette_from_srgb(const uint8_t rgb[static 3])
{
	return (struct palette_rgb){ (float)palette_linear(rgb[0] / 255.0),
				     (float)palette_linear(rgb[1] / 255.0),
				     (float)palette_linear(rgb[2] / 255.0) };
}

/* Source: Ottosson, "A perceptual color space for image processing", 2020. */
struct palette_rgb palette_oklch(double lightness, double chroma, double hue)
{
	double a = chroma * num_cos(hue * NUM_RAD), b = chroma * num_sin(hue * NUM_RAD);
	double l = lightness + 0.3963377774 * a + 0.2158037573 * b;
	double m = lightness - 0.1055613458 * a - 0.0638541728 * b;
	double s = lightness - 0.0894841775 * a - 1.2914855480 * b;

	l = l * l * l;
	m = m * m * m;
	s = s * s * s;
	return (struct palette_rgb){
		(float)(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
		(float)(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
		(float)(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s),
	};
}

/* What stands back behind the named networks: darker, hardly a hue. */
static struct palette_rgb slate(void)
{
	return palette_oklch(0.60, 0.03, 262);
}

static struct palette_rgb by_hash(uint32_t asn)
{
	uint8_t rgb[3];

	if (asn == 0)
		return palette_oklch(0.74, 0, 0);
	asn_color(asn, rgb);
	return palette_from_srgb(rgb);
}

/* Countries are hashed like networks, as AS numbers that are nobody's. */
enum { COUNTRY_ASN = 0xffff0000u };

/* The hue of a group that is not hashed; below 0 it has none, and is grey. */
static double plain_hue(enum group_kind kind, uint32_t group)
{
	static const double registry[REGISTRIES] = {
		[AFRINIC] = 95, [APNIC] = 25, [ARIN] = 255, [LACNIC] = 150, [RIPE] = 315
	};

	if (group == 0 || (kind == GROUP_REGISTRY && group >= REGISTRIES))
		return -1;
	/* where there are few, each number is far from the next */
	return kind == GROUP_REGISTRY ? registry[group] : fmod(70 + 137.50776 * group, 360);
}

/* The same lightness for all: none is worth more. */
static struct palette_rgb by_group(enum group_kind kind, uint32_t group)
{
	double hue;

	if (kind == GROUP_NETWORK || group == 0)
		return by_hash(group);
	if (kind == GROUP_COUNTRY)
		return by_hash(COUNTRY_ASN | group);
	hue = plain_hue(kind, group);
	return palette_oklch(0.74, hue < 0 ? 0 : 0.125, hue);
}

double palette_turn(unsigned kind, uint32_t group)
{
	double hue;

	if (group == 0)
		return 0;
	if (kind == GROUP_NETWORK || kind == GROUP_COUNTRY)
		return asn_hue(kind == GROUP_COUNTRY ? COUNTRY_ASN | group : group) /
		       (double)ASN_COLOR_HUES;
	hue = plain_hue((enum group_kind)kind, group);
	return hue < 0 ? 0 : hue / 360;
}

/* Six hues 60 degrees apart, begun where none is near its neighbour's name. */
static struct palette_rgb focus(unsigned rank)
{
	static const double hue[] = { 250, 70, 150, 10, 310, 195 };

	return rank < 6 ? palette_oklch(0.76, 0.125, hue[rank]) : slate();
}

/* Closest pair 8.2 (OKLab x 100) under protanopia and deuteranopia (Machado 2009). */
static struct palette_rgb color_blind(unsigned rank)
{
	static const uint8_t rgb[][3] = { { 0x8f, 0xa5, 0xfa },
					  { 0xcc, 0xa6, 0x41 },
					  { 0x38, 0xc0, 0xc7 },
					  { 0xcf, 0x9d, 0x92 } };

	return rank < 4 ? palette_from_srgb(rgb[rank]) : slate();
}

void palette_colors(enum palette_kind kind, const struct scene *s, struct palette_rgb *out)
{
	const struct palette_rgb plain = kind == PALETTE_DENSITY ? palette_ember(0.6f) : slate();

	for (uint32_t i = 0; i < s->network_count; i++)
		out[i] = kind == PALETTE_HASH || kind == PALETTE_RIR
				 ? by_group((enum group_kind)s->group, s->networks[i].asn)
				 : plain;
	for (unsigned rank = 0; rank < s->top_count; rank++) {
		if (kind == PALETTE_FOCUS)
			out[s->top[rank].network] = focus(rank);
		else if (kind == PALETTE_CVD)
			out[s->top[rank].network] = color_blind(rank);
	}
}

uint32_t palette_deviation(double sigmas)
{
	static const uint8_t few[3] = { 0x4c, 0x8d, 0xff }, many[3] = { 0xff, 0xb3, 0x47 };
	static const uint8_t expected[3] = { 0x1a, 0x1f, 0x29 };
	const uint8_t *end = sigmas < 0 ? few : many;
	double t = (sigmas < 0 ? -sigmas : sigmas) / 4;
	uint32_t rgb = 0;

	t = t < 1 ? t : 1;
	for (unsigned i = 0; i < 3; i++)
		rgb = rgb << 8 | (uint32_t)(expected[i] + t * (end[i] - expected[i]) + 0.5);
	return rgb;
}

struct palette_rgb palette_ember(float t)
{
	/* a hot body's way from dark red over orange to white, as linear light */
	static const struct palette_rgb stop[] = {
		{ 0.10f, 0.012f, 0.015f }, { 0.52f, 0.075f, 0.020f }, { 0.95f, 0.30f, 0.035f },
		{ 1.00f, 0.68f, 0.24f },   { 1.00f, 0.97f, 0.90f },
	};
	float at = (t < 0 ? 0 : t > 1 ? 1 : t) * 4;
	int i = at < 3 ? (int)at : 3;
	float f = at - (float)i;

	return (struct palette_rgb){ stop[i].r + f * (stop[i + 1].r - stop[i].r),
				     stop[i].g + f * (stop[i + 1].g - stop[i].g),
				     stop[i].b + f * (stop[i + 1].b - stop[i].b) };
}
