/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

#include "proto/err.h"

/** DOC: a directory for what a benchmark writes, below $TMPDIR or /tmp; gone with all that is in
 * it. */

enum { SCRATCH_PATH_BYTES = 256 };

/** scratch_make() - Errors: -errno; then @out is "". */
int scratch_make(char out[static SCRATCH_PATH_BYTES]) DT_MUST;

/** scratch_remove() - links are not followed; "" is nothing. */
void scratch_remove(const char *dir);

#endif
