/* SPDX-License-Identifier: MIT */
#include "viz/file_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const uint8_t *at, uint64_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int write_file(const char *path, const uint8_t *bytes, uint64_t len, char why[static 256])
{
	/* A pipe or a device is written to; a file, or what is not there yet, is replaced whole. */
	struct stat st;
	bool in_place = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	char tmp[4096];
	int fd, err;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp)) {
		snprintf(why, 256, "%.200s...: the name is too long", path);
		return -ENAMETOOLONG;
	}
	fd = in_place ? open(path, O_WRONLY | O_CLOEXEC)
		      : open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0) {
		err = -errno;
		snprintf(why, 256, "%.200s: %s", path, dt_strerror(err));
		return err;
	}
	err = write_all(fd, bytes, len);
	if (close(fd) && !err)
		err = -errno;
	if (!err && !in_place && rename(tmp, path))
		err = -errno;
	if (err) {
		if (!in_place)
			unlink(tmp);
		snprintf(why, 256, "%.200s: %s", path, dt_strerror(err));
	}
	return err;
}

int file_out_write(const char *path, const void *bytes, uint64_t len, char why[static 256])
{
	int err;

	if (strcmp(path, "-") != 0)
		return write_file(path, bytes, len, why);
	err = write_all(STDOUT_FILENO, bytes, len);
	if (err)
		snprintf(why, 256, "standard output: %s", dt_strerror(err));
	return err;
}
