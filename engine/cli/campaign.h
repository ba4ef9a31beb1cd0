/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_CAMPAIGN_H
#define ENGINE_CLI_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/cli/conf.h"
#include "engine/part.h"

/**
 * DOC: from one census to many: which part of the id space is asked, and when the
 * next one is due. No clock, no network: numbers in, numbers out.
 *
 * --epochs N --interval T are N full censuses, one each T from the first. --every E
 * puts censuses of two zones into each multiple of E, a fixed one and one that moves:
 * beside a full one that runs then, else between two. Where both take longer than E the
 * next tick is left out.
 */

/** What a budget may still hold from the packets of the census before: 10 s and a bin. */
enum { CAMPAIGN_GAP_S = 11 };

struct campaign_step {
	struct crawl_part part;
	char name[PART_TEXT_MAX]; /* of the part; "" = the whole */
	bool full;                /* one of the --epochs, not of the cadence between them */
	unsigned number;          /* of the full ones: 1.. */
	uint64_t due_ns;          /* since the campaign began */
};

struct campaign {
	/* private */
	const struct conf *conf;
	uint64_t interval_ns, every_ns;
	struct crawl_part fixed;
	unsigned bits;        /* of the zones of the cadence */
	uint64_t full_taken;  /* full ones, handed out */
	uint64_t zones_taken; /* moving zones, handed out */
	uint64_t tick;        /* the next multiple of every_ns */
	bool moving;          /* the tick's fixed zone was taken */
};

/** campaign_check() - the keys of this; @why as conf_check(). */
int campaign_check(const struct conf *c, char why[static CONF_WHY_MAX]) DT_MUST;

/** campaign_seconds() - "90", "90s", "5m", "1h", "2d". Errors: DT_EMALF, DT_ERANGE above a year. */
int campaign_seconds(const char *text, double *out) DT_MUST;

/** campaign_begin() - @conf was checked, and outlives @out. */
void campaign_begin(struct campaign *out, const struct conf *conf);

/**
 * campaign_next() - what is to be done next, @now_ns after the campaign began.
 * False when it is over. A step handed out counts as taken.
 */
bool campaign_next(struct campaign *c, uint64_t now_ns, struct campaign_step *out);

/** campaign_beside() - a zone that is due while a full census runs; false: none is. */
bool campaign_beside(struct campaign *c, uint64_t now_ns, struct campaign_step *out);

/** campaign_more() - would campaign_next() hand out another? */
bool campaign_more(const struct campaign *c, uint64_t now_ns);

/** campaign_to_text() - where it stands and which @step was handed out last, as one line. */
int campaign_to_text(const struct campaign *c, const struct campaign_step *step, char *out,
		     size_t cap) DT_MUST;

/** campaign_read() - into a campaign that was begun. Errors: DT_EMALF. */
int campaign_read(struct campaign *c, struct campaign_step *step, const char *text) DT_MUST;

/** campaign_part() - what @conf asks, and its name; the whole has none. */
void campaign_part(const struct conf *c, struct crawl_part *out, char name[static PART_TEXT_MAX]);

#endif
