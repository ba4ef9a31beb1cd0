/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "store/geo_cache.h"
#include "tests/fuzz/fuzz.h"

/* Any bytes for a geo_cache.json: what comes out of it are places on Earth and ended names. */
static int entry(void *ctx, const struct geo_cache_entry *e)
{
	const struct geo_place *p = &e->place;

	(void)ctx;
	FUZZ_HOLDS(p->has_point || p->asn || p->country[0]);
	FUZZ_HOLDS(!p->has_point || (fabsf(p->lat) <= 90 && fabsf(p->lon) <= 180));
	FUZZ_HOLDS(strnlen(e->org, sizeof(e->org)) < sizeof(e->org));
	FUZZ_HOLDS(strlen(p->country) == 0 || strlen(p->country) == 2);
	FUZZ_HOLDS(e->ep.port == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[GEO_WHY_MAX] = "";
	int rc = geo_cache_parse(span_of(data, size), entry, NULL, why);

	FUZZ_HOLDS(rc == 0 || *why);
	return 0;
}
