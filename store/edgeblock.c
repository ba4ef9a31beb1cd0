/* SPDX-License-Identifier: MIT */
#include "store/edgeblock.h"

#include <string.h>

#include "proto/listing.h"

enum {
	LEVEL = 3, /* of zstd */
	K_SIX = NODEID_BYTES,
	K_ADDR = K_SIX + 1,
	K_ADDR4 = K_ADDR + 12,
	K_PORT = K_ADDR + 16,
	SOURCE_MAX = 2 * PACK_VARINT_MAX,
	EDGE_MAX = PACK_VARINT_MAX + 1,
	QUESTION_MAX = PACK_VARINT_MAX + 3 + 4,
};
_Static_assert((int)K_PORT + 2 == (int)VERTEX_KEY_BYTES, "as drawn");

struct vertex vertex_of(const struct nodeid *id, const struct endpoint *ep)
{
	struct vertex v = { .key = { 0 } };

	memcpy(v.key, id->b, NODEID_BYTES);
	v.key[K_SIX] = !endpoint_is4(ep);
	memcpy(v.key + K_ADDR, ep->addr, sizeof(ep->addr));
	v.key[K_PORT] = (uint8_t)(ep->port >> 8);
	v.key[K_PORT + 1] = (uint8_t)ep->port;
	return v;
}

void vertex_expand(const struct vertex *v, struct nodeid *id, struct endpoint *ep)
{
	memcpy(id->b, v->key, NODEID_BYTES);
	memcpy(ep->addr, v->key + K_ADDR, sizeof(ep->addr));
	ep->port = (uint16_t)(v->key[K_PORT] << 8 | v->key[K_PORT + 1]);
}

/* ---- vertices -------------------------------------------------------------------- */

static uint8_t *put_plane(uint8_t *p, const struct vertex *list, uint32_t count, unsigned at)
{
	for (uint32_t i = 0; i < count; i++)
		*p++ = list[i].key[at];
	return p;
}

static uint8_t *put_addresses(uint8_t *p, const struct vertex *list, uint32_t count)
{
	for (unsigned b = 0; b < 4; b++)
		for (uint32_t i = 0; i < count; i++)
			if (!list[i].key[K_SIX])
				*p++ = list[i].key[K_ADDR4 + b];
	for (uint32_t i = 0; i < count; i++) {
		if (!list[i].key[K_SIX])
			continue;
		memcpy(p, list[i].key + K_ADDR, 16);
		p += 16;
	}
	return p;
}

int edgeblock_put_vertices(struct pack *p, const struct vertex *list, uint32_t count,
			   struct span *frame)
{
	uint8_t *at;
	int rc = pack_begin(p, count * sizeof(*list), &at);

	if (rc < 0)
		return rc;
	for (unsigned b = 0; b <= K_SIX; b++)
		at = put_plane(at, list, count, b);
	for (uint32_t i = 0; i < count; i++)
		*at++ = list[i].heard;
	at = put_plane(at, list, count, K_PORT);
	at = put_plane(at, list, count, K_PORT + 1);
	at = put_addresses(at, list, count);
	return pack_end(p, at, LEVEL, frame);
}

static bool get_plane(struct unpack *u, struct vertex *list, uint32_t count, unsigned at)
{
	const uint8_t *plane = unpack_bytes(u, count);

	for (uint32_t i = 0; plane && i < count; i++)
		list[i].key[at] = plane[i];
	return plane != NULL;
}

static bool get_addresses(struct unpack *u, struct vertex *list, uint32_t count)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	const uint8_t *p;
	uint32_t four = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (list[i].key[K_SIX] > 1 || list[i].heard > 1)
			return false;
		four += !list[i].key[K_SIX];
	}
	p = unpack_bytes(u, 4 * (size_t)four);
	if (!p)
		return false;
	for (uint32_t i = 0, at = 0; i < count; i++) {
		if (list[i].key[K_SIX])
			continue;
		memcpy(list[i].key + K_ADDR, mapped, sizeof(mapped));
		for (unsigned b = 0; b < 4; b++)
			list[i].key[K_ADDR4 + b] = p[(size_t)b * four + at];
		at++;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!list[i].key[K_SIX])
			continue;
		p = unpack_bytes(u, 16);
		if (!p || memcmp(p, mapped, sizeof(mapped)) == 0)
			return false;
		memcpy(list[i].key + K_ADDR, p, 16);
	}
	return u->p == u->end;
}

static bool get_all_planes(struct unpack *u, struct vertex *out, uint32_t count)
{
	const uint8_t *heard;

	for (unsigned b = 0; b <= K_SIX; b++)
		if (!get_plane(u, out, count, b))
			return false;
	heard = unpack_bytes(u, count);
	for (uint32_t i = 0; heard && i < count; i++)
		out[i].heard = heard[i];
	return heard && get_plane(u, out, count, K_PORT) && get_plane(u, out, count, K_PORT + 1) &&
	       get_addresses(u, out, count);
}

int edgeblock_get_vertices(struct pack *p, struct span frame, uint32_t count, struct vertex *out)
{
	struct span raw;
	struct unpack u;
	int rc = pack_expand(p, frame, count * sizeof(*out), &raw);

	if (rc < 0)
		return rc;
	u = (struct unpack){ raw.ptr, raw.ptr + raw.len };
	if (!get_all_planes(&u, out, count))
		return DT_ECORRUPT;
	for (uint32_t i = 1; i < count; i++)
		if (memcmp(out[i - 1].key, out[i].key, VERTEX_KEY_BYTES) >= 0)
			return DT_ECORRUPT;
	return 0;
}

/* ---- edges ----------------------------------------------------------------------- */

/* Near numbers on both sides become small ones. */
static uint32_t zigzag(uint32_t from, uint32_t to)
{
	uint32_t d = to - from;

	return d << 1 ^ (d & 0x80000000u ? UINT32_MAX : 0);
}

static uint32_t unzigzag(uint32_t from, uint32_t z)
{
	return from + (z >> 1 ^ (z & 1 ? UINT32_MAX : 0));
}

static uint32_t run_end(const struct edge *list, uint32_t count, uint32_t at)
{
	uint32_t src = list[at].src;

	while (at < count && list[at].src == src)
		at++;
	return at;
}

static uint8_t *put_sources(uint8_t *p, const struct edge *list, uint32_t count)
{
	uint32_t sources = 0, last = 0;

	for (uint32_t i = 0; i < count; i = run_end(list, count, i))
		sources++;
	p = pack_varint(p, sources);
	for (uint32_t i = 0, next; i < count; i = next) {
		next = run_end(list, count, i);
		p = pack_varint(p, list[i].src - last);
		p = pack_varint(p, next - i - 1);
		last = list[i].src;
	}
	return p;
}

int edgeblock_put_edges(struct pack *p, const struct edge *list, uint32_t count, struct span *frame)
{
	uint8_t *at;
	int rc = pack_begin(p, PACK_VARINT_MAX + (size_t)count * (SOURCE_MAX + EDGE_MAX), &at);

	if (rc < 0)
		return rc;
	at = put_sources(at, list, count);
	for (uint32_t i = 0; i < count; i++) {
		bool first = i == 0 || list[i].src != list[i - 1].src;

		at = pack_varint(at, first ? zigzag(list[i].src, list[i].dst)
					   : list[i].dst - list[i - 1].dst - 1);
	}
	for (uint32_t i = 0; i < count; i++)
		*at++ = list[i].depth;
	return pack_end(p, at, LEVEL, frame);
}

static bool get_sources(struct unpack *u, uint32_t count, uint32_t vertices, struct edge *out)
{
	uint32_t sources, gap, more, at = 0;
	uint64_t src = 0;

	if (!unpack_varint(u, &sources))
		return false;
	for (uint32_t i = 0; i < sources; i++) {
		if (!unpack_varint(u, &gap) || !unpack_varint(u, &more) || (i && !gap))
			return false;
		src += gap;
		if (src >= vertices || more >= count - at)
			return false;
		for (uint32_t end = at + more + 1; at < end; at++)
			out[at].src = (uint32_t)src;
	}
	return at == count;
}

static bool get_destinations(struct unpack *u, uint32_t count, uint32_t vertices, struct edge *out)
{
	for (uint32_t i = 0; i < count; i++) {
		bool first = i == 0 || out[i].src != out[i - 1].src;
		uint64_t dst;
		uint32_t v;

		if (!unpack_varint(u, &v))
			return false;
		dst = first ? unzigzag(out[i].src, v) : (uint64_t)out[i - 1].dst + v + 1;
		if (dst >= vertices)
			return false;
		out[i].dst = (uint32_t)dst;
	}
	return true;
}

int edgeblock_get_edges(struct pack *p, struct span frame, uint32_t count, uint32_t vertices,
			struct edge *out)
{
	const uint8_t *depths;
	struct span raw;
	struct unpack u;
	int rc = pack_expand(p, frame, PACK_VARINT_MAX + (size_t)count * (SOURCE_MAX + EDGE_MAX),
			     &raw);

	if (rc < 0)
		return rc;
	u = (struct unpack){ raw.ptr, raw.ptr + raw.len };
	if (!get_sources(&u, count, vertices, out) || !get_destinations(&u, count, vertices, out))
		return DT_ECORRUPT;
	depths = unpack_bytes(&u, count);
	if (!depths || u.p != u.end)
		return DT_ECORRUPT;
	for (uint32_t i = 0; i < count; i++)
		out[i].depth = depths[i];
	return 0;
}

/* ---- questions -------------------------------------------------------------------- */

int edgeblock_put_questions(struct pack *p, const struct question *list, uint32_t count,
			    struct span *frame)
{
	uint8_t *at;
	int rc = pack_begin(p, (size_t)count * QUESTION_MAX, &at);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count; i++)
		at = pack_varint(at, list[i].src - (i ? list[i - 1].src : 0));
	for (uint32_t i = 0; i < count; i++) {
		at[i] = list[i].depth;
		at[count + i] = list[i].outcome;
		at[2 * (size_t)count + i] = list[i].listed;
		for (unsigned b = 0; b < 4; b++)
			at[(3 + b) * (size_t)count + i] = (uint8_t)(list[i].when_s >> 8 * b);
	}
	return pack_end(p, at + 7 * (size_t)count, LEVEL, frame);
}

static bool get_askers(struct unpack *u, uint32_t count, uint32_t vertices, struct question *out)
{
	uint64_t src = 0;
	uint32_t gap;

	for (uint32_t i = 0; i < count; i++) {
		if (!unpack_varint(u, &gap))
			return false;
		src += gap;
		if (src >= vertices)
			return false;
		out[i] = (struct question){ .src = (uint32_t)src };
	}
	return true;
}

static bool get_question_planes(struct unpack *u, uint32_t count, struct question *out)
{
	const uint8_t *depth = unpack_bytes(u, count), *outcome = unpack_bytes(u, count);
	const uint8_t *listed = unpack_bytes(u, count), *when = unpack_bytes(u, 4 * (size_t)count);

	if (!depth || !outcome || !listed || !when || u->p != u->end)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		out[i].depth = depth[i];
		out[i].outcome = outcome[i];
		out[i].listed = listed[i];
		for (unsigned b = 0; b < 4; b++)
			out[i].when_s |= (uint32_t)when[(size_t)b * count + i] << 8 * b;
		if (outcome[i] >= LISTING_OUTCOMES ||
		    (i && out[i].src == out[i - 1].src && out[i].depth <= out[i - 1].depth))
			return false;
	}
	return true;
}

int edgeblock_get_questions(struct pack *p, struct span frame, uint32_t count, uint32_t vertices,
			    struct question *out)
{
	struct span raw;
	struct unpack u;
	int rc = pack_expand(p, frame, (size_t)count * QUESTION_MAX, &raw);

	if (rc < 0)
		return rc;
	u = (struct unpack){ raw.ptr, raw.ptr + raw.len };
	return get_askers(&u, count, vertices, out) && get_question_planes(&u, count, out)
		       ? 0
		       : DT_ECORRUPT;
}
