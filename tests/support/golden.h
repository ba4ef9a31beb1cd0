/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/unit.h"
#include "viz/png_out.h"

/**
 * DOC: golden pictures: SHA-256 of raw RGBA in tests/golden/SET.sha256. After a
 * change that is meant to be seen: look at build/golden/NAME.got.png, then run
 * with GOLDEN=accept and commit the file. Words and coasts come from cairo and
 * FreeType, so their versions (@libraries) are part of a name, and others are
 * skipped.
 */

struct golden {
	char path[128];
	FILE *out; /* where new ones are accepted */
	unsigned compared, differ;
};

static inline void golden_open(struct golden *g, const char *set)
{
	const char *mode = getenv("GOLDEN");

	*g = (struct golden){ .compared = 0 };
	snprintf(g->path, sizeof(g->path), "tests/golden/%s.sha256", set);
	if (mode && strcmp(mode, "accept") == 0)
		g->out = fopen(g->path, "we");
	mkdir("build/golden", 0777);
}

static inline bool golden_find(const struct golden *g, const char *name, char hex[static 65])
{
	FILE *f = fopen(g->path, "re");
	char line[256], have[128];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%64s %127s", hex, have) == 2 && strcmp(have, name) == 0;
	if (f)
		fclose(f);
	return found;
}

static inline void golden_check(struct golden *g, const char *name, const char *libraries,
				const uint8_t *rgba, unsigned width, unsigned height)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char full[128], path[160], hex[65], want[65], why[256];

	snprintf(full, sizeof(full), "%s-%s", name, libraries);
	snprintf(path, sizeof(path), "build/golden/%s.got.png", name);
	if (png_out_write(path, rgba, width, height, why))
		printf("# %s\n", why);
	crypto_hash_sha256(hash, rgba, (unsigned long long)width * height * 4);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	if (g->out) {
		fprintf(g->out, "%s  %s\n", hex, full);
	} else if (!golden_find(g, full, want)) {
		printf("# no golden picture for %s\n", full);
	} else {
		g->compared++;
		g->differ += strcmp(hex, want) != 0;
		if (strcmp(hex, want) != 0)
			printf("# %s differs: see %s\n", full, path);
	}
}

static inline void golden_close(struct golden *g)
{
	if (g->out) {
		fclose(g->out);
		return;
	}
	if (g->differ)
		fail_msg("%u golden pictures differ; GOLDEN=accept takes the new ones", g->differ);
}

#endif
