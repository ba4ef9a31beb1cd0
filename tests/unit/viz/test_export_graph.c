/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/support/tempdir.h"
#include "viz/export_graph.h"

/**
 * DOC: graphs from a source made here, against a matrix of who listed whom.
 * Listings repeat and come in no order of targets, as replies do. What other
 * people's programs read of the files: tests/integration/test_export_graph.sh.
 */

enum { STARTED_S = 1795219200, NODES = 40, ARCS_MAX = 20000, FILE_MAX = 4 << 20 };

struct world {
	struct export_graph_source src;
	struct export_arc arcs[ARCS_MAX];
	unsigned arc_count, at_node, at_arc;
	unsigned listed[NODES][NODES]; /* how often */
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* Every seventh ordinal is nobody's; every third node never answered. */
static bool is_there(unsigned i)
{
	return i % 7 != 6;
}

static struct store_node node_of(unsigned i)
{
	struct store_node n = { .ep = endpoint_ip4(0x0b000000 + i, 6881),
				.first_seen_s = STARTED_S,
				.last_seen_s = STARTED_S + 100,
				.asn = i % 4 * 10,
				.country = { (char)(i % 3 ? 'D' : 'B'), (char)(i % 3 ? 'E' : 'R') },
				.ways = i % 3 ? 1 << SIGHTING_ANSWERED : 1 << SIGHTING_MENTIONED };
	struct nodeid id = { { (uint8_t)(i * 11), (uint8_t)i } };

	if (i % 3)
		n.key = nodekey_from_id(&id);
	return n;
}

static int rewind_all(void *ctx)
{
	struct world *w = ctx;

	w->at_node = w->at_arc = 0;
	return 0;
}

static int next_node(void *ctx, uint32_t *ordinal, bool *answered, struct store_node *out)
{
	struct world *w = ctx;

	while (w->at_node < NODES && !is_there(w->at_node))
		w->at_node++;
	if (w->at_node == NODES)
		return 0;
	*ordinal = w->at_node;
	*answered = w->at_node % 3 != 0;
	*out = node_of(w->at_node++);
	return 1;
}

static int next_arc(void *ctx, struct export_arc *out)
{
	struct world *w = ctx;

	if (w->at_arc == w->arc_count)
		return 0;
	*out = w->arcs[w->at_arc++];
	return 1;
}

static void world_make(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	for (unsigned s = 0; s < NODES; s++) {
		unsigned n = s % 5 ? (unsigned)(next_random(&seed) % 60) : 0;

		for (unsigned i = 0; is_there(s) && i < n; i++) {
			/* Now and then one whom the store does not know. */
			uint32_t t = (uint32_t)(next_random(&seed) % (NODES + 2));

			w->arcs[w->arc_count++] = (struct export_arc){ s, t, STARTED_S + i, 3 };
			if (t < NODES && is_there(t))
				w->listed[s][t]++;
		}
	}
	w->src = (struct export_graph_source){ .ctx = w,
					       .space = NODES,
					       .arcs = w->arc_count,
					       .rewind = rewind_all,
					       .node = next_node,
					       .arc = next_arc };
}

struct fixture {
	struct world *w;
	char dir[TEMPDIR_MAX], out[TEMPDIR_MAX + 8];
	struct store *s;
	struct store_view *v;
	struct export_stats st;
};

static void fixture_open(struct fixture *f)
{
	f->w = calloc(1, sizeof(*f->w));
	world_make(f->w, 7);
	tempdir_make(f->dir);
	tempdir_make(f->out);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
	assert_int_equal(store_view_open(f->s, &f->v), 0);
}

static void fixture_close(struct fixture *f)
{
	store_view_close(f->v);
	store_close(f->s);
	tempdir_remove(f->dir);
	tempdir_remove(f->out);
	free(f->w);
}

static int run(struct fixture *f, struct export_opts o, char why[static 256])
{
	struct export_job *job = calloc(1, sizeof(*job));
	int rc;

	memset(&f->st, 0, sizeof(f->st));
	o.what = EXPORT_EDGES;
	o.dir = f->out;
	job->view = f->v;
	job->opts = &o;
	job->stats = &f->st;
	assert_int_equal(export_namer_new(f->v, true, &job->namer), 0);
	export_files_init(&job->files, &o, &f->st);
	rc = export_graph_write(job, &f->w->src);
	export_files_end(&job->files, rc == 0);
	export_namer_free(job->namer);
	memcpy(why, job->why, 256);
	free(job);
	return rc;
}

/* A file of the export with a NUL behind it; the caller frees it. */
static char *slurp(struct fixture *f, const char *name, size_t *len)
{
	char path[2 * TEMPDIR_MAX], *text = calloc(1, FILE_MAX + 1);
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", f->out, name);
	in = fopen(path, "re");
	assert_non_null(in);
	*len = fread(text, 1, FILE_MAX, in);
	assert_true(*len < FILE_MAX);
	fclose(in);
	return text;
}

static bool wanted(const struct export_opts *o, unsigned i)
{
	struct store_node n = node_of(i);

	return is_there(i) && export_where_holds(&o->where, &n);
}

/* rank[i] of the nodes that are wanted; returns their number. */
static unsigned ranks(const struct export_opts *o, unsigned rank[static NODES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < NODES; i++) {
		rank[i] = n;
		n += wanted(o, i);
	}
	return n;
}

/* ---- tables --------------------------------------------------------------------------- */

static void test_csv(void **state)
{
	unsigned got[NODES][NODES] = { 0 }, s, t, crawlable, when, bucket, rows = 0;
	struct export_opts o = { .kind = EXPORT_CSV, .where = { .by_asn = true, .asn = 10 } };
	struct fixture f;
	char *text, *line, *save, why[256];
	size_t len;

	(void)state;
	fixture_open(&f);
	assert_int_equal(run(&f, o, why), 0);
	text = slurp(&f, "edges.csv", &len);
	line = strtok_r(text, "\n", &save);
	assert_string_equal(line, "source,target,target_crawlable,source_crawl_timestamp,bucket");
	while ((line = strtok_r(NULL, "\n", &save))) {
		assert_int_equal(sscanf(line, "%u,%u,%u,%u,%u", &s, &t, &crawlable, &when, &bucket),
				 5);
		assert_true(s < NODES && t < NODES && wanted(&o, s) && wanted(&o, t));
		assert_int_equal(crawlable, t % 3 != 0);
		assert_true(when >= STARTED_S && when < STARTED_S + 60);
		assert_int_equal(bucket, 3);
		got[s][t]++;
		rows++;
	}
	assert_int_equal(rows, f.st.rows);
	assert_true(rows > 10);
	for (s = 0; s < NODES; s++)
		for (t = 0; t < NODES; t++)
			assert_int_equal(got[s][t],
					 wanted(&o, s) && wanted(&o, t) ? f.w->listed[s][t] : 0);
	free(text);
	text = slurp(&f, "nodes.csv", &len);
	assert_int_equal(strncmp(text, "node,id,address,port,", 21), 0);
	assert_non_null(strstr(text, "\n1,0b01000000000000000000000000000000000000"));
	assert_non_null(strstr(text, "\n9,,11.0.0.9,6881,")); /* mentioned alone: no id */
	free(text);
	fixture_close(&f);
}

/* ---- matrices --------------------------------------------------------------------------- */

static unsigned cell(const struct fixture *f, const struct export_opts *o, unsigned s, unsigned t)
{
	return wanted(o, s) && wanted(o, t) && f->w->listed[s][t] > 0;
}

static void check_mtx(struct fixture *f, const struct export_opts *o)
{
	unsigned rank[NODES], n = ranks(o, rank), r, c, rows, columns, edges = 0;
	unsigned long long promised;
	char *text, *at;
	size_t len;

	text = slurp(f, "graph.mtx", &len);
	assert_int_equal(strncmp(text, "%%MatrixMarket matrix coordinate pattern general\n", 49),
			 0);
	at = strchr(strchr(text, '\n') + 1, '\n') + 1;
	assert_int_equal(sscanf(at, "%u %u %llu", &rows, &columns, &promised), 3);
	assert_true(rows == n && columns == n);
	at = strchr(at, '\n') + 1;
	for (unsigned s = 0; s < NODES; s++) {
		for (unsigned t = 0; t < NODES; t++) {
			if (!cell(f, o, s, t))
				continue;
			assert_int_equal(sscanf(at, "%u %u", &r, &c), 2);
			assert_int_equal(r, rank[s] + 1);
			assert_int_equal(c, rank[t] + 1);
			at = strchr(at, '\n') + 1;
			edges++;
		}
	}
	assert_int_equal(*at, 0);
	assert_int_equal(edges, promised);
	assert_int_equal(edges, f->st.rows);
	free(text);
}

/* Behind its head, whose length a multiple of 64 is asked for; returns the number of values. */
static char *array(struct fixture *f, const char *name, const char *type, size_t width, char **own,
		   size_t *count)
{
	size_t len, head;
	char descr[32];

	*own = slurp(f, name, &len);
	assert_memory_equal(*own, "\x93NUMPY\x01", 8);
	head = 10u + (uint8_t)(*own)[8] + 256u * (uint8_t)(*own)[9];
	assert_int_equal(head % 64, 0);
	snprintf(descr, sizeof(descr), "{'descr': '%s',", type);
	assert_int_equal(strncmp(*own + 10, descr, strlen(descr)), 0);
	assert_int_equal((len - head) % width, 0);
	*count = (len - head) / width;
	return *own + head;
}

static void check_csr(struct fixture *f, const struct export_opts *o)
{
	unsigned rank[NODES], n = ranks(o, rank);
	char *own_indptr, *own_indices, *indptr, *indices;
	size_t rows, edges, at = 0;
	int64_t from, to;
	int32_t target;

	indptr = array(f, "indptr.npy", "<i8", 8, &own_indptr, &rows);
	indices = array(f, "indices.npy", "<i4", 4, &own_indices, &edges);
	assert_int_equal(rows, n + 1);
	assert_int_equal(edges, f->st.rows);
	for (unsigned s = 0; s < NODES; s++) {
		if (!wanted(o, s))
			continue;
		memcpy(&from, indptr + 8 * rank[s], 8);
		memcpy(&to, indptr + 8 * rank[s] + 8, 8);
		assert_int_equal(from, at);
		for (unsigned t = 0; t < NODES; t++) {
			if (!cell(f, o, s, t))
				continue;
			memcpy(&target, indices + 4 * at++, 4);
			assert_int_equal(target, rank[t]);
		}
		assert_int_equal(to, at);
	}
	assert_int_equal(at, edges);
	free(own_indptr);
	free(own_indices);
}

static void test_matrices(void **state)
{
	static const struct export_where wheres[] = {
		{ .by_asn = false },
		{ .by_country = true, .country = "DE" },
		{ .by_way = true, .way = SIGHTING_ANSWERED },
		{ .by_asn = true, .asn = 777 }, /* nobody */
	};
	struct fixture f;
	char why[256];

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < sizeof(wheres) / sizeof(wheres[0]); i++) {
		struct export_opts o = { .kind = EXPORT_MTX, .where = wheres[i] };

		assert_int_equal(run(&f, o, why), 0);
		check_mtx(&f, &o);
		o.kind = EXPORT_NPY;
		assert_int_equal(run(&f, o, why), 0);
		check_csr(&f, &o);
	}
	fixture_close(&f);
}

/* ---- levels, samples, refusals ------------------------------------------------------------ */

static void test_level(void **state)
{
	unsigned long long want[2][2] = { { 0 } }, got;
	struct export_opts o = { .kind = EXPORT_TSV, .level = EXPORT_LEVEL_COUNTRY };
	static const char *const names[2] = { "BR", "DE" };
	char line[32], *text, why[256], *at;
	struct fixture f;
	size_t len;

	(void)state;
	fixture_open(&f);
	for (unsigned s = 0; s < NODES; s++)
		for (unsigned t = 0; t < NODES; t++)
			want[s % 3 != 0][t % 3 != 0] += f.w->listed[s][t];
	assert_int_equal(run(&f, o, why), 0);
	assert_int_equal(f.st.rows, 4);
	assert_int_equal(f.st.graph_nodes, 2);
	text = slurp(&f, "edges.tsv", &len);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "\n%s\t%s\t", names[i / 2], names[i % 2]);
		at = strstr(text, line);
		assert_non_null(at);
		assert_int_equal(sscanf(at + strlen(line), "%llu", &got), 1);
		assert_int_equal(got, want[i / 2][i % 2]);
	}
	free(text);
	o.kind = EXPORT_NPY;
	o.level = EXPORT_LEVEL_ASN;
	assert_int_equal(run(&f, o, why), 0);
	assert_int_equal(f.st.graph_nodes, 4);
	array(&f, "weights.npy", "<u8", 8, &text, &len);
	assert_int_equal(len, f.st.rows);
	free(text);
	fixture_close(&f);
}

static void test_sample(void **state)
{
	struct export_opts o = { .kind = EXPORT_GRAPHML, .sample = 9 };
	struct fixture f;
	char *a, *b, why[256];
	unsigned nodes = 0;
	size_t len;

	(void)state;
	fixture_open(&f);
	assert_int_equal(run(&f, o, why), 0);
	assert_int_equal(f.st.graph_nodes, 9);
	a = slurp(&f, "graph.graphml", &len);
	for (const char *at = a; (at = strstr(at, "<node ")); at++)
		nodes++;
	assert_int_equal(nodes, 9);
	assert_int_equal(run(&f, o, why), 0);
	b = slurp(&f, "graph.graphml", &len);
	assert_string_equal(a, b);
	free(a);
	free(b);
	fixture_close(&f);
}

/* More edges than XML is for: as many arcs from one node to ever others. */
struct flood {
	uint32_t at_node, at_arc;
};

enum { FLOOD = EXPORT_XML_EDGES_MAX + 1 };

static int flood_rewind(void *ctx)
{
	memset(ctx, 0, sizeof(struct flood));
	return 0;
}

static int flood_node(void *ctx, uint32_t *ordinal, bool *answered, struct store_node *out)
{
	struct flood *f = ctx;

	if (f->at_node == FLOOD)
		return 0;
	*ordinal = f->at_node++;
	*answered = false;
	memset(out, 0, sizeof(*out));
	return 1;
}

static int flood_arc(void *ctx, struct export_arc *out)
{
	struct flood *f = ctx;

	if (f->at_arc == FLOOD)
		return 0;
	*out = (struct export_arc){ .source = 0, .target = f->at_arc++ };
	return 1;
}

static void test_refusal(void **state)
{
	struct export_opts o = { .kind = EXPORT_GEXF };
	struct flood flood = { 0 };
	struct fixture f;
	char why[256];

	(void)state;
	fixture_open(&f);
	f.w->src = (struct export_graph_source){ .ctx = &flood,
						 .space = FLOOD,
						 .rewind = flood_rewind,
						 .node = flood_node,
						 .arc = flood_arc };
	assert_int_equal(run(&f, o, why), DT_EREFUSED);
	assert_non_null(strstr(why, "2000001 edges"));
	assert_non_null(strstr(why, "--force"));
	assert_int_equal(f.st.file_count, 0);
	o.level = EXPORT_LEVEL_ASN; /* one network: one edge */
	assert_int_equal(run(&f, o, why), 0);
	assert_int_equal(f.st.rows, 1);
	fixture_close(&f);
}

/* A store whose listings are out of order is damaged, and said to be. */
static void test_disorder(void **state)
{
	struct export_opts o = { .kind = EXPORT_MTX };
	struct fixture f;
	char why[256];

	(void)state;
	fixture_open(&f);
	f.w->arcs[f.w->arc_count - 1].source = 1;
	f.w->arcs[f.w->arc_count - 1].target = 1;
	assert_int_equal(run(&f, o, why), DT_ECORRUPT);
	assert_int_equal(f.st.file_count, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),     cmocka_unit_test(test_matrices),
		cmocka_unit_test(test_level),   cmocka_unit_test(test_sample),
		cmocka_unit_test(test_refusal), cmocka_unit_test(test_disorder),
	};

	return cmocka_run_group_tests_name("viz/export_graph", tests, NULL, NULL);
}
