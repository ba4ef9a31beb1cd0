/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/scratch.h"
#include "store/store.h"

/**
 * DOC: what time and the graph cost in the store: bytes of an observation and of
 * an edge as sealed, and how fast either is written and read. Rows are as a
 * census has them: round trips and moments that no compressor can guess, lists
 * of neighbours in the id space.
 */

enum {
	NODES = 1000000,
	BUCKETS = 12,
	HEARD_OF_10 = 4, /* in a bucket */
	START_S = 1763000400,
	BUCKET_S = 600,
	GRAPH_NODES = 300000,
	LISTED = 8,
	REOPEN_NODES = 10000000,
	PUT_AT_ONCE = 1024,
};

struct rig {
	char dir[SCRATCH_PATH_BYTES];
	struct store *store;
	struct store_writer *writer;
};

static uint64_t mix(uint64_t x)
{
	/* splitmix64 (Steele, Lea, Flood 2014). */
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static int rig_open(struct rig *r)
{
	const struct store_writer_opts opts = { .batch_records = 1000000 };
	int rc = scratch_make(r->dir);

	r->store = NULL;
	r->writer = NULL;
	if (rc == 0)
		rc = store_open(r->dir, STORE_CREATE, &r->store, NULL);
	return rc == 0 ? store_writer_new(r->store, &opts, &r->writer) : rc;
}

static void rig_close(struct rig *r)
{
	store_writer_free(r->writer);
	store_close(r->store);
	scratch_remove(r->dir);
}

static void node(uint32_t i, struct sighting *s)
{
	uint64_t a = mix(i), b = mix(a), c = mix(b);

	memset(s, 0, sizeof(*s));
	s->key.bits = NODEID_BITS;
	memcpy(s->key.b, &a, 8);
	memcpy(s->key.b + 8, &b, 8);
	memcpy(s->key.b + 16, &c, 4);
	s->from = endpoint_ip4((uint32_t)(c >> 32), (uint16_t)(b >> 48));
	s->attempts = s->answers = 1;
	s->way = SIGHTING_ANSWERED;
}

/* Heard in @bucket at some moment, after some round trip: both new each time. */
static bool heard(uint32_t i, uint32_t bucket, struct sighting *s)
{
	uint64_t r = mix((uint64_t)bucket << 32 | i);

	if (r % 10 >= HEARD_OF_10)
		return false;
	node(i, s);
	s->when_ms = 1000 * (START_S + (uint64_t)bucket * BUCKET_S + (r >> 8) % BUCKET_S);
	s->rtt_us = 20000 + (uint32_t)((r >> 20) % 16 * ((r >> 24) % 16) * 1000 + (r >> 28) % 1000);
	s->flags = SIGHTING_HAS_V | ((r >> 40) % 3 ? SIGHTING_IP_VOTE : 0) |
		   ((r >> 42) % 8 ? 0 : SIGHTING_BEP42_OK);
	return true;
}

static int put_bucket(struct rig *r, uint32_t bucket, uint64_t *marks)
{
	struct sighting list[PUT_AT_ONCE];
	unsigned n = 0;
	int rc = 0;

	for (uint32_t i = 0; i < NODES && rc == 0; i++) {
		n += heard(i, bucket, &list[n]);
		if (n == PUT_AT_ONCE || (i + 1 == NODES && n)) {
			rc = store_writer_put(r->writer, list, n);
			*marks += n;
			n = 0;
		}
	}
	return rc == 0 ? store_writer_flush(r->writer) : rc;
}

static int read_log(struct rig *r, unsigned columns, double *rows_per_s)
{
	const struct store_log_opts opts = { .columns = columns };
	uint64_t start = bench_now_ns(), rows = 0, sum = 0;
	struct store_log_block b;
	struct store_view *v;
	struct store_log *l;
	int rc = store_view_open(r->store, &v);

	if (rc < 0)
		return rc;
	rc = store_log_open(v, &opts, &l);
	store_view_close(v);
	if (rc < 0)
		return rc;
	while ((rc = store_log_next(l, &b)) == 1) {
		rows += b.count;
		sum += b.ordinal[b.count / 2];
	}
	store_log_close(l);
	*rows_per_s = (double)rows * 1e9 / (double)(bench_now_ns() - start) + (double)(sum & 1);
	return rc;
}

static int look(struct rig *r, struct store_info *info)
{
	struct store_view *v;
	int rc = store_view_open(r->store, &v);

	if (rc < 0)
		return rc;
	rc = store_view_info(v, info);
	store_view_close(v);
	return rc;
}

static int run_log(const struct bench_ctx *ctx, FILE *out)
{
	struct bench_extra extra[4];
	double ordinals = 0, all = 0;
	struct store_info info;
	uint64_t marks = 0, start, put_ns = 0, seal_ns = 0;
	struct rig r;
	int rc = rig_open(&r);

	for (uint32_t b = 0; b < BUCKETS && rc == 0; b++) {
		start = bench_now_ns();
		rc = put_bucket(&r, b, &marks);
		put_ns += bench_now_ns() - start;
	}
	start = bench_now_ns();
	if (rc == 0)
		rc = store_seal(r.store);
	seal_ns = bench_now_ns() - start;
	if (rc == 0)
		rc = read_log(&r, 0, &ordinals);
	if (rc == 0)
		rc = read_log(&r, STORE_LOG_ALL, &all);
	if (rc == 0)
		rc = look(&r, &info);
	rig_close(&r);
	if (rc < 0)
		return rc;
	extra[0] = (struct bench_extra){ "bytes_per_observation",
					 (double)info.log_bytes / (double)info.log_marks };
	extra[1] = (struct bench_extra){ "read_all_columns_per_s", all };
	extra[2] = (struct bench_extra){ "upserts_per_s", (double)marks * 1e9 / (double)put_ns };
	extra[3] = (struct bench_extra){ "sealed_per_s", (double)marks * 1e9 / (double)seal_ns };
	return bench_emit(ctx,
			  &(struct bench_figure){ .name = "log_read",
						  .unit = "rows/s",
						  .better = BENCH_HIGHER,
						  .best = ordinals,
						  .median = ordinals,
						  .runs = 1,
						  .extra = extra,
						  .extra_count = 4 },
			  out);
}

/* ---- edges ---------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, NODEID_BYTES);
}

static struct listing_contact *people(void)
{
	struct listing_contact *list = malloc(GRAPH_NODES * sizeof(*list));

	for (uint32_t i = 0; list && i < GRAPH_NODES; i++) {
		struct sighting s;

		node(i, &s);
		list[i] = (struct listing_contact){ nodekey_to_id(&s.key), s.from };
	}
	if (list)
		qsort(list, GRAPH_NODES, sizeof(*list), by_id);
	return list;
}

/* Eight around @at in the id space, as a routing table gives them. */
static int list_around(struct rig *r, const struct listing_contact *all, uint32_t src, uint32_t at,
		       uint8_t depth)
{
	struct listing l = { .when_ms = 1000ull * START_S + src,
			     .id = all[src].id,
			     .from = all[src].ep,
			     .depth = depth,
			     .count = LISTED,
			     .listed = LISTED };

	for (uint32_t i = 0; i < LISTED; i++)
		l.contacts[i] = all[(at + mix((uint64_t)src << 8 | i) % 3 + 3 * i) % GRAPH_NODES];
	return store_writer_list(r->writer, &l, 1);
}

static int put_graph(struct rig *r, const struct listing_contact *all, uint64_t *put_ns,
		     uint64_t *join_ns)
{
	uint64_t start = bench_now_ns();
	uint32_t epoch;
	int rc = store_epoch_begin(r->store, START_S, true, &epoch);

	for (uint32_t i = 0; i < GRAPH_NODES && rc == 0; i++) {
		rc = list_around(r, all, i, i + 1, LISTING_DEPTH_OWN);
		if (rc == 0)
			rc = list_around(r, all, i, (i ^ 32) % GRAPH_NODES, 14);
		if (rc == 0 && i % 10 == 0)
			rc = list_around(r, all, i, (uint32_t)(mix(i) % GRAPH_NODES), 0);
	}
	if (rc == 0)
		rc = store_writer_flush(r->writer);
	*put_ns = bench_now_ns() - start;
	start = bench_now_ns();
	if (rc == 0)
		rc = store_epoch_end(r->store, epoch, START_S + 1, "{}", 2);
	*join_ns = bench_now_ns() - start;
	return rc;
}

static int read_graph(struct rig *r, uint64_t *edges, uint64_t *read_ns)
{
	uint64_t start = bench_now_ns();
	struct store_edges *e;
	struct store_edge row;
	struct store_view *v;
	int rc = store_view_open(r->store, &v);

	if (rc < 0)
		return rc;
	rc = store_edges_open(v, 0, &e);
	store_view_close(v);
	if (rc < 0)
		return rc;
	for (*edges = 0; (rc = store_edges_next(e, &row)) == 1;)
		++*edges;
	store_edges_close(e);
	*read_ns = bench_now_ns() - start;
	return rc;
}

static int run_edges(const struct bench_ctx *ctx, FILE *out)
{
	struct listing_contact *all = people();
	uint64_t put_ns = 0, join_ns = 0, read_ns = 1, edges = 0;
	struct bench_extra extra[4];
	struct store_info info;
	struct rig r;
	int rc = rig_open(&r);

	if (rc == 0)
		rc = all ? put_graph(&r, all, &put_ns, &join_ns) : -ENOMEM;
	if (rc == 0)
		rc = read_graph(&r, &edges, &read_ns);
	if (rc == 0)
		rc = look(&r, &info);
	rig_close(&r);
	free(all);
	if (rc < 0)
		return rc;
	extra[0] = (struct bench_extra){ "bytes_per_edge_with_vertices",
					 (double)info.edge_bytes / (double)edges };
	extra[1] = (struct bench_extra){ "edges_per_vertex",
					 (double)edges / (double)info.edge_vertices };
	extra[2] = (struct bench_extra){ "read_per_s", (double)edges * 1e9 / (double)read_ns };
	extra[3] = (struct bench_extra){ "join_per_s", (double)edges * 1e9 / (double)join_ns };
	return bench_emit(ctx,
			  &(struct bench_figure){ .name = "edges_put",
						  .unit = "edges/s",
						  .better = BENCH_HIGHER,
						  .best = (double)edges * 1e9 / (double)put_ns,
						  .median = (double)edges * 1e9 / (double)put_ns,
						  .runs = 1,
						  .extra = extra,
						  .extra_count = 4 },
			  out);
}

/* ---- a large store, opened again ------------------------------------------------------------ */

static int put_many(struct rig *r)
{
	struct sighting list[PUT_AT_ONCE];
	int rc = 0;

	for (uint32_t i = 0; i < REOPEN_NODES && rc == 0; i += PUT_AT_ONCE) {
		unsigned n = REOPEN_NODES - i < PUT_AT_ONCE ? REOPEN_NODES - i : PUT_AT_ONCE;

		for (unsigned k = 0; k < n; k++) {
			node(i + k, &list[k]);
			list[k].when_ms = 1000ull * (START_S + i / 20000);
		}
		rc = store_writer_put(r->writer, list, n);
	}
	if (rc == 0)
		rc = store_writer_flush(r->writer);
	return rc == 0 ? store_compact(r->store) : rc;
}

/* For writing, as a crawl does, and one node looked up. */
static int reopen(struct rig *r, double *seconds)
{
	uint64_t start;
	struct sighting s;
	struct store_node n;
	struct store_view *v;
	int rc;

	store_writer_free(r->writer);
	r->writer = NULL;
	store_close(r->store);
	start = bench_now_ns();
	rc = store_open(r->dir, STORE_WRITE, &r->store, NULL);
	if (rc == 0)
		rc = store_view_open(r->store, &v);
	if (rc < 0)
		return rc;
	node(4711, &s);
	rc = store_view_find(v, &s.from, &n);
	store_view_close(v);
	*seconds = (double)(bench_now_ns() - start) / 1e9;
	return rc == 1 ? 0 : rc < 0 ? rc : DT_ENOTFOUND;
}

static int scan(struct rig *r, double *rows_per_s)
{
	uint64_t start = bench_now_ns(), rows = 0;
	struct store_node n;
	struct store_view *v;
	int rc = store_view_open(r->store, &v);

	if (rc < 0)
		return rc;
	while ((rc = store_view_next(v, &n)) == 1)
		rows++;
	store_view_close(v);
	*rows_per_s = (double)rows * 1e9 / (double)(bench_now_ns() - start);
	return rc;
}

static int run_reopen(const struct bench_ctx *ctx, FILE *out)
{
	struct bench_extra extra[3];
	double seconds = 0, rows = 0;
	struct store_info info;
	struct rig r;
	int rc = rig_open(&r);

	if (rc == 0)
		rc = put_many(&r);
	if (rc == 0)
		rc = reopen(&r, &seconds);
	if (rc == 0)
		rc = scan(&r, &rows);
	if (rc == 0)
		rc = look(&r, &info);
	rig_close(&r);
	if (rc < 0)
		return rc;
	extra[0] = (struct bench_extra){ "scan_rows_per_s", rows };
	extra[1] = (struct bench_extra){ "bytes_per_node", (double)info.used_bytes / REOPEN_NODES };
	extra[2] =
		(struct bench_extra){ "log_bytes_per_node", (double)info.log_bytes / REOPEN_NODES };
	return bench_emit(ctx,
			  &(struct bench_figure){ .name = "store_reopen",
						  .unit = "s",
						  .better = BENCH_LOWER,
						  .best = seconds,
						  .median = seconds,
						  .runs = 1,
						  .extra = extra,
						  .extra_count = 3 },
			  out);
}

const struct bench bench_log[] = {
	{ "log_read", "the sightings log: read, written, bytes of an observation", run_log },
	{ "edges_put", "edges: written, joined, read, bytes of one", run_edges },
	{ "store_reopen", "a store of 10 M nodes: opened again, scanned", run_reopen },
	{ NULL, NULL, NULL },
};
