/* SPDX-License-Identifier: MIT */
#ifndef STORE_ADDR_H
#define STORE_ADDR_H

#include "store/kv.h"
#include "store/record.h"

/**
 * DOC: from an endpoint to its node. addr4 and addr6 keep the first four bytes
 * of the id last seen there; the rest is found among the few ids that begin so
 * (S-3).
 */

/**
 * addr_find() - the node at @ep whose id begins with @id4; the one last seen of several.
 * @c: a cursor of nodes4 or nodes6, as @ep is; moved.
 * Returns 1, 0 where there is none, or an error.
 * Cost: one seek for each id that begins with @id4, mostly two.
 */
int addr_find(struct kv_cursor *c, const struct endpoint *ep,
	      const uint8_t id4[static RECORD_ADDR_BYTES], struct nodeid *id,
	      struct record *out) DT_MUST;

/** addr_later() - does (@a_s, @a) stand before (@b_s, @b) as the last id of an endpoint? */
bool addr_later(uint32_t a_s, const uint8_t a[static RECORD_ADDR_BYTES], uint32_t b_s,
		const uint8_t b[static RECORD_ADDR_BYTES]);

#endif
