/* SPDX-License-Identifier: MIT */
#ifndef STORE_RETAIN_H
#define STORE_RETAIN_H

#include <stdint.h>

#include "proto/err.h"
#include "store/store.h"

/** DOC: what a store may hold: at its cap, and past its days, the oldest sealed segments go first.
 */

struct retain {
	uint64_t cap_bytes; /* tables and segments together */
	uint64_t keep_s;    /* segments that end earlier before now go; 0 = never for age */
	void (*note)(void *ctx, const char *line); /* hears of each that goes; may be NULL */
	void *note_ctx;
};

/** retain_enforce() - for the writer's thread. @now_s: Unix time. */
int retain_enforce(struct store *s, const struct retain *r, uint64_t now_s) DT_MUST;

/** retain_room() - 0, or DT_EFULL: the tables alone are over the cap. */
int retain_room(const struct store *s, const struct retain *r) DT_MUST;

#endif
