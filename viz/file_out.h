/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FILE_OUT_H
#define VIZ_FILE_OUT_H

#include <stdint.h>

#include "proto/err.h"

/**
 * file_out_write() - a whole file or none: written beside as PATH.tmp and renamed.
 * @path: "-" = standard output; a pipe or a device is written to in place.
 * @why: a line for a person on error.
 *
 * Errors:  -errno of the file. On error nothing of that name was changed.
 */
int file_out_write(const char *path, const void *bytes, uint64_t len, char why[static 256]) DT_MUST;

#endif
