/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_SESSIONS_H
#define VIZ_EXPORT_SESSIONS_H

#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: sightings become sessions: a node was there from one sighting to the
 * next where no more than a gap lies between them. Sightings come in order of
 * time, sessions leave in the order in which they end. Memory: 16 bytes for
 * each node of the store.
 */
struct export_session {
	uint32_t node;           /* its ordinal */
	uint32_t start_s, end_s; /* of the first sighting's bucket, end of the last one's */
	uint32_t sightings;      /* buckets in which it was seen */
	uint32_t gap_s;          /* since its session before; 0 = its first */
};

struct export_sessions;

typedef int export_session_fn(void *ctx, const struct export_session *s);

/**
 * export_sessions_new()
 * @space: ordinals are below. @gap_s: a longer silence ends a session.
 * @fn: called for each session; what it returns below 0 stops and is returned.
 */
int export_sessions_new(uint32_t space, uint32_t gap_s, export_session_fn *fn, void *ctx,
			struct export_sessions **out) DT_MUST;
void export_sessions_free(struct export_sessions *s);

/** export_sessions_add() - @node was seen in the bucket [@from_s, @to_s). */
int export_sessions_add(struct export_sessions *s, uint32_t node, uint32_t from_s,
			uint32_t to_s) DT_MUST;

/** export_sessions_end() - nothing more will come: the sessions still open, by ordinal. */
int export_sessions_end(struct export_sessions *s) DT_MUST;

#endif
