/* SPDX-License-Identifier: MIT */
/**
 * DOC: conf -> world, device, engine, sink, store. Order matters: the farm forks
 * before any thread and before the store is open (an LMDB environment must not
 * cross a fork), the store is open before privileges are dropped, and what was
 * opened last is closed first.
 */
#include "engine/cli/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bad.h"
#include "engine/cli/cli.h"
#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/report.h"
#include "proto/krpc.h"
#include "store/geo.h"
#include "store/store.h"

enum {
	BOOTSTRAP_MAX = 256,  /* resolved addresses to start from */
	REPORT_MAX = 1 << 18, /* a report is about 10 KiB */
	REAL_RATE_PPS = 2000, /* modest: design 8 */
	REAL_SWEEP_S = 60,
	SIM_SWEEP_S = 5,
	/* Unanswered packets per worker and 20 ms on loopback: enough for 40 % dead contacts at
	 * 200 k/s, small enough for the receive queue to stay in cache (limits.md B). */
	FARM_WINDOW = 4096,
	WIRE_WRITABLE_MAX = 2, /* the store, the folder of the report */
};

struct wire {
	const struct conf *c;
	unsigned workers;
	struct geo *geo;
	struct sim_world *world;
	struct sim_farm *farm;
	struct net *device; /* virtual time */
	struct clock clock;
	struct store *store;
	struct store_writer *writer;
	uint32_t epoch;
	FILE *csv;
	struct bad *bad;
	struct crawl_contact *boot;
	unsigned boot_count;
	struct engine *engine;
};

/* ---- what is kept ------------------------------------------------------- */

/* A folder that may be there already. */
static int make_folder(const char *dir)
{
	struct stat st;
	int err;

	if (mkdir(dir, 0755) == 0)
		return 0;
	err = -errno;
	if (err == -EEXIST && stat(dir, &st) == 0)
		err = S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (err)
		cli_fail("%s: %s", dir, dt_strerror(err));
	return err;
}

static void csv_row(FILE *csv, const struct sighting *s)
{
	char id[2 * NODEKEY_BYTES + 1], text[ENDPOINT_TEXT_MAX], version[KRPC_VERSION_TEXT_MAX];
	struct krpc_version v = krpc_version_parse(span_of(s->version, s->version_len));
	struct endpoint ep = s->from;
	char *colon;

	endpoint_to_text(&ep, text);
	colon = strrchr(text, ':');
	if (colon)
		*colon = 0;
	fprintf(csv, "%s,%s,%u,%s\n", nodekey_to_hex(&s->key, id), text, ep.port,
		krpc_version_text(&v, version));
}

static int sink_put(void *ctx, const struct sighting *list, unsigned count)
{
	struct wire *w = ctx;

	for (unsigned i = 0; w->csv && i < count; i++)
		if (list[i].way == SIGHTING_ANSWERED && !(list[i].flags & SIGHTING_FINAL))
			csv_row(w->csv, &list[i]);
	return w->writer ? store_writer_put(w->writer, list, count) : 0;
}

static int sink_flush(void *ctx)
{
	struct wire *w = ctx;

	if (w->csv && (fflush(w->csv) || ferror(w->csv)))
		return -EIO;
	return w->writer ? store_writer_flush(w->writer) : 0;
}

static int open_csv(struct wire *w)
{
	if (!w->c->nodes_csv[0])
		return 0;
	w->csv = strcmp(w->c->nodes_csv, "-") ? fopen(w->c->nodes_csv, "we") : stdout;
	if (!w->csv) {
		int err = -errno;

		cli_fail("%s: %s", w->c->nodes_csv, dt_strerror(err));
		return err;
	}
	fprintf(w->csv, "id,ip,port,version\n");
	return 0;
}

static int open_bad(struct wire *w)
{
	int rc = w->c->keep_bad[0] ? bad_open(w->c->keep_bad, &w->bad) : 0;

	if (rc < 0)
		cli_fail("%s: %s", w->c->keep_bad, dt_strerror(rc));
	return rc;
}

static void store_fail(const struct wire *w, int rc)
{
	cli_fail("%s: %s%s", w->c->store, dt_strerror(rc),
		 rc == DT_ENOSPACE || rc == -ENOSPC
			 ? "; what was committed is kept, and 512 MiB stay free on its disk; "
			   "cure: make room there, or --store DIR on another disk"
			 : "");
}

static int open_store(struct wire *w)
{
	struct store_writer_opts opts = { .geo = w->geo };
	char why[256] = "";
	int rc;

	if (!w->c->store[0])
		return 0;
	rc = store_open(w->c->store, STORE_CREATE, &w->store, why);
	if (rc < 0) {
		cli_fail("%s", *why ? why : dt_strerror(rc));
		return rc;
	}
	if (*why)
		cli_say("note: %s", why);
	rc = store_writer_new(w->store, &opts, &w->writer);
	if (rc >= 0)
		rc = store_writer_room(w->writer);
	if (rc >= 0)
		rc = store_epoch_begin(
			w->store, clock_wall_ns(&w->clock, clock_now_ns(&w->clock)) / 1000000000,
			w->c->sim != 0, &w->epoch);
	if (rc < 0)
		store_fail(w, rc);
	return rc;
}

/* ---- the network to look at ------------------------------------------------ */

static int open_geo(struct wire *w, const char *dir)
{
	const struct conf *c = w->c;
	bool none = !strcmp(c->geo, "none"), search = !strcmp(c->geo, "auto");
	struct geo_opts opts = { .city_file = c->city_mmdb[0] ? c->city_mmdb : NULL,
				 .asn_file = c->asn_mmdb[0] ? c->asn_mmdb : NULL,
				 .country_file = c->country_mmdb[0] ? c->country_mmdb : NULL,
				 .search = search && !dir,
				 .dir = dir              ? dir
					: none || search ? NULL
							 : c->geo };
	int rc = geo_open(&opts, dir ? NULL : cli_note, NULL, &w->geo);

	if (rc < 0)
		cli_fail("geo files: %s", dt_strerror(rc));
	return rc;
}

/* A simulation without geo files brings its own table; the census reads it like any other. */
static int own_geo(struct wire *w)
{
	const char *dir = w->c->truth_dir[0] ? w->c->truth_dir : w->c->store;
	char path[4096];
	int rc;

	if (!dir[0] || !strcmp(w->c->geo, "none"))
		return 0;
	rc = make_folder(dir);
	if (rc < 0)
		return rc;
	if (snprintf(path, sizeof(path), "%s/geo.tsv", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	rc = sim_world_write_geo(w->world, path);
	if (rc < 0) {
		cli_fail("%s: %s", path, dt_strerror(rc));
		return rc;
	}
	geo_close(w->geo);
	w->geo = NULL;
	return open_geo(w, dir);
}

static int make_world(struct wire *w)
{
	const struct conf *c = w->c;
	struct sim_opts opts = sim_opts_default();
	int rc;

	opts.seed = c->seed;
	opts.live = (uint32_t)c->sim;
	opts.dead_share = c->dead;
	opts.loss = c->loss;
	opts.delay_us = (uint32_t)(c->delay * 1000);
	opts.geo = w->geo;
	rc = sim_world_new(&opts, &w->world);
	if (rc < 0) {
		cli_fail("the simulated world cannot be made: %s", dt_strerror(rc));
		return rc;
	}
	if (c->truth_dir[0]) {
		rc = make_folder(c->truth_dir);
		if (rc < 0)
			return rc;
	}
	return sim_world_geo_is_own(w->world) ? own_geo(w) : 0;
}

static int start_simulation(struct wire *w)
{
	struct sim_farm_opts farm = { .threads = w->workers, .pin = w->c->pin };
	struct endpoint ep[64];
	unsigned n;
	int rc = make_world(w);

	if (rc < 0)
		return rc;
	if (!strcmp(w->c->sim_mode, "virtual"))
		rc = net_sim_open(w->world, &w->device, &w->clock);
	else
		rc = sim_farm_start(w->world, &farm, &w->farm);
	if (rc < 0) {
		cli_fail("the simulation cannot start: %s", dt_strerror(rc));
		return rc;
	}
	/* Only now: the farm has chosen the ports of the aliases. */
	rc = w->c->truth_dir[0] ? sim_truth_write(w->world, w->c->truth_dir) : 0;
	if (rc < 0) {
		cli_fail("%s: %s", w->c->truth_dir, dt_strerror(rc));
		return rc;
	}
	if (w->farm) /* the ids are the child's now: the crawler's memory is its own */
		sim_world_shed(w->world);
	n = sim_world_bootstrap(w->world, ep, 64);
	for (unsigned i = 0; i < n; i++)
		w->boot[w->boot_count++] = (struct crawl_contact){ .ep = ep[i] };
	return 0;
}

/* All addresses of one HOST:PORT. */
static void resolve(struct wire *w, char *host)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM }, *list;
	char *colon = strrchr(host, ':');
	int rc;

	if (!colon) {
		cli_say("bootstrap %s: no port; write HOST:PORT", host);
		return;
	}
	*colon = 0;
	rc = getaddrinfo(host, colon + 1, &hints, &list);
	if (rc) {
		cli_say("bootstrap %s: %s", host, gai_strerror(rc));
		return;
	}
	for (struct addrinfo *a = list; a && w->boot_count < BOOTSTRAP_MAX; a = a->ai_next) {
		struct sockaddr_in sin;

		memcpy(&sin, a->ai_addr, sizeof(sin));
		w->boot[w->boot_count++].ep =
			endpoint_ip4(ntohl(sin.sin_addr.s_addr), ntohs(sin.sin_port));
	}
	freeaddrinfo(list);
}

static int find_network(struct wire *w)
{
	char *list = strdup(w->c->bootstrap), *save = NULL;

	if (!list)
		return -ENOMEM;
	for (char *host = strtok_r(list, ", ", &save); host; host = strtok_r(NULL, ", ", &save))
		resolve(w, host);
	free(list);
	if (w->boot_count)
		return 0;
	cli_fail("nowhere to start: no bootstrap host has an address; cure: --bootstrap HOST:PORT, "
		 "or "
		 "--sim N for a census with no network");
	return DT_ENOTFOUND;
}

/* ---- the engine --------------------------------------------------------------- */

static enum crawl_plan plan_of(const char *text)
{
	if (!strcmp(text, "3"))
		return CRAWL_PLAN_3;
	if (!strcmp(text, "4"))
		return CRAWL_PLAN_4;
	return !strcmp(text, "ping") ? CRAWL_PLAN_PING : CRAWL_PLAN_2PLUS;
}

static enum crawl_method method_of(const char *text)
{
	if (!strcmp(text, "get_peers"))
		return CRAWL_GET_PEERS;
	if (!strcmp(text, "ping"))
		return CRAWL_PING;
	return !strcmp(text, "sample") ? CRAWL_SAMPLE : CRAWL_FIND_NODE;
}

static double rate_of(const struct conf *c)
{
	return c->rate > 0 ? c->rate : c->sim ? 0 : REAL_RATE_PPS;
}

static double sweep_of(const struct conf *c)
{
	return c->sweep_after_s > 0 ? c->sweep_after_s : c->sim ? SIM_SWEEP_S : REAL_SWEEP_S;
}

static void fill_crawl(const struct wire *w, struct crawl_opts *o)
{
	const struct conf *c = w->c;

	*o = crawl_opts_default();
	o->plan = plan_of(c->plan);
	o->method = method_of(c->query);
	o->seed = c->seed;
	o->mixing = c->mixing;
	o->mixing_all_until = (uint32_t)c->mixing_all_until;
	o->timeout1_ns = (uint64_t)(c->timeout1_s * 1e9);
	o->timeout2_ns = (uint64_t)(c->timeout2_s * 1e9);
	o->sweep_after_ns = (uint64_t)(sweep_of(c) * 1e9);
	o->late_ns = (uint64_t)(c->late_s * 1e9);
	o->raise_above = c->raise_above;
	o->endpoints_max = c->max_endpoints / w->workers;
	if (w->world)
		o->endpoints_hint = sim_world_nodes(w->world) / w->workers;
	memcpy(o->v, "DT\0\1", 4);
	randombytes_buf(o->own_id.b, sizeof(o->own_id.b));
	randombytes_buf(o->mac_key, sizeof(o->mac_key));
}

static struct net *wrap_alias(void *ctx, struct net *inner)
{
	struct wire *w = ctx;
	struct net *out;

	if (net_alias_open(w->world, inner, &out) < 0) {
		net_close(inner);
		return NULL;
	}
	return out;
}

/* What is written at the end, after privileges were dropped. */
static void stay_writable(const struct wire *w, char report_dir[static PATH_MAX],
			  const char *keep[static WIRE_WRITABLE_MAX + 1])
{
	const char *report = w->c->report, *slash = strrchr(report, '/');
	unsigned n = 0;

	if (w->c->store[0])
		keep[n++] = w->c->store;
	if (report[0] && strcmp(report, "-") != 0) {
		snprintf(report_dir, PATH_MAX, "%.*s", slash ? (int)(slash - report) + 1 : 1,
			 slash ? report : ".");
		keep[n++] = report_dir;
	}
	keep[n] = NULL;
}

static int make_engine(struct wire *w, const struct wire_talk *talk)
{
	const char *keep[WIRE_WRITABLE_MAX + 1];
	char report_dir[PATH_MAX];
	struct engine_opts o = engine_opts_default();
	const struct conf *c = w->c;
	char why[ENGINE_WHY_MAX] = "";
	int rc;

	stay_writable(w, report_dir, keep);
	o.workers = w->device ? 1 : w->workers;
	o.pin = c->pin;
	rc = net_backend_from_text(c->backend, &o.backend);
	if (rc >= 0)
		rc = endpoint_from_text(c->bind, &o.udp.bind);
	if (rc < 0) {
		cli_fail("bind: '%s' is not ADDR:PORT", c->bind);
		return rc;
	}
	o.udp.rcvbuf_bytes = c->rcvbuf_bytes;
	o.rate_pps = rate_of(c);
	o.blocklist_path = c->blocklist[0] ? c->blocklist : NULL;
	fill_crawl(w, &o.crawl);
	o.bootstrap = w->boot;
	o.bootstrap_count = w->boot_count;
	o.sink = (struct sink){ .put = sink_put, .flush = sink_flush, .ctx = w };
	o.bad = w->bad;
	o.max_runtime_ns = (uint64_t)(c->max_runtime_s * 1e9);
	o.cooldown_ns = (uint64_t)(c->cooldown_s * 1e9);
	o.status = talk->status;
	o.status_path = c->status_file[0] ? c->status_file : NULL;
	o.metadata_path = c->metadata_file[0] ? c->metadata_file : NULL;
	o.version = cli_version();
	o.command = talk->command;
	o.notes = c->notes[0] ? c->notes : NULL;
	o.signals = true;
	o.drop_privileges = true;
	o.keep_writable = keep;
	if (w->device) {
		o.device = w->device;
		o.clock = w->clock;
	} else if (c->sim) {
		/* Loopback and nothing else: bound to lo, wrapped by the alias. */
		o.udp.bind = endpoint_ip4(INADDR_LOOPBACK, o.udp.bind.port);
		o.udp.bind_device = "lo";
		o.udp.steer = NET_STEER_CPU;
		o.window = o.rate_pps > 0 ? 0 : FARM_WINDOW;
		o.wrap = wrap_alias;
		o.wrap_ctx = w;
	}
	rc = engine_new(&o, &w->engine, why);
	if (rc < 0)
		cli_fail("%s", *why ? why : dt_strerror(rc));
	return rc;
}

/* What the far end lost is not the census's loss, but it is in its figures. */
static void farm_losses(const struct wire *w)
{
	struct sim_farm_stats st;

	if (!w->farm)
		return;
	sim_farm_stats(w->farm, &st);
	if (st.kernel_drops || st.send_failures)
		cli_say("note: the simulated network itself dropped %llu queries and %llu replies "
			"for "
			"want of CPU; a lower --rate avoids that",
			(unsigned long long)st.kernel_drops, (unsigned long long)st.send_failures);
}

/* ---- afterwards ------------------------------------------------------------------ */

static int lookup_truth(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	struct crawl_node node;

	if (engine_find(ctx, ep, &node) < 0)
		return 0;
	*id = node.id;
	return node.answered ? 2 : 1;
}

static int score(struct wire *w, struct wire_result *r)
{
	int rc;

	if (!w->world)
		return 0;
	rc = sim_world_load(w->world);
	if (rc < 0)
		return rc;
	sim_score(w->world, lookup_truth, w->engine, &r->truth);
	r->truth.estimate_error =
		((double)r->truth.answered + r->engine.estimate.unseen - (double)r->truth.live) /
		(double)r->truth.live;
	r->has_truth = true;
	return 0;
}

static int make_report(struct wire_result *r)
{
	struct census_truth truth = { .live = r->truth.live,
				      .seen = r->truth.seen,
				      .answered = r->truth.answered,
				      .recall = r->truth.recall,
				      .estimate_error = r->truth.estimate_error };
	struct census_report report;
	int rc;

	r->report_json = malloc(REPORT_MAX);
	r->report_text = malloc(REPORT_MAX);
	if (!r->report_json || !r->report_text)
		return -ENOMEM;
	report_fill(&report, &r->engine, cli_version(), r->has_truth ? &truth : NULL);
	rc = report_to_json(&report, r->report_json, REPORT_MAX);
	if (rc >= 0)
		rc = report_to_text(&report, r->report_text, REPORT_MAX);
	if (rc < 0)
		cli_fail("the report: %s", dt_strerror(rc));
	return rc;
}

static int write_report(const struct wire *w, const struct wire_result *r)
{
	int rc = 0;

	if (w->c->report[0])
		rc = cli_write_file(w->c->report, r->report_json, strlen(r->report_json));
	if (rc < 0)
		cli_fail("report %s: %s", w->c->report, dt_strerror(rc));
	return rc;
}

/* A report that cannot be written is said before the census, not after it. */
static int try_report(const struct wire *w)
{
	int fd;

	if (!w->c->report[0] || !strcmp(w->c->report, "-"))
		return 0;
	fd = open(w->c->report, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		int err = -errno;

		cli_fail("report %s: %s", w->c->report, dt_strerror(err));
		return err;
	}
	close(fd);
	return 0;
}

static int seal(struct wire *w, const struct wire_result *r)
{
	uint64_t end_s = r->engine.started_ms / 1000 + r->engine.elapsed_ns / 1000000000;
	int rc;

	if (!w->store)
		return 0;
	rc = store_epoch_end(w->store, w->epoch, end_s, r->report_json, strlen(r->report_json));
	if (rc >= 0)
		rc = store_compact(w->store);
	if (rc < 0)
		store_fail(w, rc);
	return rc;
}

static void unwire(struct wire *w)
{
	engine_free(w->engine);
	store_writer_free(w->writer);
	store_close(w->store);
	if (w->csv && w->csv != stdout)
		fclose(w->csv);
	if (bad_close(w->bad) < 0)
		cli_say("%s: not everything could be written", w->c->keep_bad);
	net_close(w->device);
	sim_farm_stop(w->farm);
	sim_world_free(w->world);
	geo_close(w->geo);
	free(w->boot);
}

static int prepare(struct wire *w)
{
	int rc;

	w->boot = calloc(BOOTSTRAP_MAX, sizeof(*w->boot));
	if (!w->boot || sodium_init() < 0)
		return -ENOMEM;
	w->workers = w->c->workers ? (unsigned)w->c->workers : cpu_usable();
	if (!strcmp(w->c->sim_mode, "virtual") && w->c->sim)
		w->workers = 1;
	w->clock = clock_system();
	rc = open_geo(w, NULL);
	if (rc >= 0)
		rc = w->c->sim ? start_simulation(w) : find_network(w);
	if (rc >= 0)
		rc = try_report(w);
	if (rc >= 0)
		rc = open_csv(w);
	if (rc >= 0)
		rc = open_bad(w);
	if (rc >= 0)
		rc = open_store(w);
	return rc;
}

static void broke_off(const struct wire *w, int rc, const char *why)
{
	cli_fail("the census broke off: %s", *why ? why : dt_strerror(rc));
	if (rc == DT_ENOSPACE || rc == -ENOSPC)
		store_fail(w, rc);
	else if (rc == DT_EUNSUPPORTED && !strcmp(w->c->backend, "uring"))
		cli_fail("cure: --backend auto, which takes mmsg where io_uring is refused");
}

int wire_census(const struct conf *c, const struct wire_talk *talk, struct wire_result *out)
{
	struct wire w = { .c = c };
	int rc;

	memset(out, 0, sizeof(*out));
	out->simulated = c->sim != 0;
	rc = prepare(&w);
	if (rc >= 0)
		rc = make_engine(&w, talk);
	if (rc >= 0) {
		rc = engine_run(w.engine, &out->engine);
		if (rc < 0)
			broke_off(&w, rc, out->engine.why);
	}
	if (rc >= 0) {
		farm_losses(&w);
		rc = score(&w, out);
	}
	if (rc >= 0)
		rc = make_report(out);
	if (rc >= 0) {
		int sealed = seal(&w, out); /* a report is worth more where that failed */

		rc = write_report(&w, out);
		if (sealed < 0)
			rc = sealed;
	}
	unwire(&w);
	return rc < 0 ? rc : 0;
}

void wire_result_free(struct wire_result *r)
{
	free(r->report_json);
	free(r->report_text);
	r->report_json = r->report_text = NULL;
}
