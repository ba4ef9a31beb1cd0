/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/sim/world.h"

static struct sim_world *world(void)
{
	struct sim_opts o = sim_opts_default();
	struct sim_world *w;

	o.live = 1000;
	assert_int_equal(sim_world_new(&o, &w), 0);
	return w;
}

/**
 * A census that answered for node n by n modulo 100: 0..89 right, 90..94 only
 * mentioned, 95..97 unknown, 98 under a foreign id, 99 right.
 */
static int lookup(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	const struct sim_world *w = ctx;
	uint32_t n;

	assert_int_equal(sim_world_by_public(w, ep, &n), 0);
	world_id(w, n, id->b);
	switch (n % 100) {
	case 90 ... 94:
		return 1;
	case 95 ... 97:
		return 0;
	case 98:
		id->b[19] ^= 1;
		return 2;
	default:
		return 2;
	}
}

static void a_census_is_scored_against_the_truth(void **state)
{
	struct sim_world *w = world();
	uint64_t answered = 0, seen = 0, false_nodes = 0, wrong = 0;
	struct sim_truth t;
	(void)state;

	sim_score(w, lookup, w, &t);
	for (uint32_t n = 0; n < w->nodes; n++) {
		unsigned k = n % 100;

		if (!world_alive(w, n)) {
			false_nodes += k < 90 || k >= 98;
			continue;
		}
		answered += k < 90 || k >= 98;
		seen += k < 95 || k >= 98;
		wrong += k == 98;
	}
	assert_int_equal(t.live, 1000);
	assert_int_equal(t.answered, answered);
	assert_int_equal(t.seen, seen);
	assert_int_equal(t.false_nodes, false_nodes);
	assert_int_equal(t.wrong_ids, wrong);
	assert_true(t.recall == (double)answered / 1000 && t.seen_share == (double)seen / 1000);
	assert_true(isnan(t.estimate_error));
	sim_world_free(w);
}

static void the_truth_is_written_out(void **state)
{
	char dir[] = "/tmp/dt-sim-truth-XXXXXX", path[64], line[256];
	struct sim_world *w = world();
	uint32_t n = 0, live = 0;
	FILE *f;
	(void)state;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(sim_truth_write(w, dir), 0);
	snprintf(path, sizeof(path), "%s/truth.csv", dir);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "id,endpoint,alias,live,class\n");
	for (; fgets(line, sizeof(line), f); n++) {
		char hex[64], ep[64], alias[64], class[16];
		struct endpoint parsed;
		struct sim_node node;
		struct nodekey key;
		uint32_t by;
		int is_live;

		assert_int_equal(sscanf(line, "%63[0-9a-f],%63[0-9.:],%63[0-9.:],%d,%15s", hex, ep,
					alias, &is_live, class),
				 5);
		assert_string_equal(class, "normal");
		assert_int_equal(endpoint_from_text(ep, &parsed), 0);
		assert_int_equal(sim_world_by_public(w, &parsed, &by), 0);
		assert_int_equal(by, n);
		assert_int_equal(endpoint_from_text(alias, &parsed), 0);
		assert_int_equal(sim_world_by_alias(w, &parsed, &by), 0);
		assert_int_equal(by, n);
		sim_world_node(w, n, &node);
		assert_int_equal(nodekey_from_hex(hex, &key), 0);
		assert_memory_equal(key.b, node.id.b, NODEID_BYTES);
		live += (unsigned)is_live;
	}
	assert_int_equal(n, w->nodes);
	assert_int_equal(live, 1000);
	fclose(f);
	unlink(path);
	snprintf(path, sizeof(path), "%s/geo.tsv", dir);
	assert_int_equal(access(path, R_OK), 0);
	unlink(path);
	rmdir(dir);
	assert_true(sim_truth_write(w, "/nowhere/at/all") < 0);
	sim_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_census_is_scored_against_the_truth),
		cmocka_unit_test(the_truth_is_written_out),
	};

	return cmocka_run_group_tests_name("sim_truth", tests, NULL, NULL);
}
