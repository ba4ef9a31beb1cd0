/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_EAR_TABLE_H
#define ENGINE_EAR_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"

/**
 * DOC: a routing table as BEP 5 has it, with libtorrent's bucket sizes: 128, 64,
 * 32, 16 for the four farthest, 8 for the others. Bucket b holds the nodes that
 * share exactly b bits with our id.
 *
 * Only who has answered us under its id from its address stands in it. A node
 * that answers is never displaced by another; who has failed is, by one that
 * waited and answers. One node to an address, one of a /24 (v6 /64) to a bucket:
 * who has one network cannot fill a bucket.
 */

enum {
	EAR_BUCKETS = 160,
	EAR_BUCKET_MAX = 128,
	EAR_WAITING_MAX = 8, /* seen when their bucket was full, or not proved yet */
	EAR_FAILS_MAX = 3,   /* unanswered in a row: may be replaced; BEP 5 "bad" */
};

struct ear_node {
	struct nodeid id;
	struct endpoint ep;
	uint8_t fails;
	uint8_t calls;        /* while it waits: how often it came again */
	uint64_t heard_ns;    /* anything from it */
	uint64_t answered_ns; /* an answer to us */
	uint64_t asked_ns;
};

struct ear_bucket {
	uint16_t count;
	uint8_t waiting_count;
	uint64_t refreshed_ns; /* something in it changed, or it was looked up */
	struct ear_node waiting[EAR_WAITING_MAX];
	struct ear_node nodes[]; /* ear_bucket_cap() */
};

struct ear_table {
	struct nodeid own;
	struct ear_bucket *buckets[EAR_BUCKETS]; /* NULL = empty so far */
	uint32_t count;
};

/** ear_bucket_cap() - how many nodes bucket @b holds. */
unsigned ear_bucket_cap(unsigned b);

void ear_table_init(struct ear_table *t, const struct nodeid *own);
void ear_table_fini(struct ear_table *t);

/** ear_table_find() - by address and port; NULL where it does not stand there. */
struct ear_node *ear_table_find(struct ear_table *t, const struct nodeid *id,
				const struct endpoint *ep);

/** ear_table_known() - does this very endpoint stand in the table, under any id? */
bool ear_table_known(const struct ear_table *t, const struct endpoint *ep);

/**
 * ear_table_answered() - @id answered us from @ep: in it goes, where there is room.
 * Returns 1 where it stands in the table now, 0 where not; -ENOMEM.
 */
int ear_table_answered(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep,
		       uint64_t now_ns) DT_MUST;

/** ear_table_heard() - something came from a node of the table. */
void ear_table_heard(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep,
		     uint64_t now_ns);

/** ear_table_failed() - it did not answer. */
void ear_table_failed(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep);

/**
 * ear_table_wants() - would an answer of @id from @ep bring it into the table?
 * True where its bucket has room or a bad node, and no rule speaks against it.
 */
bool ear_table_wants(const struct ear_table *t, const struct nodeid *id, const struct endpoint *ep);

/** ear_table_wait() - remember it for the day when its bucket has room. */
void ear_table_wait(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep,
		    uint64_t now_ns);

/**
 * ear_table_candidate() - one that waits and would be wanted now, taken off: who was
 * heard last. Returns 0 or 1.
 */
int ear_table_candidate(struct ear_table *t, struct ear_node *out);

enum { EAR_CLOSEST_MAX = 8 };

/** ear_table_closest() - up to @max nodes that do not fail, nearest to @target first. */
unsigned ear_table_closest(const struct ear_table *t, const struct nodeid *target, unsigned max,
			   struct ear_node *out);

/**
 * ear_table_stale() - whom to ping next: a node neither heard nor asked since @quiet_ns, or one
 * that failed and was not asked since @failed_ns; the longest so. NULL = nobody.
 */
struct ear_node *ear_table_stale(struct ear_table *t, uint64_t quiet_ns, uint64_t failed_ns);

/** ear_table_turned() - @ep answers under another id than this: it is bad under the old one. */
void ear_table_turned(struct ear_table *t, const struct nodeid *id, const struct endpoint *ep);

/** ear_table_depth() - the nearest bucket with a node in it, plus one; 0 = the table is empty. */
unsigned ear_table_depth(const struct ear_table *t);

/** ear_table_each() - every node of the table, bucket by bucket. */
void ear_table_each(const struct ear_table *t, void (*fn)(void *ctx, const struct ear_node *n),
		    void *ctx);

#endif
