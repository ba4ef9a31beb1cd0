/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "store/epoch.h"
#include "store/inside.h"
#include "store/record.h"
#include "store/store.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

/* A store as schema 1 wrote it, row by row, and what becomes of it. */

enum { NODES = 500, V1_NODE = 50, V1_CONTACT = 40 };

static void put(struct kv_txn *t, enum kv_table table, struct span key, struct span val)
{
	assert_int_equal(kv_put(t, table, key, val), 0);
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v)); /* tests run where the program does: little-endian */
}

static uint32_t rtt_of(uint32_t i)
{
	return i * 7919 % 3000000;
}

static void put_node(struct kv_txn *t, uint32_t i)
{
	uint8_t val[V1_NODE] = { 1, (uint8_t)(i % 3 == 2 ? 0x04 : 0x01) }, key[RECORD_KEY_MAX];
	uint8_t addr[ENDPOINT_COMPACT6];
	struct rng r = { 5 + (uint64_t)i };
	struct endpoint ep = endpoint_ip4(0x01000000 + i, (uint16_t)(i + 1));
	struct nodeid id;
	bool six = i % 4 == 0;

	if (six)
		memset(ep.addr, 0x20, 12);
	rng_fill(&r, &id, sizeof(id));
	put32(val + 4, 1000000 + i);
	put32(val + 8, 1000000 + 10 * i);
	if (i % 3 != 2) {
		put32(val + 12, 1000000 + i);
		put32(val + 16, 1000000 + 5 * i);
	}
	put32(val + 20, 999);
	put32(val + 24, 64500 + i);
	val[40] = (uint8_t)rtt_of(i);
	val[41] = (uint8_t)(rtt_of(i) >> 8);
	val[42] = (uint8_t)(rtt_of(i) >> 16);
	val[43] = (uint8_t)(i % 2); /* a colour: looked up */
	val[46] = 9;
	val[49] = 4 << 5;
	memcpy(val + 36, "LT\1\2", 4);
	put(t, six ? KV_NODES6 : KV_NODES4, span_of(key, record_key(&id, &ep, key)),
	    span_of(val, sizeof(val)));
	put(t, six ? KV_ADDR6 : KV_ADDR4, span_of(addr, record_addr(&ep, addr)), span_of(id.b, 4));
}

static void make_old(const char *dir, bool odd)
{
	uint8_t contact[V1_CONTACT] = { 1, 2 }, epoch[25] = { 1, 1 }, key[4] = { 0, 0, 0, 1 };
	uint8_t addr[ENDPOINT_COMPACT4] = { 9, 9, 9, 9, 1, 1 };
	struct kv_txn *t;
	struct store *s;

	assert_int_equal(store_open(dir, STORE_CREATE, &s, NULL), 0);
	assert_int_equal(kv_begin(s->kv, true, &t), 0);
	put(t, KV_META, SPAN_LIT("schema"), SPAN_LIT("\1\0\0\0"));
	for (uint32_t i = 0; i < NODES; i++)
		put_node(t, i);
	put32(contact + 4, 77);
	put(t, KV_MENTIONED4, span_of(addr, sizeof(addr)), span_of(contact, sizeof(contact)));
	put32(epoch + 4, 999);
	put32(epoch + 12, 1234);
	memcpy(epoch + 20, "{\"a\"}", 5);
	put(t, KV_EPOCHS, span_of(key, sizeof(key)), span_of(epoch, sizeof(epoch)));
	put(t, KV_ORGS, span_of(key, sizeof(key)), SPAN_LIT("One"));
	if (odd)
		put(t, KV_NODES4, SPAN_LIT("zzzzzzzzzzzzzzzzzzzzzzzzzz"), SPAN_LIT("short"));
	assert_int_equal(kv_commit(t), 0);
	store_close(s);
}

static void expect_nodes(struct store_view *v)
{
	uint64_t rows = 0;
	struct store_node n;

	while (store_view_next(v, &n) == 1) {
		uint32_t i = n.asn - 64500;

		assert_true(i < NODES && n.ordinal < NODES);
		assert_int_equal(n.first_seen_s, 1000000 + i);
		assert_int_equal(n.last_seen_s, 1000000 + 10 * i);
		assert_true(n.rtt_us <= rtt_of(i) && rtt_of(i) - n.rtt_us <= rtt_of(i) / 2048);
		assert_memory_equal(n.version, "LT\1\2", 4);
		assert_int_equal(n.version_len, 4);
		rows++;
	}
	assert_int_equal(rows, NODES);
}

/* First and last time of each are marks. */
static void expect_log(struct store_view *v)
{
	const struct store_log_opts opts = { .columns = STORE_LOG_ALL };
	struct store_log_block b;
	struct store_log *l;
	uint64_t marks = 0;

	assert_int_equal(store_log_open(v, &opts, &l), 0);
	while (store_log_next(l, &b) == 1) {
		marks += b.count;
		for (uint32_t k = 0; k < b.count; k++)
			assert_true(b.ordinal[k] < NODES && (b.ways[k] == 1 || b.ways[k] == 4));
	}
	assert_true(marks > NODES && marks <= 2 * NODES);
	store_log_close(l);
}

static void everything_comes_along(void **state)
{
	const struct store_check_opts quiet = { .problem = NULL };
	char dir[TEMPDIR_MAX], why[256], report[16];
	uint64_t problems;
	struct store_counts counts;
	struct store_epoch epoch;
	struct store_view *v;
	struct store *s;
	unsigned from = 0;

	(void)state;
	make_old(tempdir_make(dir), false);
	assert_int_equal(store_open(dir, STORE_READ, &s, why), DT_EUNSUPPORTED);
	assert_non_null(strstr(why, "store migrate"));
	assert_int_equal(store_migrate(dir, &from, why), 0);
	assert_int_equal(from, 1);
	assert_int_equal(store_open(dir, STORE_WRITE, &s, why), 0);
	assert_int_equal(store_view_open(s, &v), 0);
	expect_nodes(v);
	expect_log(v);
	assert_int_equal(store_view_counts(v, &counts), 0);
	assert_true(counts.mentioned == 1 && counts.addresses == NODES && counts.epochs == 1);
	assert_int_equal(store_view_epoch(v, 1, &epoch, report, sizeof(report)), 0);
	assert_true(epoch.started_s == 999 && epoch.ended_s == 1234 && epoch.synthetic);
	assert_string_equal(report, "{\"a\"}");
	store_view_close(v);
	assert_int_equal(store_check(s, &quiet, &problems), 0);
	assert_int_equal(problems, 0);
	assert_int_equal(store_compact(s), 0);
	store_close(s);
	assert_int_equal(store_migrate(dir, &from, why), 0); /* nothing to do */
	assert_int_equal(from, 2);
	tempdir_remove(dir);
}

static void what_cannot_be_read_stays(void **state)
{
	char dir[TEMPDIR_MAX], why[256];
	struct store *s;
	unsigned from;

	(void)state;
	make_old(tempdir_make(dir), true);
	assert_int_equal(store_migrate(dir, &from, why), DT_ESIZE);
	assert_non_null(strstr(why, "it is as it was"));
	assert_int_equal(store_open(dir, STORE_READ, &s, why), DT_EUNSUPPORTED);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_along),
		cmocka_unit_test(what_cannot_be_read_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
