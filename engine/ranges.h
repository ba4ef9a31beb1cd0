/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_RANGES_H
#define ENGINE_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/blocklist.h"
#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: prefixes as ranges of 128-bit numbers, IPv4 in its mapped form: read from
 * text, sorted, made disjoint. The plain part of a blocklist, which the trie is
 * made from and checked against.
 */
struct range {
	unsigned __int128 lo, hi;
	enum blocklist_hit hit;
};

/** struct ranges - begins as zeros; @at is freed by its owner. */
struct ranges {
	struct range *at;
	size_t count, cap;
};

enum { RANGES_PREFIX_MAX = 64 /* longest prefix as text: 45 + 4 */ };

static inline unsigned __int128 ranges_number(const uint8_t b[static 16])
{
	unsigned __int128 v = 0;

	for (unsigned i = 0; i < 16; i++)
		v = v << 8 | b[i];
	return v;
}

static inline struct endpoint ranges_address(unsigned __int128 v)
{
	struct endpoint ep = { .port = 0 };

	for (unsigned i = 16; i-- > 0; v >>= 8)
		ep.addr[i] = (uint8_t)v;
	return ep;
}

static inline unsigned __int128 ranges_mapped(uint32_t ip)
{
	return (unsigned __int128)0xffff << 32 | ip;
}

/** ranges_add() - append. Errors: -ENOMEM. */
int ranges_add(struct ranges *rs, struct range r) DT_MUST;

/** ranges_sort() - by their first number. */
void ranges_sort(struct ranges *rs);

/** ranges_join() - sort, and join what overlaps or touches; all of one hit. */
void ranges_join(struct ranges *rs);

/** ranges_subtract() - append to @out what of @listed is not in @bogon; both joined. */
int ranges_subtract(const struct ranges *listed, const struct ranges *bogon,
		    struct ranges *out) DT_MUST;

/** ranges_split_at() - cut ranges that reach over @at, the first address of a family, into two. */
int ranges_split_at(struct ranges *rs, unsigned __int128 at) DT_MUST;

/** ranges_parse_prefix() - "ADDR" or "ADDR/BITS", NUL-terminated; cut apart in place. */
int ranges_parse_prefix(char *text, struct range *out) DT_MUST;

/** ranges_parse_text() - a whole list; see blocklist_load(). @prefixes counts up. */
int ranges_parse_text(struct span text, const char *name, struct ranges *listed, unsigned *prefixes,
		      char why[static BLOCKLIST_WHY_MAX]) DT_MUST;

#endif
