/* SPDX-License-Identifier: MIT */
#include "engine/tap_nodes.h"

#include <string.h>

#include "tests/support/unit.h"

static struct tap_node *get(struct tap_nodes *n, uint32_t i)
{
	struct endpoint ep = endpoint_ip4(0x05000000 + i / 3, (uint16_t)(1 + i % 3));
	struct nodeid id = { { 0 } };

	memcpy(id.b, &i, sizeof(i));
	return tap_nodes_get(n, tap_nodes_hash(&id, &ep), &id, &ep);
}

static void test_grows_and_keeps(void **state)
{
	enum { MANY = 50000 };
	struct tap_nodes n;

	(void)state;
	assert_int_equal(tap_nodes_init(&n, MANY), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		struct tap_node *node = get(&n, i);

		assert_non_null(node);
		assert_int_equal(node->messages, 0);
		node->messages = i + 1;
	}
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(get(&n, i)->messages, i + 1);
	assert_int_equal(n.count, MANY);
	assert_true((uint64_t)(n.mask + 1) * sizeof(struct tap_node) <= 64ull * 4 * MANY);
	assert_null(get(&n, MANY)); /* full: counted by whoever asked */
	assert_int_equal(get(&n, 7)->messages, 8);
	tap_nodes_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_grows_and_keeps) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
