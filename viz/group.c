/* SPDX-License-Identifier: MIT */
#include "viz/group.h"

#include <stdio.h>
#include <string.h>

#include "proto/krpc.h"
#include "proto/sighting.h"

static const char *const names[] = { "network", "country", "client", "class", "registry" };

const char *group_kind_name(enum group_kind kind)
{
	return names[kind];
}

int group_parse(const char *name, enum group_kind *out)
{
	if (!name || !*name)
		name = names[GROUP_NETWORK];
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum group_kind)i;
			return 0;
		}
	return DT_ENOTFOUND;
}

/* What is known of how a node behaves, the most telling first. Numbers: palette and legend. */
enum node_class {
	CLASS_NONE,
	CLASS_BY_RULE,
	CLASS_BY_LOT,
	CLASS_READ_ONLY,
	CLASS_ASKS,
	CLASS_TAPPED
};

static uint32_t class_of(const struct store_node *n)
{
	if (n->flags & SIGHTING_READ_ONLY)
		return CLASS_READ_ONLY;
	if (n->ways & 1u << SIGHTING_ANSWERED)
		return n->flags & SIGHTING_BEP42_OK ? CLASS_BY_RULE : CLASS_BY_LOT;
	if (n->ways & 1u << SIGHTING_ASKED_US)
		return CLASS_ASKS;
	return n->ways & 1u << SIGHTING_TAPPED ? CLASS_TAPPED : CLASS_NONE;
}

static const char *class_name(uint32_t group)
{
	switch ((enum node_class)group) {
	case CLASS_BY_RULE:
		return "answers, id by BEP 42";
	case CLASS_BY_LOT:
		return "answers, id by lot";
	case CLASS_READ_ONLY:
		return "read-only";
	case CLASS_ASKS:
		return "asked us, never answered";
	case CLASS_TAPPED:
		return "seen on a wire";
	case CLASS_NONE:
	default:
		return "unknown";
	}
}

enum group_registry group_registry(const char *country)
{
	static const char *const regions[REGISTRIES] = {
		[AFRINIC] = "DZ AO BJ BW BF BI CM CV CF TD KM CG CD CI DJ EG GQ ER SZ ET GA GM GH "
			    "GN GW KE LS LR LY MG MW ML MR MU YT MA MZ NA NE NG RE RW ST SN SC SL "
			    "SO ZA SS SD TZ TG TN UG EH ZM ZW",
		[APNIC] = "AF AS AU BD BT IO BN KH CN CX CC CK FJ PF TF GU HK IN ID JP KI KP KR LA "
			  "MO MY MV MH FM MN MM NR NP NC NZ NU NF MP PK PW PG PH PN WS SG SB LK TW "
			  "TH TL TK TO TV VU VN WF AP",
		[ARIN] = "US CA AI AG BS BB BM KY DM GD GP JM MQ PM PR BL KN LC MF VC TC UM VG VI "
			 "AQ BV HM SH",
		[LACNIC] =
			"AR AW BZ BO BQ BR CL CO CR CU CW DO EC SV FK GF GT GY HT HN MX NI PA PY "
			"PE GS SX SR TT UY VE",
		[RIPE] = "AX AL AD AM AT AZ BH BY BE BA BG HR CY CZ DK EE FO FI FR GE DE GI GR GL "
			 "GG VA HU IS IR IQ IE IM IL IT JE JO KZ KW KG LV LB LI LT LU MT MD MC ME "
			 "MK NL NO OM PS PL PT QA RO RU SM SA RS SK SI ES SJ SE CH SY TJ TR TM UA "
			 "AE GB UZ YE XK EU",
	};

	for (unsigned r = AFRINIC; r < REGISTRIES && country[0] && country[1]; r++)
		for (const char *at = regions[r];; at += 3) {
			if (at[0] == country[0] && at[1] == country[1])
				return (enum group_registry)r;
			if (!at[2])
				break;
		}
	return REGISTRY_NONE;
}

static const char *registry_name(uint32_t group)
{
	static const char *const of[REGISTRIES] = {
		"no registry known", "AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE NCC"
	};

	return of[group < REGISTRIES ? group : 0];
}

uint32_t group_of(enum group_kind kind, const struct store_node *n)
{
	struct span v = { n->version, n->version_len };

	switch (kind) {
	case GROUP_COUNTRY:
		return n->country[0]
			       ? (uint32_t)(uint8_t)n->country[0] << 8 | (uint8_t)n->country[1]
			       : 0;
	case GROUP_CLIENT:
		return (uint32_t)krpc_version_parse(v).client;
	case GROUP_CLASS:
		return class_of(n);
	case GROUP_REGISTRY:
		return group_registry(n->country);
	case GROUP_NETWORK:
	default:
		return n->asn;
	}
}

char *group_name(enum group_kind kind, uint32_t group, struct store_view *v,
		 char out[static GEO_ORG_MAX])
{
	out[0] = '\0';
	if (kind == GROUP_COUNTRY)
		snprintf(out, GEO_ORG_MAX, "%c%c", (char)(group >> 8 & 0x7f), (char)(group & 0x7f));
	else if (kind == GROUP_CLIENT)
		snprintf(out, GEO_ORG_MAX, "%s",
			 group < KRPC_CLIENT_FAMILIES ? krpc_client_name((enum krpc_client)group)
						      : "unknown");
	else if (kind == GROUP_CLASS)
		snprintf(out, GEO_ORG_MAX, "%s", class_name(group));
	else if (kind == GROUP_REGISTRY)
		snprintf(out, GEO_ORG_MAX, "%s", registry_name(group));
	else
		store_view_org(v, group, out);
	if (!out[0])
		snprintf(out, GEO_ORG_MAX, "AS%u", group);
	return out;
}

const struct group_words *group_words(enum group_kind kind)
{
	static const struct group_words words[] = {
		[GROUP_NETWORK] = { "a network", "networks", "TOP NETWORKS", "networks (ASN)",
				    "white = many networks" },
		[GROUP_COUNTRY] = { "a country", "countries", "TOP COUNTRIES", "countries",
				    "white = many countries" },
		[GROUP_CLIENT] = { "a client", "clients", "CLIENTS", "families of clients",
				   "white = many clients" },
		[GROUP_CLASS] = { "a class", "classes", "CLASSES", "classes of nodes",
				  "white = many classes" },
		[GROUP_REGISTRY] = { "a registry", "registries", "REGISTRIES",
				     "registries (by country)", "white = several registries" },
	};

	return &words[kind];
}
