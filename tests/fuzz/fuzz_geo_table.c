/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "store/geo_table.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any text is a table or is refused with a reason. Of a table: its v4 ranges
 * ascend and do not overlap, and a lookup at each of their ends gives what the
 * walk gave.
 */

struct walk {
	const struct geo_table *t;
	uint64_t next; /* the least address that may come */
	unsigned count;
};

static void check_place(const struct geo_place *p)
{
	if (p->has_point)
		FUZZ_HOLDS(fabsf(p->lat) <= 90 && fabsf(p->lon) <= 180);
	FUZZ_HOLDS(p->radius_km >= 0);
	FUZZ_HOLDS(strlen(p->country) == 0 || strlen(p->country) == 2);
}

static int check_range(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	const uint32_t ends[2] = { first, last };
	struct walk *w = ctx;

	FUZZ_HOLDS(first <= last && first >= w->next);
	w->next = (uint64_t)last + 1;
	w->count++;
	for (unsigned i = 0; i < 2; i++) {
		struct endpoint ep = endpoint_ip4(ends[i], 1);
		struct geo_place p = { 0 };

		FUZZ_HOLDS(geo_table_lookup(w->t, &ep, &p));
		FUZZ_HOLDS(p.asn == asn);
		FUZZ_HOLDS(strlen(geo_table_city(w->t, &ep)) < GEO_CITY_MAX);
		check_place(&p);
	}
	FUZZ_HOLDS(strlen(geo_table_org(w->t, asn)) < GEO_ORG_MAX);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[GEO_WHY_MAX] = "";
	struct geo_table *t;
	struct walk w = { 0 };
	int rc = geo_table_parse(span_of(data, size), &t, why);

	FUZZ_HOLDS(memchr(why, 0, sizeof(why)));
	if (rc < 0) {
		FUZZ_HOLDS(why[0]);
		return 0;
	}
	w.t = t;
	FUZZ_HOLDS(geo_table_each4(t, check_range, &w) == 0);
	FUZZ_HOLDS(w.count <= geo_table_entries(t) && geo_table_entries(t) > 0);
	FUZZ_HOLDS(!!(geo_table_has(t) & GEO_HAS_4) == (w.count > 0));
	geo_table_close(t);
	return 0;
}
