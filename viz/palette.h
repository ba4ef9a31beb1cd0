/* SPDX-License-Identifier: MIT */
#ifndef VIZ_PALETTE_H
#define VIZ_PALETTE_H

#include <stdint.h>

#include "proto/err.h"
#include "viz/scene.h"

/**
 * DOC: which network shines in which colour. Colours are linear light, 0..1,
 * as everything is until the last step.
 *
 *   hash     hue by hash of the AS number, all equally bright (the default)
 *   focus    the six biggest networks in six far hues, the rest slate
 *   cvd      four networks told apart under protanopia and deuteranopia too
 *   rir      the five regional registries, by country, in five far hues
 *   density  one ember ramp; networks are not told apart
 */

struct palette_rgb {
	float r, g, b;
};

enum palette_kind { PALETTE_HASH, PALETTE_FOCUS, PALETTE_CVD, PALETTE_RIR, PALETTE_DENSITY };

/** palette_parse() - NULL and "" are "hash". Errors: DT_ENOTFOUND. */
int palette_parse(const char *name, enum palette_kind *out) DT_MUST;

/** palette_name() - the inverse. */
const char *palette_name(enum palette_kind kind);

/** palette_oklch() - sRGB-linear colour of OKLCH; @hue in degrees. May lie out of gamut. */
struct palette_rgb palette_oklch(double lightness, double chroma, double hue);

/** palette_from_srgb() - of one byte per channel. */
struct palette_rgb palette_from_srgb(const uint8_t rgb[static 3]);

/** palette_srgb() - linear 0..1 to sRGB 0..1; exact to 1e-9. palette_linear() is its inverse. */
double palette_srgb(double linear);
double palette_linear(double srgb);

/**
 * palette_turn() - where the hue of a group (group.h) lies on the circle of hues, 0 .. 1, in the
 * palettes whose hues say which group it is. 0 of the unknown, which is grey.
 */
double palette_turn(unsigned kind, uint32_t group);

/** palette_colors() - one colour per network of @s into @out[s->network_count]. */
void palette_colors(enum palette_kind kind, const struct scene *s, struct palette_rgb *out);

/**
 * palette_deviation() - 0xrrggbb in sRGB of a deviation in sigmas: blue for few, dark for what
 * is expected, amber for many; beyond +-4 no brighter.
 */
uint32_t palette_deviation(double sigmas);

/** palette_ember() - the ramp of "density": @t 0..1 from a dark ember to white. */
struct palette_rgb palette_ember(float t);

#endif
