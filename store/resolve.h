/* SPDX-License-Identifier: MIT */
#ifndef STORE_RESOLVE_H
#define STORE_RESOLVE_H

#include "store/geo.h"
#include "store/record.h"
#include "store/rewrite.h"

/**
 * DOC: a new look at where all nodes lie. Which databases looked last stands in
 * the meta table as a line of their kinds, formats and build dates; where it is
 * another than that of the databases at hand a look is due.
 */
struct resolve;

enum { RESOLVE_LINE_MAX = 512 };

/** resolve_line() - "city DBIP-City-Lite 2026-11-01; asn csv 2026-10-30"; "" = no files. */
char *resolve_line(const struct geo *geo, char out[static RESOLVE_LINE_MAX]);

/** resolve_is_due() - do these databases differ from those of the last look? */
bool resolve_is_due(struct store *s, const struct geo *geo);

/** resolve_note() - these databases have looked at all nodes there are. */
int resolve_note(const struct geo *geo, struct kv_txn *txn) DT_MUST;

int resolve_new(const struct geo *geo, struct resolve **out) DT_MUST;
void resolve_free(struct resolve *r);

/** resolve_row() - a node's row with its place of now; one found in vain stays as it was. */
int resolve_row(struct resolve *r, struct span key, struct span val,
		uint8_t out[static RECORD_BYTES]) DT_MUST;

/** resolve_finish() - names of networks, attribution and the line into the new tables. */
int resolve_finish(struct resolve *r, struct rewrite *to) DT_MUST;

uint64_t resolve_changed(const struct resolve *r);

#endif
