/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_FILES_H
#define VIZ_EXPORT_FILES_H

#include "viz/export.h"
#include "viz/export_out.h"

/**
 * DOC: the files that one export makes. They lie in a directory, each under
 * its own name, or are one file under the name that was asked for. All of them
 * stay, or none.
 */
struct export_files {
	/* private */
	const struct export_opts *opts;
	struct export_stats *stats;
	struct export_open {
		struct export_out out;
		char path[EXPORT_PATH_MAX];
		bool open, whole;
	} * file[EXPORT_FILES_MAX];
	unsigned count;
	char failed[EXPORT_PATH_MAX]; /* the file that the last error is of */
};

void export_files_init(struct export_files *fs, const struct export_opts *o,
		       struct export_stats *st);

/**
 * export_files_open() - the next file.
 * @name: without its ending, for a directory; "edges".
 * @ending: ".csv"; ".zst" is added where the export is packed and @packs.
 */
int export_files_open(struct export_files *fs, const char *name, const char *ending, bool packs,
		      struct export_out **out) DT_MUST;

/** export_files_close() - it is whole: into place, and into the stats with its rows and columns. */
int export_files_close(struct export_files *fs, struct export_out *out, uint64_t rows,
		       const struct export_table *table) DT_MUST;

/** export_files_end() - what is open is dropped; @keep false: what was whole goes too. */
void export_files_end(struct export_files *fs, bool keep);

#endif
