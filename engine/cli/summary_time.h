/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_SUMMARY_TIME_H
#define ENGINE_CLI_SUMMARY_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/**
 * DOC: `summary` of a time, of two, or of all: who was there, and what changed
 * from one to the next.
 */
struct summary_time {
	const char *store;
	const char *at;        /* one time */
	const char *from, *to; /* two */
	bool over_time;        /* every census, oldest first */
	uint32_t every_s;      /* slices of this length instead of censuses; 0 = none */
	bool json;
};

/** summary_time_wanted() - was any of it asked for? */
static inline bool summary_time_wanted(const struct summary_time *t)
{
	return t->at || t->from || t->over_time;
}

/** summary_time_print() - on standard output. @why: a line for a person on error, or "". */
int summary_time_print(const struct summary_time *t, struct store_view *v,
		       char why[static 256]) DT_MUST;

#endif
