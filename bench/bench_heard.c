/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/bench.h"
#include "bench/scratch.h"
#include "proto/sighting.h"
#include "store/heardlog.h"
#include "store/store.h"

/**
 * DOC: messages heard: written, read, and two logs that have half of theirs in common
 * merged into one. Ids and hashes are random, as they are; senders come again.
 */

enum { MESSAGES = 1000000, SHARED_FROM = MESSAGES / 2, SENDERS = 20000, HASHES = 50000 };

static uint64_t mix(uint64_t x)
{
	/* splitmix64 (Steele, Lea, Flood 2014). */
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void fill(uint8_t *out, size_t len, uint64_t seed)
{
	for (size_t at = 0; at < len; at += sizeof(seed)) {
		seed = mix(seed);
		memcpy(out + at, &seed, len - at < sizeof(seed) ? len - at : sizeof(seed));
	}
}

/* Message @i: get_peers for the most part, at some sixty a second. */
static void message(uint32_t i, struct heard *h)
{
	uint64_t r = mix(i), sender = r % SENDERS;

	*h = (struct heard){ .when_ms = 1763000400000 + (uint64_t)i * 16 + (r >> 60),
			     .bytes = 104,
			     .kind = r >> 32 & 15 ? HEARD_GET_PEERS : HEARD_ANNOUNCE_PEER,
			     .outcome = HEARD_ANSWERED,
			     .flags = HEARD_HAS_ID | HEARD_HAS_TARGET,
			     .way = SIGHTING_ASKED_US,
			     .version_len = 4,
			     .version = { 'L', 'T', 2, 0 } };
	h->from = endpoint_ip4((uint32_t)mix(sender + 7), (uint16_t)mix(sender));
	fill(h->id.b, sizeof(h->id.b), sender);
	fill(h->target.b, sizeof(h->target.b), mix(r >> 8) % HASHES);
}

static int put_log(const char *dir, uint32_t from, uint64_t *ns)
{
	const struct heardlog_opts opts = { .batch = 0 };
	struct heardlog_writer *w = NULL;
	struct store *s;
	uint64_t start = bench_now_ns();
	int rc = store_open(dir, STORE_CREATE, &s, NULL);

	if (rc < 0)
		return rc;
	rc = store_heard_open(s, &opts, &w);
	for (uint32_t i = from; i < from + MESSAGES && rc == 0; i++) {
		struct heard h;

		message(i, &h);
		rc = heardlog_put(w, &h, 1);
	}
	if (rc == 0)
		rc = heardlog_flush(w);
	heardlog_close(w);
	store_close(s);
	*ns = bench_now_ns() - start;
	return rc;
}

static int merge_logs(const char *into, const char *const *from, unsigned count, uint64_t *ns)
{
	char why[256];
	struct store *s;
	int rc = store_open(into, STORE_CREATE, &s, NULL);
	uint64_t start = bench_now_ns();

	if (rc < 0)
		return rc;
	rc = store_merge(s, from, count, NULL, why);
	*ns = bench_now_ns() - start;
	store_close(s);
	return rc;
}

static int read_log(const char *dir, uint64_t *messages, uint64_t *ns)
{
	uint64_t start = bench_now_ns();
	struct heardlog_reader *r;
	struct store *s;
	struct heard h;
	int rc = store_open(dir, STORE_READ, &s, NULL);

	*messages = 0;
	if (rc < 0)
		return rc;
	rc = store_heard_read(s, &r);
	if (rc == 0) {
		while ((rc = heardlog_next(r, &h)) == 1)
			++*messages;
		heardlog_end(r);
	}
	store_close(s);
	*ns = bench_now_ns() - start;
	return rc;
}

/* Of the one segment or the few that a merge leaves. */
static uint64_t bytes_of(const char *dir)
{
	uint64_t sum = 0;

	for (unsigned i = 1;; i++) {
		char path[SCRATCH_PATH_BYTES + 64];
		struct stat st;

		snprintf(path, sizeof(path), "%s/heard/%08u-%08u.seg", dir, i, i);
		if (stat(path, &st))
			return sum;
		sum += (uint64_t)st.st_size;
	}
}

static double per_s(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

static int run_heard(const struct bench_ctx *ctx, FILE *out)
{
	char base[SCRATCH_PATH_BYTES], a[SCRATCH_PATH_BYTES + 8], b[SCRATCH_PATH_BYTES + 8],
		into[SCRATCH_PATH_BYTES + 8];
	const char *const from[] = { a, b };
	uint64_t put_ns, put_too_ns, merge_ns = 0, read_ns = 0, messages = 0, bytes;
	struct bench_extra extra[3];
	int rc = scratch_make(base);

	snprintf(a, sizeof(a), "%s/a", base);
	snprintf(b, sizeof(b), "%s/b", base);
	snprintf(into, sizeof(into), "%s/into", base);
	if (rc == 0)
		rc = put_log(a, 0, &put_ns);
	if (rc == 0)
		rc = put_log(b, SHARED_FROM, &put_too_ns);
	if (rc == 0)
		rc = merge_logs(into, from, 2, &merge_ns);
	if (rc == 0)
		rc = read_log(into, &messages, &read_ns);
	if (rc == 0 && messages != MESSAGES + SHARED_FROM)
		rc = DT_ECORRUPT;
	bytes = bytes_of(into);
	scratch_remove(base);
	if (rc < 0)
		return rc;
	extra[0] = (struct bench_extra){ "written_per_s", per_s(MESSAGES, put_ns) };
	extra[1] = (struct bench_extra){ "read_per_s", per_s(messages, read_ns) };
	extra[2] = (struct bench_extra){ "bytes_per_message", (double)bytes / (double)messages };
	return bench_emit(ctx,
			  &(struct bench_figure){ .name = "heard_merge",
						  .unit = "messages/s",
						  .better = BENCH_HIGHER,
						  .best = per_s(2ull * MESSAGES, merge_ns),
						  .median = per_s(2ull * MESSAGES, merge_ns),
						  .runs = 1,
						  .extra = extra,
						  .extra_count = 3 },
			  out);
}

const struct bench bench_heard[] = {
	{ "heard_merge", "messages heard: two logs merged, written, read, bytes of one",
	  run_heard },
	{ NULL, NULL, NULL },
};
