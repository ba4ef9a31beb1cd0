/* SPDX-License-Identifier: MIT */
#include "engine/signals.h"

#include <pthread.h>
#include <unistd.h>

#include "tests/support/unit.h"

static void test_counts(void **state)
{
	struct signals s = { .taken = false };

	(void)state;
	assert_int_equal(signals_stops(&s), 0);
	signals_take(&s);
	assert_int_equal(signals_stops(&s), 0);
	assert_false(signals_reload(&s));
	raise(SIGINT);
	raise(SIGTERM);
	assert_int_equal(signals_stops(&s), 2);
	raise(SIGHUP);
	raise(SIGHUP);
	assert_true(signals_reload(&s));
	assert_false(signals_reload(&s));
	signals_give_back(&s);
	assert_int_equal(signals_stops(&s), 0);
	signals_give_back(&s);
	signals_take(&s); /* the next run begins at nothing */
	assert_int_equal(signals_stops(&s), 0);
	signals_give_back(&s);
}

static void test_given_back(void **state)
{
	struct sigaction now;
	struct signals s;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	signals_take(&s);
	sigaction(SIGHUP, NULL, &now);
	assert_true(now.sa_handler != SIG_IGN);
	signals_give_back(&s);
	sigaction(SIGHUP, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	sigaction(SIGINT, NULL, &now);
	assert_true(now.sa_handler == SIG_DFL);
}

static void *idle(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* A thread that somebody else started and that blocks nothing: it takes them and lives. */
static void test_foreign_thread(void **state)
{
	sigset_t before;
	struct signals s;
	pthread_t t;

	(void)state;
	signals_take(&s);
	assert_int_equal(pthread_create(&t, NULL, idle, NULL), 0);
	signals_block(&before);
	kill(getpid(), SIGINT); /* only the other thread can take it */
	for (unsigned i = 0; i < 1000 && signals_stops(&s) == 0; i++)
		usleep(1000);
	assert_int_equal(signals_stops(&s), 1);
	signals_unblock(&before);
	pthread_cancel(t);
	pthread_join(t, NULL);
	signals_give_back(&s);
}

static void test_blocked(void **state)
{
	sigset_t before, now;

	(void)state;
	signals_block(&before);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	assert_true(sigismember(&now, SIGINT) && sigismember(&now, SIGTERM) &&
		    sigismember(&now, SIGHUP) && !sigismember(&now, SIGCHLD));
	signals_unblock(&before);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	assert_false(sigismember(&now, SIGINT));
}

static void test_nudges(void **state)
{
	struct signals s = { .taken = false };

	(void)state;
	assert_int_equal(signals_nudges(&s), 0);
	signals_take(&s);
	raise(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR2);
	assert_int_equal(signals_nudges(&s), 1);
	assert_int_equal(signals_nudges(&s), 0);
	raise(SIGUSR2);
	assert_int_equal(signals_nudges(&s), -1);
	assert_int_equal(signals_stops(&s), 0);
	assert_false(signals_reload(&s));
	signals_give_back(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nudges),     cmocka_unit_test(test_counts),
		cmocka_unit_test(test_given_back), cmocka_unit_test(test_foreign_thread),
		cmocka_unit_test(test_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
