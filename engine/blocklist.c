/* SPDX-License-Identifier: MIT */
#include "engine/blocklist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ranges.h"

/**
 * DOC: prefixes become ranges of 128-bit numbers (IPv4 in its mapped form), the
 * ranges are sorted and made disjoint, and IPv4's go into the trie. Nothing
 * clever happens before the trie, so the ranges are its proof.
 */

enum {
	/* Cells of the trie: below CELL_CHILD a hit, from there on a child's number. */
	CELL_CHILD = 4,
	LEAF_BYTES = 64,             /* 256 addresses x 2 bits */
	FILE_MAX = 64 * 1024 * 1024, /* the longest useful list is 1 M lines of 60 bytes */
};

struct blocklist {
	/* Is anything of this /8 listed? Four cache lines that answer for nearly every
	 * address learnt; top's 256 KiB never stay in a cache beside the kernel's work. */
	bool listed8[256];
	uint32_t top[65536]; /* by the upper 16 bits */
	uint32_t (*mid)[256];
	uint8_t (*leaf)[LEAF_BYTES];
	uint32_t mids, leaves;
	uint32_t mids_cap, leaves_cap;
	struct range *ranges; /* disjoint, ascending; IPv4's mapped ones among them */
	size_t range_count;
	size_t first4, count4; /* where IPv4's stand */
	unsigned file_prefixes;
};

/*
 * IANA IPv4 and IPv6 special-purpose address registries, multicast, and the
 * complement of 2000::/3, as of 2025-10. Those that IANA calls globally
 * reachable (AS112, AMT) are services, not peers, and stay out too. 2001::/23
 * is reserved but for Teredo, which is judged by the address inside it.
 */
static const char *const bogons[] = {
	"0.0.0.0/8",       /* RFC 791 this network */
	"10.0.0.0/8",      /* RFC 1918 private */
	"100.64.0.0/10",   /* RFC 6598 shared, carrier-grade NAT */
	"127.0.0.0/8",     /* RFC 1122 loopback */
	"169.254.0.0/16",  /* RFC 3927 link local */
	"172.16.0.0/12",   /* RFC 1918 private */
	"192.0.0.0/24",    /* RFC 6890 IETF protocol assignments */
	"192.0.2.0/24",    /* RFC 5737 documentation */
	"192.31.196.0/24", /* RFC 7535 AS112 */
	"192.52.193.0/24", /* RFC 7450 AMT */
	"192.88.99.0/24",  /* RFC 7526 deprecated 6to4 relay anycast */
	"192.168.0.0/16",  /* RFC 1918 private */
	"192.175.48.0/24", /* RFC 7534 AS112 */
	"198.18.0.0/15",   /* RFC 2544 benchmarking */
	"198.51.100.0/24", /* RFC 5737 documentation */
	"203.0.113.0/24",  /* RFC 5737 documentation */
	"224.0.0.0/4",     /* RFC 5771 multicast */
	"240.0.0.0/4",     /* RFC 1112 reserved, 255.255.255.255 with it */
	"2001:1::/32",     /* RFC 2928 the rest of 2001::/23, here to 2001:100::/24 */
	"2001:2::/31",       "2001:4::/30",
	"2001:8::/29",       "2001:10::/28", /* RFC 4843 ORCHID */
	"2001:20::/27",                      /* RFC 7343 ORCHIDv2, RFC 9374 drone ids */
	"2001:40::/26",      "2001:80::/25",
	"2001:100::/24",     "2001:db8::/32", /* RFC 3849 documentation */
	"2620:4f:8000::/48",                  /* RFC 7534 AS112 */
	"3fff::/20",                          /* RFC 9637 documentation */
	"4000::/2",                           /* not 2000::/3: RFC 4291, nothing delegated */
	"8000::/1", /* ULA fc00::/7, link local fe80::/10, multicast ff00::/8 with it */
};

/* ---- the trie ------------------------------------------------------------- */

/* One more block of @size bytes at the end of a growing array. */
static int grow(void *array, uint32_t *count, uint32_t *cap, size_t size)
{
	void **at = array;

	if (*count == *cap) {
		uint32_t more = *cap ? *cap * 2 : 16;
		void *bigger = realloc(*at, more * size);

		if (!bigger)
			return -ENOMEM;
		*at = bigger;
		*cap = more;
	}
	memset((char *)*at + *count * size, 0, size);
	++*count;
	return 0;
}

/* The range lies inside one /24. */
static int fill_leaf(struct blocklist *b, uint32_t *cell, uint32_t lo, uint32_t hi, unsigned hit)
{
	uint8_t *leaf;

	if (*cell < CELL_CHILD) {
		int err = grow(&b->leaf, &b->leaves, &b->leaves_cap, LEAF_BYTES);

		if (err)
			return err;
		*cell = CELL_CHILD + b->leaves - 1;
	}
	leaf = b->leaf[*cell - CELL_CHILD];
	for (uint32_t i = lo & 0xff; i <= (hi & 0xff); i++)
		leaf[i / 4] = (uint8_t)(leaf[i / 4] | hit << (i % 4 * 2));
	return 0;
}

/* The range lies inside one /16. */
static int fill_mid(struct blocklist *b, uint32_t *cell, uint32_t lo, uint32_t hi, unsigned hit)
{
	uint32_t mid;

	if (*cell < CELL_CHILD) {
		int err = grow(&b->mid, &b->mids, &b->mids_cap, sizeof(*b->mid));

		if (err)
			return err;
		*cell = CELL_CHILD + b->mids - 1;
	}
	mid = *cell - CELL_CHILD;
	for (uint32_t n = lo >> 8; n <= hi >> 8; n++) {
		uint32_t from = n << 8 > lo ? n << 8 : lo;
		uint32_t to = (n << 8 | 0xff) < hi ? n << 8 | 0xff : hi;

		if (to - from == 0xff) {
			b->mid[mid][n & 0xff] = hit;
		} else {
			int err = fill_leaf(b, &b->mid[mid][n & 0xff], from, to, hit);

			if (err)
				return err;
		}
	}
	return 0;
}

static int fill4(struct blocklist *b, uint32_t lo, uint32_t hi, unsigned hit)
{
	for (uint32_t n = lo >> 16; n <= hi >> 16; n++) {
		uint32_t from = n << 16 > lo ? n << 16 : lo;
		uint32_t to = (n << 16 | 0xffff) < hi ? n << 16 | 0xffff : hi;

		b->listed8[n >> 8] = true;
		if (to - from == 0xffff) {
			b->top[n] = hit;
		} else {
			int err = fill_mid(b, &b->top[n], from, to, hit);

			if (err)
				return err;
		}
	}
	return 0;
}

static enum blocklist_hit lookup4(const struct blocklist *b, uint32_t ip)
{
	uint32_t cell;

	if (!b->listed8[ip >> 24])
		return BLOCKLIST_CLEAR;
	cell = b->top[ip >> 16];
	if (cell < CELL_CHILD)
		return (enum blocklist_hit)cell;
	cell = b->mid[cell - CELL_CHILD][ip >> 8 & 0xff];
	if (cell < CELL_CHILD)
		return (enum blocklist_hit)cell;
	return (enum blocklist_hit)(b->leaf[cell - CELL_CHILD][(ip & 0xff) / 4] >> (ip % 4 * 2) &
				    3);
}

/* ---- making one ----------------------------------------------------------- */

/* The one range that the mapped IPv4 space must not be part of: ::/3 without it. */
static int add_low_v6(struct ranges *bogon)
{
	struct range below = { 0, ranges_mapped(0) - 1, BLOCKLIST_BOGON };
	struct range above = { ranges_mapped(0xffffffff) + 1, ((unsigned __int128)1 << 125) - 1,
			       BLOCKLIST_BOGON };
	int err = ranges_add(bogon, below);

	return err ? err : ranges_add(bogon, above);
}

static int add_bogons(struct ranges *bogon)
{
	for (unsigned i = 0; i < sizeof(bogons) / sizeof(*bogons); i++) {
		char text[RANGES_PREFIX_MAX];
		struct range r = { .hit = BLOCKLIST_BOGON };
		int err;

		snprintf(text, sizeof(text), "%s", bogons[i]);
		err = ranges_parse_prefix(text, &r);
		if (!err)
			err = ranges_add(bogon, r);
		if (err)
			return err;
	}
	return add_low_v6(bogon);
}

/* @all: disjoint and sorted; taken over. */
static int index_ranges(struct blocklist *b, struct ranges *all)
{
	b->ranges = all->at;
	b->range_count = all->count;
	*all = (struct ranges){ 0 };
	for (size_t i = 0; i < b->range_count; i++) {
		const struct range *r = &b->ranges[i];
		int err;

		if (r->lo < ranges_mapped(0) || r->hi > ranges_mapped(0xffffffff))
			continue;
		if (b->count4++ == 0)
			b->first4 = i;
		err = fill4(b, (uint32_t)r->lo, (uint32_t)r->hi, r->hit);
		if (err)
			return err;
	}
	return 0;
}

static int build(struct ranges *listed, struct blocklist *b)
{
	struct ranges bogon = { 0 }, all = { 0 };
	int err = add_bogons(&bogon);

	if (err)
		goto out;
	ranges_join(&bogon);
	ranges_join(listed);
	err = ranges_subtract(listed, &bogon, &all);
	for (size_t i = 0; !err && i < bogon.count; i++)
		err = ranges_add(&all, bogon.at[i]);
	if (!err)
		err = ranges_split_at(&all, ranges_mapped(0));
	if (!err)
		err = ranges_split_at(&all, ranges_mapped(0xffffffff) + 1);
	if (err)
		goto out;
	ranges_sort(&all);
	err = index_ranges(b, &all);
out:
	free(bogon.at);
	free(all.at);
	return err;
}

int blocklist_parse(struct span text, const char *name, struct blocklist **out,
		    char why[static BLOCKLIST_WHY_MAX])
{
	struct ranges listed = { 0 };
	struct blocklist *b = calloc(1, sizeof(*b));
	int err = -ENOMEM;

	snprintf(why, BLOCKLIST_WHY_MAX, "%.200s: out of memory", name);
	if (!b)
		return err;
	err = ranges_parse_text(text, name, &listed, &b->file_prefixes, why);
	if (!err)
		err = build(&listed, b);
	free(listed.at);
	if (err) {
		blocklist_free(b);
		return err;
	}
	why[0] = '\0';
	*out = b;
	return 0;
}

int blocklist_new(struct blocklist **out)
{
	char why[BLOCKLIST_WHY_MAX];

	return blocklist_parse(span_of("", 0), "bogons", out, why);
}

/* The whole file, at most FILE_MAX bytes. */
static int read_file(const char *path, uint8_t **bytes, size_t *len)
{
	FILE *f = fopen(path, "re");
	size_t cap = 65536, n = 0;
	uint8_t *buf = NULL;
	int err = -ENOMEM;

	if (!f)
		return -errno;
	for (;;) {
		uint8_t *bigger = realloc(buf, cap);

		if (!bigger)
			goto fail;
		buf = bigger;
		errno = 0;
		n += fread(buf + n, 1, cap - n, f);
		if (ferror(f)) {
			err = errno ? -errno : -EIO;
			goto fail;
		}
		if (n < cap)
			break;
		err = DT_ESIZE;
		if (cap >= FILE_MAX)
			goto fail;
		err = -ENOMEM;
		cap *= 2;
	}
	fclose(f);
	*bytes = buf;
	*len = n;
	return 0;
fail:
	free(buf);
	fclose(f);
	return err;
}

int blocklist_load(const char *path, struct blocklist **out, char why[static BLOCKLIST_WHY_MAX])
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int err = read_file(path, &bytes, &len);

	if (err) {
		snprintf(why, BLOCKLIST_WHY_MAX, "%.150s: %s", path,
			 err == DT_ESIZE ? "larger than a blocklist may be (64 MiB)"
					 : dt_strerror(err));
		return err;
	}
	err = blocklist_parse(span_of(bytes, len), path, out, why);
	free(bytes);
	return err;
}

void blocklist_free(struct blocklist *b)
{
	if (!b)
		return;
	free(b->mid);
	free(b->leaf);
	free(b->ranges);
	free(b);
}

/* ---- asking --------------------------------------------------------------- */

static enum blocklist_hit search(const struct blocklist *b, unsigned __int128 v)
{
	size_t lo = 0, hi = b->range_count;

	while (lo < hi) {
		size_t m = lo + (hi - lo) / 2;

		if (b->ranges[m].hi < v)
			lo = m + 1;
		else
			hi = m;
	}
	if (lo < b->range_count && b->ranges[lo].lo <= v)
		return b->ranges[lo].hit;
	return BLOCKLIST_CLEAR;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum blocklist_hit lookup6(const struct blocklist *b, const struct endpoint *ep)
{
	static const uint8_t teredo[4] = { 0x20, 0x01, 0, 0 };
	enum blocklist_hit hit = search(b, ranges_number(ep->addr));

	if (hit != BLOCKLIST_CLEAR)
		return hit;
	if (ep->addr[0] == 0x20 && ep->addr[1] == 0x02) /* 6to4, RFC 3056: 2002:V4ADDR::/48 */
		return lookup4(b, be32(ep->addr + 2));
	if (memcmp(ep->addr, teredo, 4) == 0) /* RFC 4380: the client's address, inverted */
		return lookup4(b, ~be32(ep->addr + 12));
	return BLOCKLIST_CLEAR;
}

enum blocklist_hit blocklist_lookup(const struct blocklist *b, const struct endpoint *ep)
{
	if (endpoint_is4(ep))
		return lookup4(b, endpoint_get_ip4(ep));
	return lookup6(b, ep);
}

int blocklist_range(const struct blocklist *b, unsigned i, struct blocklist_range *out)
{
	size_t at = i;

	if (i >= b->range_count)
		return 0;
	/* IPv4's ranges stand in the middle of the order of numbers; people want them first. */
	if (i < b->count4)
		at = b->first4 + i;
	else if (i - b->count4 < b->first4)
		at = i - b->count4;
	out->lo = ranges_address(b->ranges[at].lo);
	out->hi = ranges_address(b->ranges[at].hi);
	out->hit = b->ranges[at].hit;
	return 1;
}

void blocklist_info(const struct blocklist *b, struct blocklist_info *out)
{
	*out = (struct blocklist_info){
		.file_prefixes = b->file_prefixes,
		.ranges4 = (unsigned)b->count4,
		.ranges6 = (unsigned)(b->range_count - b->count4),
		.bytes = sizeof(*b) + b->mids_cap * sizeof(*b->mid) + b->leaves_cap * LEAF_BYTES +
			 b->range_count * sizeof(*b->ranges),
	};
	for (size_t i = b->first4; i < b->first4 + b->count4; i++) {
		uint64_t n = (uint64_t)(b->ranges[i].hi - b->ranges[i].lo) + 1;

		*(b->ranges[i].hit == BLOCKLIST_BOGON ? &out->bogon4 : &out->listed4) += n;
	}
}
