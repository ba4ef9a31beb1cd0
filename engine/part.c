/* SPDX-License-Identifier: MIT */
#include "engine/part.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static uint64_t last_of(const struct crawl_part *p)
{
	return part_is_whole(p) ? UINT64_MAX : p->last;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int part_from_text(const char *text, struct crawl_part *out)
{
	const char *p = text;
	uint64_t prefix = 0;
	unsigned shift = 64;
	unsigned long bits;
	char *end;

	for (; isxdigit((unsigned char)*p); p++) {
		if (shift == 0)
			return DT_ERANGE;
		shift -= 4;
		prefix |= (uint64_t)hex_digit(*p) << shift;
	}
	if (p == text || *p != '/' || !isdigit((unsigned char)p[1]))
		return DT_EMALF;
	bits = strtoul(p + 1, &end, 10);
	if (*end)
		return DT_EMALF;
	if (bits > PART_BITS_MAX || (bits == 0 ? prefix != 0 : prefix << bits != 0))
		return DT_ERANGE;
	out->first = prefix;
	out->last = bits == 0 ? UINT64_MAX : prefix | UINT64_MAX >> bits;
	return 0;
}

struct crawl_part part_of_shard(struct crawl_part whole, unsigned shard, unsigned shards)
{
	unsigned __int128 size = (unsigned __int128)(last_of(&whole) - whole.first) + 1;

	return (struct crawl_part){
		.first = whole.first + (uint64_t)(size * shard / shards),
		.last = whole.first + (uint64_t)(size * (shard + 1) / shards - 1),
	};
}

double part_share(const struct crawl_part *p)
{
	return ((double)(last_of(p) - p->first) + 1) / 0x1p64;
}

uint64_t part_place(const struct crawl_part *p, uint64_t random)
{
	unsigned __int128 size = (unsigned __int128)(last_of(p) - p->first) + 1;

	return p->first + (uint64_t)(size * random >> 64);
}

unsigned part_common_bits(const struct crawl_part *p, uint64_t prefix)
{
	uint64_t middle = p->first + (last_of(p) - p->first) / 2, far = prefix ^ middle;

	return far ? (unsigned)__builtin_clzll(far) : 64;
}
