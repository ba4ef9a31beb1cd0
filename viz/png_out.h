/* SPDX-License-Identifier: MIT */
#ifndef VIZ_PNG_OUT_H
#define VIZ_PNG_OUT_H

#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: PNG files, 8 bit RGB. Two filters (Sub or Average, by the row) and
 * libdeflate's fastest level: on pictures with dither that is 10 to 20 times as
 * fast as what libpng does by default and some 7 per cent larger (V-7, V-71).
 */

/**
 * png_out_write() - one picture.
 * @rgba: width * height * 4 bytes; the fourth is not looked at.
 * @path: written beside as PATH.tmp and renamed; "-" = standard output.
 * @why: a line for a person on error.
 *
 * Errors:  -errno of the file; -ENOMEM. On error nothing of that name was changed.
 */
int png_out_write(const char *path, const uint8_t *rgba, unsigned width, unsigned height,
		  char why[static 256]) DT_MUST;

/** png_out_encode() - the same into memory; free(@out). */
int png_out_encode(const uint8_t *rgba, unsigned width, unsigned height, uint8_t **out,
		   uint64_t *len) DT_MUST;

#endif
