/* SPDX-License-Identifier: MIT */
#include "engine/listen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "engine/blocklist.h"
#include "engine/clock.h"
#include "engine/net.h"
#include "engine/priv.h"
#include "engine/scribe.h"
#include "engine/signals.h"

enum {
	/* Half of what a device queues: every datagram may be answered before the next push. */
	AT_ONCE = NET_BATCH_MAX / 2,
	ROUNDS_MAX = 64, /* batches of one socket before the others have their turn */
	RATE_PPS = 50,   /* of our own queries: a node of the DHT sends a few a second */
	FLUSH_NS = 500 * 1000000,
	RCVBUF_BYTES = 4 << 20, /* a flood is better lost than answered late */
	MS_NS = 1000000,
	S_NS = 1000000000,
};

struct listen {
	struct listen_opts opts;
	struct clock clock;
	struct net_group *group[EAR_IDS_MAX];
	struct net *net[EAR_IDS_MAX];
	bool dirty[EAR_IDS_MAX]; /* has something to push */
	struct pollfd poll[EAR_IDS_MAX];
	struct endpoint local[EAR_IDS_MAX];
	struct blocklist *blocklist;
	struct gate *gate;
	struct ear *ear;
	struct scribe *scribe;
	struct scribe_lane *lane;
	struct signals signals;
	uint64_t began_ns, flush_ns, tick_ns, rate_ns, told_ns;
	struct ear_stats rate_last;
	const uint8_t *datagram; /* being handled, for the sample of bad ones */
	int privileges;
};

static uint64_t now(const struct listen *l)
{
	return clock_now_ns(&l->clock);
}

/* ---- the ear's port ------------------------------------------------------------------ */

static bool port_send(void *ctx, unsigned i, const struct endpoint *to, const uint8_t *data,
		      size_t len)
{
	struct listen *l = ctx;
	struct net_msg m;

	if (len > NET_FRAME_MAX || net_send_alloc(l->net[i], &m, 1) == 0)
		return false;
	memcpy(m.data, data, len);
	m.len = (uint32_t)len;
	m.peer = *to;
	m.tag = 0;
	net_send(l->net[i], &m, 1);
	l->dirty[i] = true;
	return true;
}

static void port_heard(void *ctx, const struct heard *h)
{
	struct listen *l = ctx;

	if (h->kind == HEARD_MALFORMED && l->opts.bad)
		bad_keep(l->opts.bad, l->datagram, h->bytes, h->code);
	scribe_lane_put_heard(l->lane, h);
}

static void port_sighting(void *ctx, const struct sighting *s)
{
	scribe_lane_put(((struct listen *)ctx)->lane, s);
}

/* ---- opening --------------------------------------------------------------------------- */

static int open_socket(struct listen *l, unsigned i, char *why)
{
	unsigned b = i % l->opts.bind_count, step = i / l->opts.bind_count;
	struct net_udp_opts o = { .bind = l->opts.bind[b],
				  .workers = 1,
				  .rcvbuf_bytes = RCVBUF_BYTES };
	char text[ENDPOINT_TEXT_MAX];
	int err = 0;

	if (o.bind.port && step > 65535u - o.bind.port)
		err = -ERANGE;
	if (o.bind.port)
		o.bind.port = (uint16_t)(o.bind.port + step);
	if (!err)
		err = net_group_open(&o, &l->group[i]);
	if (!err)
		err = net_mmsg_open(l->group[i], 0, &l->net[i]);
	if (err) {
		snprintf(why, LISTEN_WHY_MAX, "%s: %s%s", endpoint_to_text(&o.bind, text),
			 dt_strerror(err),
			 err == -EADDRINUSE      ? "; cure: another port, --bind ADDR:PORT"
			 : err == -EADDRNOTAVAIL ? "; cure: an address that  ip addr  lists"
						 : "");
		return err;
	}
	l->local[i] = net_group_local(l->group[i]);
	l->poll[i] = (struct pollfd){ .fd = net_group_fd(l->group[i], 0), .events = POLLIN };
	return 0;
}

static bool is_unset(const struct endpoint *ep)
{
	static const struct endpoint zero;

	return memcmp(ep->addr, zero.addr, sizeof(zero.addr)) == 0;
}

static int open_gate(struct listen *l, char *why)
{
	struct gate_opts o = { .rate_pps = l->opts.rate_pps > 0 ? l->opts.rate_pps : RATE_PPS,
			       .workers = 1 };
	int err = l->opts.blocklist_path
			  ? blocklist_load(l->opts.blocklist_path, &l->blocklist, why)
			  : blocklist_new(&l->blocklist);

	o.blocklist = l->blocklist;
	return err ? err : gate_new(&o, &l->gate);
}

/* An address that is bound and public is what others see; anything else they tell us. */
static int open_ear(struct listen *l)
{
	struct endpoint external[EAR_IDS_MAX];
	struct ear_opts o = { .ids = l->opts.ids,
			      .local = l->local,
			      .bootstrap = l->opts.bootstrap,
			      .bootstrap_count = l->opts.bootstrap_count,
			      .v = { 'D', 'T', 0, 1 },
			      .allowance = l->opts.allowance,
			      .seed = l->opts.seed };
	struct ear_port port = { l, port_send, port_heard, port_sighting };
	bool any = false;

	memset(external, 0, sizeof(external));
	for (unsigned i = 0; i < l->opts.ids; i++) {
		if (!is_unset(&l->opts.external) &&
		    endpoint_is4(&l->opts.external) == endpoint_is4(&l->local[i]))
			external[i] = l->opts.external;
		else if (gate_may_learn(l->gate, &l->local[i]) == GATE_OK)
			external[i] = l->local[i];
		external[i].port = 0;
		any |= !is_unset(&external[i]);
	}
	o.external = any ? external : NULL;
	return ear_new(&o, l->gate, &port, now(l), l->clock.wall_minus_now_ns, &l->ear);
}

int listen_open(const struct listen_opts *opts, struct listen **out,
		char why[static LISTEN_WHY_MAX])
{
	struct listen *l;
	int err = 0;

	why[0] = 0;
	if (opts->ids < 1 || opts->ids > EAR_IDS_MAX || opts->bind_count < 1 ||
	    opts->bind_count > LISTEN_BINDS_MAX)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l || sodium_init() < 0) {
		free(l);
		return -ENOMEM;
	}
	l->opts = *opts;
	l->clock = clock_system();
	l->privileges = -1;
	l->opts.rate_s = opts->rate_s ? opts->rate_s : LISTEN_RATE_S;
	for (unsigned i = 0; i < opts->ids && !err; i++)
		err = open_socket(l, i, why);
	if (!err)
		err = open_gate(l, why);
	if (!err)
		err = scribe_new(1, &opts->sink, &l->scribe);
	if (!err) {
		l->lane = scribe_lane(l->scribe, 0);
		err = open_ear(l);
	}
	if (!err && opts->drop_privileges) {
		l->privileges = priv_drop(opts->keep_writable);
		err = l->privileges < 0 ? l->privileges : 0;
	}
	if (err) {
		listen_close(l);
		return err;
	}
	*out = l;
	return 0;
}

struct endpoint listen_local(const struct listen *l, unsigned i)
{
	return l->local[i];
}

/* ---- running ----------------------------------------------------------------------------- */

/* All that a socket has, and what was answered pushed out with it. */
static int serve(struct listen *l, unsigned i)
{
	struct net_failure failures[NET_BATCH_MAX];
	struct net_msg in[AT_ONCE];
	int n = 0;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		uint64_t at = now(l);

		n = net_recv(l->net[i], in, AT_ONCE, 0);
		l->dirty[i] = false;
		for (int k = 0; k < n; k++) {
			l->datagram = in[k].data;
			ear_rx(l->ear, i, &in[k].peer, span_of(in[k].data, in[k].len), at);
		}
		net_recv_finish(l->net[i]);
		while (net_failures(l->net[i], failures, NET_BATCH_MAX))
			;
		if (n <= 0 && !l->dirty[i])
			break;
	}
	return n < 0 ? n : 0;
}

/* Seed form first; what the first dht-telescope did not count stands behind it. */
int listen_rate_line(const struct ear_stats *now_, const struct ear_stats *last, unsigned rate_s,
		     char *out, size_t cap)
{
	static const uint8_t rest[] = { HEARD_SAMPLE_INFOHASHES,
					HEARD_GET,
					HEARD_PUT,
					HEARD_OTHER,
					HEARD_REPLY,
					HEARD_ERROR,
					HEARD_MALFORMED };
	size_t at;

#define SINCE(kind) (unsigned long long)(now_->messages[kind] - last->messages[kind])
	at = (size_t)snprintf(
		out, cap,
		"[rate %us] ping=%llu find_node=%llu get_peers=%llu announce_peer=%llu "
		"unique_infohashes=%llu in_flight=%u",
		rate_s, SINCE(HEARD_PING), SINCE(HEARD_FIND_NODE), SINCE(HEARD_GET_PEERS),
		SINCE(HEARD_ANNOUNCE_PEER), (unsigned long long)now_->unique_infohashes,
		now_->in_flight);
	for (unsigned k = 0; k < sizeof(rest) && at < cap; k++)
		at += (size_t)snprintf(out + at, cap - at, " %s=%llu", heard_kind_name(rest[k]),
				       SINCE(rest[k]));
#undef SINCE
	if (at < cap)
		at += (size_t)snprintf(out + at, cap - at, " withheld=%llu table=%u",
				       (unsigned long long)(now_->outcomes[HEARD_WITHHELD] -
							    last->outcomes[HEARD_WITHHELD]),
				       now_->table_nodes);
	return (int)at;
}

static void say_rates(struct listen *l)
{
	char line[LISTEN_RATE_LINE_MAX];
	struct ear_stats st;

	ear_stats(l->ear, &st);
	listen_rate_line(&st, &l->rate_last, l->opts.rate_s, line, sizeof(line));
	if (l->opts.talk) {
		fprintf(l->opts.talk, "%s\n", line);
		fflush(l->opts.talk);
	}
	l->rate_last = st;
	ear_interval(l->ear);
}

static void reload(struct listen *l)
{
	char why[BLOCKLIST_WHY_MAX] = "";
	struct blocklist *list;

	if (!l->opts.blocklist_path)
		return;
	if (blocklist_load(l->opts.blocklist_path, &list, why)) {
		if (l->opts.talk)
			fprintf(l->opts.talk, "blocklist kept as it was: %s\n", why);
		return;
	}
	gate_set_blocklist(l->gate, list);
	blocklist_free(l->blocklist);
	l->blocklist = list;
}

static void by_the_clock(struct listen *l)
{
	uint64_t at = now(l);

	if (at >= l->tick_ns) {
		ear_tick(l->ear, at);
		l->tick_ns = at + EAR_TICK_NS;
	}
	if (at >= l->flush_ns) {
		scribe_lane_flush(l->lane);
		l->flush_ns = at + FLUSH_NS;
	}
	if (at >= l->rate_ns) {
		say_rates(l);
		l->rate_ns += (uint64_t)l->opts.rate_s * S_NS;
	}
	if (l->opts.told && at >= l->told_ns) {
		struct ear_stats st;

		ear_stats(l->ear, &st);
		l->opts.told(l->opts.told_ctx, &st);
		l->told_ns = at + S_NS;
	}
	if (l->opts.signals && signals_reload(&l->signals))
		reload(l);
}

static bool over(const struct listen *l, struct listen_result *out)
{
	out->interrupted = l->opts.signals && signals_stops(&l->signals) > 0;
	return out->interrupted || scribe_error(l->scribe) ||
	       (l->opts.max_runtime_ns && now(l) - l->began_ns >= l->opts.max_runtime_ns);
}

static int turn(struct listen *l)
{
	uint64_t at = now(l);
	int wait_ms = l->tick_ns > at ? (int)((l->tick_ns - at) / MS_NS) + 1 : 0, err = 0;

	if (poll(l->poll, l->opts.ids, wait_ms) < 0 && errno != EINTR)
		return -errno;
	by_the_clock(l);
	for (unsigned i = 0; i < l->opts.ids && !err; i++)
		if (l->poll[i].revents || l->dirty[i])
			err = serve(l, i);
	gate_handed_over(l->gate, now(l));
	return err;
}

static void close_accounts(struct listen *l, struct listen_result *out)
{
	struct scribe_stats scribe;

	ear_stats(l->ear, &out->ear);
	gate_stats(l->gate, &out->gate);
	scribe_stats(l->scribe, &scribe);
	out->heard = scribe.heard;
	out->sightings = scribe.sightings;
	out->lost = scribe.lost;
	out->wall_ns = now(l) - l->began_ns;
	out->started_ms = clock_wall_ns(&l->clock, l->began_ns) / MS_NS;
	out->ids = l->opts.ids;
	out->privileges = l->privileges;
	for (unsigned i = 0; i < l->opts.ids; i++) {
		struct net_stats net;

		net_stats(l->net[i], &net);
		out->kernel_drops += net.kernel_drops;
		out->truncated += net.recv_truncated;
		out->send_failures += net.send_failures;
		ear_identity(l->ear, i, &out->identity[i]);
	}
}

int listen_run(struct listen *l, struct listen_result *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	if (l->opts.signals)
		signals_take(&l->signals);
	l->began_ns = now(l);
	l->rate_ns = l->began_ns + (uint64_t)l->opts.rate_s * S_NS;
	ear_stats(l->ear, &l->rate_last);
	err = scribe_start(l->scribe);
	while (!err && !over(l, out))
		err = turn(l);
	if (!err && l->rate_ns - now(l) < (uint64_t)l->opts.rate_s * S_NS)
		say_rates(l); /* of the last, shorter while */
	scribe_lane_flush(l->lane);
	if (!err)
		err = scribe_finish(l->scribe);
	if (l->opts.signals)
		signals_give_back(&l->signals);
	close_accounts(l, out);
	out->err = err;
	if (err)
		snprintf(out->why, sizeof(out->why), "%s", dt_strerror(err));
	return err;
}

void listen_close(struct listen *l)
{
	if (!l)
		return;
	ear_free(l->ear);
	scribe_free(l->scribe);
	gate_free(l->gate);
	blocklist_free(l->blocklist);
	for (unsigned i = 0; i < EAR_IDS_MAX; i++) {
		net_close(l->net[i]);
		net_group_close(l->group[i]);
	}
	free(l);
}
