/* SPDX-License-Identifier: MIT */
#include "store/geo_notice.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* First match counts. Sources: viz.md 3.3 and the licence files of each database. */
static const struct geo_notice notices[] = {
	{ "GeoLite2", "GeoLite2", "GeoLite2 EULA, CC BY-SA 4.0",
	  "This product includes GeoLite2 data created by MaxMind, available from "
	  "https://www.maxmind.com" },
	{ "GeoIP2", "GeoIP2", "MaxMind GeoIP2 licence",
	  "GeoIP2 data by MaxMind, "
	  "https://www.maxmind.com" },
	{ "DBIP", "dbip", "CC BY 4.0", "IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0)" },
	{ "ipinfo", "ipinfo", "CC BY-SA 4.0",
	  "IP address data powered by IPinfo, https://ipinfo.io (CC BY-SA 4.0)" },
	{ NULL, "asn-ipv", "CC BY 4.0", "ASN data by RouteViews, the NRO and DB-IP (CC BY 4.0)" },
	{ NULL, "geo-whois-asn-country", "CC0", "" },
	{ NULL, "ip2asn", "PDDL", "" },
	{ NULL, "geoip", "CC BY-SA 4.0",
	  "Country data by the IPFire Location Database (CC BY-SA 4.0)" },
};

static const struct geo_notice synthetic_notice = { NULL, NULL, "none: made up", "" };
static const struct geo_notice unknown_notice = { NULL, NULL, "unknown", "" };

static bool begins(const char *s, const char *prefix)
{
	return prefix && strncasecmp(s, prefix, strlen(prefix)) == 0;
}

const struct geo_notice *geo_notice_for(const char *type, const char *name, bool synthetic)
{
	if (synthetic)
		return &synthetic_notice;
	for (unsigned i = 0; i < sizeof(notices) / sizeof(notices[0]); i++)
		if (begins(type, notices[i].type_prefix) || begins(name, notices[i].name_prefix))
			return &notices[i];
	return &unknown_notice;
}
