/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "proto/krpc.h"
#include "proto/sighting.h"
#include "viz/group.h"

static const enum group_kind kinds[] = { GROUP_NETWORK, GROUP_COUNTRY, GROUP_CLIENT, GROUP_CLASS,
					 GROUP_REGISTRY };

static void test_names(void **state)
{
	enum group_kind kind;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct group_words *w = group_words(kinds[i]);

		assert_int_equal(group_parse(group_kind_name(kinds[i]), &kind), 0);
		assert_int_equal(kind, kinds[i]);
		assert_true(w->one && w->many && w->legend && w->count && w->mixed);
	}
	assert_int_equal(group_parse(NULL, &kind), 0);
	assert_int_equal(kind, GROUP_NETWORK);
	assert_int_equal(group_parse("", &kind), 0);
	assert_int_equal(group_parse("asn", &kind), DT_ENOTFOUND);
}

/* What nro.net says of them; the corners of each region. */
static const struct {
	const char *country;
	enum group_registry registry;
} countries[] = {
	{ "US", ARIN },          { "CA", ARIN },         { "BM", ARIN },
	{ "PR", ARIN },          { "MX", LACNIC },       { "AR", LACNIC },
	{ "CU", LACNIC },        { "GF", LACNIC },       { "DE", RIPE },
	{ "RU", RIPE },          { "GL", RIPE },         { "IL", RIPE },
	{ "KZ", RIPE },          { "IR", RIPE },         { "JP", APNIC },
	{ "CN", APNIC },         { "AF", APNIC },        { "NZ", APNIC },
	{ "IN", APNIC },         { "ZA", AFRINIC },      { "EG", AFRINIC },
	{ "RE", AFRINIC },       { "MU", AFRINIC },      { "ZZ", REGISTRY_NONE },
	{ "", REGISTRY_NONE },   { "D", REGISTRY_NONE }, { "S ", REGISTRY_NONE },
	{ " S", REGISTRY_NONE },
};

static void test_registries(void **state)
{
	unsigned of[REGISTRIES] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++)
		if (group_registry(countries[i].country) != countries[i].registry)
			fail_msg("%s: %d", countries[i].country,
				 group_registry(countries[i].country));
	for (char a = 'A'; a <= 'Z'; a++)
		for (char b = 'A'; b <= 'Z'; b++)
			of[group_registry((char[]){ a, b, 0 })]++;
	/* each ISO 3166 code but those of nobody belongs to one */
	assert_int_equal(of[AFRINIC] + of[APNIC] + of[ARIN] + of[LACNIC] + of[RIPE] +
				 of[REGISTRY_NONE],
			 26 * 26);
	assert_in_range(of[AFRINIC] + of[APNIC] + of[ARIN] + of[LACNIC] + of[RIPE], 245, 251);
}

static const struct {
	unsigned flags, ways;
	const char *name;
} classes[] = {
	{ 0, 0, "unknown" },
	{ 0, 1 << SIGHTING_MENTIONED, "unknown" },
	{ SIGHTING_BEP42_OK, 1 << SIGHTING_ANSWERED, "answers, id by BEP 42" },
	{ 0, 1 << SIGHTING_ANSWERED | 1 << SIGHTING_ASKED_US, "answers, id by lot" },
	{ SIGHTING_READ_ONLY, 1 << SIGHTING_ASKED_US, "read-only" },
	{ 0, 1 << SIGHTING_ASKED_US | 1 << SIGHTING_TAPPED, "asked us, never answered" },
	{ 0, 1 << SIGHTING_TAPPED, "seen on a wire" },
};

static void test_classes(void **state)
{
	char name[GEO_ORG_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct store_node n = { .flags = (uint16_t)classes[i].flags,
					.ways = (uint8_t)classes[i].ways };

		assert_string_equal(group_name(GROUP_CLASS, group_of(GROUP_CLASS, &n), NULL, name),
				    classes[i].name);
	}
}

/* A number leads back to what it was made of, and 0 is who is not known. */
static void test_numbers(void **state)
{
	struct store_node none = { .asn = 0 };
	struct store_node n = {
		.asn = 3320, .country = "DE", .version = { 'L', 'T', 2, 8 }, .version_len = 4
	};
	char name[GEO_ORG_MAX];

	(void)state;
	assert_int_equal(group_of(GROUP_NETWORK, &n), 3320);
	assert_string_equal(group_name(GROUP_COUNTRY, group_of(GROUP_COUNTRY, &n), NULL, name),
			    "DE");
	assert_string_equal(
		group_name(GROUP_CLIENT, group_of(GROUP_CLIENT, &n), NULL, name),
		krpc_client_name(krpc_version_parse((struct span){ n.version, 4 }).client));
	assert_string_equal(name, "libtorrent");
	assert_string_equal(group_name(GROUP_REGISTRY, group_of(GROUP_REGISTRY, &n), NULL, name),
			    "RIPE NCC");
	assert_string_equal(group_name(GROUP_REGISTRY, 999, NULL, name), "no registry known");
	assert_string_equal(group_name(GROUP_CLIENT, 999, NULL, name), "unknown");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i] != GROUP_CLIENT)
			assert_int_equal(group_of(kinds[i], &none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_registries),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests_name("viz/group", tests, NULL, NULL);
}
