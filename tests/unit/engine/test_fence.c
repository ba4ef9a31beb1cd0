/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/fence.h"
#include "tests/support/tempdir.h"

struct tried {
	char dir[TEMPDIR_MAX];
	int listener, outside; /* a port that listens; a folder outside, opened before */
	int fence, write_in, write_out, read_out, run, connect, accepted;
};

static int try_open(const char *dir, const char *name, int how)
{
	char path[TEMPDIR_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, how | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int try_connect(int listener)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = 0;

	getsockname(listener, (void *)&at, &len);
	if (connect(fd, (void *)&at, len))
		rc = -errno;
	close(fd);
	return rc;
}

static void *inside(void *arg)
{
	struct tried *t = arg;
	const char *in[] = { t->dir, NULL };
	const struct fence f = { .write = in };
	int fd;

	t->fence = fence_in(&f);
	t->write_in = try_open(t->dir, "in", O_WRONLY | O_CREAT);
	t->write_out = try_open("/tmp", "dt-fence-out", O_WRONLY | O_CREAT);
	t->read_out = try_open("/etc", "passwd", O_RDONLY);
	t->connect = try_connect(t->listener);
	fd = accept(t->listener, NULL, NULL); /* by the connection made before */
	t->accepted = fd >= 0;
	close(fd);
	return NULL;
}

/* A thread behind a fence keeps its folder and its listening port, and nothing else; its
 * sister thread keeps all. */
static void test_thread(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct tried t = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	pthread_t thread;
	int mine = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	(void)state;
	tempdir_make(t.dir);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(t.listener, (void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(t.listener, 4), 0);
	assert_int_equal(getsockname(t.listener, (void *)&at, &len), 0);
	assert_int_equal(connect(mine, (void *)&at, len), 0);
	assert_int_equal(pthread_create(&thread, NULL, inside, &t), 0);
	pthread_join(thread, NULL);
	assert_int_equal(t.write_in, 0);
	assert_true(t.accepted);
	if (t.fence == 0)
		skip(); /* a kernel without Landlock: nothing was promised */
	assert_true(t.fence > 0);
	assert_int_equal(t.write_out, -EACCES);
	assert_int_equal(t.read_out, -EACCES);
	if (t.fence >= 4)
		assert_int_equal(t.connect, -EACCES);
	assert_int_equal(try_open("/etc", "passwd", O_RDONLY), 0);
	assert_int_equal(try_connect(t.listener), 0);
	close(mine);
	close(t.listener);
	tempdir_remove(t.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_thread) };

	return cmocka_run_group_tests_name("engine/fence", tests, NULL, NULL);
}
