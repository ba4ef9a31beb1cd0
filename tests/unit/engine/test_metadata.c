/* SPDX-License-Identifier: MIT */
#include "engine/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/json_check.h"
#include "tests/support/unit.h"

static char text[512 * 1024];

static size_t written(FILE *f)
{
	size_t n;

	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	return n;
}

/* A list of @count networks that do not touch. */
static struct blocklist *list_of(unsigned count)
{
	char why[BLOCKLIST_WHY_MAX], *list = malloc(count * 24 + 1);
	struct blocklist *b;
	size_t len = 0;

	assert_non_null(list);
	for (unsigned i = 0; i < count; i++)
		len += (size_t)sprintf(list + len, "%u.%u.%u.0/24\n", 20 + i / 16384, i / 128 % 128,
				       i % 128 * 2);
	if (blocklist_parse(span_of(list, len), "list", &b, why))
		fail_msg("%s", why);
	free(list);
	return b;
}

static struct metadata metadata_of(struct engine_opts *o, struct engine_result *r,
				   struct blocklist *b)
{
	*o = engine_opts_default();
	o->version = "v1.2-\"x\"";
	o->command = "dht-telescope crawl \x01";
	o->blocklist_path = "conf/list";
	memset(r, 0, sizeof(*r));
	r->started_ms = 1700000000000;
	r->elapsed_ns = 90500000000;
	r->counters.crawl.sent = 10;
	r->counters.crawl.answered = 6;
	r->counters.crawl.expired = 4;
	r->counters.gate.refused[GATE_BOGON] = 3;
	r->counters.crawl.endpoints_refused[GATE_BOGON] = 4;
	strcpy(r->backend, "uring");
	blocklist_info(b, &r->blocklist);
	return (struct metadata){ o, r, b, "dropped" };
}

static void test_keys(void **state)
{
	static const char *const says[] = {
		"\"start_time\": \"2023-11-14T22:13:20.000Z\"",
		"\"end_time\": \"2023-11-14T22:14:50.500Z\"",
		"\"duration_s\": 90.5",
		"\"version\": \"v1.2-\\\"x\\\"\"",
		"\"end\": \"done\"",
		"\"error\": null",
		"\"rate_pps\": 2000",
		"\"plan\": \"2+\"",
		"\"backend\": \"uring\"",
		"\"backend_why\": null",
		"\"file\": \"conf/list\"",
		"\"file_prefixes\": 3",
		"\"20.0.0.0-20.0.0.255\"",
		"\"listed_networks_cut\": false",
		"\"bogon\": 7",
		"\"sent\": 10",
		"\"unexplained\": 0",
		"\"hit_rate\": 0.6",
		"\"privileges\": \"dropped\"",
		"\"kernel_udp\": {",
	};
	struct blocklist *b = list_of(3);
	struct engine_opts o;
	struct engine_result r;
	struct metadata m = metadata_of(&o, &r, b);
	FILE *f = tmpfile();
	size_t len;

	(void)state;
	assert_non_null(f);
	assert_int_equal(metadata_write(f, &m), 0);
	len = written(f);
	assert_true(json_check(text, len - 1));
	for (size_t i = 0; i < sizeof(says) / sizeof(*says); i++)
		if (!strstr(text, says[i]))
			fail_msg("missing: %s", says[i]);
	/* Written again, shorter: nothing of the first remains. */
	o.command = NULL;
	r.counters.crawl.sent = 1;
	assert_int_equal(metadata_write(f, &m), 0);
	assert_true(written(f) < len);
	assert_true(json_check(text, strlen(text) - 1));
	fclose(f);
	blocklist_free(b);
}

static void test_long_list(void **state)
{
	struct blocklist *b = list_of(20000);
	struct engine_opts o;
	struct engine_result r;
	struct metadata m = metadata_of(&o, &r, b);
	FILE *f = tmpfile();
	size_t len;

	(void)state;
	assert_int_equal(metadata_write(f, &m), 0);
	len = written(f);
	assert_true(len < 256 * 1024);
	assert_true(json_check(text, len - 1));
	assert_non_null(strstr(text, "\"listed_networks_cut\": true"));
	assert_non_null(strstr(text, "\"file_prefixes\": 20000"));
	fclose(f);
	blocklist_free(b);
}

static void test_failed_and_full(void **state)
{
	struct blocklist *b = list_of(1);
	struct engine_opts o;
	struct engine_result r;
	struct metadata m = metadata_of(&o, &r, b);
	FILE *f = fopen("/dev/full", "w"), *t = tmpfile();

	(void)state;
	r.end = ENGINE_END_FAILED;
	strcpy(r.why, "worker 0: device: gone");
	assert_int_equal(metadata_write(t, &m), 0);
	written(t);
	assert_non_null(strstr(text, "\"error\": \"worker 0: device: gone\""));
	fclose(t);
	if (f) {
		assert_int_equal(metadata_write(f, &m), -ENOSPC);
		fclose(f);
	}
	blocklist_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_failed_and_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
