/* SPDX-License-Identifier: MIT */
#ifndef VIZ_PNG_OUT_H
#define VIZ_PNG_OUT_H

#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: PNG files, 8 bit RGB. One filter (Sub) and libdeflate's fastest levels:
 * on pictures with dither that is 8 to 16 times as fast as what libpng does by
 * default and a few per cent larger (V-7, V-71).
 */

/** enum png_effort - frames of a film come by the thousand, a still once. */
enum png_effort {
	PNG_FAST,  /* 10 to 16 % larger than by libpng's defaults */
	PNG_SMALL, /* less than 10 %, in half as much time again */
};

/**
 * png_out_write() - one picture.
 * @rgba: width * height * 4 bytes; the fourth is not looked at.
 * @path: written beside as PATH.tmp and renamed; "-" = standard output.
 * @why: a line for a person on error.
 *
 * Errors:  -errno of the file; -ENOMEM. On error nothing of that name was changed.
 */
int png_out_write(const char *path, const uint8_t *rgba, unsigned width, unsigned height,
		  enum png_effort effort, char why[static 256]) DT_MUST;

/** png_out_encode() - the same into memory; free(@out). */
int png_out_encode(const uint8_t *rgba, unsigned width, unsigned height, enum png_effort effort,
		   uint8_t **out, uint64_t *len) DT_MUST;

#endif
