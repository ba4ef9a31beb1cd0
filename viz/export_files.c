/* SPDX-License-Identifier: MIT */
#include "viz/export_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void export_files_init(struct export_files *fs, const struct export_opts *o,
		       struct export_stats *st)
{
	memset(fs, 0, sizeof(*fs));
	fs->opts = o;
	fs->stats = st;
	st->file_count = 0;
}

static int name_it(const struct export_files *fs, const char *name, const char *ending, bool packs,
		   struct export_open *f, char shown[static EXPORT_FILE_NAME_MAX])
{
	const struct export_opts *o = fs->opts;
	const char *slash;
	int n;

	if (o->dir)
		n = snprintf(f->path, sizeof(f->path), "%s/%s%s%s", o->dir, name, ending,
			     packs && o->zstd ? ".zst" : "");
	else
		n = snprintf(f->path, sizeof(f->path), "%s", o->path);
	if (n >= (int)sizeof(f->path))
		return -ENAMETOOLONG;
	slash = strrchr(f->path, '/');
	snprintf(shown, EXPORT_FILE_NAME_MAX, "%.255s", slash ? slash + 1 : f->path);
	return 0;
}

int export_files_open(struct export_files *fs, const char *name, const char *ending, bool packs,
		      struct export_out **out)
{
	struct export_open *f;
	int rc;

	if (fs->count == EXPORT_FILES_MAX || (fs->count && !fs->opts->dir))
		return DT_EUNSUPPORTED; /* one name, and a second file to go under it */
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	rc = name_it(fs, name, ending, packs, f, fs->stats->files[fs->count].name);
	if (rc == 0)
		rc = export_out_open(&f->out, f->path, packs && fs->opts->zstd);
	if (rc < 0) {
		memcpy(fs->failed, f->path, sizeof(fs->failed));
		free(f);
		return rc;
	}
	f->open = true;
	fs->file[fs->count++] = f;
	*out = &f->out;
	return 0;
}

int export_files_close(struct export_files *fs, struct export_out *out, uint64_t rows,
		       const struct export_table *table)
{
	for (unsigned i = 0; i < fs->count; i++) {
		struct export_open *f = fs->file[i];
		struct export_file_stats *st = &fs->stats->files[i];
		int rc;

		if (&f->out != out)
			continue;
		f->open = false;
		rc = export_out_close(out, &st->bytes, st->sha256);
		if (rc < 0)
			memcpy(fs->failed, f->path, sizeof(fs->failed));
		f->whole = rc == 0;
		st->rows = rows;
		st->table = table;
		fs->stats->bytes += st->bytes;
		if (fs->stats->file_count < i + 1)
			fs->stats->file_count = i + 1;
		return rc;
	}
	return DT_ENOTFOUND;
}

void export_files_end(struct export_files *fs, bool keep)
{
	for (unsigned i = 0; i < fs->count; i++) {
		struct export_open *f = fs->file[i];

		if (f->open)
			export_out_drop(&f->out);
		if (f->whole && !keep && strcmp(f->path, "-") != 0)
			unlink(f->path);
		if (f->open && !fs->failed[0])
			memcpy(fs->failed, f->path, sizeof(fs->failed));
		free(f);
	}
	fs->count = 0;
}
