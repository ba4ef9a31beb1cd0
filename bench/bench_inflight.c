/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "engine/crawl.h"
#include "engine/rng.h"
#include "proto/krpc.h"

/**
 * DOC: a million questions in flight. A crawl that knows some four million endpoints asks a million
 * of them and hears nothing; then all answers come, in random order, which is the worst there is:
 * each finds its slot and its record far from the one before. What is timed is crawl_rx(), blocks
 * of 64 as from a device; beside it the same with a thousand in flight, whose slots stay in the
 * cache.
 *
 * Bytes are those of the slots, as allocated. massdns keeps 568 bytes for a name that it waits for
 * (its lookup_t and the two pointers of its hash map, as of its source).
 */

enum {
	MANY = 1 << 20,
	FEW = 1000,
	KNOWN = 4 << 20, /* of whom the gate lets in most; three eighths may be in flight */
	BATCH = 64,
	SLOTS_LOG2 = 21,
	REPLY_MAX = 128,
	MASSDNS_BYTES = 568,
	PORT_LEAST = 20000, /* no service's */
	IDLE_MAX = 1000,
};

/** One question, as far as its answer needs it. */
struct question {
	struct endpoint to;
	struct nodeid id;
	uint8_t t[KRPC_TEMPLATE_T];
};

struct desk {
	struct crawl *crawl;
	struct gate *gate;
	struct rng rng;
	uint64_t now_ns;
	struct question *asked;
	uint32_t count;
	uint8_t frames[BATCH][NET_FRAME_MAX];
};

static void on_sighting(void *ctx, const struct sighting *s)
{
	(void)ctx;
	bench_keep(s);
}

static void on_contact(void *ctx, unsigned shard, const struct crawl_contact *c)
{
	(void)ctx;
	(void)shard;
	bench_keep(c);
}

/* Contacts all over the address space, each with its id and somebody who named it. */
static void offer(struct desk *d)
{
	enum { AT_ONCE = 256 };
	struct crawl_contact list[AT_ONCE];

	for (unsigned done = 0; done < KNOWN; done += AT_ONCE) {
		for (unsigned i = 0; i < AT_ONCE; i++) {
			uint64_t x = rng_u64(&d->rng);

			list[i] = (struct crawl_contact){
				.ep = endpoint_ip4((uint32_t)x,
						   (uint16_t)(PORT_LEAST + (x >> 32) % 40000)),
				.introducer = (uint32_t)(x >> 32) | 1,
				.has_id = true,
			};
			rng_bytes(&d->rng, list[i].id.b, sizeof(list[i].id.b));
		}
		crawl_offer(d->crawl, list, AT_ONCE, d->now_ns);
	}
}

/* Its first question names its own id, and that is what it will answer with. */
static int note(struct desk *d, const struct net_msg *m)
{
	static const char target[] = "6:target20:", t[] = "1:t8:";
	const uint8_t *id = memmem(m->data, m->len, target, sizeof(target) - 1);
	const uint8_t *tid = memmem(m->data, m->len, t, sizeof(t) - 1);
	struct question *q = &d->asked[d->count];

	if (!id || !tid)
		return -EPROTO;
	q->to = m->peer;
	memcpy(q->id.b, id + sizeof(target) - 1, NODEID_BYTES);
	memcpy(q->t, tid + sizeof(t) - 1, sizeof(q->t));
	d->count++;
	return 0;
}

static int ask(struct desk *d, uint32_t want)
{
	struct net_msg out[BATCH];
	unsigned idle = 0;

	for (d->count = 0; d->count < want; d->now_ns += 100000) {
		unsigned room = want - d->count < BATCH ? want - d->count : BATCH, n;

		for (unsigned i = 0; i < room; i++)
			out[i] = (struct net_msg){ .data = d->frames[i] };
		crawl_tick(d->crawl, d->now_ns);
		n = crawl_tx(d->crawl, d->now_ns, out, room);
		/* Budgets may hold all of a batch back; the next one is of others. */
		idle = n ? 0 : idle + 1;
		if (idle > IDLE_MAX)
			return -EPROTO;
		for (unsigned i = 0; i < n; i++)
			if (note(d, &out[i]))
				return -EPROTO;
	}
	return 0;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint32_t say(const struct question *q, uint8_t *out)
{
	static const char head[] = "d1:rd2:id20:", middle[] = "5:nodes0:e1:t8:",
			  tail[] = "1:v4:LT011:y1:re";
	uint8_t *p = out;

	p = (uint8_t *)mempcpy(p, head, sizeof(head) - 1);
	p = (uint8_t *)mempcpy(p, q->id.b, NODEID_BYTES);
	p = (uint8_t *)mempcpy(p, middle, sizeof(middle) - 1);
	p = (uint8_t *)mempcpy(p, q->t, sizeof(q->t));
	p = (uint8_t *)mempcpy(p, tail, sizeof(tail) - 1);
	return (uint32_t)(p - out);
}

/* Everybody answers, in random order. Returns ns per answer. */
static double answer(struct desk *d)
{
	uint64_t ns = 0;

	for (uint32_t i = d->count - 1; i > 0; i--) {
		uint32_t k = rng_below(&d->rng, i + 1);
		struct question q = d->asked[i];

		d->asked[i] = d->asked[k];
		d->asked[k] = q;
	}
	for (uint32_t at = 0; at < d->count; at += BATCH, d->now_ns += 100000) {
		unsigned n = d->count - at < BATCH ? d->count - at : BATCH, elsewhere_count;
		struct net_msg in[BATCH];
		uint16_t elsewhere[BATCH];
		uint64_t start;

		for (unsigned i = 0; i < n; i++) {
			const struct question *q = &d->asked[at + i];

			in[i] = (struct net_msg){ .peer = q->to, .data = d->frames[i] };
			in[i].len = say(q, d->frames[i]);
		}
		start = cpu_ns();
		crawl_rx(d->crawl, d->now_ns, in, n, elsewhere, &elsewhere_count);
		ns += cpu_ns() - start;
	}
	return (double)ns / d->count;
}

static int open_desk(struct desk *d)
{
	struct crawl_port port = { .ctx = d, .sighting = on_sighting, .contact = on_contact };
	struct crawl_opts o = crawl_opts_default();
	struct gate_opts g = { .workers = 1 };
	int err;

	d->now_ns = 1000000000000;
	rng_init(&d->rng, 1, 0);
	o.seed = 1;
	o.slots_log2 = SLOTS_LOG2;
	o.timeout1_ns = o.timeout2_ns = 1000000000000; /* nothing expires */
	d->asked = calloc(MANY, sizeof(*d->asked));
	if (!d->asked)
		return -ENOMEM;
	err = gate_new(&g, &d->gate);
	return err ? err : crawl_new(&o, d->gate, &port, d->now_ns, 0, &d->crawl);
}

static int emit(const struct bench_ctx *ctx, const struct desk *d, double few_ns, double many_ns,
		uint64_t slot_bytes, FILE *out)
{
	double bytes = (double)slot_bytes / d->count;
	struct bench_extra extra[] = {
		{ "in_flight", (double)d->count },
		{ "bytes_per_query", bytes },
		{ "massdns_ratio", MASSDNS_BYTES / bytes },
		{ "few_in_flight_ns", few_ns },
	};
	struct bench_figure f = { .name = "in_flight_1m",
				  .unit = "ns per answer",
				  .better = BENCH_LOWER,
				  .best = many_ns,
				  .median = many_ns,
				  .runs = 1,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	return bench_emit(ctx, &f, out);
}

static int run(const struct bench_ctx *ctx, FILE *out)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct crawl_stats before, after;
	double few = 0, many = 0;
	int err = d ? open_desk(d) : -ENOMEM;

	if (!err)
		offer(d);
	if (!err)
		err = ask(d, FEW);
	if (!err)
		few = answer(d);
	if (!err) {
		crawl_stats(d->crawl, &before); /* asking adds slots and nothing else */
		err = ask(d, MANY);
	}
	if (!err) {
		crawl_stats(d->crawl, &after);
		many = answer(d);
		err = emit(ctx, d, few, many, after.bytes_tables - before.bytes_tables, out);
	}
	if (d) {
		crawl_free(d->crawl);
		gate_free(d->gate);
		free(d->asked);
	}
	free(d);
	return err;
}

const struct bench bench_inflight[] = {
	{ "in_flight_1m", "an answer found among a million questions in flight", run },
	{ NULL, NULL, NULL },
};
