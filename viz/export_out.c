/* SPDX-License-Identifier: MIT */
#include "viz/export_out.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
	BUF_BYTES = 1 << 20, /* a write of this size costs no more than its copy */
	LEVEL = 3,           /* zstd's own choice */
};

static int name_file(struct export_out *o, const char *path)
{
	o->fd = -1;
	if (snprintf(o->path, sizeof(o->path), "%s", path) >= (int)sizeof(o->path) ||
	    snprintf(o->tmp, sizeof(o->tmp), "%s.tmp", path) >= (int)sizeof(o->tmp))
		return -ENAMETOOLONG;
	o->fd = open(o->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	return o->fd < 0 ? -errno : 0;
}

static int start_zstd(struct export_out *o)
{
	o->packed_cap = ZSTD_CStreamOutSize();
	o->packed = malloc(o->packed_cap);
	o->zstd = ZSTD_createCCtx();
	if (!o->packed || !o->zstd)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1);
	return 0;
}

static bool is_stdout(const struct export_out *o)
{
	return !o->tmp[0];
}

static void release(struct export_out *o)
{
	if (!is_stdout(o) && o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	ZSTD_freeCCtx(o->zstd);
	free(o->packed);
	free(o->buf);
	o->zstd = NULL;
	o->packed = o->buf = NULL;
}

int export_out_open(struct export_out *o, const char *path, bool zstd)
{
	int rc = 0;

	memset(o, 0, sizeof(*o));
	o->fd = STDOUT_FILENO;
	if (sodium_init() < 0)
		return -EIO;
	crypto_hash_sha256_init(&o->sha);
	o->buf = malloc(BUF_BYTES);
	if (!o->buf)
		return -ENOMEM;
	if (zstd)
		rc = start_zstd(o);
	if (rc == 0 && strcmp(path, "-") != 0)
		rc = name_file(o, path);
	if (rc < 0)
		release(o);
	return rc;
}

static void write_out(struct export_out *o, const uint8_t *at, size_t len)
{
	if (o->err)
		return;
	crypto_hash_sha256_update(&o->sha, at, len);
	o->bytes += len;
	while (len) {
		ssize_t n = write(o->fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			o->err = errno == ENOSPC ? DT_ENOSPACE : -errno;
			return;
		}
		at += n;
		len -= (size_t)n;
	}
}

static void pack(struct export_out *o, const uint8_t *at, size_t len, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = { at, len, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { o->packed, o->packed_cap, 0 };

		left = ZSTD_compressStream2(o->zstd, &out, &in, how);
		if (ZSTD_isError(left)) {
			o->err = -EIO;
			return;
		}
		write_out(o, o->packed, out.pos);
	} while (!o->err && (how == ZSTD_e_end ? left != 0 : in.pos < in.size));
}

static void pass_on(struct export_out *o, const uint8_t *at, size_t len)
{
	if (o->zstd && !o->err)
		pack(o, at, len, ZSTD_e_continue);
	else
		write_out(o, at, len);
}

static void flush(struct export_out *o)
{
	pass_on(o, o->buf, o->len);
	o->len = 0;
}

uint8_t *export_out_room(struct export_out *o, size_t n)
{
	assert(n <= EXPORT_OUT_ROOM_MAX);
	if (o->len + n > BUF_BYTES)
		flush(o);
	return o->buf + o->len;
}

void export_out_put(struct export_out *o, const void *bytes, size_t n)
{
	if (n <= EXPORT_OUT_ROOM_MAX) {
		memcpy(export_out_room(o, n), bytes, n);
		o->len += n;
		return;
	}
	flush(o);
	pass_on(o, bytes, n);
}

void export_out_drop(struct export_out *o)
{
	if (!is_stdout(o) && o->fd >= 0)
		unlink(o->tmp);
	release(o);
}

static int put_in_place(struct export_out *o)
{
	int rc = o->err;

	if (is_stdout(o))
		return rc;
	if (close(o->fd) && !rc)
		rc = -errno;
	o->fd = -1;
	if (rc == 0 && rename(o->tmp, o->path))
		rc = -errno;
	if (rc < 0)
		unlink(o->tmp);
	return rc;
}

int export_out_close(struct export_out *o, uint64_t *bytes, char sha256[static 65])
{
	uint8_t sum[crypto_hash_sha256_BYTES];
	int rc;

	flush(o);
	if (o->zstd && !o->err)
		pack(o, NULL, 0, ZSTD_e_end);
	rc = put_in_place(o);
	crypto_hash_sha256_final(&o->sha, sum);
	sodium_bin2hex(sha256, 65, sum, sizeof(sum));
	*bytes = o->bytes;
	release(o);
	return rc;
}
