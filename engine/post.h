/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_POST_H
#define ENGINE_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/crawl.h"
#include "engine/net.h"
#include "proto/err.h"

/**
 * DOC: the post between workers. What one worker learns for another (contacts)
 * or receives in its place (datagrams that the kernel dealt wrongly) is packed
 * into parcels of one page; a parcel crosses by a single-producer
 * single-consumer ck_ring for each pair and goes home by another.
 *
 * Every pair owns a fixed number of parcels, so memory is bounded and a ring
 * can never be full. Who has no parcel left keeps contacts in a bounded list of
 * its own and tries again at its next flush; nobody ever waits, so there is no
 * deadlock to think about.
 *
 * Threads: functions that take @from or @to are called by that worker's thread
 * alone; post_at_rest() by anybody.
 */

enum {
	POST_PARCEL_BYTES = 4096,
	/* Contacts kept while parcels are short: 256 Ki x 48 bytes = 12 MiB a worker.
	 * It fills only when another worker has not turned for seconds. */
	POST_OVERFLOW_MAX = 256 * 1024,
	/* From here on whoever fills it should ask nobody: what is under way then still fits. */
	POST_OVERFLOW_BEHIND = POST_OVERFLOW_MAX / 4,
};

struct post;

/** struct post_box - who opens the parcels. Borrowed lists, valid during the call. */
struct post_box {
	void *ctx;
	void (*contacts)(void *ctx, const struct crawl_contact *list, unsigned count);
	void (*datagrams)(void *ctx, const struct net_msg *msgs, unsigned count);
};

/** struct post_stats - of one worker. */
struct post_stats {
	uint64_t contacts, datagrams; /* handed over for others */
	uint64_t contacts_dropped;    /* overflow list full */
	uint64_t datagrams_dropped;   /* no parcel: as good as lost on the wire */
	uint64_t overflow_peak;       /* longest the list has been */
};

/** post_new() - Cost: 512 KiB of parcels per worker; 1 MiB from 33 workers on. Errors: -ENOMEM. */
int post_new(unsigned workers, struct post **out) DT_MUST;
void post_free(struct post *p);

/** post_contact() - one contact for worker @to; leaves at the next flush or when a parcel is full.
 */
void post_contact(struct post *p, unsigned from, unsigned to, const struct crawl_contact *contact);

/** post_datagram() - a copy of one datagram for worker @to. */
void post_datagram(struct post *p, unsigned from, unsigned to, const struct net_msg *msg);

/** post_flush() - send what is begun and, as far as parcels reach, what waits in the list. */
void post_flush(struct post *p, unsigned from);

/** post_collect() - open every parcel that has arrived for @to. Returns how many. */
unsigned post_collect(struct post *p, unsigned to, const struct post_box *box);

/** post_waiting() - has @from anything that has not left yet? */
bool post_waiting(const struct post *p, unsigned from);

/** post_behind() - do so many contacts of @from wait that it should ask nobody meanwhile? */
bool post_behind(const struct post *p, unsigned from);

/**
 * post_settle() - say how this turn ended, after everything of it was handled.
 * @quiet: nothing left to do that the worker knows of.
 */
void post_settle(struct post *p, unsigned worker, bool quiet);

/**
 * post_at_rest() - is every worker quiet and no parcel under way? Any thread.
 *
 * Only what comes from outside (a late datagram) can end such a rest. See E-6
 * for why one look is enough.
 */
bool post_at_rest(const struct post *p);

void post_stats(const struct post *p, unsigned worker, struct post_stats *out);

#endif
