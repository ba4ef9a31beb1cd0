/* SPDX-License-Identifier: MIT */
#include "bench/sim/limit.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/rng.h"

enum { WAYS = 4, BUSY_LOOK_BACK_S = 8, MILLI = 1000 };

/** count_message() - of an address that is kept count of. */
static enum limit_verdict count_message(uint32_t *count, uint64_t *limit_ms, uint64_t now_ms)
{
	if (++*count < LIMIT_BLOCKER_MESSAGES)
		return LIMIT_PASS;
	if (now_ms >= *limit_ms) { /* so many, but in more than ten seconds; or the ban is over */
		*count = 0;
		*limit_ms = now_ms + LIMIT_BLOCKER_MS;
		return LIMIT_PASS;
	}
	if (*count > LIMIT_BLOCKER_MESSAGES)
		return LIMIT_BANNED;
	*limit_ms = now_ms + LIMIT_BAN_MS;
	return LIMIT_BANNED_ANEW;
}

bool limit_blocker_take(struct limit_blocker *b, uint32_t ip, uint64_t now_ms)
{
	unsigned least = 0;

	for (unsigned i = 0; i < LIMIT_BLOCKER_IPS; i++) {
		if (b->seen[i].limit_ms && b->seen[i].ip == ip)
			return count_message(&b->seen[i].count, &b->seen[i].limit_ms, now_ms) <=
			       LIMIT_SILENT;
		if (b->seen[i].count < b->seen[least].count ||
		    (b->seen[i].count == b->seen[least].count &&
		     b->seen[i].limit_ms < b->seen[least].limit_ms))
			least = i;
	}
	b->seen[least].ip = ip;
	b->seen[least].count = 1;
	b->seen[least].limit_ms = now_ms + LIMIT_BLOCKER_MS;
	return true;
}

bool limit_bucket_take(struct limit_bucket *b, uint32_t burst, uint32_t per_s, uint64_t now_ms)
{
	uint64_t milli = (uint64_t)burst * MILLI;

	if (b->at_ms) {
		uint64_t more = b->milli + (now_ms - b->at_ms) * per_s;

		milli = more < milli ? more : milli;
	}
	b->at_ms = now_ms;
	b->milli = (uint32_t)milli;
	if (milli < MILLI)
		return false;
	b->milli -= MILLI;
	return true;
}

bool limit_quota_left(struct limit_quota *q, uint64_t now_ms)
{
	int64_t most = (int64_t)LIMIT_QUOTA_BYTES * LIMIT_QUOTA_S, more = most;

	if (q->at_ms)
		more = q->bytes + (int64_t)((now_ms - q->at_ms) * LIMIT_QUOTA_BYTES / MILLI);
	q->at_ms = now_ms;
	q->bytes = more < most ? more : most;
	return q->bytes > 0;
}

bool limit_busy(uint64_t key, uint64_t second)
{
	int64_t most = (int64_t)LIMIT_QUOTA_BYTES * LIMIT_QUOTA_S, level = most / 2;
	uint64_t from = second > BUSY_LOOK_BACK_S ? second - BUSY_LOOK_BACK_S : 0;

	for (uint64_t s = from; s <= second; s++) {
		int64_t others = LIMIT_QUOTA_BYTES * 3 / 5 +
				 (int64_t)(rng_mix(key + s * 0x9e3779b97f4a7c15u) %
					   (LIMIT_QUOTA_BYTES * 13 / 10));

		level += LIMIT_QUOTA_BYTES - others;
		level = level > most ? most : level < 0 ? 0 : level;
	}
	return level == 0;
}

/* ---- who was asked lately ------------------------------------------------------ */

/** struct place - one asker at one node: of libtorrent's twenty the one that is his. */
struct place {
	uint32_t node, ip; /* ip 0 = free */
	uint64_t seen_ms;
	union {
		struct {
			uint64_t limit_ms;
			struct limit_quota quota;
			uint32_t count;
		} lt;
		struct {
			struct limit_bucket own, all;
		} buckets;
	};
};

struct limit_table {
	uint64_t sets;
	struct place *place;
};

int limit_table_new(unsigned log2, struct limit_table **out)
{
	struct limit_table *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return -ENOMEM;
	t->sets = 1ull << log2;
	t->place = calloc(t->sets * WAYS, sizeof(*t->place));
	if (!t->place) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void limit_table_free(struct limit_table *t)
{
	if (!t)
		return;
	free(t->place);
	free(t);
}

static struct place *place_of(struct limit_table *t, uint32_t n, uint32_t ip, uint64_t now_ms)
{
	struct place *set = t->place + (rng_mix((uint64_t)n << 32 | ip) & (t->sets - 1)) * WAYS;
	struct place *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].ip == ip && set[i].node == n) {
			oldest = &set[i];
			goto found;
		}
		if (set[i].seen_ms < oldest->seen_ms)
			oldest = &set[i];
	}
	*oldest = (struct place){ .node = n, .ip = ip };
found:
	oldest->seen_ms = now_ms;
	return oldest;
}

/** take_libtorrent() - limit_blocker_take() for one address among less than twenty. */
static enum limit_verdict take_libtorrent(struct place *p, unsigned reply, uint64_t now_ms)
{
	enum limit_verdict said = LIMIT_PASS;

	if (p->lt.limit_ms) {
		said = count_message(&p->lt.count, &p->lt.limit_ms, now_ms);
	} else {
		p->lt.count = 1;
		p->lt.limit_ms = now_ms + LIMIT_BLOCKER_MS;
	}
	if (said != LIMIT_PASS)
		return said;
	if (!limit_quota_left(&p->lt.quota, now_ms))
		return LIMIT_SILENT;
	p->lt.quota.bytes -= reply;
	return LIMIT_PASS;
}

enum limit_verdict limit_take(struct limit_table *t, enum limit_kind kind, uint32_t n, uint32_t ip,
			      unsigned reply, uint64_t now_ms)
{
	struct place *p;
	bool own;

	if (kind == LIMIT_NONE)
		return LIMIT_PASS;
	p = place_of(t, n, ip, now_ms);
	switch (kind) {
	case LIMIT_LIBTORRENT:
		return take_libtorrent(p, reply, now_ms);
	case LIMIT_MLDHT:
		return limit_bucket_take(&p->buckets.own, LIMIT_MLDHT_BURST, LIMIT_MLDHT_PER_S,
					 now_ms)
			       ? LIMIT_PASS
			       : LIMIT_SILENT;
	case LIMIT_BITMAGNET:
		own = limit_bucket_take(&p->buckets.own, LIMIT_BITMAGNET_BURST, 1, now_ms);
		return own && limit_bucket_take(&p->buckets.all, LIMIT_BITMAGNET_ALL_PER_S,
						LIMIT_BITMAGNET_ALL_PER_S, now_ms)
			       ? LIMIT_PASS
			       : LIMIT_SILENT;
	case LIMIT_NONE:
	case LIMIT_KINDS:
	default:
		return LIMIT_PASS;
	}
}
