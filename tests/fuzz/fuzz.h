/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/span.h"

/**
 * DOC: a fuzz target is one short file, fuzz_NAME.c, with this one function: it
 * gives the bytes to a parser and aborts where its stated property is broken.
 *
 * It is built twice. Under clang by tests/fuzz/run.sh with libFuzzer; and with
 * replay.c's main, which takes tests/fuzz/corpus/NAME/ and mutations of it, so
 * that `make check` runs it too. A crasher becomes a corpus file with a telling
 * name.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HOLDS(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/** fuzz_inside() - does @part lie in @whole, or is it absent? */
static inline bool fuzz_inside(struct span whole, struct span part)
{
	return !part.ptr ? part.len == 0
			 : part.ptr >= whole.ptr && part.len <= whole.len &&
				   (size_t)(part.ptr - whole.ptr) <= whole.len - part.len;
}

#endif
