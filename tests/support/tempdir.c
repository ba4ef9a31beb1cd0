/* SPDX-License-Identifier: MIT */
#include "tests/support/tempdir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char *tempdir_make(char out[static TEMPDIR_MAX])
{
	const char *base = getenv("TMPDIR");

	snprintf(out, TEMPDIR_MAX, "%s/dt-test-XXXXXX", base && base[0] ? base : "/tmp");
	if (!mkdtemp(out)) {
		perror(out);
		abort();
	}
	return out;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tempdir_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void tempdir_write(const char *dir, const char *name, const void *bytes, size_t len)
{
	char path[TEMPDIR_MAX + 256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path); /* rewriting in place makes ext4 flush on close */
	f = fopen(path, "we");
	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f)) {
		perror(path);
		abort();
	}
}
