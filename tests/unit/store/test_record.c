/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <string.h>

#include "store/record.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

static struct guard guard;

static int open_guard(void **state)
{
	(void)state;
	guard_open(&guard, 64);
	return 0;
}

static int close_guard(void **state)
{
	(void)state;
	guard_close(&guard);
	return 0;
}

static struct record random_record(struct rng *r)
{
	struct record x;

	rng_fill(r, &x, sizeof(x));
	x.version_len &= 3;
	x.ways &= 15;
	x.node_class &= 31;
	x.rtt_us = record_rtt_unpack(record_rtt_pack(x.rtt_us & 0xffffff));
	x.place.has_point &= 1;
	x.place.country_level &= 1;
	x.place.looked_up &= 1;
	memset(x.place.zero, 0, sizeof(x.place.zero));
	return x;
}

/* Field by field: a struct may have holes, and what is in them does not count. */
static void expect_equal(const struct record *a, const struct record *b)
{
	assert_int_equal(a->first_seen_s, b->first_seen_s);
	assert_int_equal(a->last_seen_s, b->last_seen_s);
	assert_int_equal(a->first_answered_s, b->first_answered_s);
	assert_int_equal(a->last_answered_s, b->last_answered_s);
	assert_int_equal(a->epoch_s, b->epoch_s);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->answers, b->answers);
	assert_int_equal(a->version_len, b->version_len);
	assert_memory_equal(a->version, b->version, 4);
	assert_int_equal(a->ways, b->ways);
	assert_int_equal(a->node_class, b->node_class);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->mentions, b->mentions);
	assert_int_equal(a->rtt_us, b->rtt_us);
	assert_int_equal(a->ordinal, b->ordinal);
	assert_memory_equal(&a->place, &b->place, sizeof(a->place));
}

static void node_comes_back(void **state)
{
	struct rng r = rng_open(1);

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint8_t bytes[RECORD_BYTES], again[RECORD_BYTES];
		struct record in = random_record(&r), out;

		record_encode(&in, bytes);
		assert_int_equal(record_decode(span_of(guard_put(&guard, bytes, sizeof(bytes)),
						       sizeof(bytes)),
					       &out),
				 0);
		expect_equal(&in, &out);
		record_encode(&out, again);
		assert_memory_equal(bytes, again, sizeof(bytes));
	}
}

static void round_trips_pack_in_order(void **state)
{
	uint32_t before = 0;

	(void)state;
	for (uint32_t us = 0; us < 1 << 24; us += 1 + us / 700) {
		uint32_t back = record_rtt_unpack(record_rtt_pack(us));

		assert_true(back <= us && (uint64_t)(us - back) * 2048 <= us);
		assert_true(back >= before);
		before = back;
	}
	assert_int_equal(record_rtt_unpack(record_rtt_pack(UINT32_MAX)), RECORD_RTT_MAX_US);
}

static void contact_comes_back(void **state)
{
	struct rng r = rng_open(2);

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t bytes[RECORD_CONTACT_BYTES];
		struct record_contact in = { .has_id = i & 1 }, out;

		rng_fill(&r, &in.first_seen_s, 12);
		rng_fill(&r, &in.id, sizeof(in.id));
		in.attempts = (uint8_t)rng_u64(&r);
		in.answers = (uint8_t)rng_u64(&r);
		in.ways = (uint8_t)rng_below(&r, 16);
		in.flags = (uint16_t)rng_u64(&r);
		in.mentions = (uint16_t)rng_u64(&r);
		record_contact_encode(&in, bytes);
		assert_int_equal(
			record_contact_decode(
				span_of(guard_put(&guard, bytes, sizeof(bytes)), sizeof(bytes)),
				&out),
			0);
		assert_int_equal(in.first_seen_s, out.first_seen_s);
		assert_int_equal(in.last_seen_s, out.last_seen_s);
		assert_int_equal(in.epoch_s, out.epoch_s);
		assert_int_equal(in.attempts, out.attempts);
		assert_int_equal(in.answers, out.answers);
		assert_int_equal(in.has_id, out.has_id);
		assert_memory_equal(&in.id, &out.id, sizeof(in.id));
		assert_int_equal(in.ways, out.ways);
		assert_int_equal(in.flags, out.flags);
		assert_int_equal(in.mentions, out.mentions);
	}
}

/* The bytes on disk, as drawn in store/README.md: who moves one must notice. */
static void layout_stands_still(void **state)
{
	static const struct record r = {
		.first_seen_s = 0x01020304,
		.last_seen_s = 0x05060708,
		.first_answered_s = 0x090a0b0c,
		.last_answered_s = 0x0d0e0f10,
		.epoch_s = 0x11121314,
		.attempts = 0x15,
		.answers = 0x16,
		.version_len = 4,
		.version = { 'L', 'T', 2, 8 },
		.ways = 5,
		.node_class = 3,
		.flags = 0x1718,
		.mentions = 0x191a,
		.rtt_us = 0xb1c << 3,
		.ordinal = 0x26272829,
		.place = { .asn = 0x1e1f2021,
			   .lat_q = 0x2223,
			   .lon_q = 0x2425,
			   .country = "DE",
			   .looked_up = 1,
			   .radius_q = 0x2a,
			   .has_point = 1,
			   .country_level = 1 },
	};
	static const uint8_t want[RECORD_BYTES] = {
		2,    0x75, 0x18, 0x17, 4,    3,    2,    1,    8,    7,    6,    5,    0x0c,
		0x0b, 0x0a, 9,    0x10, 0x0f, 0x0e, 0x0d, 0x14, 0x13, 0x12, 0x11, 0x21, 0x20,
		0x1f, 0x1e, 0x1a, 0x19, 0x23, 0x22, 0x25, 0x24, 'D',  'E',  'L',  'T',  2,
		8,    0x1c, 0x3b, 0x29, 0x28, 0x27, 0x26, 0x2a, 0x15, 0x16, 0x83,
	};
	uint8_t got[RECORD_BYTES];

	(void)state;
	record_encode(&r, got);
	assert_memory_equal(got, want, sizeof(want));
}

static void foreign_values_are_refused(void **state)
{
	static const struct {
		const char *name;
		unsigned at;
		uint8_t byte;
		int rc;
	} rows[] = {
		{ "a later layout", 0, 3, DT_ENEWER },
		{ "an earlier layout", 0, 1, DT_ECORRUPT },
		{ "no layout", 0, 0, DT_ECORRUPT },
		{ "a way that is none", 1, 0x80, DT_ECORRUPT },
		{ "a round trip written oddly", 41, 0x10, DT_ECORRUPT },
		{ "v of 5 bytes", 49, 0xa0, DT_ECORRUPT },
	};
	uint8_t good[RECORD_BYTES] = { 2 }, contact[RECORD_CONTACT_BYTES] = { 2, 0x20 };
	struct record_contact c;
	struct record r;

	(void)state;
	assert_int_equal(record_decode(span_of(good, sizeof(good)), &r), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bad[RECORD_BYTES];

		memcpy(bad, good, sizeof(bad));
		bad[rows[i].at] = rows[i].byte;
		if (record_decode(span_of(bad, sizeof(bad)), &r) != rows[i].rc)
			fail_msg("%s was taken", rows[i].name);
	}
	for (size_t n = 0; n < RECORD_BYTES; n++)
		assert_int_equal(record_decode(span_of(guard_put(&guard, good, n), n), &r),
				 DT_ESIZE);
	assert_int_equal(record_contact_decode(span_of(contact, sizeof(contact)), &c), DT_ECORRUPT);
	contact[0] = 9;
	assert_int_equal(record_contact_decode(span_of(contact, sizeof(contact)), &c), DT_ENEWER);
	assert_int_equal(record_contact_decode(span_of(contact, 39), &c), DT_ESIZE);
}

static void keys_come_back_and_sort_as_numbers(void **state)
{
	struct rng r = rng_open(3);
	uint8_t low[RECORD_KEY_MAX], high[RECORD_KEY_MAX], mapped[RECORD_KEY6_BYTES] = { 0 };
	struct nodeid id, back_id;
	struct endpoint back;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct endpoint ep = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)rng_u64(&r));
		struct endpoint next = ep;
		unsigned n;

		if (i % 2)
			rng_fill(&r, ep.addr, sizeof(ep.addr));
		rng_fill(&r, &id, sizeof(id));
		n = record_key(&id, &ep, low);
		assert_int_equal(n, i % 2 ? RECORD_KEY6_BYTES : RECORD_KEY4_BYTES);
		assert_int_equal(record_key_decode(span_of(low, n), &back_id, &back), 0);
		assert_memory_equal(&id, &back_id, sizeof(id));
		assert_true(endpoint_equal(&ep, &back));
		if (i % 2 || endpoint_get_ip4(&ep) == UINT32_MAX)
			continue;
		next = endpoint_ip4(endpoint_get_ip4(&ep) + 1, 0);
		record_key(&id, &next, high);
		assert_true(memcmp(low, high, n) < 0);
	}
	assert_int_equal(record_key_decode(span_of(low, 27), &id, &back), DT_ESIZE);
	mapped[30] = mapped[31] = 0xff;
	assert_int_equal(record_key_decode(span_of(mapped, sizeof(mapped)), &id, &back),
			 DT_ECORRUPT);
}

static void places_lie_where_they_lay(void **state)
{
	struct rng r = rng_open(4);

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		struct geo_place in = { .asn = (uint32_t)rng_u64(&r), .has_point = true }, out;
		struct record_place p, again;

		in.lat = (float)rng_below(&r, 180001) / 1000 - 90;
		in.lon = (float)rng_below(&r, 360001) / 1000 - 180;
		in.radius_km = i % 3 ? (float)(1 + rng_below(&r, 5000)) : 0;
		memcpy(in.country, "NO", 3);
		p = record_place_of(&in);
		record_place_expand(&p, &out);
		assert_true(fabsf(in.lat - out.lat) < 0.0015f);
		assert_true(fabsf(in.lon - out.lon) < 0.003f);
		assert_true(fabsf(in.radius_km - out.radius_km) <= 0.025f * in.radius_km);
		assert_string_equal(out.country, "NO");
		assert_int_equal(out.asn, in.asn);
		again = record_place_of(&out);
		assert_memory_equal(&p, &again, sizeof(p));
	}
}

static void odd_places_do_no_harm(void **state)
{
	static const struct geo_place odd[] = {
		{ .has_point = true, .lat = 1000, .lon = -1000, .radius_km = 1e30f },
		{ .has_point = true, .lat = -1000, .lon = 1000, .radius_km = -5 },
		{ .has_point = true,
		  .lat = (float)NAN,
		  .lon = (float)INFINITY,
		  .radius_km = (float)NAN },
	};
	struct geo_place out;

	(void)state;
	for (const struct geo_place *g = odd; g < TABLE_END(odd); g++) {
		struct record_place p = record_place_of(g);

		record_place_expand(&p, &out);
		assert_true(out.lat >= -90 && out.lat <= 90 && out.lon >= -180 && out.lon <= 180);
		assert_true(out.radius_km >= 0 && out.radius_km < 20000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_comes_back),
		cmocka_unit_test(round_trips_pack_in_order),
		cmocka_unit_test(contact_comes_back),
		cmocka_unit_test(layout_stands_still),
		cmocka_unit_test(foreign_values_are_refused),
		cmocka_unit_test(keys_come_back_and_sort_as_numbers),
		cmocka_unit_test(places_lie_where_they_lay),
		cmocka_unit_test(odd_places_do_no_harm),
	};

	return cmocka_run_group_tests(tests, open_guard, close_guard);
}
