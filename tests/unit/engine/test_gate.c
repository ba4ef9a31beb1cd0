/* SPDX-License-Identifier: MIT */
#include "engine/gate.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/blocklist.h"
#include "engine/net.h"
#include "engine/rng.h"
#include "tests/support/seed.h"
#include "tests/support/unit.h"

enum { MS = 1000000 };
static const uint64_t S = 1000000000;

static struct gate *gate_of(struct gate_opts opts)
{
	struct gate *g;

	assert_int_equal(gate_new(&opts, &g), 0);
	return g;
}

static enum gate_verdict ask(struct gate *g, struct endpoint ep, unsigned introducers, uint64_t now,
			     enum gate_reason *why)
{
	uint64_t retry = 0;
	enum gate_verdict v = gate_admit(g, &ep, introducers, now, why, &retry);

	if (v == GATE_LATER || v == GATE_FULL)
		assert_true(retry > now);
	return v;
}

static void test_never(void **state)
{
	static const struct {
		const char *name;
		uint32_t ip;
		uint16_t port;
		unsigned introducers;
		enum gate_verdict verdict;
		enum gate_reason why;
	} rows[] = {
		{ "plain", 0x08080808, 6881, 1, GATE_PASS, GATE_OK },
		{ "private", 0x0a000001, 6881, 9, GATE_NEVER, GATE_BOGON },
		{ "loopback", 0x7f000001, 6881, 9, GATE_NEVER, GATE_BOGON },
		{ "multicast", 0xe0000001, 6881, 9, GATE_NEVER, GATE_BOGON },
		{ "listed", 0x09090909, 6881, 9, GATE_NEVER, GATE_BLOCKLIST },
		{ "port 0", 0x08080809, 0, 9, GATE_NEVER, GATE_PORT_ZERO },
		{ "dns once", 0x0808080a, 53, 1, GATE_NEVER, GATE_SERVICE_PORT },
		{ "dns twice", 0x0808080a, 53, 2, GATE_PASS, GATE_OK },
		{ "1023", 0x0808080b, 1023, 1, GATE_NEVER, GATE_SERVICE_PORT },
		{ "1024", 0x0808080b, 1024, 1, GATE_PASS, GATE_OK },
		{ "ssdp", 0x0808080c, 1900, 1, GATE_NEVER, GATE_SERVICE_PORT },
		{ "mdns", 0x0808080c, 5353, 0, GATE_NEVER, GATE_SERVICE_PORT },
		{ "memcached", 0x0808080c, 11211, 1, GATE_NEVER, GATE_SERVICE_PORT },
		{ "memcached twice", 0x0808080c, 11211, 2, GATE_PASS, GATE_OK },
	};
	char why_text[BLOCKLIST_WHY_MAX];
	struct blocklist *list;
	struct gate_stats stats;
	struct gate *g;

	(void)state;
	assert_int_equal(blocklist_parse(SPAN_LIT("9.9.9.9"), "list", &list, why_text), 0);
	g = gate_of((struct gate_opts){ .blocklist = list });
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct endpoint ep = endpoint_ip4(rows[i].ip, rows[i].port);
		enum gate_reason why, learn = gate_may_learn(g, &ep);

		if (ask(g, ep, rows[i].introducers, S, &why) != rows[i].verdict ||
		    why != rows[i].why)
			fail_msg("%s: %s", rows[i].name, gate_reason_name(why));
		/* Learning knows no ports but 0. */
		if (learn != (rows[i].why == GATE_SERVICE_PORT ? GATE_OK : rows[i].why))
			fail_msg("%s: learnt as %s", rows[i].name, gate_reason_name(learn));
	}
	gate_stats(g, &stats);
	assert_int_equal(stats.passed, 4);
	assert_int_equal(stats.refused[GATE_BOGON], 3);
	assert_int_equal(stats.refused[GATE_SERVICE_PORT], 5);
	gate_free(g);
	blocklist_free(list);
	gate_free(NULL);
}

static void test_swap_blocklist(void **state)
{
	struct endpoint ep = endpoint_ip4(0x09090909, 6881);
	char why_text[BLOCKLIST_WHY_MAX];
	struct blocklist *list;
	struct gate *g = gate_of((struct gate_opts){ 0 });

	(void)state;
	assert_int_equal(blocklist_parse(SPAN_LIT("9.9.9.0/24"), "list", &list, why_text), 0);
	assert_int_equal(gate_may_learn(g, &ep), GATE_OK);
	gate_set_blocklist(g, list);
	assert_int_equal(gate_may_learn(g, &ep), GATE_BLOCKLIST);
	gate_set_blocklist(g, NULL);
	assert_int_equal(gate_may_learn(g, &ep), GATE_OK);
	blocklist_free(list);
	ep = endpoint_ip4(0x7f000001, 6881);
	assert_int_equal(gate_may_learn(g, &ep), GATE_BOGON);
	gate_free(g);
}

/* What passes is counted by its /16, what is refused is not, and gates add up. */
static void test_net16(void **state)
{
	struct gate *a = gate_of((struct gate_opts){ .workers = 2 });
	struct gate *b = gate_of((struct gate_opts){ .workers = 2 });
	uint32_t *sum = calloc(GATE_NETS16, sizeof(*sum));
	struct endpoint six = { .addr = { 0x2a, 1 }, .port = 6881 };
	enum gate_reason why;

	(void)state;
	assert_non_null(sum);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(a, endpoint_ip4(0x08080000 + i * 256, 6881), 1, S, &why),
				 GATE_PASS);
	assert_int_equal(ask(b, endpoint_ip4(0x0808ff01, 6881), 1, S, &why), GATE_PASS);
	assert_int_equal(ask(b, endpoint_ip4(0x0809ff01, 6881), 1, S, &why), GATE_PASS);
	assert_int_equal(ask(b, endpoint_ip4(0x0a000001, 6881), 1, S, &why), GATE_NEVER);
	assert_int_equal(ask(b, six, 1, S, &why), GATE_PASS);
	gate_sum_net16(a, sum);
	gate_sum_net16(b, sum);
	assert_int_equal(sum[0x0808], 4);
	assert_int_equal(sum[0x0809], 1);
	for (unsigned i = 0; i < GATE_NETS16; i++)
		assert_true(sum[i] == 0 || i == 0x0808 || i == 0x0809);
	free(sum);
	gate_free(a);
	gate_free(b);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < GATE_REASONS; i++)
		for (int k = 0; k < i; k++)
			assert_true(strcmp(gate_reason_name((enum gate_reason)i),
					   gate_reason_name((enum gate_reason)k)) != 0);
	assert_string_equal(gate_reason_name(GATE_REASONS), "?");
}

static void test_bad_budget(void **state)
{
	struct gate_opts opts = { .host_rate = 0.01 };
	struct gate *g = NULL;

	(void)state;
	assert_int_equal(gate_new(&opts, &g), -EINVAL);
	assert_null(g);
}

/* ---- the global rate --------------------------------------------------------- */

/* Distinct addresses, each in a /24 of its own. */
static struct endpoint nth(uint32_t n)
{
	return endpoint_ip4(0x0b000000 + n * 256 % 0x50000000, 6881);
}

/* A worker that sleeps until retry, and always wakes a little late. */
static uint64_t sent_in(struct gate *g, uint64_t from, uint64_t until, uint64_t late_max_ns,
			struct rng *r)
{
	uint64_t now = from, sent = 0, retry;
	static uint32_t n;
	enum gate_reason why;

	while (now < until) {
		struct endpoint ep = nth(n++);
		enum gate_verdict v = gate_admit(g, &ep, 1, now, &why, &retry);

		if (v == GATE_PASS)
			sent++;
		else if (v == GATE_FULL)
			now = retry + (uint64_t)(rng_double(r) * (double)late_max_ns);
		else
			fail_msg("%s", gate_reason_name(why));
	}
	return sent;
}

static void test_rate_is_kept(void **state)
{
	static const double rates[] = { 1000, 1500, 12345.6, 200000, 987654.3 };
	struct rng r;

	(void)state;
	rng_init(&r, 1, 0);
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct gate *g = gate_of((struct gate_opts){ .rate_pps = rates[i] });
		double got = (double)sent_in(g, S, 3 * S, 900000, &r) / 2;

		if (fabs(got / rates[i] - 1) > 0.01)
			fail_msg("%.1f pps asked, %.1f got", rates[i], got);
		gate_free(g);
	}
}

/*
 * A machine with other work: every 50 ms a nap of 3 to 4 ms, of which one is forgiven and
 * the rest comes back within the second, but never as a burst.
 */
static void test_late_now_and_then(void **state)
{
	static const double rates[] = { 2000, 20000, 300000 };
	struct rng r;

	(void)state;
	rng_init(&r, 5, 0);
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct gate *g = gate_of((struct gate_opts){ .rate_pps = rates[i] });
		uint64_t sent = 0, now = S;
		double got;

		while (now < 4 * S) {
			uint64_t until = now + 50000000;

			sent += sent_in(g, now, until, 100000, &r);
			now = until + 3000000 + (uint64_t)(rng_double(&r) * 1e6);
		}
		got = (double)sent / ((double)(now - S) / 1e9);
		if (fabs(got / rates[i] - 1) > 0.01)
			fail_msg("%.1f pps asked, %.1f got", rates[i], got);
		gate_free(g);
	}
}

/* After a stall no more than one millisecond's worth, and one, leaves at once. */
static void test_no_catching_up(void **state)
{
	static const double rates[] = { 0.5, 100, 2000, 50000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct gate *g = gate_of((struct gate_opts){ .rate_pps = rates[i] });
		double most = 1 + rates[i] * 1e-3;
		uint64_t now = S;

		for (unsigned stall = 0; stall < 5; stall++, now += 4 * S) {
			unsigned burst = 0, room = gate_room(g, now);
			enum gate_reason why;

			while (ask(g, nth(stall * 1000 + burst), 1, now, &why) == GATE_PASS)
				burst++;
			assert_int_equal(why, GATE_RATE);
			if (burst < 1 || (double)burst > most)
				fail_msg("%.1f pps: %u at once", rates[i], burst);
			assert_int_equal(room, burst); /* had said so */
			assert_int_equal(gate_room(g, now), 0);
		}
		gate_free(g);
	}
}

/*
 * In any 10 ms, wherever they begin, no more than rate x 10 ms and the burst: of one packet
 * a second and of a million, with naps of every length, among them stalls.
 */
static void test_any_ten_ms(void **state)
{
	enum { PACKETS = 60000, TEN_MS = 10 * 1000 * 1000 };
	static const double rates[] = { 1, 30, 999, 4321, 65000, 1e6 };
	static uint64_t at[PACKETS];
	struct rng r;

	(void)state;
	rng_init(&r, 9, 0);
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct gate *g = gate_of((struct gate_opts){ .rate_pps = rates[i] });
		unsigned want = rates[i] > 1000 ? PACKETS : 300, n = 0, first = 0;
		double most = rates[i] * 0.010 + 1 + rates[i] * 1.5e-3;
		uint64_t now = S;
		enum gate_reason why;

		while (n < want) {
			if (ask(g, nth(n), 1, now, &why) == GATE_PASS) {
				at[n] = now;
				while (at[n] - at[first] >= TEN_MS)
					first++;
				if (n - first + 1 > most)
					fail_msg("%.0f pps: %u in 10 ms", rates[i], n - first + 1);
				n++;
			} else {
				double nap = rng_double(&r), stall = rng_double(&r) < 0.01 ? 50 : 1;

				now += 1 + (uint64_t)(nap * nap * stall * 2e9 / rates[i]);
			}
		}
		gate_free(g);
	}
}

/* ---- batches that lie between the gate and the kernel (E-240) ----------------- */

/** A worker in fake time: asks, is kept somewhere, hands over, and is kept again. */
struct stalls {
	double kept, nap; /* chance of a stall before a batch's hand-over; of a nap after it */
	uint64_t kept_max_ns, nap_max_ns, turn_ns;
};

/* Packets of [from, until), each with the time at which it left into @left; returns how many. */
static unsigned with_stalls(struct gate *g, const struct stalls *st, uint64_t until, struct rng *r,
			    uint64_t *left, unsigned max)
{
	uint64_t now = S;
	unsigned n = 0;

	while (now < until && n < max) {
		unsigned first = n;
		uint64_t over = now + st->turn_ns;
		enum gate_reason why;
		double early = rng_double(r);

		while (n < max && ask(g, nth(n), 1, now, &why) == GATE_PASS)
			n++;
		if (n > first && rng_double(r) < st->kept)
			over += (uint64_t)(rng_double(r) * (double)st->kept_max_ns);
		/* They leave anywhere between: at once, in the middle of it, or at its end. */
		for (unsigned i = first; i < n; i++)
			left[i] = early < 0.1   ? now
				  : early < 0.9 ? over
						: now + (uint64_t)(early * (double)(over - now));
		gate_handed_over(g, over);
		now = over;
		if (rng_double(r) < st->nap)
			now += (uint64_t)(rng_double(r) * (double)st->nap_max_ns);
	}
	return n;
}

/* As they leave, not as they pass: in any 10 ms no more than rate x 10 ms and the burst. */
static void test_lying_batches(void **state)
{
	enum { PACKETS = 200000, TEN_MS = 10 * MS, US = 1000 };
	static const double rates[] = { 1, 30, 170, 999, 4321, 65000, 1e6 };
	static const struct stalls kinds[] = {
		{ 0.02, 0.02, 30 * MS, 3 * MS, 5 * US },   /* a scheduler's slice now and then */
		{ 0.3, 0.3, 2 * MS, 2 * MS, 50 * US },     /* never on time */
		{ 0.001, 0.01, 300 * MS, 1 * MS, 5 * US }, /* a suspended machine */
		{ 1, 1, 900 * US, 1100 * US, 1 * US },     /* all within what is forgiven */
	};
	static uint64_t left[PACKETS];
	uint64_t seed = seed_open();
	struct rng r;

	(void)state;
	rng_init(&r, seed, 0);
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
			struct gate *g = gate_of((struct gate_opts){ .rate_pps = rates[i] });
			double most = rates[i] * 0.010 + 1 + rates[i] * 1.5e-3;
			unsigned n = with_stalls(g, &kinds[k], (rates[i] < 1000 ? 40 : 6) * S, &r,
						 left, PACKETS);

			assert_true(n > (rates[i] < 1000 ? 5 : 3000));
			for (unsigned at = 0, first = 0; at < n; at++) {
				while (left[at] - left[first] >= TEN_MS)
					first++;
				if (at - first + 1 > most)
					fail_msg("%.0f pps, stalls %zu: %u in 10 ms, %.1f allowed",
						 rates[i], k, at - first + 1, most);
			}
			gate_free(g);
		}
	}
}

/* A batch in a thousand lies for 2 ms: the seconds are full all the same, and none is more than
 * that. */
static void test_lying_costs_nothing(void **state)
{
	enum { PACKETS = 2000000 };
	static const double rates[] = { 1000, 20000, 300000 };
	static const struct stalls st = { 0.001, 0, 4 * MS, 0, 100000 };
	uint64_t *left = calloc(PACKETS, sizeof(*left));
	struct rng r;

	(void)state;
	assert_non_null(left);
	rng_init(&r, 11, 0);
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct gate *g = gate_of((struct gate_opts){ .rate_pps = rates[i] });
		unsigned n = with_stalls(g, &st, 5 * S, &r, left, PACKETS), at = 0;

		for (uint64_t second = 1; second < 5; second++) {
			unsigned from = at;

			while (at < n && left[at] < (second + 1) * S)
				at++;
			if (fabs((at - from) / rates[i] - 1) > 0.01)
				fail_msg("%.0f pps: %u in second %llu", rates[i], at - from,
					 (unsigned long long)second);
		}
		gate_free(g);
	}
	free(left);
}

static void test_set_rate(void **state)
{
	struct gate *g = gate_of((struct gate_opts){ .rate_pps = 0.1 });
	struct rng r;
	enum gate_reason why;
	double got;

	(void)state;
	rng_init(&r, 2, 0);
	assert_int_equal(ask(g, nth(0), 1, 5 * S, &why), GATE_PASS);
	assert_int_equal(ask(g, nth(1), 1, 6 * S, &why), GATE_FULL);
	gate_set_rate(g, 5000); /* does not wait out the ten seconds of the old rate */
	got = (double)sent_in(g, 6 * S, 7 * S, 1000, &r);
	assert_true(fabs(got / 5000 - 1) < 0.01);
	gate_set_rate(g, 1000);
	got = (double)sent_in(g, 7 * S, 9 * S, 1000, &r) / 2;
	assert_true(fabs(got / 1000 - 1) < 0.01);
	gate_set_rate(g, 0); /* unlimited */
	assert_true(gate_room(g, 30 * S) == UINT_MAX);
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(ask(g, nth(i), 1, 30 * S, &why), GATE_PASS);
	gate_free(g);
}

/* ---- the /24, over several workers ------------------------------------------- */

/* All gates together never exceed what one gate for the whole run would allow. */
static void one_net(unsigned workers, uint64_t seed)
{
	struct gate *g[NET_WORKERS_MAX];
	double tokens = 64, rate = 32;
	uint64_t now = S, at = S, passed = 0, refused = 0;
	struct rng r;

	rng_init(&r, seed, workers);
	for (unsigned i = 0; i < workers; i++)
		g[i] = gate_of((struct gate_opts){ .workers = workers });
	while (now < 60 * S) {
		uint32_t ip = 0x08080800 + rng_below(&r, 256);
		enum gate_reason why;
		unsigned w = net_deal4(ip, workers);

		struct endpoint ep = endpoint_ip4(ip, 6881);

		if (ask(g[w], ep, 1, now, &why) == GATE_PASS) {
			gate_answered(g[w], &ep); /* somebody lives there */
			tokens = fmin(64, tokens + (double)(now - at) / 1e9 * rate) - 1;
			at = now;
			passed++;
			if (tokens < -1e-6)
				fail_msg("%u workers: %f tokens", workers, tokens);
		} else {
			refused += why == GATE_NET_BUDGET;
		}
		now += (uint64_t)(rng_double(&r) * 20 * MS);
	}
	assert_true(refused > 0);
	/* and together they use most of it: 64 at once and 32 a second for 59 s */
	if ((double)passed < 0.7 * (64 + 59 * rate) && workers <= 8)
		fail_msg("%u workers: only %llu passed", workers, (unsigned long long)passed);
	for (unsigned i = 0; i < workers; i++)
		gate_free(g[i]);
}

static void test_net_is_shared(void **state)
{
	uint64_t seed = seed_open();

	(void)state;
	one_net(1, seed);
	one_net(2, seed);
	one_net(3, seed);
	one_net(8, seed);
	one_net(64, seed);
}

/* A /24 where nobody answers gets its 64 packets, all workers together, however long it lasts;
 * one where every seventh packet is answered never runs out. */
static void test_claims(void **state)
{
	static const unsigned workers[] = { 1, 2, 8, 16 };
	const struct endpoint six = { .addr = { 0x2a, 0, 1, 2, 3, 4, 5 }, .port = 6881 };
	enum gate_reason why;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct gate *g[16];
		uint64_t now = S, passed = 0, alive = 0;

		for (unsigned w = 0; w < workers[i]; w++)
			g[w] = gate_of((struct gate_opts){ .workers = workers[i] });
		for (unsigned k = 0; k < 40000; k++, now += 50 * MS) {
			struct endpoint dead = endpoint_ip4(0x08080800 + k % 256, 6881);
			struct endpoint live = endpoint_ip4(0x09080800 + k % 256, 6881);
			unsigned w = net_deal4(0x08080800 + k % 256, workers[i]);

			passed += ask(g[w], dead, 1, now, &why) == GATE_PASS;
			assert_int_not_equal(ask(g[w], live, 1, now, &why), GATE_NEVER);
			if (why == GATE_OK && (workers[i] > 1 || alive++ % 7 == 0))
				gate_answered(g[w], &live);
		}
		assert_true(passed == GATE_CLAIMS);
		for (unsigned w = 0; w < workers[i]; w++)
			gate_free(g[w]);
	}
	/* IPv6: by /48. */
	struct gate *g = gate_of((struct gate_opts){ 0 });
	unsigned passed = 0;

	for (unsigned k = 0; k < 1000; k++) {
		struct endpoint ep = six;

		ep.addr[15] = (uint8_t)k;
		ep.addr[14] = (uint8_t)(k >> 8);
		passed += ask(g, ep, 1, (uint64_t)(k + 1) * S, &why) == GATE_PASS;
	}
	assert_int_equal(passed, GATE_CLAIMS);
	assert_int_equal(why, GATE_CLAIM_BUDGET);
	gate_free(g);
}

/* A refusal by any budget charges none of the others. */
static void test_refusal_charges_nothing(void **state)
{
	struct gate *g = gate_of((struct gate_opts){ .rate_pps = 1000000, .net_burst = 4 });
	struct endpoint a = endpoint_ip4(0x08080801, 6881), b = endpoint_ip4(0x08080802, 6881);
	enum gate_reason why;
	struct gate_stats stats;
	unsigned passed = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ask(g, a, 1, S + i, &why), GATE_PASS);
	/* The host's budget is empty as well as the net's: b has its own, untouched. */
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(ask(g, b, 1, S + 10 + i, &why), GATE_LATER);
	assert_int_equal(why, GATE_NET_BUDGET);
	for (unsigned i = 0; i < 4; i++)
		passed += ask(g, b, 1, 2 * S + i, &why) == GATE_PASS;
	assert_int_equal(passed, 4);
	gate_stats(g, &stats);
	assert_int_equal(stats.passed, 8);
	assert_int_equal(stats.refused[GATE_NET_BUDGET], 50);
	assert_int_equal(stats.worst_host_10s, 4);
	assert_int_equal(stats.worst_net_10s, 8);
	assert_true(stats.table_bytes > 0);
	gate_free(g);
}

/* Many shards of one census, nobody knows of another: what a host and a /24 get in all. */
static void shards_hold(unsigned shards, unsigned workers, uint64_t seed)
{
	enum { HOSTS = 6, SECONDS = 400, PASSES_MAX = 4096 };
	struct gate *g[64];
	static uint64_t pass[HOSTS][PASSES_MAX];
	unsigned count[HOSTS] = { 0 }, by_shard[64] = { 0 }, all = 0;
	struct rng r;
	uint64_t retry;
	enum gate_reason why;

	rng_init(&r, seed, shards);
	for (unsigned i = 0; i < shards; i++)
		/* Their clocks differ by as much as they may. */
		g[i] = gate_of((struct gate_opts){
			.workers = workers,
			.shard = i,
			.shards = shards,
			.wall_minus_now_ns =
				77 * S + rng_below(&r, GATE_TURN_SLACK_NS / MS) * (uint64_t)MS });
	for (uint64_t now = S; now < SECONDS * S; now += 1 + rng_below(&r, 4 * MS)) {
		unsigned who = rng_below(&r, shards), h = rng_below(&r, HOSTS);
		struct endpoint ep = endpoint_ip4(0x08080800 + h * 300, (uint16_t)(20000 + who));

		retry = 0;
		if (gate_admit(g[who], &ep, 1, now, &why, &retry) != GATE_PASS) {
			assert_true(retry > now && retry < now + (shards + 12) * 2 * S);
			continue;
		}
		gate_answered(g[who], &ep);
		assert_true(count[h] < PASSES_MAX);
		pass[h][count[h]++] = now;
		by_shard[who]++;
		all++;
	}
	for (unsigned h = 0; h < HOSTS; h++)
		for (unsigned i = 9; i < count[h]; i++)
			if (pass[h][i] - pass[h][i - 9] < 10 * S)
				fail_msg("%u shards: ten packets to one host in %.3f s", shards,
					 (double)(pass[h][i] - pass[h][i - 9]) / 1e9);
	/* And each gets its share of what one alone would. */
	for (unsigned i = 0; i < shards; i++)
		assert_true(by_shard[i] > HOSTS * SECONDS / 4 / shards);
	assert_true(all < HOSTS * (SECONDS + 9));
	for (unsigned i = 0; i < shards; i++)
		gate_free(g[i]);
}

static void test_shards(void **state)
{
	uint64_t seed = seed_open();

	(void)state;
	for (unsigned n = 1; n <= 12; n++)
		shards_hold(n, 1, seed);
	shards_hold(3, 2, seed);
	shards_hold(64, 2, seed);
}

/* The list as it stands in census P7, beside the filter in front of it. */
static void test_service_ports(void **state)
{
	static const uint16_t services[] = { 1194, 1434,  1701,  1812,  1813,  1900, 2049, 3283,
					     3389, 3478,  3702,  4500,  5060,  5061, 5351, 5353,
					     5683, 10001, 11211, 32414, 37810, 47808 };

	(void)state;
	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		bool want = port < 1024;

		for (unsigned i = 0; i < sizeof(services) / sizeof(services[0]); i++)
			want |= services[i] == port;
		assert_int_equal(gate_is_service_port((uint16_t)port), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_ports),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_swap_blocklist),
		cmocka_unit_test(test_net16),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_budget),
		cmocka_unit_test(test_rate_is_kept),
		cmocka_unit_test(test_no_catching_up),
		cmocka_unit_test(test_late_now_and_then),
		cmocka_unit_test(test_any_ten_ms),
		cmocka_unit_test(test_lying_batches),
		cmocka_unit_test(test_lying_costs_nothing),
		cmocka_unit_test(test_set_rate),
		cmocka_unit_test(test_net_is_shared),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_refusal_charges_nothing),
		cmocka_unit_test(test_shards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
