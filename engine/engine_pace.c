/* SPDX-License-Identifier: MIT */
#include "engine/engine_impl.h"

/** DOC: the rate of a run while it runs: signals and the pace change it, shares deal it out. */

enum { PACE_EVERY_NS = 200 * 1000 * 1000, START_PPS = 1000 };

static const double NUDGE = 1.05;

void engine_set_rate(struct engine *e, double rate_pps)
{
	e->rate_pps = rate_pps;
	if (rate_pps > 0)
		share_set_rate(&e->share, rate_pps);
	for (unsigned i = 0; i < e->workers; i++)
		seat_set_rate(&e->seats[i], rate_pps > 0 ? share_given(&e->share, i) : 0);
}

void engine_heed_nudges(struct engine *e)
{
	int steps = signals_nudges(&e->signals);
	double rate = e->rate_pps;

	if (steps == 0)
		return;
	if (rate <= 0) {
		monitor_note(e->monitor,
			     "the rate is unlimited: SIGUSR1 and SIGUSR2 change nothing");
		return;
	}
	for (; steps > 0; steps--)
		rate *= NUDGE;
	for (; steps < 0; steps++)
		rate /= NUDGE;
	engine_set_rate(e, rate);
	e->pace.rate = rate;
	monitor_note(e->monitor, "rate: %.0f packets/s", rate);
}

/* ---- the pace ------------------------------------------------------------------- */

void engine_pace_start(struct engine *e, uint64_t now_ns)
{
	if (!e->opts.adaptive)
		return;
	if (e->opts.rate_pps <= 0)
		e->opts.rate_pps = START_PPS;
	pace_init(&e->pace, e->opts.rate_pps, e->opts.rate_max_pps, now_ns);
}

static struct pace_look look_at(const struct engine_counters *c)
{
	return (struct pace_look){
		.canaries_answered = c->worker.canary_answered,
		.canaries_lost = c->worker.canary_lost,
		.own_drops = c->net.kernel_drops + c->net.cq_overflow + c->net.send_failures +
			     c->worker.forward_dropped + c->kernel.softnet_dropped +
			     c->kernel.sndbuf_errors,
		.sent = c->crawl.sent,
		.held_back = c->gate.refused[GATE_RATE],
	};
}

static void say_pace(struct engine *e, double before)
{
	const struct pace *p = &e->pace;
	char how[64];

	if (e->rate_pps > before)
		return;
	if (p->loss > 0)
		snprintf(how, sizeof(how), "%.1f %% of the canaries beyond the usual",
			 100 * p->loss);
	else
		snprintf(how, sizeof(how), "the kernel counted them");
	if (p->clean_pps > 0)
		monitor_note(
			e->monitor,
			"rate: %.0f/s loses packets of our own (%s); down to %.0f/s, clean was "
			"%.0f/s",
			before, how, e->rate_pps, p->clean_pps);
	else
		monitor_note(e->monitor,
			     "rate: %.0f/s loses packets of our own (%s); down to %.0f/s", before,
			     how, e->rate_pps);
}

void engine_pace(struct engine *e, uint64_t now_ns)
{
	struct engine_counters sum;
	struct pace_look look;
	double before = e->rate_pps, rate;

	if (!e->opts.adaptive || e->phase != PHASE_RUNNING || now_ns - e->paced_ns < PACE_EVERY_NS)
		return;
	e->paced_ns = now_ns;
	engine_sum_counters(e, &sum);
	look = look_at(&sum);
	rate = pace_tick(&e->pace, &look, now_ns);
	if (rate == before)
		return;
	engine_set_rate(e, rate);
	say_pace(e, before);
}
