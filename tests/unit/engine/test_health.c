/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/health.h"
#include "engine/rng.h"
#include "tests/support/unit.h"

/* The health of routing tables, beside a stupid reckoning of the same. */

enum { NODES = 6000, LISTERS = 200, LISTS = 24 };

struct people {
	struct nodeid id[NODES];
	enum health_fate fate[NODES];
	struct crawl_listed list[LISTERS * LISTS];
	size_t count;
};

static struct endpoint ep_of(unsigned n)
{
	return endpoint_ip4(0x0b000000 + n, 7000);
}

static enum health_fate fate(void *ctx, const struct endpoint *ep)
{
	const struct people *p = ctx;

	return p->fate[endpoint_get_ip4(ep) - 0x0b000000];
}

/* Two thirds answer; lister l lists its nearest neighbours in rank order, every @skip-th left out.
 */
static struct people *make(uint64_t seed, unsigned skip)
{
	struct people *p = calloc(1, sizeof(*p));
	struct rng r;

	assert_non_null(p);
	rng_init(&r, seed, 0);
	for (unsigned i = 0; i < NODES; i++) {
		rng_bytes(&r, p->id[i].b, sizeof(p->id[i].b));
		p->fate[i] = i % 3 ? HEALTH_ANSWERED : HEALTH_SILENT;
	}
	for (unsigned l = 0; l < LISTERS; l++) {
		bool used[NODES] = { false };

		used[l] = true;
		for (unsigned k = 0; k < LISTS; k++) {
			unsigned best = NODES;

			for (unsigned i = 0; i < NODES; i++)
				if (!used[i] &&
				    (best == NODES ||
				     (nodeid_prefix64(&p->id[i]) ^ nodeid_prefix64(&p->id[l])) <
					     (nodeid_prefix64(&p->id[best]) ^
					      nodeid_prefix64(&p->id[l]))))
					best = i;
			used[best] = true;
			if (skip && k % skip == 0)
				continue;
			p->list[p->count++] = (struct crawl_listed){ .lister = p->id[l],
								     .listed = p->id[best],
								     .ep = ep_of(best),
								     .own = k < 8 };
		}
	}
	return p;
}

static struct census_health reckon(struct people *p)
{
	struct census_health out;
	struct health *h;

	assert_int_equal(health_new(p->list, p->count, NODES, &h), 0);
	for (unsigned i = 0; i < NODES; i++)
		if (p->fate[i] == HEALTH_ANSWERED)
			assert_int_equal(health_live(h, &p->id[i]), 0);
	health_reckon(h, fate, p, &out);
	health_free(h);
	return out;
}

/* Who lists everybody near knows all of its eight, whatever order the sample has. */
static void test_complete(void **state)
{
	struct people *p = make(1, 0);
	struct census_health h;

	(void)state;
	for (size_t i = 0; i < p->count / 2; i += 7) {
		struct crawl_listed one = p->list[i];

		p->list[i] = p->list[p->count - 1 - i];
		p->list[p->count - 1 - i] = one;
	}
	h = reckon(p);
	assert_int_equal(h.listers, LISTERS);
	assert_int_equal(h.known[8], LISTERS);
	assert_int_equal(h.unasked, 0);
	/* all 6000 are listed, 4000 answer */
	assert_true(fabs(h.kth_distance / 4000 - 1) < 0.1);
	assert_true(fabs(h.median_gap / 4000 - 1) < 0.15);
	free(p);
}

/* One lister in ten hands out anybody: the others say how dense it is, zone by zone too. */
static void test_odd_replies(void **state)
{
	struct people *p = make(1, 0);
	double sum_kth = 0, sum_gap = 0;
	unsigned zones = 0;
	struct census_health h;

	(void)state;
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].own && p->list[i].lister.b[NODEID_BYTES - 1] % 10 == 0) {
			p->list[i].listed = p->id[i % NODES];
			p->list[i].ep = ep_of((unsigned)(i % NODES));
		}
	h = reckon(p);
	assert_true(h.odd_replies > LISTERS / 20 && h.odd_replies < LISTERS / 5);
	assert_int_equal(h.replies + h.odd_replies, LISTERS);
	assert_true(fabs(h.kth_distance / 4000 - 1) < 0.1);
	assert_true(fabs(h.median_gap / 4000 - 1) < 0.15);
	for (unsigned z = 0; z < HEALTH_ZONES; z++) {
		zones += h.zone[z].kth_distance > 0;
		sum_kth += h.zone[z].kth_distance;
		sum_gap += h.zone[z].median_gap;
		assert_true(h.zone[z].kth_distance < 4 * 4000.0 / HEALTH_ZONES);
	}
	assert_true(zones > 50);
	assert_true(fabs(sum_kth / zones * HEALTH_ZONES / 4000 - 1) < 0.25);
	assert_true(fabs(sum_gap / zones * HEALTH_ZONES / 4000 - 1) < 0.4);
	free(p);
}

static void test_gaps_in_tables(void **state)
{
	struct people *p = make(2, 3);
	struct census_health h = reckon(p);
	uint64_t listed = 0, stale = 0, silent = 0, sum = 0, truth = 0;

	(void)state;
	for (unsigned b = 0; b < HEALTH_BUCKETS; b++) {
		listed += h.bucket[b].listed;
		stale += h.bucket[b].stale;
	}
	for (size_t i = 0; i < p->count; i++)
		silent += fate(p, &p->list[i].ep) == HEALTH_SILENT;
	assert_int_equal(listed, p->count);
	assert_int_equal(stale, silent);
	/* the stupid way: rank all who answer by distance, look the first eight up in the list */
	for (unsigned l = 0; l < LISTERS; l++) {
		bool used[NODES] = { false };

		used[l] = true;
		for (unsigned k = 0; k < 8; k++) {
			unsigned best = NODES;

			for (unsigned i = 0; i < NODES; i++)
				if (p->fate[i] == HEALTH_ANSWERED && !used[i] &&
				    (best == NODES ||
				     (nodeid_prefix64(&p->id[i]) ^ nodeid_prefix64(&p->id[l])) <
					     (nodeid_prefix64(&p->id[best]) ^
					      nodeid_prefix64(&p->id[l]))))
					best = i;
			used[best] = true;
			for (size_t i = 0; i < p->count; i++)
				truth += nodeid_equal(&p->list[i].lister, &p->id[l]) &&
					 nodeid_equal(&p->list[i].listed, &p->id[best]);
		}
	}
	for (unsigned k = 0; k <= 8; k++)
		sum += k * h.known[k];
	assert_int_equal(sum, truth);
	assert_true(sum < LISTERS * 8 && sum > LISTERS * 4);
	free(p);
}

/* Named twice is one entry; not asked is no verdict; nobody is no division. */
static void test_edges(void **state)
{
	struct people *p = make(3, 0);
	struct census_health h;

	(void)state;
	p->list[1] = p->list[0];
	p->list[2].ep = p->list[0].ep;
	p->list[2].listed = p->list[0].listed;
	p->list[2].own = 0;
	p->count = 3;
	p->fate[endpoint_get_ip4(&p->list[0].ep) - 0x0b000000] = HEALTH_UNASKED;
	h = reckon(p);
	assert_int_equal(h.listers, 1);
	assert_int_equal(h.unasked, 1);
	assert_true(h.kth_distance == 0 && h.median_gap == 0);
	p->count = 0;
	h = reckon(p);
	assert_int_equal(h.listers, 0);
	assert_true(h.kth_distance == 0 && h.median_gap == 0);
	health_free(NULL);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_odd_replies),
		cmocka_unit_test(test_gaps_in_tables),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
