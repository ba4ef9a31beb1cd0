/* SPDX-License-Identifier: MIT */
#include "engine/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

/* Of versions later than this machine's headers may be. */
struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net;
};

enum {
	FS_RIGHTS_V1 = 13,
	FS_REFER = 1 << 13,     /* version 2 */
	FS_TRUNCATE = 1 << 14,  /* version 3 */
	FS_IOCTL_DEV = 1 << 15, /* version 5 */
	NET_BIND_CONNECT = 3,   /* version 4 */
};

static uint64_t fs_rights(int abi)
{
	uint64_t all = (UINT64_C(1) << FS_RIGHTS_V1) - 1;

	if (abi >= 2)
		all |= FS_REFER;
	if (abi >= 3)
		all |= FS_TRUNCATE;
	if (abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

static int allow(int ruleset, const char *path, uint64_t rights)
{
	const uint64_t of_files = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				  FS_TRUNCATE | FS_IOCTL_DEV;
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };
	int fd = open(path, O_PATH | O_CLOEXEC), rc = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rule.parent_fd = fd;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= of_files;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		rc = -errno;
	close(fd);
	return rc;
}

static int allow_all(int ruleset, const char *const *paths, uint64_t rights)
{
	int rc = 0;

	for (; paths && *paths && rc == 0; paths++)
		rc = allow(ruleset, *paths, rights);
	return rc;
}

int fence_in(const struct fence *f)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr;
	int ruleset, rc;

	if (abi <= 0)
		return 0; /* not built in, or not switched on */
	attr.handled_access_fs = fs_rights(abi);
	attr.handled_access_net = NET_BIND_CONNECT;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
			       abi >= 4 ? sizeof(attr) : sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0)
		return -errno;
	rc = allow_all(ruleset, f->write,
		       attr.handled_access_fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
	if (rc == 0)
		rc = allow_all(ruleset, f->read, read);
	if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		rc = -errno;
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0))
		rc = -errno;
	close(ruleset);
	return rc < 0 ? rc : abi;
}
