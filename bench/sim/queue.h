/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_QUEUE_H
#define BENCH_SIM_QUEUE_H

#include "bench/sim/say.h"

/**
 * DOC: answers on their way, ordered by the time at which they arrive; those
 * of one time in the order in which they were asked for. What waits is the
 * question, 64 bytes; the answer is written when it is due.
 */
struct sim_event {
	uint32_t node;
	uint32_t face;      /* from where it will come */
	uint32_t peer_ip;   /* of the farm; network order */
	uint16_t peer_port; /* network order */
	struct peer_question question;
};

struct sim_due {
	uint64_t at_ns;
	uint32_t order, event;
};

/** struct sim_queue - all zero is an empty queue. */
struct sim_queue {
	/* private */
	uint32_t count, room, order;
	struct sim_due *heap;
	struct sim_event *event; /* room of them */
	uint32_t *unused;        /* a stack of the free ones: room - count */
};

void sim_queue_free(struct sim_queue *q);

/** sim_queue_push() - returns the event to fill in, or NULL without memory. */
struct sim_event *sim_queue_push(struct sim_queue *q, uint64_t at_ns);

/** sim_queue_next_ns() - when the earliest is due; UINT64_MAX when there is none. */
static inline uint64_t sim_queue_next_ns(const struct sim_queue *q)
{
	return q->count ? q->heap[0].at_ns : UINT64_MAX;
}

/** sim_queue_pop() - the earliest of a queue that is not empty; readable until the next push. */
const struct sim_event *sim_queue_pop(struct sim_queue *q);

#endif
