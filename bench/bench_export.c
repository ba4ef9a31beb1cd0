/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "store/store.h"
#include "viz/export.h"

/**
 * DOC: what an export costs, from rows of a store to the name of a file: half
 * a million nodes with places, names of networks and clients as a census has
 * them, written to the directory for temporary files.
 */

enum {
	ROWS = 500000, /* nearly a whole row group of parquet */
	PUT_AT_ONCE = 1024,
	NETWORKS = 4096, /* one per /16 of what is drawn, each with a name and a place */
	RUNS_DEFAULT = 3,
	RUNS_MAX = 16,
	PATH_BYTES = 256,
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static struct sighting row(uint64_t *state)
{
	static const char tags[4][4] = { "LT\x02\x0a", "UT\xb7\x40", "JC\x00\x1b", "lt\x0d\x80" };
	uint64_t r = next_random(state);
	struct sighting s = { .when_ms = 1795219200000 + r % 600000,
			      .key.bits = NODEID_BITS,
			      .way = SIGHTING_ANSWERED,
			      .attempts = 1,
			      .answers = 1,
			      .version_len = 4,
			      .flags = SIGHTING_HAS_V,
			      .mentions = (uint16_t)(r % 60),
			      .rtt_us = 40000 + (uint32_t)(r % 90000) };

	memcpy(s.version, tags[r % 4], 4);
	for (unsigned b = 0; b < NODEID_BYTES; b++)
		s.key.b[b] = (uint8_t)(next_random(state) >> 56);
	s.from = endpoint_ip4(0x10000000 + (uint32_t)(next_random(state) >> 36),
			      (uint16_t)(1024 + r % 60000));
	return s;
}

static int write_geo(const char *dir)
{
	char path[PATH_BYTES + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s/geo.tsv", dir);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "# dht-telescope geo table v1\n");
	for (unsigned i = 0; i < NETWORKS; i++)
		fprintf(f,
			"%u.%u.0.0\t%u.%u.255.255\t%u\tNetwork of Region "
			"%u\tDE\tTown\t%d.%u\t%d.5\t10\n",
			16 + i / 256, i % 256, 16 + i / 256, i % 256, 1000 + i, i,
			(int)(i % 120) - 50, i % 10, (int)(i % 300) - 150);
	return fclose(f) ? -errno : 0;
}

static int fill(struct store *s, struct geo *geo)
{
	const struct store_writer_opts opts = { .geo = geo };
	struct sighting rows[PUT_AT_ONCE];
	struct store_writer *w;
	uint64_t state = 42;
	int rc = store_writer_new(s, &opts, &w);

	if (rc < 0)
		return rc;
	for (unsigned at = 0; at < ROWS && rc == 0; at += PUT_AT_ONCE) {
		unsigned n = ROWS - at < PUT_AT_ONCE ? ROWS - at : PUT_AT_ONCE;

		for (unsigned i = 0; i < n; i++)
			rows[i] = row(&state);
		rc = store_writer_put(w, rows, n);
	}
	if (rc == 0)
		rc = store_writer_flush(w);
	store_writer_free(w);
	return rc;
}

struct fixture {
	char dir[PATH_BYTES];
	struct store *store;
	struct store_view *view;
};

static int fixture_open(struct fixture *f)
{
	const char *base = getenv("TMPDIR");
	struct geo_opts opts = { .dir = f->dir };
	struct geo *geo = NULL;
	int rc;

	snprintf(f->dir, sizeof(f->dir), "%s/dt-bench-XXXXXX", base && base[0] ? base : "/tmp");
	rc = mkdtemp(f->dir) ? write_geo(f->dir) : -errno;
	if (rc == 0)
		rc = geo_open(&opts, NULL, NULL, &geo);
	if (rc == 0)
		rc = store_open(f->dir, STORE_CREATE, &f->store, NULL);
	if (rc == 0)
		rc = fill(f->store, geo);
	if (rc == 0)
		rc = store_view_open(f->store, &f->view);
	geo_close(geo);
	return rc;
}

static void fixture_close(struct fixture *f)
{
	static const char *const names[] = { "state-1/data.mdb", "state-1/lock.mdb", "state-1",
					     "state", "geo.tsv" };
	char path[PATH_BYTES + 32];

	store_view_close(f->view);
	store_close(f->store);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		remove(path);
	}
	rmdir(f->dir);
}

struct variant {
	const char *name;
	struct export_opts opts;
};

static const struct variant variants[] = {
	{ "export_csv", { .kind = EXPORT_CSV } },
	{ "export_csv_raw", { .kind = EXPORT_CSV, .raw = true } },
	{ "export_csv_zstd", { .kind = EXPORT_CSV, .zstd = true } },
	{ "export_ndjson", { .kind = EXPORT_NDJSON } },
	{ "export_parquet", { .kind = EXPORT_PARQUET } },
	{ "export_npy", { .kind = EXPORT_NPY } },
	{ "export_aggregate", { .what = EXPORT_AGGREGATE, .kind = EXPORT_CSV } },
	{ "export_geojson", { .what = EXPORT_AGGREGATE, .kind = EXPORT_GEOJSON } },
};

/* The fastest comes last: bench_median() sorts. */
static int emit(const struct bench_ctx *ctx, const char *name, double *rates, unsigned runs,
		uint64_t bytes, FILE *out)
{
	const struct bench_extra extra[] = { { "bytes_per_node", (double)bytes / ROWS } };
	struct bench_figure f = { .name = name,
				  .unit = "nodes/s",
				  .better = BENCH_HIGHER,
				  .median = bench_median(rates, runs),
				  .runs = runs,
				  .extra = extra,
				  .extra_count = 1 };

	f.best = rates[runs - 1];
	return bench_emit(ctx, &f, out);
}

static int measure(const struct bench_ctx *ctx, const struct fixture *f, const struct variant *v,
		   FILE *out)
{
	unsigned runs = ctx->runs && ctx->runs < RUNS_MAX ? ctx->runs : RUNS_DEFAULT;
	char path[PATH_BYTES + 16], why[256];
	struct export_opts o = v->opts;
	struct export_stats st = { 0 };
	double rates[RUNS_MAX];
	int rc = 0;

	snprintf(path, sizeof(path), "%s/out", f->dir);
	o.path = path;
	for (unsigned i = 0; i < runs && rc == 0; i++) {
		uint64_t start = bench_now_ns();

		rc = export_run(f->view, &o, &st, why);
		rates[i] = ROWS * 1e9 / (double)(bench_now_ns() - start);
		remove(path);
	}
	return rc < 0 ? rc : emit(ctx, v->name, rates, runs, st.bytes, out);
}

static int run_formats(const struct bench_ctx *ctx, FILE *out)
{
	struct fixture f = { .store = NULL };
	int rc = fixture_open(&f);

	for (unsigned i = 0; i < sizeof(variants) / sizeof(variants[0]) && rc == 0; i++)
		rc = measure(ctx, &f, &variants[i], out);
	fixture_close(&f);
	return rc;
}

const struct bench bench_export[] = {
	{ "export_formats", "rows of a store into each format of export, nodes/s", run_formats },
	{ NULL, NULL, NULL },
};
