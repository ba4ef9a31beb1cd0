/* SPDX-License-Identifier: MIT */
#include "bench/sim/hole.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/rng.h"

enum { WAYS = 4 };

struct hole {
	uint32_t node;
	uint16_t port;
	uint64_t at_ms; /* 0 = none */
};

struct hole_table {
	uint64_t sets;
	struct hole *hole;
};

int hole_table_new(unsigned log2, struct hole_table **out)
{
	struct hole_table *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return -ENOMEM;
	t->sets = 1ull << log2;
	t->hole = calloc(t->sets * WAYS, sizeof(*t->hole));
	if (!t->hole) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void hole_table_free(struct hole_table *t)
{
	if (!t)
		return;
	free(t->hole);
	free(t);
}

static struct hole *set_of(const struct hole_table *t, uint32_t n)
{
	return t->hole + (rng_mix(n) & (t->sets - 1)) * WAYS;
}

void hole_open(struct hole_table *t, uint32_t n, uint16_t port, uint64_t now_ms)
{
	struct hole *set = set_of(t, n), *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].node == n && set[i].port == port && set[i].at_ms) {
			oldest = &set[i];
			break;
		}
		if (set[i].at_ms < oldest->at_ms)
			oldest = &set[i];
	}
	*oldest = (struct hole){ .node = n, .port = port, .at_ms = now_ms };
}

bool hole_lets(const struct hole_table *t, uint32_t n, uint16_t port, bool any_port,
	       uint64_t now_ms)
{
	const struct hole *set = set_of(t, n);

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].at_ms && set[i].node == n && (any_port || set[i].port == port) &&
		    now_ms - set[i].at_ms <= HOLE_MS)
			return true;
	return false;
}
