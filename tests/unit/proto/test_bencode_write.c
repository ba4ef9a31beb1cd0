/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/bencode.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

static void write_one_of_each(struct bencode_writer *w)
{
	bencode_put_dict(w);
	bencode_put_string(w, SPAN_LIT("a"));
	bencode_put_list(w);
	bencode_put_int(w, 0);
	bencode_put_int(w, -17);
	bencode_put_int(w, INT64_MAX);
	bencode_put_int(w, INT64_MIN);
	bencode_put_end(w);
	bencode_put_raw(w, SPAN_LIT("1:b2:ok"));
	bencode_put_string(w, SPAN_LIT(""));
	bencode_put_string(w, (struct span){ NULL, 0 });
	bencode_put_raw(w, (struct span){ NULL, 0 });
	bencode_put_end(w);
}

static const char one_of_each[] =
	"d1:ali0ei-17ei9223372036854775807ei-9223372036854775808ee1:b2:ok0:0:e";

static void test_bytes(void **state)
{
	struct bencode_writer w;
	uint8_t out[256];

	(void)state;
	bencode_writer_init(&w, out, sizeof(out));
	write_one_of_each(&w);
	assert_int_equal(bencode_finish(&w), sizeof(one_of_each) - 1);
	assert_memory_equal(out, one_of_each, sizeof(one_of_each) - 1);
}

static void test_every_capacity_stops_in_time(void **state)
{
	static const uint8_t zeros[128];
	struct bencode_writer w;
	struct guard g;

	(void)state;
	guard_open(&g, sizeof(zeros));
	for (size_t cap = 0; cap <= sizeof(zeros); cap++) {
		uint8_t *out = guard_put(&g, zeros, cap);

		bencode_writer_init(&w, out, cap);
		write_one_of_each(&w);
		if (cap < sizeof(one_of_each) - 1)
			assert_int_equal(bencode_finish(&w), DT_EFULL);
		else
			assert_memory_equal(out, one_of_each, sizeof(one_of_each) - 1);
	}
	guard_close(&g);
}

static void test_full_is_sticky(void **state)
{
	struct bencode_writer w;
	uint8_t out[4];

	(void)state;
	bencode_writer_init(&w, out, sizeof(out));
	bencode_put_string(&w, SPAN_LIT("toolong"));
	bencode_put_dict(&w); /* would fit, but not behind a gap */
	assert_int_equal(bencode_finish(&w), DT_EFULL);
	/* A length so large that head and bytes together wrap. */
	bencode_writer_init(&w, out, sizeof(out));
	bencode_put_string(&w, span_of(out, SIZE_MAX));
	assert_int_equal(bencode_finish(&w), DT_EFULL);
}

/* Random trees: what is written is what is read. */
enum { EVENTS_MAX = 400 };

struct event {
	int kind;
	int64_t number;
	uint8_t bytes[12];
	size_t len;
};

static unsigned random_tree(struct rng *r, struct event *ev)
{
	bool dict[BENCODE_DEPTH_MAX], key[BENCODE_DEPTH_MAX];
	unsigned n = 0, depth = 0;

	do {
		struct event *e = &ev[n++];
		bool must_be_key = depth && dict[depth - 1] && key[depth - 1];
		bool may_end = depth && (must_be_key || !dict[depth - 1]);
		bool closing = n > EVENTS_MAX - 3 * BENCODE_DEPTH_MAX;

		e->kind = 1 + (int)rng_below(r, 4);
		if (may_end && (closing || rng_below(r, 4) == 0))
			e->kind = BENCODE_END;
		else if (must_be_key || closing)
			e->kind = BENCODE_STRING;
		else if (depth == BENCODE_DEPTH_MAX || (depth && rng_below(r, 3)))
			e->kind = BENCODE_STRING + (int)rng_below(r, 2);
		e->number = (int64_t)rng_u64(r) >> rng_below(r, 64);
		e->len = rng_below(r, sizeof(e->bytes) + 1);
		rng_fill(r, e->bytes, e->len);
		if (e->kind == BENCODE_END)
			depth--;
		if (depth && dict[depth - 1] && e->kind != BENCODE_LIST && e->kind != BENCODE_DICT)
			key[depth - 1] = !key[depth - 1];
		if (e->kind == BENCODE_LIST || e->kind == BENCODE_DICT) {
			dict[depth] = e->kind == BENCODE_DICT;
			key[depth++] = true;
		}
	} while (depth);
	return n;
}

static void test_written_is_read(void **state)
{
	struct rng r = rng_open(7);
	static struct event ev[EVENTS_MAX + 8];
	uint8_t out[EVENTS_MAX * 24];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		unsigned n = random_tree(&r, ev);
		struct bencode_token tok = { .number = 0 };
		struct bencode_reader reader;
		struct bencode_writer w;

		assert_true(n <= EVENTS_MAX + 8);
		bencode_writer_init(&w, out, sizeof(out));
		for (unsigned i = 0; i < n; i++) {
			switch (ev[i].kind) {
			case BENCODE_STRING:
				bencode_put_string(&w, span_of(ev[i].bytes, ev[i].len));
				break;
			case BENCODE_INT:
				bencode_put_int(&w, ev[i].number);
				break;
			case BENCODE_LIST:
				bencode_put_list(&w);
				break;
			case BENCODE_DICT:
				bencode_put_dict(&w);
				break;
			default:
				bencode_put_end(&w);
			}
		}
		assert_true(bencode_finish(&w) > 0);
		bencode_reader_init(&reader, span_of(out, w.len));
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(bencode_next(&reader, &tok), ev[i].kind);
			if (ev[i].kind == BENCODE_STRING)
				assert_true(span_equal(tok.bytes, span_of(ev[i].bytes, ev[i].len)));
			if (ev[i].kind == BENCODE_INT)
				assert_true(tok.number == ev[i].number);
		}
		assert_int_equal(bencode_next(&reader, &tok), BENCODE_DONE);
		assert_int_equal(bencode_rest(&reader).len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_every_capacity_stops_in_time),
		cmocka_unit_test(test_full_is_sticky),
		cmocka_unit_test(test_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
