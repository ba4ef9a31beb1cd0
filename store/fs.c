/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/statvfs.h>

#include "store/inside.h"

/* Numbers from linux/magic.h, which does not know them all. */
static const struct {
	unsigned type;
	enum fs_verdict verdict;
	const char *name;
} known[] = {
	{ 0x6969, FS_REFUSED, "NFS" },
	{ 0xFF534D42, FS_REFUSED, "CIFS" },
	{ 0xFE534D42, FS_REFUSED, "SMB" },
	{ 0x517B, FS_REFUSED, "SMB" },
	{ 0x01021997, FS_REFUSED, "9p" },
	{ 0x00C36400, FS_REFUSED, "Ceph" },
	{ 0x794C7630, FS_DOUBTFUL, "overlayfs" },
	{ 0x65735546, FS_DOUBTFUL, "FUSE" },
};

enum fs_verdict fs_verdict_of(long type, const char **name)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].type != (unsigned)type)
			continue;
		*name = known[i].name;
		return known[i].verdict;
	}
	*name = "";
	return FS_FINE;
}

int fs_free_bytes(int fd, uint64_t *out)
{
	struct statvfs st;

	if (fstatvfs(fd, &st))
		return -errno;
	*out = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}
