/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_TEMPDIR_H
#define TESTS_SUPPORT_TEMPDIR_H

#include <stddef.h>

/** DOC: a directory of a test's own; removed with all that is in it. */
enum { TEMPDIR_MAX = 256 };

/** tempdir_make() - a new one under $TMPDIR or /tmp; aborts where it cannot. Returns @out. */
char *tempdir_make(char out[static TEMPDIR_MAX]);

/** tempdir_remove() - with everything below it; links are not followed. */
void tempdir_remove(const char *dir);

/** tempdir_write() - DIR/NAME with these bytes; aborts where it cannot. */
void tempdir_write(const char *dir, const char *name, const void *bytes, size_t len);

#endif
