/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_FORMAT_H
#define VIZ_EXPORT_FORMAT_H

#include "viz/export_out.h"
#include "viz/export_row.h"

/** DOC: a table written down: begin, a row at a time, end. One row of functions per format. */

/** struct export_sheet - one table on its way into one file. */
struct export_sheet {
	const struct export_table *table;
	struct export_out *out;
	const struct export_format *format;
	uint64_t rows;       /* that will come: npy says so at its head */
	uint64_t written;    /* that came */
	uint32_t group_rows; /* of parquet */
	void *own;           /* the format's */
};

struct export_format {
	int (*begin)(struct export_sheet *s);
	int (*row)(struct export_sheet *s, const void *row);
	int (*end)(struct export_sheet *s);
	void (*free)(struct export_sheet *s); /* NULL: nothing is its own */
};

extern const struct export_format export_csv, export_tsv, export_ndjson; /* export_text.c */
extern const struct export_format export_parquet;                        /* export_parquet.c */
extern const struct export_format export_npy;                            /* export_npy.c */

#endif
