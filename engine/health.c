/* SPDX-License-Identifier: MIT */
#include "engine/health.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SUBTREE_LOG2 = 6, /* live ids that share as many bits with a lister as are looked at: 64 */
	BITS_MAX = 24,    /* of the bitmap of such subtrees: 2 MiB */
	NEAR_FIRST = 4096,
	LISTED_MAX = 4096, /* entries of one lister: all buckets of a table, twice */
	FAR_MOST = 8,      /* times the median: beyond it a reply's contacts are no neighbours */
};

/* A reply of a node to its own id. */
struct reply {
	double far;         /* its farthest contact, as a share of the id space */
	size_t gap_at;      /* where its gaps begin */
	unsigned answering; /* and how many they are */
	uint8_t zone;
};

struct health {
	struct crawl_listed *list;
	size_t count;
	unsigned bits;   /* common bits that make a subtree */
	uint8_t *wanted; /* bitmap: subtrees with a lister */
	uint64_t *near;  /* upper 64 bits of live ids in these */
	size_t near_count, near_room;
	double *gaps; /* of all replies, one after another */
	size_t gap_count;
	struct reply *replies; /* at most one a lister */
	size_t reply_count;
};

/* ---- the sample -------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct crawl_listed *x = a, *y = b;
	int order = memcmp(&x->lister, &y->lister, sizeof(x->lister));

	if (!order)
		order = memcmp(&x->ep, &y->ep, sizeof(x->ep));
	return order ? order : (int)y->own - (int)x->own;
}

static bool same(const struct crawl_listed *a, const struct crawl_listed *b)
{
	return nodeid_equal(&a->lister, &b->lister) && endpoint_equal(&a->ep, &b->ep);
}

/* Two replies of a node name the same one: it counts once, in the reply to its own id if any. */
static size_t without_doubles(struct crawl_listed *list, size_t count)
{
	size_t kept = 0;

	qsort(list, count, sizeof(*list), compare);
	for (size_t i = 0; i < count; i++)
		if (!kept || !same(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	return kept;
}

static uint32_t subtree(const struct health *h, uint64_t prefix)
{
	return h->bits ? (uint32_t)(prefix >> (64 - h->bits)) : 0;
}

int health_new(const struct crawl_listed *list, size_t count, uint64_t live, struct health **out)
{
	struct health *h = calloc(1, sizeof(*h));

	*out = NULL;
	if (!h)
		return -ENOMEM;
	while (h->bits < BITS_MAX && live >> (h->bits + SUBTREE_LOG2 + 1))
		h->bits++;
	h->list = malloc((count ? count : 1) * sizeof(*list));
	h->gaps = malloc((count ? count : 1) * sizeof(*h->gaps));
	h->replies = malloc((count ? count : 1) * sizeof(*h->replies));
	h->wanted = calloc(1, ((size_t)1 << h->bits) / 8 + 1);
	if (!h->list || !h->gaps || !h->replies || !h->wanted) {
		health_free(h);
		return -ENOMEM;
	}
	if (count)
		memcpy(h->list, list, count * sizeof(*list));
	h->count = without_doubles(h->list, count);
	for (size_t i = 0; i < h->count; i++) {
		uint32_t t = subtree(h, nodeid_prefix64(&h->list[i].lister));

		h->wanted[t / 8] |= (uint8_t)(1u << t % 8);
	}
	*out = h;
	return 0;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	free(h->list);
	free(h->gaps);
	free(h->replies);
	free(h->wanted);
	free(h->near);
	free(h);
}

int health_live(struct health *h, const struct nodeid *id)
{
	uint64_t prefix = nodeid_prefix64(id);
	uint32_t t = subtree(h, prefix);

	if (!(h->wanted[t / 8] >> t % 8 & 1))
		return 0;
	if (h->near_count == h->near_room) {
		size_t room = h->near_room ? 2 * h->near_room : NEAR_FIRST;
		uint64_t *near = realloc(h->near, room * sizeof(*near));

		if (!near)
			return -ENOMEM;
		h->near = near;
		h->near_room = room;
	}
	h->near[h->near_count++] = prefix;
	return 0;
}

/* ---- one lister ---------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int ascending_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static size_t first_in(const struct health *h, uint32_t t)
{
	size_t lo = 0, hi = h->near_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (subtree(h, h->near[mid]) < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The live ids nearest to @self but itself: xor distances, ascending. Returns how many. */
static unsigned closest(const struct health *h, uint64_t self, uint64_t out[HEALTH_CLOSEST])
{
	uint32_t t = subtree(h, self);
	unsigned count = 0;

	for (size_t i = first_in(h, t); i < h->near_count && subtree(h, h->near[i]) == t; i++) {
		uint64_t d = h->near[i] ^ self;
		unsigned at = count;

		if (d == 0 || (count == HEALTH_CLOSEST && d >= out[count - 1]))
			continue;
		if (count < HEALTH_CLOSEST)
			count++;
		else
			at--;
		for (; at > 0 && out[at - 1] > d; at--)
			out[at] = out[at - 1];
		out[at] = d;
	}
	return count;
}

static unsigned bucket_of(const struct crawl_listed *l)
{
	unsigned common = nodeid_common_bits(&l->lister, &l->listed);

	return common < HEALTH_BUCKETS ? common : HEALTH_BUCKETS - 1;
}

/* Entries @from..@to of the list are one lister's. */
static void reckon_known(const struct health *h, size_t from, size_t to, struct census_health *out)
{
	uint64_t self = nodeid_prefix64(&h->list[from].lister), best[HEALTH_CLOSEST];
	unsigned count = closest(h, self, best), known = 0;

	if (count < HEALTH_CLOSEST)
		return; /* a network too small to have eight */
	for (unsigned k = 0; k < count; k++)
		for (size_t i = from; i < to; i++)
			if ((nodeid_prefix64(&h->list[i].listed) ^ self) == best[k]) {
				known++;
				break;
			}
	out->known[known]++;
}

/* The answering contacts of the reply to its own id: how densely they lie. */
static void note_reply(struct health *h, uint8_t zone, const uint64_t *near, unsigned answering,
		       double far)
{
	uint64_t before = 0;

	h->replies[h->reply_count++] = (struct reply){
		.far = far, .gap_at = h->gap_count, .answering = answering, .zone = zone
	};
	for (unsigned i = 0; i < answering; i++) {
		h->gaps[h->gap_count++] = ldexp((double)(near[i] - before), -64);
		before = near[i];
	}
}

static void reckon_lister(struct health *h, size_t from, size_t to,
			  enum health_fate (*fate)(void *ctx, const struct endpoint *ep), void *ctx,
			  struct census_health *out)
{
	uint64_t self = nodeid_prefix64(&h->list[from].lister), near[LISTED_MAX];
	unsigned answering = 0, own = 0;
	double far = 0;

	out->listers++;
	for (size_t i = from; i < to && i < from + LISTED_MAX; i++) {
		const struct crawl_listed *l = &h->list[i];
		enum health_fate f = fate(ctx, &l->ep);
		uint64_t distance = nodeid_prefix64(&l->listed) ^ self;

		if (l->own) {
			own++;
			far = fmax(far, ldexp((double)distance, -64));
			if (f == HEALTH_ANSWERED)
				near[answering++] = distance;
		}
		if (f == HEALTH_UNASKED) {
			out->unasked++;
			continue;
		}
		out->bucket[bucket_of(l)].listed++;
		out->bucket[bucket_of(l)].stale += f == HEALTH_SILENT;
	}
	reckon_known(h, from, to, out);
	if (!own || far <= 0)
		return;
	qsort(near, answering, sizeof(*near), ascending);
	note_reply(h, h->list[from].lister.b[0], near, answering, far);
}

/* ---- density ---------------------------------------------------------------------- */

static double median(double *list, size_t count)
{
	qsort(list, count, sizeof(*list), ascending_double);
	return count ? list[count / 2] : 0;
}

/*
 * The farthest of eight neighbours is within four times its median but for one in 10^8: what is
 * beyond eight times are no neighbours.
 */
static double far_most(const struct health *h, double *room)
{
	for (size_t i = 0; i < h->reply_count; i++)
		room[i] = h->replies[i].far;
	return FAR_MOST * median(room, h->reply_count);
}

/* Of the replies of @zone, or of all where it is HEALTH_ZONES. */
static void reckon_density(const struct health *h, unsigned zone, double most, double *room,
			   double *kth, double *gap)
{
	double far = 0, answering = 0;
	size_t gaps = 0;

	for (size_t i = 0; i < h->reply_count; i++) {
		const struct reply *r = &h->replies[i];

		if (r->far > most || (zone < HEALTH_ZONES && r->zone != zone))
			continue;
		far += r->far;
		answering += r->answering;
		memcpy(room + gaps, h->gaps + r->gap_at, r->answering * sizeof(*room));
		gaps += r->answering;
	}
	*kth = far > 0 ? answering / far : 0;
	/* Gaps of points strewn at random are exponential: the median is ln 2 of the mean. */
	*gap = gaps ? M_LN2 / median(room, gaps) : 0;
}

static void reckon_densities(struct health *h, struct census_health *out)
{
	double *room = malloc((h->gap_count + h->reply_count + 1) * sizeof(*room)), most;

	if (!room)
		return; /* the report does without */
	most = far_most(h, room);
	for (size_t i = 0; i < h->reply_count; i++)
		out->odd_replies += h->replies[i].far > most;
	out->replies = h->reply_count - out->odd_replies;
	reckon_density(h, HEALTH_ZONES, most, room, &out->kth_distance, &out->median_gap);
	for (unsigned z = 0; z < HEALTH_ZONES; z++) {
		reckon_density(h, z, most, room, &out->zone[z].kth_distance,
			       &out->zone[z].median_gap);
		out->zone[z].kth_distance /= HEALTH_ZONES;
		out->zone[z].median_gap /= HEALTH_ZONES;
	}
	free(room);
}

void health_reckon(struct health *h, enum health_fate (*fate)(void *ctx, const struct endpoint *ep),
		   void *ctx, struct census_health *out)
{
	size_t to;

	memset(out, 0, sizeof(*out));
	if (h->near_count)
		qsort(h->near, h->near_count, sizeof(*h->near), ascending);
	for (size_t from = 0; from < h->count; from = to) {
		for (to = from + 1; to < h->count; to++)
			if (!nodeid_equal(&h->list[from].lister, &h->list[to].lister))
				break;
		reckon_lister(h, from, to, fate, ctx, out);
	}
	reckon_densities(h, out);
}
