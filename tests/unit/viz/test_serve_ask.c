/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <string.h>

#include "viz/serve_ask.h"

static int put(struct serve_ask *a, unsigned known, const char *key, const char *value,
	       const char *want_why)
{
	char why[ASK_WHY_MAX] = "";
	int rc = serve_ask_put(a, known, key, value, value ? strlen(value) : 0, why);

	if (want_why && !strstr(why, want_why))
		fail_msg("%s=%s: '%s' has no '%s'", key, value ? value : "(none)", why, want_why);
	return rc;
}

static void test_taken(void **state)
{
	const unsigned known = ASK_WHERE | ASK_WAY | ASK_SINCE;
	struct serve_ask a = { .since = 0 };

	(void)state;
	assert_int_equal(put(&a, known, "asn", "3320", NULL), 0);
	assert_int_equal(put(&a, known, "country", "de", NULL), 0);
	assert_int_equal(put(&a, known, "client", "libtorrent", NULL), 0);
	assert_int_equal(put(&a, known, "prefix", "11.0.0.0/8", NULL), 0);
	assert_int_equal(put(&a, known, "class", "clone", NULL), 0);
	assert_int_equal(put(&a, known, "way", "asked-us,tapped", NULL), 0);
	assert_int_equal(put(&a, known, "since", "1883063675001088", NULL), 0);
	assert_true(a.where.by_asn && a.where.asn == 3320 && a.where.by_class);
	assert_string_equal(a.where.country, "DE");
	assert_int_equal(a.where.node_class, SIGHTING_CLASS_CLONE);
	assert_int_equal(a.ways, 1 << SIGHTING_ASKED_US | 1 << SIGHTING_TAPPED);
	assert_int_equal(a.since, 1883063675001088);
}

static void test_refused(void **state)
{
	static const struct {
		unsigned known;
		const char *key, *value, *why;
	} rows[] = {
		{ ASK_WHERE, "contry", "DE", "contry: not asked for here; there are asn country" },
		{ ASK_WHERE, "since", "1", "since: not asked for" },
		{ 0, "asn", "1", "nothing can be asked for" },
		{ ASK_WHERE, "asn", NULL, "asn: needs a value" },
		{ ASK_WHERE, "asn", "", "asn: needs a value" },
		{ ASK_WHERE, "asn", "1,country=DE", "asn: one value" },
		{ ASK_WHERE, "country", "DEU", "not two letters" },
		{ ASK_WAY, "way", "door", "answered" },
		{ ASK_WAY, "way", "answered,", "answered" },
		{ ASK_SINCE, "since", "-1", "seq" },
		{ ASK_SINCE, "since", "18446744073709551616", "seq" },
		{ ASK_LIMIT, "limit", "0", "1 to 1000" },
		{ ASK_LIMIT, "limit", "1001", "1 to 1000" },
		{ ASK_LIMIT, "limit", "10x", "1 to 1000" },
		{ ASK_AFTER, "after", "ffff", "next" },
		{ ASK_CURSOR, "after", "100", "next" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct serve_ask a = { .limit_max = 1000 };

		assert_true(put(&a, rows[i].known, rows[i].key, rows[i].value, rows[i].why) < 0);
	}
}

/* A NUL inside of a value, a key twice, a value longer than any that is right. */
static void test_hostile(void **state)
{
	struct serve_ask a = { .since = 0 };
	char why[ASK_WHY_MAX], longest[400];

	(void)state;
	assert_true(serve_ask_put(&a, ASK_SINCE, "since", "12\00034", 5, why) < 0);
	assert_int_equal(a.since, 0);
	assert_int_equal(put(&a, ASK_WHERE, "asn", "1", NULL), 0);
	assert_int_equal(put(&a, ASK_WHERE, "asn", "2", "given twice"), -EEXIST);
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_true(put(&a, ASK_WHERE, "prefix", longest, "not a value") < 0);
	assert_true(put(&a, ASK_WHERE, longest, "1", "not asked for here") < 0);
}

static void test_cursor(void **state)
{
	struct serve_ask a = { .since = 0 };
	struct nodekey key = { .bits = 160, .b = { 1, 2, 3, [19] = 0xff } };
	struct endpoint ep = endpoint_ip4(0x0b010203, 6881);
	char text[ASK_CURSOR_HEX + 1];

	(void)state;
	assert_int_equal(put(&a, ASK_CURSOR, "after", serve_cursor(&key, &ep, text), NULL), 0);
	assert_true(a.has_cursor && endpoint_equal(&a.ep, &ep));
	assert_memory_equal(a.key.b, key.b, NODEKEY_BYTES);
	text[0] = 'g';
	assert_true(put(&a, ASK_CURSOR, "after", text, "next") < 0);
}

static void test_host(void **state)
{
	static const char *const names[] = { "dht.example", NULL };
	static const struct {
		const char *host;
		bool fits;
	} rows[] = {
		{ "localhost", true },
		{ "LocalHost:3000", true },
		{ "127.0.0.1:3000", true },
		{ "192.0.2.7", true },
		{ "[::1]:3000", true },
		{ "[::1]", true },
		{ "dht.example:80", true },
		{ "DHT.example", true },
		{ "evil.example", false },
		{ "localhost.evil.example", false },
		{ "127.0.0.1.evil.example", false },
		{ "dht.example.", false },
		{ "", false },
		{ ":80", false },
		{ "[::1", false },
		{ "[]:1", false },
		{ "2130706433", false },
		{ "0x7f.1", false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (serve_host_fits(rows[i].host, names) != rows[i].fits)
			fail_msg("host '%s'", rows[i].host);
	assert_false(serve_host_fits("dht.example", NULL));
}

static void test_accepts(void **state)
{
	(void)state;
	assert_true(serve_accepts("gzip, deflate, zstd", "zstd"));
	assert_true(serve_accepts("GZIP;q=0.5", "gzip"));
	assert_false(serve_accepts("gzip;q=0, zstd", "gzip"));
	assert_false(serve_accepts("gzipped", "gzip"));
	assert_false(serve_accepts("", "gzip"));
	assert_false(serve_accepts(NULL, "gzip"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_host),    cmocka_unit_test(test_accepts)
	};

	return cmocka_run_group_tests_name("viz/serve_ask", tests, NULL, NULL);
}
