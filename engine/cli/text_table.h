/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_TEXT_TABLE_H
#define ENGINE_CLI_TEXT_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "proto/err.h"

/**
 * DOC: rows of text under heads, each column as wide as its widest cell, a dashed line
 * between; "(no rows)" where there are none. As resolver.py printed them.
 */
enum { TEXT_TABLE_COLUMNS_MAX = 8 };

struct text_table {
	const char *heads[TEXT_TABLE_COLUMNS_MAX]; /* up to the first NULL */
	/* private */
	char **cells;
	size_t rows, cap;
};

/** text_table_put() - a copy of one cell a head. */
int text_table_put(struct text_table *t, const char *const *cells) DT_MUST;
void text_table_print(const struct text_table *t, FILE *to);
void text_table_fini(struct text_table *t);

#endif
