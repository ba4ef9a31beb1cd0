/* SPDX-License-Identifier: MIT */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/checkpoint.h"
#include "engine/crawl.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte picks what the rest is read as. A head is a reason or whole, its note
 * a string within it (its sum is put right first, or no mutation would come past it).
 * Records are taken up by a crawl that then goes on as any other: what it sends is
 * what it counts.
 */
static void check_head(const uint8_t *data, size_t size)
{
	enum { SUM = 16, BEHIND = 24 };
	static struct checkpoint_head head;
	uint8_t *copy = malloc(size ? size : 1);
	int rc;

	memcpy(copy, data, size);
	if (size > BEHIND) {
		uint64_t sum = XXH3_64bits(copy + BEHIND, size - BEHIND);

		memcpy(copy + SUM, &sum, sizeof(sum));
	}
	rc = checkpoint_decode(span_of(copy, size), &head);
	FUZZ_HOLDS(rc == 0 || rc == DT_EFOREIGN || rc == DT_ENEWER || rc == DT_ECORRUPT ||
		   rc == DT_EUNSUPPORTED);
	if (rc == 0) {
		FUZZ_HOLDS(head.workers <= NET_WORKERS_MAX);
		FUZZ_HOLDS(strlen(head.note) <= head.note_len);
	}
	free(copy);
}

static void ignore_sighting(void *ctx, const struct sighting *s)
{
	(void)ctx, (void)s;
}

static void ignore_contact(void *ctx, unsigned shard, const struct crawl_contact *contact)
{
	(void)ctx, (void)shard, (void)contact;
}

static void check_records(const uint8_t *data, size_t size)
{
	enum { BATCH = 8, TURNS = 12 };
	struct crawl_port port = { .sighting = ignore_sighting, .contact = ignore_contact };
	struct crawl_opts o = crawl_opts_default();
	struct gate_opts g = { .workers = 1 };
	struct crawl_restored restored = { 0 };
	static uint8_t frames[BATCH][NET_FRAME_MAX];
	uint64_t now = 5000000000000, sent = 0;
	struct crawl_stats s;
	struct crawl *c;
	struct gate *gate;
	int rc;

	o.endpoints_max = 256;
	o.slots_log2 = 8;
	FUZZ_HOLDS(gate_new(&g, &gate) == 0);
	FUZZ_HOLDS(crawl_new(&o, gate, &port, now, 0, &c) == 0);
	rc = crawl_restore(c, span_of(data, size), now, &restored);
	FUZZ_HOLDS(rc == 0 || rc == DT_ECORRUPT);
	for (unsigned i = 0; i < TURNS; i++, now += 1000000000) {
		struct net_msg msgs[BATCH];

		for (unsigned k = 0; k < BATCH; k++)
			msgs[k] = (struct net_msg){ .data = frames[k] };
		crawl_tick(c, now);
		sent += crawl_tx(c, now, msgs, BATCH);
	}
	crawl_stats(c, &s);
	FUZZ_HOLDS(s.sent == sent && s.sent == s.expired + s.in_flight);
	FUZZ_HOLDS(s.endpoints_live <= s.endpoints_known);
	crawl_free(c);
	gate_free(gate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		check_records(data + 1, size - 1);
	else
		check_head(data + 1, size - 1);
	return 0;
}
