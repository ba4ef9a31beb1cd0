/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <string.h>

#include "viz/export_where.h"

static struct store_node node(const char *ep, uint32_t asn, const char *country, const char *v)
{
	struct store_node n = { .asn = asn, .version_len = (uint8_t)strlen(v) };

	assert_int_equal(endpoint_from_text(ep, &n.ep), 0);
	memcpy(n.country, country, strlen(country));
	memcpy(n.version, v, strlen(v));
	return n;
}

static void test_holds(void **state)
{
	static const struct {
		const char *where, *ep;
		bool holds;
	} rows[] = {
		{ "asn=3320", "11.0.0.1:1", true },
		{ "asn=AS3320", "11.0.0.1:1", true },
		{ "asn=332", "11.0.0.1:1", false },
		{ "country=DE", "11.0.0.1:1", true },
		{ "country=de", "11.0.0.1:1", true },
		{ "country=BR", "11.0.0.1:1", false },
		{ "client=libtorrent", "11.0.0.1:1", true },
		{ "client=LibTorrent", "11.0.0.1:1", true },
		{ "client=none", "11.0.0.1:1", false },
		{ "prefix=11.0.0.0/8", "11.255.0.1:1", true },
		{ "prefix=11.0.0.0/8", "12.0.0.1:1", false },
		{ "prefix=11.0.0.1", "11.0.0.1:9", true },
		{ "prefix=11.0.0.1/32", "11.0.0.2:9", false },
		{ "prefix=11.0.0.0/31", "11.0.0.1:9", true },
		{ "prefix=11.128.0.0/9", "11.127.0.0:9", false },
		{ "prefix=0.0.0.0/0", "200.1.1.1:1", true },
		{ "prefix=0.0.0.0/0", "[2001:db8::1]:1", false },
		{ "prefix=::/0", "200.1.1.1:1", false },
		{ "prefix=::/0", "[2001:db8::1]:1", true },
		{ "prefix=2001:db8::/33", "[2001:db8:7fff::1]:1", true },
		{ "prefix=2001:db8::/33", "[2001:db8:8000::1]:1", false },
		{ "asn=3320,country=DE", "11.0.0.1:1", true },
		{ "asn=3320,country=BR", "11.0.0.1:1", false },
		{ "country=DE,prefix=11.0.0.0/8,client=libtorrent,asn=3320", "11.0.0.1:1", true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_node n = node(rows[i].ep, 3320, "DE", "LT");
		struct export_where w = { 0 };
		char why[256] = "";

		if (export_where_add(&w, rows[i].where, why) < 0)
			fail_msg("%s: %s", rows[i].where, why);
		assert_false(export_where_is_all(&w));
		if (export_where_holds(&w, &n) != rows[i].holds)
			fail_msg("%s of %s", rows[i].where, rows[i].ep);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *where, *says;
	} rows[] = {
		{ "", "KEY=VALUE" },
		{ "asn", "KEY=VALUE" },
		{ "as=1", "KEY=VALUE" },
		{ "asnx=1", "KEY=VALUE" },
		{ "asn=", "network's number" },
		{ "asn=-1", "network's number" },
		{ "asn=4294967296", "network's number" },
		{ "asn=99999999999999999999999", "network's number" },
		{ "asn=1 ", "network's number" },
		{ "asn=1,asn=2", "twice" },
		{ "asn=1,", "KEY=VALUE" },
		{ "country=DEU", "two letters" },
		{ "country=D1", "two letters" },
		{ "client=azureus", "none of none unknown libtorrent" },
		{ "prefix=11.0.0", "not like" },
		{ "prefix=11.0.0.0/33", "from 0 to 32" },
		{ "prefix=11.0.0.0/", "from 0 to 32" },
		{ "prefix=2001:db8::/129", "from 0 to 128" },
		{ "prefix=example.org/8", "not like" },
		{ "country=DEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDEDE",
		  "long" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct export_where w = { 0 };
		char why[256] = "";

		if (export_where_add(&w, rows[i].where, why) >= 0)
			fail_msg("'%s' was taken", rows[i].where);
		if (!strstr(why, rows[i].says))
			fail_msg("'%s': %s", rows[i].where, why);
	}
}

static void test_all(void **state)
{
	struct store_node n = node("1.2.3.4:5", 0, "", "");
	struct export_where w = { 0 };

	(void)state;
	assert_true(export_where_is_all(&w));
	assert_true(export_where_holds(&w, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests_name("viz/export_where", tests, NULL, NULL);
}
