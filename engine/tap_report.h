/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TAP_REPORT_H
#define ENGINE_TAP_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/tap_run.h"
#include "proto/err.h"

/**
 * DOC: what a tap says at its end, for a person and for a program: frames by
 * what became of them, messages by kind, transactions, shares of the traffic,
 * every loss by cause.
 */

enum { TAP_SHARE_NAME_MAX = 64, TAP_SHARES_MAX = 20 };

/** struct tap_share - of a network; who knows networks fills these in. */
struct tap_share {
	char name[TAP_SHARE_NAME_MAX];
	uint32_t asn; /* 0 = not known */
	uint64_t nodes, messages, bytes;
};

struct tap_report {
	const struct tap_result *result;
	const char *source;                        /* file or device */
	const char *version;                       /* of the program */
	uint64_t asked, replied, answered;         /* nodes that were seen to do so */
	struct tap_share networks[TAP_SHARES_MAX]; /* the largest by messages, downward */
	unsigned network_count;
};

/** tap_report_to_json() - one object. Returns its length, or DT_EFULL. */
int tap_report_to_json(const struct tap_report *rep, char *buf, size_t cap) DT_MUST;

/** tap_report_to_text() - Returns its length, or DT_EFULL. */
int tap_report_to_text(const struct tap_report *rep, char *buf, size_t cap) DT_MUST;

#endif
