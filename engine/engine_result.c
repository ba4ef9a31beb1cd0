/* SPDX-License-Identifier: MIT */
#include "engine/engine_impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/clock.h"
#include "engine/counters.h"
#include "engine/distinct.h"
#include "engine/kernel.h"

/* ---- counters -------------------------------------------------------------------------- */

void engine_read_kernel(const struct engine *e, struct engine_kernel *out)
{
	int fds[NET_WORKERS_MAX];
	unsigned count = 0;

	for (; e->group && count < e->workers; count++)
		fds[count] = net_group_fd(e->group, count);
	kernel_read(fds, count, out);
}

void engine_sum_counters(struct engine *e, struct engine_counters *sum)
{
	struct engine_kernel now;
	struct scribe_stats scribe;
	uint64_t gap;

	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < e->workers; i++) {
		struct engine_counters one;

		seat_counters(&e->seats[i], &one);
		counters_add(sum, &one);
	}
	scribe_stats(e->scribe, &scribe);
	sum->sightings = scribe.sightings;
	if (e->threaded) { /* the kernel has no part in virtual time */
		engine_read_kernel(e, &now);
		sum->kernel = kernel_since(&now, &e->kernel_start);
		gap = counters_kernel_gap(sum, net_backend_is_raw(e->opts.backend));
		if (gap > e->kernel_gap)
			e->kernel_gap = gap;
		sum->unexplained += e->kernel_gap;
	}
	if (e->resumes)
		counters_go_on(sum, &e->before);
}

/* ---- the result --------------------------------------------------------------------------------
 */

typedef uint64_t list_values(const struct crawl *c, uint64_t *out, uint64_t cap);

/* How many different values all shards list together; 0 where memory does not reach. */
static uint64_t distinct(const struct engine *e, list_values *list, uint64_t cap)
{
	uint64_t *all = malloc((cap ? cap : 1) * sizeof(*all)), n = 0;

	if (!all)
		return 0;
	for (unsigned i = 0; i < e->workers; i++)
		if (e->seats[i].worker)
			n += list(worker_crawl(e->seats[i].worker), all + n, cap - n);
	n = distinct_u64(all, n);
	free(all);
	return n;
}

/* @all less @six, zone by zone. */
static void take_off(struct census_tally *all, const struct census_tally *six)
{
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		all->zone[z].live -= six->zone[z].live;
		all->zone[z].f0 -= six->zone[z].f0;
		all->zone[z].f1 -= six->zone[z].f1;
		all->zone[z].f2 -= six->zone[z].f2;
		all->zone[z].known -= six->zone[z].known;
	}
}

/* Two overlays, linked by the ids that stand in both. */
static void fill_families(struct engine *e, struct engine_result *out)
{
	uint64_t live = out->counters.crawl.endpoints_live;
	struct census_tally four = out->tally;

	for (unsigned i = 0; i < e->workers; i++)
		if (e->seats[i].worker)
			crawl_tally6(worker_crawl(e->seats[i].worker), &out->tally6);
	take_off(&four, &out->tally6);
	out->estimate4 = census_chao1(&four);
	out->estimate6 = census_chao1(&out->tally6);
	for (unsigned z = 0; z < CENSUS_ZONES; z++) {
		out->live6 += out->tally6.zone[z].live;
		out->known6 += out->tally6.zone[z].known;
	}
	out->ids4 = distinct(e, crawl_ids4, live);
	out->ids6 = distinct(e, crawl_ids6, live);
	out->ids_both = out->ids4 + out->ids6 - out->distinct_ids;
}

static void fill_census(struct engine *e, struct engine_result *out)
{
	uint64_t live = out->counters.crawl.endpoints_live;

	for (unsigned i = 0; i < e->workers; i++)
		if (e->seats[i].worker) {
			struct crawl *c = worker_crawl(e->seats[i].worker);

			crawl_tally(c, &out->tally);
			vantage_add(&out->votes, crawl_votes(c));
		}
	out->estimate = census_chao1(&out->tally);
	out->distinct_ids = distinct(e, crawl_ids, live);
	if (e->opts.crawl.learn6)
		fill_families(e, out);
	out->distinct_addresses = distinct(e, crawl_addresses, live);
	out->rate_pps = e->opts.host ? e->opts.host->rate_pps : e->rate_pps;
	out->beside = e->opts.host != NULL;
	out->rate_clean_pps = e->opts.adaptive ? e->pace.clean_pps : 0;
	out->rate_lost_pps = e->opts.adaptive ? e->pace.lost_pps : 0;
	for (unsigned i = 0; i < e->workers; i++)
		if (e->seats[i].worker)
			crawl_count_classes(worker_crawl(e->seats[i].worker), &out->classes);
	out->raise_rounds = e->raise_rounds;
	out->part = e->opts.crawl.part;
	if (e->opts.part_name)
		snprintf(out->part_name, sizeof(out->part_name), "%s", e->opts.part_name);
}

/* ---- the health of routing tables ----------------------------------------------- */

static size_t gather(const struct engine *e, struct crawl_listed *out)
{
	size_t count = 0;

	for (unsigned i = 0; i < e->workers; i++) {
		const struct crawl_listed *list = NULL;
		size_t n;

		if (!e->seats[i].worker)
			continue;
		n = crawl_listed(worker_crawl(e->seats[i].worker), &list);
		if (out && n)
			memcpy(out + count, list, n * sizeof(*out));
		count += n;
	}
	return count;
}

struct live_to {
	struct health *health;
	int err;
};

static void take_live(void *ctx, const struct crawl_entry *entry)
{
	struct live_to *to = ctx;

	if (entry->node.answered && !to->err)
		to->err = health_live(to->health, &entry->node.id);
}

static enum health_fate fate_of(void *ctx, const struct endpoint *ep)
{
	struct crawl_node n;

	if (engine_find(ctx, ep, &n) < 0 || n.attempts == 0)
		return HEALTH_UNASKED;
	return n.answered ? HEALTH_ANSWERED : HEALTH_SILENT;
}

/* Without memory for it the report does without: all zero. */
static void fill_health(struct engine *e, struct engine_result *out)
{
	size_t count = gather(e, NULL);
	struct crawl_listed *list = count ? malloc(count * sizeof(*list)) : NULL;
	struct live_to to = { .err = 0 };

	if (!list)
		return;
	gather(e, list);
	to.err = health_new(list, count, out->counters.crawl.endpoints_live, &to.health);
	free(list);
	if (to.err)
		return;
	engine_each(e, take_live, &to);
	if (!to.err)
		health_reckon(to.health, fate_of, e, &out->health);
	health_free(to.health);
}

static void fill_machine(struct engine *e, struct engine_result *out)
{
	const struct seat *first = &e->seats[0];

	out->workers = e->workers;
	snprintf(out->backend, sizeof(out->backend), "%s", first->backend);
	snprintf(out->backend_why, sizeof(out->backend_why), "%s", first->backend_why);
	out->local = engine_local(e);
	out->steered = e->group && net_group_steered(e->group);
	out->rcvbuf_bytes = e->group ? net_group_rcvbuf(e->group) : 0;
	blocklist_info(e->blocklist, &out->blocklist);
}

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

static void fill_costs(struct engine *e, uint64_t system_start_ns, struct engine_result *out)
{
	const struct worker_stats *w = &out->counters.worker;
	struct clock system = clock_system();
	struct scribe_stats scribe;
	struct rusage u;

	out->started_ms = e->started_wall_ns / 1000000;
	out->elapsed_ns = e->elapsed_before_ns + clock_now_ns(&e->clock) - e->started_ns;
	out->resumes = e->resumes;
	out->checkpoints = e->checkpoints;
	out->checkpoint_ns = e->save_pause_ns;
	out->wall_ns = clock_now_ns(&system) - system_start_ns;
	if (w->first_send_ns && w->last_recv_ns > w->first_send_ns)
		out->span_ns = w->last_recv_ns - w->first_send_ns;
	out->span_ns += e->span_before_ns;
	getrusage(RUSAGE_SELF, &u);
	out->cpu_user_ns = timeval_ns(u.ru_utime) - timeval_ns(e->usage_start.ru_utime);
	out->cpu_system_ns = timeval_ns(u.ru_stime) - timeval_ns(e->usage_start.ru_stime);
	out->peak_rss_bytes = (uint64_t)u.ru_maxrss * 1024;
	scribe_stats(e->scribe, &scribe);
	out->scribe_cpu_ns = scribe.cpu_ns;
}

void engine_fill_result(struct engine *e, uint64_t system_start_ns, struct engine_result *out)
{
	memset(out, 0, sizeof(*out));
	out->end = e->end;
	out->err = e->err;
	snprintf(out->why, sizeof(out->why), "%s", e->why);
	engine_sum_counters(e, &out->counters);
	fill_machine(e, out);
	fill_costs(e, system_start_ns, out); /* before the memory that counting takes */
	fill_census(e, out);
	fill_health(e, out);
}
