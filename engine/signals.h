/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SIGNALS_H
#define ENGINE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/**
 * DOC: SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 as things to be asked for, not as
 * interruptions. A handler counts them, in whichever thread it is called; the
 * monitor looks a hundred times a second.
 *
 * Not sigwait(): that needs the signals blocked in every thread of the process,
 * and a thread that somebody else has started would take them and die.
 */

enum { SIGNALS_COUNT = 5 };

struct signals {
	/* private */
	bool taken;
	struct sigaction before[SIGNALS_COUNT];
	int stops_from, reloads_from, nudges_from;
};

/** signals_take() - from now on they are counted. One taker at a time. */
void signals_take(struct signals *s);

/** signals_give_back() - they do again what they did before. Twice is as good as once. */
void signals_give_back(struct signals *s);

/** signals_stops() - SIGINT and SIGTERM since signals_take(). */
int signals_stops(const struct signals *s);

/** signals_reload() - was there a SIGHUP since this was asked last? */
bool signals_reload(struct signals *s);

/** signals_nudges() - SIGUSR1 less SIGUSR2 since this was asked last. */
int signals_nudges(struct signals *s);

/**
 * signals_block() - keep them away from the calling thread and those that it starts
 * until signals_unblock(), so that no system call of a worker is cut short.
 */
void signals_block(sigset_t *before);
void signals_unblock(const sigset_t *before);

#endif
