/* SPDX-License-Identifier: MIT */
#ifndef VIZ_SERVE_ASK_H
#define VIZ_SERVE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "viz/export_where.h"

/**
 * DOC: what a client asks for, read from the words of its request: the query, and the
 * heads that decide whether and how it is answered. No HTTP library in here: this is
 * what tests/fuzz/fuzz_ask.c feeds.
 */

/** Keys of a query; a route says which it knows, any other is refused by name. */
enum serve_key {
	ASK_WHERE = 1 << 0, /* asn, country, client, prefix, class */
	ASK_WAY = 1 << 1,
	ASK_SINCE = 1 << 2,
	ASK_LIMIT = 1 << 3,
	ASK_AFTER = 1 << 4,  /* rows to pass over: the next of an earlier page */
	ASK_CURSOR = 1 << 5, /* the same key, of the node table: a place in it, in hex */
};

enum { ASK_CURSOR_HEX = 2 * (NODEKEY_BYTES + 16 + 2), ASK_WHY_MAX = 256, ASK_HOST_MAX = 256 };

/** struct serve_ask - all zero where nothing was said; limit: set the default before. */
struct serve_ask {
	struct export_where where;
	uint8_t ways; /* bit per sighting_way; 0 = all */
	uint64_t since, after;
	uint32_t limit, limit_max;
	bool has_cursor;
	struct nodekey key; /* of the cursor */
	struct endpoint ep;
};

/**
 * serve_ask_put() - one key and its value, as decoded.
 * @value: NULL where the key came without one.
 * @why: a line for a person on error.
 * Errors:  DT_EMALF, DT_ERANGE; -EEXIST a key of a filter twice.
 */
int serve_ask_put(struct serve_ask *a, unsigned known, const char *key, const char *value,
		  size_t len, char why[static ASK_WHY_MAX]) DT_MUST;

/** serve_cursor() - the place of a node as text that serve_ask_put() reads. Returns @out. */
char *serve_cursor(const struct nodekey *key, const struct endpoint *ep,
		   char out[static ASK_CURSOR_HEX + 1]);

/** serve_accepts() - does a list of codings (Accept-Encoding) name @word, and not with q=0? */
bool serve_accepts(const char *list, const char *word);

/**
 * serve_host_fits() - is this Host a way to name a service that only its own machine can
 * reach? A number, localhost, or one of @names (NULL-terminated, may be NULL). Any other
 * name may be a foreign site's that was made to point here (DNS rebinding).
 */
bool serve_host_fits(const char *host, const char *const *names);

#endif
