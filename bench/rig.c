/* SPDX-License-Identifier: MIT */
#include "bench/rig.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/cpu.h"
#include "engine/rng.h"
#include "proto/krpc.h"

enum {
	LIVE = 2 * 1000 * 1000,
	PACKETS = 1 << 16,
	SLOTS_LOG2 = 20,
	CONTACTS = 1 << 22,
	TAIL_MS = 100, /* of a turn, not measured */
};

/* ---- opening ------------------------------------------------------------------------------ */

/* The farm at the far end, this process at the near one. */
static int start_on_island(struct rig *r, struct sim_farm_opts *farm)
{
	struct island_opts opts = { .queues = r->cores + 1 };
	char why[ISLAND_WHY_MAX] = "", farm_why[SIM_WHY_MAX] = "";
	int err = island_open(&opts, &r->island, why);

	if (!err) {
		farm->island = r->island;
		farm->raw = r->place == RIG_XDP_FARM ? NET_BACKEND_XDP : NET_BACKEND_PACKET;
		farm->why = farm_why;
		err = sim_farm_start(r->world, farm, &r->farm);
	}
	if (!err)
		err = island_enter(r->island, ISLAND_NEAR_END);
	if (!err && !island_holds(r->island, ISLAND_NEAR_END))
		err = DT_EREFUSED;
	if (err && (*why || *farm_why))
		fprintf(stderr, "%s\n", *why ? why : farm_why);
	return err;
}

int rig_open(struct rig *r, const struct bench_ctx *ctx, const struct rig_opts *o)
{
	unsigned usable = cpu_usable(), most = o->cores ? o->cores : RIG_CORES_MAX;
	struct sim_opts world = sim_opts_default();
	struct sim_farm_opts farm = { .pin = true, .first_core = o->farm_core, .guest = o->guest };
	struct endpoint eps[RIG_BOOTSTRAP];
	int err;

	*r = (struct rig){ .ctx = ctx, .place = o->place, .seed = o->seed };
	r->cores = usable < most ? 1 : most;
	r->run_ns = (ctx->run_ms ? ctx->run_ms : o->run_ms) * 1000000ull;
	world.live = LIVE;
	world.seed = o->seed;
	world.dead_share = 0;
	world.loss = 0;
	farm.threads = r->cores;
	err = sim_world_new(&world, &r->world);
	if (!err)
		err = r->place == RIG_LOOPBACK ? sim_farm_start(r->world, &farm, &r->farm)
					       : start_on_island(r, &farm);
	if (err)
		return err;
	r->contact_count = sim_world_bootstrap(r->world, eps, RIG_BOOTSTRAP);
	for (unsigned i = 0; i < r->contact_count; i++)
		r->contacts[i] = (struct crawl_contact){ .ep = eps[i] };
	return 0;
}

void rig_close(struct rig *r)
{
	if (r->farm)
		sim_farm_stop(r->farm);
	sim_world_free(r->world);
	island_close(r->island);
}

static struct net *wrap_alias(void *ctx, struct net *inner)
{
	struct rig *r = ctx;
	struct net *out;

	if (net_alias_open(r->world, inner, &out)) {
		net_close(inner);
		return NULL;
	}
	return out;
}

struct engine_opts rig_engine_opts(struct rig *r, enum net_backend backend)
{
	struct engine_opts o = engine_opts_default();

	o.workers = r->cores;
	o.backend = backend;
	o.udp.bind = endpoint_ip4(r->island ? (uint32_t)ISLAND_NEAR : INADDR_ANY, 0);
	o.udp.steer = NET_STEER_CPU;
	o.udp.bind_device = r->island ? NULL : "lo";
	o.rate_pps = 0;
	o.window = RIG_WINDOW;
	o.crawl.seed = r->seed;
	o.crawl.slots_log2 = SLOTS_LOG2;
	o.crawl.endpoints_max = CONTACTS;
	memset(o.crawl.own_id.b, 0xd7, sizeof(o.crawl.own_id.b));
	memset(o.crawl.mac_key, 0x5a, sizeof(o.crawl.mac_key));
	o.bootstrap = r->contacts;
	o.bootstrap_count = r->contact_count;
	o.max_runtime_ns = r->run_ns;
	o.wrap = wrap_alias;
	o.wrap_ctx = r;
	return o;
}

int rig_packets(const struct rig *r, struct pump_packets *out)
{
	struct krpc_query q = { .method = KRPC_FIND_NODE, .v = SPAN_LIT("DT\0\1"), .ro = true };
	struct krpc_template tp;
	struct rng rng;
	int err = krpc_template_init(&tp, &q);

	if (!err)
		err = pump_packets_new(PACKETS, tp.len, out);
	if (err)
		return err;
	rng_init(&rng, r->seed, 0);
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t t[KRPC_TEMPLATE_T], bytes[KRPC_TEMPLATE_MAX];
		struct sim_node node;

		do
			sim_world_node(r->world, rng_below(&rng, sim_world_nodes(r->world)), &node);
		while (!node.live);
		rng_bytes(&rng, t, sizeof(t));
		krpc_template_write(&tp, &node.id, t, bytes);
		pump_packet_set(out, i, &node.alias, bytes);
	}
	return 0;
}

/* ---- accounts ---------------------------------------------------------------------------- */

struct rig_rest rig_at_rest(const struct rig *r)
{
	struct rig_rest s = { .farm = sim_farm_settle(r->farm) };

	kernel_read(NULL, 0, &s.kernel);
	return s;
}

static double distance(uint64_t a, uint64_t b)
{
	return a > b ? (double)(a - b) : (double)(b - a);
}

uint64_t rig_drops(const struct engine_counters *c, const struct rig_rest *before,
		   const struct rig_rest *after)
{
	return c->net.kernel_drops + after->farm.kernel_drops - before->farm.kernel_drops;
}

/*
 * Sockets: what the kernel counted is what both ends say. Frames are no matter of its UDP
 * counters: what one end sent the other had or dropped.
 */
double rig_unexplained(const struct rig *r, enum net_backend backend,
		       const struct engine_counters *c, const struct rig_rest *before,
		       const struct rig_rest *after)
{
	struct engine_kernel k = kernel_since(&after->kernel, &before->kernel);
	uint64_t farm_in = after->farm.received - before->farm.received;
	uint64_t farm_out = after->farm.answered - before->farm.answered;
	uint64_t farm_drops = after->farm.kernel_drops - before->farm.kernel_drops;
	/* io_uring is trusted when it has carried a datagram to itself: one a worker (E-24). */
	uint64_t self_tests = backend == NET_BACKEND_URING ? r->cores : 0;
	double lost;

	if (!r->island)
		return distance(k.out_datagrams - self_tests, c->net.sent_packets + farm_out) +
		       distance(k.in_datagrams - self_tests, c->net.recv_packets + farm_in);
	lost = distance(c->net.sent_packets, farm_in + farm_drops) +
	       distance(farm_out, c->net.recv_packets + c->net.kernel_drops);
	/* In between is the CPUs' backlog, which counts for the whole machine. */
	return lost - fmin(lost, (double)k.softnet_dropped);
}

/* ---- the yardstick --------------------------------------------------------------------- */

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

/* Of another process the kernel tells the sum alone while it runs. */
static double cpu_seconds(pid_t pid)
{
	struct timespec ts = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static struct rig_reading read_now(const struct rig_watch *w)
{
	struct sim_farm_stats farm;
	struct rig_reading now = { .at_ns = bench_now_ns() };
	struct rusage self;

	if (w->asker) {
		now.cpu_s = cpu_seconds(w->asker);
	} else {
		getrusage(RUSAGE_SELF, &self);
		now.user_s = seconds(self.ru_utime);
		now.cpu_s = now.user_s + seconds(self.ru_stime);
	}
	sim_farm_stats(w->rig->farm, &farm);
	now.answered = farm.answered;
	now.farm_s = farm.user_s + farm.system_s;
	return now;
}

static void *watch_main(void *arg)
{
	struct rig_watch *w = arg;
	uint64_t third_us = w->rig->run_ns / 3000, tail_us = TAIL_MS * 1000;

	usleep((useconds_t)third_us);
	w->from = read_now(w);
	usleep((useconds_t)(2 * third_us - (tail_us < third_us ? tail_us : third_us)));
	w->until = read_now(w);
	return NULL;
}

int rig_watch_start(struct rig_watch *w, struct rig *r, pid_t asker)
{
	*w = (struct rig_watch){ .rig = r, .asker = asker };
	return -pthread_create(&w->thread, NULL, watch_main, w);
}

int rig_watch_end(struct rig_watch *w, struct rig_sample *out)
{
	struct rig_reading *a = &w->from, *b = &w->until;
	double count, cpu;

	pthread_join(w->thread, NULL);
	count = (double)(b->answered - a->answered);
	cpu = b->cpu_s - a->cpu_s;
	if (count <= 0 || cpu <= 0)
		return -EIO;
	out->answered_per_s = count * 1e9 / (double)(b->at_ns - a->at_ns);
	out->cpu_ns = cpu * 1e9 / count;
	out->farm_cpu_ns = (b->farm_s - a->farm_s) * 1e9 / count;
	out->user_share = (b->user_s - a->user_s) / cpu;
	return 0;
}
