/* SPDX-License-Identifier: MIT */
#include "engine/ear_peers.h"

#include <string.h>

#include "tests/support/rng.h"
#include "tests/support/unit.h"

static struct nodeid hash_of(uint32_t i)
{
	struct nodeid h = { { 0 } };

	memcpy(h.b, &i, sizeof(i));
	return h;
}

static struct endpoint peer_of(uint32_t i)
{
	return endpoint_ip4(0x0b000000 + i, 51413);
}

static void test_kept_and_expired(void **state)
{
	struct nodeid h = hash_of(1);
	struct endpoint six, out[10];
	struct ear_peers_stats st;
	struct ear_peers *p;

	(void)state;
	assert_int_equal(endpoint_from_text("[2001:db8::1]:5", &six), 0);
	assert_int_equal(ear_peers_new(&p), 0);
	assert_int_equal(ear_peers_get(p, &h, 0, 1000, 7, out, 10), 0);
	for (uint32_t i = 0; i < 5; i++) {
		struct endpoint ep = peer_of(i);

		assert_int_equal(ear_peers_put(p, &h, &ep, 1000 + i), 1);
		assert_int_equal(ear_peers_put(p, &h, &ep, 1000 + i), 1); /* again: the same */
	}
	assert_int_equal(ear_peers_put(p, &h, &six, 1004), 1);
	assert_int_equal(ear_peers_get(p, &h, 0, 1010, 7, out, 10), 5);
	assert_int_equal(ear_peers_get(p, &h, 1, 1010, 7, out, 10), 1);
	assert_true(endpoint_equal(&out[0], &six));
	/* Those of 1000 to 1002 are over; who announced itself again is not. */
	six = peer_of(1);
	assert_int_equal(ear_peers_put(p, &h, &six, 1700), 1);
	assert_int_equal(ear_peers_get(p, &h, 0, 1002 + EAR_PEER_LIFE_S, 7, out, 10), 3);
	ear_peers_stats(p, &st);
	assert_int_equal(st.peers, 4); /* and one of IPv6 */
	assert_int_equal(ear_peers_get(p, &h, 0, 9000, 7, out, 10), 0);
	ear_peers_free(p);
}

static void test_others_each_time(void **state)
{
	struct nodeid h = hash_of(1);
	unsigned times[100] = { 0 };
	struct endpoint out[20];
	struct ear_peers *p;

	(void)state;
	assert_int_equal(ear_peers_new(&p), 0);
	for (uint32_t i = 0; i < 100; i++) {
		struct endpoint ep = peer_of(i);

		assert_int_equal(ear_peers_put(p, &h, &ep, 1000), 1);
	}
	for (uint64_t k = 0; k < 2000; k++) {
		unsigned n = ear_peers_get(p, &h, 0, 1000, k * 977, out, 20);

		assert_int_equal(n, 20);
		for (unsigned i = 0; i < n; i++)
			times[endpoint_get_ip4(&out[i]) & 0xff]++;
	}
	for (unsigned i = 0; i < 100; i++) /* 400 each, give or take */
		if (times[i] < 250 || times[i] > 550)
			fail_msg("peer %u was given %u times", i, times[i]);
	ear_peers_free(p);
}

/* Whatever is announced, by however many: bounds hold, and nothing is lost from the lists. */
static void test_bounds(void **state)
{
	struct rng r = rng_open(6);
	struct ear_peers_stats st;
	struct nodeid hashes[32];
	struct ear_peers *p;

	(void)state;
	assert_int_equal(ear_peers_new(&p), 0);
	for (uint32_t i = 0; i < 400000; i++) {
		struct nodeid h = hash_of((uint32_t)rng_below(&r, i % 3 ? 20000 : 4));
		struct endpoint ep = peer_of((uint32_t)rng_below(&r, i % 7 ? 100000 : 10));

		(void)ear_peers_put(p, &h, &ep, 1000 + i / 1000);
	}
	ear_peers_stats(p, &st);
	assert_true(st.torrents <= EAR_TORRENTS_MAX && st.peers <= EAR_PEERS_MAX);
	assert_true(st.torrents > EAR_TORRENTS_MAX / 2);
	assert_true(st.refused > 0 && st.forgotten > 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct endpoint out[EAR_PEERS_OF_ONE + 1];
		struct nodeid h = hash_of(i);

		assert_true(ear_peers_get(p, &h, 0, 1400, i, out, EAR_PEERS_OF_ONE + 1) <=
			    EAR_PEERS_OF_ONE);
	}
	assert_int_equal(ear_peers_sample(p, 1400, 77, hashes, 32), 32);
	assert_int_equal(ear_peers_sample(p, 99999, 77, hashes, 32), 0);
	ear_peers_free(p);
}

/* One address cannot take the place of everybody. */
static void test_share_of_an_address(void **state)
{
	struct ear_peers_stats st;
	struct ear_peers *p;
	unsigned kept = 0;

	(void)state;
	assert_int_equal(ear_peers_new(&p), 0);
	for (uint32_t i = 0; i < 10000; i++) {
		struct endpoint ep = endpoint_ip4(0x0b000001, (uint16_t)(1 + i));
		struct nodeid h = hash_of(i);

		kept += ear_peers_put(p, &h, &ep, 1000) == 1;
	}
	assert_int_equal(kept, EAR_TORRENTS_OF_ONE);
	ear_peers_stats(p, &st);
	assert_int_equal(st.refused, 10000 - EAR_TORRENTS_OF_ONE);
	ear_peers_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_and_expired),
		cmocka_unit_test(test_others_each_time),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_share_of_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
