/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_BLOCKLIST_H
#define ENGINE_BLOCKLIST_H

#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: addresses that are never contacted and never learnt.
 *
 * Compiled in, and in every list: what IANA calls special-purpose (both
 * registries), multicast, and every IPv6 address outside 2000::/3. A file adds
 * to it. A list is never changed once made: a reload makes a new one.
 *
 * Kept as sorted disjoint ranges; IPv4 is answered from a 16-8-8 trie made of
 * them (one read of a 256 KiB table for nearly every address of the internet),
 * IPv6 by binary search. A 6to4 or Teredo address is judged by the IPv4
 * address inside it too.
 */

enum blocklist_hit {
	BLOCKLIST_CLEAR = 0,
	BLOCKLIST_BOGON = 1,  /* compiled in */
	BLOCKLIST_LISTED = 2, /* of the file */
};

enum {
	BLOCKLIST_LINE_MAX = 512,       /* longest line; beyond it the file is not a list */
	BLOCKLIST_RANGES_MAX = 1 << 20, /* of a file; 1 M prefixes = the whole BGP table */
	BLOCKLIST_WHY_MAX = 256,
};

struct blocklist;

/** blocklist_new() - the compiled-in ranges alone. Errors: -ENOMEM. */
int blocklist_new(struct blocklist **out) DT_MUST;

/**
 * blocklist_load() - compiled-in ranges and a file in ZMap's form.
 * @why: out; on error a line for a person: "FILE:LINE: what is wrong".
 *
 * Shape:   one prefix ("10.0.0.0/8", "2001:db8::/32") or address a line; blank
 *          lines; `#` begins a comment anywhere in a line. Bits below the
 *          prefix are ignored, as ZMap does: more is blocked, never less.
 * Errors:  -errno of open and read; DT_EMALF, DT_ERANGE, DT_ESIZE, DT_EFULL.
 */
int blocklist_load(const char *path, struct blocklist **out,
		   char why[static BLOCKLIST_WHY_MAX]) DT_MUST;

/** blocklist_parse() - the same from memory; @name stands for the file in @why. */
int blocklist_parse(struct span text, const char *name, struct blocklist **out,
		    char why[static BLOCKLIST_WHY_MAX]) DT_MUST;

void blocklist_free(struct blocklist *b);

/**
 * blocklist_lookup() - may this address be touched? The port does not matter.
 * Cost:    IPv4: one to three dependent reads, nearly always one. IPv6: binary search.
 * Threads: any number of readers.
 */
enum blocklist_hit blocklist_lookup(const struct blocklist *b, const struct endpoint *ep);

/** struct blocklist_info - for metadata and for people. */
struct blocklist_info {
	unsigned file_prefixes;    /* lines of the file that named a prefix */
	unsigned ranges4, ranges6; /* disjoint ranges in force */
	uint64_t bogon4, listed4;  /* IPv4 addresses of each kind */
	size_t bytes;              /* memory of the lookup structure */
};

/** struct blocklist_range - @lo and @hi belong to it; ports are 0. */
struct blocklist_range {
	struct endpoint lo, hi;
	enum blocklist_hit hit;
};

/** blocklist_range() - disjoint range @i, IPv4 first, ascending. 1 and @out, or 0 at the end. */
int blocklist_range(const struct blocklist *b, unsigned i, struct blocklist_range *out);

void blocklist_info(const struct blocklist *b, struct blocklist_info *out);

#endif
