/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FILM_LOG_H
#define VIZ_FILM_LOG_H

#include "proto/err.h"
#include "store/store.h"
#include "viz/sights.h"

/** DOC: a store's log of sightings as the source of a film's. */

struct film_log {
	struct store *store;
	struct store_log_opts opts;
	struct store_log *log; /* being read; NULL before the first rewind */
};

/** film_log_span() - what the log of @v holds; all 0 where there is none. */
int film_log_span(struct store_view *v, struct store_log_span *out) DT_MUST;

/** film_log_source() - @l stays the caller's, at its place; film_log_close() when done. */
struct sights_source film_log_source(struct film_log *l, struct store *s, uint64_t from_s,
				     uint64_t to_s);
void film_log_close(struct film_log *l);

#endif
