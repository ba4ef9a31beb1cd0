/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_FAILURES_H
#define ENGINE_FAILURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: who did not answer, over many censuses (census P8). About half of all contacts
 * are dead and go on being listed; whoever was silent in the last ones is asked
 * late and fewer times in the next. A failure counts one more, an answer halves.
 *
 * Nobody is left out for good: a node that comes back must be found by the first
 * census that could (E-82).
 *
 * Memory: one 64-bit word per endpoint, open addressing: 52 bits of a keyed hash, 5 of
 * the count, 7 of the census in which it failed last. Whoever did not fail for
 * FAILURES_KEEP censuses is forgotten when room is needed.
 *
 * Threads: failures_count() from any number of threads while nobody notes.
 */
enum {
	FAILURES_MAX = 31, /* counted no further */
	/* Fewer attempts from so many failures on: 2 instead of 3, then 1 (E-82). */
	FAILURES_DOUBTED = 2,
	FAILURES_HOPELESS = 24,
	FAILURES_KEEP = 32,         /* censuses; fewer than half of what 7 bits can tell apart */
	FAILURES_ENTRIES_LOG2 = 26, /* 512 MiB: 45 million dead; beyond it nobody new is noted */
	FAILURES_KEY_BYTES = 16,
	FAILURES_HEAD_BYTES = 48,
};

struct failures;

/** failures_new() - @entries_log2_max: bound of the table, 0 = FAILURES_ENTRIES_LOG2. */
int failures_new(const uint8_t key[static FAILURES_KEY_BYTES], unsigned entries_log2_max,
		 struct failures **out) DT_MUST;
void failures_free(struct failures *f);

/** failures_count() - how often @ep failed of late. Cost: one cache line that is in no cache. */
unsigned failures_count(const struct failures *f, const struct endpoint *ep);

/** failures_begin() - another census: ages are counted in these. */
void failures_begin(struct failures *f);

/** failures_note() - what became of @ep in this census. Say it once. */
void failures_note(struct failures *f, const struct endpoint *ep, bool answered);

/** failures_known() - endpoints that are remembered. */
uint64_t failures_known(const struct failures *f);

/**
 * failures_save() - to @path, by a file beside it and rename; mode 0600.
 * failures_load() - from what failures_save() wrote.
 * Shape:   magic 8, version 4, census 4, entries 8, key 16, xxh3 of the rest 8; words, 8 each.
 * Errors:  -errno; DT_ENOTFOUND no file; DT_EFOREIGN, DT_ENEWER, DT_ECORRUPT.
 */
int failures_save(const struct failures *f, const char *path) DT_MUST;
int failures_load(const char *path, unsigned entries_log2_max, struct failures **out) DT_MUST;

/** failures_decode() - the bytes of such a file. */
int failures_decode(struct span bytes, unsigned entries_log2_max, struct failures **out) DT_MUST;

#endif
