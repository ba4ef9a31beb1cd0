/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_SUMMARY_ROWS_H
#define ENGINE_CLI_SUMMARY_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/json.h"
#include "store/store.h"

/** DOC: what the parts of `summary` write alike. */

/** summary_utc() - "2026-11-21 12:30:00". Returns @out. */
char *summary_utc(uint64_t unix_s, char out[static 32]);

/** summary_rows_json() - an array under @key; @asn: with numbers of networks. */
void summary_rows_json(struct json *j, const char *key, const struct store_tally_row *rows,
		       unsigned n, bool asn);

#endif
