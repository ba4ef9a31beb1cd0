/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "proto/listing.h"
#include "store/movement.h"
#include "store/store.h"
#include "viz/export.h"

/**
 * DOC: what graphs and comparisons cost. A graph of 3.2 million edges goes from
 * the store into each format; and two censuses of ten million nodes, of which
 * 5 % came, 5 % went and 1 % moved, are compared.
 */

enum {
	GRAPH_NODES = 100000,
	LISTED = 32, /* by each; 16 a reply at most */
	PUT_AT_ONCE = 1024,
	RUNS_DEFAULT = 3,
	RUNS_MAX = 16,
	PATH_BYTES = 256,
	STARTED_S = 1795219200,
	HOUR_S = 3600,
	MOVEMENT_NODES = 10000000,
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* A node's id and address are functions of its number: ids fall evenly, as real ones do. */
static struct nodeid id_of(uint32_t i)
{
	uint64_t state = 0x9e3779b97f4a7c15u * (i + 1ull), r;
	struct nodeid id;

	for (unsigned b = 0; b < NODEID_BYTES; b += 4) {
		r = next_random(&state);
		memcpy(id.b + b, (const char *)&r + 4, 4);
	}
	return id;
}

static struct endpoint ep_of(uint32_t i, bool moved)
{
	return endpoint_ip4(0x10000000 + (uint32_t)(i * 2654435761u >> 5) + (moved ? 7 : 0),
			    (uint16_t)(1024 + i % 60000));
}

static struct sighting heard(uint32_t i, bool moved, uint64_t at_s)
{
	struct nodeid id = id_of(i);

	return (struct sighting){ .when_ms = at_s * 1000,
				  .key = nodekey_from_id(&id),
				  .from = ep_of(i, moved),
				  .way = SIGHTING_ANSWERED,
				  .attempts = 1,
				  .answers = 1 };
}

struct fixture {
	char dir[PATH_BYTES];
	struct store *store;
	struct store_writer *writer;
	struct store_view *view;
	struct sighting rows[PUT_AT_ONCE];
	unsigned waiting;
};

static int flush(struct fixture *f)
{
	int rc = store_writer_put(f->writer, f->rows, f->waiting);

	f->waiting = 0;
	return rc;
}

static int put(struct fixture *f, uint32_t i, bool moved, uint64_t at_s)
{
	f->rows[f->waiting++] = heard(i, moved, at_s);
	return f->waiting == PUT_AT_ONCE ? flush(f) : 0;
}

static int list(struct fixture *f, uint32_t i, uint64_t at_s)
{
	uint64_t state = 0x2545f4914f6cdd1du * (i + 1ull);
	struct listing l = { .when_ms = at_s * 1000,
			     .id = id_of(i),
			     .from = ep_of(i, false),
			     .listed = LISTING_CONTACTS,
			     .count = LISTING_CONTACTS };
	int rc = 0;

	for (unsigned reply = 0; reply < LISTED / LISTING_CONTACTS && rc == 0; reply++) {
		l.depth = (uint8_t)(10 + reply);
		for (unsigned c = 0; c < LISTING_CONTACTS; c++) {
			uint32_t t = (uint32_t)(next_random(&state) % GRAPH_NODES);

			l.contacts[c] = (struct listing_contact){ id_of(t), ep_of(t, false) };
		}
		rc = store_writer_list(f->writer, &l, 1);
	}
	return rc;
}

static int fixture_open(struct fixture *f)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 0 };
	const char *base = getenv("TMPDIR");
	int rc;

	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "%s/dt-bench-XXXXXX", base && base[0] ? base : "/tmp");
	rc = mkdtemp(f->dir) ? 0 : -errno;
	if (rc == 0)
		rc = store_open(f->dir, STORE_CREATE, &f->store, NULL);
	return rc == 0 ? store_writer_new(f->store, &opts, &f->writer) : rc;
}

static int census_begin(struct fixture *f, uint64_t at_s, uint32_t *epoch)
{
	return store_epoch_begin(f->store, at_s, true, epoch);
}

static int census_end(struct fixture *f, uint64_t at_s, uint32_t epoch)
{
	int rc = flush(f);

	if (rc == 0)
		rc = store_writer_flush(f->writer);
	return rc == 0 ? store_epoch_end(f->store, epoch, at_s + 600, "{}", 2) : rc;
}

static int fixture_read(struct fixture *f)
{
	int rc;

	store_writer_free(f->writer);
	f->writer = NULL;
	rc = store_compact(f->store);
	return rc == 0 ? store_view_open(f->store, &f->view) : rc;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void fixture_close(struct fixture *f)
{
	store_view_close(f->view);
	store_writer_free(f->writer);
	store_close(f->store);
	if (f->dir[0])
		nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- graphs ---------------------------------------------------------------------------- */

struct variant {
	const char *name;
	struct export_opts opts;
};

static const struct variant variants[] = {
	{ "graph_csv", { .kind = EXPORT_CSV } },
	{ "graph_csv_zstd", { .kind = EXPORT_CSV, .zstd = true } },
	{ "graph_ndjson", { .kind = EXPORT_NDJSON } },
	{ "graph_parquet", { .kind = EXPORT_PARQUET } },
	{ "graph_npy", { .kind = EXPORT_NPY } },
	{ "graph_mtx", { .kind = EXPORT_MTX } },
	{ "graph_graphml", { .kind = EXPORT_GRAPHML, .force = true } },
	{ "graph_gexf", { .kind = EXPORT_GEXF, .force = true } },
	{ "graph_country", { .kind = EXPORT_CSV, .level = EXPORT_LEVEL_COUNTRY } },
};

static int fill_graph(struct fixture *f)
{
	uint32_t epoch;
	int rc = census_begin(f, STARTED_S, &epoch);

	for (uint32_t i = 0; i < GRAPH_NODES && rc == 0; i++) {
		rc = put(f, i, false, STARTED_S + i / 1000);
		if (rc == 0)
			rc = list(f, i, STARTED_S + i / 1000);
	}
	if (rc == 0)
		rc = census_end(f, STARTED_S, epoch);
	return rc == 0 ? fixture_read(f) : rc;
}

/* What tells of edges alone: the table of nodes lies beside some of them. */
static uint64_t edge_bytes(const struct export_stats *st)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < st->file_count; i++)
		if (strncmp(st->files[i].name, "nodes.", 6) != 0)
			bytes += st->files[i].bytes;
	return bytes;
}

static int measure(const struct bench_ctx *ctx, struct fixture *f, const struct variant *v,
		   FILE *out)
{
	unsigned runs = ctx->runs && ctx->runs < RUNS_MAX ? ctx->runs : RUNS_DEFAULT;
	struct export_opts o = v->opts;
	struct export_stats st = { 0 };
	struct bench_figure fig = { .name = v->name,
				    .unit = "edges/s",
				    .better = BENCH_HIGHER,
				    .runs = runs,
				    .extra_count = 1 };
	struct bench_extra extra = { "bytes_per_edge", 0 };
	double rates[RUNS_MAX];
	char why[256];
	int rc = 0;

	o.what = EXPORT_EDGES;
	o.dir = f->dir;
	for (unsigned i = 0; i < runs && rc == 0; i++) {
		uint64_t start = bench_now_ns();

		rc = export_run(f->view, &o, &st, why);
		rates[i] = (double)st.edges * 1e9 / (double)(bench_now_ns() - start);
	}
	if (rc < 0)
		return rc;
	extra.value = (double)edge_bytes(&st) / (double)(st.edges ? st.edges : 1);
	fig.extra = &extra;
	fig.median = bench_median(rates, runs);
	fig.best = rates[runs - 1];
	return bench_emit(ctx, &fig, out);
}

static int run_graphs(const struct bench_ctx *ctx, FILE *out)
{
	struct fixture *f = malloc(sizeof(*f));
	int rc = f ? fixture_open(f) : -ENOMEM;

	if (rc == 0)
		rc = fill_graph(f);
	for (unsigned i = 0; i < sizeof(variants) / sizeof(variants[0]) && rc == 0; i++)
		rc = measure(ctx, f, &variants[i], out);
	if (f)
		fixture_close(f);
	free(f);
	return rc;
}

/* ---- two censuses ------------------------------------------------------------------------ */

static int fill_census(struct fixture *f, unsigned census)
{
	uint64_t at_s = STARTED_S + (uint64_t)census * HOUR_S;
	uint32_t epoch, part = MOVEMENT_NODES / 20;
	int rc = census_begin(f, at_s, &epoch);

	/* The first has [0, n), the second [n / 20, n + n / 20), a hundredth of them elsewhere. */
	for (uint32_t i = census * part; i < MOVEMENT_NODES + census * part && rc == 0; i++)
		rc = put(f, i, census && i % 100 == 0, at_s + i % 500);
	return rc == 0 ? census_end(f, at_s, epoch) : rc;
}

struct timing {
	double all_s, nodes_s, presence_s, between_s;
};

static int compare_once(struct fixture *f, struct timing *t, struct movement_counts *c)
{
	struct presence a = { .words = NULL }, b = { .words = NULL };
	struct movement *m = NULL;
	uint64_t start = bench_now_ns(), nodes, presence, end;
	int rc = movement_new(f->view, &m);

	nodes = bench_now_ns();
	if (rc == 0)
		rc = presence_read(f->view, STARTED_S, STARTED_S + 600, &a);
	if (rc == 0)
		rc = presence_read(f->view, STARTED_S + HOUR_S, STARTED_S + HOUR_S + 600, &b);
	presence = bench_now_ns();
	if (rc == 0)
		rc = movement_between(m, &a, &b, c);
	end = bench_now_ns();
	*t = (struct timing){ (double)(end - start) / 1e9, (double)(nodes - start) / 1e9,
			      (double)(presence - nodes) / 1e9, (double)(end - presence) / 1e9 };
	presence_free(&a);
	presence_free(&b);
	movement_free(m);
	return rc;
}

static int compare(const struct bench_ctx *ctx, struct fixture *f, FILE *out)
{
	unsigned runs = ctx->runs && ctx->runs < RUNS_MAX ? ctx->runs : RUNS_DEFAULT;
	struct movement_counts c = { 0 };
	struct timing t = { 0 }, best = { .all_s = 1e9 };
	double seconds[RUNS_MAX];
	int rc = 0;

	for (unsigned i = 0; i < runs && rc == 0; i++) {
		rc = compare_once(f, &t, &c);
		seconds[i] = t.all_s;
		best = t.all_s < best.all_s ? t : best;
	}
	if (rc < 0)
		return rc;
	const struct bench_extra extra[] = {
		{ "nodes", (double)c.before },     { "stayed", (double)c.stayed },
		{ "joined", (double)c.joined },    { "left", (double)c.left },
		{ "moved", (double)c.moved },      { "read_nodes_s", best.nodes_s },
		{ "read_log_s", best.presence_s }, { "compare_s", best.between_s }
	};
	struct bench_figure fig = { .name = "movement_diff",
				    .unit = "s",
				    .better = BENCH_LOWER,
				    .median = bench_median(seconds, runs),
				    .runs = runs,
				    .extra = extra,
				    .extra_count = sizeof(extra) / sizeof(extra[0]) };

	fig.best = seconds[0];
	return bench_emit(ctx, &fig, out);
}

static int run_movement(const struct bench_ctx *ctx, FILE *out)
{
	struct fixture *f = malloc(sizeof(*f));
	int rc = f ? fixture_open(f) : -ENOMEM;

	for (unsigned census = 0; census < 2 && rc == 0; census++)
		rc = fill_census(f, census);
	if (rc == 0)
		rc = fixture_read(f);
	if (rc == 0)
		rc = compare(ctx, f, out);
	if (f)
		fixture_close(f);
	free(f);
	return rc;
}

const struct bench bench_graph[] = {
	{ "graph_formats", "3.2 M edges of a store into each format of graphs, edges/s",
	  run_graphs },
	{ "movement_diff", "two censuses of 10 M nodes compared, seconds", run_movement },
	{ NULL, NULL, NULL },
};
