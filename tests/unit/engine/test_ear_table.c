/* SPDX-License-Identifier: MIT */
#include "engine/ear_table.h"

#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/unit.h"

enum { MS = 1000000 };

static struct nodeid random_id(struct rng *r)
{
	struct nodeid id;

	rng_fill(r, id.b, sizeof(id.b));
	return id;
}

/* Shares exactly @bits with @own. */
static struct nodeid id_in(struct rng *r, const struct nodeid *own, unsigned bits)
{
	struct nodeid id = nodeid_flip(own, bits);

	for (unsigned b = bits + 1; b < NODEID_BITS; b++)
		if (rng_u64(r) & 1)
			id = nodeid_flip(&id, b);
	return id;
}

static struct endpoint host(uint32_t i)
{
	return endpoint_ip4(0x0b000000 + i * 256 + i % 7, 6881); /* a /24 each */
}

static void count_node(void *ctx, const struct ear_node *n)
{
	(void)n;
	++*(unsigned *)ctx;
}

static void test_bucket_sizes(void **state)
{
	struct rng r = rng_open(1);
	struct nodeid own = random_id(&r);
	struct ear_table t;
	uint32_t hosts = 0;
	unsigned each = 0;

	(void)state;
	assert_int_equal(ear_bucket_cap(0), 128);
	assert_int_equal(ear_bucket_cap(1), 64);
	assert_int_equal(ear_bucket_cap(2), 32);
	assert_int_equal(ear_bucket_cap(3), 16);
	assert_int_equal(ear_bucket_cap(4), 8);
	assert_int_equal(ear_bucket_cap(159), 8);
	ear_table_init(&t, &own);
	for (unsigned b = 0; b < 12; b++)
		for (unsigned i = 0; i < 150; i++) {
			struct nodeid id = id_in(&r, &own, b);
			struct endpoint ep = host(hosts++);

			assert_int_equal(ear_table_answered(&t, &id, &ep, MS),
					 i < ear_bucket_cap(b));
		}
	for (unsigned b = 0; b < 12; b++)
		assert_int_equal(t.buckets[b]->count, ear_bucket_cap(b));
	assert_int_equal(t.count, 128 + 64 + 32 + 16 + 8 * 8);
	ear_table_each(&t, count_node, &each);
	assert_int_equal(each, t.count);
	assert_int_equal(ear_table_depth(&t), 12);
	assert_int_equal(ear_table_answered(&t, &own, &(struct endpoint){ .port = 1 }, MS), 0);
	ear_table_fini(&t);
}

static void test_who_answers_is_never_displaced(void **state)
{
	struct rng r = rng_open(2);
	struct nodeid own = random_id(&r), id, newcomer = id_in(&r, &own, 9);
	struct endpoint ep, at = host(999);
	struct ear_table t;
	struct ear_node n;

	(void)state;
	ear_table_init(&t, &own);
	for (uint32_t i = 0; i < 8; i++) {
		id = id_in(&r, &own, 9);
		ep = host(i);
		assert_int_equal(ear_table_answered(&t, &id, &ep, MS), 1);
	}
	assert_false(ear_table_wants(&t, &newcomer, &at));
	ear_table_wait(&t, &newcomer, &at, MS);
	assert_int_equal(ear_table_candidate(&t, &n), 0);
	for (unsigned k = 0; k < EAR_FAILS_MAX; k++) {
		assert_false(ear_table_wants(&t, &newcomer, &at));
		ear_table_failed(&t, &id, &ep);
	}
	assert_true(ear_table_wants(&t, &newcomer, &at));
	assert_int_equal(ear_table_candidate(&t, &n), 1);
	assert_true(endpoint_equal(&n.ep, &at));
	assert_int_equal(ear_table_answered(&t, &n.id, &n.ep, 2 * MS), 1);
	assert_null(ear_table_find(&t, &id, &ep));
	assert_int_equal(t.count, 8);
	/* Who answers again is as good as ever. */
	ear_table_failed(&t, &newcomer, &at);
	assert_int_equal(ear_table_find(&t, &newcomer, &at)->fails, 1);
	assert_int_equal(ear_table_answered(&t, &newcomer, &at, 3 * MS), 1);
	assert_int_equal(ear_table_find(&t, &newcomer, &at)->fails, 0);
	ear_table_fini(&t);
}

static void test_one_network_cannot_fill_a_bucket(void **state)
{
	struct rng r = rng_open(3);
	struct nodeid own = random_id(&r);
	struct ear_table t;

	(void)state;
	ear_table_init(&t, &own);
	for (unsigned i = 0; i < 250; i++) { /* one /24, every bucket */
		struct nodeid id = id_in(&r, &own, i % 10);
		struct endpoint ep = endpoint_ip4(0x0b000001 + i, 6881);

		(void)!ear_table_answered(&t, &id, &ep, MS);
	}
	assert_int_equal(t.count, 10);       /* one to a bucket */
	for (unsigned i = 0; i < 100; i++) { /* one address, many ports and ids */
		struct nodeid id = id_in(&r, &own, i % 10);
		struct endpoint ep = endpoint_ip4(0x0c000001, (uint16_t)(1000 + i));

		assert_int_equal(ear_table_answered(&t, &id, &ep, MS), i == 0);
	}
	ear_table_fini(&t);
}

/* The closest of all, by a stupid search. */
static void test_closest(void **state)
{
	enum { NODES = 200 };
	struct rng r = rng_open(4);
	struct nodeid own = random_id(&r);
	struct ear_node got[EAR_CLOSEST_MAX];
	struct ear_table t;

	(void)state;
	ear_table_init(&t, &own);
	for (uint32_t i = 0; i < NODES; i++) {
		struct nodeid id = random_id(&r);
		struct endpoint ep = host(i);

		(void)!ear_table_answered(&t, &id, &ep, MS);
		if (i % 5 == 0)
			ear_table_failed(&t, &id, &ep);
	}
	for (unsigned k = 0; k < 300; k++) {
		struct nodeid target = random_id(&r);
		unsigned n = ear_table_closest(&t, &target, EAR_CLOSEST_MAX, got), closer = 0;

		assert_int_equal(n, EAR_CLOSEST_MAX);
		for (unsigned i = 1; i < n; i++)
			assert_true(nodeid_closer(&target, &got[i - 1].id, &got[i].id));
		for (unsigned b = 0; b < EAR_BUCKETS; b++)
			for (unsigned i = 0; t.buckets[b] && i < t.buckets[b]->count; i++)
				closer += !t.buckets[b]->nodes[i].fails &&
					  nodeid_closer(&target, &t.buckets[b]->nodes[i].id,
							&got[n - 1].id);
		assert_int_equal(closer, n - 1);
		assert_int_equal(ear_table_closest(&t, &target, 2, got), 2);
	}
	ear_table_fini(&t);
}

static void test_whom_to_ping(void **state)
{
	struct rng r = rng_open(5);
	struct nodeid own = random_id(&r), id[3];
	struct endpoint ep[3];
	struct ear_table t;

	(void)state;
	ear_table_init(&t, &own);
	for (uint32_t i = 0; i < 3; i++) {
		id[i] = id_in(&r, &own, i);
		ep[i] = host(i);
		assert_int_equal(ear_table_answered(&t, &id[i], &ep[i], (i + 1) * 100), 1);
	}
	assert_null(ear_table_stale(&t, 100, 0));
	assert_ptr_equal(ear_table_stale(&t, 101, 0), ear_table_find(&t, &id[0], &ep[0]));
	ear_table_heard(&t, &id[0], &ep[0], 500);
	assert_ptr_equal(ear_table_stale(&t, 400, 0), ear_table_find(&t, &id[1], &ep[1]));
	/* One that failed is asked again sooner, and by when it was asked. */
	ear_table_find(&t, &id[2], &ep[2])->asked_ns = 10;
	ear_table_failed(&t, &id[2], &ep[2]);
	assert_ptr_equal(ear_table_stale(&t, 0, 11), ear_table_find(&t, &id[2], &ep[2]));
	ear_table_turned(&t, &id[1], &ep[1]);
	assert_int_equal(ear_table_find(&t, &id[1], &ep[1])->fails, EAR_FAILS_MAX);
	assert_true(ear_table_known(&t, &ep[1]));
	assert_false(ear_table_known(&t, &(struct endpoint){ .port = 6881 }));
	ear_table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket_sizes),
		cmocka_unit_test(test_who_answers_is_never_displaced),
		cmocka_unit_test(test_one_network_cannot_fill_a_bucket),
		cmocka_unit_test(test_closest),
		cmocka_unit_test(test_whom_to_ping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
