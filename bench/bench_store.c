/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/scratch.h"
#include "store/geo_table.h"
#include "store/radix.h"
#include "store/record.h"
#include "store/store.h"

/**
 * DOC: what the store costs. Writing is measured beside a bare LMDB loop that
 * puts keys and values of the same size into the same two tables, and a row of the
 * log for each, with the same flags and the same batches, sorted by the same radix sort. Its keys
 * and values are ready before the clock starts: what it does not do is take sightings, encode,
 * merge, and mind what stands there already.
 */

enum {
	ROWS = 2000000, /* two batches: the second meets the first's pages */
	BATCH = 1000000,
	RUNS_STORE = 3, /* five seconds each */
	RUNS_MAX = 16,
	PREFETCH = 16,      /* the bare loop knows our tricks */
	PUT_AT_ONCE = 1024, /* as the scribe hands them over */
	LOG_ROW_BYTES = 5,  /* what a row of the log may take */
};
_Static_assert((int)LOG_ROW_BYTES < RECORD_KEY4_BYTES + RECORD_BYTES, "read from the pairs");

/* ---- rows -------------------------------------------------------------------- */

/* xorshift64* (Vigna 2014): the input must only be different, and the same each time. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static void row(uint32_t i, struct sighting *s)
{
	uint64_t seed = 0x9e3779b97f4a7c15u * (i + 1);

	*s = (struct sighting){
		.when_ms = 1763000000000 + i / 200,
		.key.bits = NODEID_BITS,
		.way = SIGHTING_ANSWERED,
		.attempts = 1,
		.answers = 1,
		.version = { 'L', 'T', 2, 0 },
		.version_len = 4,
		.flags = SIGHTING_HAS_V,
		.mentions = 3,
		.rtt_us = 80000,
	};
	for (unsigned b = 0; b < NODEID_BYTES; b++)
		s->key.b[b] = (uint8_t)(next_random(&seed) >> 56);
	s->from = endpoint_ip4((uint32_t)(next_random(&seed) >> 32),
			       (uint16_t)(next_random(&seed) >> 48));
}

static struct sighting *rows_new(void)
{
	struct sighting *rows = malloc(ROWS * sizeof(*rows));

	for (uint32_t i = 0; rows && i < ROWS; i++)
		row(i, &rows[i]);
	return rows;
}

/* ---- the bare loop ---------------------------------------------------------------- */

struct bare {
	MDB_env *env;
	MDB_dbi nodes, addr, pending;
	uint64_t chunks;
};

struct pair {
	uint8_t key[RECORD_KEY4_BYTES], val[RECORD_BYTES];
};

struct addr_pair {
	uint8_t key[ENDPOINT_COMPACT4], val[RECORD_ADDR_BYTES];
};

struct race {
	char bare_dir[SCRATCH_PATH_BYTES], our_dir[SCRATCH_PATH_BYTES];
	struct bare bare;
	struct store *store;
	struct store_writer *writer;
	struct pair *pairs;
	struct addr_pair *addrs;
	struct radix_ref *refs, *tmp; /* the bare loop's */
	uint64_t bare_ns, our_ns;
};

static int bare_open(struct bare *b, const char *dir)
{
	MDB_txn *txn;
	int rc = mdb_env_create(&b->env);

	if (rc)
		return rc;
	mdb_env_set_maxdbs(b->env, 3);
	mdb_env_set_mapsize(b->env, (size_t)64 << 30);
	rc = mdb_env_open(b->env, dir, MDB_NORDAHEAD | MDB_NOTLS, 0600);
	if (!rc)
		rc = mdb_txn_begin(b->env, NULL, 0, &txn);
	if (!rc)
		rc = mdb_dbi_open(txn, "nodes4", MDB_CREATE, &b->nodes);
	if (!rc)
		rc = mdb_dbi_open(txn, "addr4", MDB_CREATE, &b->addr);
	if (!rc)
		rc = mdb_dbi_open(txn, "pending", MDB_CREATE, &b->pending);
	return rc ? rc : mdb_txn_commit(txn);
}

/* The order of @count keys of @each bytes, @step apart; the first 8 bytes decide here. */
static void sort_keys(struct race *r, const void *keys, size_t key_bytes, size_t step)
{
	for (size_t i = 0; i < BATCH; i++) {
		uint64_t v = 0;

		memcpy(&v, (const uint8_t *)keys + i * step, key_bytes < 8 ? key_bytes : 8);
		r->refs[i] = (struct radix_ref){ __builtin_bswap64(v), (uint32_t)i, 0 };
	}
	radix_sort(r->refs, r->tmp, BATCH);
}

static int put_all(struct race *r, MDB_txn *txn, MDB_dbi dbi, const void *pairs, size_t key,
		   size_t val)
{
	MDB_cursor *c;
	int rc = mdb_cursor_open(txn, dbi, &c);

	sort_keys(r, pairs, key, key + val);
	for (size_t i = 0; i < BATCH && !rc; i++) {
		const uint8_t *p = (const uint8_t *)pairs + r->refs[i].row * (key + val);
		MDB_val k = { key, (void *)(uintptr_t)p };
		MDB_val v = { val, (void *)(uintptr_t)(p + key) };

		if (i + PREFETCH < BATCH)
			__builtin_prefetch((const uint8_t *)pairs +
					   r->refs[i + PREFETCH].row * (key + val));
		rc = mdb_cursor_put(c, &k, &v, 0);
	}
	mdb_cursor_close(c);
	return rc;
}

/* The log's rows as they are: what the loop does not do is sort, fold and pack them. */
static int put_log(struct race *r, MDB_txn *txn)
{
	MDB_val k = { sizeof(r->bare.chunks), &r->bare.chunks };
	MDB_val v = { BATCH * LOG_ROW_BYTES, r->pairs };

	r->bare.chunks++;
	return mdb_put(txn, r->bare.pending, &k, &v, 0);
}

static int bare_batch(struct race *r)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(r->bare.env, NULL, 0, &txn);

	if (!rc)
		rc = put_all(r, txn, r->bare.nodes, r->pairs, RECORD_KEY4_BYTES, RECORD_BYTES);
	if (!rc)
		rc = put_all(r, txn, r->bare.addr, r->addrs, ENDPOINT_COMPACT4, RECORD_ADDR_BYTES);
	if (!rc)
		rc = put_log(r, txn);
	return rc ? rc : mdb_txn_commit(txn);
}

static void prepare(const struct sighting *rows, struct pair *pairs, struct addr_pair *addrs)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct nodeid id = nodekey_to_id(&rows[i].key);
		uint8_t key[RECORD_KEY_MAX];

		record_key(&id, &rows[i].from, key);
		memcpy(pairs[i].key, key, RECORD_KEY4_BYTES);
		memset(pairs[i].val, (int)i, RECORD_BYTES);
		memcpy(addrs[i].key, key + NODEID_BYTES, ENDPOINT_COMPACT4);
		memcpy(addrs[i].val, key, RECORD_ADDR_BYTES);
	}
}

/* ---- one run of both -------------------------------------------------------------- */

static int race_open(struct race *r)
{
	const struct store_writer_opts opts = { .batch_records = BATCH };
	int rc = 0;

	memset(r, 0, sizeof(*r));
	r->pairs = malloc(BATCH * sizeof(*r->pairs));
	r->addrs = malloc(BATCH * sizeof(*r->addrs));
	r->refs = malloc(BATCH * sizeof(*r->refs));
	r->tmp = malloc(BATCH * sizeof(*r->tmp));
	if (!r->pairs || !r->addrs || !r->refs || !r->tmp)
		rc = -ENOMEM;
	if (rc == 0)
		rc = scratch_make(r->bare_dir);
	if (rc == 0)
		rc = scratch_make(r->our_dir);
	if (rc == 0 && bare_open(&r->bare, r->bare_dir))
		rc = -EIO;
	if (rc == 0)
		rc = store_open(r->our_dir, STORE_CREATE, &r->store, NULL);
	return rc < 0 ? rc : store_writer_new(r->store, &opts, &r->writer);
}

static void race_close(struct race *r)
{
	store_writer_free(r->writer);
	store_close(r->store);
	if (r->bare.env)
		mdb_env_close(r->bare.env);
	scratch_remove(r->bare_dir);
	scratch_remove(r->our_dir);
	free(r->pairs);
	free(r->addrs);
	free(r->refs);
	free(r->tmp);
}

static int put_some(struct store_writer *w, const struct sighting *rows, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i += PUT_AT_ONCE) {
		size_t n = count - i < PUT_AT_ONCE ? count - i : PUT_AT_ONCE;

		rc = store_writer_put(w, rows + i, (unsigned)n);
	}
	return rc == 0 ? store_writer_flush(w) : rc;
}

/* Batch by batch in turn, so that a slow minute of the disk falls on both. */
static int race_run(struct race *r, const struct sighting *rows)
{
	for (size_t at = 0; at < ROWS; at += BATCH) {
		uint64_t start;

		prepare(rows + at, r->pairs, r->addrs);
		start = bench_now_ns();
		if (bare_batch(r))
			return -EIO;
		r->bare_ns += bench_now_ns() - start;
		start = bench_now_ns();
		if (put_some(r->writer, rows + at, BATCH) < 0)
			return -EIO;
		r->our_ns += bench_now_ns() - start;
	}
	return 0;
}

static double least(const double *v, unsigned n)
{
	double best = v[0];

	for (unsigned i = 1; i < n; i++)
		best = v[i] < best ? v[i] : best;
	return best;
}

static double greatest(const double *v, unsigned n)
{
	double best = v[0];

	for (unsigned i = 1; i < n; i++)
		best = v[i] > best ? v[i] : best;
	return best;
}

static int run_upsert(const struct bench_ctx *ctx, FILE *out)
{
	unsigned runs = ctx->runs && ctx->runs < RUNS_MAX ? ctx->runs : RUNS_STORE;
	double ours[RUNS_MAX], bare[RUNS_MAX], ratio[RUNS_MAX];
	struct sighting *rows = rows_new();
	struct bench_extra extra[2];
	struct race r;
	int rc = rows ? 0 : -ENOMEM;

	for (unsigned i = 0; i < runs && rc == 0; i++) {
		rc = race_open(&r);
		if (rc == 0)
			rc = race_run(&r, rows);
		race_close(&r);
		ours[i] = ROWS * 1e9 / (double)r.our_ns;
		bare[i] = ROWS * 1e9 / (double)r.bare_ns;
		ratio[i] = ours[i] / bare[i];
	}
	free(rows);
	if (rc < 0)
		return rc;
	extra[0] = (struct bench_extra){ "bare_rows_per_s", bench_median(bare, runs) };
	extra[1] = (struct bench_extra){ "ratio_to_bare", bench_median(ratio, runs) };
	return bench_emit(ctx,
			  &(struct bench_figure){ .name = "store_upsert",
						  .unit = "rows/s",
						  .better = BENCH_HIGHER,
						  .best = greatest(ours, runs),
						  .median = bench_median(ours, runs),
						  .runs = runs,
						  .extra = extra,
						  .extra_count = 2 },
			  out);
}

/* ---- reading and compaction --------------------------------------------------------- */

static int time_scan(struct store *s, double *rows_per_s, double *bytes_per_node)
{
	struct store_counts counts = { 0 };
	struct store_view *v;
	struct store_node n;
	uint64_t start = bench_now_ns(), rows = 0;
	int rc = store_view_open(s, &v);

	if (rc < 0)
		return rc;
	while ((rc = store_view_next(v, &n)) == 1)
		rows++;
	*rows_per_s = (double)rows * 1e9 / (double)(bench_now_ns() - start);
	if (rc == 0)
		rc = store_view_counts(v, &counts);
	store_view_close(v);
	if (rc == 0)
		*bytes_per_node = (double)counts.file_bytes / (double)counts.nodes;
	return rc;
}

static int run_scan(const struct bench_ctx *ctx, FILE *out)
{
	unsigned runs = ctx->runs && ctx->runs < RUNS_MAX ? ctx->runs : RUNS_STORE;
	double speed[RUNS_MAX], grown_bytes = 0, sealed_bytes = 0, compact_s = 0;
	struct sighting *rows = rows_new();
	struct race r;
	int rc = rows ? race_open(&r) : -ENOMEM;

	if (rc == 0)
		rc = put_some(r.writer, rows, ROWS);
	if (rc == 0)
		rc = time_scan(r.store, &speed[0], &grown_bytes);
	if (rc == 0) {
		uint64_t start = bench_now_ns();

		rc = store_compact(r.store);
		compact_s = (double)(bench_now_ns() - start) / 1e9;
	}
	for (unsigned i = 0; i < runs && rc == 0; i++)
		rc = time_scan(r.store, &speed[i], &sealed_bytes);
	if (rows)
		race_close(&r);
	free(rows);
	if (rc < 0)
		return rc;
	return bench_emit(
		ctx,
		&(struct bench_figure){ .name = "store_scan",
					.unit = "rows/s",
					.better = BENCH_HIGHER,
					.best = greatest(speed, runs),
					.median = bench_median(speed, runs),
					.runs = runs,
					.extra =
						(const struct bench_extra[]){
							{ "grown_bytes_per_node", grown_bytes },
							{ "bytes_per_node", sealed_bytes },
							{ "compact_s", compact_s } },
					.extra_count = 3 },
		out);
}

/* ---- geography --------------------------------------------------------------------------- */

/* As many ranges as the routed Internet has, of random lengths, in the form of an ASN CSV. */
static char *table_text(size_t *len)
{
	enum { RANGES = 400000, LINE_BYTES = 64 };
	char *text = malloc((size_t)RANGES * LINE_BYTES);
	uint64_t seed = 7, at = 0x01000000;

	*len = 0;
	for (unsigned i = 0; text && i < RANGES; i++) {
		uint64_t last = at + 256 + next_random(&seed) % 17000;

		*len += (size_t)sprintf(text + *len, "%llu,%llu,%u,Network %u\n",
					(unsigned long long)at, (unsigned long long)last,
					i % 80000 + 1, i % 80000 + 1);
		at = last + 1 + next_random(&seed) % 512;
	}
	return text;
}

struct lookups {
	const struct geo_table *table;
	const struct geo *geo;
	uint64_t seed;
};

static void look_up_asn(void *arg, uint64_t n)
{
	struct lookups *l = arg;

	for (uint64_t i = 0; i < n; i++) {
		struct endpoint ep = endpoint_ip4((uint32_t)(next_random(&l->seed) >> 32), 1);
		struct geo_place p = { 0 };

		geo_table_lookup(l->table, &ep, &p);
		bench_keep(&p);
	}
}

static int run_asn(const struct bench_ctx *ctx, FILE *out)
{
	char why[GEO_WHY_MAX];
	struct geo_table *table;
	size_t len;
	char *text = table_text(&len);
	int rc = text ? geo_table_parse(span_of(text, len), &table, why) : -ENOMEM;

	free(text);
	if (rc < 0)
		return rc;
	rc = bench_loop(ctx, "geo_asn", look_up_asn, &(struct lookups){ .table = table, .seed = 1 },
			out);
	geo_table_close(table);
	return rc;
}

static void look_up_place(void *arg, uint64_t n)
{
	struct lookups *l = arg;

	for (uint64_t i = 0; i < n; i++) {
		struct endpoint ep = endpoint_ip4((uint32_t)(next_random(&l->seed) >> 32), 1);
		struct geo_place p;

		geo_lookup(l->geo, &ep, &p);
		bench_keep(&p);
	}
}

/* Only where a database is installed; nothing is said where none is. */
static int run_place(const struct bench_ctx *ctx, FILE *out)
{
	const struct geo_opts opts = { .search = true };
	struct geo_source source;
	struct geo *geo;
	int rc = geo_open(&opts, NULL, NULL, &geo);

	if (rc < 0)
		return rc;
	if (geo_sources(geo, &source, 1))
		rc = bench_loop(ctx, "geo_place", look_up_place,
				&(struct lookups){ .geo = geo, .seed = 1 }, out);
	geo_close(geo);
	return rc;
}

static void color(void *arg, uint64_t n)
{
	uint32_t *asn = arg;
	uint8_t rgb[3];

	for (uint64_t i = 0; i < n; i++) {
		asn_color(++*asn, rgb);
		bench_keep(rgb);
	}
}

static int run_color(const struct bench_ctx *ctx, FILE *out)
{
	uint32_t asn = 0;

	return bench_loop(ctx, "asn_color", color, &asn, out);
}

/* ---- sorting ------------------------------------------------------------------------------- */

static int by_prefix(const void *a, const void *b)
{
	const struct radix_ref *x = a, *y = b;

	return x->prefix < y->prefix ? -1 : x->prefix > y->prefix;
}

static int run_sort(const struct bench_ctx *ctx, FILE *out)
{
	unsigned runs = ctx->runs && ctx->runs < RUNS_MAX ? ctx->runs : RUNS_STORE;
	struct radix_ref *refs = malloc(BATCH * sizeof(*refs)), *tmp = malloc(BATCH * sizeof(*tmp));
	double radix[RUNS_MAX], quick[RUNS_MAX];
	uint64_t seed = 5, start;

	for (unsigned i = 0; refs && tmp && i < runs; i++) {
		for (size_t k = 0; k < BATCH; k++)
			refs[k] = (struct radix_ref){ .prefix = next_random(&seed) };
		memcpy(tmp, refs, BATCH * sizeof(*refs));
		start = bench_now_ns();
		qsort(tmp, BATCH, sizeof(*tmp), by_prefix);
		quick[i] = (double)(bench_now_ns() - start) / BATCH;
		start = bench_now_ns();
		radix_sort(refs, tmp, BATCH);
		radix[i] = (double)(bench_now_ns() - start) / BATCH;
	}
	free(refs);
	free(tmp);
	if (!refs || !tmp)
		return -ENOMEM;
	return bench_emit(
		ctx,
		&(struct bench_figure){ .name = "store_radix_sort",
					.unit = "ns",
					.better = BENCH_LOWER,
					.best = least(radix, runs),
					.median = bench_median(radix, runs),
					.runs = runs,
					.extra =
						(const struct bench_extra[]){
							{ "qsort_ns", bench_median(quick, runs) } },
					.extra_count = 1 },
		out);
}

const struct bench bench_store[] = {
	{ "store_upsert", "durable upserts of nodes, beside a bare LMDB loop", run_upsert },
	{ "store_scan", "reading all nodes after a compaction; bytes per node", run_scan },
	{ "store_radix_sort", "ordering a batch, beside qsort", run_sort },
	{ "geo_asn", "network of an address, from a range table", run_asn },
	{ "geo_place", "city, country and network, from the files installed", run_place },
	{ "asn_color", "colour of a network", run_color },
	{ NULL, NULL, NULL },
};
