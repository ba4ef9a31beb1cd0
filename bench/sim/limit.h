/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_LIMIT_H
#define BENCH_SIM_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: the limiters of real clients, as they are (census P2 to P4). All of them are
 * silent: who is limited hears nothing. Time in milliseconds, from any start above 0.
 *
 * Sources: libtorrent src/kademlia/dos_blocker.cpp and dht_tracker.cpp (has_quota);
 *          mldht SpamThrottle.java; bitmagnet's responder, two token buckets.
 */

enum limit_kind { LIMIT_NONE, LIMIT_LIBTORRENT, LIMIT_MLDHT, LIMIT_BITMAGNET, LIMIT_KINDS };

enum {
	LIMIT_BLOCKER_IPS = 20,       /* addresses that libtorrent keeps count of */
	LIMIT_BLOCKER_MESSAGES = 50,  /* in */
	LIMIT_BLOCKER_MS = 10 * 1000, /* this, and the one that fills it brings a */
	LIMIT_BAN_MS = 300 * 1000,    /* ban of this */
	LIMIT_QUOTA_BYTES = 8000,     /* a second that libtorrent sends, */
	LIMIT_QUOTA_S = 3,            /* saved up for so long */
	LIMIT_MLDHT_BURST = 10,
	LIMIT_MLDHT_PER_S = 2,
	LIMIT_BITMAGNET_BURST = 10,     /* of one address, at 1/s; */
	LIMIT_BITMAGNET_ALL_PER_S = 50, /* of all together, and as many at once */
};

/** struct limit_blocker - libtorrent's dos_blocker whole: twenty addresses. */
struct limit_blocker {
	struct {
		uint32_t ip, count;
		uint64_t limit_ms;
	} seen[LIMIT_BLOCKER_IPS];
};

/** limit_blocker_take() - one more message of @ip; false = not even looked at. */
bool limit_blocker_take(struct limit_blocker *b, uint32_t ip, uint64_t now_ms);

/** struct limit_bucket - tokens in thousandths. All zero: full when first taken from. */
struct limit_bucket {
	uint64_t at_ms;
	uint32_t milli;
};

/** limit_bucket_take() - one of @burst tokens that come back at @per_s. */
bool limit_bucket_take(struct limit_bucket *b, uint32_t burst, uint32_t per_s, uint64_t now_ms);

/** struct limit_quota - bytes that may leave. */
struct limit_quota {
	uint64_t at_ms;
	int64_t bytes;
};

/** limit_quota_left() - something left? Sending what is larger than the rest is allowed. */
bool limit_quota_left(struct limit_quota *q, uint64_t now_ms);

/**
 * struct limit_table - the state of those who were asked lately. A set of four
 * places per hash; the one that was asked longest ago gives way, so a ban may be
 * forgotten in a table that is far too small, never invented.
 */
struct limit_table;

int limit_table_new(unsigned log2, struct limit_table **out) DT_MUST;
void limit_table_free(struct limit_table *t);

/** What came of a query. */
enum limit_verdict {
	LIMIT_PASS,
	LIMIT_SILENT,      /* not now */
	LIMIT_BANNED,      /* ignored since an earlier message */
	LIMIT_BANNED_ANEW, /* this one began it */
};

/**
 * limit_take() - a query of @ip to node @n, that would be answered with @reply bytes.
 *
 * The twenty addresses of a libtorrent node are kept for the askers there are: one
 * place each, as many as it has room for; the others' traffic is not simulated here.
 */
enum limit_verdict limit_take(struct limit_table *t, enum limit_kind kind, uint32_t n, uint32_t ip,
			      unsigned reply, uint64_t now_ms);

/**
 * limit_busy() - is the quota of a node that many others ask used up at this second?
 * They take 60 to 190 % of it, drawn per second from @key: a level that goes up and
 * down, empty half of the time in spells of seconds. A function of (key, second).
 */
bool limit_busy(uint64_t key, uint64_t second);

#endif
