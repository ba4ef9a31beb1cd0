/* SPDX-License-Identifier: MIT */
#include "viz/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

unsigned parallel_threads(unsigned wanted)
{
	cpu_set_t set;

	if (wanted == 0)
		wanted = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set)
								      : 1;
	if (wanted < 1)
		return 1;
	return wanted < PARALLEL_THREADS_MAX ? wanted : PARALLEL_THREADS_MAX;
}

struct run {
	void (*job)(void *ctx, unsigned index, unsigned worker);
	void *ctx;
	unsigned count;
	atomic_uint next;
};

struct hand {
	struct run *run;
	unsigned worker;
};

static void *work(void *arg)
{
	struct hand *h = arg;
	struct run *r = h->run;

	for (;;) {
		/* relaxed: only the number itself matters; joining orders the results */
		unsigned i = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed);

		if (i >= r->count)
			return NULL;
		r->job(r->ctx, i, h->worker);
	}
}

void parallel_run(unsigned threads, unsigned count,
		  void (*job)(void *ctx, unsigned index, unsigned worker), void *ctx)
{
	struct run r = { .job = job, .ctx = ctx, .count = count };
	struct hand hands[PARALLEL_THREADS_MAX];
	pthread_t ids[PARALLEL_THREADS_MAX] = { 0 };
	unsigned started = 1;

	if (threads > count)
		threads = count;
	if (threads > PARALLEL_THREADS_MAX)
		threads = PARALLEL_THREADS_MAX;
	for (; started < threads; started++) {
		hands[started] = (struct hand){ &r, started };
		if (pthread_create(&ids[started], NULL, work, &hands[started]))
			break;
	}
	hands[0] = (struct hand){ &r, 0 };
	work(&hands[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(ids[i], NULL);
}
