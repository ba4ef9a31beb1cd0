/* SPDX-License-Identifier: MIT */
/**
 * DOC: what each node has told while its table is drained, so that a walk ends
 * with the reply that brings no news. A list per node under way, found by its
 * record number in an open table; forgotten when the node is done with.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/crawl_impl.h"

enum {
	TABLE_LOG2_FIRST = 10,
	WALKS_MAX = 1 << 20, /* lists at a time: some 400 bytes each when full */
	CONTACTS_MAX = 2048, /* of a list: 160 buckets of eight, and as many again */
	CONTACTS_FIRST = 32, /* room of a list at first, then doubled */
	COMPACT4 = 26,       /* BEP 5: id 20, address 4, port 2 */
	COMPACT6 = 38,       /* BEP 32 */
	GOLDEN = 0x9e3779b1, /* 2^32 over the golden ratio */
	LOAD_NUM = 3,
	LOAD_DEN = 4,
};

struct walk {
	uint32_t ref;
	uint16_t count, room;
	uint32_t said[]; /* 32 bits of each contact */
};

struct crawl_walks {
	struct walk **at; /* a power of two; NULL = free */
	unsigned log2;
	uint32_t count;
};

int crawl_walks_new(struct crawl_walks **out)
{
	struct crawl_walks *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->log2 = TABLE_LOG2_FIRST;
	w->at = calloc((size_t)1 << w->log2, sizeof(struct walk *));
	if (!w->at) {
		free(w);
		return -ENOMEM;
	}
	*out = w;
	return 0;
}

void crawl_walks_free(struct crawl_walks *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < (size_t)1 << w->log2; i++)
		free(w->at[i]);
	free(w->at);
	free(w);
}

static uint32_t home(const struct crawl_walks *w, uint32_t ref)
{
	return ref * (uint32_t)GOLDEN >> (32 - w->log2);
}

static uint32_t mask(const struct crawl_walks *w)
{
	return (1u << w->log2) - 1;
}

/* Where the list of @ref is, or the free place where it would be. */
static uint32_t place(const struct crawl_walks *w, uint32_t ref)
{
	uint32_t i = home(w, ref);

	while (w->at[i] && w->at[i]->ref != ref)
		i = (i + 1) & mask(w);
	return i;
}

static int grow(struct crawl_walks *w)
{
	struct crawl_walks wider = { .log2 = w->log2 + 1, .count = w->count };

	wider.at = calloc((size_t)1 << wider.log2, sizeof(struct walk *));
	if (!wider.at)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)1 << w->log2; i++)
		if (w->at[i])
			wider.at[place(&wider, w->at[i]->ref)] = w->at[i];
	free(w->at);
	*w = wider;
	return 0;
}

/* The list of @ref, with room for @more; NULL where there is no memory. */
static struct walk *need(struct crawl_walks *w, uint32_t ref, unsigned more)
{
	uint32_t i = place(w, ref);
	struct walk *k = w->at[i], *wider;
	size_t room = k ? k->room : CONTACTS_FIRST;

	if (k && k->count + more <= k->room)
		return k;
	if (!k && w->count >= WALKS_MAX)
		return NULL;
	if (!k && (uint64_t)w->count * LOAD_DEN >= (uint64_t)LOAD_NUM << w->log2) {
		if (grow(w))
			return NULL;
		i = place(w, ref);
	}
	while (room < (k ? k->count : 0u) + more)
		room *= 2;
	if (room > CONTACTS_MAX)
		return NULL;
	wider = realloc(k, sizeof(*k) + room * sizeof(k->said[0]));
	if (!wider)
		return NULL; /* the old one stays where it is */
	if (!k) {
		wider->ref = ref;
		wider->count = 0;
		w->count++;
	}
	wider->room = (uint16_t)room;
	w->at[i] = wider;
	return wider;
}

/* Address and port in 32 bits: those of two contacts of one node agree once in 10^7. */
static uint32_t brief(const uint8_t *at, size_t len)
{
	uint64_t a = 0, b = 0;

	memcpy(&a, at, 6);
	if (len > 6)
		memcpy(&b, at + len - 8, sizeof(b));
	return (uint32_t)(rng_mix(a ^ rng_mix(b)) >> 32);
}

static bool say(struct walk *k, uint32_t who)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->said[i] == who)
			return false;
	k->said[k->count++] = who;
	return true;
}

bool crawl_walks_note(struct crawl *c, uint32_t ref, const struct krpc_msg *msg)
{
	size_t n4 = msg->nodes.len / COMPACT4, n6 = msg->nodes6.len / COMPACT6;
	struct walk *k = need(c->walks, ref, (unsigned)(n4 + n6));
	bool news = false;

	if (!k)
		return true;
	for (size_t i = 0; i < n4; i++)
		news |= say(k, brief(msg->nodes.ptr + i * COMPACT4 + NODEID_BYTES, 6));
	for (size_t i = 0; i < n6; i++)
		news |= say(k, brief(msg->nodes6.ptr + i * COMPACT6 + NODEID_BYTES, 18));
	return news;
}

void crawl_walks_end(struct crawl *c, uint32_t ref)
{
	struct crawl_walks *w = c->walks;
	uint32_t i = place(w, ref), next = i;

	if (!w->at[i])
		return;
	free(w->at[i]);
	w->at[i] = NULL;
	w->count--;
	/* Whoever was pushed past this place moves back, or it would not be found. */
	for (;;) {
		uint32_t h;

		next = (next + 1) & mask(w);
		if (!w->at[next])
			return;
		h = home(w, w->at[next]->ref);
		if (((next - h) & mask(w)) < ((next - i) & mask(w)))
			continue;
		w->at[i] = w->at[next];
		w->at[next] = NULL;
		i = next;
	}
}
