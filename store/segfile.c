/* SPDX-License-Identifier: MIT */
#include "store/segfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/le.h"

enum {
	VERSION = 1,
	H_VERSION = 6,
	H_KIND = 7,
	F_BODY = 0,
	F_INDEX = 8,
	F_BODY_CHECK = 16,
	F_INDEX_CHECK = 24,
	F_CHECK = 32,
	F_MAGIC = 40,
	BUFFER_BYTES = 1 << 20,
};

static const char head_magic[6] = { 'D', 'H', 'T', 'S', 'E', 'G' };
static const char footer_magic[8] = { 'D', 'H', 'T', 'S', 'E', 'G', 'F', '\n' };

struct seg_writer {
	struct sio io;
	int fd;
	char name[SEG_NAME_MAX], tmp[SEG_NAME_MAX + 4];
	uint8_t head[SEG_HEAD_BYTES];
	uint8_t *buffer;
	size_t held;   /* in the buffer */
	uint64_t size; /* of the file, the buffer included */
	XXH3_state_t *hash;
};

/* ---- writing ---------------------------------------------------------------- */

static void writer_free(struct seg_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	XXH3_freeState(w->hash);
	free(w->buffer);
	free(w);
}

void seg_abort(struct seg_writer *w)
{
	if (!w)
		return;
	sio_unlink(&w->io, w->tmp);
	writer_free(w);
}

static int drain(struct seg_writer *w)
{
	int rc = w->held ? sio_write(&w->io, w->fd, w->tmp, w->size - w->held, w->buffer, w->held)
			 : 0;

	w->held = 0;
	return rc;
}

static int append(struct seg_writer *w, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	int rc = 0;

	while (len && rc == 0) {
		size_t n = BUFFER_BYTES - w->held < len ? BUFFER_BYTES - w->held : len;

		memcpy(w->buffer + w->held, p, n);
		w->held += n;
		w->size += n;
		p += n;
		len -= n;
		if (w->held == BUFFER_BYTES)
			rc = drain(w);
	}
	return rc;
}

int seg_create(const struct sio *io, enum seg_kind kind, const char *name, struct seg_writer **out)
{
	struct seg_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	w->io = *io;
	w->fd = -1;
	snprintf(w->name, sizeof(w->name), "%s", name);
	snprintf(w->tmp, sizeof(w->tmp), "%s.tmp", w->name);
	memcpy(w->head, head_magic, sizeof(head_magic));
	w->head[H_VERSION] = VERSION;
	w->head[H_KIND] = (uint8_t)kind;
	w->buffer = malloc(BUFFER_BYTES);
	w->hash = XXH3_createState();
	if (!w->buffer || !w->hash) {
		writer_free(w);
		return -ENOMEM;
	}
	XXH3_64bits_reset(w->hash);
	rc = sio_create(io, w->tmp, &w->fd);
	if (rc == 0)
		rc = append(w, w->head, sizeof(w->head));
	if (rc < 0) {
		seg_abort(w);
		return rc;
	}
	*out = w;
	return 0;
}

int seg_put(struct seg_writer *w, struct span bytes, uint64_t *offset)
{
	*offset = w->size - SEG_HEAD_BYTES;
	XXH3_64bits_update(w->hash, bytes.ptr, bytes.len);
	return append(w, bytes.ptr, bytes.len);
}

/* Of the first 32 bytes and the head: a footer belongs to one kind of file. */
static uint64_t footer_check(const uint8_t *footer, const uint8_t *head)
{
	uint8_t both[F_CHECK + SEG_HEAD_BYTES];

	memcpy(both, footer, F_CHECK);
	memcpy(both + F_CHECK, head, SEG_HEAD_BYTES);
	return XXH3_64bits(both, sizeof(both));
}

static int make_durable(struct seg_writer *w)
{
	int rc = drain(w);

	if (rc == 0)
		rc = sio_sync(&w->io, w->fd, w->tmp);
	if (rc == 0)
		rc = sio_rename(&w->io, w->tmp, w->name);
	return rc == 0 ? sio_sync_dir(&w->io) : rc;
}

int seg_finish(struct seg_writer *w, struct span index, struct seg_sum *sum)
{
	uint8_t footer[SEG_FOOTER_BYTES];
	int rc;

	le_put64(footer + F_BODY, w->size - SEG_HEAD_BYTES);
	le_put64(footer + F_INDEX, index.len);
	le_put64(footer + F_BODY_CHECK, XXH3_64bits_digest(w->hash));
	le_put64(footer + F_INDEX_CHECK, XXH3_64bits(index.ptr, index.len));
	le_put64(footer + F_CHECK, footer_check(footer, w->head));
	memcpy(footer + F_MAGIC, footer_magic, sizeof(footer_magic));
	rc = index.len > SEG_INDEX_MAX_BYTES ? DT_EFULL : append(w, index.ptr, index.len);
	if (rc == 0)
		rc = append(w, footer, sizeof(footer));
	if (rc == 0)
		rc = make_durable(w);
	if (rc < 0) {
		seg_abort(w);
		return rc;
	}
	*sum = (struct seg_sum){ .bytes = w->size, .check = XXH3_64bits(footer, sizeof(footer)) };
	writer_free(w);
	return 0;
}

/* ---- reading ------------------------------------------------------------------ */

struct seg {
	int fd;
	uint64_t body_bytes, body_check;
	uint8_t *index;
	size_t index_bytes;
};

static int read_at(int fd, uint64_t offset, void *out, size_t len)
{
	uint8_t *p = out;

	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : DT_ECORRUPT;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int check_head(const uint8_t *head, enum seg_kind kind)
{
	if (memcmp(head, head_magic, sizeof(head_magic)) != 0)
		return DT_EFOREIGN;
	if (head[H_VERSION] != VERSION)
		return head[H_VERSION] > VERSION ? DT_ENEWER : DT_ECORRUPT;
	return head[H_KIND] == (uint8_t)kind ? 0 : DT_EFOREIGN;
}

static int check_footer(const uint8_t *footer, const uint8_t *head, uint64_t file_bytes)
{
	uint64_t room = file_bytes - SEG_HEAD_BYTES - SEG_FOOTER_BYTES;
	uint64_t body = le_get64(footer + F_BODY), index = le_get64(footer + F_INDEX);

	if (memcmp(footer + F_MAGIC, footer_magic, sizeof(footer_magic)) != 0 ||
	    footer_check(footer, head) != le_get64(footer + F_CHECK))
		return DT_ECORRUPT;
	if (index > SEG_INDEX_MAX_BYTES || index > room || body != room - index)
		return DT_ECORRUPT;
	return 0;
}

static int read_index(struct seg *s, const uint8_t *footer)
{
	int rc;

	s->body_bytes = le_get64(footer + F_BODY);
	s->body_check = le_get64(footer + F_BODY_CHECK);
	s->index_bytes = (size_t)le_get64(footer + F_INDEX);
	s->index = malloc(s->index_bytes + 1);
	if (!s->index)
		return -ENOMEM;
	rc = read_at(s->fd, SEG_HEAD_BYTES + s->body_bytes, s->index, s->index_bytes);
	if (rc < 0)
		return rc;
	return XXH3_64bits(s->index, s->index_bytes) == le_get64(footer + F_INDEX_CHECK)
		       ? 0
		       : DT_ECORRUPT;
}

static int open_checked(struct seg *s, enum seg_kind kind, const struct seg_sum *sum)
{
	uint8_t head[SEG_HEAD_BYTES], footer[SEG_FOOTER_BYTES];
	struct stat st;
	int rc;

	if (fstat(s->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return DT_EFOREIGN;
	if ((uint64_t)st.st_size < SEG_HEAD_BYTES + SEG_FOOTER_BYTES ||
	    (sum && sum->bytes != (uint64_t)st.st_size))
		return DT_ECORRUPT;
	rc = read_at(s->fd, 0, head, sizeof(head));
	if (rc == 0)
		rc = check_head(head, kind);
	if (rc == 0)
		rc = read_at(s->fd, (uint64_t)st.st_size - sizeof(footer), footer, sizeof(footer));
	if (rc == 0)
		rc = check_footer(footer, head, (uint64_t)st.st_size);
	if (rc == 0 && sum && XXH3_64bits(footer, sizeof(footer)) != sum->check)
		rc = DT_ECORRUPT;
	return rc == 0 ? read_index(s, footer) : rc;
}

int seg_open_fd(int fd, enum seg_kind kind, const struct seg_sum *sum, struct seg **out)
{
	struct seg *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	s->fd = fd;
	rc = open_checked(s, kind, sum);
	if (rc < 0) {
		seg_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

int seg_open(int dir_fd, const char *name, enum seg_kind kind, const struct seg_sum *sum,
	     struct seg **out)
{
	/* Not blocking: somebody may have put a pipe there. */
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? DT_ENOTFOUND : errno == ELOOP ? DT_EFOREIGN : -errno;
	return seg_open_fd(fd, kind, sum, out);
}

void seg_close(struct seg *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s->index);
	free(s);
}

struct span seg_index(const struct seg *s)
{
	return span_of(s->index, s->index_bytes);
}

int seg_read(const struct seg *s, uint64_t offset, size_t len, void *out)
{
	if (offset > s->body_bytes || len > s->body_bytes - offset)
		return DT_ECORRUPT;
	return read_at(s->fd, SEG_HEAD_BYTES + offset, out, len);
}

int seg_verify(const struct seg *s)
{
	uint8_t *buffer = malloc(BUFFER_BYTES);
	XXH3_state_t *hash = XXH3_createState();
	int rc = buffer && hash ? 0 : -ENOMEM;

	if (rc == 0)
		XXH3_64bits_reset(hash);
	for (uint64_t at = 0; rc == 0 && at < s->body_bytes;) {
		size_t n = s->body_bytes - at < BUFFER_BYTES ? (size_t)(s->body_bytes - at)
							     : BUFFER_BYTES;

		rc = seg_read(s, at, n, buffer);
		if (rc == 0)
			XXH3_64bits_update(hash, buffer, n);
		at += n;
	}
	if (rc == 0 && XXH3_64bits_digest(hash) != s->body_check)
		rc = DT_ECORRUPT;
	XXH3_freeState(hash);
	free(buffer);
	return rc;
}
