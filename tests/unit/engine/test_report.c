/* SPDX-License-Identifier: MIT */
#include "engine/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/unit.h"

/* 1000 live and 600 dead in 10 s: every derived figure can be had by hand. */
static struct engine_result result(void)
{
	struct engine_result r = {
		.end = ENGINE_END_DONE,
		.workers = 2,
		.backend = "mmsg",
		.backend_why = "io_uring: \"refused\"",
		.distinct_ids = 998,
		.distinct_addresses = 990,
		.estimate = { .live = 1000,
			      .unlisted = 2.25,
			      .unheard = 0.25,
			      .unseen = 2.5,
			      .unseen_low = 1,
			      .unseen_high = 7,
			      .recall = 0.9975 },
		.started_ms = 1763683200000,
		.span_ns = 10000000000,
		.elapsed_ns = 12000000000,
		.peak_rss_bytes = 50 << 20,
	};
	struct crawl_stats *c = &r.counters.crawl;

	c->endpoints_known = 2000;
	c->endpoints_asked = 1600;
	c->endpoints_live = 1000;
	c->first_attempts = 600 + 2100 + 50 + 30; /* the dead, the plan, the start, the raised */
	c->startup_mixing_sent = 50;
	c->mixing_sent = 150;
	c->raised_sent = 30;
	c->retries_sent = 1220;
	c->sent = 4000;
	c->answered = 2100;
	c->expired = 1890;
	c->errors = 10;
	c->bytes_tables = 120000;
	c->endpoints_refused[GATE_BOGON] = 3;
	r.counters.net.sent_bytes = 400000;
	r.counters.net.recv_bytes = 600000;
	r.counters.gate.refused[GATE_HOST_BUDGET] = 4;
	r.counters.gate.worst_host_10s = 6;
	return r;
}

static void test_derived(void **state)
{
	struct engine_result r = result();
	struct census_report rep;

	(void)state;
	report_fill(&rep, &r, "1", NULL);
	assert_true(fabs(rep.queries_per_live - 2.1) < 1e-12);
	assert_true(fabs(rep.first_attempts_per_live - 2.78) < 1e-12);
	assert_true(fabs(rep.packets_per_live - 4) < 1e-12);
	assert_true(fabs(rep.bytes_per_live - 1000) < 1e-12);
	assert_true(fabs(rep.bytes_per_endpoint - 60) < 1e-12);
	assert_true(fabs(rep.answered_per_s - 210) < 1e-12);
	assert_true(fabs(rep.churn_blur - 0.007 / 30) < 1e-12);
	assert_false(rep.has_truth);
}

/* A census that found nothing divides by nothing. */
static void test_nothing(void **state)
{
	struct engine_result r = { .end = ENGINE_END_INTERRUPTED };
	struct census_report rep;
	char buf[8192];

	(void)state;
	report_fill(&rep, &r, NULL, NULL);
	assert_true(isfinite(rep.queries_per_live) && isfinite(rep.bytes_per_endpoint) &&
		    isfinite(rep.answered_per_s));
	assert_true(report_to_json(&rep, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "\"truth\": null"));
	assert_null(strstr(buf, "nan"));
	assert_true(report_to_text(&rep, buf, sizeof(buf)) > 0);
}

/* The keys that are promised (design 5), with the values that belong to them. */
static void test_json(void **state)
{
	static const char *const want[] = {
		"\"schema\": \"dht-telescope report 1\"",
		"\"version\": \"9.9\"",
		"\"backend\": \"mmsg\"",
		"\"backend_why\": \"io_uring: \\\"refused\\\"\"",
		"\"workers\": 2",
		"\"started\": \"2025-11-21T00:00:00Z\"",
		"\"span_s\": 10",
		"\"live_endpoints\": 1000",
		"\"distinct_ids\": 998",
		"\"distinct_addresses\": 990",
		"\"endpoints_known\": 2000",
		"\"unseen_estimate\": 2.5",
		"\"unseen_low\": 1",
		"\"unseen_high\": 7",
		"\"recall_estimate\": 0.9975",
		"\"queries_sent\": 2780",
		"\"retries_sent\": 1220",
		"\"queries_per_live\": 2.1",
		"\"packets_sent\": 4000",
		"\"packets_received\": 0",
		"\"answered\": 2100",
		"\"expired\": 1890",
		"\"errors\": 10",
		"\"unexplained\": 0",
		"\"losses\": {",
		"\"refused\": {",
		"\"bytes_sent\": 400000",
		"\"bytes_received\": 600000",
		"\"peak_rss_bytes\": 52428800",
		"\"bytes_per_endpoint\": 60",
		"\"answered_per_s\": 210",
		"\"host_budget\": 4",
		"\"not_learnt\": {",
		"\"bogon\": 3",
		"\"politeness\": {",
		"\"packets_to_one_address_10s_max\": 6",
		"\"truth\": {",
		"\"recall\": 0.999",
		"\"estimate_error\": 0.0015",
		"\"live_start\": 1002",
		"\"live_end\": 1003",
		"\"stayed\": 1001",
	};
	struct census_truth truth = { .live = 1001,
				      .seen = 1000,
				      .answered = 1000,
				      .recall = 0.999,
				      .estimate_error = 0.0015,
				      .live_start = 1002,
				      .live_end = 1003,
				      .stayed = 1001 };
	struct engine_result r = result();
	struct census_report rep;
	char buf[8192];
	int len;

	(void)state;
	report_fill(&rep, &r, "9.9", &truth);
	len = report_to_json(&rep, buf, sizeof(buf));
	assert_true(len > 0 && strlen(buf) == (size_t)len);
	for (const char *const *w = want; w < TABLE_END(want); w++)
		if (!strstr(buf, *w))
			fail_msg("%s is missing in\n%s", *w, buf);
}

/* For a person: the figures stand there, grouped, and it fits or says so. */
static void test_text(void **state)
{
	static const char *const want[] = {
		"done", "1,000",   "998 ids",       "99.750 %", "2.100",
		"60.0", "nothing", "host-budget 4", "bogon 3",  "6 packets to one address"
	};
	struct engine_result r = result();
	struct census_report rep;
	char buf[8192];
	int len;

	(void)state;
	report_fill(&rep, &r, "9.9", NULL);
	len = report_to_text(&rep, buf, sizeof(buf));
	assert_true(len > 0 && strlen(buf) == (size_t)len);
	for (const char *const *w = want; w < TABLE_END(want); w++)
		if (!strstr(buf, *w))
			fail_msg("%s is missing in\n%s", *w, buf);
}

/* A second pass: in the JSON with its zones and its cost, in the text, against the truth. */
static void test_certificate(void **state)
{
	static const char *const want[] = {
		"\"certificate\": {",
		"\"first\": 60",
		"\"fresh_known\": 1",
		"\"unseen_estimate\": 30",
		"\"population\": 1030",
		"\"packets_per_live\": 0.4",
		"\"zone\": 200",
		"\"chapman_error\": 0.0289",
		"\"interval_holds\": true",
		"\"chapman_interval_holds\": false",
		"\"mentioned_once\": [",
		"\"unheard_estimate\": 0.25",
	};
	struct census_truth truth = { .live = 1001, .answered = 1000, .recall = 1000.0 / 1001 };
	struct engine_result r = result();
	struct census_certificate *c = &r.certificate;
	struct census_report rep;
	char buf[65536];

	(void)state;
	r.estimate.unseen_low = 0.5;
	r.tally.zone[200].known = 7;
	r.tally.zone[200].f1 = 3;
	c->done = true;
	c->zone_count = 1;
	c->zones[200 / 8] = 1 << 200 % 8;
	c->all = c->zone[200] = (struct census_capture){ 60, 62, 58, 1, 4, 1, 0 };
	c->estimate = (struct census_chapman){ 30, 10, 90, 0.97, 1, 1030, 1010, 1090 };
	c->cost.packets_sent = 400;
	report_fill(&rep, &r, "9.9", &truth);
	assert_true(report_to_json(&rep, buf, sizeof(buf)) > 0);
	for (const char *const *w = want; w < TABLE_END(want); w++)
		if (!strstr(buf, *w))
			fail_msg("%s is missing in\n%s", *w, buf);
	assert_true(report_to_text(&rep, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "not seen, Chapman              30    95 %: 10 to 90"));
	assert_non_null(strstr(buf, "1,030"));
}

/* Every size that is too small is refused, and nothing beyond it is written. */
static void test_small_buffers(void **state)
{
	struct engine_result r = result();
	struct census_report rep;
	char buf[8192];
	int json, text;

	(void)state;
	report_fill(&rep, &r, "9.9", NULL);
	json = report_to_json(&rep, buf, sizeof(buf));
	text = report_to_text(&rep, buf, sizeof(buf));
	for (size_t cap = 1; cap < sizeof(buf); cap += 13) {
		char *exact = malloc(cap);
		int got;

		assert_non_null(exact);
		got = report_to_json(&rep, exact, cap);
		assert_int_equal(got, cap > (size_t)json ? json : DT_EFULL);
		got = report_to_text(&rep, exact, cap);
		assert_int_equal(got, cap > (size_t)text ? text : DT_EFULL);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derived),     cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_json),        cmocka_unit_test(test_text),
		cmocka_unit_test(test_certificate), cmocka_unit_test(test_small_buffers),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
