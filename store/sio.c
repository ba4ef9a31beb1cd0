/* SPDX-License-Identifier: MIT */
#include "store/sio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void tell(const struct sio *io, const struct sio_op *op)
{
	if (io->tap)
		io->tap->op(io->tap->ctx, op);
}

static int from_errno(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? DT_ENOSPACE : -errno;
}

int sio_create(const struct sio *io, const char *name, int *fd)
{
	tell(io, &(struct sio_op){ .kind = SIO_CREATE, .name = name });
	*fd = openat(io->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		     SIO_FILE_MODE);
	return *fd < 0 ? from_errno() : 0;
}

int sio_write(const struct sio *io, int fd, const char *name, uint64_t offset, const void *bytes,
	      size_t len)
{
	const char *p = bytes;

	tell(io, &(struct sio_op){ .kind = SIO_WRITE,
				   .name = name,
				   .offset = offset,
				   .bytes = bytes,
				   .len = len });
	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? from_errno() : DT_ENOSPACE;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int sio_sync(const struct sio *io, int fd, const char *name)
{
	tell(io, &(struct sio_op){ .kind = SIO_SYNC, .name = name });
	return fdatasync(fd) ? from_errno() : 0;
}

int sio_rename(const struct sio *io, const char *from, const char *to)
{
	tell(io, &(struct sio_op){ .kind = SIO_RENAME, .name = from, .to = to });
	return renameat(io->dir_fd, from, io->dir_fd, to) ? from_errno() : 0;
}

int sio_sync_dir(const struct sio *io)
{
	tell(io, &(struct sio_op){ .kind = SIO_SYNC_DIR });
	return fsync(io->dir_fd) ? from_errno() : 0;
}

void sio_unlink(const struct sio *io, const char *name)
{
	tell(io, &(struct sio_op){ .kind = SIO_UNLINK, .name = name });
	unlinkat(io->dir_fd, name, 0);
}
