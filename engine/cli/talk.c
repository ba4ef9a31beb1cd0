/* SPDX-License-Identifier: MIT */
/** DOC: how the commands talk, and how they leave files behind. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/cli/log.h"

/* What was written before comes before, where both go to one pipe. */
static void in_order(void)
{
	fflush(stdout);
}

int cli_fail(const char *fmt, ...)
{
	va_list ap;

	in_order();
	va_start(ap, fmt);
	log_say(LOG_ERROR, fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

void cli_say(const char *fmt, ...)
{
	va_list ap;

	in_order();
	va_start(ap, fmt);
	log_say(LOG_INFO, fmt, ap);
	va_end(ap);
}

void cli_note(void *ctx, const char *line)
{
	(void)ctx;
	cli_say("  %s", line);
}

char *cli_group_digits(unsigned long long v, char out[static 32])
{
	char plain[24];
	int len = snprintf(plain, sizeof(plain), "%llu", v);
	int at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
	return out;
}

char *cli_join(int argc, char **argv)
{
	size_t len = 1;
	char *line;

	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	line = calloc(1, len);
	for (int i = 0; line && i < argc; i++) {
		strcat(line, argv[i]);
		if (i + 1 < argc)
			strcat(line, " ");
	}
	return line;
}

/* A pipe's end without a reader is in error, before and after anything is written. */
static bool is_unread(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP);
}

int cli_flush(FILE *f)
{
	errno = 0;
	if (fflush(f) == 0 && !ferror(f))
		return 0;
	if (errno == EPIPE || is_unread(fileno(f)))
		return -EPIPE;
	return errno ? -errno : -EIO; /* of an earlier write stdio remembers only that it failed */
}

int cli_flush_beside(FILE **f)
{
	int rc = cli_flush(*f);

	if (rc != -EPIPE)
		return rc;
	if (*f != stdout)
		fclose(*f);
	*f = NULL;
	return 0;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A pipe, a terminal, /dev/null: nothing that may be replaced by a new file. */
static bool is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int write_device(const char *path, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = write_all(fd, bytes, len);
	close(fd);
	return rc;
}

int cli_write_file(const char *path, const char *bytes, size_t len)
{
	char tmp[4096];
	int fd, rc;

	if (!strcmp(path, "-")) {
		fwrite(bytes, 1, len, stdout);
		return cli_flush(stdout);
	}
	if (is_device(path))
		return write_device(path, bytes, len);
	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, bytes, len);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(tmp, path))
		rc = -errno;
	if (rc)
		unlink(tmp);
	return rc;
}
