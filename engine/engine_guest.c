/* SPDX-License-Identifier: MIT */
#include "engine/engine_impl.h"

/*
 * DOC: a run beside a run (E-220). The guest has tables, sockets, lanes and a scribe of its
 * own; its seats are turned by the host's threads, behind the host's gates (seat.h). Both
 * monitors are one thread, the caller of the host's engine_run(): it steps the guest where
 * it looks after its own.
 */

static int stops_passed_on(const struct engine *e)
{
	if (e->phase == PHASE_LEAVING)
		return 2;
	return e->phase == PHASE_STOPPING;
}

void engine_attend_guest(struct engine *e)
{
	bool may_begin = e->phase == PHASE_RUNNING && !post_at_rest(e->post);

	if (e->opts.beside && (e->has_guest || may_begin))
		e->has_guest = e->opts.beside(e->opts.beside_ctx, e, may_begin, stops_passed_on(e));
}

struct net *engine_device(const struct engine *e)
{
	return e->opts.device;
}

struct clock engine_clock(const struct engine *e)
{
	return e->clock;
}
