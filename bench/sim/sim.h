/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_SIM_H
#define BENCH_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/net.h"
#include "proto/clock.h"
#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"
#include "proto/sighting.h"
#include "proto/span.h"
#include "store/geo.h"

/**
 * DOC: a DHT that does not exist, with its truth. A population follows from a
 * seed; ids are sorted once, everything else (address, routing table, mood) is
 * computed when asked for. The same world answers in virtual time
 * (net_sim.c) and on real sockets over 127.0.0.0/8 (farm.c).
 */

/** What a node is; every one but the first is a key of sim_bad. */
enum sim_nature {
	SIM_NORMAL,
	SIM_REMAPPED,   /* its NAT gives it three ports: listed under any, answers from any */
	SIM_MULTIHOMED, /* one id on two addresses */
	SIM_CLONE,      /* one id on sixteen */
	SIM_FLAPPER,    /* another id every time, of eight */
	SIM_LIAR,       /* an id next to the asker's, and contacts that do not exist */
	SIM_POISONER,   /* lists bogons, a victim's /24 and service ports */
	SIM_ROUTER,     /* hands out sixteen contacts from anywhere */
	SIM_REFLECTOR, /* sends the query back, or answers with the asker's id; no node, so not live
			*/
	SIM_ONEWAY,    /* behind a NAT: asks, is listed, is reached by whom it asked at most; not
			* live */
	SIM_READ_ONLY, /* BEP 43: asks with ro=1, does not answer; not live */
	SIM_NATURES
};

/** What stands before a node, as questions of ours meet it (hole.h). */
enum sim_nat {
	SIM_NAT_NONE,    /* or one that lets everything in: full cone */
	SIM_NAT_ADDRESS, /* one-way; lets in whom the node has spoken to */
	SIM_NAT_PORT,    /* one-way; lets in the port that the node has spoken to */
	SIM_NAT_CLOSED,  /* one-way or read-only; nothing of ours reaches it */
	SIM_NATS
};

/** sim_nat_name() - "none", "address", ... */
const char *sim_nat_name(enum sim_nat nat);

/** sim_nature_name() - "normal", "remapped", ... */
const char *sim_nature_name(enum sim_nature nature);

/**
 * struct sim_bad - shares of all ids, where bad.def says nothing else; one field a row of
 * it. All zero but bep43, bep44 and bep51: an honest world.
 */
struct sim_bad {
#define BAD(name, value, help) double name;
#include "bench/sim/bad.def"
#undef BAD
};

struct sim_opts {
	uint64_t seed;
	uint32_t live;         /* nodes that answer */
	double dead_share;     /* dead contacts as a share of all ids; 0.40 */
	double loss;           /* per round trip; 0.05 */
	uint32_t delay_us;     /* median round trip; 0 = at once */
	double lt_share;       /* tables of 128/64/32/16/8; the others 8 everywhere; 0.70 */
	const struct geo *geo; /* real networks to draw addresses from; borrowed; NULL or an
				* empty set = own table */
	bool plain;            /* hand out loopback aliases as contacts (any third-party crawler) */
	/* Who is there when (presence.h). All zero: a world that stands still. */
	double churn;   /* share of the live nodes that leaves, and comes, in 5 minutes; 0.007 */
	double diurnal; /* homes online at the evening's peak, as a share above their mean; 0.30 */
	double time_s;  /* when it is at the start, in seconds since the world began */
	struct sim_bad bad;
};

struct sim_opts sim_opts_default(void);

struct sim_world;
struct island;

/** sim_world_new() - Cost: about 9 bytes and 60 ns per node. Errors: -ENOMEM, DT_ERANGE. */
int sim_world_new(const struct sim_opts *opts, struct sim_world **out) DT_MUST;
void sim_world_free(struct sim_world *w);

/** sim_world_opts() - what it was made from. */
const struct sim_opts *sim_world_opts(const struct sim_world *w);

/**
 * sim_world_shed() - drop the table of ids, so that the crawler's memory is its
 * own: after sim_farm_start() only the child needs it, net_alias never does.
 * sim_world_load() makes it again; whoever needs ids (sim_world_node(), sim_score(),
 * sim_peer_answer(), sim_truth_write()) needs it loaded. A new world is.
 * Errors:  -ENOMEM.
 */
void sim_world_shed(struct sim_world *w);
int sim_world_load(struct sim_world *w) DT_MUST;

/**
 * DOC: time. A world with churn or a daily wave moves: who is there is a function of
 * (seed, node, second). Its devices keep its clock, from opts.time_s on. opts.live
 * is then what is expected, and what the count breathes around.
 */

/** Unix time at which every world begins: Monday 2026-09-21 14:13:20 UTC. */
#define SIM_WALL_NS 1790000000000000000ull

#define SIM_TIME_MAX_S 1e9  /* of opts.time_s: 31 years */
#define SIM_AWAY_MIN   0.05 /* of opts.dead_share where there is churn */

bool sim_world_moves(const struct sim_world *w);

/** sim_world_set_time() - @s: seconds since the world began. */
void sim_world_set_time(struct sim_world *w, double s);
double sim_world_time(const struct sim_world *w);

/** sim_world_begin_census() - what sim_score() compares from: the world's time now. */
void sim_world_begin_census(struct sim_world *w);

/** sim_world_census_from() - the same, since @s; returns what it was. For a census beside one. */
double sim_world_census_from(struct sim_world *w, double s);

/** sim_world_bytes() - memory of its tables now. */
uint64_t sim_world_bytes(const struct sim_world *w);

/** sim_world_nodes() - live and dead together. */
uint32_t sim_world_nodes(const struct sim_world *w);

/** sim_world_contact() - how replies name node @n: its public endpoint, the alias with opts.plain.
 */
struct endpoint sim_world_contact(const struct sim_world *w, uint32_t n);

/** sim_world_bootstrap() - up to @max live endpoints to start from. Returns the count. */
unsigned sim_world_bootstrap(const struct sim_world *w, struct endpoint *out, unsigned max);

/** struct sim_harm - what a census did to others; all of it should be 0, but the victim's budget.
 */
struct sim_harm {
	uint64_t to_bogons, to_victim, to_service_ports;
	uint64_t to_nobody; /* addresses that no node ever had, the victim's among them */
	uint64_t bans;      /* times a limiter began to ignore us */
	uint64_t limited;   /* queries that a limiter or an empty quota left unanswered */
};

/** sim_world_harm() - of all devices that this process opened; the farm's child counts its own. */
void sim_world_harm(const struct sim_world *w, struct sim_harm *out);

/** sim_world_victim() - the /24 that poisoners list: nobody lives there. Host order. */
uint32_t sim_world_victim(const struct sim_world *w);

/** struct sim_node - what the world knows of node @n. */
struct sim_node {
	struct nodeid id;
	struct endpoint public_ep; /* what contacts, store, geo and maps see */
	struct endpoint alias;     /* where the farm answers for it: 127.x.y.z:port */
	bool live;
	enum sim_nature nature;
};

void sim_world_node(const struct sim_world *w, uint32_t n, struct sim_node *out);

/** sim_world_nat() - what stands before node @n. */
enum sim_nat sim_world_nat(const struct sim_world *w, uint32_t n);

/**
 * sim_world_able() - what node @n can do: SIGHTING_NODES6, _SAMPLES, _SCRAPE, _ITEMS, _IP_VOTE;
 * _SCRAPE only where it has samples, for without a torrent it cannot be asked for.
 */
uint16_t sim_world_able(const struct sim_world *w, uint32_t n);

/** sim_world_by_public(), _by_alias() - the inverse; DT_ENOTFOUND where no node stands. */
int sim_world_by_public(const struct sim_world *w, const struct endpoint *ep, uint32_t *n) DT_MUST;
int sim_world_by_alias(const struct sim_world *w, const struct endpoint *ep, uint32_t *n) DT_MUST;

/**
 * sim_peer_answer() - what node @n says to one datagram.
 * @from: the asker, for the ip field.
 * Returns the reply's length (0 = silent: dead, lost, or not understood).
 * Loss is drawn from the seed, @n and @nonce, so a run can be repeated.
 */
int sim_peer_answer(const struct sim_world *w, uint32_t n, const struct endpoint *from,
		    struct span query, uint64_t nonce, uint8_t *out, size_t cap);

/* ---- virtual time -------------------------------------------------------- */

/**
 * net_sim_open() - a device without a kernel: millions of nodes, no packet in sight.
 * @clock: out, the time it makes: valid until the device is closed. It moves by
 * waiting in net_recv(), to the next arrival, and by a microsecond a call; the
 * wall stands at SIM_WALL_NS + opts.time_s at first. It sets the world's time.
 * Cost:    0.6 us a query, its reply included; see bench sim_virtual.
 */
int net_sim_open(struct sim_world *w, struct net **out, struct clock *clock) DT_MUST;

/**
 * net_sim_beside() - a device into the world of @before, whose clock goes on from where that
 * of @before stands: for a run after a run. @port: of ours; 0 = that of net_sim_open().
 */
int net_sim_beside(const struct net *before, unsigned port, struct net **out,
		   struct clock *clock) DT_MUST;

/**
 * net_sim_along() - the same, and both go on in one time: for a run beside a run. The thread
 * is one. Close it before @first. @clock is one and the same.
 */
int net_sim_along(struct net *first, unsigned port, struct net **out, struct clock *clock) DT_MUST;

/* ---- the farm -------------------------------------------------------------- */

/**
 * struct sim_farm_guest - another protocol on one port of every address, answered by the same
 * threads through the same frames, so that programs that do not speak DHT can be measured
 * against the same responder. Over an island only.
 */
struct sim_farm_guest {
	uint16_t port; /* 0 = none */
	/** Returns the bytes of the reply, at most @max; 0 = no answer, counted as malformed. */
	uint32_t (*answer)(struct span query, uint8_t *reply, uint32_t max);
};

/**
 * DOC: a child process that answers for all nodes on 127.0.0.0/8. Needs no
 * privilege; is bound to the device lo and answers nothing that does not come
 * from 127.0.0.0/8. It ends with sim_farm_stop() and with the thread that
 * started it (PR_SET_PDEATHSIG), and ignores SIGINT and SIGTERM: Ctrl-C reaches
 * it too, and the census that drains still wants its answers.
 */
struct sim_farm_opts {
	unsigned threads; /* one per core: 1..NET_WORKERS_MAX */
	bool pin;         /* thread i on core first_core + i */
	unsigned first_core;
	uint16_t base_port; /* first of its ports; 0 = 20000, or a later one where that is taken */
	/**
	 * Answer as raw frames at the far end of this island instead, by @raw:
	 * NET_BACKEND_PACKET or _XDP. Its devices need a queue a thread and one. The child
	 * checks that nothing leads out of there and refuses to run anywhere else.
	 */
	const struct island *island;
	enum net_backend raw;
	struct sim_farm_guest guest;
	char *why; /* NULL, or room for SIM_WHY_MAX: a phrase where more is to be said than the
		      error */
};

enum { SIM_WHY_MAX = 240 };

struct sim_farm;

/**
 * sim_farm_start() - fork the farm; returns once every port is bound and answering.
 * Aliases have their ports from then on, so write the truth afterwards.
 *
 * A query is answered by the thread of the core on which it was sent
 * (NET_STEER_CPU) and the reply is sent there, so a crawler pinned alike and
 * steered by CPU too never crosses cores.
 * Errors:  DT_ERANGE threads; -EINVAL a guest without an island; -EADDRINUSE; -errno of fork and
 * sockets; over an island DT_EREFUSED, DT_EUNSUPPORTED: see @why of @opts.
 */
int sim_farm_start(struct sim_world *w, const struct sim_farm_opts *opts,
		   struct sim_farm **out) DT_MUST;

/** struct sim_farm_stats - received = answered + waiting + lost + dead + limited + malformed +
 * foreign + failures. */
struct sim_farm_stats {
	uint64_t received, answered, lost, dead, malformed;
	uint64_t limited, bans; /* see sim_harm */
	uint64_t calls;         /* queries sent to the asker */
	uint64_t foreign;       /* not from 127.0.0.0/8, or the island's near end: dropped */
	uint64_t send_failures, kernel_drops;
	uint64_t peak_rss_bytes; /* of the child, tables of the world included */
	double user_s, system_s; /* of the child, at most 50 ms old */
};

/** sim_farm_stats() - from memory shared with the child; threads publish after each batch. */
void sim_farm_stats(const struct sim_farm *f, struct sim_farm_stats *out);

/** sim_farm_settle() - the same when nothing has been heard of it for 100 ms; waits 2 s at most. */
struct sim_farm_stats sim_farm_settle(const struct sim_farm *f);

/** sim_farm_sync() - set the world of this process to the time that the child's has. */
void sim_farm_sync(const struct sim_farm *f);

/** sim_farm_pid() - of the child, for those who watch its memory. */
int sim_farm_pid(const struct sim_farm *f);

/** sim_farm_stop() - ends the child by its pid and waits for it. */
void sim_farm_stop(struct sim_farm *f);

/**
 * net_alias_open() - wrap @inner: public addresses outside, loopback aliases
 * inside. Can send to nothing but 127.0.0.0/8, whatever it is handed: other
 * packets come back through net_failures() with -EACCES. Open it after
 * sim_farm_start(), which may choose other ports.
 * Owns:    @inner from success on.
 */
int net_alias_open(struct sim_world *w, struct net *inner, struct net **out) DT_MUST;

/* ---- truth ----------------------------------------------------------------- */

/**
 * struct sim_truth - in a world that moves, @live is the count half way through the
 * census, and recall is that of those who were there at its start and at its end:
 * nobody else could be asked whenever it suited.
 */
enum sim_missed_how { SIM_MISSED_UNLISTED, SIM_MISSED_SILENT, SIM_MISSED_HOW };

/** Who they are: the first that holds. */
enum sim_missed_who {
	SIM_MISSED_SHARED, /* behind a carrier's NAT: tables hold one entry per address */
	SIM_MISSED_BUSY,   /* its quota is used up by others, half of the time */
	SIM_MISSED_OTHER,
	SIM_MISSED_WHO
};

struct sim_truth {
	uint64_t live, seen, answered;
	uint64_t live_start, live_end, stayed;
	uint64_t endpoints;      /* of the live half way: a remapped node has three */
	uint64_t heard;          /* endpoints that answered, passers' among them */
	double recall;           /* answered live / live; with churn answered stayers / stayed */
	double seen_share;       /* seen likewise */
	double young_seen_share; /* the same of the newest tenth; NAN where there is none */
	double estimate_error;   /* (answered + unseen estimate - live) / live; NAN until given */
	uint64_t missed[SIM_MISSED_HOW]
		       [SIM_MISSED_WHO]; /* of those who stayed and did not answer */
	uint64_t false_nodes; /* endpoints said to have answered that are not live nodes */
	uint64_t wrong_ids;   /* answered under an id that is not theirs */
};

/**
 * sim_score() - compare a census with the truth, between the time at which the
 * device was opened and the world's time now.
 * @lookup: for a node's endpoint: returns 0 unknown, 1 mentioned, 2 answered, @id out; or -1: not
 * a node of the part that the census asked. @id: in: the node's id.
 */
void sim_score(const struct sim_world *w,
	       int (*lookup)(void *ctx, const struct endpoint *ep, struct nodeid *id), void *ctx,
	       struct sim_truth *out);

/** struct sim_confusion - endpoints by what their node is and what it was judged to be. */
struct sim_confusion {
	uint64_t count[SIM_NATURES][SIGHTING_CLASSES];
};

/**
 * sim_confuse() - compare classes with the truth, endpoint by endpoint.
 * @classify: of an endpoint the class it was given; less than 0: it neither answered nor
 * mirrored us, so nothing can be known.
 */
void sim_confuse(const struct sim_world *w, int (*classify)(void *ctx, const struct endpoint *ep),
		 void *ctx, struct sim_confusion *out);

/**
 * sim_truth_write() - DIR/truth.csv and, where no geo files were used, DIR/geo.tsv.
 *
 * Columns: id, endpoint, alias, live, class (sim_nature_name()); in a world that moves also
 * presence: 24 digits, 1 where the node is there now, in one hour, ... in 23 hours. Cost: 100 bytes
 * and 1 us a node. Errors: -errno.
 */
int sim_truth_write(const struct sim_world *w, const char *dir) DT_MUST;

/** sim_world_geo_is_own() - true where no geo file was used: pictures say SYNTHETIC SAMPLE either
 * way. */
bool sim_world_geo_is_own(const struct sim_world *w);

/**
 * sim_world_write_geo() - the own table: start, end, asn, org, country, city, lat,
 * lon, radius_km; TSV. Errors: -errno; DT_EUNSUPPORTED where geo files were used.
 */
int sim_world_write_geo(const struct sim_world *w, const char *path) DT_MUST;

#endif
