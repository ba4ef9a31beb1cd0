/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/addr.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

enum { NODES = 2000, ENDPOINTS = 300, IDS = 40 };

struct row {
	struct nodeid id;
	struct endpoint ep;
	uint32_t last_s;
	bool used;
};

static struct row rows[NODES];
static char dir[TEMPDIR_MAX];
static struct kv *kv;
static struct kv_txn *txn;
static struct kv_cursor *cursor;

/* Few ids, most of which share their first four bytes, at few endpoints. */
static struct row random_row(struct rng *r)
{
	struct row row = { .ep = endpoint_ip4((uint32_t)rng_below(r, ENDPOINTS), 1),
			   .last_s = (uint32_t)rng_below(r, 50),
			   .used = true };

	row.id.b[0] = (uint8_t)rng_below(r, 2);
	row.id.b[rng_below(r, 2) ? 4 : 19] = (uint8_t)rng_below(r, IDS);
	return row;
}

static int setup(void **state)
{
	struct rng r = rng_open(1);
	char why[KV_WHY_MAX];

	(void)state;
	tempdir_make(dir);
	if (kv_open(dir, KV_WRITE | KV_CREATE, &kv, why) || kv_begin(kv, true, &txn) ||
	    kv_cursor_open(txn, KV_NODES4, &cursor))
		return -1;
	for (unsigned i = 0; i < NODES; i++) {
		struct row row = random_row(&r);
		struct record rec = { .last_seen_s = row.last_s };
		uint8_t key[RECORD_KEY_MAX], val[RECORD_BYTES];
		struct span old;

		record_encode(&rec, val);
		if (kv_cursor_insert(cursor, span_of(key, record_key(&row.id, &row.ep, key)),
				     span_of(val, sizeof(val)), &old) == 1)
			rows[i] = row;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kv_cursor_close(cursor);
	kv_abort(txn);
	kv_unref(kv);
	tempdir_remove(dir);
	return 0;
}

static const struct row *fool(const struct endpoint *ep, const uint8_t *id4)
{
	const struct row *found = NULL;

	for (unsigned i = 0; i < NODES; i++) {
		const struct row *row = &rows[i];

		if (!row->used || !endpoint_equal(&row->ep, ep) || memcmp(row->id.b, id4, 4) != 0)
			continue;
		if (!found || row->last_s > found->last_s ||
		    (row->last_s == found->last_s && memcmp(row->id.b, found->id.b, 20) > 0))
			found = row;
	}
	return found;
}

static void against_a_fool(void **state)
{
	unsigned found = 0;

	(void)state;
	for (uint32_t ip = 0; ip < ENDPOINTS + 10; ip++) {
		for (uint8_t first = 0; first < 3; first++) {
			const uint8_t id4[4] = { first };
			struct endpoint ep = endpoint_ip4(ip, 1);
			const struct row *want = fool(&ep, id4);
			struct record rec;
			struct nodeid id;
			int rc = addr_find(cursor, &ep, id4, &id, &rec);

			assert_int_equal(rc, want != NULL);
			if (!want)
				continue;
			found++;
			assert_memory_equal(&id, &want->id, sizeof(id));
			assert_int_equal(rec.last_seen_s, want->last_s);
		}
	}
	assert_true(found > 200);
}

static void which_is_later(void **state)
{
	static const uint8_t a[4] = { 1, 2, 3, 4 }, b[4] = { 1, 2, 3, 5 };

	(void)state;
	assert_true(addr_later(2, a, 1, b));
	assert_false(addr_later(1, b, 2, a));
	assert_true(addr_later(1, b, 1, a));
	assert_false(addr_later(1, a, 1, b));
	assert_false(addr_later(1, a, 1, a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_a_fool),
		cmocka_unit_test(which_is_later),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
