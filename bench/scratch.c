/* SPDX-License-Identifier: MIT */
#include "bench/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { DESCRIPTORS = 16 };

int scratch_make(char out[static SCRATCH_PATH_BYTES])
{
	const char *base = getenv("TMPDIR");
	int err;

	snprintf(out, SCRATCH_PATH_BYTES, "%s/dt-bench-XXXXXX", base && base[0] ? base : "/tmp");
	if (mkdtemp(out))
		return 0;
	err = -errno;
	out[0] = '\0';
	return err;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void scratch_remove(const char *dir)
{
	if (dir[0])
		nftw(dir, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
