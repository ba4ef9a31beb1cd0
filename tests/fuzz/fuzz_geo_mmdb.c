/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/geo_mmdb.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any file is a database or is refused with a reason. Of a database: points lie
 * on Earth, countries have two letters, names end where they should, and v4
 * networks ascend. libmaxminddb does the reading: what it could not bear must
 * not reach it.
 */

enum { RANGES_MAX = 4096, QUESTIONS = 64 };

/* libmaxminddb 1.7.1 forgets some 4 KiB where it refuses certain metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb";
}

struct walk {
	uint64_t next; /* the least address that may come */
	unsigned count;
};

static int check_range(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	struct walk *w = ctx;

	(void)asn;
	FUZZ_HOLDS(first <= last && first >= w->next);
	w->next = (uint64_t)last + 1;
	return ++w->count == RANGES_MAX;
}

static void ask(const struct geo_mmdb *m, const struct endpoint *ep)
{
	char city[GEO_CITY_MAX];
	struct geo_place p = { 0 };

	geo_mmdb_lookup(m, ep, &p);
	if (p.has_point)
		FUZZ_HOLDS(fabsf(p.lat) <= 90 && fabsf(p.lon) <= 180);
	FUZZ_HOLDS(p.radius_km >= 0);
	FUZZ_HOLDS(strlen(p.country) == 0 || strlen(p.country) == 2);
	geo_mmdb_city(m, ep, city, sizeof(city));
	FUZZ_HOLDS(memchr(city, 0, sizeof(city)));
}

static void check(struct geo_mmdb *m)
{
	struct endpoint six = { .addr = { 0x20, 0x01, 0x0d, 0xb8 } };
	char org[GEO_ORG_MAX];
	struct walk w = { 0 };
	int rc;

	for (uint32_t i = 0; i < QUESTIONS; i++) {
		struct endpoint ep = endpoint_ip4(i * (UINT32_MAX / QUESTIONS) + i, 1);

		ask(m, &ep);
	}
	ask(m, &six);
	rc = geo_mmdb_each4(m, check_range, &w);
	FUZZ_HOLDS(rc == 0 || rc == DT_ECORRUPT || w.count == RANGES_MAX);
	geo_mmdb_org(m, 1221, org, sizeof(org));
	FUZZ_HOLDS(memchr(org, 0, sizeof(org)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32], why[GEO_WHY_MAX] = "";
	int fd = memfd_create("fuzz", MFD_CLOEXEC), rc;
	struct geo_mmdb *m;

	FUZZ_HOLDS(fd >= 0);
	FUZZ_HOLDS(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = geo_mmdb_open(path, &m, why);
	FUZZ_HOLDS(memchr(why, 0, sizeof(why)));
	if (rc < 0) {
		FUZZ_HOLDS(why[0]);
	} else {
		check(m);
		geo_mmdb_close(m);
	}
	close(fd);
	return 0;
}
