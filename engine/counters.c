/* SPDX-License-Identifier: MIT */
#include "engine/counters.h"

#include <math.h>
#include <stddef.h>

enum { HIST_BUCKETS = 64, HIST_FIRST_US = 16, HIST_PER_OCTAVE = 4 };

/* These structs hold nothing but uint64_t, so that a new counter is added up unasked. */
static void add_u64(void *sum, const void *one, size_t bytes)
{
	uint64_t *to = sum;
	const uint64_t *from = one;

	for (size_t i = 0; i < bytes / sizeof(*to); i++)
		to[i] += from[i];
}
_Static_assert(sizeof(struct crawl_stats) % 8 == 0, "all counters are uint64_t");
_Static_assert(sizeof(struct net_stats) % 8 == 0, "all counters are uint64_t");
_Static_assert(sizeof(struct worker_stats) % 8 == 0, "all counters are uint64_t");

static void add_gate(struct gate_stats *sum, const struct gate_stats *one)
{
	sum->passed += one->passed;
	for (unsigned i = 0; i < GATE_REASONS; i++)
		sum->refused[i] += one->refused[i];
	if (one->worst_host_10s > sum->worst_host_10s)
		sum->worst_host_10s = one->worst_host_10s;
	/* A /24 may be split over all workers: the sum is the most that it can have got. */
	sum->worst_net_10s += one->worst_net_10s;
	sum->table_bytes += one->table_bytes;
	sum->crowded += one->crowded;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

void counters_add(struct engine_counters *sum, const struct engine_counters *one)
{
	struct worker_stats before = sum->worker;

	add_u64(&sum->crawl, &one->crawl, sizeof(sum->crawl));
	add_u64(&sum->net, &one->net, sizeof(sum->net));
	add_u64(&sum->worker, &one->worker, sizeof(sum->worker));
	sum->worker.first_send_ns = earlier(before.first_send_ns, one->worker.first_send_ns);
	sum->worker.last_recv_ns = before.last_recv_ns > one->worker.last_recv_ns
					   ? before.last_recv_ns
					   : one->worker.last_recv_ns;
	add_gate(&sum->gate, &one->gate);
	sum->unexplained += one->unexplained;
}

void counters_go_on(struct engine_counters *sum, const struct engine_counters *before)
{
	struct worker_stats times = sum->worker;
	uint32_t net = sum->gate.worst_net_10s;

	counters_add(sum, before);
	sum->worker.first_send_ns = times.first_send_ns;
	sum->worker.last_recv_ns = times.last_recv_ns;
	/* One after another, not side by side. */
	sum->gate.worst_net_10s =
		net > before->gate.worst_net_10s ? net : before->gate.worst_net_10s;
	add_u64(&sum->kernel, &before->kernel, sizeof(sum->kernel));
	sum->sightings += before->sightings;
}

void counters_net_since(struct net_stats *now, const struct net_stats *before)
{
	uint64_t *n = (uint64_t *)now;
	const uint64_t *b = (const uint64_t *)before;

	for (size_t i = 0; i < sizeof(*now) / sizeof(*n); i++)
		n[i] -= b[i];
}

void counters_gate_since(struct gate_stats *now, const struct gate_stats *before)
{
	now->passed -= before->passed;
	now->crowded -= before->crowded;
	for (unsigned i = 0; i < GATE_REASONS; i++)
		now->refused[i] -= before->refused[i];
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

uint64_t counters_gap(const struct engine_counters *c)
{
	const struct crawl_stats *s = &c->crawl;
	uint64_t identity = distance(s->sent, s->answered + s->errors + s->expired + s->in_flight);
	/* With what was refused, of which the crawl hears a turn later than the device. */
	uint64_t device =
		distance(s->sent + s->send_failed + c->worker.canary_sent + c->worker.canary_failed,
			 c->net.sent_packets + c->net.send_failures);

	return identity > device ? identity : device;
}

static uint64_t beyond(uint64_t ours, uint64_t kernel)
{
	return ours > kernel ? ours - kernel : 0;
}

uint64_t counters_kernel_gap(const struct engine_counters *sum, bool raw)
{
	const struct net_stats *n = &sum->net;
	uint64_t sent = raw ? n->by_socket : n->sent_packets;
	uint64_t received = n->recv_packets + n->recv_truncated - n->recv_by_ring;

	return beyond(sent, sum->kernel.out_datagrams + sum->kernel.sndbuf_errors) +
	       beyond(received, sum->kernel.in_datagrams) +
	       beyond(n->kernel_drops - n->xdp_drops, sum->kernel.rcvbuf_errors);
}

double counters_rtt_ms(const uint64_t hist[static 64], double q)
{
	uint64_t total = 0, seen = 0;
	unsigned i = 0;

	for (unsigned k = 0; k < HIST_BUCKETS; k++)
		total += hist[k];
	if (total == 0)
		return NAN;
	for (; i < HIST_BUCKETS - 1; i++) {
		seen += hist[i];
		if ((double)seen >= q * (double)total)
			break;
	}
	/* The bucket's middle, on the logarithm's scale. */
	return HIST_FIRST_US * exp2((i + 0.5) / HIST_PER_OCTAVE) / 1000;
}
