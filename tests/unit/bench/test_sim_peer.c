/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/sim/peer.h"
#include "bench/sim/say.h"
#include "tests/support/guard.h"

static struct sim_world *world(uint32_t live, double lt_share, uint64_t seed)
{
	struct sim_opts o = sim_opts_default();
	struct sim_world *w;

	o.live = live;
	o.lt_share = lt_share;
	o.seed = seed;
	assert_int_equal(sim_world_new(&o, &w), 0);
	return w;
}

static struct nodeid id_of(const struct sim_world *w, uint32_t n)
{
	struct nodeid id;

	world_id(w, n, id.b);
	return id;
}

/* ---- the oracle: a table written down in full ----------------------------------- */

struct book {
	struct nodeid self;
	unsigned count[NODEID_BITS];
	uint32_t entry[NODEID_BITS][PEER_BUCKET_MAX];
};

/** Every bucket; checks that what stands in it may stand there. */
static void write_book(const struct sim_world *w, uint32_t n, struct book *b)
{
	bool lt = world_is_lt(w, n);

	b->self = id_of(w, n);
	for (unsigned bit = 0; bit < NODEID_BITS; bit++) {
		unsigned candidates = 0, size = peer_bucket_size(lt, bit);

		b->count[bit] = peer_bucket(w, n, bit, b->entry[bit]);
		assert_true(b->count[bit] <= size);
		for (uint32_t y = 0; y < w->nodes && w->nodes < 5000; y++) {
			struct nodeid id = id_of(w, y);

			candidates += y != n && nodeid_common_bits(&id, &b->self) == bit;
		}
		if (w->nodes < 5000)
			assert_true(b->count[bit] <= candidates);
		for (unsigned i = 0; i < b->count[bit]; i++) {
			struct nodeid id = id_of(w, b->entry[bit][i]);

			assert_true(b->entry[bit][i] != n);
			assert_int_equal(nodeid_common_bits(&id, &b->self), bit);
			for (unsigned k = 0; k < i; k++)
				assert_true(b->entry[bit][i] != b->entry[bit][k]);
		}
	}
}

static const struct sim_world *sort_world;
static struct nodeid sort_target;

static int by_distance(const void *a, const void *b)
{
	struct nodeid x = id_of(sort_world, *(const uint32_t *)a);
	struct nodeid y = id_of(sort_world, *(const uint32_t *)b);

	return nodeid_closer(&sort_target, &x, &y) ? -1 : nodeid_closer(&sort_target, &y, &x);
}

/** The target's bucket, then deeper, then shallower, until eight are there; the nearest eight. */
static unsigned stupid_nearest(const struct sim_world *w, const struct book *b,
			       const struct nodeid *target, uint32_t *out)
{
	static uint32_t all[NODEID_BITS * PEER_BUCKET_MAX];
	unsigned count = 0, from = nodeid_common_bits(&b->self, target);

	for (unsigned step = 0; step < 2 * NODEID_BITS && count < 8; step++) {
		int bit = step < NODEID_BITS ? (int)(from + step)
					     : (int)from - 1 - (int)(step - NODEID_BITS);

		if (bit < 0 || bit >= NODEID_BITS)
			continue;
		memcpy(all + count, b->entry[bit], b->count[bit] * sizeof(*all));
		count += b->count[bit];
	}
	sort_world = w;
	sort_target = *target;
	qsort(all, count, sizeof(*all), by_distance);
	count = count < 8 ? count : 8;
	memcpy(out, all, count * sizeof(*all));
	return count;
}

static void nearest_is_what_the_written_table_says(void **state)
{
	static const uint32_t live[] = { 1, 2, 5, 30, 700, 2500, 20000 };
	(void)state;

	for (size_t r = 0; r < sizeof(live) / sizeof(live[0]); r++) {
		struct sim_world *w = world(live[r], 0.70, r + 1);
		static struct book book;

		for (unsigned round = 0; round < 12; round++) {
			uint32_t n = sim_below((uint32_t)sim_draw(8, round, r), w->nodes);

			write_book(w, n, &book);
			for (unsigned k = 0; k < 60; k++) {
				uint64_t draw = sim_draw(9, round * 100 + k, r), t64;
				struct nodeid target = book.self;
				uint32_t want[8], got[8];
				unsigned count;

				if (k > 0 && k <= 30)
					target = nodeid_flip(&book.self, k - 1);
				else if (k)
					memcpy(target.b, &draw, 8);
				memcpy(&t64, target.b, 8);
				count = stupid_nearest(w, &book, &target, want);
				assert_int_equal(peer_nearest(w, n, __builtin_bswap64(t64), got),
						 count);
				qsort(got, count, sizeof(*got), by_distance);
				assert_memory_equal(got, want, count * sizeof(*got));
			}
		}
		sim_world_free(w);
	}
}

/* ---- the model of census 4.2 ----------------------------------------------------- */

/** Of the nodes that could stand in deep buckets, which do, by age and life. */
static void deep_entries_are_present_as_the_model_says(void **state)
{
	static const double want[SIM_AGES][2] = { { 0.5, 0.9 }, { 0.5, 0.8 }, { 0.5, 0.3 } };
	struct sim_world *w = world(60000, 0.70, 3);
	double could[SIM_AGES][2] = { { 0 } }, do_stand[SIM_AGES][2] = { { 0 } };
	(void)state;

	for (uint32_t n = 100; n < w->nodes - 100; n += 3) {
		uint64_t self = w->prefix[n];
		uint32_t entry[PEER_BUCKET_MAX];

		for (unsigned bit = 15; bit < 24; bit++) {
			unsigned count = peer_bucket(w, n, bit, entry), all = 0;

			/* Only where eight or fewer could: no place was too few. */
			for (uint32_t y = n - 64; y < n + 64; y++)
				all += y != n &&
				       (unsigned)__builtin_clzll(w->prefix[y] ^ self) == bit;
			if (all > 8)
				continue;
			for (uint32_t y = n - 64; y < n + 64; y++) {
				uint64_t mood = world_mood(w, y);

				if (y != n && (unsigned)__builtin_clzll(w->prefix[y] ^ self) == bit)
					could[mood_age(mood)][mood_alive(w, y, mood)]++;
			}
			for (unsigned i = 0; i < count; i++) {
				uint64_t mood = world_mood(w, entry[i]);

				do_stand[mood_age(mood)][mood_alive(w, entry[i], mood)]++;
			}
		}
	}
	for (unsigned a = 0; a < SIM_AGES; a++)
		for (unsigned alive = 0; alive < 2; alive++) {
			double share = do_stand[a][alive] / could[a][alive];

			if (share < want[a][alive] - 0.02 || share > want[a][alive] + 0.02)
				fail_msg("age %u, alive %u: %f", a, alive, share);
		}
	sim_world_free(w);
}

/** How often a node of each kind stands in large buckets, against an old live one. */
static void shallow_entries_are_chosen_by_weight(void **state)
{
	static const double want[SIM_AGES][2] = { { 0.15, 1 }, { 0.0375, 0.25 }, { 0.0045, 0.03 } };
	static const double lt[] = { 0, 1 };
	(void)state;

	for (unsigned kind = 0; kind < 2; kind++) {
		struct sim_world *w = world(60000, lt[kind], 5);
		double stands[SIM_AGES][2] = { { 0 } }, are[SIM_AGES][2] = { { 0 } };

		for (uint32_t n = 0; n < w->nodes; n++) {
			uint64_t mood = world_mood(w, n);

			are[mood_age(mood)][mood_alive(w, n, mood)]++;
		}
		for (uint32_t n = 0; n < w->nodes; n += kind ? 20 : 2) {
			uint32_t entry[PEER_BUCKET_MAX];

			for (unsigned bit = 0; bit < 3; bit++) {
				unsigned count = peer_bucket(w, n, bit, entry);

				assert_int_equal(count, peer_bucket_size(kind, bit));
				for (unsigned i = 0; i < count; i++) {
					uint64_t mood = world_mood(w, entry[i]);

					stands[mood_age(mood)][mood_alive(w, entry[i], mood)]++;
				}
			}
		}
		for (unsigned a = 0; a < SIM_AGES; a++)
			for (unsigned alive = 0; alive < 2; alive++) {
				double weight = stands[a][alive] / are[a][alive] /
						(stands[SIM_OLD][1] / are[SIM_OLD][1]);

				if (weight < want[a][alive] * 0.8 - 0.001 ||
				    weight > want[a][alive] * 1.2 + 0.001)
					fail_msg("lt %u, age %u, alive %u: %f", kind, a, alive,
						 weight);
			}
		sim_world_free(w);
	}
}

/* ---- what is said ------------------------------------------------------------------- */

static int ask(const struct sim_world *w, uint32_t n, enum krpc_method method,
	       const struct nodeid *target, uint8_t *reply, size_t cap)
{
	struct endpoint from = endpoint_ip4(0x7f000001, 4242);
	struct krpc_query q = { .method = method,
				.t = SPAN_LIT("abcdefgh"),
				.v = SPAN_LIT("DT01") };
	uint8_t query[256];
	int len;

	memset(q.id.b, 7, NODEID_BYTES);
	if (target)
		q.target = *target;
	len = krpc_build_query(&q, query, sizeof(query));
	assert_true(len > 0);
	return sim_peer_answer(w, n, &from, span_of(query, (size_t)len), 1, reply, cap);
}

static uint32_t live_node(const struct sim_world *w, uint32_t n)
{
	while (!world_alive(w, n))
		n++;
	return n;
}

static struct sim_world *lossless(uint32_t live)
{
	struct sim_opts o = sim_opts_default();
	struct sim_world *w;

	o.live = live;
	o.loss = 0;
	assert_int_equal(sim_world_new(&o, &w), 0);
	return w;
}

static void a_find_node_reply_holds_the_nearest(void **state)
{
	struct sim_world *w = lossless(3000);
	(void)state;

	for (uint32_t n = live_node(w, 0); n < 600; n = live_node(w, n + 7)) {
		struct nodeid target = id_of(w, (n * 77) % w->nodes), id;
		uint8_t reply[1500], again[1500];
		uint32_t list[8], back;
		struct krpc_msg m;
		uint64_t t64;
		unsigned count;
		int len = ask(w, n, KRPC_FIND_NODE, &target, reply, sizeof(reply));

		assert_true(len > 0);
		assert_int_equal(krpc_parse(span_of(reply, (size_t)len), &m), 0);
		assert_int_equal(m.kind, KRPC_REPLY);
		assert_true(span_equal(m.t, SPAN_LIT("abcdefgh")));
		id = id_of(w, n);
		assert_memory_equal(m.id.ptr, id.b, NODEID_BYTES);
		memcpy(&t64, target.b, 8);
		count = peer_nearest(w, n, __builtin_bswap64(t64), list);
		assert_int_equal(m.nodes.len, count * 26);
		for (unsigned i = 0; i < count; i++) {
			struct endpoint ep;

			krpc_node4(m.nodes, i, &id, &ep);
			assert_int_equal(sim_world_by_public(w, &ep, &back), 0);
			assert_int_equal(back, list[i]);
			assert_true(back != n);
			target = id_of(w, back);
			assert_true(nodeid_equal(&id, &target));
		}
		/* Byte for byte what the codec writes of the same answer. */
		struct endpoint from = endpoint_ip4(0x7f000001, 4242);
		struct krpc_answer a = { .t = m.t,
					 .v = m.v,
					 .nodes = m.nodes,
					 .num = -1,
					 .interval = -1,
					 .ip = m.ip.ptr ? &from : NULL };

		memcpy(a.id.b, m.id.ptr, NODEID_BYTES);
		assert_int_equal(krpc_build_reply(&a, again, sizeof(again)), len);
		assert_memory_equal(again, reply, (size_t)len);
	}
	sim_world_free(w);
}

static void the_other_methods_are_answered_too(void **state)
{
	struct sim_world *w = lossless(4000);
	unsigned values = 0, samples = 0, refused = 0, with_v = 0, with_ip = 0, count = 0;
	struct nodeid target = id_of(w, 17);
	(void)state;

	for (uint32_t n = live_node(w, 0); n < 3000; n = live_node(w, n + 1), count++) {
		uint8_t reply[1500];
		struct endpoint peer;
		size_t cursor = 0;
		struct krpc_msg m;
		int len = ask(w, n, KRPC_PING, NULL, reply, sizeof(reply));

		assert_int_equal(krpc_parse(span_of(reply, (size_t)len), &m), 0);
		assert_int_equal(m.kind, KRPC_REPLY);
		assert_null(m.nodes.ptr);
		with_v += m.v.ptr != NULL;
		with_ip += m.ip.ptr != NULL;

		len = ask(w, n, KRPC_GET_PEERS, &target, reply, sizeof(reply));
		assert_int_equal(krpc_parse(span_of(reply, (size_t)len), &m), 0);
		assert_true(m.token.len == 8 && m.nodes.len == 8 * 26);
		values += m.values_count > 0;
		while (krpc_value_next(m.values, &cursor, &peer)) {
			uint32_t node;

			assert_int_equal(sim_world_by_public(w, &peer, &node), 0);
		}

		len = ask(w, n, KRPC_SAMPLE_INFOHASHES, &target, reply, sizeof(reply));
		assert_int_equal(krpc_parse(span_of(reply, (size_t)len), &m), 0);
		if (m.kind == KRPC_ERROR) {
			assert_int_equal(m.error_code, 204);
			refused++;
			continue;
		}
		samples++;
		assert_int_equal(m.interval, 21600);
		assert_true(m.num >= (int64_t)m.samples.len / 20 && m.samples.len <= 400);
		assert_true(m.num <= 20 ? m.samples.len == (size_t)m.num * 20
					: m.samples.len == 400);
	}
	assert_true(values > count * 0.07 && values < count * 0.13);
	assert_true(samples > count * 0.6 && refused > count * 0.2);
	assert_true(with_v > count * 0.85 && with_v < count);
	assert_true(with_ip > count * 0.7 && with_ip < with_v);
	sim_world_free(w);
}

static void an_unknown_method_gets_error_204(void **state)
{
	static const char *const queries[] = {
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:vote1:t2:xy1:y1:qe",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa6:target20:bbbbbbbbbbbbbbbbbbbbe1:q3:put1:t2:xy1:"
		"y1:qe",
	};
	struct sim_world *w = lossless(500);
	struct endpoint from = endpoint_ip4(0x7f000001, 1);
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		uint8_t reply[1500];
		struct krpc_msg m;
		int len = sim_peer_answer(w, live_node(w, 9), &from,
					  span_of(queries[i], strlen(queries[i])), 0, reply,
					  sizeof(reply));

		assert_int_equal(krpc_parse(span_of(reply, (size_t)len), &m), 0);
		assert_int_equal(m.error_code, 204);
		assert_true(span_equal(m.t, SPAN_LIT("xy")));
	}
	sim_world_free(w);
}

static void what_is_no_query_is_not_answered(void **state)
{
	static const char good[] =
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa6:target20:bbbbbbbbbbbbbbbbbbbbe"
		"1:q9:find_node1:t16:0123456789abcdef1:y1:qe";
	static const char *const bad[] = {
		"",
		"d",
		"x",
		"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t2:xy1:y1:re",
		"d1:eli201e3:abce1:t2:xy1:y1:ee",
		"d1:ad2:id3:abce1:q4:ping1:t2:xy1:y1:qe",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q9:find_node1:t2:xy1:y1:qe",
	};
	struct sim_world *w = lossless(500);
	struct endpoint from = endpoint_ip4(0x7f000001, 1);
	uint32_t n = live_node(w, 3);
	uint8_t reply[1500], byte;
	struct guard g;
	(void)state;

	guard_open(&g, 512);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sim_peer_answer(w, n, &from,
						 span_of(guard_put(&g, bad[i], strlen(bad[i])),
							 strlen(bad[i])),
						 0, reply, sizeof(reply)),
				 0);
	/* Every prefix and every single changed byte: answered or not, never read past. */
	for (size_t len = 0; len < sizeof(good); len++)
		(void)sim_peer_answer(w, n, &from, span_of(guard_put(&g, good, len), len), 0, reply,
				      sizeof(reply));
	for (size_t at = 0; at < sizeof(good) - 1; at++)
		for (unsigned flip = 1; flip < 256; flip += 17) {
			uint8_t *q = guard_put(&g, good, sizeof(good) - 1);

			q[at] ^= (uint8_t)flip;
			(void)sim_peer_answer(w, n, &from, span_of(q, sizeof(good) - 1), 0, reply,
					      sizeof(reply));
		}
	/* A reply that does not fit is no reply. */
	assert_true(sim_peer_answer(w, n, &from, span_of(good, sizeof(good) - 1), 0, &byte, 1) < 0);
	guard_close(&g);
	sim_world_free(w);
}

static void the_longest_find_node_reply_fits_its_bound(void **state)
{
	struct sim_world *w = lossless(2000);
	struct endpoint from = endpoint_ip4(0xffffffff, 65535);
	struct peer_question q = { .method = KRPC_FIND_NODE, .t_len = KRPC_T_MAX };
	struct guard g;
	(void)state;

	guard_open(&g, 320);
	for (uint32_t n = 0; n < 2000; n++) {
		uint8_t *end = guard_put(&g, "", 0);

		assert_true(peer_say(w, n, &q, &from, end - 320, 320) > 0);
	}
	guard_close(&g);
	sim_world_free(w);
}

static void the_dead_and_the_lost_are_silent(void **state)
{
	static const char ping[] = "d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:xy1:y1:qe";
	struct sim_world *w = world(3000, 0.7, 1);
	struct endpoint from = endpoint_ip4(0x7f000001, 1);
	unsigned asked = 0, answered = 0;
	uint8_t reply[1500];
	(void)state;

	for (uint32_t n = 0; n < w->nodes; n++)
		for (uint64_t nonce = 0; nonce < 8; nonce++) {
			int len = sim_peer_answer(w, n, &from, span_of(ping, sizeof(ping) - 1),
						  nonce, reply, sizeof(reply));

			if (!world_alive(w, n)) {
				assert_int_equal(len, 0);
				continue;
			}
			assert_int_equal(len, sim_peer_answer(w, n, &from,
							      span_of(ping, sizeof(ping) - 1),
							      nonce, reply, sizeof(reply)));
			asked++;
			answered += len > 0;
		}
	/* 24,000 draws at 5 %: standard deviation 34. */
	assert_true(abs((int)(asked - answered) - 1200) < 200);
	sim_world_free(w);
}

static void delays_have_the_median_that_was_asked_for(void **state)
{
	struct sim_opts o = sim_opts_default();
	unsigned below = 0;
	struct sim_world *w;
	(void)state;

	o.live = 10;
	o.delay_us = 80000;
	assert_int_equal(sim_world_new(&o, &w), 0);
	for (uint64_t nonce = 0; nonce < 10000; nonce++) {
		uint64_t ns = peer_delay_ns(w, 3, nonce);

		below += ns < 80000000;
		assert_true(ns > 28000000 && ns < 227000000);
	}
	assert_true(below > 4700 && below < 5300);
	sim_world_free(w);
}

/* ---- the strategy, independently of the shipped crawl -------------------------------- */

struct walk {
	const struct sim_world *w;
	uint8_t *known;
	uint16_t *mentions;
	uint32_t *queue, tail;
	uint64_t queries, packets, nonce;
};

struct plan {
	const char *name;
	bool own;
	unsigned random;
	int flips[3]; /* c - flips[i]; -1 ends */
	double mixing;
	/* census 2b: seen, of the young seen, packets per live node; and how near we must come */
	double seen, young, packets, near;
};

/** One question, three attempts. Returns the contacts of the reply, -1 when all were lost. */
static int walk_ask(struct walk *k, uint32_t n, uint64_t target, uint32_t *reply)
{
	k->queries++;
	for (unsigned attempt = 0; attempt < 3; attempt++) {
		int count;

		k->packets++;
		if (!world_alive(k->w, n) || peer_lost(k->w, n, k->nonce++))
			continue;
		count = (int)peer_nearest(k->w, n, target, reply);
		for (int i = 0; i < count; i++) {
			k->mentions[reply[i]]++;
			if (!k->known[reply[i]])
				k->queue[k->tail++] = reply[i];
			k->known[reply[i]] = 1;
		}
		return count;
	}
	return -1;
}

static void walk_node(struct walk *k, const struct plan *p, uint32_t n)
{
	uint64_t self = k->w->prefix[n];
	uint32_t reply[8];
	unsigned c = 64;
	int count;

	if (p->own) {
		count = walk_ask(k, n, self, reply);
		for (int i = 0; i < count; i++) {
			unsigned shared = (unsigned)__builtin_clzll(k->w->prefix[reply[i]] ^ self);

			c = shared < c ? shared : c;
		}
		for (unsigned f = 0; f < 3 && p->flips[f] >= 0 && count > 0; f++)
			if (c >= (unsigned)p->flips[f])
				walk_ask(k, n, self ^ 1ull << (63 - c + (unsigned)p->flips[f]),
					 reply);
		if (count < 0)
			return;
	}
	for (unsigned r = 0; r < p->random; r++)
		walk_ask(k, n, sim_draw(1, n, r), reply);
	if (p->mixing > (double)(sim_draw(2, n, 0) >> 11) * 0x1p-53)
		walk_ask(k, n, sim_draw(3, n, 0), reply);
}

static void check_walk(const struct walk *k, const struct plan *p)
{
	double live = k->w->live, seen = 0, young = 0, young_seen = 0, packets;
	double f1 = 0, f2 = 0, chao;

	for (uint32_t n = 0; n < k->w->nodes; n++) {
		uint64_t mood = world_mood(k->w, n);

		if (!mood_alive(k->w, n, mood))
			continue;
		seen += k->known[n];
		f1 += k->mentions[n] == 1;
		f2 += k->mentions[n] == 2;
		young += mood_age(mood) == SIM_YOUNG;
		young_seen += mood_age(mood) == SIM_YOUNG && k->known[n];
	}
	chao = 100 * ((seen + f1 * f1 / 2 / f2) / live - 1);
	seen = 100 * seen / live;
	young = 100 * young_seen / young;
	packets = (double)k->packets / live;
	print_message(
		"# %-34s seen %7.3f %% (%6.2f)  young %6.2f %% (%5.1f)  packets %5.2f (%5.2f)\n",
		p->name, seen, p->seen, young, p->young, packets, p->packets);
	if (seen < p->seen - p->near || seen > p->seen + p->near)
		fail_msg("%s: seen %.3f %%, census 2b says %.2f %%", p->name, seen, p->seen);
	if (young < p->young - 10 * p->near || young > p->young + 10 * p->near)
		fail_msg("%s: young %.2f %%, census 2b says %.1f %%", p->name, young, p->young);
	if (p->mixing > 0 && p->flips[0] == 1 && (chao < -0.05 || chao > 0.05))
		fail_msg("%s: Chao1 is off by %.3f %%, census 2b says 0.02 %%", p->name, chao);
	if (packets < p->packets - 0.03 || packets > p->packets + 0.03)
		fail_msg("%s: %.2f packets, census 2b says %.2f", p->name, packets, p->packets);
}

/** The table of census 2b at 0.3 M live nodes, each plan walked breadth first. */
static void the_plans_find_what_the_census_says(void **state)
{
	static const struct plan plans[] = {
		{ "1 random", false, 1, { -1 }, 0, 92.18, 35.8, 2.03, 0.25 },
		{ "own id + 10 % random", true, 0, { -1 }, 0.1, 98.40, 89.3, 3.09, 0.10 },
		{ "own id + random", true, 1, { -1 }, 0, 99.36, 93.6, 4.08, 0.05 },
		{ "own id + flip(c) + 10 %", true, 0, { 0, -1 }, 0.1, 99.05, 94.4, 4.17, 0.05 },
		{ "own id + flip(c-1) + 10 %", true, 0, { 1, -1 }, 0.1, 99.83, 98.3, 4.21, 0.03 },
		{ "own id + flip(c-1, c-2) + 10 %",
		  true,
		  0,
		  { 1, 2, -1 },
		  0.1,
		  99.946,
		  99.37,
		  5.26,
		  0.02 },
		{ "own id + flip(c, c-1, c-2) + 10 %",
		  true,
		  0,
		  { 0, 1, 2 },
		  0.1,
		  99.980,
		  99.79,
		  6.32,
		  0.01 },
	};
	struct sim_world *w = world(300000, 0.70, 1);
	(void)state;

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct walk k = { .w = w };

		k.known = calloc(w->nodes, 1);
		k.mentions = calloc(w->nodes, sizeof(*k.mentions));
		k.queue = calloc(w->nodes, sizeof(*k.queue));
		assert_true(k.known && k.mentions && k.queue);
		for (uint32_t n = 0; k.tail < 64; n += w->nodes / 97) {
			n = live_node(w, n % w->nodes);
			k.known[n] = 1;
			k.queue[k.tail++] = n;
		}
		for (uint32_t head = 0; head < k.tail; head++) {
			if (world_alive(w, k.queue[head]))
				walk_node(&k, &plans[i], k.queue[head]);
			else
				k.packets += 3;
		}
		check_walk(&k, &plans[i]);
		free(k.known);
		free(k.mentions);
		free(k.queue);
	}
	sim_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearest_is_what_the_written_table_says),
		cmocka_unit_test(deep_entries_are_present_as_the_model_says),
		cmocka_unit_test(shallow_entries_are_chosen_by_weight),
		cmocka_unit_test(a_find_node_reply_holds_the_nearest),
		cmocka_unit_test(the_other_methods_are_answered_too),
		cmocka_unit_test(an_unknown_method_gets_error_204),
		cmocka_unit_test(what_is_no_query_is_not_answered),
		cmocka_unit_test(the_longest_find_node_reply_fits_its_bound),
		cmocka_unit_test(the_dead_and_the_lost_are_silent),
		cmocka_unit_test(delays_have_the_median_that_was_asked_for),
		cmocka_unit_test(the_plans_find_what_the_census_says),
	};

	return cmocka_run_group_tests_name("sim_peer", tests, NULL, NULL);
}
