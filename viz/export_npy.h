/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_NPY_H
#define VIZ_EXPORT_NPY_H

#include "viz/export_out.h"

/**
 * export_npy_head() - of an array of one dimension; @count values follow as they lie in memory.
 * @type: as numpy names it: "<i8".
 */
int export_npy_head(struct export_out *out, const char *type, uint64_t count) DT_MUST;

#endif
