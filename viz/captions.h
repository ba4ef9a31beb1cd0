/* SPDX-License-Identifier: MIT */
#ifndef VIZ_CAPTIONS_H
#define VIZ_CAPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: what happened when, in words: a text file of lines TIME<TAB>TEXT. A time is
 * Unix seconds or UTC as 2026-11-21, 2026-11-21 14:00 or 2026-11-21T14:00:05Z.
 * Lines that begin with # and empty ones are passed over.
 */

enum {
	CAPTIONS_MAX = 10000,
	CAPTIONS_TEXT_MAX = 400,
	CAPTIONS_FILE_MAX = 4 * 1024 * 1024,
};

struct captions {
	struct caption {
		uint64_t at_s;  /* Unix */
		unsigned order; /* as it stood in the file */
		char text[CAPTIONS_TEXT_MAX];
	} * list; /* by time; equal ones as they stood */
	unsigned count;
};

/** captions_time() - 0 and @out; DT_EMALF. @len: of @text, which need not end. */
int captions_time(const char *text, size_t len, uint64_t *out) DT_MUST;

/**
 * captions_parse() - hostile bytes in; text is cleaned.
 * Errors:  DT_EMALF with the line in @why; DT_EFULL; -ENOMEM.
 */
int captions_parse(const char *bytes, size_t len, struct captions *out,
		   char why[static 256]) DT_MUST;

/** captions_open() - of a file. Errors: -errno; of captions_parse(). */
int captions_open(const char *path, struct captions *out, char why[static 256]) DT_MUST;
void captions_close(struct captions *c);

/**
 * captions_at() - what to show at a frame: the last that began no longer than @seconds of film
 * ago, and how far it has faded in and out.
 * @film_s: seconds of film per second of time.
 * Returns NULL where there is nothing.
 */
const char *captions_at(const struct captions *c, int64_t at_s, double film_s, double *alpha);

#endif
