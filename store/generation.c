/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inside.h"

static const char link_name[] = "state";
static const char link_tmp[] = "state.new";
static const char prefix[] = "state-";

enum { DIR_MODE = 0700, /* addresses are personal data */ GENERATION_DIGITS = 9 };

static bool parse(const char *name, unsigned *out)
{
	size_t n = strlen(prefix), digits;

	if (strncmp(name, prefix, n) != 0)
		return false;
	digits = strspn(name + n, "0123456789");
	if (digits == 0 || digits > GENERATION_DIGITS || name[n + digits] || name[n] == '0')
		return false;
	*out = (unsigned)strtoul(name + n, NULL, 10);
	return true;
}

static void name_of(unsigned generation, char out[static STORE_NAME_MAX])
{
	snprintf(out, STORE_NAME_MAX, "%s%u", prefix, generation);
}

int generation_current(int dir_fd, unsigned *out)
{
	char target[STORE_NAME_MAX];
	ssize_t n = readlinkat(dir_fd, link_name, target, sizeof(target) - 1);

	if (n < 0)
		return errno == ENOENT ? DT_ENOTFOUND : errno == EINVAL ? DT_EFOREIGN : -errno;
	target[n] = '\0';
	return parse(target, out) ? 0 : DT_EFOREIGN;
}

int generation_path(const struct store *s, unsigned generation, char out[static STORE_PATH_MAX])
{
	int n = snprintf(out, STORE_PATH_MAX, "%s/%s%u", s->dir, prefix, generation);

	return n < STORE_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int generation_begin(const struct store *s, unsigned generation)
{
	char name[STORE_NAME_MAX];

	generation_remove(s, generation);
	name_of(generation, name);
	return mkdirat(s->dir_fd, name, DIR_MODE) ? -errno : 0;
}

static int sync_dir(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}

int generation_adopt(const struct store *s, unsigned generation)
{
	char name[STORE_NAME_MAX];
	int rc;

	name_of(generation, name);
	rc = sync_dir(s->dir_fd, name);
	if (rc < 0)
		return rc;
	unlinkat(s->dir_fd, link_tmp, 0);
	if (symlinkat(name, s->dir_fd, link_tmp))
		return -errno;
	if (renameat(s->dir_fd, link_tmp, s->dir_fd, link_name))
		return -errno;
	return fsync(s->dir_fd) ? -errno : 0;
}

/*
 * The data goes before the lock file: whoever opened the lock file and then
 * still finds the data holds the lock that belongs to it.
 */
void generation_remove(const struct store *s, unsigned generation)
{
	char name[STORE_NAME_MAX];
	int fd;

	name_of(generation, name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	unlinkat(fd, "data.mdb", 0);
	unlinkat(fd, "lock.mdb", 0);
	close(fd);
	unlinkat(s->dir_fd, name, AT_REMOVEDIR);
}

void generation_sweep(const struct store *s, unsigned keep)
{
	struct dirent **names;
	int n = scandirat(s->dir_fd, ".", &names, NULL, NULL);
	unsigned generation;

	for (int i = 0; i < n; i++) {
		if (parse(names[i]->d_name, &generation) && generation != keep)
			generation_remove(s, generation);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	unlinkat(s->dir_fd, link_tmp, 0);
}
