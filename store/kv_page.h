/* SPDX-License-Identifier: MIT */
#ifndef STORE_KV_PAGE_H
#define STORE_KV_PAGE_H

#include "proto/err.h"

/**
 * kv_page_check() - may DIR/data.mdb be mapped at all?
 * @why: room for 256 bytes; a line for a person where it may not.
 *
 * LMDB maps the file and trusts it: one that was cut short would end the
 * program with SIGBUS, and opening a stranger's file would leave a lock file
 * beside it. So its two meta pages are read first, with plain reads. (LMDB may
 * leave pages that were emptied within a transaction unwritten at the file's
 * end; only deleting empties pages, and this layer never deletes: S-4.)
 *
 * Errors:  DT_ENOTFOUND; DT_EFOREIGN not LMDB; DT_ENEWER another format of it;
 *          DT_ECORRUPT cut short; -errno.
 * Source:  mdb.c of LMDB 0.9.24, struct MDB_page, MDB_meta, MDB_db.
 */
int kv_page_check(const char *dir, char why[static 256]) DT_MUST;

#endif
