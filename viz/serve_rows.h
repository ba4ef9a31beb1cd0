/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SERVE_ROWS_H
#define VIZ_SERVE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"
#include "proto/json.h"

/**
 * DOC: a list that is made once and served by pages: its rows as finished JSON, one after
 * another, shared by whoever serves a part of it.
 */
struct serve_rows {
	/* private */
	_Atomic unsigned refs;
	char *bytes;
	size_t len, cap;
	uint32_t *ends; /* of each row */
	uint32_t room;
	/* the rest is read by whoever holds a reference */
	uint32_t count;
	uint64_t total; /* of what it lists; more than count where that is bounded */
	uint64_t as_of_s;
};

enum { SERVE_ROWS_BYTES_MAX = 64 << 20, SERVE_ROW_MAX = 4096 };

/** serve_rows_new() - empty, one reference; NULL = no memory. */
struct serve_rows *serve_rows_new(uint64_t total, uint64_t as_of_s);

/** serve_rows_add() - the object that @j has just finished. Errors: -ENOMEM, DT_EFULL. */
int serve_rows_add(struct serve_rows *r, struct json *j) DT_MUST;

struct serve_rows *serve_rows_ref(struct serve_rows *r);
void serve_rows_unref(struct serve_rows *r); /* NULL is nothing */

/**
 * serve_rows_page() - {"total":N,"as_of_s":S,"@key":[rows],"next":"100"}, next null at the end.
 * Rows from @after on, @limit of them. Returns the text, the caller's; NULL = no memory.
 */
char *serve_rows_page(const struct serve_rows *r, const char *key, uint64_t after, uint32_t limit,
		      size_t *len);

#endif
