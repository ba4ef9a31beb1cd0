/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_OUT_H
#define VIZ_EXPORT_OUT_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: one file on its way to the disk, of any length in a fixed amount of
 * memory: bytes are gathered, packed by zstd where that is wanted, hashed as
 * they will lie on the disk, and written beside the name that they get at the
 * end. The first error stays: what comes after it is dropped, and
 * export_out_close() says so.
 */
enum {
	EXPORT_OUT_ROOM_MAX = 1 << 16, /* most that may be asked for at once */
	EXPORT_PATH_MAX = 4096,
};

struct export_out {
	/* private */
	char path[EXPORT_PATH_MAX], tmp[EXPORT_PATH_MAX];
	int fd, err;
	uint8_t *buf, *packed;
	size_t len, packed_cap;
	struct ZSTD_CCtx_s *zstd;
	crypto_hash_sha256_state sha;
	uint64_t bytes; /* on the disk */
};

/** export_out_open() - @path "-" is standard output. */
int export_out_open(struct export_out *o, const char *path, bool zstd) DT_MUST;

/** export_out_room() - where the next @n bytes belong, n <= EXPORT_OUT_ROOM_MAX; never NULL. */
uint8_t *export_out_room(struct export_out *o, size_t n);

/** export_out_took() - of the room, this much was used. */
static inline void export_out_took(struct export_out *o, size_t n)
{
	o->len += n;
}

/** export_out_put() - any number of bytes. */
void export_out_put(struct export_out *o, const void *bytes, size_t n);

/** export_out_close() - all written and the name in place, or nothing left behind. */
int export_out_close(struct export_out *o, uint64_t *bytes, char sha256[static 65]) DT_MUST;

/** export_out_drop() - instead of close: nothing is left behind. */
void export_out_drop(struct export_out *o);

#endif
