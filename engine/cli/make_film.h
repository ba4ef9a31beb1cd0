/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_MAKE_FILM_H
#define ENGINE_CLI_MAKE_FILM_H

#include "proto/err.h"
#include "viz/film.h"

/** DOC: a film of a store on disk, with progress and manifest: for `render` and `demo`. */

struct make_film {
	struct film_opts film;
	const char *store;  /* folder of the store */
	const char *out;    /* a file, or a folder for PNG files */
	const char *format; /* NULL = by the ending of @out */
	bool high;
	uint32_t first, count; /* frames; 0 = all */
	const char *ffmpeg;    /* NULL = on the PATH */
	bool quiet;            /* no progress */
};

/** make_film_run() - says what it did; SIGINT and SIGTERM end it with nothing left behind. */
int make_film_run(const struct make_film *m, char why[static 256]) DT_MUST;

#endif
