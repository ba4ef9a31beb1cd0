/* SPDX-License-Identifier: MIT */
/**
 * DOC: the network to look at: the real one, by its bootstrap hosts, or a simulated
 * one with its geo table and its truth.
 */
#include "engine/cli/wire_impl.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/cli/cli.h"
#include "engine/vantage.h"

int wire_open_geo(struct wire *w, const char *dir)
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
	rc = wire_make_folder(dir);
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
	return wire_open_geo(w, dir);
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
	opts.churn = c->churn;
	opts.diurnal = c->diurnal;
	opts.time_s = w->time_s;
#define BAD(name, value, help) opts.bad.name = c->sim_##name;
#include "bench/sim/bad.def"
#undef BAD
	opts.geo = w->geo;
	rc = sim_world_new(&opts, &w->world);
	if (rc < 0) {
		cli_fail("the simulated world cannot be made: %s", dt_strerror(rc));
		return rc;
	}
	if (c->truth_dir[0]) {
		rc = wire_make_folder(c->truth_dir);
		if (rc < 0)
			return rc;
	}
	return sim_world_geo_is_own(w->world) ? own_geo(w) : 0;
}

/*
 * The farm over a veth pair. This process moves to the near end before it has
 * threads, so that all of them live there: nothing of this run can leave.
 */
static int start_on_island(struct wire *w, struct sim_farm_opts *farm)
{
	struct island_opts opts = { .queues = w->workers + 1 };
	char why[ISLAND_WHY_MAX] = "", farm_why[SIM_WHY_MAX] = "";
	int rc = island_open(&opts, &w->island, why);

	if (rc < 0) {
		cli_fail("%s", *why ? why : dt_strerror(rc));
		return rc;
	}
	farm->island = w->island;
	farm->raw = !strcmp(w->c->backend, "xdp") ? NET_BACKEND_XDP : NET_BACKEND_PACKET;
	farm->why = farm_why;
	rc = sim_farm_start(w->world, farm, &w->farm);
	if (rc < 0 && *farm_why)
		cli_fail("%s", farm_why);
	return rc < 0 ? rc : island_enter(w->island, ISLAND_NEAR_END);
}

int wire_start_simulation(struct wire *w)
{
	struct sim_farm_opts farm = { .threads = w->workers, .pin = w->c->pin };
	struct endpoint ep[64];
	unsigned n;
	int rc = make_world(w);

	if (rc < 0)
		return rc;
	if (!strcmp(w->c->sim_mode, "virtual"))
		rc = net_sim_open(w->world, &w->device, &w->clock);
	else if (!strcmp(w->c->sim_mode, "veth"))
		rc = start_on_island(w, &farm);
	else
		rc = sim_farm_start(w->world, &farm, &w->farm);
	if (w->farm && (sim_world_moves(w->world) || w->time_s > 0))
		w->clock.wall_minus_now_ns =
			SIM_WALL_NS + (uint64_t)(w->time_s * 1e9) - clock_now_ns(&w->clock);
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
	n = sim_world_bootstrap(w->world, ep, 64);
	if (w->farm) /* the ids are the child's now: the crawler's memory is its own */
		sim_world_shed(w->world);
	for (unsigned i = 0; i < n; i++)
		w->boot[w->boot_count++] = (struct crawl_contact){ .ep = ep[i] };
	return 0;
}

static struct endpoint endpoint_of(const struct sockaddr *sa)
{
	struct endpoint ep = { .port = 0 };
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (sa->sa_family == AF_INET6) {
		memcpy(&six, sa, sizeof(six));
		memcpy(ep.addr, &six.sin6_addr, sizeof(ep.addr));
		ep.port = ntohs(six.sin6_port);
		return ep;
	}
	memcpy(&four, sa, sizeof(four));
	return endpoint_ip4(ntohl(four.sin_addr.s_addr), ntohs(four.sin_port));
}

/* All addresses of one HOST:PORT. */
static void resolve(struct wire *w, char *host)
{
	struct addrinfo hints = { .ai_family = w->c->ipv6 ? AF_UNSPEC : AF_INET,
				  .ai_socktype = SOCK_DGRAM },
			*list;
	char *colon = strrchr(host, ':');
	int rc;

	if (!colon) {
		cli_say("bootstrap %s: no port; write HOST:PORT", host);
		return;
	}
	*colon = 0;
	if (host[0] == '[' && colon > host && colon[-1] == ']') { /* an address of IPv6 */
		host++;
		colon[-1] = 0;
	}
	rc = getaddrinfo(host, colon + 1, &hints, &list);
	if (rc) {
		cli_say("bootstrap %s: %s", host, gai_strerror(rc));
		return;
	}
	for (struct addrinfo *a = list; a && w->boot_count < WIRE_BOOTSTRAP_MAX; a = a->ai_next) {
		w->boot[w->boot_count++].ep = endpoint_of(a->ai_addr);
	}
	freeaddrinfo(list);
}

/* From some addresses a census sees a tenth of what is: said before a packet is sent. */
static void warn_of_vantage(void *ctx, const char *device, const struct endpoint *ep)
{
	const struct endpoint *bound = ctx;
	uint32_t ip = endpoint_get_ip4(ep);

	if (!vantage_is_dark(ep) || (endpoint_get_ip4(bound) && endpoint_get_ip4(bound) != ip))
		return;
	cli_say("warning: %u.%u.%u.%u on %s: most nodes drop packets from %u/8, so this census "
		"will "
		"miss them; cure: another address (--bind), see doctor",
		ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255, device, ip >> 24);
}

static void look_at_vantage(const struct conf *c)
{
	struct endpoint bound;

	if (endpoint_from_text(c->bind, &bound) < 0 || !endpoint_is4(&bound))
		return;
	if (vantage_local(warn_of_vantage, &bound) < 0)
		cli_say("note: the addresses of this machine cannot be read");
}

int wire_find_network(struct wire *w)
{
	char *list = strdup(w->c->bootstrap), *save = NULL;

	if (!list)
		return -ENOMEM;
	look_at_vantage(w->c);
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

/* ---- against the truth ------------------------------------------------------ */

/* What the far end lost is not the census's loss, but it is in its figures. */
void wire_farm_losses(const struct wire *w)
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

void wire_begin_truth(struct wire *w)
{
	if (!w->world)
		return;
	if (w->farm)
		sim_farm_sync(w->farm);
	sim_world_begin_census(w->world);
}

static int lookup_truth(void *ctx, const struct endpoint *ep, struct nodeid *id)
{
	const struct wire *w = ctx;
	struct crawl_node node;

	if (!part_has(&w->step.part, nodeid_prefix64(id)))
		return -1;
	if (engine_find(w->engine, ep, &node) < 0)
		return 0;
	*id = node.id;
	return node.answered ? 2 : 1;
}

/* What can be known: of who answered, and of who sent our own words back. */
static int class_given(void *ctx, const struct endpoint *ep)
{
	const struct wire *w = ctx;
	struct crawl_node node;

	if (engine_find(w->engine, ep, &node) < 0)
		return -1;
	return node.answered || node.node_class != SIGHTING_CLASS_NORMAL ? node.node_class : -1;
}

static void confuse(struct wire *w, struct wire_result *r)
{
	struct sim_farm_stats st;

	sim_confuse(w->world, class_given, w, &r->confusion);
	sim_world_harm(w->world, &r->harm);
	if (!w->farm)
		return;
	sim_farm_stats(w->farm, &st);
	r->farm_rss_bytes = st.peak_rss_bytes;
	r->harm.bans = st.bans;
	r->harm.limited = st.limited;
}

int wire_score(struct wire *w, struct wire_result *r)
{
	int rc;

	if (!w->world)
		return 0;
	rc = sim_world_load(w->world);
	if (rc < 0)
		return rc;
	if (w->farm)
		sim_farm_sync(w->farm);
	sim_score(w->world, lookup_truth, w, &r->truth);
	/* Estimates are of endpoints; most nodes have one. */
	r->truth.estimate_error =
		((double)r->truth.heard + r->engine.estimate.unseen - (double)r->truth.endpoints) /
		(double)r->truth.endpoints;
	confuse(w, r);
	r->has_truth = true;
	return 0;
}
