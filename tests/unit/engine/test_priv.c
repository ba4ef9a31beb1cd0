/* SPDX-License-Identifier: MIT */
#include "engine/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

/* Dropping is for good, so each case has a child of its own. */
enum { OK, WRONG_OUTCOME, CAPS_LEFT, CANNOT_WRITE, CAN_STILL, CAN_GAIN };

enum { CAP_DAC_OVERRIDE_BIT = 1, CAP_NET_ADMIN_BIT = 12 };

static unsigned long long effective(void)
{
	unsigned long long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "CapEff:", 7) == 0)
			caps = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return caps;
}

static bool is_admin(void)
{
	return effective() >> CAP_NET_ADMIN_BIT & 1;
}

static bool can_force_buffer(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 1 << 20, err;

	err = setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	close(fd);
	return err == 0;
}

static bool can_write(const char *dir)
{
	char path[TEMPDIR_MAX + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/new", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int drop_own(const char *dir)
{
	const char *keep[] = { dir, NULL };

	if (priv_drop(keep) != PRIV_DROPPED)
		return WRONG_OUTCOME;
	if (effective() != 0)
		return CAPS_LEFT;
	if (!can_write(dir))
		return CANNOT_WRITE;
	if (can_force_buffer())
		return CAN_STILL;
	/* What root executes would be given everything back, but for this. */
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? OK : CAN_GAIN;
}

static int drop_foreign(const char *dir)
{
	const char *keep[] = { "/tmp", dir, NULL };

	if (priv_drop(keep) != PRIV_KEPT_DAC)
		return WRONG_OUTCOME;
	if (effective() != 1u << CAP_DAC_OVERRIDE_BIT)
		return CAPS_LEFT;
	if (!can_write(dir))
		return CANNOT_WRITE;
	return can_force_buffer() ? CAN_STILL : OK;
}

static int drop_unasked(const char *dir)
{
	if (priv_drop(NULL) != PRIV_DROPPED)
		return WRONG_OUTCOME;
	return can_write(dir) ? CAN_STILL : OK; /* the foreign one */
}

static int drop_twice(const char *dir)
{
	(void)dir;
	if (priv_drop(NULL) != PRIV_DROPPED)
		return WRONG_OUTCOME;
	return priv_drop(NULL) == PRIV_UNTOUCHED ? OK : WRONG_OUTCOME;
}

static void in_child(int (*body)(const char *dir), bool foreign)
{
	char dir[TEMPDIR_MAX];
	int status = 0;
	pid_t pid;

	if (!is_admin())
		skip();
	tempdir_make(dir);
	assert_int_equal(chmod(dir, 0755), 0);
	if (foreign && chown(dir, 12345, 12345))
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	tempdir_remove(dir);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != OK)
		fail_msg("child: %#x", (unsigned)status);
}

static void test_own(void **state)
{
	(void)state;
	in_child(drop_own, false);
}

static void test_foreign(void **state)
{
	(void)state;
	in_child(drop_foreign, true);
}

static void test_unasked(void **state)
{
	(void)state;
	in_child(drop_unasked, true);
}

static void test_twice(void **state)
{
	(void)state;
	in_child(drop_twice, false);
}

static void test_text(void **state)
{
	(void)state;
	assert_string_equal(priv_outcome_text(PRIV_DROPPED), "dropped");
	assert_string_equal(priv_outcome_text(PRIV_UNTOUCHED), "none held");
	assert_non_null(strstr(priv_outcome_text(PRIV_KEPT_DAC), "CAP_DAC_OVERRIDE"));
	assert_string_equal(priv_outcome_text(-EPERM), "not dropped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),     cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_unasked), cmocka_unit_test(test_twice),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
