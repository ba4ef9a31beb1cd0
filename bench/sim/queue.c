/* SPDX-License-Identifier: MIT */
#include "bench/sim/queue.h"

#include <stdlib.h>

enum {
	ARY = 4, /* children of a node lie in one or two cache lines: 4 x 16 bytes */
	ROOM_FIRST = 1024,
};

void sim_queue_free(struct sim_queue *q)
{
	free(q->heap);
	free(q->event);
	free(q->unused);
	*q = (struct sim_queue){ 0 };
}

static bool is_before(const struct sim_due *a, const struct sim_due *b)
{
	/* The difference of orders: right as long as under 2^31 are on their way. */
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : (int32_t)(a->order - b->order) < 0;
}

static bool grow(struct sim_queue *q)
{
	uint32_t room = q->room ? q->room * 2 : ROOM_FIRST;
	struct sim_due *heap = reallocarray(q->heap, room, sizeof(*heap));
	struct sim_event *event;
	uint32_t *unused;

	if (!heap)
		return false;
	q->heap = heap;
	event = reallocarray(q->event, room, sizeof(*event));
	if (!event)
		return false;
	q->event = event;
	unused = reallocarray(q->unused, room, sizeof(*unused));
	if (!unused)
		return false;
	q->unused = unused;
	for (uint32_t i = q->room; i < room; i++)
		unused[i - q->room] = i;
	q->room = room;
	return true;
}

struct sim_event *sim_queue_push(struct sim_queue *q, uint64_t at_ns)
{
	struct sim_due d = { .at_ns = at_ns, .order = q->order };
	uint32_t at;

	if (q->count == q->room && !grow(q))
		return NULL;
	q->order++;
	d.event = q->unused[q->room - q->count - 1];
	for (at = q->count++; at > 0; at = (at - 1) / ARY) {
		const struct sim_due *parent = &q->heap[(at - 1) / ARY];

		if (!is_before(&d, parent))
			break;
		q->heap[at] = *parent;
	}
	q->heap[at] = d;
	return &q->event[d.event];
}

const struct sim_event *sim_queue_pop(struct sim_queue *q)
{
	struct sim_due first = q->heap[0], last = q->heap[--q->count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = at * ARY + 1, best = child;

		if (child >= q->count)
			break;
		for (uint32_t c = child + 1; c < child + ARY && c < q->count; c++)
			if (is_before(&q->heap[c], &q->heap[best]))
				best = c;
		if (!is_before(&q->heap[best], &last))
			break;
		q->heap[at] = q->heap[best];
		at = best;
	}
	q->heap[at] = last;
	q->unused[q->room - q->count - 1] = first.event;
	return &q->event[first.event];
}
