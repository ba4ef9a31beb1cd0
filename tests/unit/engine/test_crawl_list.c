/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/unit/engine/crawl_desk.h"

/* What is said of questions and of whom the answers listed. */

static struct nodeid a_id, b_id;
static struct endpoint a, b;

static void names(void)
{
	a_id = id_of(0x10000000);
	b_id = id_of(0x10800000);
	a = host(1);
	b = host(2);
}

static void whom_an_answer_lists(void **state)
{
	struct crawl_opts o = desk_opts();
	struct endpoint nowhere = endpoint_ip4(0x0a000001, 0);
	uint8_t nodes[8 * 26];
	struct desk *d = desk_open(&o, NULL);
	const struct listing *l = d->listed;
	size_t n = 0;

	(void)state;
	names();
	desk_offer(d, a, &a_id, 0);
	assert_int_equal(desk_send(d), 1);
	n += contact4(nodes + n, &b_id, b);
	n += contact4(nodes + n, &o.own_id, host(3)); /* ourselves */
	n += contact4(nodes + n, &a_id, a);           /* itself */
	n += contact4(nodes + n, &b_id, nowhere);
	n += contact4(nodes + n, &b_id, endpoint_ip4(0x7f000001, 9)); /* a finding */
	desk_answer(d, 0, a, &a_id, span_of(nodes, n));
	assert_int_equal(d->listed_count, 1);
	assert_int_equal(l->when_ms, (d->now_ns + 77 * S) / MS);
	assert_true(nodeid_equal(&l->id, &a_id) && endpoint_equal(&l->from, &a));
	assert_int_equal(l->depth, LISTING_DEPTH_OWN);
	assert_int_equal(l->outcome, LISTING_ANSWERED);
	assert_int_equal(l->listed, 5);
	assert_int_equal(l->count, 2);
	assert_true(nodeid_equal(&l->contacts[0].id, &b_id));
	assert_true(endpoint_equal(&l->contacts[0].ep, &b));
	/* The next question: bit c-1 flipped. */
	while (desk_send(d) == 0 || !endpoint_equal(&d->out[0].peer, &a))
		d->now_ns += S;
	desk_answer(d, 0, a, &a_id, SPAN_LIT(""));
	assert_int_equal(d->listed[1].count, 0);
	assert_int_equal(d->listed[1].outcome, LISTING_ANSWERED);
	assert_true(d->listed[1].depth < 8);
	desk_close(d);
}

static void long_lists_come_in_several(void **state)
{
	struct crawl_opts o = desk_opts();
	uint8_t nodes[70 * 26];
	struct desk *d = desk_open(&o, NULL);
	uint8_t data[2048];
	unsigned sum = 0;
	size_t n = 0, len;

	(void)state;
	names();
	desk_offer(d, a, &a_id, 0);
	assert_int_equal(desk_send(d), 1);
	for (uint32_t i = 0; i < 70; i++) {
		struct nodeid id = id_of(0x20000000 + i);

		n += contact4(nodes + n, &id, host(10 + i));
	}
	/* Longer than our own builder makes any. */
	len = (size_t)snprintf((char *)data, sizeof(data), "d1:rd2:id20:");
	memcpy(data + len, a_id.b, NODEID_BYTES);
	len += NODEID_BYTES;
	len += (size_t)snprintf((char *)data + len, 16, "5:nodes%zu:", n);
	memcpy(data + len, nodes, n);
	len += n;
	memcpy(data + len, "e1:t8:", 6);
	memcpy(data + len + 6, desk_query(d, 0).t.ptr, 8);
	memcpy(data + len + 14, "1:y1:re", 7);
	assert_int_equal(desk_arrives(d, a, data, len + 21), 0);
	for (unsigned i = 0; i < d->listed_count; i++) {
		assert_int_equal(d->listed[i].listed, 70);
		sum += d->listed[i].count;
	}
	assert_int_equal(d->listed_count, LISTING_REPLY_MAX / LISTING_CONTACTS);
	assert_int_equal(sum, LISTING_REPLY_MAX);
	desk_close(d);
}

/* Once, when every attempt has come to nothing. */
static void silence_is_said_once(void **state)
{
	struct crawl_opts o = desk_opts();
	struct desk *d = desk_open(&o, NULL);

	(void)state;
	names();
	desk_offer(d, a, &a_id, 0);
	desk_offer(d, b, NULL, 0); /* nobody that could be named */
	for (unsigned i = 0; i < 400; i++) {
		desk_send(d);
		d->now_ns += S / 2;
	}
	assert_true(crawl_idle(d->crawl));
	assert_int_equal(d->listed_count, 1);
	assert_int_equal(d->listed[0].outcome, LISTING_SILENT);
	assert_int_equal(d->listed[0].depth, LISTING_DEPTH_OWN);
	assert_int_equal(d->listed[0].count, 0);
	assert_true(endpoint_equal(&d->listed[0].from, &a));
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_an_answer_lists),
		cmocka_unit_test(long_lists_come_in_several),
		cmocka_unit_test(silence_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
