/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <string.h>

#include "proto/heard.h"
#include "proto/sighting.h"
#include "tests/support/json_check.h"
#include "tests/support/krpc_samples.h"
#include "tests/support/rng.h"

#define ID "aaaaaaaaaaaaaaaaaaaa"
#define IH "bbbbbbbbbbbbbbbbbbbb"

static struct heard hear(const char *datagram, size_t len)
{
	struct heard h = { .when_ms = 1700000000123, .way = SIGHTING_ASKED_US };
	struct krpc_msg m;
	int err = krpc_parse(span_of(datagram, len), &m);

	assert_int_equal(endpoint_from_text("5.6.7.8:6881", &h.from), 0);
	h.bytes = (uint16_t)len;
	heard_fill(&h, &m, err);
	return h;
}

#define HEAR(s) hear(s, sizeof(s) - 1)

static void check_line(const struct heard *h, const char *want)
{
	char line[HEARD_JSON_MAX];
	int len = heard_to_json(h, line);

	assert_true(len > 0);
	assert_true(json_check(line, (size_t)len));
	if (strcmp(line, want) != 0)
		fail_msg("%s\nwant %s", line, want);
}

static void test_an_announce(void **state)
{
	struct heard h = HEAR("d1:ad2:id20:" ID "9:info_hash20:" IH
			      "4:porti7e5:token2:xxe1:q13:announce_peer1:t1:a1:v4:LT\2\10"
			      "1:y1:qe");

	(void)state;
	assert_int_equal(h.kind, HEARD_ANNOUNCE_PEER);
	assert_int_equal(h.peer_port, 7);
	h.outcome = HEARD_ANSWERED;
	check_line(&h,
		   "{\"when_ms\":1700000000123,\"from\":\"5.6.7.8:6881\",\"kind\":\"announce_"
		   "peer\",\"way\":\"asked-us\",\"ear\":0,\"bytes\":128,\"outcome\":\"answered\","
		   "\"id\":\"6161616161616161616161616161616161616161\",\"info_hash\":"
		   "\"6262626262626262626262626262626262626262\",\"v\":\"4c540208\",\"client\":"
		   "\"libtorrent 2.8\",\"port\":7}");
	h = HEAR("d1:ad2:id20:" ID "12:implied_porti1e9:info_hash20:" IH
		 "4:porti7e5:token2:xxe1:q13:announce_peer2:roi1e1:t1:a1:y1:qe");
	assert_int_equal(h.peer_port, 6881);
	assert_int_equal(h.flags,
			 HEARD_HAS_ID | HEARD_HAS_TARGET | HEARD_IMPLIED_PORT | HEARD_READ_ONLY);
}

static void test_other_messages(void **state)
{
	struct heard h = HEAR("d1:ad2:id20:" ID "e1:q19:vo\x01te \xff is a method1:t1:a1:y1:qe");

	(void)state;
	assert_int_equal(h.kind, HEARD_OTHER);
	assert_string_equal(h.method, "vo?te???is?a?me");
	h = HEAR("d1:eli203e9:Bad tokene1:t1:a1:y1:ee");
	assert_int_equal(h.kind, HEARD_ERROR);
	assert_int_equal(h.code, 203);
	h = HEAR("d1:rd2:id20:" ID "e1:t1:a1:y1:re");
	assert_int_equal(h.kind, HEARD_REPLY);
	h = HEAR("d1:rd2:id20:");
	assert_int_equal(h.kind, HEARD_MALFORMED);
	assert_int_equal(h.code, DT_ESHORT);
	assert_string_equal(heard_kind_name(0), "?");
	assert_string_equal(heard_kind_name(HEARD_KINDS), "?");
	assert_string_equal(heard_outcome_name(HEARD_OUTCOMES), "?");
}

/* Whatever a datagram says, its line is JSON and fits. */
static void test_each_sample_is_a_line(void **state)
{
	struct rng rng = rng_open(3);
	char line[HEARD_JSON_MAX];
	uint8_t bytes[4096];

	(void)state;
	for (const struct krpc_sample *s = krpc_samples; s->name; s++)
		for (unsigned i = 0; i < 200; i++) {
			struct heard h;
			int len;

			if (s->bytes.len > sizeof(bytes))
				continue;
			memcpy(bytes, s->bytes.ptr, s->bytes.len);
			if (i && s->bytes.len)
				bytes[rng_below(&rng, s->bytes.len)] = (uint8_t)rng_u64(&rng);
			h = hear((const char *)bytes, s->bytes.len);
			len = heard_to_json(&h, line);
			assert_true(len > 0 && json_check(line, (size_t)len));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_announce),
		cmocka_unit_test(test_other_messages),
		cmocka_unit_test(test_each_sample_is_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
