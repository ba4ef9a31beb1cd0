/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/dns.h"
#include "bench/pair.h"
#include "bench/rig.h"
#include "engine/cpu.h"

/*
 * DOC: what is measured on an island is what it says: the farm answers DHT and, on its guest's
 * port, DNS; the yardstick counts answers and the CPU of the process that it was told of; and
 * dnsperf gets all of its own answered.
 */

enum { SKIPPED = 77, REPLY_BYTES = 300 };

static const struct bench_ctx ctx = {
	.version = "v", .command = "test_rig", .runs = 1, .run_ms = 300
};

static uint32_t answer(struct span query, uint8_t *reply, uint32_t max)
{
	return dns_answer(query, REPLY_BYTES, reply, max);
}

/* Half of the packets are no DNS. */
static int some_packets(struct pump_packets *p)
{
	const struct endpoint to = endpoint_ip4((uint32_t)ISLAND_NET | 1, DNS_PORT);
	uint8_t query[DNS_QUERY_MAX], junk[100] = { 0 };
	char name[DNS_QUERY_MAX];
	int err = pump_packets_new(256, sizeof(junk), p);

	if (!err)
		err = dns_name(1, sizeof(junk), name);
	for (unsigned i = 0; !err && i < 256; i++) {
		(void)dns_query(name, (uint16_t)i, query);
		pump_packet_set(p, i, &to, i % 2 ? junk : query);
	}
	return err;
}

/* Exit status: which promise was broken. */
static int island_child(void)
{
	struct rig_opts o = { .place = RIG_XDP_FARM,
			      .cores = 1,
			      .seed = 1,
			      .run_ms = 300,
			      .guest = { DNS_PORT, answer } };
	struct pump_way way = { .name = "mmsg" };
	struct pump_packets packets;
	struct pair_opts pair = { .way = &way,
				  .island = true,
				  .packets = &packets,
				  .cores = 1,
				  .batch = 64,
				  .window = 256,
				  .run_ns = 300 * 1000 * 1000 };
	struct pair_result r;
	struct rig_sample sample;
	struct rig_watch watch;
	struct rig_rest before, after;
	struct rig rig;

	if (rig_open(&rig, &ctx, &o))
		return SKIPPED;
	before = rig_at_rest(&rig);
	if (some_packets(&packets) || rig_watch_start(&watch, &rig, 0) || pair_run(&pair, &r) ||
	    rig_watch_end(&watch, &sample))
		return 1;
	after = rig_at_rest(&rig);
	if (after.farm.answered - before.farm.answered < 1000 ||
	    after.farm.malformed - before.farm.malformed < 1000)
		return 2;
	if (after.farm.dead != before.farm.dead || r.received > after.farm.answered)
		return 3;
	if (sample.answered_per_s <= 0 || sample.cpu_ns < 100 || sample.farm_cpu_ns < 100 ||
	    sample.user_share < 0 || sample.user_share > 1)
		return 4;
	/* A process that does nothing has spent nothing. */
	if (rig_watch_start(&watch, &rig, getppid()) || rig_watch_end(&watch, &sample) != -EIO)
		return 5;
	pump_packets_free(&packets);
	rig_close(&rig);
	return 0;
}

static void test_guest_and_yardstick(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(island_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_guest_on_sockets(void **state)
{
	struct sim_opts o = sim_opts_default();
	struct sim_farm_opts f = { .threads = 1, .guest = { DNS_PORT, answer } };
	struct sim_farm *farm;
	struct sim_world *w;

	(void)state;
	o.live = 100;
	assert_int_equal(sim_world_new(&o, &w), 0);
	assert_int_equal(sim_farm_start(w, &f, &farm), -EINVAL);
	sim_world_free(w);
}

static double number_after(const char *row, const char *key)
{
	const char *at = strstr(row, key);

	assert_non_null(at);
	return strtod(at + strlen(key), NULL);
}

/* Every way has its row, in every place, and dnsperf's questions were answered. */
static void test_dnsperf(void **state)
{
	static const char *const ways[] = { "dnsperf",        "bare_dns",      "bare_dht",
					    "engine_sockets", "engine_packet", "engine_xdp" };
	static const char *const places[] = { "one_core", "core_each" };
	const char *name = "dnsperf";
	char *text = NULL;
	size_t len = 0;
	FILE *out = tmpfile(), *copy = open_memstream(&text, &len);
	int err, c;

	(void)state;
	assert_non_null(out);
	err = bench_run(&name, 1, &ctx, out);
	rewind(out);
	while ((c = fgetc(out)) != EOF)
		fputc(c, copy);
	fclose(out);
	fclose(copy);
	if (err || len == 0) { /* no right to make an island, or no dnsperf; it said so */
		free(text);
		skip();
	}
	for (unsigned p = 0; p < (cpu_usable() > 1 ? 2 : 1); p++)
		for (unsigned w = 0; w < sizeof(ways) / sizeof(*ways); w++) {
			char key[96];
			const char *row;

			snprintf(key, sizeof(key), "{\"name\":\"dnsperf.%s.%s\",", places[p],
				 ways[w]);
			row = strstr(text, key);
			if (!row)
				fail_msg("no row %s", key);
			assert_true(number_after(row, "\"times_dnsperf_by_cpu\":") > 0);
			assert_true(number_after(row, "\"times_dnsperf_by_rate\":") > 0);
			assert_true(number_after(row, "\"answered_per_s\":") > 1000);
			assert_true(number_after(row, "\"farm_cpu_ns\":") > 0);
			assert_true(number_after(row, "\"query_bytes\":") > 100);
			if (w == 0)
				assert_true(number_after(row, "\"lost\":") <
					    number_after(row, "\"answered_per_s\":") / 100);
		}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_guest_on_sockets),
		cmocka_unit_test(test_guest_and_yardstick),
		cmocka_unit_test(test_dnsperf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
