/* SPDX-License-Identifier: MIT */
#include "engine/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#include "tests/support/unit.h"

static void test_full_and_empty(void **state)
{
	uint64_t items[9];
	struct ring r;

	(void)state;
	assert_int_equal(ring_init(&r, 8), 0);
	assert_null(ring_pop(&r));
	for (unsigned turn = 0; turn < 20; turn++) { /* round and round */
		for (unsigned i = 0; i < 7; i++)
			assert_true(ring_push(&r, &items[i]));
		assert_int_equal(ring_count(&r), 7);
		assert_false(ring_push(&r, &items[7]));
		for (unsigned i = 0; i < 7; i++)
			assert_ptr_equal(ring_pop(&r), &items[i]);
		assert_null(ring_pop(&r));
	}
	ring_fini(&r);
}

enum { ITEMS = 100000 };

struct belt {
	struct ring ring;
	uint64_t items[ITEMS];
};

static void *produce(void *arg)
{
	struct belt *b = arg;

	for (unsigned i = 0; i < ITEMS; i++) {
		b->items[i] = i * 3; /* written before it is handed over */
		while (!ring_push(&b->ring, &b->items[i]))
			sched_yield();
	}
	return NULL;
}

/* What the producer wrote, the consumer sees, each once and in order. */
static void test_two_threads(void **state)
{
	static struct belt b;
	pthread_t t;

	(void)state;
	assert_int_equal(ring_init(&b.ring, 64), 0);
	assert_int_equal(pthread_create(&t, NULL, produce, &b), 0);
	for (unsigned i = 0; i < ITEMS;) {
		uint64_t *item = ring_pop(&b.ring);

		if (!item) {
			sched_yield();
			continue;
		}
		if (*item != (uint64_t)i * 3)
			fail_msg("item %u is %llu", i, (unsigned long long)*item);
		i++;
	}
	pthread_join(t, NULL);
	ring_fini(&b.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_and_empty),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
