/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/inside.h"
#include "store/orgs.h"
#include "store/store.h"
#include "tests/support/json_check.h"
#include "tests/support/tempdir.h"
#include "viz/export.h"

/**
 * DOC: exports as text, read back by a parser written from RFC 4180 here and
 * by json_check(). Parquet, numpy and zstd are read by other people's programs:
 * tests/integration/test_export.sh.
 */

enum { STARTED_S = 1795219200, NODES = 300, FIELDS_MAX = 32, FIELD_MAX = 256 };

static const char table[] = "# dht-telescope geo table v1\n"
			    "11.0.0.0\t11.0.0.255\t100\tFirst\tDE\tBerlin\t52.5\t13.4\t10\n"
			    "11.0.1.0\t11.0.1.255\t200\tSecond\tBR\tRio\t-22.9\t-43.2\t0\n";

/* What a store may hold where somebody else wrote it, and what leaves of it. */
static const char hostile[] = "Quo\"te, \\ Inc\n=1+1\t\x01\xff\xc3\xa9\xe2\x80\xae";
static const char cleaned[] = "Quo\"te, \\ Inc =1+1 ??\xc3\xa9?";

struct fixture {
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 32], meta[TEMPDIR_MAX + 32];
	struct store *s;
	struct store_view *v;
};

static struct sighting seen(unsigned i)
{
	struct sighting s = { .when_ms = (STARTED_S + i) * 1000ull,
			      .way = SIGHTING_ANSWERED,
			      .attempts = 2,
			      .answers = 1,
			      .mentions = (uint16_t)i,
			      .rtt_us = 1000 + i,
			      .flags = SIGHTING_NODES6 | SIGHTING_BEP42_OK,
			      .version = { 'L', 'T', 2, (uint8_t)(i % 5) },
			      .version_len = i % 3 ? 4 : 0 };
	uint32_t ip = i % 4 < 2 ? 0x0b000000 : i % 4 == 2 ? 0x0b000100 : 0x0c000000;
	struct nodeid id = { { (uint8_t)(i * 37), (uint8_t)(i >> 8), (uint8_t)i } };

	s.key = nodekey_from_id(&id);
	s.from = endpoint_ip4(ip + i / 4, (uint16_t)(6881 + i));
	if (i % 10 == 9)
		assert_int_equal(endpoint_from_text("[2001:db8::9]:6881", &s.from), 0);
	return s;
}

static void fill(struct fixture *f)
{
	struct geo_opts geo_opts = { .dir = f->dir };
	struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct store_writer *w;
	struct kv_txn *txn;
	uint8_t key[ORGS_KEY_BYTES];
	uint32_t epoch;

	assert_int_equal(geo_open(&geo_opts, NULL, NULL, &opts.geo), 0);
	assert_int_equal(store_epoch_begin(f->s, STARTED_S, true, &epoch), 0);
	assert_int_equal(store_writer_new(f->s, &opts, &w), 0);
	for (unsigned i = 0; i < NODES; i++) {
		struct sighting s = seen(i);

		assert_int_equal(store_writer_put(w, &s, 1), 0);
	}
	assert_int_equal(store_writer_flush(w), 0);
	store_writer_free(w);
	geo_close(opts.geo);
	orgs_key(200, key);
	assert_int_equal(kv_begin(f->s->kv, true, &txn), 0);
	assert_int_equal(kv_put(txn, KV_ORGS, span_of(key, sizeof(key)),
				span_of(hostile, sizeof(hostile) - 1)),
			 0);
	assert_int_equal(kv_commit(txn), 0);
}

static void fixture_open(struct fixture *f)
{
	tempdir_make(f->dir);
	snprintf(f->path, sizeof(f->path), "%s/out", f->dir);
	snprintf(f->meta, sizeof(f->meta), "%s/metadata.json", f->dir);
	tempdir_write(f->dir, "geo.tsv", table, sizeof(table) - 1);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
	fill(f);
	assert_int_equal(store_view_open(f->s, &f->v), 0);
}

static void fixture_close(struct fixture *f)
{
	store_view_close(f->v);
	store_close(f->s);
	tempdir_remove(f->dir);
}

/* The whole file with a NUL behind it; the caller frees it. */
static char *slurp(const char *path)
{
	enum { MOST = 1 << 20 };
	char *text = calloc(1, MOST + 1);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_true(fread(text, 1, MOST, f) < MOST);
	fclose(f);
	return text;
}

static char *export(struct fixture *f, struct export_opts o, struct export_stats *st)
{
	char why[256] = "";

	o.path = f->path;
	o.metadata_path = f->meta;
	o.version = "test";
	o.now_s = STARTED_S;
	if (export_run(f->v, &o, st, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(st->nodes, NODES);
	return slurp(f->path);
}

/* ---- RFC 4180 ---------------------------------------------------------------- */

struct record {
	char field[FIELDS_MAX][FIELD_MAX];
	unsigned count;
};

static void append(struct record *r, char c)
{
	size_t n = strlen(r->field[r->count]);

	assert_true(n + 1 < FIELD_MAX);
	r->field[r->count][n] = c;
}

/* One record; returns what follows it, or NULL at the end. */
static const char *next_record(const char *at, char comma, struct record *r)
{
	memset(r, 0, sizeof(*r));
	if (!*at)
		return NULL;
	for (;;) {
		if (*at == '"') {
			for (at++; *at != '"' || at[1] == '"'; at++) {
				assert_int_not_equal(*at, 0);
				at += *at == '"';
				append(r, *at);
			}
			at++;
		} else {
			for (; *at != comma && *at != '\n'; at++) {
				assert_int_not_equal(*at, 0);
				assert_int_not_equal(*at, '"');
				append(r, *at);
			}
		}
		assert_true(*at == comma || *at == '\n');
		r->count++;
		if (*at++ == '\n')
			return at;
		assert_true(r->count < FIELDS_MAX);
	}
}

static const char *field(const struct record *head, const struct record *row, const char *name)
{
	for (unsigned i = 0; i < head->count; i++)
		if (strcmp(head->field[i], name) == 0)
			return row->field[i];
	fail_msg("no column %s", name);
	return NULL;
}

/* ---- tests --------------------------------------------------------------------- */

static void check_number(const struct record *h, const struct record *r, const char *name,
			 uint64_t want)
{
	if (strtoull(field(h, r, name), NULL, 10) != want)
		fail_msg("%s: %s, not %llu", name, field(h, r, name), (unsigned long long)want);
}

static void check_row(struct fixture *f, const struct record *h, const struct record *r,
		      const struct store_node *n)
{
	char hex[2 * NODEKEY_BYTES + 1], org[GEO_ORG_MAX], ep[ENDPOINT_TEXT_MAX];

	assert_int_equal(r->count, h->count);
	assert_string_equal(field(h, r, "id"), nodekey_to_hex(&n->key, hex));
	endpoint_to_text(&n->ep, ep);
	assert_non_null(strstr(ep, field(h, r, "address")));
	check_number(h, r, "port", n->ep.port);
	check_number(h, r, "first_seen_s", n->first_seen_s);
	check_number(h, r, "last_seen_s", n->last_seen_s);
	check_number(h, r, "last_answered_s", n->last_answered_s);
	check_number(h, r, "mentions", n->mentions);
	check_number(h, r, "attempts", n->attempts);
	check_number(h, r, "rtt_us", n->rtt_us);
	check_number(h, r, "flags", n->flags);
	check_number(h, r, "asn", n->asn);
	assert_string_equal(field(h, r, "country"), n->country);
	assert_string_equal(field(h, r, "client"), n->version_len ? "libtorrent" : "none");
	store_view_org(f->v, n->asn, org);
	assert_string_equal(field(h, r, "org"), n->asn == 200 ? cleaned : org);
	assert_string_equal(field(h, r, "place"), n->has_point ? "point" : "");
	if (n->has_point)
		assert_true(fabs(strtod(field(h, r, "lat"), NULL) - (double)n->lat) < 0.0001);
	else
		assert_string_equal(field(h, r, "lat"), "");
}

/* Every row in the store's order, every value as the store has it. */
static void test_separated(void **state)
{
	static struct record head, r;
	struct store_node n;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (unsigned tabs = 0; tabs < 2; tabs++) {
		struct export_stats st;
		char *text = export(
			&f,
			(struct export_opts){ .kind = tabs ? EXPORT_TSV : EXPORT_CSV, .raw = true },
			&st);
		const char *at = next_record(text, tabs ? '\t' : ',', &head);

		store_view_rewind(f.v);
		for (unsigned i = 0; i < NODES; i++) {
			assert_int_equal(store_view_next(f.v, &n), 1);
			at = next_record(at, tabs ? '\t' : ',', &r);
			assert_non_null(at);
			check_row(&f, &head, &r, &n);
		}
		assert_null(next_record(at, ',', &r));
		assert_int_equal(st.rows, NODES);
		assert_int_equal(st.bytes, strlen(text));
		free(text);
	}
	fixture_close(&f);
}

static void test_ndjson(void **state)
{
	static const char keys[] = "{\"peerID\":\"",
			  *order[] = { "\"addresses\":[\"/ip", "/udp/",
				       "\"protocols\":[\"bep5\",\"bep32\"", "\"agentVersion\":\"" };
	struct export_stats st;
	struct fixture f;
	char *text, *line, *save;
	unsigned lines = 0;

	(void)state;
	fixture_open(&f);
	text = export(&f, (struct export_opts){ .kind = EXPORT_NDJSON }, &st);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *at = line;

		assert_true(json_check(line, strlen(line)));
		assert_int_equal(strncmp(line, keys, sizeof(keys) - 1), 0);
		for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			at = strstr(at, order[i]);
			assert_non_null(at);
		}
		if (strstr(line, "\"asn\":200"))
			assert_non_null(strstr(line, "\"org\":\"Quo\\\"te, \\\\ Inc =1+1"));
		if (strstr(line, "\"asn\":0"))
			assert_non_null(strstr(line, "\"lat\":null"));
		lines++;
	}
	assert_int_equal(lines, NODES);
	free(text);
	fixture_close(&f);
}

/* True addresses only where asked for; the same pseudonyms again in the same store alone. */
static void test_pseudonyms(void **state)
{
	struct export_stats st;
	struct fixture f, g;
	char *a, *b, *c, *d;

	(void)state;
	fixture_open(&f);
	fixture_open(&g);
	a = export(&f, (struct export_opts){ .kind = EXPORT_CSV }, &st);
	b = export(&f, (struct export_opts){ .kind = EXPORT_CSV }, &st);
	c = export(&g, (struct export_opts){ .kind = EXPORT_CSV }, &st);
	d = export(&g, (struct export_opts){ .kind = EXPORT_CSV, .raw = true }, &st);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_string_not_equal(c, d);
	assert_non_null(strstr(d, "2001:db8::9,6881"));
	assert_null(strstr(a, "2001:db8::9"));
	assert_null(strstr(a, ",11.0.0."));
	free(a);
	free(b);
	free(c);
	free(d);
	fixture_close(&f);
	fixture_close(&g);
}

static uint64_t sum_of(const char *text, const char *by)
{
	static struct record r;
	uint64_t sum = 0;

	while ((text = next_record(text, ',', &r)))
		if (strcmp(r.field[0], by) == 0)
			sum += strtoull(r.field[3], NULL, 10);
	return sum;
}

static void test_aggregate(void **state)
{
	struct export_stats st;
	struct fixture f;
	char *text;

	(void)state;
	fixture_open(&f);
	text = export(&f, (struct export_opts){ .what = EXPORT_AGGREGATE }, &st);
	assert_int_equal(sum_of(text, "asn"), NODES);
	assert_int_equal(sum_of(text, "country"), NODES);
	assert_int_equal(sum_of(text, "client"), NODES);
	assert_non_null(strstr(text, "client,none,,100\n"));
	assert_non_null(strstr(text, "asn,200,\"Quo\"\"te, \\ Inc =1+1 ??"));
	free(text);
	text = export(&f,
		      (struct export_opts){ .what = EXPORT_AGGREGATE,
					    .kind = EXPORT_GEOJSON,
					    .where = { .by_country = true, .country = "DE" } },
		      &st);
	assert_true(json_check(text, strlen(text) - 1));
	assert_int_equal(st.rows, 1);
	assert_non_null(strstr(text, "\"country\":\"DE\",\"place\":\"point\""));
	free(text);
	fixture_close(&f);
}

static void test_metadata(void **state)
{
	struct export_opts o = { .where = { .by_asn = true, .asn = 200, .by_prefix = true } };
	char wanted[128], *text, *meta;
	struct export_stats st;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	o.where.prefix = endpoint_ip4(0x0b000000, 0);
	o.where.prefix_bits = 96 + 8;
	text = export(&f, o, &st);
	meta = slurp(f.meta);
	assert_true(json_check(meta, strlen(meta) - 1));
	snprintf(wanted, sizeof(wanted), "\"sha256\": \"%s\"", st.files[0].sha256);
	assert_non_null(strstr(meta, wanted));
	assert_true(st.taken > 0 && st.taken < NODES);
	snprintf(wanted, sizeof(wanted), "\"nodes_taken\": %llu", (unsigned long long)st.taken);
	assert_non_null(strstr(meta, wanted));
	assert_non_null(strstr(meta, "\"synthetic\": true"));
	assert_non_null(strstr(meta, "\"asn\": 200"));
	/* Beside pseudonyms no true prefix is told. */
	assert_non_null(strstr(meta, "\"prefix\": \"withheld\""));
	assert_null(strstr(meta, "11.0.0.0"));
	free(meta);
	free(text);
	o.raw = true;
	text = export(&f, o, &st);
	meta = slurp(f.meta);
	assert_non_null(strstr(meta, "\"prefix\": \"11.0.0.0/8\""));
	assert_non_null(strstr(meta, "\"addresses\": \"raw\""));
	free(meta);
	free(text);
	fixture_close(&f);
}

/* Where the second file cannot be, the first does not stay either. */
static void test_nothing_left(void **state)
{
	struct export_opts o = { .kind = EXPORT_CSV, .version = "test" };
	struct export_stats st;
	struct fixture f;
	char why[256] = "";

	(void)state;
	fixture_open(&f);
	o.path = f.path;
	o.metadata_path = "/nowhere/metadata.json";
	assert_true(export_run(f.v, &o, &st, why) < 0);
	assert_non_null(strstr(why, "/nowhere/metadata.json"));
	assert_int_equal(access(f.path, F_OK), -1);
	o.kind = EXPORT_PARQUET;
	o.zstd = true;
	assert_int_equal(export_run(f.v, &o, &st, why), DT_EUNSUPPORTED);
	assert_int_equal(access(f.path, F_OK), -1);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_separated),  cmocka_unit_test(test_ndjson),
		cmocka_unit_test(test_pseudonyms), cmocka_unit_test(test_aggregate),
		cmocka_unit_test(test_metadata),   cmocka_unit_test(test_nothing_left),
	};

	return cmocka_run_group_tests_name("viz/export", tests, NULL, NULL);
}
