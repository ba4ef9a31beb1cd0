/* SPDX-License-Identifier: MIT */
#ifndef STORE_SIO_H
#define STORE_SIO_H

#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: the few things that are ever done to files below DIR/seg, each through
 * one door, so that a test can write down their order and replay the disk as
 * it may look after a power cut at any of them (test_torn). Names are of
 * files in the one directory, never paths.
 */

enum sio_kind { SIO_CREATE, SIO_WRITE, SIO_SYNC, SIO_RENAME, SIO_SYNC_DIR, SIO_UNLINK };

struct sio_op {
	enum sio_kind kind;
	const char *name, *to; /* @to: of a rename */
	uint64_t offset;
	const void *bytes;
	size_t len;
};

/** struct sio_tap - hears of each operation before it is done. */
struct sio_tap {
	void (*op)(void *ctx, const struct sio_op *op);
	void *ctx;
};

struct sio {
	int dir_fd;
	const struct sio_tap *tap; /* NULL = nobody listens */
};

enum { SIO_FILE_MODE = 0600 /* addresses are personal data */ };

/* Errors of all: DT_ENOSPACE, else -errno. */

/** sio_create() - an empty file; what was under that name is emptied. */
int sio_create(const struct sio *io, const char *name, int *fd) DT_MUST;
int sio_write(const struct sio *io, int fd, const char *name, uint64_t offset, const void *bytes,
	      size_t len) DT_MUST;
int sio_sync(const struct sio *io, int fd, const char *name) DT_MUST;
int sio_rename(const struct sio *io, const char *from, const char *to) DT_MUST;
int sio_sync_dir(const struct sio *io) DT_MUST;

/** sio_unlink() - gone, or was not there. */
void sio_unlink(const struct sio *io, const char *name);

#endif
