/* SPDX-License-Identifier: MIT */
#ifndef STORE_TEXT_H
#define STORE_TEXT_H

#include <stddef.h>

/**
 * text_clean() - a stranger's name made fit to print: valid UTF-8, no control
 * characters, no direction overrides, whole characters only. What is not, is '?';
 * white space becomes one blank each. Returns @out.
 * @cap: at least 1.
 */
char *text_clean(const char *in, char *out, size_t cap);

#endif
