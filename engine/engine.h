/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/ability.h"
#include "engine/blocklist.h"
#include "engine/crawl.h"
#include "engine/gate.h"
#include "engine/net.h"
#include "engine/sink.h"
#include "engine/worker.h"
#include "proto/clock.h"
#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: the engine: W workers, one scribe, one monitor; from options to result.
 *
 *	engine_new()	sockets bound, files opened, privileges dropped
 *	engine_run()	the census; the calling thread is the monitor
 *	engine_find()	...ask the tables, for scorers and reports
 *	engine_free()
 *
 * With @device the whole engine runs on the calling thread, on the device's
 * clock: no socket, no thread, no sleep (virtual time).
 */

enum { ENGINE_WHY_MAX = 256, ENGINE_BACKEND_MAX = 16 };

struct engine_status;
struct checkpoint; /* engine/checkpoint.h */

/** struct engine_keep - a census on disk from time to time: engine/checkpoint.h. */
struct engine_keep {
	const char *path;
	uint64_t every_ns; /* of the system's clock; rarer where that cost more than 1/20 */
	/** what whoever resumes wants to know: text into @out. May be NULL. */
	void (*note)(void *ctx, char *out, size_t cap);
	void *ctx;
};

struct engine_opts {
	unsigned workers; /* 0 = one per usable core */
	bool pin;         /* worker i on usable core i */
	enum net_backend backend;
	struct net_udp_opts udp;    /* bind, steer, buffers; the engine sets workers and raw */
	double rate_pps;            /* whole run; <= 0 = unlimited */
	bool adaptive;              /* find the fastest rate without loss of our own, see pace.h */
	double rate_max_pps;        /* of an adaptive run; 0 = no bound */
	uint32_t window;            /* see worker_turn(); 0 = off */
	const char *blocklist_path; /* NULL = bogons only; read again on SIGHUP */
	struct crawl_opts crawl;    /* shard and shards are set by the engine */
	unsigned shard, shards;     /* of runs that share budgets: struct gate_opts; 0 = alone */
	const char *part_name;      /* how crawl.part is called in reports; NULL = no name */
	const struct crawl_contact *bootstrap;
	size_t bootstrap_count;
	/**
	 * endpoints that the census before confirmed; each worker calls it once, on its own
	 * thread, and takes those that are its own. Errors end the run.
	 */
	int (*warm)(void *ctx, void (*take)(void *seat, const struct crawl_contact *c), void *seat);
	void *warm_ctx;
	/**
	 * sockets that outlive the engine, for censuses one after another: opened where *sockets
	 * is NULL, used where not. NULL: the engine's own.
	 */
	struct net_group **sockets;
	struct engine_keep keep;         /* checkpoints; path NULL = none */
	const struct checkpoint *resume; /* go on with this census; borrowed; NULL = begin */
	struct sink sink;                /* put == NULL: sightings are counted and forgotten */
	struct bad *bad;         /* takes malformed datagrams; borrowed; NULL = none wanted */
	uint64_t max_runtime_ns; /* 0 = none; then as SIGINT once */
	uint64_t cooldown_ns;    /* longest drain after a stop; 0 = until nothing is in flight */

	/**
	 * A run that has ended, with as many workers and a clock that goes on: its gates
	 * are taken over, so that every budget holds over both. Borrowed; NULL = none.
	 */
	struct engine *before;

	/**
	 * A run that is running now: this one sits beside it, on its workers' threads and behind
	 * their gates (seat.h), and is taken by its @beside. Its own rate, signals and warm
	 * are not looked at: it begins with whom the host has heard. Borrowed; NULL = alone.
	 */
	struct engine *host;
	/**
	 * called a hundred times a second while this run lasts, on the monitor's thread: begin
	 * runs beside @host, step and end them. @stops: as often as the host was told to stop (2 =
	 * at once); @may_begin: it has work yet. Returns true while there is a run beside it; the
	 * host ends after the last. NULL = none.
	 */
	bool (*beside)(void *ctx, struct engine *host, bool may_begin, int stops);
	void *beside_ctx;

	/** put another device around each worker's (net_alias); NULL = failed and @inner closed */
	struct net *(*wrap)(void *ctx, struct net *inner);
	void *wrap_ctx;

	/** a ready-made device and its clock: virtual time; borrowed */
	struct net *device;
	struct clock clock; /* without a device: now_ns NULL = the system's */

	/* what is said while it runs */
	FILE *status;              /* status line; NULL = none */
	const char *status_path;   /* CSV, a row a second; NULL = none */
	const char *metadata_path; /* JSON at the end; NULL = none */
	void (*on_status)(void *ctx, const struct engine_status *status); /* 1 Hz; may be NULL */
	void *status_ctx;
	const char *version; /* of the program, for the metadata */
	const char *command; /* command line, for the metadata; may be NULL */
	const char *notes;   /* the user's, for the metadata; may be NULL */

	bool signals;         /* take SIGINT, SIGTERM, SIGHUP while running */
	bool drop_privileges; /* after sockets and files are open */
	/** directories that must stay writable after the drop; NULL-terminated; may be NULL */
	const char *const *keep_writable;
};

/** engine_opts_default() - auto back end, one worker per core, 2000 packets/s, port 0, v4 any. */
struct engine_opts engine_opts_default(void);

/** struct engine_kernel - what the kernel counted, whole network namespace, since the start. */
struct engine_kernel {
	uint64_t in_datagrams, in_errors, rcvbuf_errors, out_datagrams, sndbuf_errors;
	uint64_t socket_drops; /* SO_MEMINFO of our own sockets */
	uint64_t softnet_dropped,
		softnet_squeezed; /* whole machine: its packet backlog was full, late */
};

/** struct engine_counters - everything that is counted, over all workers. */
struct engine_counters {
	struct crawl_stats crawl;
	struct gate_stats gate;
	struct net_stats net;
	struct worker_stats worker;
	struct engine_kernel kernel;
	uint64_t
		unexplained; /* counters_gap() of workers and counters_kernel_gap(), largest seen */
	uint64_t sightings;  /* handed to the sink */
};

/** struct engine_status - once a second. */
struct engine_status {
	uint64_t elapsed_ns, left_ns;        /* left: UINT64_MAX = not known */
	double percent;                      /* of the endpoints known, how many are done with */
	double sent_pps, recv_pps, drop_pps; /* of the last interval */
	double sent_avg_pps, recv_avg_pps, drop_avg_pps;
	double hit_rate; /* answered / (answered + errors + expired) */
	double rtt_p50_ms, rtt_p99_ms;
	bool stopping;
	struct engine_counters counters; /* since the start */
};

/** Why a run ended. */
enum engine_end {
	ENGINE_END_DONE,        /* every contact has had its attempts */
	ENGINE_END_INTERRUPTED, /* SIGINT or SIGTERM, or engine_stop() */
	ENGINE_END_RUNTIME,     /* max_runtime_ns */
	ENGINE_END_FAILED,      /* a device or the sink: see @err and @why */
};

/** struct engine_result - what a report needs. */
struct engine_result {
	enum engine_end end;
	int err; /* of ENGINE_END_FAILED */
	char why[ENGINE_WHY_MAX];
	struct engine_counters counters;
	struct census_tally tally;                    /* of all shards */
	struct census_estimate estimate;              /* census_chao1() of it */
	struct census_tally tally6;                   /* of tally: IPv6 */
	struct census_estimate estimate4, estimate6;  /* by family; all zero where one was asked */
	uint64_t live6, known6, ids4, ids6, ids_both; /* an id that answered on both families */
	struct crawl_part part;        /* what was asked; tally and estimate are of it */
	bool beside;                   /* while another census ran, on its workers */
	char part_name[PART_TEXT_MAX]; /* "" = the whole */
	/* most packets to one network in some ten seconds, about; set by who knows networks */
	uint32_t worst_asn;
	uint64_t worst_asn_10s;
	struct vantage_votes votes;                /* under which addresses nodes see us */
	struct census_health health;               /* of routing tables, from a sample */
	struct census_certificate certificate;     /* filled by certify_run(); else all zero */
	struct census_survey survey;               /* filled by survey_run(); else all zero */
	uint64_t distinct_ids, distinct_addresses; /* among endpoints that answered */
	double rate_pps;                           /* at the end; 0 = unlimited */
	double rate_clean_pps; /* adaptive: the fastest without loss of our own; 0 = not found */
	double rate_lost_pps;  /* adaptive: the last that lost some; 0 = none did */
	struct crawl_classes classes; /* what kinds of endpoints there are */
	unsigned raise_rounds;        /* how often the depth rule asked deeper */
	unsigned resumes;             /* how often it was gone on with after a kill */
	unsigned checkpoints;         /* taken by this process */
	uint64_t checkpoint_ns;       /* longest pause of asking for one */
	unsigned workers;
	char backend[ENGINE_BACKEND_MAX];
	char backend_why[ENGINE_WHY_MAX]; /* why not the preferred one, or how it goes; "" = it is
					   */
	bool steered;                     /* the kernel deals replies to their worker */
	struct endpoint local;            /* bound address; all zero in virtual time */
	size_t rcvbuf_bytes;
	uint64_t started_ms;                 /* Unix time */
	uint64_t span_ns;                    /* first packet to last datagram, on the run's clock */
	uint64_t elapsed_ns;                 /* whole run on the run's clock, closing included */
	uint64_t wall_ns;                    /* whole run on the system's clock */
	uint64_t cpu_user_ns, cpu_system_ns; /* of this process, during the run */
	uint64_t scribe_cpu_ns;              /* of which the scribe and its sink */
	uint64_t peak_rss_bytes;
	struct blocklist_info blocklist;
};

/** Which port of ours a run after a run asks from. */
enum engine_port {
	ENGINE_FIRST_PORT,
	ENGINE_SECOND_PORT, /* of a second pass */
	ENGINE_THIRD_PORT,  /* of a survey: nobody can have spoken to it before */
	ENGINE_FOURTH_PORT, /* of a census beside another */
};

struct engine;

/**
 * engine_new() - bind, open, check. Nothing is sent yet.
 * @why: out; on error a line for a person, with the cure.
 */
int engine_new(const struct engine_opts *opts, struct engine **out,
	       char why[static ENGINE_WHY_MAX]) DT_MUST;
void engine_free(struct engine *e);

/** engine_local() - where it is bound; for tests and doctor. */
struct endpoint engine_local(const struct engine *e);

/**
 * engine_run() - take the census; returns when it is over.
 * Returns 0 also when interrupted: see @out->end. Errors: as @out->err.
 */
int engine_run(struct engine *e, struct engine_result *out) DT_MUST;

/**
 * DOC: the same in steps, for who has other things to do meanwhile: engine_begin(), then
 * engine_step() until it returns false, then engine_end(). A run beside a host is taken
 * so; its host turns it.
 */
void engine_begin(struct engine *e);
bool engine_step(struct engine *e);
int engine_end(struct engine *e, struct engine_result *out) DT_MUST;

/** engine_device() - of virtual time, as it was given; NULL on sockets. */
struct net *engine_device(const struct engine *e);

/** engine_clock() - the clock it runs by. */
struct clock engine_clock(const struct engine *e);

/** engine_stop() - as SIGINT: once = stop asking and drain, twice = now. Any thread. */
void engine_stop(struct engine *e);

/** engine_find() - what the tables say of one endpoint; after engine_run(). */
int engine_find(const struct engine *e, const struct endpoint *ep, struct crawl_node *out) DT_MUST;

/** engine_remember() - note in @f who answered and who never did; after engine_run(). */
void engine_remember(const struct engine *e, struct failures *f);

/** engine_sum_net16() - packets so far by the upper 16 bits of their IPv4 address; also meanwhile.
 */
void engine_sum_net16(const struct engine *e, uint32_t sum[static GATE_NETS16]);

/** engine_each() - every endpoint of every table; after engine_run(). */
void engine_each(const struct engine *e, void (*take)(void *ctx, const struct crawl_entry *entry),
		 void *ctx);

/** engine_end_name() - "done", "interrupted", "runtime", "failed". */
const char *engine_end_name(enum engine_end end);

#endif
