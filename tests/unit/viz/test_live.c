/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <ctype.h>
#include <libdeflate.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene_sample.h"
#include "viz/live.h"

static const struct live_opts opts = {
	.half_life_s = 900, .cutoff_s = 86400, .refresh_s = 20, .written_s = 1795240800
};

static char *plain(void *ctx, uint32_t asn, char out[static GEO_ORG_MAX])
{
	(void)ctx;
	snprintf(out, GEO_ORG_MAX, "Network of %u", asn);
	return out;
}

struct page {
	char *html, *sidecar;
	size_t len;
	struct live_stats stats;
};

static struct page page_of(const struct scene *s, const struct live_opts *o, live_name *name)
{
	const struct live_scene all = { .earth = s };
	struct page p = { 0 };
	struct live_files f;

	assert_int_equal(live_page(&all, o, name, NULL, &f, &p.stats), 0);
	p.html = f.html;
	p.len = f.html_len;
	p.sidecar = f.sidecar;
	assert_int_equal(strlen(p.html), p.len);
	assert_int_equal(strlen(p.sidecar), f.sidecar_len);
	return p;
}

static void page_free(struct page *p)
{
	free(p->html);
	free(p->sidecar);
}

static struct scene *sample(unsigned nodes)
{
	struct rng r = { 31 };
	struct scene *s = scene_sample(&r, nodes);

	assert_non_null(s);
	return s;
}

/* Between two marks of the page; the caller frees. */
static char *between(const struct page *p, const char *from, const char *to)
{
	char *a = strstr(p->html, from), *b;

	assert_non_null(a);
	a += strlen(from);
	b = strstr(a, to);
	assert_non_null(b);
	return strndup(a, (size_t)(b - a));
}

static void test_stands_alone(void **state)
{
	/* what makes a browser ask for something */
	static const char *const loads[] = { "src=",       "<link",   "@import", "url(",
					     "fetch(",     "import(", "<img",    "<iframe",
					     "WebSocket",  "XMLHttp", "Beacon",  "Worker(",
					     "<base href", "@META@",  "@DATA@",  "@LAND@",
					     "@PROGRAM@" };
	struct scene *s = sample(5000);
	struct page p = page_of(s, &opts, plain);

	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (strstr(p.html, loads[i]))
			fail_msg("the page holds '%s'", loads[i]);
	assert_non_null(strstr(p.html, "default-src 'none'"));
	assert_non_null(strstr(p.html, "\"served\":false")); /* else it would listen for events */
	assert_int_equal(p.stats.nodes, s->node_count);
	assert_int_equal(p.stats.unlocated, s->unlocated);
	assert_int_equal(p.stats.every, 1);
	assert_true(p.stats.shown <= p.stats.nodes - p.stats.unlocated && p.stats.shown > 4000);
	page_free(&p);
	scene_free(s);
}

static char *hostile(void *ctx, uint32_t asn, char out[static GEO_ORG_MAX])
{
	static const char *const names[] = {
		"</script><script>alert(1)</script>",
		"<!--<script>",
		"]]>&lt;'\"\\",
		"\xe2\x80\xae"
		"evil",
		"a\x01\x1b[31m\x7f",
		"\xff\xfe\xc0\x80",
		"__proto__",
	};

	(void)ctx;
	snprintf(out, GEO_ORG_MAX, "%s", names[asn % 7]);
	return out;
}

/* Names of networks are anybody's: none leaves the script element it lies in. */
static void test_hostile_names(void **state)
{
	struct scene *s = sample(5000);
	struct live_opts o = opts;
	struct page p;
	char *meta;

	(void)state;
	o.title = "</title><b>&";
	snprintf(s->attribution, sizeof(s->attribution), "</script><img src=x>");
	p = page_of(s, &o, hostile);
	meta = between(&p, "application/json\">", "</script>");
	assert_null(strpbrk(meta, "<>&'"));
	assert_non_null(strstr(meta, "\\u003c/script\\u003e"));
	for (const char *c = meta; *c; c++)
		assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	assert_null(strstr(meta, "\xe2\x80\xae"));
	assert_true(meta[strlen(meta) - 1] == '}');
	free(meta);
	page_free(&p);
	scene_free(s);
}

/* Four numbers with dots, or a run of hex and colons: neither is in a page. */
static bool is_dotted(const char *at)
{
	unsigned a, b, c, d;
	char end;

	return sscanf(at, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &end) == 5;
}

static void test_no_addresses(void **state)
{
	struct scene *s = sample(20000);
	struct page p = page_of(s, &opts, plain);

	(void)state;
	for (size_t i = 0; i < p.len; i++)
		if (isdigit((unsigned char)p.html[i]) && is_dotted(p.html + i))
			fail_msg("'%.20s' looks like an address", p.html + i);
	page_free(&p);
	scene_free(s);
}

/* ---- what is packed -------------------------------------------------------------- */

enum { RAW_MAX = 4 << 20 };

static uint8_t *unpack(const struct page *p, const char *from, const char *to, size_t *len)
{
	char *text = between(p, from, to);
	uint8_t *packed = malloc(strlen(text)), *raw = malloc(RAW_MAX);
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t packed_len;

	assert_true(packed && raw && d);
	assert_int_equal(sodium_base642bin(packed, strlen(text), text, strlen(text), NULL,
					   &packed_len, NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_int_equal(libdeflate_zlib_decompress(d, packed, packed_len, raw, RAW_MAX, len), 0);
	libdeflate_free_decompressor(d);
	free(text);
	free(packed);
	return raw;
}

static uint32_t varint(const uint8_t *raw, size_t *at)
{
	unsigned shift = 0;
	uint32_t v = 0;

	do
		v |= (raw[*at] & 127u) << shift, shift += 7;
	while (raw[(*at)++] & 128);
	return v;
}

static unsigned number_of(const struct page *p, const char *key)
{
	char *text = between(p, key, ",");
	unsigned v = (unsigned)atoi(text);

	free(text);
	return v;
}

/* In how many steps anybody was seen. */
static unsigned used_of(const struct page *p)
{
	char *list = between(p, "\"used\":[", "]");
	unsigned n = *list != 0;

	for (const char *c = list; *c; c++)
		n += *c == ',';
	free(list);
	return n;
}

/* The data unpack, and are as long as the header says: rings; networks, then planes of bytes. */
static void test_packed(void **state)
{
	struct scene *s = sample(20000);
	struct page p = page_of(s, &opts, plain);
	size_t land_len, len, at = 0, n = p.stats.shown, most = 0;
	uint8_t *land = unpack(&p, "\"land\" type=\"text/plain\">", "</script>", &land_len);
	uint8_t *raw = unpack(&p, "\"data\" type=\"text/plain\">", "</script>", &len);
	unsigned rings = number_of(&p, "\"rings\":");
	uint64_t prefix = 0;

	(void)state;
	assert_true(rings > 1000);
	for (unsigned r = 0; r < rings; r++)
		for (unsigned i = 2 * varint(land, &at); i > 0; i--)
			varint(land, &at);
	assert_int_equal(at, land_len);
	at = 0;
	for (unsigned i = 0; i < s->network_count; i++, at += 3)
		varint(raw, &at);
	for (size_t i = 0; i < n; i++)
		prefix += varint(raw, &at);
	assert_int_equal(prefix, LIVE_NO_PREFIX);
	assert_int_equal(at + (3 + 4 + 1 + (used_of(&p) + 7) / 8) * n, len);
	for (size_t i = 0; i < n; i++)
		if (raw[at + i] > most)
			most = raw[at + i];
	assert_int_equal(most, s->network_count - 1);
	free(land);
	free(raw);
	page_free(&p);
	scene_free(s);
}

/* What the page's program makes of a scene of one node. */
static void unpack_one(const struct page *p, uint64_t *history, uint32_t *prefix)
{
	char *list = between(p, "\"used\":[", "]"), *next = list;
	size_t len, at = 0;
	uint8_t *raw = unpack(p, "\"data\" type=\"text/plain\">", "</script>", &len);
	unsigned used[LIVE_STEPS], n = 0, on = 0, bytes;

	for (; *next; next += *next == ',')
		used[n++] = (unsigned)strtoul(next, &next, 10);
	bytes = (n + 7) / 8;
	varint(raw, &at);
	at += 3;
	*prefix = varint(raw, &at);
	at += 8; /* rank, x, y, age */
	*history = 0;
	for (unsigned k = n; k-- > 0;) {
		on ^= raw[at + k / 8] >> k % 8 & 1;
		*history |= (uint64_t)on << used[k];
	}
	assert_int_equal(at + bytes, len);
	free(list);
	free(raw);
}

static const struct {
	const char *name;
	uint32_t first_ago_s, last_ago_s;
	uint64_t history;
} spans[] = {
	{ "seen in the last step only", 100, 0, 1ull << 63 },
	{ "all the time", 86400, 0, UINT64_MAX },
	{ "since before the cutoff", 864000, 0, UINT64_MAX },
	{ "the first half", 86400, 43201, UINT32_MAX },
	{ "once, at the cutoff", 86400, 86400, 1 },
};

/* Without a log a node was there from its first to its last sighting; with one, as it says. */
static void test_history(void **state)
{
	const uint32_t end = 1795240800, prefix = 0x5d1b2;
	const uint64_t history = 0x8000000000000421;
	uint32_t got_prefix;
	uint64_t got;

	(void)state;
	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		struct scene_row row = { .first_s = end - spans[i].first_ago_s,
					 .last_s = end - spans[i].last_ago_s,
					 .has_point = true,
					 .lat = 48,
					 .lon = 11 };
		struct scene *s = scene_new(1);
		struct page p;

		assert_int_equal(scene_add(s, &row, 1), 0);
		scene_seal(s);
		s->last_s = end;
		p = page_of(s, &opts, plain);
		unpack_one(&p, &got, &got_prefix);
		if (got != spans[i].history)
			fail_msg("%s: %llx", spans[i].name, (unsigned long long)got);
		assert_int_equal(got_prefix, LIVE_NO_PREFIX);
		assert_non_null(strstr(p.html, "\"log\":false"));
		page_free(&p);
		{
			const struct live_scene all = { s, &prefix, &history };
			struct live_files f;

			assert_int_equal(live_page(&all, &opts, plain, NULL, &f, &p.stats), 0);
			p.html = f.html;
			p.sidecar = f.sidecar;
			unpack_one(&p, &got, &got_prefix);
			assert_true(got == history);
			assert_int_equal(got_prefix, prefix);
			assert_non_null(strstr(p.html, "\"log\":true"));
			page_free(&p);
		}
		scene_free(s);
	}
}

/* The sidecar is a call with the page's own header and nodes. */
static void test_sidecar(void **state)
{
	struct scene *s = sample(2000);
	struct live_opts o = opts;
	struct page p;
	char *meta, *data;

	(void)state;
	o.sidecar = "map.data.js";
	p = page_of(s, &o, hostile);
	meta = between(&p, "application/json\">", "</script>");
	data = between(&p, "\"data\" type=\"text/plain\">", "</script>");
	assert_int_equal(strncmp(p.sidecar, "dhtTelescope({", 14), 0);
	assert_int_equal(strncmp(p.sidecar + 13, meta, strlen(meta)), 0);
	assert_int_equal(strncmp(p.sidecar + 13 + strlen(meta) + 2, data, strlen(data)), 0);
	assert_string_equal(p.sidecar + strlen(p.sidecar) - 4, "\");\n");
	assert_non_null(strstr(p.html, "\"sidecar\":\"map.data.js\""));
	free(meta);
	free(data);
	page_free(&p);
	scene_free(s);
}

/* Stars: about as many as wanted, the most recent ones of each patch, everybody where few are. */
static void test_constellation(void **state)
{
	struct scene *s = sample(20000), *few = sample(300);
	struct live_opts o = opts;
	struct page p;

	(void)state;
	o.constellation = true;
	o.target_points = 1000;
	o.cell_top = 100;
	p = page_of(s, &o, plain);
	assert_in_range(p.stats.shown, 500, 1000);
	page_free(&p);
	o.cell_top = 1000; /* one cell: the thousand most recent of all */
	p = page_of(s, &o, plain);
	assert_int_equal(p.stats.shown, 1000);
	page_free(&p);
	p = page_of(few, &o, plain);
	assert_in_range(p.stats.shown, 200, 300);
	page_free(&p);
	scene_free(s);
	scene_free(few);
}

/* Same scene, same bytes, in whatever order its nodes came; 100,000 of them fit in 0.75 MB. */
static void test_size_and_bytes(void **state)
{
	struct scene *s = sample(100000);
	struct page a = page_of(s, &opts, plain), b;

	(void)state;
	assert_true(a.len < 750 * 1000);
	for (uint32_t i = 0, j = s->node_count - 1; i < j; i++, j--) {
		struct scene_node t = s->nodes[i];

		s->nodes[i] = s->nodes[j];
		s->nodes[j] = t;
	}
	b = page_of(s, &opts, plain);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.html, b.html, a.len);
	page_free(&a);
	page_free(&b);
	scene_free(s);
}

static void test_cutoff(void **state)
{
	struct scene *s = sample(5000), *nobody = scene_new(0);
	struct live_opts o = opts;
	struct live_stats stats;
	struct page p;
	uint64_t want = 0;
	struct live_files f;

	(void)state;
	o.cutoff_s = 3600;
	p = page_of(s, &o, plain);
	for (uint32_t i = 0; i < s->node_count; i++)
		want += s->last_s - s->nodes[i].last_s <= 3600;
	assert_int_equal(p.stats.nodes, want);
	assert_true(want < s->node_count);
	page_free(&p);
	scene_seal(nobody);
	assert_int_equal(
		live_page(&(struct live_scene){ .earth = nobody }, &o, plain, NULL, &f, &stats),
		DT_ENOTFOUND);
	scene_free(nobody);
	scene_free(s);
}

/* More than a browser should hold: one in n, and said. */
static void test_thinned(void **state)
{
	struct scene *s = sample(LIVE_NODES_MAX * 2);
	struct page p = page_of(s, &opts, plain);

	(void)state;
	assert_int_equal(p.stats.every, 2);
	assert_in_range(p.stats.shown, LIVE_NODES_MAX * 9 / 10, LIVE_NODES_MAX);
	assert_non_null(strstr(p.html, "\"every\":2"));
	page_free(&p);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stands_alone),   cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_no_addresses),   cmocka_unit_test(test_packed),
		cmocka_unit_test(test_size_and_bytes), cmocka_unit_test(test_cutoff),
		cmocka_unit_test(test_thinned),        cmocka_unit_test(test_history),
		cmocka_unit_test(test_sidecar),        cmocka_unit_test(test_constellation),
	};

	return cmocka_run_group_tests_name("viz/live", tests, NULL, NULL);
}
