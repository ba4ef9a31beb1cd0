/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/place.h"
#include "engine/blocklist.h"

static void a_shuffle_is_a_permutation_with_its_inverse(void **state)
{
	static uint8_t hit[5000];
	(void)state;

	for (uint32_t size = 1; size < 5000; size += 1 + size / 20) {
		struct sim_shuffle s = sim_shuffle_init(size, size * 2654435761u);

		memset(hit, 0, sizeof(hit));
		for (uint32_t x = 0; x < size; x++) {
			uint32_t y = sim_shuffle_forward(&s, x);

			assert_true(y < size);
			assert_int_equal(hit[y]++, 0);
			assert_int_equal(sim_shuffle_back(&s, y), x);
		}
	}
	for (unsigned bits = 13; bits <= 31; bits++)
		for (uint32_t k = 0; k < 2000; k++) {
			uint32_t size = (1u << bits) - k * (bits > 20), x = k * 2654435761u % size;
			struct sim_shuffle s = sim_shuffle_init(size, k * 40503u);
			uint32_t y = sim_shuffle_forward(&s, x);

			assert_true(y < size);
			assert_int_equal(sim_shuffle_back(&s, y), x);
		}
}

static void a_shuffle_looks_unordered(void **state)
{
	struct sim_shuffle s = sim_shuffle_init(1 << 20, 77);
	unsigned near = 0, cell[16][16] = { { 0 } };
	(void)state;

	for (uint32_t x = 1; x < 1 << 20; x++) {
		uint32_t y = sim_shuffle_forward(&s, x), before = sim_shuffle_forward(&s, x - 1);

		near += (y > before ? y - before : before - y) < 1024;
		cell[x >> 16][y >> 16]++;
	}
	/* Neighbours land near each other by chance alone: 2 x 1024 in 2^20, so 2,048 times. */
	assert_true(near < 8192);
	for (unsigned i = 0; i < 256; i++)
		assert_true(cell[i / 16][i % 16] > 2048 && cell[i / 16][i % 16] < 8192);
}

static void the_table_is_disjoint_public_space(void **state)
{
	struct blocklist *list;
	struct sim_geo_row *rows;
	int count = sim_geo_own_rows(&rows);
	double weight = 0;
	(void)state;

	assert_true(count > 3000);
	assert_int_equal(blocklist_new(&list), 0);
	for (int i = 0; i < count; i++) {
		assert_true(rows[i].size > 0 && (rows[i].size & (rows[i].size - 1)) == 0);
		if (i)
			assert_true(rows[i].ip >= rows[i - 1].ip + rows[i - 1].size);
		assert_true(rows[i].weight > 0);
		weight += rows[i].weight;
		for (uint32_t k = 0; k < rows[i].size; k += 256) {
			struct endpoint ep = endpoint_ip4(rows[i].ip + k, 6881);

			assert_int_equal(blocklist_lookup(list, &ep), BLOCKLIST_CLEAR);
		}
	}
	assert_true(weight > 0);
	blocklist_free(list);
	free(rows);
}

/** Every country is lit, by its share; every city stands on Earth; every network is somewhere. */
static void the_table_covers_the_countries(void **state)
{
	struct sim_geo_row *rows;
	int count = sim_geo_own_rows(&rows);
	static bool net_used[4096];
	double all = 0, shares = 0;
	(void)state;

	for (int i = 0; i < count; i++) {
		all += rows[i].weight;
		net_used[rows[i].network] = true;
		assert_string_equal(sim_geo_networks[rows[i].network].country,
				    sim_geo_cities[rows[i].city].country);
	}
	for (const struct sim_geo_country *c = sim_geo_countries; c->code[0]; c++)
		shares += c->share;
	for (const struct sim_geo_country *c = sim_geo_countries; c->code[0]; c++) {
		double has = 0;

		for (int i = 0; i < count; i++)
			if (strcmp(sim_geo_cities[rows[i].city].country, c->code) == 0)
				has += rows[i].weight;
		if (has / all < 0.99 * c->share / shares || has / all > 1.01 * c->share / shares)
			fail_msg("%s: %f of the nodes", c->code, has / all);
	}
	for (const struct sim_geo_city *c = sim_geo_cities; c->name; c++)
		if (!(c->lat > -56 && c->lat < 71 && c->lon > -180 && c->lon < 180 && c->people_k))
			fail_msg("%s lies at %f, %f", c->name, (double)c->lat, (double)c->lon);
	for (unsigned n = 0; sim_geo_networks[n].name; n++)
		if (!net_used[n])
			fail_msg("%s stands nowhere", sim_geo_networks[n].name);
	free(rows);
}

static void nodes_are_spread_by_weight(void **state)
{
	enum { NODES = 400000 };
	struct sim_places *p;
	struct sim_geo_row *rows;
	int count = sim_geo_own_rows(&rows), at = 0;
	double weight = 0;
	(void)state;

	assert_int_equal(sim_places_new(NODES, 4711, NULL, &p), 0);
	assert_true(p->own);
	for (int i = 0; i < count; i++)
		weight += rows[i].weight;
	for (uint32_t r = 0; r < p->count; r++) {
		double wanted, has = p->range[r + 1].first - p->range[r].first;

		while (rows[at].ip != p->range[r].ip)
			at++;
		wanted = rows[at].weight / weight * NODES;
		assert_true(has > wanted - 1.001 && has < wanted + 1.001);
	}
	assert_int_equal(p->range[p->count].first, NODES);
	sim_places_free(p);
	free(rows);
}

static void strange_addresses_belong_to_nobody(void **state)
{
	struct sim_places *p;
	uint32_t number, found = 0;
	(void)state;

	assert_int_equal(sim_places_new(50000, 1, NULL, &p), 0);
	for (uint32_t i = 0; i < 2000000; i++) {
		uint32_t ip = i * 2654435761u;

		if (sim_places_number(p, ip, &number) == 0) {
			assert_int_equal(sim_places_ip(p, number), ip);
			found++;
		}
	}
	/* 50,000 of 2^32 addresses are taken, 2,000,000 were asked: about 23. */
	assert_true(found < 100);
	assert_int_equal(sim_places_number(p, 0, &number), DT_ENOTFOUND);
	assert_int_equal(sim_places_number(p, UINT32_MAX, &number), DT_ENOTFOUND);
	sim_places_free(p);
	sim_places_free(NULL);
}

static void small_worlds_fit_too(void **state)
{
	(void)state;

	for (uint32_t nodes = 1; nodes < 300; nodes += 7) {
		struct sim_places *p;

		assert_int_equal(sim_places_new(nodes, nodes, NULL, &p), 0);
		for (uint32_t i = 0; i < nodes; i++) {
			uint32_t back;

			assert_int_equal(sim_places_number(p, sim_places_ip(p, i), &back), 0);
			assert_int_equal(back, i);
		}
		sim_places_free(p);
	}
}

static void the_table_is_written_as_tsv(void **state)
{
	char path[] = "/tmp/dt-sim-geo-XXXXXX", line[512];
	int fd = mkstemp(path), rows = 0;
	FILE *f;
	(void)state;

	assert_true(fd >= 0);
	assert_int_equal(sim_geo_own_write(path), 0);
	f = fdopen(fd, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "# dht-telescope geo table v1\n");
	while (fgets(line, sizeof(line), f)) {
		unsigned a[8], asn, tabs = 0;
		char country[4];

		if (line[0] == '#')
			continue;
		for (const char *c = line; *c; c++)
			tabs += *c == '\t';
		assert_int_equal(tabs, 8);
		assert_int_equal(sscanf(line, "%u.%u.%u.%u\t%u.%u.%u.%u\t%u\t%*[^\t]\t%3[A-Z]\t",
					&a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &a[6], &a[7],
					&asn, country),
				 10);
		assert_true(a[2] == 0 && a[3] == 0 && a[6] == 255 && a[7] == 255 && asn > 0);
		rows++;
	}
	assert_true(rows > 3000);
	fclose(f);
	unlink(path);
	assert_int_equal(sim_geo_own_write("/nowhere/at/all"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shuffle_is_a_permutation_with_its_inverse),
		cmocka_unit_test(a_shuffle_looks_unordered),
		cmocka_unit_test(the_table_is_disjoint_public_space),
		cmocka_unit_test(the_table_covers_the_countries),
		cmocka_unit_test(nodes_are_spread_by_weight),
		cmocka_unit_test(strange_addresses_belong_to_nobody),
		cmocka_unit_test(small_worlds_fit_too),
		cmocka_unit_test(the_table_is_written_as_tsv),
	};

	return cmocka_run_group_tests_name("sim_place", tests, NULL, NULL);
}
