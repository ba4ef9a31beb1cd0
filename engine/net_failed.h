/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NET_FAILED_H
#define ENGINE_NET_FAILED_H

#include <string.h>

#include "engine/net.h"

/**
 * DOC: the packets that a device handed over and the kernel refused, until somebody asks.
 * A device lends no more frames than there are places left, so each may fail.
 */
enum { NET_FAILED_MAX = NET_BATCH_MAX };

struct net_failed {
	unsigned count;
	struct net_failure at[NET_FAILED_MAX];
};

/** net_failed_add() - one that was counted as sent, of @len bytes, was not. */
static inline void net_failed_add(struct net_failed *f, struct net_stats *stats, uint64_t tag,
				  size_t len, int err)
{
	f->at[f->count++] = (struct net_failure){ .tag = tag, .err = err };
	stats->send_failures++;
	stats->sent_packets--;
	stats->sent_bytes -= len;
}

/** net_failed_take() - up to @max of them, oldest first. */
static inline unsigned net_failed_take(struct net_failed *f, struct net_failure *out, unsigned max)
{
	unsigned n = f->count < max ? f->count : max;

	memcpy(out, f->at, n * sizeof(*out));
	memmove(f->at, f->at + n, (f->count - n) * sizeof(*out));
	f->count -= n;
	return n;
}

#endif
