/* SPDX-License-Identifier: MIT */
#ifndef VIZ_WHEN_H
#define VIZ_WHEN_H

#include "store/store.h"

/**
 * DOC: times as a person writes them, against what a store knows. A census is
 * one picture of the network, taken over minutes: who was there "at" a time is
 * who was seen by the census that ran then, or by the last before it.
 *
 *     3                      the third census
 *     1795219200             Unix seconds
 *     2026-11-21             UTC, as are all
 *     2026-11-21T12:30[:05][Z]
 *     now
 */
struct when {
	uint64_t from_s, to_s; /* both inclusive */
	uint32_t census;       /* the one it is; 0 = none */
};

enum { WHEN_CENSUS_MAX = 999999 /* greater numbers are seconds */, WHEN_HOUR_S = 3600 };

/**
 * when_at() - the census that ran at @text, or the last before it, whole. In a store
 * without censuses: the hour up to it.
 * @now_s: for "now". @why: a line for a person on error.
 * Errors:  DT_EMALF; DT_ENOTFOUND no census of that number, or none so early.
 */
int when_at(struct store_view *v, const char *text, uint64_t now_s, struct when *out,
	    char why[static 256]) DT_MUST;

/**
 * when_between() - from the time @a, or the beginning of that census, to the time @b, or the
 * end of that one.
 * Errors:  as above; DT_ERANGE where @b is before @a.
 */
int when_between(struct store_view *v, const char *a, const char *b, uint64_t now_s,
		 struct when *out, char why[static 256]) DT_MUST;

/** when_parse() - a time without a store; a number up to WHEN_CENSUS_MAX is a census's. */
int when_parse(const char *text, uint64_t now_s, uint64_t *unix_s, uint32_t *census) DT_MUST;

#endif
