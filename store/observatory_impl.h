/* SPDX-License-Identifier: MIT */
#ifndef STORE_OBSERVATORY_IMPL_H
#define STORE_OBSERVATORY_IMPL_H

#include <sqlite3.h>

#include "store/observatory.h"

/** DOC: what observatory.c and observatory_write.c share; nobody else includes this. */

/** observatory_error() - SQLite's codes as ours; 0 for a row, the end, and success. */
int observatory_error(int code) DT_MUST;

/** observatory_guard() - nothing that a stranger's schema says is run. */
void observatory_guard(sqlite3 *db);

/** observatory_has_tables() - @found: how many of the three are there, as ordinary tables. */
int observatory_has_tables(sqlite3 *db, unsigned *found) DT_MUST;

#endif
