/* SPDX-License-Identifier: MIT */
#include "engine/pass_cost.h"

#include "engine/engine.h"

void pass_cost_add(struct pass_cost *c, const struct engine_result *r)
{
	c->queries_sent += r->counters.crawl.first_attempts;
	c->packets_sent += r->counters.crawl.sent;
	c->packets_received += r->counters.net.recv_packets;
	c->bytes_sent += r->counters.net.sent_bytes;
	c->bytes_received += r->counters.net.recv_bytes;
	c->unexplained += r->counters.unexplained;
	c->span_ns += r->span_ns;
}
