/* SPDX-License-Identifier: MIT */
#ifndef STORE_EDGES_H
#define STORE_EDGES_H

#include "store/edgebatch.h"
#include "store/edgescan.h"
#include "store/store.h"

/** DOC: segments of edges in the store's manifest: added batch by batch, joined census by census.
 */

enum {
	EDGES_FAN_IN = 16, /* segments joined at once: what one step looks through */
};

/** edges_add_batch() - as a segment of the open epoch. */
int edges_add_batch(struct store *s, struct edgebatch *b) DT_MUST;

/** edges_join() - segments of @epoch become one. Until it is in the manifest they stay. */
int edges_join(struct store *s, uint32_t epoch) DT_MUST;

/** edges_scan() - the segments of @epoch that @set names, at most @most, into @scan; returns how
 * many. */
int edges_scan(int dir_fd, const struct segset *set, uint32_t epoch, uint32_t most,
	       struct edgescan *scan) DT_MUST;

#endif
