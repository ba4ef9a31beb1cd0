/* SPDX-License-Identifier: MIT */
#include "engine/tap_pairs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/tap_nodes.h"
#include "proto/krpc.h"

enum { WAYS = 4, LINE_BYTES = 64 };
_Static_assert(sizeof(struct tap_pair) * WAYS == LINE_BYTES, "a bucket is a cache line");

int tap_pairs_init(struct tap_pairs *p, unsigned log2, uint64_t timeout_us)
{
	size_t count = (size_t)1 << log2;

	*p = (struct tap_pairs){ .mask = count / WAYS - 1, .timeout_us = timeout_us };
	p->slots = tap_table_new(count * sizeof(*p->slots));
	return p->slots ? 0 : -ENOMEM;
}

void tap_pairs_fini(struct tap_pairs *p)
{
	free(p->slots);
	p->slots = NULL;
}

uint64_t tap_pairs_key(const struct endpoint *asker, const struct endpoint *asked, struct span t)
{
	uint8_t key[2 * sizeof(struct endpoint) + KRPC_T_MAX];
	size_t t_len = t.len < KRPC_T_MAX ? t.len : KRPC_T_MAX;
	uint64_t hash;

	memcpy(key, asker, sizeof(*asker));
	memcpy(key + sizeof(*asker), asked, sizeof(*asked));
	if (t_len)
		memcpy(key + 2 * sizeof(*asker), t.ptr, t_len);
	hash = XXH3_64bits(key, 2 * sizeof(*asker) + t_len);
	return hash ? hash : 1;
}

static struct tap_pair *bucket(const struct tap_pairs *p, uint64_t key)
{
	return &p->slots[(key & p->mask) * WAYS];
}

static bool late(const struct tap_pairs *p, const struct tap_pair *s, uint64_t when_us)
{
	uint64_t sent_us = s->word >> 8;

	return when_us > sent_us && when_us - sent_us > p->timeout_us;
}

static void expire(struct tap_pairs *p, struct tap_pair *s)
{
	s->tag = 0;
	p->expired++;
	p->pending--;
}

void tap_pairs_open(struct tap_pairs *p, uint64_t key, uint64_t when_us, uint8_t kind)
{
	struct tap_pair *b = bucket(p, key), *take = &b[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (b[i].tag && late(p, &b[i], when_us))
			expire(p, &b[i]);
		if (b[i].tag == key) {
			p->repeated++; /* the first one's time is forgotten: its reply answers this
					*/
			p->pending--;
			take = &b[i];
			break;
		}
		if (take->tag && (!b[i].tag || b[i].word < take->word))
			take = &b[i];
	}
	if (take->tag && take->tag != key) {
		p->crowded++;
		p->pending--;
	}
	p->pending++;
	*take = (struct tap_pair){ .tag = key, .word = when_us << 8 | kind };
}

uint8_t tap_pairs_close(struct tap_pairs *p, uint64_t key, uint64_t when_us, uint32_t *rtt_us)
{
	struct tap_pair *b = bucket(p, key);

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t sent_us = b[i].word >> 8;

		if (b[i].tag != key)
			continue;
		if (late(p, &b[i], when_us)) {
			expire(p, &b[i]);
			return 0;
		}
		/* Captures of several queues may be out of order by a little. */
		*rtt_us = when_us > sent_us ? (uint32_t)(when_us - sent_us) : 0;
		b[i].tag = 0;
		p->pending--;
		return (uint8_t)b[i].word;
	}
	return 0;
}

void tap_pairs_expire(struct tap_pairs *p, uint64_t when_us)
{
	for (uint64_t i = 0; i < (p->mask + 1) * WAYS; i++)
		if (p->slots[i].tag && late(p, &p->slots[i], when_us))
			expire(p, &p->slots[i]);
}
