/* SPDX-License-Identifier: MIT */
#include "engine/cli/wire_ledger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SAMPLES = 16,        /* addresses of a /16 that are looked up */
	WINDOW = 11,         /* seconds: ten, and what a tick is late */
	ASNS_MAX = 1 << 17,  /* more than there are; a power of two */
	GOLDEN = 0x9e3779b1, /* 2^32 over the golden ratio */
	ASNS_LOG2 = 17,
};

/* The networks of a /16: places in the table, each with its share of the samples. */
struct share {
	uint32_t place;
	uint32_t samples;
};

struct net16 {
	uint32_t before; /* packets at the last tick */
	uint16_t count;  /* 0 = not looked up yet */
	struct share *shares;
};

struct asn {
	uint32_t asn; /* 0 = free */
	float second[WINDOW];
};

struct wire_ledger {
	const struct geo *geo;
	struct net16 net[LEDGER_NETS16];
	struct asn *asns; /* ASNS_MAX, open addressing */
	uint32_t *used;   /* places in use */
	uint32_t used_count;
	unsigned at; /* place of this second */
	uint64_t ticks;
	double worst;
	uint32_t worst_asn;
};

int wire_ledger_new(const struct geo *geo, struct wire_ledger **out)
{
	struct wire_ledger *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (!l)
		return -ENOMEM;
	l->geo = geo;
	l->asns = calloc(ASNS_MAX, sizeof(*l->asns));
	l->used = calloc(ASNS_MAX / 2, sizeof(*l->used));
	if (!l->asns || !l->used) {
		wire_ledger_free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void wire_ledger_free(struct wire_ledger *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < LEDGER_NETS16; i++)
		free(l->net[i].shares);
	free(l->asns);
	free(l->used);
	free(l);
}

/* The place of @asn, made where it is new; false where the table is half full. */
static bool place_of(struct wire_ledger *l, uint32_t asn, uint32_t *out)
{
	uint32_t i = asn * (uint32_t)GOLDEN >> (32 - ASNS_LOG2);

	while (l->asns[i].asn && l->asns[i].asn != asn)
		i = (i + 1) % ASNS_MAX;
	if (!l->asns[i].asn) {
		if (l->used_count == ASNS_MAX / 2)
			return false;
		l->asns[i].asn = asn;
		l->used[l->used_count++] = i;
	}
	*out = i;
	return true;
}

/* Which networks a /16 belongs to, asked of addresses spread over it. */
static void look_up(struct wire_ledger *l, unsigned net)
{
	struct net16 *n = &l->net[net];
	struct share found[SAMPLES] = { 0 };
	unsigned count = 0;

	for (unsigned s = 0; s < SAMPLES; s++) {
		struct endpoint ep = endpoint_ip4(
			net << 16 | s * (0x10000 / SAMPLES) | (0x10000 / SAMPLES / 2), 0);
		struct geo_place place;
		uint32_t at;
		unsigned k = 0;

		geo_lookup(l->geo, &ep, &place);
		if (!place.asn || !place_of(l, place.asn, &at))
			continue;
		while (k < count && found[k].place != at)
			k++;
		if (k == count)
			found[count++] = (struct share){ .place = at };
		found[k].samples++;
	}
	n->count = UINT16_MAX; /* looked up, and nothing known */
	if (!count)
		return;
	n->shares = malloc(count * sizeof(*n->shares));
	if (!n->shares)
		return;
	memcpy(n->shares, found, count * sizeof(*n->shares));
	n->count = (uint16_t)count;
}

static void deal(struct wire_ledger *l, unsigned net, uint32_t packets)
{
	struct net16 *n = &l->net[net];
	unsigned samples = 0;

	if (!n->count)
		look_up(l, net);
	if (n->count == UINT16_MAX)
		return;
	for (unsigned i = 0; i < n->count; i++)
		samples += n->shares[i].samples;
	for (unsigned i = 0; i < n->count; i++)
		l->asns[n->shares[i].place].second[l->at] +=
			(float)packets * (float)n->shares[i].samples / (float)samples;
}

void wire_ledger_tick(struct wire_ledger *l, const uint32_t sent[static LEDGER_NETS16])
{
	l->at = (unsigned)(l->ticks++ % WINDOW);
	for (uint32_t i = 0; i < l->used_count; i++)
		l->asns[l->used[i]].second[l->at] = 0;
	for (unsigned net = 0; net < LEDGER_NETS16; net++) {
		uint32_t packets = sent[net] - l->net[net].before;

		if (!packets)
			continue;
		l->net[net].before = sent[net];
		deal(l, net, packets);
	}
	for (uint32_t i = 0; i < l->used_count; i++) {
		const struct asn *a = &l->asns[l->used[i]];
		double sum = 0;

		for (unsigned s = 0; s < WINDOW; s++)
			sum += (double)a->second[s];
		if (sum > l->worst) {
			l->worst = sum;
			l->worst_asn = a->asn;
		}
	}
}

uint64_t wire_ledger_worst(const struct wire_ledger *l, uint32_t *asn)
{
	*asn = l->worst_asn;
	return (uint64_t)(l->worst + 0.5);
}
