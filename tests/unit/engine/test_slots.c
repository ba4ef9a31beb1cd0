/* SPDX-License-Identifier: MIT */
#include "engine/slots.h"

#include <errno.h>
#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/unit.h"

static const uint64_t timeouts[SLOTS_CLASSES] = { 2000000, 4000000 }; /* 2 ms, 4 ms */

static void test_options(void **state)
{
	const uint64_t long_ones[SLOTS_CLASSES] = { 2000000, (uint64_t)3600 * 1000000000 };
	struct slots s;

	(void)state;
	assert_int_equal(slots_init(&s, SLOTS_LOG2_MAX + 1, timeouts), -EINVAL);
	assert_int_equal(slots_init(&s, 4, long_ones), -EINVAL);
	assert_int_equal(slots_init(&s, 4, timeouts), 0);
	assert_int_equal(slots_due_in_us(&s, 5), UINT32_MAX);
	slots_free(&s);
	slots_free(&s);
}

static void test_capacity(void **state)
{
	struct slots s;
	uint32_t idx = 0;

	(void)state;
	assert_int_equal(slots_init(&s, 4, timeouts), 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_not_equal(slots_take(&s, SLOTS_FIRST, i), SLOTS_NONE);
	assert_true(slots_full(&s));
	assert_int_equal(slots_take(&s, SLOTS_REPEAT, 20), SLOTS_NONE);
	slots_release(&s, 7);
	idx = slots_take(&s, SLOTS_REPEAT, 21);
	assert_int_equal(idx, 7);
	/* fewer allowed than in use: nothing is lost, nothing is given */
	slots_allow(&s, 3);
	slots_release(&s, 1);
	assert_int_equal(slots_take(&s, SLOTS_FIRST, 22), SLOTS_NONE);
	slots_allow(&s, 1000000);
	assert_int_equal(slots_take(&s, SLOTS_FIRST, 22), 1);
	slots_free(&s);
}

/* Whoever had the slot before is told apart by its generation. */
static void test_generation(void **state)
{
	struct slots s;
	uint32_t idx;
	unsigned gen;

	(void)state;
	assert_int_equal(slots_init(&s, 4, timeouts), 0);
	assert_null(slots_get(&s, 0, 0));
	idx = slots_take(&s, SLOTS_FIRST, 1);
	gen = slots_at(&s, idx)->gen;
	assert_ptr_equal(slots_get(&s, idx, gen), slots_at(&s, idx));
	assert_null(slots_get(&s, idx, gen + 1));
	slots_release(&s, idx);
	assert_null(slots_get(&s, idx, gen));
	assert_int_equal(slots_take(&s, SLOTS_FIRST, 2), idx);
	assert_null(slots_get(&s, idx, gen));
	assert_null(slots_get(&s, 1 << 20, gen));
	slots_free(&s);
}

/* ---- beside an array that is searched ------------------------------------------ */

enum { LOG2 = 8, ROUNDS = 60000 };

struct plain {
	bool used;
	uint32_t sent_us;
	unsigned cls, list;
	uint64_t serial;
};

static uint32_t oracle_oldest(const struct plain *p, unsigned list)
{
	uint32_t best = SLOTS_NONE;

	for (uint32_t i = 0; i < 1 << LOG2; i++)
		if (p[i].used && p[i].list == list &&
		    (best == SLOTS_NONE || p[i].serial < p[best].serial))
			best = i;
	return best;
}

static void check_expiry(const struct slots *s, const struct plain *p, uint32_t now)
{
	uint32_t got[1 << LOG2], due = UINT32_MAX;
	unsigned n = slots_expired(s, now, got, 1 << LOG2), want = 0;

	for (uint32_t i = 0; i < 1 << LOG2; i++) {
		uint32_t timeout = (uint32_t)(timeouts[p[i].cls] / 1000), age = now - p[i].sent_us;

		if (!p[i].used)
			continue;
		want += age >= timeout;
		if (age >= timeout)
			due = 0;
		else if (timeout - age < due)
			due = timeout - age;
	}
	assert_int_equal(n, want);
	/* Within a lane in the order in which they were sent. */
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i + 1; k < n; k++)
			assert_true(slots_at(s, got[i])->list != slots_at(s, got[k])->list ||
				    p[got[k]].serial > p[got[i]].serial);
	assert_int_equal(slots_due_in_us(s, now), due);
}

static void test_oracle(void **state)
{
	struct rng r = rng_open(3);
	struct plain p[1 << LOG2] = { 0 };
	uint32_t now = UINT32_MAX - 100000; /* the clock wraps on the way */
	unsigned used = 0;
	struct slots s;

	(void)state;
	assert_int_equal(slots_init(&s, LOG2, timeouts), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t i = (uint32_t)rng_below(&r, 1 << LOG2);

		now += (uint32_t)rng_below(&r, 30);
		switch (rng_below(&r, 4)) {
		case 0:
		case 1:
			i = slots_take(&s, rng_below(&r, SLOTS_CLASSES), now);
			assert_int_equal(i == SLOTS_NONE, used == 1 << LOG2);
			if (i == SLOTS_NONE)
				break;
			assert_false(p[i].used);
			p[i] = (struct plain){ true, now, slots_at(&s, i)->cls,
					       slots_at(&s, i)->list, round };
			used++;
			break;
		case 2:
			if (!p[i].used)
				break;
			slots_release(&s, i);
			p[i].used = false;
			used--;
			break;
		default:
			for (unsigned list = 0; list < SLOTS_LISTS; list++)
				assert_int_equal(s.list[list].head, oracle_oldest(p, list));
			check_expiry(&s, p, now);
		}
		assert_int_equal(s.used, used);
	}
	slots_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_generation),
		cmocka_unit_test(test_oracle),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
