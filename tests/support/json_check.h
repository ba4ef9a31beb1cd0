/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_JSON_CHECK_H
#define TESTS_SUPPORT_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/**
 * json_check() - is this one JSON text (RFC 8259) in valid UTF-8, nothing after it?
 *
 * Written from the grammar and not from proto/json.c: the oracle of its tests.
 */
bool json_check(const char *text, size_t len);

/**
 * json_check_unescape() - the bytes that the JSON string at @text stands for.
 * @text: begins with its quote and has passed json_check().
 * @out: room for @len bytes. Returns how many; \u00XX gives the character's UTF-8.
 */
size_t json_check_unescape(const char *text, size_t len, char *out);

#endif
