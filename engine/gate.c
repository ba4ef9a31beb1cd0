/* SPDX-License-Identifier: MIT */
#include "engine/gate.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/blocklist.h"
#include "engine/limiter_impl.h"
#include "proto/prefetch.h"

enum {
	NS_PER_S = 1000000000,
	/* The rate may be made up for when it comes this late, and not when later: one
	 * timer slack and wake-up are some 0.1 ms, and 1 ms of packets is no burst. */
	RATE_LATENESS_NS = 1000000,
	/*
	 * What is later is no burst, but is not forgotten at once: up to 10 ms of it come back as
	 * one part in 24 more than the rate, so a second is short by no more than it must (E-111).
	 * One repayment is for 2 ms at most: 12 ms / 24 are the 0.5 ms that any 10 ms may hold of
	 * it.
	 */
	RATE_DEBT_NS = 10 * 1000 * 1000,
	RATE_REPAY_NS = 2 * 1000 * 1000,
	RATE_REPAY_PART = 24,
	/* Unlimited rate and no hint: begin with tables for 40 k addresses a second. */
	HOST_PPS_UNKNOWN = 40000,
	/* Tables larger than this are not made in advance: they grow when needed. */
	HOST_PPS_HINT_MAX = 250000,
	INTRODUCERS_MIN = 2,  /* for service ports */
	CLAIM_NETS = 1 << 24, /* every /24 there is; untouched ones are no memory */
	NET6_BYTES = 6,
};

/* Thirty years: the slowest rate, so that sums stay far from the end of 64 bits. */
static const double STEP_NS_MAX = 1e18;

/* The global rate: the next packet's time, in ns and 2^-32 ns. */
struct bucket {
	uint64_t next_ns, step_ns;
	uint32_t next_frac, step_frac;
	uint64_t debt_ns, repaid_ns; /* lost by being late; looked at last */
	uint64_t first_ns;           /* the time of the first packet not handed over yet */
	bool limited, held;          /* held: it was the rate that held the last packet back */
	bool lying;                  /* packets have passed that nobody has handed over */
};

struct gate {
	const struct blocklist *blocklist;
	struct blocklist *bogons; /* for when there is no list */
	struct limiter *hosts, *nets;
	struct gate_opts opts;
	struct bucket rate;
	uint64_t last_now_ns;
	struct gate_stats stats;
	uint8_t *claims; /* packets on credit, by /24 or hash of the /48; CLAIM_NETS of them */
	uint8_t claims_max;
	bool shuts_services;
	_Atomic uint32_t *by_net16; /* packets by the upper 16 bits of IPv4 addresses: 256 KiB */
};

/* ---- the global rate -------------------------------------------------------- */

static void bucket_set(struct bucket *b, double rate_pps, uint64_t now_ns)
{
	double whole, frac, step = rate_pps > 0 ? (double)NS_PER_S / rate_pps : 0;

	b->limited = rate_pps > 0;
	b->debt_ns = 0; /* of another rate */
	frac = modf(step < STEP_NS_MAX ? step : STEP_NS_MAX, &whole);
	b->step_ns = (uint64_t)whole;
	b->step_frac = (uint32_t)(frac * 0x1p32);
	/* A next packet that the old rate put further away than the new one would. */
	if (b->next_ns > now_ns + b->step_ns)
		b->next_ns = now_ns + b->step_ns;
}

static bool bucket_ready(struct bucket *b, uint64_t now_ns, uint64_t *retry_ns)
{
	if (!b->limited || b->next_ns <= now_ns)
		return true;
	*retry_ns = b->next_ns;
	b->held = true;
	return false;
}

/* A stall of seconds is bounded by what a debt may be. */
static void bucket_owe(struct bucket *b, uint64_t lost_ns, uint64_t now_ns)
{
	b->debt_ns = lost_ns < RATE_DEBT_NS - b->debt_ns ? b->debt_ns + lost_ns : RATE_DEBT_NS;
	b->repaid_ns = now_ns;
}

/* Who had nothing to send has lost nothing. */
static void bucket_fall_behind(struct bucket *b, uint64_t now_ns)
{
	uint64_t lost = now_ns - RATE_LATENESS_NS - b->next_ns;

	bucket_owe(b, b->held ? lost : 0, now_ns);
	b->next_ns = now_ns - RATE_LATENESS_NS;
}

/*
 * A batch that lay before it went: its packets count as sent now, so the next one's time moves
 * by as much as they came later than a packet may (E-240).
 */
static void bucket_handed_over(struct bucket *b, uint64_t now_ns)
{
	uint64_t late;

	b->lying = false;
	if (b->first_ns + RATE_LATENESS_NS >= now_ns)
		return;
	late = now_ns - RATE_LATENESS_NS - b->first_ns;
	b->next_ns += late;
	bucket_owe(b, late, now_ns);
}

/* On schedule again: a part of the time that has passed. */
static void bucket_repay(struct bucket *b, uint64_t now_ns)
{
	uint64_t passed = now_ns - b->repaid_ns, back;

	back = (passed < RATE_REPAY_NS ? passed : RATE_REPAY_NS) / RATE_REPAY_PART;
	if (back > b->debt_ns)
		back = b->debt_ns;
	b->next_ns -= back;
	b->debt_ns -= back;
	b->repaid_ns = now_ns;
}

static void bucket_take(struct bucket *b, uint64_t now_ns)
{
	uint64_t frac = (uint64_t)b->next_frac + b->step_frac;

	if (!b->limited)
		return;
	if (b->next_ns + RATE_LATENESS_NS < now_ns)
		bucket_fall_behind(b, now_ns);
	if (!b->lying)
		b->first_ns = b->next_ns;
	b->lying = true;
	b->next_ns += b->step_ns + (frac >> 32);
	b->next_frac = (uint32_t)frac;
	b->held = false;
	if (b->debt_ns && b->next_ns > now_ns)
		bucket_repay(b, now_ns);
}

static unsigned bucket_room(const struct bucket *b, uint64_t now_ns)
{
	uint64_t since;

	if (!b->limited)
		return UINT_MAX;
	if (b->next_ns > now_ns)
		return 0;
	since = now_ns - b->next_ns;
	if (since > RATE_LATENESS_NS)
		since = RATE_LATENESS_NS;
	return 1 + (unsigned)(since / (b->step_ns ? b->step_ns : 1));
}

/* ---- the gate ----------------------------------------------------------------- */

/* Ports >= 1024 of UDP services that answer strangers, loudly or at their cost (P7). */
#define SERVICE_PORTS(X)                                                                           \
	X(1194) /* OpenVPN */                                                                      \
	X(1434) /* SQL Server browser */                                                           \
	X(1701) /* L2TP */                                                                         \
	X(1812) /* RADIUS */                                                                       \
	X(1813)                                                                                    \
	X(1900) /* SSDP */                                                                         \
	X(2049) /* NFS */                                                                          \
	X(3283) /* Apple Remote Desktop */                                                         \
	X(3389) /* RDP */                                                                          \
	X(3478) /* STUN, TURN */                                                                   \
	X(3702) /* WS-Discovery */                                                                 \
	X(4500) /* IPsec NAT traversal */                                                          \
	X(5060) /* SIP */                                                                          \
	X(5061)                                                                                    \
	X(5351)  /* NAT-PMP, PCP */                                                                \
	X(5353)  /* mDNS */                                                                        \
	X(5683)  /* CoAP */                                                                        \
	X(10001) /* Ubiquiti discovery */                                                          \
	X(11211) /* memcached */                                                                   \
	X(32414) /* Plex discovery */                                                              \
	X(37810) /* DVR discovery */                                                               \
	X(47808) /* BACnet */

#define SERVICE_CASE(port) case port:
/* The ports by their last eight bits: eleven in twelve others are none of them at a look. */
#define SERVICE_BIT(port, word) | ((port) % 256 / 64 == (word) ? (uint64_t)1 << (port) % 64 : 0)
#define SERVICE_BIT0(port)      SERVICE_BIT(port, 0)
#define SERVICE_BIT1(port)      SERVICE_BIT(port, 1)
#define SERVICE_BIT2(port)      SERVICE_BIT(port, 2)
#define SERVICE_BIT3(port)      SERVICE_BIT(port, 3)

static const uint64_t service_bits[4] = {
	0 SERVICE_PORTS(SERVICE_BIT0),
	0 SERVICE_PORTS(SERVICE_BIT1),
	0 SERVICE_PORTS(SERVICE_BIT2),
	0 SERVICE_PORTS(SERVICE_BIT3),
};

bool gate_is_service_port(uint16_t port)
{
	if (port < 1024)
		return true;
	if (!(service_bits[port / 64 % 4] >> port % 64 & 1))
		return false;
	switch (port) {
		SERVICE_PORTS(SERVICE_CASE)
		return true;
	default:
		return false;
	}
}

enum gate_reason gate_may_learn(const struct gate *g, const struct endpoint *ep)
{
	static const enum gate_reason reason[] = {
		[BLOCKLIST_CLEAR] = GATE_OK,
		[BLOCKLIST_BOGON] = GATE_BOGON,
		[BLOCKLIST_LISTED] = GATE_BLOCKLIST,
	};

	if (ep->port == 0)
		return GATE_PORT_ZERO;
	return reason[blocklist_lookup(g->blocklist, ep)];
}

static enum gate_verdict refuse(struct gate *g, enum gate_verdict verdict, enum gate_reason reason,
				enum gate_reason *why)
{
	g->stats.refused[reason]++;
	*why = reason;
	return verdict;
}

/*
 * Many shards, one host: whose turn it is follows from the wall clock and the
 * address alone. The hash is of no secret: all shards must agree.
 */
static bool is_our_turn(const struct gate *g, const struct endpoint *ep, uint64_t now_ns,
			uint64_t *retry_ns)
{
	const struct gate_opts *o = &g->opts;
	uint64_t wall = now_ns + o->wall_minus_now_ns, turn = wall / GATE_TURN_NS;
	uint64_t host = XXH3_64bits(ep->addr, sizeof(ep->addr)), at = wall % GATE_TURN_NS;
	unsigned turns;

	turns = (unsigned)((o->shard + o->shards - (turn + host) % o->shards) % o->shards);
	if (turns == 0 && at > GATE_TURN_NS - GATE_TURN_SLACK_NS / 2)
		turns = o->shards;
	if (turns == 0 && at >= GATE_TURN_SLACK_NS / 2)
		return true;
	*retry_ns = now_ns - at + turns * (uint64_t)GATE_TURN_NS + GATE_TURN_SLACK_NS / 2;
	return false;
}

/* ---- claims ---------------------------------------------------------------------- */

static inline uint8_t *claim_of(const struct gate *g, const struct endpoint *ep)
{
	if (endpoint_is4(ep))
		return &g->claims[endpoint_get_ip4(ep) >> 8];
	return &g->claims[XXH3_64bits(ep->addr, NET6_BYTES) & (CLAIM_NETS - 1)];
}

void gate_answered(struct gate *g, const struct endpoint *ep)
{
	uint8_t *claim = claim_of(g, ep);

	*claim = *claim > GATE_CLAIM_CREDIT ? (uint8_t)(*claim - GATE_CLAIM_CREDIT) : 0;
}

void gate_prefetch_answer(const struct gate *g, const struct endpoint *ep)
{
	prefetch_write(claim_of(g, ep));
}

static bool open_claims(struct gate *g)
{
	unsigned share = GATE_CLAIMS / g->opts.workers;

	g->claims_max = (uint8_t)(share > GATE_CLAIMS_LEAST ? share : GATE_CLAIMS_LEAST);
	g->claims = mmap(NULL, CLAIM_NETS, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (g->claims == MAP_FAILED)
		g->claims = NULL;
	/* Random single bytes: a TLB miss costs as much as the cache miss. Advice only. */
	else
		(void)madvise(g->claims, CLAIM_NETS, MADV_HUGEPAGE);
	return g->claims;
}

/* Of an IPv4 address. */
static inline _Atomic uint32_t *net16_of(const struct gate *g, const struct endpoint *ep)
{
	return &g->by_net16[ep->addr[12] << 8 | ep->addr[13]];
}

/* Relaxed: one writer, and whoever reads wants a number that was true lately. */
static void count_net16(struct gate *g, const struct endpoint *ep)
{
	_Atomic uint32_t *n = net16_of(g, ep);

	if (endpoint_is4(ep))
		atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
				      memory_order_relaxed);
}

void gate_sum_net16(const struct gate *g, uint32_t sum[static GATE_NETS16])
{
	for (unsigned i = 0; i < GATE_NETS16; i++)
		sum[i] += atomic_load_explicit(&g->by_net16[i], memory_order_relaxed);
}

void gate_shut_services(struct gate *g)
{
	g->shuts_services = true;
}

void gate_prefetch(const struct gate *g, const struct endpoint *ep, struct gate_look *look)
{
	if (endpoint_is4(ep)) {
		look->host_key = endpoint_get_ip4(ep);
		look->net_key = look->host_key >> 8;
		look->claim = &g->claims[look->net_key];
	} else {
		look->host_key = limiter_key(g->hosts, ep);
		look->net_key = limiter_key(g->nets, ep);
		look->claim = claim_of(g, ep);
	}
	prefetch_write(look->claim);
	prefetch_write(net16_of(g, ep));
	look->host_hash = limiter_fetch(g->hosts, look->host_key);
	look->net_hash = limiter_fetch(g->nets, look->net_key);
}

enum gate_verdict gate_admit_looked(struct gate *g, const struct endpoint *ep,
				    const struct gate_look *look, unsigned introducers,
				    uint64_t now_ns, enum gate_reason *why, uint64_t *retry_ns)
{
	struct limiter_ticket host, net;
	enum gate_reason bad = gate_may_learn(g, ep);

	g->last_now_ns = now_ns;
	if (bad != GATE_OK)
		return refuse(g, GATE_NEVER, bad, why);
	if ((introducers < INTRODUCERS_MIN || g->shuts_services) && gate_is_service_port(ep->port))
		return refuse(g, GATE_NEVER, GATE_SERVICE_PORT, why);
	if (*look->claim >= g->claims_max)
		return refuse(g, GATE_NEVER, GATE_CLAIM_BUDGET, why);
	/* The rate first: when it is used up, the tables need not be touched. */
	if (!bucket_ready(&g->rate, now_ns, retry_ns))
		return refuse(g, GATE_FULL, GATE_RATE, why);
	if (g->opts.shards > GATE_SHARES_MAX && !is_our_turn(g, ep, now_ns, retry_ns))
		return refuse(g, GATE_LATER, GATE_HOST_BUDGET, why);
	if (!limiter_ask_as(g->hosts, LIMITER_HOST, look->host_key, look->host_hash, now_ns, &host,
			    retry_ns))
		return refuse(g, GATE_LATER, GATE_HOST_BUDGET, why);
	if (!limiter_ask_as(g->nets, LIMITER_NET, look->net_key, look->net_hash, now_ns, &net,
			    retry_ns))
		return refuse(g, GATE_LATER, GATE_NET_BUDGET, why);
	++*look->claim;
	limiter_charge_as(g->hosts, LIMITER_HOST, &host);
	limiter_charge_as(g->nets, LIMITER_NET, &net);
	bucket_take(&g->rate, now_ns);
	g->stats.passed++;
	count_net16(g, ep);
	*why = GATE_OK;
	return GATE_PASS;
}

enum gate_verdict gate_admit(struct gate *g, const struct endpoint *ep, unsigned introducers,
			     uint64_t now_ns, enum gate_reason *why, uint64_t *retry_ns)
{
	struct gate_look look;

	gate_prefetch(g, ep, &look);
	return gate_admit_looked(g, ep, &look, introducers, now_ns, why, retry_ns);
}

unsigned gate_room(const struct gate *g, uint64_t now_ns)
{
	return bucket_room(&g->rate, now_ns);
}

void gate_handed_over(struct gate *g, uint64_t now_ns)
{
	g->last_now_ns = now_ns;
	if (g->rate.lying)
		bucket_handed_over(&g->rate, now_ns);
}

void gate_set_rate(struct gate *g, double rate_pps)
{
	bucket_set(&g->rate, rate_pps, g->last_now_ns);
}

void gate_set_blocklist(struct gate *g, const struct blocklist *b)
{
	g->blocklist = b ? b : g->bogons;
}

/* ---- life ------------------------------------------------------------------- */

static void defaults(struct gate_opts *o)
{
	if (o->workers == 0)
		o->workers = 1;
	if (o->host_rate <= 0)
		o->host_rate = 1;
	if (o->host_burst == 0)
		o->host_burst = 4;
	if (o->host_10s == 0)
		o->host_10s = 9;
	if (o->net_rate <= 0)
		o->net_rate = 32;
	if (o->net_burst == 0)
		o->net_burst = 64;
	if (o->shards == 0)
		o->shards = 1;
}

/* The share that one run of several may use up. */
static void share_out(struct gate_opts *o)
{
	o->workers *= o->shards;
	if (o->shards <= GATE_SHARES_MAX) {
		o->host_rate /= o->shards;
		o->host_burst /= o->shards;
		o->host_10s /= o->shards;
	} else {
		o->host_rate = (double)NS_PER_S / GATE_TURN_NS;
		o->host_burst = 1;
	}
	if (o->host_burst == 0)
		o->host_burst = 1;
}

static int open_limiters(struct gate *g)
{
	const struct gate_opts *o = &g->opts;
	double pps = o->rate_pps > 0 ? o->rate_pps : HOST_PPS_UNKNOWN;
	size_t hint = (size_t)((pps < HOST_PPS_HINT_MAX ? pps : HOST_PPS_HINT_MAX) *
			       (LIMITER_WINDOW_S + 1));
	struct limiter_opts hosts = { .kind = LIMITER_HOST,
				      .rate_pps = o->host_rate,
				      .burst = o->host_burst,
				      .window_max = o->host_10s,
				      .entries_hint = hint,
				      .secret = o->secret };
	struct limiter_opts nets = { .kind = LIMITER_NET,
				     .rate_pps = o->net_rate / o->workers,
				     .burst = o->net_burst / o->workers,
				     .entries_hint = hint,
				     .secret = o->secret };
	int err;

	if (nets.burst == 0)
		nets.burst = 1;
	err = limiter_new(&hosts, &g->hosts);
	return err ? err : limiter_new(&nets, &g->nets);
}

int gate_new(const struct gate_opts *opts, struct gate **out)
{
	struct gate *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->opts = *opts;
	defaults(&g->opts);
	share_out(&g->opts);
	bucket_set(&g->rate, opts->rate_pps, 0);
	err = blocklist_new(&g->bogons);
	g->by_net16 = calloc(GATE_NETS16, sizeof(*g->by_net16));
	if (!err)
		err = g->by_net16 ? open_limiters(g) : -ENOMEM;
	if (!err && !open_claims(g))
		err = -ENOMEM;
	if (err) {
		gate_free(g);
		return err;
	}
	gate_set_blocklist(g, opts->blocklist);
	*out = g;
	return 0;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	limiter_free(g->hosts);
	limiter_free(g->nets);
	blocklist_free(g->bogons);
	if (g->claims)
		munmap(g->claims, CLAIM_NETS);
	free(g->by_net16);
	free(g);
}

void gate_stats(const struct gate *g, struct gate_stats *out)
{
	struct limiter_stats hosts, nets;

	limiter_stats(g->hosts, &hosts);
	limiter_stats(g->nets, &nets);
	*out = g->stats;
	out->worst_host_10s = hosts.worst;
	out->worst_net_10s = nets.worst;
	out->table_bytes = hosts.bytes + nets.bytes;
	out->crowded = hosts.crowded + nets.crowded;
}

const char *gate_reason_name(enum gate_reason r)
{
	static const char *const name[] = {
		[GATE_OK] = "ok",
		[GATE_BOGON] = "bogon",
		[GATE_BLOCKLIST] = "blocklist",
		[GATE_PORT_ZERO] = "port-zero",
		[GATE_SERVICE_PORT] = "service-port",
		[GATE_HOST_BUDGET] = "host-budget",
		[GATE_NET_BUDGET] = "net-budget",
		[GATE_INTRODUCER_BUDGET] = "introducer-budget",
		[GATE_RATE] = "rate",
		[GATE_CLAIM_BUDGET] = "claim-budget",
	};

	return (unsigned)r < GATE_REASONS ? name[r] : "?";
}
