/* SPDX-License-Identifier: MIT */
#include "store/merge.h"

#include <string.h>

static uint32_t seconds(uint64_t when_ms)
{
	uint64_t s = when_ms / 1000;

	return s > UINT32_MAX ? UINT32_MAX : s ? (uint32_t)s : 1; /* 0 means never */
}

static uint32_t rtt(uint32_t us)
{
	return record_rtt_unpack(record_rtt_pack(us));
}

struct record merge_from_sighting(const struct sighting *s, uint32_t epoch_s)
{
	bool heard = !(s->flags & SIGHTING_FINAL);
	struct record r = {
		.first_seen_s = seconds(s->when_ms),
		.last_seen_s = heard ? seconds(s->when_ms) : 0,
		.epoch_s = epoch_s,
		.attempts = s->attempts,
		.answers = s->answers,
		.version_len = s->version_len > 4 ? 4 : s->version_len,
		.ways = (uint8_t)(1u << s->way),
		.node_class = s->node_class,
		.flags = s->flags,
		.mentions = s->mentions,
		.rtt_us = rtt(s->rtt_us),
	};

	if (s->way == SIGHTING_ANSWERED) {
		r.first_answered_s = r.first_seen_s;
		r.last_answered_s = r.last_seen_s;
	}
	memcpy(r.version, s->version, r.version_len);
	return r;
}

struct record_contact merge_contact_from_sighting(const struct sighting *s, uint32_t epoch_s)
{
	struct record_contact c = {
		.first_seen_s = seconds(s->when_ms),
		.last_seen_s = seconds(s->when_ms),
		.epoch_s = epoch_s,
		.attempts = s->attempts,
		.answers = s->answers,
		.has_id = s->key.bits == NODEID_BITS,
		.ways = (uint8_t)(1u << s->way),
		.flags = s->flags,
		.mentions = s->mentions,
	};

	if (c.has_id)
		c.id = nodekey_to_id(&s->key);
	return c;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Where 0 stands for none. */
static uint32_t least(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a | b;
	return a < b ? a : b;
}

static void merge_version(struct record *into, const struct record *o)
{
	if (o->version_len < into->version_len)
		return;
	if (o->version_len == into->version_len && memcmp(o->version, into->version, 4) <= 0)
		return;
	into->version_len = o->version_len;
	memcpy(into->version, o->version, 4);
}

static void merge_epoch(struct record *into, const struct record *o)
{
	if (o->epoch_s < into->epoch_s)
		return;
	if (o->epoch_s > into->epoch_s) {
		into->epoch_s = o->epoch_s;
		into->attempts = o->attempts;
		into->answers = o->answers;
		into->version_len = o->version_len;
		memcpy(into->version, o->version, 4);
		return;
	}
	into->attempts = (uint8_t)most(into->attempts, o->attempts);
	into->answers = (uint8_t)most(into->answers, o->answers);
	merge_version(into, o);
}

void merge_record(struct record *into, const struct record *o)
{
	into->first_seen_s = least(into->first_seen_s, o->first_seen_s);
	into->last_seen_s = most(into->last_seen_s, o->last_seen_s);
	into->first_answered_s = least(into->first_answered_s, o->first_answered_s);
	into->last_answered_s = most(into->last_answered_s, o->last_answered_s);
	merge_epoch(into, o);
	into->ways |= o->ways;
	into->flags |= o->flags;
	into->node_class = (uint8_t)most(into->node_class, o->node_class);
	into->mentions = (uint16_t)most(into->mentions, o->mentions);
	into->rtt_us = least(into->rtt_us, o->rtt_us);
	/* Two databases, two places: any fixed choice does, and all zeros is the least. */
	if (memcmp(&o->place, &into->place, sizeof(into->place)) > 0)
		into->place = o->place;
}

static void merge_contact_epoch(struct record_contact *into, const struct record_contact *o)
{
	if (o->epoch_s < into->epoch_s)
		return;
	if (o->epoch_s > into->epoch_s) {
		into->epoch_s = o->epoch_s;
		into->attempts = o->attempts;
		into->answers = o->answers;
		into->has_id = o->has_id;
		into->id = o->id;
		return;
	}
	into->attempts = (uint8_t)most(into->attempts, o->attempts);
	into->answers = (uint8_t)most(into->answers, o->answers);
	into->has_id |= o->has_id;
	if (memcmp(o->id.b, into->id.b, NODEID_BYTES) > 0)
		into->id = o->id;
}

void merge_contact(struct record_contact *into, const struct record_contact *o)
{
	into->first_seen_s = least(into->first_seen_s, o->first_seen_s);
	into->last_seen_s = most(into->last_seen_s, o->last_seen_s);
	merge_contact_epoch(into, o);
	into->ways |= o->ways;
	into->flags |= o->flags;
	into->mentions = (uint16_t)most(into->mentions, o->mentions);
}
