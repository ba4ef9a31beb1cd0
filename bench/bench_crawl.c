/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/sim/sim.h"
#include "engine/cookie.h"
#include "engine/crawl.h"
#include "engine/nodetab.h"
#include "engine/rng.h"

/**
 * DOC: what the census costs in user space, without device and simulator.
 *
 * crawl_step takes one census against the simulated DHT and keeps every reply
 * on a tape: with equal seeds a second crawl sends the very same queries, so
 * the tape can be played to it. What is timed is crawl_tick(), crawl_tx() and
 * crawl_rx() (parsing, gate and limiter included) over a whole census, dead
 * contacts and page faults and all. Replies are copied from the tape into the frames of a
 * ring beforehand, as the kernel does it: a hundred megabytes of tape read cold were 40 to
 * 60 ns an answer that no device costs.
 */

enum {
	STEP_LIVE = 200000, /* 333,000 endpoints, 13 MB of records: far beyond the second cache */
	STEP_BATCH = 64,
	STEP_REPLY_MAX = 1500,
	STEP_FRAMES = 256,         /* as the devices have them (E-23) */
	STEP_NS_PER_PACKET = 1430, /* 700,000 packets/s, what two cores reach on loopback */
	TABLE_NODES = 1 << 20,
	TABLE_BATCH = 256,
};

/* ---- a tape ------------------------------------------------------------------ */

struct turn {
	uint64_t now_ns;
	uint32_t sent, replies;
	size_t at; /* of its first reply */
};

struct reply {
	struct endpoint from;
	uint16_t len;
};

struct tape {
	struct turn *turns;
	size_t turn_count, turn_room;
	uint8_t *bytes;
	size_t len, room;
	int err;
};

static void tape_free(struct tape *t)
{
	free(t->turns);
	free(t->bytes);
}

/* Room for @more further bytes of @size-byte elements; doubles. */
static void *grow(struct tape *t, void *p, size_t used, size_t more, size_t size, size_t *room)
{
	void *bigger;

	if (used + more <= *room)
		return p;
	bigger = realloc(p, (*room * 2 + more) * size);
	if (!bigger) {
		t->err = -ENOMEM;
		return p;
	}
	*room = *room * 2 + more;
	return bigger;
}

static struct turn *tape_turn(struct tape *t, uint64_t now_ns, unsigned sent)
{
	t->turns = grow(t, t->turns, t->turn_count, 1, sizeof(*t->turns), &t->turn_room);
	if (t->err)
		return NULL;
	t->turns[t->turn_count] = (struct turn){ .now_ns = now_ns, .sent = sent, .at = t->len };
	return &t->turns[t->turn_count++];
}

static void tape_reply(struct tape *t, const struct endpoint *from, const uint8_t *data, int len)
{
	struct reply r = { *from, (uint16_t)len };
	size_t more = sizeof(r) + (size_t)len;

	t->bytes = grow(t, t->bytes, t->len, more, 1, &t->room);
	if (t->err)
		return;
	memcpy(t->bytes + t->len, &r, sizeof(r));
	memcpy(t->bytes + t->len + sizeof(r), data, (size_t)len);
	t->len += more;
}

/* The replies of a turn as the device would hand them over. */
static unsigned tape_read(const struct tape *t, const struct turn *turn, struct net_msg *msgs)
{
	size_t at = turn->at;

	for (unsigned i = 0; i < turn->replies; i++) {
		struct reply r;

		memcpy(&r, t->bytes + at, sizeof(r));
		at += sizeof(r);
		msgs[i] = (struct net_msg){ .peer = r.from, .len = r.len, .data = t->bytes + at };
		at += r.len;
	}
	return turn->replies;
}

/* ---- a crawl -------------------------------------------------------------------- */

struct step {
	struct crawl *crawl;
	struct gate *gate;
	uint8_t frames[STEP_BATCH][NET_FRAME_MAX];
	struct net_msg out[STEP_BATCH];
	uint8_t in_frames[STEP_FRAMES][NET_RECV_MAX];
	struct net_msg in[STEP_FRAMES];
};

static void step_sighting(void *ctx, const struct sighting *s)
{
	(void)ctx;
	bench_keep(s);
}

/* One shard has nobody to tell. */
static void step_contact(void *ctx, unsigned shard, const struct crawl_contact *c)
{
	(void)ctx;
	(void)shard;
	bench_keep(c);
}

static int step_open(struct step *s, const struct sim_world *w, uint64_t now_ns)
{
	struct crawl_opts o = crawl_opts_default();
	struct gate_opts g = { .workers = 1 };
	struct crawl_port port = { .ctx = s, .sighting = step_sighting, .contact = step_contact };
	struct crawl_contact boot[8];
	struct endpoint eps[8];
	unsigned n = sim_world_bootstrap(w, eps, 8);
	int err;

	for (unsigned i = 0; i < STEP_BATCH; i++) /* as a device lends them */
		s->out[i] = (struct net_msg){ .data = s->frames[i] };
	o.seed = 1;
	o.sweep_after_ns = 5000000000;
	err = gate_new(&g, &s->gate);
	if (err)
		return err;
	err = crawl_new(&o, s->gate, &port, now_ns, 0, &s->crawl);
	if (err) {
		gate_free(s->gate);
		return err;
	}
	for (unsigned i = 0; i < n; i++)
		boot[i] = (struct crawl_contact){ .ep = eps[i] };
	crawl_offer(s->crawl, boot, n, now_ns);
	return 0;
}

static void step_close(struct step *s)
{
	crawl_free(s->crawl);
	gate_free(s->gate);
}

static unsigned step_tx(struct step *s, uint64_t now_ns)
{
	crawl_tick(s->crawl, now_ns);
	return crawl_tx(s->crawl, now_ns, s->out, STEP_BATCH);
}

static void step_rx(struct step *s, uint64_t now_ns, const struct net_msg *msgs, unsigned count)
{
	uint16_t elsewhere[STEP_BATCH];
	unsigned n;

	if (count)
		crawl_rx(s->crawl, now_ns, msgs, count, elsewhere, &n);
}

/* A census against @w, whose replies go onto @tape. */
static int record(struct step *s, const struct sim_world *w, struct tape *tape, uint64_t now_ns)
{
	const struct endpoint us = endpoint_ip4(0x2d0a0b0c, 6881); /* whom the replies' ip names */
	struct net_msg in[STEP_BATCH];
	uint64_t nonce = 0;
	int err = step_open(s, w, now_ns);

	while (!err && now_ns != UINT64_MAX) {
		unsigned sent = step_tx(s, now_ns);
		struct turn *turn = tape_turn(tape, now_ns, sent);

		for (unsigned i = 0; turn && i < sent; i++) {
			const struct net_msg *m = &s->out[i];
			uint8_t data[STEP_REPLY_MAX];
			uint32_t node;
			int len;

			if (sim_world_by_public(w, &m->peer, &node))
				continue;
			len = sim_peer_answer(w, node, &us, span_of(m->data, m->len), nonce++, data,
					      sizeof(data));
			if (len <= 0)
				continue;
			tape_reply(tape, &m->peer, data, len);
			turn->replies++;
		}
		err = tape->err;
		if (err)
			break;
		step_rx(s, now_ns, in, tape_read(tape, turn, in));
		now_ns = sent ? now_ns + sent * STEP_NS_PER_PACKET
			      : crawl_next_due_ns(s->crawl, now_ns);
	}
	if (s->crawl)
		step_close(s);
	return err;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The replies of the turns from @turn on into frames, as many as there are. Returns the turn after.
 */
static size_t load(struct step *s, const struct tape *tape, size_t turn)
{
	unsigned count = 0;

	for (; turn < tape->turn_count; turn++) {
		const struct turn *t = &tape->turns[turn];

		if (count + t->replies > STEP_FRAMES)
			break;
		tape_read(tape, t, s->in + count);
		for (unsigned i = 0; i < t->replies; i++, count++)
			s->in[count].data =
				memcpy(s->in_frames[count], s->in[count].data, s->in[count].len);
	}
	return turn;
}

/* The same census from the tape; CPU time in @ns, the kernel's page faults with it. -EPROTO where
 * it took another way. */
static int play(struct step *s, const struct sim_world *w, const struct tape *tape,
		struct crawl_stats *stats, double *ns)
{
	int err = step_open(s, w, tape->turns[0].now_ns);
	uint64_t spent = 0;

	for (size_t i = 0; !err && i < tape->turn_count;) {
		size_t until = load(s, tape, i);
		const struct net_msg *in = s->in;
		uint64_t start = cpu_ns();

		for (; !err && i < until; i++) {
			const struct turn *turn = &tape->turns[i];

			if (step_tx(s, turn->now_ns) != turn->sent)
				err = -EPROTO;
			step_rx(s, turn->now_ns, in, turn->replies);
			in += turn->replies;
		}
		spent += cpu_ns() - start;
	}
	*ns = (double)spent;
	if (s->crawl) {
		crawl_stats(s->crawl, stats);
		step_close(s);
	}
	return err;
}

static int emit_step(const struct bench_ctx *ctx, const struct crawl_stats *st, double *runs_ns,
		     unsigned runs, FILE *out)
{
	double answered = (double)st->answered, packets = (double)(st->sent + st->answered);
	double median = bench_median(runs_ns, runs), best = runs_ns[0];
	struct bench_extra extra[] = {
		{ "transaction_ns",
		  median / (double)st->sent }, /* a question and what became of it */
		{ "packet_ns", median / packets },
		{ "packets_per_answer", packets / answered },
		{ "answers", answered }, /* bench/instructions.sh divides by them */
		{ "endpoint_bytes", (double)st->bytes_tables / (double)st->endpoints_known },
	};
	struct bench_figure f = { .name = "crawl_step",
				  .unit = "ns per answer",
				  .better = BENCH_LOWER,
				  .best = best / answered,
				  .median = median / answered,
				  .runs = runs,
				  .extra = extra,
				  .extra_count = sizeof(extra) / sizeof(extra[0]) };

	return bench_emit(ctx, &f, out);
}

static int run_step(const struct bench_ctx *ctx, FILE *out)
{
	enum { RUNS_MAX = 101 };
	struct sim_opts opts = sim_opts_default();
	unsigned runs = ctx->runs ? ctx->runs : 5;
	struct step *s = calloc(1, sizeof(*s));
	struct sim_world *w = NULL;
	struct crawl_stats stats = { 0 };
	struct tape tape = { 0 };
	double ns[RUNS_MAX];
	int err = s ? 0 : -ENOMEM;

	opts.live = STEP_LIVE;
	if (!err)
		err = sim_world_new(&opts, &w);
	if (!err)
		err = record(s, w, &tape, 1000000000000);
	if (runs > RUNS_MAX)
		runs = RUNS_MAX;
	for (unsigned i = 0; !err && i < runs; i++) {
		memset(s, 0, sizeof(*s));
		err = play(s, w, &tape, &stats, &ns[i]);
	}
	if (!err)
		err = emit_step(ctx, &stats, ns, runs, out);
	tape_free(&tape);
	sim_world_free(w);
	free(s);
	return err;
}

/* ---- the table ---------------------------------------------------------------------- */

struct table {
	struct nodetab tab;
	struct rng rng;
};

/* Batches as a reply's contacts come: prefetch, guess, compare. All are there. */
static void body_find(void *arg, uint64_t n)
{
	struct table *t = arg;
	struct nodetab_key keys[TABLE_BATCH];
	uint32_t refs[TABLE_BATCH], wrong = 0;

	for (uint64_t done = 0; done < n; done += TABLE_BATCH) {
		for (unsigned i = 0; i < TABLE_BATCH; i++) {
			uint32_t ip = rng_below(&t->rng, TABLE_NODES) * 2654435761u;

			keys[i] = nodetab_key4(&t->tab, ip, 6881);
			nodetab_prefetch(&t->tab, keys[i].hash);
		}
		for (unsigned i = 0; i < TABLE_BATCH; i++)
			refs[i] = nodetab_guess(&t->tab, keys[i].hash);
		for (unsigned i = 0; i < TABLE_BATCH; i++)
			wrong += !nodetab_is(&t->tab, refs[i], &keys[i]);
	}
	bench_keep(&wrong);
}

static int fill(struct nodetab *t, uint32_t count)
{
	int err = nodetab_init(t, count, 0, 1);
	uint32_t ref;

	for (uint32_t i = 0; !err && i < count; i++) {
		struct nodetab_key key = nodetab_key4(t, i * 2654435761u, 6881);

		err = nodetab_add(t, &key, &ref);
	}
	return err;
}

static int run_find(const struct bench_ctx *ctx, FILE *out)
{
	struct table t = { 0 };
	int err = fill(&t.tab, TABLE_NODES);

	rng_init(&t.rng, 1, 0);
	if (!err)
		err = bench_loop(ctx, "nodetab_find", body_find, &t, out);
	nodetab_free(&t.tab);
	return err;
}

/* Growing from nothing, memory from the kernel included. */
static void body_add(void *arg, uint64_t n)
{
	int *err = arg;

	for (uint64_t done = 0; !*err && done < n; done += TABLE_NODES) {
		uint64_t left = n - done;
		struct nodetab t = { 0 };

		*err = fill(&t, left < TABLE_NODES ? (uint32_t)left : TABLE_NODES);
		nodetab_free(&t);
	}
}

static int run_add(const struct bench_ctx *ctx, FILE *out)
{
	int err = 0, said = bench_loop(ctx, "nodetab_add", body_add, &err, out);

	return err ? err : said;
}

/* ---- the seal -------------------------------------------------------------------------- */

static void body_cookie(void *arg, uint64_t n)
{
	const struct cookie *c = arg;
	uint32_t sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct endpoint ep = endpoint_ip4((uint32_t)i * 2654435761u, 6881);

		sum ^= cookie_make(c, &ep, (uint32_t)i, 1000000000000);
	}
	bench_keep(&sum);
}

static int run_cookie(const struct bench_ctx *ctx, FILE *out)
{
	static const uint8_t key[COOKIE_KEY_BYTES] = "sixteen bytes...";
	struct cookie c;

	cookie_init(&c, key, 15000000000);
	return bench_loop(ctx, "cookie_make", body_cookie, &c, out);
}

const struct bench bench_crawl[] = {
	{ "crawl_step", "a census of 200,000 live nodes from a tape: CPU per answer", run_step },
	{ "nodetab_find", "a known contact among 1 M, looked up 256 at a time", run_find },
	{ "nodetab_add", "a new contact, growing to 1 M", run_add },
	{ "cookie_make", "the seal of one transaction id", run_cookie },
	{ NULL, NULL, NULL },
};
