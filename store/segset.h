/* SPDX-License-Identifier: MIT */
#ifndef STORE_SEGSET_H
#define STORE_SEGSET_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"
#include "store/segfile.h"
#include "store/sio.h"

/**
 * DOC: DIR/seg/RUN/MANIFEST: which segments are in force. A text that proves
 * itself, rewritten whole under another name, synced and renamed: what it
 * names is there and whole, what it does not name is a leftover.
 *
 *     dht-telescope segments 1
 *     run 1
 *     next 3
 *     sealed 17
 *     log 1 183745 9f0c...  1000000 1764200400 1764201000 0 0
 *     edges 2 ...
 *     end 5a1e...
 *
 * A segment's line: kind, number, bytes of the file, check of its footer, rows
 * (marks or edges), first and last bucket or time, epoch, vertices. "sealed" is
 * the last chunk of the pending table that lies in a segment; "end" is xxh3 of
 * all lines above it.
 */

enum {
	SEGSET_MAX = 65536,           /* segments: hourly for seven years, never compacted */
	SEGSET_BYTES_MAX = 16 << 20,  /* of the text; a line is at most 160 */
	SEGSET_NUMBER_MAX = 99999999, /* eight digits */
	SEGSET_RUN_MAX = 999999999,
};

struct seg_entry {
	enum seg_kind kind;
	uint32_t number;
	struct seg_sum sum;
	uint64_t rows, vertices;
	uint32_t first_s, last_s;
	uint32_t epoch;
};

struct segset {
	uint32_t run, next;
	uint64_t sealed;
	struct seg_entry *list; /* by number */
	uint32_t count, cap;
};

void segset_init(struct segset *s, uint32_t run);
void segset_fini(struct segset *s);

/** segset_add() - @e.number is @s->next, which it takes. Errors: -ENOMEM, DT_EFULL. */
int segset_add(struct segset *s, struct seg_entry e) DT_MUST;

/** segset_remove() - the entry at index @at leaves the list; its file stays. */
void segset_remove(struct segset *s, uint32_t at);

/** segset_copy() - Errors: -ENOMEM. */
int segset_copy(const struct segset *from, struct segset *to) DT_MUST;

/** segset_parse() - hostile bytes in. Errors: DT_EFOREIGN, DT_ENEWER, DT_ECORRUPT, -ENOMEM. */
int segset_parse(struct span text, struct segset *out) DT_MUST;

/** segset_print() - the text; the caller frees it. Errors: -ENOMEM. */
int segset_print(const struct segset *s, char **text, size_t *len) DT_MUST;

/** segset_load() - from the directory of the run. Errors: DT_ENOTFOUND and segset_parse()'s. */
int segset_load(int dir_fd, struct segset *out) DT_MUST;

/** segset_save() - durable when it returns 0. */
int segset_save(const struct sio *io, const struct segset *s) DT_MUST;

/** segset_name() - of segment @number. Returns @out. */
char *segset_name(uint32_t number, char out[static SEG_NAME_MAX]);

/** segset_is_listed() - is NAME the manifest's own file or one that it names? */
bool segset_is_listed(const struct segset *s, const char *name);

#endif
