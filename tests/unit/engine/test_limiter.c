/* SPDX-License-Identifier: MIT */
#include "engine/limiter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rng.h"
#include "tests/support/seed.h"
#include "tests/support/unit.h"

enum { MS = 1000000, HISTORY = 64 };
static const uint64_t S = 1000000000;

static const struct limiter_opts host_opts = {
	.kind = LIMITER_HOST, .rate_pps = 1, .burst = 4, .window_max = 9
};

static bool pass(struct limiter *l, uint64_t key, uint64_t now_ns, uint64_t *retry_ns)
{
	struct limiter_ticket t;

	if (!limiter_ask(l, key, now_ns, &t, retry_ns))
		return false;
	limiter_charge(l, &t);
	return true;
}

/* { milliseconds to wait before, expected } as in WireGuard's self-test. */
static void test_table(void **state)
{
	static const struct {
		unsigned wait_ms;
		bool want;
	} rows
		[] = {
			{ 0, true },     { 0, true },     { 0, true },   { 0, true },
			{ 0, false },    { 900, false },  { 101, true }, { 0, false },
			{ 2001, true },  { 0, true },     { 0, false },  { 1001, true },
			{ 1001, true },  { 1001, false }, /* nine in under 10 s: 6.0 s so far */
			{ 1001, false }, { 4000, true },  /* the four of the start have left */
		};
	struct limiter *l;
	uint64_t now = 77 * S, retry;

	(void)state;
	assert_int_equal(limiter_new(&host_opts, &l), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		now += (uint64_t)rows[i].wait_ms * MS;
		if (pass(l, 42, now, &retry) != rows[i].want)
			fail_msg("row %zu: not %d", i, rows[i].want);
	}
	limiter_free(l);
}

static void test_bad_options(void **state)
{
	struct limiter_opts o = host_opts;
	struct limiter *l = NULL;

	(void)state;
	o.rate_pps = 0;
	assert_int_equal(limiter_new(&o, &l), -EINVAL);
	o.rate_pps = 0.1; /* 40 s to fill the bucket: more than an entry can say */
	assert_int_equal(limiter_new(&o, &l), -EINVAL);
	o.rate_pps = 1;
	o.burst = 0;
	assert_int_equal(limiter_new(&o, &l), -EINVAL);
	assert_null(l);
	limiter_free(NULL);
}

static void test_keys(void **state)
{
	struct limiter_opts o = host_opts;
	struct endpoint a = endpoint_ip4(0x01020304, 1), b = endpoint_ip4(0x010203ff, 2);
	struct endpoint v6 = { .addr = { 0x2a, 1, 2, 3, 4, 5, 6 } }, near = v6, far = v6;
	struct limiter *hosts, *nets;

	(void)state;
	assert_int_equal(limiter_new(&o, &hosts), 0);
	o.kind = LIMITER_NET;
	assert_int_equal(limiter_new(&o, &nets), 0);
	assert_true(limiter_key(hosts, &a) != limiter_key(hosts, &b));
	assert_true(limiter_key(nets, &a) == limiter_key(nets, &b));
	b.addr[14]++;
	assert_true(limiter_key(nets, &a) != limiter_key(nets, &b));
	near.addr[6]++;
	far.addr[5]++;
	assert_true(limiter_key(hosts, &v6) != limiter_key(hosts, &near));
	assert_true(limiter_key(nets, &v6) == limiter_key(nets, &near));
	assert_true(limiter_key(nets, &v6) != limiter_key(nets, &far));
	limiter_free(hosts);
	limiter_free(nets);
}

/* ---- the recount ------------------------------------------------------------ */

/* One key's past, exact: every send of the last HISTORY, and a bucket in doubles. */
struct exact {
	uint64_t sent_ns[HISTORY];
	unsigned count;
	double tokens;
	double sure; /* tokens of a bucket that fills 2 % slower: these must be given out */
	uint64_t at_ns;
};

static unsigned recount(const struct exact *x, uint64_t now_ns, uint64_t window_ns)
{
	unsigned n = 0, kept = x->count < HISTORY ? x->count : HISTORY;

	for (unsigned i = 0; i < kept; i++)
		n += now_ns - x->sent_ns[i] <= window_ns;
	return n;
}

static void refill(struct exact *x, uint64_t now_ns, double rate, double burst)
{
	double more = x->count == 0 ? burst : (double)(now_ns - x->at_ns) / 1e9 * rate;

	x->tokens = fmin(burst, x->tokens + more);
	x->sure = fmin(burst, x->sure + more * 0.98);
	x->at_ns = now_ns;
}

/* What the limiter let through must satisfy the exact rule; what it held back it
 * must let through at the time that it named, and that soon after the exact one. */
static void one_question(struct limiter *l, struct exact *x, uint64_t key, uint64_t now,
			 const struct limiter_opts *o)
{
	uint64_t retry = 0;

	refill(x, now, o->rate_pps, o->burst);
	if (pass(l, key, now, &retry)) {
		if (x->tokens < 1)
			fail_msg("bucket: %f tokens at %llu", x->tokens, (unsigned long long)now);
		if (o->window_max && recount(x, now, 10 * S) + 1 > o->window_max)
			fail_msg("window: %u packets at %llu", recount(x, now, 10 * S) + 1,
				 (unsigned long long)now);
		x->tokens -= 1;
		x->sure -= 1;
		x->sent_ns[x->count++ % HISTORY] = now;
		return;
	}
	assert_true(retry > now);
	if (x->sure >= 1.01 && (!o->window_max || recount(x, now, 11 * S) < o->window_max))
		fail_msg("held back without need at %llu", (unsigned long long)now);
}

static void run_recount(const struct limiter_opts *o, unsigned keys, unsigned steps,
			uint64_t mean_gap_ns, uint64_t seed)
{
	struct exact *x = calloc(keys, sizeof(*x));
	struct limiter_stats stats;
	uint64_t now = 5 * S;
	struct limiter *l;
	struct rng r;

	rng_init(&r, seed, keys);
	assert_non_null(x);
	assert_int_equal(limiter_new(o, &l), 0);
	for (unsigned i = 0; i < steps; i++) {
		uint32_t k = rng_below(&r, rng_below(&r, 3) ? keys : keys / 8 + 1);

		now += (uint64_t)((double)mean_gap_ns * 2 * rng_double(&r));
		if (rng_below(&r, steps / 4) == 0)
			now += rng_below(&r, 25) * S; /* a stall */
		one_question(l, &x[k], k + 1000, now, o);
	}
	limiter_stats(l, &stats);
	assert_true(!o->window_max || stats.worst <= o->window_max);
	assert_true(stats.worst > 1);
	assert_int_equal(stats.crowded, 0);
	limiter_free(l);
	free(x);
}

static void test_recount(void **state)
{
	uint64_t seed = seed_open();
	const struct limiter_opts net = { .kind = LIMITER_NET, .rate_pps = 32, .burst = 64 };
	const struct limiter_opts half = { .kind = LIMITER_NET, .rate_pps = 16, .burst = 32 };

	(void)state;
	run_recount(&host_opts, 3, 30000, 200 * MS, seed);
	run_recount(&host_opts, 500, 200000, 1 * MS, seed);
	run_recount(&host_opts, 40000, 400000, MS / 10, seed); /* generations grow and turn */
	run_recount(&net, 4, 100000, 5 * MS, seed);
	run_recount(&half, 50, 100000, 1 * MS, seed);
}

/* At the very nanosecond that a refusal names, the answer is yes. */
static void test_retry_is_kept(void **state)
{
	uint64_t now = 3 * S + 12345, retry, total = 0, start = now;
	struct limiter *l;

	(void)state;
	assert_int_equal(limiter_new(&host_opts, &l), 0);
	for (unsigned i = 0; i < 2000; i++) {
		if (pass(l, 9, now, &retry)) {
			total++;
			continue;
		}
		assert_true(retry > now && retry - now < 11 * S);
		now = retry;
		assert_true(pass(l, 9, now, &retry));
		total++;
	}
	/* Nine in each 10.9 s at the worst: the rounding costs less than a tenth. */
	assert_true((double)total / ((double)(now - start) / 1e9) > 0.9 * 0.91);
	limiter_free(l);
}

/* Tables grow with the traffic, shrink after it, and never lose a live address. */
static void test_grows_and_shrinks(void **state)
{
	enum { CROWD = 300000 };
	struct limiter_stats stats;
	uint64_t now = S, retry;
	struct limiter *l;
	size_t big;

	(void)state;
	assert_int_equal(limiter_new(&host_opts, &l), 0);
	for (unsigned i = 0; i < CROWD; i++)
		for (unsigned k = 0; k < 4; k++)
			assert_true(pass(l, i, now + i * 1000, &retry));
	for (unsigned i = 0; i < CROWD; i++)
		if (pass(l, i, now + CROWD * 1000, &retry))
			fail_msg("address %u was forgotten within a second", i);
	limiter_stats(l, &stats);
	big = stats.bytes;
	assert_true(stats.entries >= CROWD && stats.entries < CROWD + LIMITER_GENERATIONS);
	assert_true(big < (size_t)CROWD * 16 * 6);
	for (unsigned i = 0; i < 8; i++) {
		now += limiter_keep_ns(l) + S;
		assert_true(pass(l, 1, now, &retry));
	}
	limiter_stats(l, &stats);
	assert_true(stats.bytes <= 2 * (size_t)LIMITER_ENTRIES_MIN * 16 * 2);
	assert_true(stats.tables <= 2);
	limiter_free(l);
}

/* The hint holds from the first packet on, whatever the clock says by then. */
static void test_hint_outlives_the_clock(void **state)
{
	enum { CROWD = 600000 };
	struct limiter_opts opts = host_opts;
	struct limiter_stats stats;
	uint64_t now = 1000000 * S, retry;
	struct limiter *l;

	(void)state;
	opts.entries_hint = CROWD;
	assert_int_equal(limiter_new(&opts, &l), 0);
	for (unsigned i = 0; i < CROWD; i++)
		if (!pass(l, i, now + i * 1000, &retry))
			fail_msg("address %u had to wait", i);
	limiter_stats(l, &stats);
	assert_int_equal(stats.tables, 1);
	assert_int_equal(stats.crowded, 0);
	limiter_free(l);
}

/* More addresses within keep than tables may hold: new ones wait, none passes twice. */
static void test_crowded(void **state)
{
	struct limiter_opts opts = host_opts;
	struct limiter_stats stats;
	uint64_t now = S, retry = 0;
	unsigned passed = 0;
	struct limiter *l;

	(void)state;
	opts.entries_max = 8192;
	assert_int_equal(limiter_new(&opts, &l), 0);
	for (unsigned i = 0; i < 100000; i++)
		passed += pass(l, i, now, &retry);
	limiter_stats(l, &stats);
	assert_true(stats.crowded > 0);
	assert_int_equal(stats.tables, LIMITER_GENERATIONS);
	assert_int_equal(passed + stats.crowded, 100000);
	assert_true(retry > now);
	now += limiter_keep_ns(l) + S;
	assert_true(pass(l, 1u << 30, now, &retry));
	limiter_free(l);
}

/* Ticks wrap every 10 days; a pause of any length must not make old entries young. */
static void test_pauses(void **state)
{
	static const uint64_t pause_s[] = { 11,     3600,   100000, 109226, 218453,
					    436906, 873813, 873824, 900000, 5000000 };
	struct limiter *l;
	uint64_t now = S, retry;

	(void)state;
	assert_int_equal(limiter_new(&host_opts, &l), 0);
	for (size_t i = 0; i < sizeof(pause_s) / sizeof(*pause_s); i++) {
		for (unsigned k = 0; k < 4; k++)
			if (!pass(l, 5, now, &retry))
				fail_msg("pause %zu: packet %u held back", i, k);
		assert_false(pass(l, 5, now, &retry));
		now += (pause_s[i] + 1) * S;
	}
	limiter_free(l);
}

/* Ticks wrap after ten days: whoever was sent to half of that ago is not of the future. */
static void test_a_fortnight(void **state)
{
	struct limiter *l;
	struct rng r;
	uint64_t retry;

	(void)state;
	assert_int_equal(limiter_new(&host_opts, &l), 0);
	rng_init(&r, 1, 0);
	for (uint64_t now = 5 * S; now < 14 * 86400 * S; now += 4 * S)
		if (!pass(l, rng_below(&r, 3000), now, &retry))
			fail_msg("after %llu s", (unsigned long long)(now / S));
	limiter_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_recount),
		cmocka_unit_test(test_retry_is_kept),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_a_fortnight),
		cmocka_unit_test(test_grows_and_shrinks),
		cmocka_unit_test(test_hint_outlives_the_clock),
		cmocka_unit_test(test_crowded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
