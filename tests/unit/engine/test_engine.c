/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/json_check.h"
#include "tests/support/tempdir.h"
#include "tests/support/tinydev.h"
#include "tests/support/tinyfarm.h"
#include "tests/support/unit.h"

enum { LIVE = 700, DEAD = 300 };
static const uint64_t S = 1000000000, MS = 1000000;

/* ---- a sink that remembers counts ------------------------------------------------ */

struct ledger {
	uint64_t answered, finals, final_answered, flushes;
	uint64_t fail_after; /* sightings; 0 = never */
	int ready;           /* is written to at the first put; 0 = none */
};

static int ledger_put(void *ctx, const struct sighting *list, unsigned count)
{
	struct ledger *l = ctx;

	for (unsigned i = 0; i < count; i++) {
		bool final = list[i].flags & SIGHTING_FINAL;

		l->finals += final;
		l->final_answered += final && list[i].way == SIGHTING_ANSWERED;
		l->answered += !final && list[i].way == SIGHTING_ANSWERED;
	}
	if (l->ready) {
		(void)!write(l->ready, "r", 1);
		l->ready = 0;
	}
	return l->fail_after && l->answered + l->finals > l->fail_after ? -ENOSPC : 0;
}

static int ledger_flush(void *ctx)
{
	((struct ledger *)ctx)->flushes++;
	return 0;
}

/* ---- a run in virtual time --------------------------------------------------------- */

struct stage {
	struct tinynet *world;
	struct net *net;
	struct ledger ledger;
	struct crawl_contact first;
	struct engine_opts opts;
	struct engine *engine;
	struct engine_result result;
};

static void common(struct stage *s)
{
	s->opts = engine_opts_default();
	s->opts.rate_pps = 0;
	s->opts.crawl.seed = 3;
	s->opts.crawl.own_id.b[3] = 0x55;
	s->opts.crawl.slots_log2 = 13;
	s->opts.crawl.endpoints_max = 100000;
	s->opts.crawl.mixing_all_until = 100;
	s->opts.crawl.sweep_after_ns = 5 * S;
	s->opts.crawl.raise_above = 0;
	s->first = (struct crawl_contact){ .ep = s->world->nodes[0].ep };
	s->opts.bootstrap = &s->first;
	s->opts.bootstrap_count = 1;
	s->opts.sink = (struct sink){ .put = ledger_put, .flush = ledger_flush, .ctx = &s->ledger };
}

static void stage_open(struct stage *s, const struct tinydev_opts *dev)
{
	memset(s, 0, sizeof(*s));
	s->world = tinynet_new(11, LIVE, DEAD);
	common(s);
	s->net = tinydev_open(s->world, dev, &s->opts.clock);
	s->opts.device = s->net;
}

static int stage_run(struct stage *s)
{
	char why[ENGINE_WHY_MAX];

	if (engine_new(&s->opts, &s->engine, why))
		fail_msg("%s", why);
	return engine_run(s->engine, &s->result);
}

static void stage_close(struct stage *s)
{
	engine_free(s->engine);
	net_close(s->net);
	tinynet_free(s->world);
}

static void check_accounts(const struct engine_result *r)
{
	const struct crawl_stats *c = &r->counters.crawl;

	assert_int_equal(c->sent, c->answered + c->errors + c->expired + c->in_flight);
	assert_int_equal(c->sent, r->counters.net.sent_packets);
	assert_int_equal(r->counters.unexplained, 0);
	assert_true(r->counters.gate.worst_host_10s <= 9);
}

/*
 * Nearly every live node found (who stands in few tables may be met by no
 * question), under its own id, none invented; tables and sightings agree.
 */
static void check_found(const struct stage *s)
{
	const struct engine_counters *c = &s->result.counters;
	uint64_t found = 0;

	for (uint32_t i = 0; i < s->world->count; i++) {
		const struct tinynet_node *n = &s->world->nodes[i];
		struct crawl_node got;

		if (engine_find(s->engine, &n->ep, &got) || !got.answered)
			continue;
		assert_true(n->live && nodeid_equal(&got.id, &n->id));
		found++;
	}
	if ((double)found < LIVE * 0.99)
		fail_msg("%llu of %d found, %llu late", (unsigned long long)found, LIVE,
			 (unsigned long long)c->crawl.late);
	assert_int_equal(c->crawl.endpoints_live, found);
	assert_int_equal(s->result.distinct_ids, found);
	assert_int_equal(s->result.distinct_addresses, found);
	assert_int_equal(s->result.estimate.live, found);
	assert_int_equal(s->ledger.answered, found);
	assert_int_equal(s->ledger.final_answered, found);
	assert_int_equal(s->ledger.finals, c->crawl.endpoints_known);
	assert_int_equal(c->sightings, s->ledger.answered + s->ledger.finals);
}

static void test_virtual_census(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 80 * MS };
	const struct engine_result *r;
	struct crawl_node none;
	struct endpoint nobody = endpoint_ip4(0x08080808, 1);
	struct stage s;

	(void)state;
	stage_open(&s, &dev);
	s.opts.rate_pps = 3000;
	assert_int_equal(stage_run(&s), 0);
	r = &s.result;
	assert_int_equal(r->end, ENGINE_END_DONE);
	check_accounts(r);
	check_found(&s);
	assert_int_equal(engine_find(s.engine, &nobody, &none), DT_ENOTFOUND);
	assert_true(r->estimate.unseen < 0.05 * LIVE);
	assert_int_equal(r->workers, 1);
	assert_string_equal(r->backend, "tiny");
	assert_int_equal(s.ledger.flushes, 1);
	assert_true(tinydev_witness(s.net).worst_10s <= 9);
	assert_true(r->span_ns > S && r->span_ns <= r->elapsed_ns);
	assert_true(r->elapsed_ns < 60 * S && r->wall_ns < 10 * S);
	assert_true(r->peak_rss_bytes > 1 << 20);
	stage_close(&s);
}

/* One round trip in ten is lost: three attempts leave one node in a thousand. */
static void test_lossy_census(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 80 * MS, .loss = 0.1 };
	struct stage s;

	(void)state;
	stage_open(&s, &dev);
	assert_int_equal(stage_run(&s), 0);
	assert_int_equal(s.result.end, ENGINE_END_DONE);
	check_accounts(&s.result);
	assert_true((double)s.result.counters.crawl.endpoints_live > LIVE * 0.97);
	assert_true(s.result.counters.crawl.retries_sent > LIVE / 10);
	assert_int_equal(s.ledger.answered, s.result.counters.crawl.endpoints_live);
	stage_close(&s);
}

static void test_same_seed_same_run(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 80 * MS, .loss = 0.2, .seed = 4 };
	struct stage a, b;

	(void)state;
	stage_open(&a, &dev);
	stage_open(&b, &dev);
	assert_int_equal(stage_run(&a), 0);
	assert_int_equal(stage_run(&b), 0);
	assert_memory_equal(&a.result.counters.crawl, &b.result.counters.crawl,
			    sizeof(struct crawl_stats));
	assert_int_equal(a.result.elapsed_ns, b.result.elapsed_ns);
	stage_close(&a);
	stage_close(&b);
}

static void test_nothing_to_ask(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = MS };
	struct stage s;

	(void)state;
	stage_open(&s, &dev);
	s.opts.bootstrap_count = 0;
	assert_int_equal(stage_run(&s), 0);
	assert_int_equal(s.result.end, ENGINE_END_DONE);
	assert_int_equal(s.result.counters.crawl.sent, 0);
	assert_int_equal(s.result.estimate.live, 0);
	stage_close(&s);
}

/* A rule that is never content: each round asks more, and it ends all the same. */
static void test_raise(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 10 * MS, .loss = 0.3 };
	struct stage plain, deep;

	(void)state;
	stage_open(&plain, &dev);
	assert_int_equal(stage_run(&plain), 0);
	assert_int_equal(plain.result.raise_rounds, 0);
	assert_int_equal(plain.result.counters.crawl.raised_sent, 0);
	stage_open(&deep, &dev);
	deep.opts.crawl.raise_above = 1e-9;
	assert_int_equal(stage_run(&deep), 0);
	assert_int_equal(deep.result.end, ENGINE_END_DONE);
	if (deep.result.raise_rounds == 0)
		assert_true(deep.result.estimate.unlisted <= 1e-9 * LIVE);
	else
		assert_true(deep.result.counters.crawl.raised_sent > 0);
	check_accounts(&deep.result);
	stage_close(&plain);
	stage_close(&deep);
}

static void test_runtime_ends(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 500 * MS };
	struct stage s;

	(void)state;
	stage_open(&s, &dev);
	s.opts.rate_pps = 100;
	s.opts.max_runtime_ns = 4 * S;
	assert_int_equal(stage_run(&s), 0);
	assert_int_equal(s.result.end, ENGINE_END_RUNTIME);
	check_accounts(&s.result);
	/* 100 a second for 4 s, slower at first; then the drain, until nothing is in flight */
	assert_true(s.result.counters.crawl.sent >= 200);
	assert_true(s.result.counters.crawl.sent <= 410);
	assert_int_equal(s.result.counters.crawl.in_flight, 0);
	assert_true(s.result.elapsed_ns < 4 * S + s.opts.cooldown_ns + S);
	assert_int_equal(s.ledger.finals, s.result.counters.crawl.endpoints_known);
	assert_int_equal(s.ledger.flushes, 1);
	stage_close(&s);
}

static void test_cooldown_is_bounded(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 500 * MS };
	struct stage s;

	(void)state;
	stage_open(&s, &dev);
	s.opts.rate_pps = 100;
	s.opts.max_runtime_ns = 4 * S;
	s.opts.cooldown_ns = 200 * MS;
	assert_int_equal(stage_run(&s), 0);
	check_accounts(&s.result);
	assert_true(s.result.counters.crawl.in_flight > 0);
	assert_true(s.result.elapsed_ns < 4 * S + 500 * MS);
	assert_int_equal(s.ledger.finals, s.result.counters.crawl.endpoints_known);
	stage_close(&s);
}

static void test_device_dies(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 10 * MS, .die_at_ns = 3 * S };
	struct stage s;

	(void)state;
	stage_open(&s, &dev);
	s.opts.rate_pps = 200;
	assert_int_equal(stage_run(&s), -ENODEV);
	assert_int_equal(s.result.end, ENGINE_END_FAILED);
	assert_int_equal(s.result.err, -ENODEV);
	assert_non_null(strstr(s.result.why, "worker 0: device"));
	assert_true(s.ledger.answered > 0);
	assert_int_equal(s.ledger.flushes, 1); /* what was learnt is kept */
	stage_close(&s);
}

static void test_sink_fails(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 10 * MS };
	struct stage s;

	(void)state;
	stage_open(&s, &dev);
	s.ledger.fail_after = 100;
	s.opts.rate_pps = 500;
	assert_int_equal(stage_run(&s), -ENOSPC);
	assert_int_equal(s.result.end, ENGINE_END_FAILED);
	assert_true(s.result.counters.crawl.endpoints_live < LIVE);
	assert_int_equal(s.ledger.flushes, 0);
	stage_close(&s);
}

/* ---- what cannot be made ------------------------------------------------------------ */

static void refused(const struct engine_opts *o, int err, const char *says)
{
	char why[ENGINE_WHY_MAX] = "";
	struct engine *e = NULL;
	int got = engine_new(o, &e, why);

	if (got != err || e || !strstr(why, says))
		fail_msg("%d '%s', not %d '%s'", got, why, err, says);
}

static void test_bad_options(void **state)
{
	struct engine_opts o = engine_opts_default();
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 16];
	struct net_group *group;
	struct net_udp_opts udp = { .bind = endpoint_ip4(0x7f000001, 0), .workers = 1 };

	(void)state;
	tempdir_make(dir);
	tempdir_write(dir, "list", "1.2.3.4\nnonsense\n", 17);
	snprintf(path, sizeof(path), "%s/list", dir);
	o.udp.bind = endpoint_ip4(0x7f000001, 0);
	o.blocklist_path = path;
	refused(&o, DT_EMALF, "list:2: not an address");
	o.blocklist_path = NULL;
	o.status_path = "/nonexistent/status.csv";
	refused(&o, -ENOENT, "/nonexistent/status.csv");
	o.status_path = NULL;
	o.metadata_path = "/nonexistent/meta.json";
	refused(&o, -ENOENT, "/nonexistent/meta.json");
	o.metadata_path = NULL;
	assert_int_equal(net_group_open(&udp, &group), 0);
	o.udp.bind = net_group_local(group);
	refused(&o, -EADDRINUSE, "another program has this port");
	net_group_close(group);
	tempdir_remove(dir);
	engine_free(NULL);
}

/* ---- on real sockets, two workers ---------------------------------------------------- */

static struct tinyfarm *farm_or_skip(struct stage *s, double loss)
{
	struct tinyfarm *farm;

	memset(s, 0, sizeof(*s));
	s->world = tinynet_new(12, LIVE, DEAD);
	common(s);
	farm = tinyfarm_start(s->world, loss);
	if (!farm) {
		tinynet_free(s->world);
		skip();
	}
	s->opts.workers = 2;
	s->opts.udp.bind = endpoint_ip4(0x7f000001, 0);
	s->opts.wrap = tinyfarm_wrap;
	s->opts.wrap_ctx = farm;
	/* small times: the dead of the sweep are waited for */
	s->opts.crawl.timeout1_ns = 400 * MS;
	s->opts.crawl.timeout2_ns = 400 * MS;
	s->opts.crawl.sweep_after_ns = 300 * MS;
	s->opts.window = 400;
	return farm;
}

static void on_sockets(enum net_backend backend, enum net_steer steer)
{
	const struct engine_counters *c;
	struct tinyfarm *farm;
	struct stage s;

	farm = farm_or_skip(&s, 0);
	s.opts.backend = backend;
	s.opts.udp.steer = steer;
	assert_int_equal(stage_run(&s), 0);
	c = &s.result.counters;
	assert_int_equal(s.result.end, ENGINE_END_DONE);
	check_accounts(&s.result);
	check_found(&s);
	assert_int_equal(s.result.workers, 2);
	/* The farm's thread may still have to read the last of them. */
	for (unsigned i = 0; i < 1000 && tinyfarm_received(farm) < c->crawl.sent; i++)
		usleep(1000);
	assert_int_equal(tinyfarm_received(farm), c->crawl.sent);
	assert_true(c->kernel.out_datagrams >= c->crawl.sent);
	assert_int_equal(c->kernel.socket_drops, 0);
	/* both have worked, and contacts have crossed */
	assert_true(c->worker.turns > 2);
	assert_int_equal(c->worker.post_dropped, 0);
	tinyfarm_stop(farm);
	stage_close(&s);
}

static void test_two_workers_mmsg(void **state)
{
	(void)state;
	on_sockets(NET_BACKEND_MMSG, NET_STEER_SOURCE);
}

static void test_two_workers_auto(void **state)
{
	(void)state;
	on_sockets(NET_BACKEND_AUTO, NET_STEER_SOURCE);
}

/* Dealt by CPU while the farm's one thread roams: many answers reach the wrong worker. */
static void test_two_workers_misdealt(void **state)
{
	(void)state;
	on_sockets(NET_BACKEND_MMSG, NET_STEER_CPU);
}

static struct net *no_wrap(void *ctx, struct net *inner)
{
	(void)ctx;
	net_close(inner);
	return NULL;
}

static void test_wrap_fails(void **state)
{
	struct tinyfarm *farm;
	struct stage s;

	(void)state;
	farm = farm_or_skip(&s, 0);
	s.opts.wrap = no_wrap;
	assert_true(stage_run(&s) < 0);
	assert_int_equal(s.result.end, ENGINE_END_FAILED);
	assert_int_equal(s.result.counters.crawl.sent, 0);
	tinyfarm_stop(farm);
	stage_close(&s);
}

/* ---- stopped from outside -------------------------------------------------------------- */

static void *stop_later(void *arg)
{
	usleep(150 * 1000);
	engine_stop(arg);
	return NULL;
}

static void test_engine_stop(void **state)
{
	char why[ENGINE_WHY_MAX];
	struct tinyfarm *farm;
	pthread_t t;
	struct stage s;

	(void)state;
	farm = farm_or_skip(&s, 0);
	s.opts.rate_pps = 1000;
	if (engine_new(&s.opts, &s.engine, why))
		fail_msg("%s", why);
	assert_int_equal(pthread_create(&t, NULL, stop_later, s.engine), 0);
	assert_int_equal(engine_run(s.engine, &s.result), 0);
	pthread_join(t, NULL);
	assert_int_equal(s.result.end, ENGINE_END_INTERRUPTED);
	check_accounts(&s.result);
	assert_int_equal(s.result.counters.crawl.in_flight, 0);
	assert_true(s.result.counters.crawl.sent < 1000);
	assert_int_equal(s.ledger.finals, s.result.counters.crawl.endpoints_known);
	tinyfarm_stop(farm);
	stage_close(&s);
}

/*
 * A child takes a slow census; its parent sends signals. What the child found
 * comes back through its exit status.
 */
enum {
	CHILD_OK = 0,
	CHILD_ENGINE = 10, /* could not be made or run */
	CHILD_END,         /* ended otherwise than told */
	CHILD_LEDGER,      /* sightings missing */
	CHILD_FLIGHT,
	CHILD_SKIP = 77,
};

static int child_census(int ready, unsigned signals, const char *blocklist)
{
	struct crawl_contact boot[10] = { 0 };
	char why[ENGINE_WHY_MAX];
	struct tinyfarm *farm;
	struct stage s;
	int err;

	memset(&s, 0, sizeof(s));
	s.world = tinynet_new(12, LIVE, DEAD);
	common(&s);
	s.ledger.ready = ready;
	farm = tinyfarm_start(s.world, 0);
	if (!farm)
		return CHILD_SKIP;
	s.opts.workers = 2;
	s.opts.udp.bind = endpoint_ip4(0x7f000001, 0);
	s.opts.wrap = tinyfarm_wrap;
	s.opts.wrap_ctx = farm;
	s.opts.signals = true;
	s.opts.blocklist_path = blocklist;
	s.opts.rate_pps = 300;
	/* Some of these are dead: whoever stops has answers to wait for, and the second
	 * signal finds it waiting. */
	for (unsigned i = 0; i < 10; i++)
		boot[i].ep = s.world->nodes[i].ep;
	s.opts.bootstrap = boot;
	s.opts.bootstrap_count = 10;
	s.opts.crawl.timeout1_ns = s.opts.crawl.timeout2_ns = signals == 2 ? 5 * S : 400 * MS;
	if (engine_new(&s.opts, &s.engine, why))
		return CHILD_ENGINE;
	err = engine_run(s.engine, &s.result);
	if (err)
		return CHILD_ENGINE;
	if (s.result.end != ENGINE_END_INTERRUPTED)
		return CHILD_END;
	if (s.ledger.answered == 0 || s.ledger.flushes != 1)
		return CHILD_LEDGER;
	if (blocklist)
		return s.result.blocklist.listed4 == 1u << 24 ? CHILD_OK : CHILD_END;
	if (signals == 1 && (s.result.counters.crawl.in_flight != 0 ||
			     s.ledger.finals != s.result.counters.crawl.endpoints_known))
		return CHILD_FLIGHT;
	/* Twice = now: no closing words. */
	if (signals == 2 && s.ledger.finals != 0)
		return CHILD_LEDGER;
	engine_free(s.engine);
	tinyfarm_stop(farm);
	tinynet_free(s.world);
	return CHILD_OK;
}

static pid_t fork_census(unsigned signals, const char *blocklist)
{
	int pipe_fd[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child_census(pipe_fd[1], signals, blocklist));
	close(pipe_fd[1]);
	(void)!read(pipe_fd[0], &c, 1);
	close(pipe_fd[0]);
	return pid;
}

static void expect_ok(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIP)
		skip();
	if (!WIFEXITED(status) || WEXITSTATUS(status) != CHILD_OK)
		fail_msg("child ended with status %#x", (unsigned)status);
}

static void test_signal_once(void **state)
{
	pid_t pid = fork_census(1, NULL);

	(void)state;
	kill(pid, SIGINT);
	expect_ok(pid);
}

static void test_signal_twice(void **state)
{
	pid_t pid = fork_census(2, NULL);

	(void)state;
	kill(pid, SIGTERM);
	usleep(60 * 1000);
	kill(pid, SIGINT);
	expect_ok(pid);
}

static void test_signal_reloads(void **state)
{
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 16];
	pid_t pid;

	(void)state;
	tempdir_make(dir);
	tempdir_write(dir, "list", "# nobody\n", 9);
	snprintf(path, sizeof(path), "%s/list", dir);
	pid = fork_census(1, path);
	tempdir_write(dir, "list", "33.0.0.0/8\n", 11);
	kill(pid, SIGHUP);
	usleep(100 * 1000);
	tempdir_write(dir, "list", "33.0.0.0/8\nbroken\n", 18);
	kill(pid, SIGHUP); /* the old one stays */
	usleep(100 * 1000);
	kill(pid, SIGINT);
	expect_ok(pid);
	tempdir_remove(dir);
}

/* ---- files ------------------------------------------------------------------------------- */

static size_t slurp(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, cap - 1, f);
	fclose(f);
	out[n] = '\0';
	return n;
}

static unsigned commas(const char *line)
{
	unsigned n = 0;

	for (; *line && *line != '\n'; line++)
		n += *line == ',';
	return n;
}

static void count_status(void *ctx, const struct engine_status *status)
{
	unsigned *seen = ctx;

	assert_true(status->percent >= 0 && status->percent <= 100);
	++*seen;
}

static void test_files(void **state)
{
	struct tinydev_opts dev = { .rtt_ns = 20 * MS };
	char dir[TEMPDIR_MAX], csv[TEMPDIR_MAX + 16], json[TEMPDIR_MAX + 16];
	static char text[1 << 18];
	unsigned columns, rows = 0, seen = 0;
	FILE *quiet = fopen("/dev/null", "w");
	struct stage s;
	size_t len;

	(void)state;
	tempdir_make(dir);
	snprintf(csv, sizeof(csv), "%s/status.csv", dir);
	snprintf(json, sizeof(json), "%s/meta.json", dir);
	stage_open(&s, &dev);
	s.opts.rate_pps = 400;
	s.opts.status = quiet;
	s.opts.status_path = csv;
	s.opts.metadata_path = json;
	s.opts.on_status = count_status;
	s.opts.status_ctx = &seen;
	s.opts.version = "v0 \"quoted\"";
	s.opts.command = "test";
	assert_int_equal(stage_run(&s), 0);
	slurp(csv, text, sizeof(text));
	columns = commas(text);
	assert_true(columns > 30);
	assert_int_equal(strncmp(text, "real-time,time-elapsed,time-remaining,", 38), 0);
	for (const char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
		assert_int_equal(commas(line), columns);
		rows++;
	}
	/* one a virtual second and the last one */
	assert_true(rows >= s.result.elapsed_ns / S && rows <= s.result.elapsed_ns / S + 2);
	assert_int_equal(seen, rows);
	len = slurp(json, text, sizeof(text));
	assert_true(json_check(text, len - 1));
	assert_non_null(strstr(text, "\"schema\": \"dht-telescope-metadata/1\""));
	assert_non_null(strstr(text, "\"version\": \"v0 \\\"quoted\\\"\""));
	assert_non_null(strstr(text, "\"end\": \"done\""));
	assert_non_null(strstr(text, "\"unexplained\": 0"));
	assert_non_null(strstr(text, "\"backend\": \"tiny\""));
	stage_close(&s);
	fclose(quiet);
	tempdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_virtual_census),
		cmocka_unit_test(test_lossy_census),
		cmocka_unit_test(test_same_seed_same_run),
		cmocka_unit_test(test_nothing_to_ask),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_runtime_ends),
		cmocka_unit_test(test_cooldown_is_bounded),
		cmocka_unit_test(test_device_dies),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_signal_once),
		cmocka_unit_test(test_signal_twice),
		cmocka_unit_test(test_signal_reloads),
		cmocka_unit_test(test_two_workers_mmsg),
		cmocka_unit_test(test_two_workers_auto),
		cmocka_unit_test(test_two_workers_misdealt),
		cmocka_unit_test(test_wrap_fails),
		cmocka_unit_test(test_engine_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
