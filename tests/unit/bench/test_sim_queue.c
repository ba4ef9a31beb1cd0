/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/sim/queue.h"

/** The oracle: an array searched from end to end. */
struct waiting {
	uint64_t at_ns;
	uint32_t node;
	bool taken;
};

static void events_come_in_order_of_time_then_of_asking(void **state)
{
	enum { EVENTS = 6000 };
	static struct waiting list[EVENTS];
	struct sim_queue q = { 0 };
	uint32_t pushed = 0, popped = 0, step = 0;
	(void)state;

	assert_int_equal(sim_queue_next_ns(&q), UINT64_MAX);
	while (popped < EVENTS) {
		uint64_t draw = sim_draw(5, step++, 0);
		uint32_t best = EVENTS;

		if (pushed < EVENTS && (draw & 7) < (step / 500 % 2 ? 2 : 6)) {
			list[pushed] = (struct waiting){ .at_ns = draw >> 8 & 127, .node = pushed };
			sim_queue_push(&q, list[pushed].at_ns)->node = pushed;
			pushed++;
			continue;
		}
		for (uint32_t i = 0; i < pushed; i++)
			if (!list[i].taken && (best == EVENTS || list[i].at_ns < list[best].at_ns))
				best = i;
		if (best == EVENTS)
			continue;
		assert_int_equal(sim_queue_next_ns(&q), list[best].at_ns);
		assert_int_equal(sim_queue_pop(&q)->node, best);
		list[best].taken = true;
		popped++;
	}
	assert_int_equal(sim_queue_next_ns(&q), UINT64_MAX);
	sim_queue_free(&q);
}

/** Events keep their contents while the queue grows and their neighbours come and go. */
static void what_was_filled_in_comes_out(void **state)
{
	struct sim_queue q = { 0 };
	(void)state;

	for (uint32_t i = 0; i < 100000; i++) {
		struct sim_event *e = sim_queue_push(&q, sim_draw(6, i, 0) >> 40);

		e->node = i;
		memset(&e->question, (int)(i % 251), sizeof(e->question));
		if (i % 3 == 0) {
			const struct sim_event *out = sim_queue_pop(&q);

			assert_int_equal(out->question.t[7], out->node % 251);
		}
	}
	for (uint64_t last = 0; sim_queue_next_ns(&q) != UINT64_MAX;) {
		assert_true(sim_queue_next_ns(&q) >= last);
		last = sim_queue_next_ns(&q);
		(void)sim_queue_pop(&q);
	}
	sim_queue_free(&q);
	sim_queue_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_in_order_of_time_then_of_asking),
		cmocka_unit_test(what_was_filled_in_comes_out),
	};

	return cmocka_run_group_tests_name("sim_queue", tests, NULL, NULL);
}
