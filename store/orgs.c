/* SPDX-License-Identifier: MIT */
#include "store/orgs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRESH_FIRST = 256 };

static const struct span attribution_key = { (const uint8_t *)"attribution", 11 };

void orgs_init(struct orgs *o)
{
	*o = (struct orgs){ .fresh = NULL };
	intset_init(&o->met);
}

void orgs_fini(struct orgs *o)
{
	intset_fini(&o->met);
	free(o->fresh);
	orgs_init(o);
}

static int grow_fresh(struct orgs *o)
{
	uint32_t cap = o->fresh_cap ? 2 * o->fresh_cap : FRESH_FIRST;
	uint32_t *fresh = reallocarray(o->fresh, cap, sizeof(*fresh));

	if (!fresh)
		return -ENOMEM;
	o->fresh = fresh;
	o->fresh_cap = cap;
	return 0;
}

int orgs_note(struct orgs *o, uint32_t asn)
{
	int rc = o->fresh_count == o->fresh_cap ? grow_fresh(o) : 0;

	if (rc < 0)
		return rc;
	rc = intset_add(&o->met, asn);
	if (rc == 1)
		o->fresh[o->fresh_count++] = asn;
	return rc < 0 ? rc : 0;
}

void orgs_key(uint32_t asn, uint8_t out[static ORGS_KEY_BYTES])
{
	for (unsigned i = 0; i < ORGS_KEY_BYTES; i++)
		out[i] = (uint8_t)(asn >> (24 - 8 * i));
}

static void raw_attribution(struct kv_txn *txn, char *out, size_t cap)
{
	struct span val;
	size_t n = 0;

	if (kv_get(txn, KV_META, attribution_key, &val) == 1) {
		n = val.len < cap - 1 ? val.len : cap - 1;
		memcpy(out, val.ptr, n);
	}
	out[n] = '\0';
}

char *orgs_attribution(struct kv_txn *txn, char *out, size_t cap)
{
	if (cap == 0)
		return out;
	raw_attribution(txn, out, cap);
	/* Kept a line each, said in one. */
	for (char *p = out; (p = strchr(p, '\n'));)
		*p = ' ';
	return out;
}

/* Lines of earlier runs stay: their rows are still there. */
static int write_attribution(struct kv_txn *txn, const struct geo *geo)
{
	char now[ORGS_ATTRIBUTION_MAX], before[ORGS_ATTRIBUTION_MAX];
	char both[2 * ORGS_ATTRIBUTION_MAX + 2];
	int n;

	geo_attribution(geo, now, sizeof(now));
	for (char *p = now; (p = strchr(p, '\n'));)
		*p = ' ';
	raw_attribution(txn, before, sizeof(before));
	if (!now[0] || strstr(before, now))
		return 0;
	n = snprintf(both, sizeof(both), "%s%s%s", before, before[0] ? "\n" : "", now);
	if (n >= ORGS_ATTRIBUTION_MAX)
		n = ORGS_ATTRIBUTION_MAX - 1;
	return kv_put(txn, KV_META, attribution_key, span_of(both, (size_t)n));
}

int orgs_write(struct orgs *o, struct kv_txn *txn, const struct geo *geo)
{
	char name[GEO_ORG_MAX];
	uint8_t key[ORGS_KEY_BYTES];
	int rc = 0;

	for (uint32_t i = 0; i < o->fresh_count && rc == 0; i++) {
		geo_org(geo, o->fresh[i], name);
		if (!name[0])
			continue;
		orgs_key(o->fresh[i], key);
		rc = kv_put(txn, KV_ORGS, span_of(key, sizeof(key)), span_of(name, strlen(name)));
	}
	if (rc == 0 && !o->attributed)
		rc = write_attribution(txn, geo);
	return rc;
}

void orgs_settle(struct orgs *o, bool committed)
{
	o->attributed = committed;
	o->fresh_count = 0;
	if (!committed)
		intset_clear(&o->met);
}
