/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/movement.h"
#include "tests/support/tempdir.h"

/**
 * DOC: three censuses of a small world whose every move is known, told apart
 * by the log; then random worlds against sets compared the slow way. Also
 * tests presence.c, from which all of it comes.
 */

enum { NOON_S = 1795262400, HOUR_S = 3600, NODES = 200, TIMES = 4 };

struct fixture {
	char dir[TEMPDIR_MAX];
	struct store *s;
	struct store_writer *w;
	struct store_view *v;
};

static void fixture_open(struct fixture *f, unsigned bucket_s)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1, .bucket_s = bucket_s };

	tempdir_make(f->dir);
	assert_int_equal(store_open(f->dir, STORE_CREATE, &f->s, NULL), 0);
	assert_int_equal(store_writer_new(f->s, &opts, &f->w), 0);
}

static void fixture_read(struct fixture *f)
{
	assert_int_equal(store_writer_flush(f->w), 0);
	store_writer_free(f->w);
	assert_int_equal(store_view_open(f->s, &f->v), 0);
}

static void fixture_close(struct fixture *f)
{
	store_view_close(f->v);
	store_close(f->s);
	tempdir_remove(f->dir);
}

static void hear(struct fixture *f, unsigned id, unsigned ip, uint64_t at_s)
{
	struct nodeid key = { { (uint8_t)(id * 37), (uint8_t)(id >> 8), (uint8_t)id } };
	struct sighting s = { .when_ms = at_s * 1000,
			      .key = nodekey_from_id(&key),
			      .from = endpoint_ip4(0x0b000000 + ip, 6881),
			      .way = SIGHTING_ANSWERED };

	assert_int_equal(store_writer_put(f->w, &s, 1), 0);
}

static struct presence read_time(struct fixture *f, uint64_t from_s, uint64_t to_s)
{
	struct presence p;

	assert_int_equal(presence_read(f->v, from_s, to_s, &p), 0);
	return p;
}

static void compare(struct fixture *f, const struct presence *a, const struct presence *b,
		    struct movement_counts want)
{
	struct movement_counts got;
	struct movement *m;

	assert_int_equal(movement_new(f->v, &m), 0);
	assert_int_equal(movement_between(m, a, b, &got), 0);
	movement_free(m);
	assert_int_equal(got.before, want.before);
	assert_int_equal(got.after, want.after);
	assert_int_equal(got.stayed, want.stayed);
	assert_int_equal(got.joined, want.joined);
	assert_int_equal(got.left, want.left);
	assert_int_equal(got.moved, want.moved);
	assert_int_equal(got.changed_id, want.changed_id);
}

static void test_kinds(void **state)
{
	struct presence a, b;
	struct fixture f;

	(void)state;
	fixture_open(&f, 0);
	hear(&f, 1, 1, NOON_S); /* stays */
	hear(&f, 1, 1, NOON_S + HOUR_S);
	hear(&f, 2, 2, NOON_S);          /* leaves */
	hear(&f, 3, 3, NOON_S + HOUR_S); /* joins */
	hear(&f, 4, 4, NOON_S);          /* moves */
	hear(&f, 4, 5, NOON_S + HOUR_S);
	hear(&f, 6, 6, NOON_S); /* has another id */
	hear(&f, 7, 6, NOON_S + HOUR_S);
	hear(&f, 8, 8, NOON_S); /* one of its two addresses stays, the other leaves */
	hear(&f, 8, 9, NOON_S);
	hear(&f, 8, 8, NOON_S + HOUR_S);
	/* Moved wins: id 10 goes to where id 11 was, and id 11 is gone. */
	hear(&f, 10, 10, NOON_S);
	hear(&f, 11, 11, NOON_S);
	hear(&f, 10, 11, NOON_S + HOUR_S);
	fixture_read(&f);
	a = read_time(&f, NOON_S, NOON_S + 10);
	b = read_time(&f, NOON_S + HOUR_S, NOON_S + HOUR_S + 10);
	compare(&f, &a, &b,
		(struct movement_counts){ .before = 8,
					  .after = 6,
					  .stayed = 2,
					  .joined = 1,
					  .left = 3,
					  .moved = 2,
					  .changed_id = 1 });
	compare(&f, &b, &b, (struct movement_counts){ .before = 6, .after = 6, .stayed = 6 });
	presence_free(&a);
	assert_int_equal(presence_read(f.v, 10, 20, &a), 0);
	assert_int_equal(a.count, 0);
	presence_free(&a);
	presence_free(&b);
	fixture_close(&f);
}

/* Two censuses within one bucket: who stayed is in both, who joined in the second alone. */
static void test_cut_bucket(void **state)
{
	struct presence a, b;
	struct fixture f;

	(void)state;
	fixture_open(&f, 600);
	hear(&f, 1, 1, NOON_S + 10);
	hear(&f, 2, 2, NOON_S + 10);
	hear(&f, 1, 1, NOON_S + 110);
	hear(&f, 3, 3, NOON_S + 110);
	fixture_read(&f);
	a = read_time(&f, NOON_S + 5, NOON_S + 20);
	b = read_time(&f, NOON_S + 100, NOON_S + 120);
	compare(&f, &a, &b,
		(struct movement_counts){
			.before = 2, .after = 2, .stayed = 1, .joined = 1, .left = 1 });
	presence_free(&a);
	presence_free(&b);
	a = read_time(&f, NOON_S + 500, NOON_S + 5000); /* nobody was heard any more */
	assert_int_equal(a.count, 0);
	presence_free(&a);
	fixture_close(&f);
}

/* ---- random worlds --------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

struct pair {
	unsigned id, ip;
	bool there[TIMES], used;
};

/* The rule of movement.h, in the words of its definition. */
static struct movement_counts slow(struct pair *p, unsigned a, unsigned b)
{
	struct movement_counts c = { 0 };

	for (unsigned i = 0; i < NODES; i++) {
		c.before += p[i].there[a];
		c.after += p[i].there[b];
		c.stayed += p[i].there[a] && p[i].there[b];
		p[i].used = p[i].there[a] == p[i].there[b];
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < NODES; i++) {
			for (unsigned j = 0; j < NODES && !p[i].used && p[i].there[a]; j++) {
				bool like = round ? p[j].ip == p[i].ip : p[j].id == p[i].id;

				if (p[j].used || !p[j].there[b] || !like)
					continue;
				p[i].used = p[j].used = true;
				*(round ? &c.changed_id : &c.moved) += 1;
			}
		}
	}
	c.left = c.before - c.stayed - c.moved - c.changed_id;
	c.joined = c.after - c.stayed - c.moved - c.changed_id;
	return c;
}

static bool is_new(const struct pair *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (p[i].id == p[n].id && p[i].ip == p[n].ip)
			return false;
	return true;
}

static void random_world(struct fixture *f, struct pair *p, uint64_t *state)
{
	for (unsigned n = 0; n < NODES; n++) {
		do
			p[n] = (struct pair){ (unsigned)(next_random(state) % 70),
					      (unsigned)(next_random(state) % 70),
					      { false },
					      false };
		while (!is_new(p, n));
		for (unsigned t = 0; t < TIMES; t++) {
			p[n].there[t] = next_random(state) % 2;
			if (p[n].there[t])
				hear(f, p[n].id, p[n].ip, NOON_S + t * HOUR_S + n % 60);
		}
	}
}

/* Counts of moves and changes are of pairs: which partner is taken can differ, not how many. */
static void test_random(void **state)
{
	static struct pair pairs[NODES];
	uint64_t seed = 11;

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		struct presence p[TIMES];
		struct movement *m;
		struct fixture f;

		fixture_open(&f, 60);
		random_world(&f, pairs, &seed);
		fixture_read(&f);
		assert_int_equal(movement_new(f.v, &m), 0);
		for (unsigned t = 0; t < TIMES; t++)
			p[t] = read_time(&f, NOON_S + t * HOUR_S, NOON_S + t * HOUR_S + 59);
		for (unsigned t = 1; t < TIMES; t++) {
			struct movement_counts want = slow(pairs, t - 1, t), got;

			assert_int_equal(movement_between(m, &p[t - 1], &p[t], &got), 0);
			assert_int_equal(got.before, want.before);
			assert_int_equal(got.after, want.after);
			assert_int_equal(got.stayed, want.stayed);
			assert_int_equal(got.moved, want.moved);
			assert_int_equal(got.stayed + got.moved + got.changed_id + got.left,
					 got.before);
			assert_int_equal(got.stayed + got.moved + got.changed_id + got.joined,
					 got.after);
			/* Which of several rows of an id moved decides what is left to change. */
			assert_true(llabs((long long)got.changed_id - (long long)want.changed_id) <=
				    (long long)want.moved);
		}
		for (unsigned t = 0; t < TIMES; t++)
			presence_free(&p[t]);
		movement_free(m);
		fixture_close(&f);
	}
}

/* ---- a look ------------------------------------------------------------------------------ */

static void test_look(void **state)
{
	static const char table[] = "# dht-telescope geo table v1\n"
				    "11.0.0.0\t11.0.0.9\t100\tFirst\tDE\tBerlin\t52.5\t13.4\t10\n"
				    "11.0.0.10\t11.0.0.19\t200\tSecond\tBR\tRio\t-22.9\t-43.2\t0\n";
	struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct geo_opts geo_opts;
	struct movement_look look;
	struct movement *m;
	struct presence p;
	struct fixture f;

	(void)state;
	fixture_open(&f, 0);
	store_writer_free(f.w);
	tempdir_write(f.dir, "geo.tsv", table, sizeof(table) - 1);
	geo_opts = (struct geo_opts){ .dir = f.dir };
	assert_int_equal(geo_open(&geo_opts, NULL, NULL, &opts.geo), 0);
	assert_int_equal(store_writer_new(f.s, &opts, &f.w), 0);
	for (unsigned i = 0; i < 25; i++)
		hear(&f, i, i, i < 24 ? NOON_S : NOON_S + HOUR_S);
	for (unsigned i = 0; i < 7; i++)
		hear(&f, 100 + i, i, NOON_S);
	fixture_read(&f);
	geo_close(opts.geo);
	p = read_time(&f, NOON_S, NOON_S);
	assert_int_equal(movement_new(f.v, &m), 0);
	assert_int_equal(movement_look(m, f.v, &p, &look), 0);
	assert_int_equal(look.nodes, 31);
	assert_int_equal(look.placed, 27);
	assert_int_equal(look.places, 2);
	assert_int_equal(look.densest, 17);
	assert_true(look.densest_lat > 52.4f && look.densest_lat < 52.6f);
	assert_true(look.densest_lon > 13.3f && look.densest_lon < 13.5f);
	assert_int_equal(look.networks, 2);
	assert_int_equal(look.top_networks[0].asn, 100);
	assert_int_equal(look.top_networks[0].nodes, 17);
	assert_string_equal(look.top_networks[1].name, "Second");
	assert_int_equal(look.countries, 2);
	assert_string_equal(look.top_countries[1].name, "BR");
	assert_int_equal(look.top_countries[1].nodes, 10);
	movement_free(m);
	presence_free(&p);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_cut_bucket),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_look),
	};

	return cmocka_run_group_tests_name("store/movement", tests, NULL, NULL);
}
