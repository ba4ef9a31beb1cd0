/* SPDX-License-Identifier: MIT */
#include "engine/ranges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ranges --------------------------------------------------------------- */

int ranges_add(struct ranges *rs, struct range r)
{
	if (rs->count == rs->cap) {
		size_t cap = rs->cap ? rs->cap * 2 : 64;
		struct range *at = realloc(rs->at, cap * sizeof(*at));

		if (!at)
			return -ENOMEM;
		rs->at = at;
		rs->cap = cap;
	}
	rs->at[rs->count++] = r;
	return 0;
}

static int by_lo(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void ranges_sort(struct ranges *rs)
{
	qsort(rs->at, rs->count, sizeof(*rs->at), by_lo);
}

void ranges_join(struct ranges *rs)
{
	size_t out = 0;

	if (rs->count == 0)
		return;
	ranges_sort(rs);
	for (size_t i = 1; i < rs->count; i++) {
		struct range *last = &rs->at[out], *r = &rs->at[i];

		if (last->hi == ~(unsigned __int128)0 || r->lo <= last->hi + 1) {
			if (r->hi > last->hi)
				last->hi = r->hi;
		} else {
			rs->at[++out] = *r;
		}
	}
	rs->count = out + 1;
}

int ranges_subtract(const struct ranges *listed, const struct ranges *bogon, struct ranges *out)
{
	size_t b = 0;

	for (size_t i = 0; i < listed->count; i++) {
		struct range r = listed->at[i];
		bool whole_gone = false;

		while (b < bogon->count && bogon->at[b].hi < r.lo)
			b++;
		for (size_t k = b; k < bogon->count && bogon->at[k].lo <= r.hi; k++) {
			const struct range *cut = &bogon->at[k];

			if (cut->lo > r.lo) {
				struct range left = { r.lo, cut->lo - 1, r.hit };
				int err = ranges_add(out, left);

				if (err)
					return err;
			}
			if (cut->hi >= r.hi) {
				whole_gone = true;
				break;
			}
			r.lo = cut->hi + 1;
		}
		if (!whole_gone) {
			int err = ranges_add(out, r);

			if (err)
				return err;
		}
	}
	return 0;
}

int ranges_split_at(struct ranges *rs, unsigned __int128 at)
{
	for (size_t i = 0, n = rs->count; i < n; i++) {
		struct range upper = rs->at[i];
		int err;

		if (upper.lo >= at || upper.hi < at)
			continue;
		upper.lo = at;
		rs->at[i].hi = at - 1;
		err = ranges_add(rs, upper);
		if (err)
			return err;
	}
	return 0;
}

/* ---- text ----------------------------------------------------------------- */

static int parse_bits(const char *text, unsigned max, unsigned *bits)
{
	unsigned v = 0;

	if (!*text || strlen(text) > 3)
		return DT_EMALF;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return DT_EMALF;
		v = v * 10 + (unsigned)(*text - '0');
	}
	if (v > max)
		return DT_ERANGE;
	*bits = v;
	return 0;
}

int ranges_parse_prefix(char *text, struct range *out)
{
	char *slash = strchr(text, '/');
	uint8_t b[16];
	unsigned bits = 128, skip = 0;
	unsigned __int128 mask;

	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, text, b + 12) == 1) {
		memset(b, 0, 10);
		b[10] = b[11] = 0xff;
		skip = 96;
	} else if (inet_pton(AF_INET6, text, b) != 1) {
		return DT_EMALF;
	}
	if (slash) {
		int err = parse_bits(slash, 128 - skip, &bits);

		if (err)
			return err;
		bits += skip;
	}
	mask = bits == 0 ? ~(unsigned __int128)0 : bits == 128 ? 0 : ~(unsigned __int128)0 >> bits;
	out->lo = ranges_number(b) & ~mask;
	out->hi = ranges_number(b) | mask;
	return 0;
}

static const char *prefix_complaint(int err)
{
	if (err == DT_ERANGE)
		return "prefix length: at most 32 for IPv4, 128 for IPv6";
	return "not an address or prefix like 192.0.2.0/24 or 2001:db8::/32";
}

/* One line without its newline; a comment and blanks are nothing. */
static int parse_line(struct span line, struct ranges *listed)
{
	char text[RANGES_PREFIX_MAX];
	const uint8_t *hash = line.len ? memchr(line.ptr, '#', line.len) : NULL;
	struct range r = { .hit = BLOCKLIST_LISTED };
	int err;

	if (hash)
		line.len = (size_t)(hash - line.ptr);
	while (line.len && strchr(" \t\r", line.ptr[line.len - 1]) && line.ptr[line.len - 1])
		line.len--;
	while (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		line = span_slice(line, 1, line.len - 1);
	if (line.len == 0)
		return 0;
	if (line.len >= sizeof(text) || memchr(line.ptr, '\0', line.len))
		return DT_EMALF;
	memcpy(text, line.ptr, line.len);
	text[line.len] = '\0';
	err = ranges_parse_prefix(text, &r);
	if (err)
		return err;
	err = ranges_add(listed, r);
	return err ? err : 1;
}

int ranges_parse_text(struct span text, const char *name, struct ranges *listed, unsigned *prefixes,
		      char why[static BLOCKLIST_WHY_MAX])
{
	size_t at = 0;

	for (unsigned line_no = 1; at < text.len; line_no++) {
		const uint8_t *from = text.ptr + at;
		const uint8_t *nl = memchr(from, '\n', text.len - at);
		size_t len = nl ? (size_t)(nl - from) : text.len - at;
		const char *complaint = "line too long: not a list of prefixes";
		int n = DT_ESIZE;

		if (len <= BLOCKLIST_LINE_MAX) {
			n = parse_line(span_of(from, len), listed);
			complaint = n == -ENOMEM ? "out of memory" : prefix_complaint(n);
		}
		if (n > 0 && ++*prefixes > BLOCKLIST_RANGES_MAX) {
			n = DT_EFULL;
			complaint = "more prefixes than a list may hold (1,048,576)";
		}
		if (n < 0) {
			snprintf(why, BLOCKLIST_WHY_MAX, "%.120s:%u: %s", name, line_no, complaint);
			return n;
		}
		at += len + 1;
	}
	return 0;
}
