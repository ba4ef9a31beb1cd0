/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_WIRE_IMPL_H
#define ENGINE_CLI_WIRE_IMPL_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/sim/sim.h"
#include "engine/bad.h"
#include "engine/checkpoint.h"
#include "engine/cli/campaign.h"
#include "engine/cli/network_file.h"
#include "engine/cli/wire.h"
#include "engine/cli/wire_ledger.h"
#include "engine/island.h"
#include "engine/mirror.h"
#include "store/geo.h"
#include "store/store.h"

/**
 * DOC: the inside of wire*.c; nobody else includes this.
 *
 *	wire.c		the order of things: prepare, run, seal, undo
 *	wire_world.c	the network to look at, and the score against its truth
 *	wire_engine.c	conf -> engine options
 *	wire_certify.c	the second pass
 *	wire_beside.c	zone censuses while a full one runs
 *	wire_survey.c	what nodes can do, and how they are reached
 *	wire_keep.c	what is left behind
 *	wire_warm.c	what one census leaves to the next
 *	wire_resume.c	what a killed process leaves to the one after it
 *
 * Everything here says what went wrong on standard error before it returns an error.
 */
enum { WIRE_BOOTSTRAP_MAX = 256 /* resolved addresses to start from */ };

struct wire {
	const struct conf *c;
	const struct wire_talk *talk;
	unsigned workers;
	struct geo *geo;
	struct sim_world *world;
	struct sim_farm *farm;
	struct island *island; /* --sim-mode veth: this process is at its near end */
	struct net *device;    /* virtual time */
	struct clock clock;
	struct store *store;
	struct store_writer *writer;
	uint32_t epoch;
	FILE *csv;
	struct bad *bad;
	struct mirror *mirror;
	struct net *mirrored; /* the mirror around @device */
	struct crawl_contact *boot;
	unsigned boot_count;
	struct engine *engine;
	struct campaign_step step; /* the census that is running */
	struct campaign plan;      /* and what comes after it */
	double time_s;             /* of the simulated world, when this process began */
	uint64_t began_wall_ns;    /* of the campaign, on the run's clock */
	struct checkpoint *resume; /* the census to go on with; NULL = none */
	char resume_path[CHECKPOINT_PATH_MAX];
	uint64_t csv_kept;         /* bytes of the table of nodes that a checkpoint covers */
	char *census_keys;         /* conf_print_census() */
	struct net_group *sockets; /* kept from one census to the next */
	struct failures *failures;
	bool warm_allowed;              /* the store holds nothing of another kind of network */
	uint64_t warm_since_s;          /* start of the last full census; 0 = none */
	struct engine_opts engine_opts; /* what it was made from, for the second pass */
	struct wire_ledger *ledger;     /* packets by network; NULL without geo files */
	struct wire_second *second;     /* its port and devices; NULL = none is taken */
	struct network_file network;    /* for tools that look in on a crawler */
	struct wire_beside *beside;     /* zone censuses while a full one runs; NULL = none */
	pthread_mutex_t *sink_lock;     /* two censuses, one sink and one store */
	void (*done)(void *ctx, const struct wire_result *r); /* told of each census */
	void *done_ctx;
	/* of its zones: who answered both of our ports, who only the first */
	uint64_t second_any, second_one, second_at_ms, second_lost;
};

/* ---- wire_world.c ----------------------------------------------------------- */

/** wire_open_geo() - the databases of places; @dir: where the world has left its own, or NULL. */
int wire_open_geo(struct wire *w, const char *dir) DT_MUST;

/** wire_start_simulation() - the world, its farm or its virtual time, its truth, where to begin. */
int wire_start_simulation(struct wire *w) DT_MUST;

/** wire_find_network() - where to begin on the real network. */
int wire_find_network(struct wire *w) DT_MUST;

/** wire_farm_losses() - what the far end lost is not the census's loss, but it is in its figures.
 */
void wire_farm_losses(const struct wire *w);

/** wire_begin_truth() - another census: what it will be compared with begins now. */
void wire_begin_truth(struct wire *w);

/** wire_score() - what was found against the truth; nothing on the real network. */
int wire_score(struct wire *w, struct wire_result *r) DT_MUST;

/* ---- wire_engine.c ---------------------------------------------------------- */

int wire_make_engine(struct wire *w, const struct wire_talk *talk) DT_MUST;

enum wire_pass { WIRE_CENSUS, WIRE_SECOND, WIRE_SURVEY, WIRE_BESIDE };

/**
 * wire_secrets() - the id we go by in @pass, and the key of what strangers must not
 * foresee. Of the seed where the network is simulated: one seed, one run.
 */
void wire_secrets(const struct wire *w, enum wire_pass pass, struct nodeid *own_id,
		  uint8_t mac_key[static CRAWL_MAC_KEY_BYTES]);

/** wire_mirror_from() - devices opened from now on send from @local, for --pcap. */
void wire_mirror_from(struct wire *w, struct endpoint local);

/* ---- wire_certify.c --------------------------------------------------------- */

/** wire_open_second() - the second pass's port, while privileges last; nothing without a pass. */
int wire_open_second(struct wire *w) DT_MUST;
void wire_close_second(struct wire *w);

/** wire_certify() - the second pass, after a census that came to its end; which stands without. */
void wire_certify(struct wire *w, struct wire_result *r);

/** wire_second_device() - virtual time: from our @port, after all that was before. */
int wire_second_device(struct wire *w, enum engine_port port, struct net **out,
		       struct clock *clock) DT_MUST;

/** wire_survey_group() - the sockets of its port; NULL in virtual time. */
struct net_group *wire_survey_group(const struct wire *w);

/** wire_catch_up() - virtual time goes on where what came after the census ended. */
void wire_catch_up(struct wire *w);

/* ---- wire_beside.c ---------------------------------------------------------- */

/** wire_open_beside() - the port of zone censuses, while privileges last; nothing without --every.
 */
int wire_open_beside(struct wire *w) DT_MUST;
void wire_close_beside(struct wire *w);

/** wire_beside() - the engine's beside callback; @ctx is the struct wire. */
bool wire_beside(void *ctx, struct engine *host, bool may_begin, int stops);

/** wire_since_began() - time since the campaign began, whoever began it, by @clock. */
uint64_t wire_since_began(const struct wire *w, const struct clock *clock);

/* ---- wire_survey.c ---------------------------------------------------------- */

/** wire_survey() - after the second pass of a full census, whose report it fills. */
void wire_survey(struct wire *w, struct wire_result *r);

/** wire_survey_saw() - of a second pass: this one answered our second port, or only the first. */
void wire_survey_saw(struct wire *w, const struct crawl_contact *c, bool second);

/* ---- wire_keep.c ------------------------------------------------------------ */

/** wire_make_folder() - a folder that may be there already. */
int wire_make_folder(const char *dir) DT_MUST;

int wire_open_csv(struct wire *w) DT_MUST;
int wire_open_bad(struct wire *w) DT_MUST;
int wire_open_mirror(struct wire *w) DT_MUST;
void wire_close_mirror(struct wire *w);
int wire_open_store(struct wire *w) DT_MUST;

/** wire_put(), wire_list(), wire_flush() - the engine's sink; @ctx is the struct wire. */
int wire_put(void *ctx, const struct sighting *list, unsigned count); /* any thread */
int wire_list(void *ctx, const struct listing *list, unsigned count);
int wire_flush(void *ctx);

/** wire_store_fail() - say what became of the store, and the cure. */
void wire_store_fail(const struct wire *w, int rc);

/** wire_begin_epoch() - another census in the store. */
int wire_begin_epoch(struct wire *w) DT_MUST;

/** wire_try_report() - a report that cannot be written is said before the census, not after it. */
int wire_try_report(const struct wire *w) DT_MUST;
int wire_make_report(struct wire_result *r) DT_MUST;
int wire_write_report(const struct wire *w, const struct wire_result *r) DT_MUST;

/** wire_report_dir() - the folder that reports go to; "" = none. */
void wire_report_dir(const struct conf *c, char out[static PATH_MAX]);

/* ---- wire_warm.c ------------------------------------------------------------ */

/** wire_recall() - what the store knows of the censuses before; after it was opened. */
int wire_recall(struct wire *w) DT_MUST;

/** wire_offer_warm() - the engine's warm callback; @ctx is the struct wire. */
int wire_offer_warm(void *ctx, void (*take)(void *seat, const struct crawl_contact *c), void *seat);

/** wire_remember() - a census is over: note who was silent, and keep it beside the store. */
void wire_remember(struct wire *w, const struct wire_result *r);

/* ---- wire_resume.c ----------------------------------------------------------- */

/** wire_resume_open() - --resume: read what there is, refuse another census; before the world. */
int wire_resume_open(struct wire *w) DT_MUST;

/** wire_resume_claim() - the store is ours: what lies there and is not resumed, goes. */
void wire_resume_claim(struct wire *w);

/** wire_resume_note() - the engine's note callback; @ctx is the struct wire. */
void wire_resume_note(void *ctx, char *out, size_t cap);

/** wire_resume_mark() - this census is over; @more: others follow, and stay resumable. */
void wire_resume_mark(struct wire *w, bool more);

/** wire_resume_path() - STORE/resume, or "" without a store. */
const char *wire_resume_path(const struct wire *w, char out[static CHECKPOINT_PATH_MAX]);

/** wire_seal() - the end of the epoch, and the tables rewritten in order. */
int wire_seal(struct wire *w, const struct wire_result *r) DT_MUST;

#endif
