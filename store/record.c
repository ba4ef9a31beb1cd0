/* SPDX-License-Identifier: MIT */
#include "store/record.h"

#include <math.h>
#include <string.h>

#include "proto/sighting.h"
#include "store/le.h"

/* Layout of a node's value. The sum of the widths is RECORD_BYTES. */
enum {
	N_VERSION = 0,
	N_BITS = 1, /* ways 0..3, has_point 4, country_level 5, looked_up 6 */
	N_FLAGS = 2,
	N_FIRST_SEEN = 4,
	N_LAST_SEEN = 8,
	N_FIRST_ANSWERED = 12,
	N_LAST_ANSWERED = 16,
	N_EPOCH = 20,
	N_ASN = 24,
	N_MENTIONS = 28,
	N_LAT = 30,
	N_LON = 32,
	N_COUNTRY = 34,
	N_CLIENT = 36, /* v as sent */
	N_RTT = 40,    /* packed */
	N_ORDINAL = 42,
	N_RADIUS = 46,
	N_ATTEMPTS = 47,
	N_ANSWERS = 48,
	N_CLASS = 49, /* class 0..4, length of v 5..7 */
	N_END = 50,
};
_Static_assert((int)N_END == (int)RECORD_BYTES && RECORD_BYTES <= 64,
	       "a fixed value of at most 64 bytes");

/* Layout of a contact's value. */
enum {
	C_VERSION = 0,
	C_BITS = 1, /* ways 0..3, has_id 4 */
	C_FLAGS = 2,
	C_FIRST_SEEN = 4,
	C_LAST_SEEN = 8,
	C_EPOCH = 12,
	C_MENTIONS = 16,
	C_ATTEMPTS = 18,
	C_ANSWERS = 19,
	C_ID = 20,
	C_END = 40,
};
_Static_assert((int)C_END == (int)RECORD_CONTACT_BYTES, "as drawn");

enum {
	BITS_WAYS = 0x0f,
	BITS_POINT = 0x10,
	BITS_COUNTRY_LEVEL = 0x20,
	BITS_LOOKED_UP = 0x40,
	BITS_HAS_ID = 0x10,
	CLASS_MASK = 0x1f,
	CLASS_BITS = 5,
	VERSION_LEN_MAX = 4,
	RTT_BITS = 12,
	RTT_MASK = (1 << RTT_BITS) - 1,
};
_Static_assert(1 << SIGHTING_WAYS == BITS_WAYS + 1, "one bit per way");

static const double radius_least_km = 0.25;
static const double radius_steps_per_doubling = 16;

/*
 * A round trip in 16 bits: below 4096 us as it is, above as 12 bits and by how
 * many places they were shifted; off by 0.05 % at most, always downward.
 */
uint16_t record_rtt_pack(uint32_t us)
{
	uint32_t v = us < RECORD_RTT_MAX_US ? us : RECORD_RTT_MAX_US;
	unsigned shift = v >> RTT_BITS ? 32 - (unsigned)__builtin_clz(v >> RTT_BITS) : 0;

	return (uint16_t)(shift << RTT_BITS | v >> shift);
}

uint32_t record_rtt_unpack(uint16_t packed)
{
	return (packed & RTT_MASK) << (packed >> RTT_BITS);
}

void record_encode(const struct record *r, uint8_t out[static RECORD_BYTES])
{
	out[N_VERSION] = RECORD_VERSION;
	out[N_BITS] = (uint8_t)((r->ways & BITS_WAYS) | (r->place.has_point ? BITS_POINT : 0) |
				(r->place.country_level ? BITS_COUNTRY_LEVEL : 0) |
				(r->place.looked_up ? BITS_LOOKED_UP : 0));
	le_put16(out + N_FLAGS, r->flags);
	le_put32(out + N_FIRST_SEEN, r->first_seen_s);
	le_put32(out + N_LAST_SEEN, r->last_seen_s);
	le_put32(out + N_FIRST_ANSWERED, r->first_answered_s);
	le_put32(out + N_LAST_ANSWERED, r->last_answered_s);
	le_put32(out + N_EPOCH, r->epoch_s);
	le_put32(out + N_ASN, r->place.asn);
	le_put16(out + N_MENTIONS, r->mentions);
	le_put16(out + N_LAT, r->place.lat_q);
	le_put16(out + N_LON, r->place.lon_q);
	memcpy(out + N_COUNTRY, r->place.country, 2);
	memcpy(out + N_CLIENT, r->version, 4);
	le_put16(out + N_RTT, record_rtt_pack(r->rtt_us));
	le_put32(out + N_ORDINAL, r->ordinal);
	out[N_RADIUS] = r->place.radius_q;
	out[N_ATTEMPTS] = r->attempts;
	out[N_ANSWERS] = r->answers;
	out[N_CLASS] = (uint8_t)((r->node_class & CLASS_MASK) | r->version_len << CLASS_BITS);
}

static int check_value(struct span in, size_t bytes)
{
	if (in.len != bytes)
		return DT_ESIZE;
	if (in.ptr[0] != RECORD_VERSION)
		return in.ptr[0] > RECORD_VERSION ? DT_ENEWER : DT_ECORRUPT;
	return 0;
}

static void decode_place(const uint8_t *p, struct record_place *out)
{
	*out = (struct record_place){
		.asn = le_get32(p + N_ASN),
		.lat_q = le_get16(p + N_LAT),
		.lon_q = le_get16(p + N_LON),
		.radius_q = p[N_RADIUS],
		.has_point = (p[N_BITS] & BITS_POINT) != 0,
		.country_level = (p[N_BITS] & BITS_COUNTRY_LEVEL) != 0,
		.looked_up = (p[N_BITS] & BITS_LOOKED_UP) != 0,
	};
	memcpy(out->country, p + N_COUNTRY, 2);
}

int record_decode(struct span in, struct record *out)
{
	const uint8_t *p = in.ptr;
	int rc = check_value(in, RECORD_BYTES);

	if (rc < 0)
		return rc;
	if (p[N_BITS] & ~(BITS_WAYS | BITS_POINT | BITS_COUNTRY_LEVEL | BITS_LOOKED_UP))
		return DT_ECORRUPT;
	if (record_rtt_pack(record_rtt_unpack(le_get16(p + N_RTT))) != le_get16(p + N_RTT))
		return DT_ECORRUPT; /* a second way of writing the same */
	if (p[N_CLASS] >> CLASS_BITS > VERSION_LEN_MAX)
		return DT_ECORRUPT;
	*out = (struct record){
		.first_seen_s = le_get32(p + N_FIRST_SEEN),
		.last_seen_s = le_get32(p + N_LAST_SEEN),
		.first_answered_s = le_get32(p + N_FIRST_ANSWERED),
		.last_answered_s = le_get32(p + N_LAST_ANSWERED),
		.epoch_s = le_get32(p + N_EPOCH),
		.attempts = p[N_ATTEMPTS],
		.answers = p[N_ANSWERS],
		.version_len = (uint8_t)(p[N_CLASS] >> CLASS_BITS),
		.ways = p[N_BITS] & BITS_WAYS,
		.node_class = p[N_CLASS] & CLASS_MASK,
		.flags = le_get16(p + N_FLAGS),
		.mentions = le_get16(p + N_MENTIONS),
		.rtt_us = record_rtt_unpack(le_get16(p + N_RTT)),
		.ordinal = le_get32(p + N_ORDINAL),
	};
	memcpy(out->version, p + N_CLIENT, 4);
	decode_place(p, &out->place);
	return 0;
}

void record_contact_encode(const struct record_contact *c, uint8_t out[static RECORD_CONTACT_BYTES])
{
	out[C_VERSION] = RECORD_VERSION;
	out[C_BITS] = (uint8_t)((c->ways & BITS_WAYS) | (c->has_id ? BITS_HAS_ID : 0));
	le_put16(out + C_FLAGS, c->flags);
	le_put32(out + C_FIRST_SEEN, c->first_seen_s);
	le_put32(out + C_LAST_SEEN, c->last_seen_s);
	le_put32(out + C_EPOCH, c->epoch_s);
	le_put16(out + C_MENTIONS, c->mentions);
	out[C_ATTEMPTS] = c->attempts;
	out[C_ANSWERS] = c->answers;
	memcpy(out + C_ID, c->id.b, NODEID_BYTES);
}

int record_contact_decode(struct span in, struct record_contact *out)
{
	const uint8_t *p = in.ptr;
	int rc = check_value(in, RECORD_CONTACT_BYTES);

	if (rc < 0)
		return rc;
	if (p[C_BITS] & ~(BITS_WAYS | BITS_HAS_ID))
		return DT_ECORRUPT;
	*out = (struct record_contact){
		.first_seen_s = le_get32(p + C_FIRST_SEEN),
		.last_seen_s = le_get32(p + C_LAST_SEEN),
		.epoch_s = le_get32(p + C_EPOCH),
		.attempts = p[C_ATTEMPTS],
		.answers = p[C_ANSWERS],
		.has_id = (p[C_BITS] & BITS_HAS_ID) != 0,
		.ways = p[C_BITS] & BITS_WAYS,
		.flags = le_get16(p + C_FLAGS),
		.mentions = le_get16(p + C_MENTIONS),
	};
	memcpy(out->id.b, p + C_ID, NODEID_BYTES);
	return 0;
}

unsigned record_key(const struct nodeid *id, const struct endpoint *ep,
		    uint8_t out[static RECORD_KEY_MAX])
{
	memcpy(out, id->b, NODEID_BYTES);
	return NODEID_BYTES + record_addr(ep, out + NODEID_BYTES);
}

unsigned record_addr(const struct endpoint *ep, uint8_t out[static ENDPOINT_COMPACT6])
{
	bool four = endpoint_is4(ep);
	unsigned ip_bytes = four ? 4 : 16;

	memcpy(out, ep->addr + (four ? 12 : 0), ip_bytes);
	out[ip_bytes] = (uint8_t)(ep->port >> 8);
	out[ip_bytes + 1] = (uint8_t)ep->port;
	return ip_bytes + 2;
}

int record_addr_decode(struct span key, struct endpoint *ep)
{
	if (key.len == ENDPOINT_COMPACT4) {
		*ep = endpoint_ip4((uint32_t)key.ptr[0] << 24 | (uint32_t)key.ptr[1] << 16 |
					   (uint32_t)key.ptr[2] << 8 | key.ptr[3],
				   (uint16_t)(key.ptr[4] << 8 | key.ptr[5]));
		return 0;
	}
	if (key.len != ENDPOINT_COMPACT6)
		return DT_ESIZE;
	memcpy(ep->addr, key.ptr, 16);
	ep->port = (uint16_t)(key.ptr[16] << 8 | key.ptr[17]);
	return endpoint_is4(ep) ? DT_ECORRUPT : 0; /* v4 has tables of its own */
}

int record_key_decode(struct span key, struct nodeid *id, struct endpoint *ep)
{
	if (key.len != RECORD_KEY4_BYTES && key.len != RECORD_KEY6_BYTES)
		return DT_ESIZE;
	memcpy(id->b, key.ptr, NODEID_BYTES);
	return record_addr_decode(span_slice(key, NODEID_BYTES, key.len - NODEID_BYTES), ep);
}

static uint16_t quantise(double v, double low, double span)
{
	double q = (v - low) / span * 65535 + 0.5;

	return (uint16_t)(!(q > 0) ? 0 : q > 65535 ? 65535 : q); /* NaN gives 0 */
}

static uint8_t quantise_radius(double km)
{
	double q;

	if (!(km > 0))
		return 0;
	q = 1.5 + radius_steps_per_doubling * log2(km / radius_least_km);
	return (uint8_t)(q < 1 ? 1 : q > 255 ? 255 : q);
}

struct record_place record_place_of(const struct geo_place *g)
{
	struct record_place p = { .asn = g->asn, .looked_up = 1 };

	memcpy(p.country, g->country, 2);
	if (!g->has_point)
		return p;
	p.has_point = 1;
	p.country_level = g->country_level;
	p.lat_q = quantise(g->lat, -90, 180);
	p.lon_q = quantise(g->lon, -180, 360);
	p.radius_q = quantise_radius(g->radius_km);
	return p;
}

void record_place_expand(const struct record_place *p, struct geo_place *out)
{
	*out = (struct geo_place){ .asn = p->asn };
	memcpy(out->country, p->country, 2);
	if (!p->has_point)
		return;
	out->has_point = true;
	out->country_level = p->country_level;
	out->lat = (float)(p->lat_q / 65535.0 * 180 - 90);
	out->lon = (float)(p->lon_q / 65535.0 * 360 - 180);
	if (p->radius_q)
		out->radius_km = (float)(radius_least_km *
					 exp2((p->radius_q - 1) / radius_steps_per_doubling));
}
