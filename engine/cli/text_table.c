/* SPDX-License-Identifier: MIT */
#include "engine/cli/text_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned columns_of(const struct text_table *t)
{
	unsigned n = 0;

	while (n < TEXT_TABLE_COLUMNS_MAX && t->heads[n])
		n++;
	return n;
}

int text_table_put(struct text_table *t, const char *const *cells)
{
	unsigned columns = columns_of(t);

	if (t->rows == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		char **grown = reallocarray(t->cells, cap * columns, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->cells = grown;
		t->cap = cap;
	}
	for (unsigned i = 0; i < columns; i++) {
		char *copy = strdup(cells[i]);

		t->cells[t->rows * columns + i] = copy;
		if (copy)
			continue;
		while (i)
			free(t->cells[t->rows * columns + --i]);
		return -ENOMEM;
	}
	t->rows++;
	return 0;
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void put_row(const char *const *cells, const size_t *widths, unsigned columns, FILE *to)
{
	for (unsigned i = 0; i < columns; i++) {
		size_t pad = i + 1 < columns ? widths[i] - width_of(cells[i]) + 2 : 0;

		fprintf(to, "%s%*s", cells[i], (int)pad, "");
	}
	fputc('\n', to);
}

void text_table_print(const struct text_table *t, FILE *to)
{
	size_t widths[TEXT_TABLE_COLUMNS_MAX] = { 0 }, line = 0;
	unsigned columns = columns_of(t);

	if (!t->rows) {
		fputs("(no rows)\n", to);
		return;
	}
	for (unsigned i = 0; i < columns; i++) {
		widths[i] = width_of(t->heads[i]);
		for (size_t r = 0; r < t->rows; r++) {
			size_t width = width_of(t->cells[r * columns + i]);

			widths[i] = width > widths[i] ? width : widths[i];
		}
		line += widths[i] + (i ? 2 : 0);
	}
	put_row(t->heads, widths, columns, to);
	for (size_t i = 0; i < line; i++)
		fputc('-', to);
	fputc('\n', to);
	for (size_t r = 0; r < t->rows; r++)
		put_row((const char *const *)t->cells + r * columns, widths, columns, to);
}

void text_table_fini(struct text_table *t)
{
	size_t cells = t->rows * columns_of(t);

	for (size_t i = 0; i < cells; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->rows = t->cap = 0;
}
