/* SPDX-License-Identifier: MIT */
/**
 * DOC: a configuration becomes an engine.
 */
#include "engine/cli/wire_impl.h"

#include <limits.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/rng.h"
#include "proto/krpc.h"

enum {
	REAL_RATE_PPS = 2000, /* modest: design 8 */
	ADAPTIVE_START_PPS = 1000,
	WIRE_OVERHEAD = 28 + 14 + 4 + 20,
	REAL_SWEEP_S = 60,
	SIM_SWEEP_S = 5,
	/* Unanswered packets per worker and 20 ms on loopback: enough for 40 % dead contacts at
	 * 200 k/s, small enough for the receive queue to stay in cache (limits.md B). */
	FARM_WINDOW = 4096,
	RING_WINDOW = 2048,    /* AF_XDP: what its rings hold (XSK_RX_FRAMES) and some */
	WIRE_WRITABLE_MAX = 2, /* the store, the folder of the report */
};

static enum crawl_method method_of(const char *text)
{
	if (!strcmp(text, "get_peers"))
		return CRAWL_GET_PEERS;
	if (!strcmp(text, "ping"))
		return CRAWL_PING;
	return !strcmp(text, "sample") ? CRAWL_SAMPLE : CRAWL_FIND_NODE;
}

/* A query with all that travels around it on Ethernet: preamble, gap, checksum, headers. */
static double bandwidth_pps(const struct conf *c)
{
	struct krpc_query q = { .method = KRPC_FIND_NODE, .v = SPAN_LIT("DT\0\1"), .ro = true };
	struct krpc_template tp;

	if (krpc_template_init(&tp, &q) < 0)
		return 0;
	return conf_bandwidth(c) / 8 / (tp.len + WIRE_OVERHEAD);
}

static double rate_of(const struct conf *c)
{
	double most = bandwidth_pps(c), rate = c->rate;

	if (c->adaptive)
		return rate > 0 ? rate : ADAPTIVE_START_PPS;
	if (rate <= 0 && most > 0)
		return most;
	if (rate <= 0)
		return c->sim ? 0 : REAL_RATE_PPS;
	return most > 0 && most < rate ? most : rate;
}

static double sweep_of(const struct conf *c)
{
	return c->sweep_after_s > 0 ? c->sweep_after_s : c->sim ? SIM_SWEEP_S : REAL_SWEEP_S;
}

static void fill_crawl(const struct wire *w, struct crawl_opts *o)
{
	const struct conf *c = w->c;

	*o = crawl_opts_default();
	if (crawl_plan_from_text(c->plan, &o->plan) < 0)
		o->plan = CRAWL_PLAN_2PLUS; /* conf_check() let nothing else pass */
	o->method = method_of(c->query);
	o->seed = c->seed;
	o->mixing = c->mixing;
	o->mixing_all_until = (uint32_t)c->mixing_all_until;
	o->timeout1_ns = (uint64_t)(c->timeout1_s * 1e9);
	o->timeout2_ns = (uint64_t)(c->timeout2_s * 1e9);
	o->sweep_after_ns = (uint64_t)(sweep_of(c) * 1e9);
	o->late_ns = (uint64_t)(c->late_s * 1e9);
	o->raise_above = c->raise_above;
	o->part = w->step.part;
	o->failures = w->failures;
	o->learn6 = c->ipv6;
	o->endpoints_max = c->max_endpoints / w->workers;
	if (w->world)
		o->endpoints_hint =
			(uint64_t)(sim_world_nodes(w->world) * part_share(&w->step.part)) /
			w->workers;
	memcpy(o->v, "DT\0\1", 4);
	wire_secrets(w, WIRE_CENSUS, &o->own_id, o->mac_key);
}

void wire_secrets(const struct wire *w, enum wire_pass pass, struct nodeid *own_id,
		  uint8_t mac_key[static CRAWL_MAC_KEY_BYTES])
{
	struct rng rng;

	if (!w->world) {
		randombytes_buf(own_id->b, sizeof(own_id->b));
		randombytes_buf(mac_key, CRAWL_MAC_KEY_BYTES);
		return;
	}
	rng_init(&rng, w->c->seed, (uint64_t)w->epoch << 8 | pass);
	rng_bytes(&rng, own_id->b, sizeof(own_id->b));
	rng_bytes(&rng, mac_key, CRAWL_MAC_KEY_BYTES);
}

/* The alias of a simulation, and outside of it the mirror, which so sees public addresses. */
static struct net *wrap_device(void *ctx, struct net *inner)
{
	struct wire *w = ctx;
	struct net *out = inner;

	if (w->world && net_alias_open(w->world, inner, &out) < 0) {
		net_close(inner);
		return NULL;
	}
	return w->mirror ? mirror_wrap(w->mirror, out) : out;
}

void wire_mirror_from(struct wire *w, struct endpoint local)
{
	if (w->mirror)
		mirror_set_local(w->mirror, &local);
}

/* What is written at the end, after privileges were dropped. */
static void stay_writable(const struct wire *w, char report_dir[static PATH_MAX],
			  const char *keep[static WIRE_WRITABLE_MAX + 1])
{
	unsigned n = 0;

	if (w->c->store[0])
		keep[n++] = w->c->store;
	wire_report_dir(w->c, report_dir);
	if (report_dir[0])
		keep[n++] = report_dir;
	keep[n] = NULL;
}

static void keep_ledger(struct wire *w)
{
	static const size_t bytes = GATE_NETS16 * sizeof(uint32_t);
	uint32_t *sent = w->ledger && w->engine ? calloc(1, bytes) : NULL;

	if (!sent)
		return;
	engine_sum_net16(w->engine, sent);
	wire_ledger_tick(w->ledger, sent);
	free(sent);
}

static void tell_network(struct wire *w, const struct crawl_stats *c)
{
	const struct network_counts n = { .known_nodes = c->endpoints_known,
					  .visited = c->endpoints_known - c->frontier,
					  .in_flight = c->in_flight,
					  .explore_queue = c->frontier + c->retry_waiting };

	network_file_tick(&w->network, &n);
}

static void on_status(void *ctx, const struct engine_status *status)
{
	struct wire *w = ctx;

	keep_ledger(w);
	tell_network(w, &status->counters.crawl);
	if (w->talk->status_told && !w->talk->status_told(w->talk->ctx, status) &&
	    !status->stopping)
		engine_stop(w->engine);
}

/* The island or loopback and nothing else, wrapped by the alias. */
static int fill_simulation(struct wire *w, struct engine_opts *o)
{
	uint32_t from = w->island ? (uint32_t)ISLAND_NEAR : INADDR_LOOPBACK;

	if (net_backend_is_raw(o->backend) &&
	    !(w->island && island_holds(w->island, ISLAND_NEAR_END))) {
		cli_fail("raw frames of a simulation without a network of its own: refused");
		return DT_EREFUSED;
	}
	o->udp.bind = endpoint_ip4(from, o->udp.bind.port);
	o->udp.bind_device = w->island ? NULL : "lo";
	o->udp.steer = NET_STEER_CPU;
	if (o->rate_pps <= 0)
		o->window = o->backend == NET_BACKEND_XDP ? RING_WINDOW : FARM_WINDOW;
	return 0;
}

/* One socket carries both where it is bound to [::]; a simulation's travel as 127.x.y.z. */
static int both_families(const struct conf *c, struct endpoint *bind)
{
	static const struct endpoint any6;
	uint16_t port = bind->port;

	if (!c->ipv6 || c->sim || !endpoint_is4(bind))
		return 0;
	if (endpoint_get_ip4(bind) != INADDR_ANY) {
		cli_fail("ipv6: the socket is bound to an address of IPv4 (%s); cure: --bind "
			 "'[::]:%u', which carries both",
			 c->bind, port);
		return DT_ERANGE;
	}
	*bind = any6;
	bind->port = port;
	return 0;
}

/* What is sent through, how fast, and where that comes from. */
static int fill_network(struct wire *w, struct engine_opts *o)
{
	const struct conf *c = w->c;
	int rc = net_backend_from_text(c->backend, &o->backend);

	if (rc >= 0)
		rc = endpoint_from_text(c->bind, &o->udp.bind);
	if (rc < 0) {
		cli_fail("bind: '%s' is not ADDR:PORT", c->bind);
		return rc;
	}
	rc = both_families(c, &o->udp.bind);
	if (rc < 0)
		return rc;
	o->workers = w->device ? 1 : w->workers;
	o->pin = c->pin;
	o->udp.rcvbuf_bytes = c->rcvbuf_bytes;
	o->udp.interface = c->interface[0] ? c->interface : NULL;
	o->udp.ports = net_backend_is_raw(o->backend) ? (unsigned)c->ports : 1;
	o->udp.xdp_mode = !strcmp(c->xdp_mode, "native")    ? NET_XDP_NATIVE
			  : !strcmp(c->xdp_mode, "generic") ? NET_XDP_GENERIC
							    : NET_XDP_AUTO;
	o->rate_pps = rate_of(c);
	o->adaptive = c->adaptive && !w->device;
	o->rate_max_pps = bandwidth_pps(c);
	o->blocklist_path = c->blocklist[0] ? c->blocklist : NULL;
	o->sockets = &w->sockets;
	o->clock = w->clock;
	if (w->device)
		o->device = w->mirrored ? w->mirrored : w->device;
	if (w->world || w->mirror) {
		o->wrap = wrap_device;
		o->wrap_ctx = w;
	}
	return c->sim && !w->device ? fill_simulation(w, o) : 0;
}

/* What is found goes here, and what is said there. */
static void fill_words(struct wire *w, const struct wire_talk *talk, struct engine_opts *o)
{
	const struct conf *c = w->c;

	o->sink = (struct sink){ .put = wire_put,
				 .put_listings = c->edges && w->writer ? wire_list : NULL,
				 .flush = wire_flush,
				 .ctx = w };
	o->bad = w->bad;
	o->status = talk->status;
	o->on_status = on_status;
	o->status_ctx = w;
	o->status_path = c->status_file[0] ? c->status_file : NULL;
	o->metadata_path = c->metadata_file[0] ? c->metadata_file : NULL;
	o->version = cli_version();
	o->command = talk->command;
	o->notes = c->notes[0] ? c->notes : NULL;
	o->signals = true;
	o->drop_privileges = true;
}

/* Checkpoints beside the store, and the one to go on with. */
static void keep_checkpoints(struct wire *w, struct engine_opts *o)
{
	const char *path = wire_resume_path(w, w->resume_path);

	o->keep = (struct engine_keep){ .path = path[0] && w->c->checkpoint_s > 0 ? path : NULL,
					.every_ns = (uint64_t)(w->c->checkpoint_s * 1e9),
					.note = wire_resume_note,
					.ctx = w };
	if (!w->resume || !checkpoint_head(w->resume)->workers)
		return;
	o->resume = w->resume;
	o->crawl.own_id = checkpoint_head(w->resume)->own_id;
}

int wire_make_engine(struct wire *w, const struct wire_talk *talk)
{
	const char *keep[WIRE_WRITABLE_MAX + 1];
	char report_dir[PATH_MAX];
	struct engine_opts o = engine_opts_default();
	const struct conf *c = w->c;
	char why[ENGINE_WHY_MAX] = "";
	int rc = fill_network(w, &o);

	if (rc < 0)
		return rc;
	fill_crawl(w, &o.crawl);
	fill_words(w, talk, &o);
	stay_writable(w, report_dir, keep);
	o.keep_writable = keep;
	o.shard = (unsigned)c->shard;
	o.shards = (unsigned)c->shards;
	o.part_name = w->step.name;
	o.warm = w->warm_allowed && w->warm_since_s ? wire_offer_warm : NULL;
	o.warm_ctx = w;
	keep_checkpoints(w, &o);
	if (w->step.full && w->c->every[0]) {
		o.beside = wire_beside;
		o.beside_ctx = w;
	}
	o.bootstrap = w->boot;
	o.bootstrap_count = w->boot_count;
	o.max_runtime_ns = (uint64_t)(c->max_runtime_s * 1e9);
	o.cooldown_ns = (uint64_t)(c->cooldown_s * 1e9);
	w->engine_opts = o;
	wire_ledger_free(w->ledger);
	w->ledger = NULL;
	rc = w->geo ? wire_ledger_new(w->geo, &w->ledger) : 0;
	if (rc < 0)
		return rc;
	rc = wire_open_second(w);
	if (rc >= 0)
		rc = wire_open_beside(w);
	if (rc < 0)
		return rc;
	rc = engine_new(&o, &w->engine, why);
	if (rc < 0)
		cli_fail("%s", *why ? why : dt_strerror(rc));
	return rc;
}
