/* SPDX-License-Identifier: MIT */
#ifndef STORE_HEARDLOG_IMPL_H
#define STORE_HEARDLOG_IMPL_H

#include "store/heardlog.h"
#include "store/segfile.h"

/** DOC: the inside of the log of messages heard: heardlog.c, gather_heard.c and its callers alone.
 */

#define HEARDLOG_DIR     "heard"
#define HEARDLOG_DIR_NEW "heard.new" /* of a merge; whenever it is met, a leftover */
#define HEARDLOG_DIR_OLD "heard.old" /* in force where there is no other: moving was cut short */

enum { HEARDLOG_ENTRY_BYTES = 32 /* of a segment's index */ };

struct heardlog_file {
	uint32_t first, last; /* batches */
	uint64_t bytes;
};

struct heardlog_files {
	struct heardlog_file *list; /* by first; none within another; the caller frees it */
	uint32_t count, cap;
};

/** heardlog_name() - of the file. Returns @out. */
char *heardlog_name(const struct heardlog_file *f, char out[static SEG_NAME_MAX]);

/** heardlog_dir() - open folder @name of a store. Errors: DT_ENOTFOUND, -errno. */
int heardlog_dir(int dir_fd, const char *name, bool create, int *out) DT_MUST;

/** heardlog_drop_new() - what a merge that was cut short left; for who has the store's lock. */
void heardlog_drop_new(int dir_fd);

/** heardlog_list() - what is in force. @sweep: NULL, or remove leftovers through it. */
int heardlog_list(int fd, struct heardlog_files *out, const struct sio *sweep) DT_MUST;

/** heardlog_segment() - @count rows of HEARDLOG_ROW_BYTES, durable under the name of @f. */
int heardlog_segment(const struct sio *io, struct pack *pack, const struct heardlog_file *f,
		     const uint8_t *rows, uint32_t count, struct seg_sum *sum) DT_MUST;

/** heardlog_block() - the rows of an entry of the index; good until @pack is used again. */
int heardlog_block(const struct seg *seg, struct pack *pack,
		   const uint8_t entry[static HEARDLOG_ENTRY_BYTES], struct span *out) DT_MUST;

#endif
