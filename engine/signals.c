/* SPDX-License-Identifier: MIT */
#include "engine/signals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const int taken[SIGNALS_COUNT] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

/* The one mutable global of the engine: a handler is given a number and nothing else. */
static atomic_int stops, reloads, nudges;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a handler may touch them");

static void on_signal(int sig)
{
	atomic_int *count = sig == SIGUSR1 || sig == SIGUSR2 ? &nudges
			    : sig == SIGHUP                  ? &reloads
							     : &stops;

	atomic_fetch_add_explicit(count, sig == SIGUSR2 ? -1 : 1, memory_order_relaxed);
}

void signals_take(struct signals *s)
{
	struct sigaction count = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	s->stops_from = atomic_load(&stops);
	s->reloads_from = atomic_load(&reloads);
	s->nudges_from = atomic_load(&nudges);
	for (unsigned i = 0; i < SIGNALS_COUNT; i++)
		sigaction(taken[i], &count, &s->before[i]);
	s->taken = true;
}

void signals_give_back(struct signals *s)
{
	for (unsigned i = 0; s->taken && i < SIGNALS_COUNT; i++)
		sigaction(taken[i], &s->before[i], NULL);
	s->taken = false;
}

int signals_stops(const struct signals *s)
{
	return s->taken ? atomic_load_explicit(&stops, memory_order_relaxed) - s->stops_from : 0;
}

bool signals_reload(struct signals *s)
{
	int now = atomic_load_explicit(&reloads, memory_order_relaxed);
	bool any = s->taken && now != s->reloads_from;

	s->reloads_from = now;
	return any;
}

int signals_nudges(struct signals *s)
{
	int now = atomic_load_explicit(&nudges, memory_order_relaxed), since = now - s->nudges_from;

	s->nudges_from = now;
	return s->taken ? since : 0;
}

void signals_block(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < SIGNALS_COUNT; i++)
		sigaddset(&set, taken[i]);
	pthread_sigmask(SIG_BLOCK, &set, before);
}

void signals_unblock(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}
