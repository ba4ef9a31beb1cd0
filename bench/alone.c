/* SPDX-License-Identifier: MIT */
#include "bench/alone.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = ioctl(fd, SIOCSIFFLAGS, &r) ? -errno : 0;
	close(fd);
	return err;
}

/* Where namespaces are refused it goes on without. */
static void go_apart(void)
{
	int err = unshare(CLONE_NEWNET) ? -errno : loopback_up();

	if (err)
		fprintf(stderr, "no network namespace (%s): others' packets are counted too\n",
			dt_strerror(err));
}

static int in_child(bool apart, const char *name,
		    int (*body)(const struct bench_ctx *ctx, FILE *out),
		    const struct bench_ctx *ctx, FILE *out)
{
	int status = 0;
	pid_t pid;

	fflush(out);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int err;

		if (apart)
			go_apart();
		err = body(ctx, out);
		if (err)
			fprintf(stderr, "%s%s%s\n", name ? name : "", name ? ": " : "",
				dt_strerror(err));
		fflush(out);
		_exit(err ? 1 : 0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : DT_EUNSUPPORTED;
}

int alone_run(int (*body)(const struct bench_ctx *ctx, FILE *out), const struct bench_ctx *ctx,
	      FILE *out)
{
	return in_child(true, NULL, body, ctx, out);
}

int alone_in_child(const char *name, int (*body)(const struct bench_ctx *ctx, FILE *out),
		   const struct bench_ctx *ctx, FILE *out)
{
	return in_child(false, name, body, ctx, out);
}
