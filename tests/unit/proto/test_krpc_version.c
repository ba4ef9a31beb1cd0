/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/krpc.h"
#include "tests/support/rng.h"

#define V(s)                                                                                       \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static const struct {
	const char *text;
	enum krpc_client client;
	struct span v;
} rows[] = {
	{ "none", KRPC_CLIENT_NONE, { NULL, 0 } },
	{ "none", KRPC_CLIENT_NONE, V("") },
	{ "libtorrent 2.8", KRPC_CLIENT_LIBTORRENT, V("LT\x02\x08") },
	{ "libtorrent 1.2", KRPC_CLIENT_LIBTORRENT, V("LT\x01\x02") },
	{ "rtorrent 0.13.8", KRPC_CLIENT_RTORRENT, V("lt\x0d\x80") },
	{ "utorrent 46203", KRPC_CLIENT_UTORRENT, V("UT\xb4\x7b") },
	{ "jech 0.0", KRPC_CLIENT_JECH, V("JC\0\0") },
	{ "aria2 0.3", KRPC_CLIENT_ARIA2, V("A2\0\x03") },
	{ "mldht 11", KRPC_CLIENT_MLDHT, V("ml\0\x0b") },
	{ "webtorrent 0.1", KRPC_CLIENT_WEBTORRENT, V("WW\0\1") },
	{ "mainline-rs 6", KRPC_CLIENT_RUST, V("RS\0\6") },
	{ "dht-telescope 0.1", KRPC_CLIENT_TELESCOPE, V("DT\0\1") },
	{ "libtorrent", KRPC_CLIENT_LIBTORRENT, V("LT") },
	{ "libtorrent", KRPC_CLIENT_LIBTORRENT, V("LT\x02") },
	{ "unknown 4c", KRPC_CLIENT_UNKNOWN, V("L") },
	{ "unknown 58580102", KRPC_CLIENT_UNKNOWN, V("XX\1\2") },
	{ "unknown 6c540000", KRPC_CLIENT_UNKNOWN, V("lT\0\0") },
	{ "unknown 4c543132", KRPC_CLIENT_UNKNOWN, V("LT1234") }, /* longer: another form */
	{ "unknown 00000000", KRPC_CLIENT_UNKNOWN, V("\0\0\0\0") },
	{ "unknown 1b5b324a", KRPC_CLIENT_UNKNOWN, V("\x1b[2J") }, /* a terminal's clear screen */
};

static void test_each_tag(void **state)
{
	char out[KRPC_VERSION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct krpc_version ver = krpc_version_parse(rows[i].v);

		if (ver.client != rows[i].client)
			fail_msg("row %zu (%s): client %d", i, rows[i].text, ver.client);
		assert_string_equal(krpc_version_text(&ver, out), rows[i].text);
		assert_int_equal(ver.raw_len, rows[i].v.len < 4 ? rows[i].v.len : 4);
		if (ver.raw_len)
			assert_memory_equal(ver.raw, rows[i].v.ptr, ver.raw_len);
	}
	assert_int_equal(krpc_version_parse(SPAN_LIT("UT\xb4\x7b")).number, 0xb47b);
}

static void test_names_are_distinct(void **state)
{
	(void)state;
	for (unsigned a = 0; a < KRPC_CLIENT_FAMILIES; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(krpc_client_name((enum krpc_client)a),
						krpc_client_name((enum krpc_client)b));
	assert_string_equal(krpc_client_name((enum krpc_client)KRPC_CLIENT_FAMILIES), "?");
	assert_string_equal(krpc_client_name((enum krpc_client) - 1), "?");
}

static void test_text_is_printable_whatever_the_tag(void **state)
{
	struct rng r = rng_open(10);
	char out[KRPC_VERSION_TEXT_MAX];
	uint8_t v[8];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct krpc_version ver;

		rng_fill(&r, v, sizeof(v));
		ver = krpc_version_parse(span_of(v, rng_below(&r, sizeof(v) + 1)));
		if (i % 2) /* as read back from a damaged store */
			rng_fill(&r, &ver, sizeof(ver));
		krpc_version_text(&ver, out);
		assert_true(strlen(out) < KRPC_VERSION_TEXT_MAX);
		for (const char *c = out; *c; c++)
			assert_true(*c >= 0x20 && *c < 0x7f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_tag),
		cmocka_unit_test(test_names_are_distinct),
		cmocka_unit_test(test_text_is_printable_whatever_the_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
