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
	char *html;
	size_t len;
	struct live_stats stats;
};

static struct page page_of(const struct scene *s, const struct live_opts *o, live_name *name)
{
	struct page p = { 0 };

	assert_int_equal(live_page(s, o, name, NULL, &p.html, &p.len, &p.stats), 0);
	assert_int_equal(strlen(p.html), p.len);
	return p;
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
	static const char *const loads[] = { "src=",      "<link",       "@import", "url(",
					     "fetch(",    "import(",     "<img",    "<iframe",
					     "WebSocket", "EventSource", "XMLHttp", "Beacon",
					     "Worker(",   "<base href",  "@META@",  "@DATA@" };
	struct scene *s = sample(5000);
	struct page p = page_of(s, &opts, plain);

	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (strstr(p.html, loads[i]))
			fail_msg("the page holds '%s'", loads[i]);
	assert_non_null(strstr(p.html, "default-src 'none'"));
	assert_int_equal(p.stats.nodes, s->node_count);
	assert_int_equal(p.stats.unlocated, s->unlocated);
	assert_int_equal(p.stats.every, 1);
	assert_true(p.stats.shown <= p.stats.nodes - p.stats.unlocated && p.stats.shown > 4000);
	free(p.html);
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
	free(p.html);
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
	free(p.html);
	scene_free(s);
}

/* The packed data unpacks, and is as long as the header says: rings, networks, six planes. */
static void test_packed(void **state)
{
	struct scene *s = sample(20000);
	struct page p = page_of(s, &opts, plain);
	char *text = between(&p, "text/plain\">", "</script>");
	uint8_t *packed = malloc(strlen(text)), *raw = malloc(4 << 20);
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t len, got, at = 0, n = p.stats.shown, most = 0;
	char *meta = between(&p, "\"rings\":", ",");
	unsigned rings = (unsigned)atoi(meta);
	uint64_t z = 0;

	(void)state;
	assert_true(packed && raw && d && rings > 1000);
	assert_int_equal(sodium_base642bin(packed, strlen(text), text, strlen(text), NULL, &len,
					   NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_int_equal(libdeflate_zlib_decompress(d, packed, len, raw, 4 << 20, &got), 0);
	for (unsigned r = 0; r < rings; r++) {
		unsigned points = 0, shift = 0;

		do
			points |= (raw[at] & 127u) << shift, shift += 7;
		while (raw[at++] & 128);
		for (unsigned i = 0; i < 2 * points; i++)
			while (raw[at++] & 128)
				;
	}
	for (unsigned i = 0; i < s->network_count; i++, at += 3)
		while (raw[at++] & 128)
			;
	for (size_t i = 0; i < n; i++) {
		unsigned shift = 0;
		uint64_t gap = 0;

		do
			gap |= (uint64_t)(raw[at] & 127u) << shift, shift += 7;
		while (raw[at++] & 128);
		z += gap;
	}
	assert_true(z < 1u << 30);
	assert_int_equal(at + 5 * n, got);
	for (size_t i = 0; i < n; i++)
		if (raw[at + i] > most)
			most = raw[at + i];
	assert_int_equal(most, s->network_count - 1);
	libdeflate_free_decompressor(d);
	free(meta);
	free(text);
	free(packed);
	free(raw);
	free(p.html);
	scene_free(s);
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
	free(a.html);
	free(b.html);
	scene_free(s);
}

static void test_cutoff(void **state)
{
	struct scene *s = sample(5000), *nobody = scene_new(0);
	struct live_opts o = opts;
	struct live_stats stats;
	struct page p;
	uint64_t want = 0;
	char *html;
	size_t len;

	(void)state;
	o.cutoff_s = 3600;
	p = page_of(s, &o, plain);
	for (uint32_t i = 0; i < s->node_count; i++)
		want += s->last_s - s->nodes[i].last_s <= 3600;
	assert_int_equal(p.stats.nodes, want);
	assert_true(want < s->node_count);
	free(p.html);
	scene_seal(nobody);
	assert_int_equal(live_page(nobody, &o, plain, NULL, &html, &len, &stats), DT_ENOTFOUND);
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
	free(p.html);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stands_alone),   cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_no_addresses),   cmocka_unit_test(test_packed),
		cmocka_unit_test(test_size_and_bytes), cmocka_unit_test(test_cutoff),
		cmocka_unit_test(test_thinned),
	};

	return cmocka_run_group_tests_name("viz/live", tests, NULL, NULL);
}
