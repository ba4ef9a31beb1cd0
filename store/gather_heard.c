/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/gather.h"
#include "store/heardlog_impl.h"
#include "store/inside.h"
#include "store/le.h"

/**
 * DOC: messages heard of all sources in one order: by time, then by their bytes.
 * A message that several sources have is one; where one source has it n times it
 * stays n times. So order and repetition of a merge cannot matter here either.
 *
 * Blocks are read by the time of their first row. What is older than the first
 * row of the next block cannot be met any more, and is written. Logs are nearly in
 * order, so little waits.
 */

enum {
	SEGMENT_ROWS = HEARDLOG_SMALL, /* 26 MB in memory, 16 packed; then it is no small file */
	WAITING_MAX = 1 << 23,         /* rows, 840 MB; only a log without any order comes there */
	LOAD_ROWS = 1 << 17,
	TRIES = 5, /* a source that is written joins its files now and then */
};

struct block {
	uint64_t first_ms;
	uint32_t source, file;
	uint8_t entry[HEARDLOG_ENTRY_BYTES];
};

struct waiting {
	uint8_t row[HEARDLOG_ROW_BYTES];
	uint16_t source;
};

struct heard_source {
	int fd; /* -1: it never heard anything */
	struct heardlog_files files;
	struct seg *seg; /* the file read last */
	uint32_t file;
};

struct heard_merge {
	struct gather *g;
	struct heard_source *sources;
	struct block *blocks;
	size_t block_count, block_cap;
	struct waiting *waiting;
	size_t waiting_count, waiting_cap;
	struct sio io; /* of the new folder */
	struct pack *in, *out;
	uint8_t *rows; /* of the segment that is being filled */
	uint32_t row_count, segments;
	uint64_t done;
};

/* ---- what there is ------------------------------------------------------------------- */

static int add_block(struct heard_merge *m, const struct block *b)
{
	if (m->block_count == m->block_cap) {
		size_t cap = m->block_cap ? m->block_cap * 2 : 256;
		struct block *grown = realloc(m->blocks, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->blocks = grown;
		m->block_cap = cap;
	}
	m->blocks[m->block_count++] = *b;
	return 0;
}

static int use_file(struct heard_source *s, uint32_t file)
{
	char name[SEG_NAME_MAX];

	if (s->seg && s->file == file)
		return 0;
	seg_close(s->seg);
	s->seg = NULL;
	s->file = file;
	return seg_open(s->fd, heardlog_name(&s->files.list[file], name), SEG_HEARD, NULL, &s->seg);
}

static int list_blocks(struct heard_merge *m, uint32_t source)
{
	struct heard_source *s = &m->sources[source];
	int rc = heardlog_list(s->fd, &s->files, NULL);

	for (uint32_t f = 0; f < s->files.count && rc == 0; f++) {
		struct span index;

		rc = use_file(s, f);
		index = rc == 0 ? seg_index(s->seg) : (struct span){ NULL, 0 };
		for (size_t at = 0; at + HEARDLOG_ENTRY_BYTES <= index.len && rc == 0;
		     at += HEARDLOG_ENTRY_BYTES) {
			struct block b = { .source = source, .file = f };

			memcpy(b.entry, index.ptr + at, sizeof(b.entry));
			b.first_ms = le_get64(b.entry + 16);
			rc = add_block(m, &b);
		}
	}
	return rc;
}

static int by_first(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return (x->first_ms > y->first_ms) - (x->first_ms < y->first_ms);
}

/* 1 where any source has heard anything. */
static int open_sources(struct heard_merge *m)
{
	bool any = false;
	int rc = 0;

	for (unsigned i = 0; i < m->g->count; i++)
		m->sources[i].fd = -1;
	for (unsigned i = 0; i < m->g->count && rc == 0; i++) {
		const struct store *s = m->g->list[i].store ? m->g->list[i].store : m->g->into;

		rc = heardlog_dir(s->dir_fd, HEARDLOG_DIR, false, &m->sources[i].fd);
		if (rc == 0) {
			any = true;
			rc = list_blocks(m, i);
		} else if (rc == DT_ENOTFOUND) {
			rc = 0;
		}
	}
	if (rc == 0 && m->block_count)
		qsort(m->blocks, m->block_count, sizeof(*m->blocks), by_first);
	return rc < 0 ? rc : any;
}

/* ---- in ---------------------------------------------------------------------------------- */

static int by_row(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;
	uint64_t s = le_get64(x->row), t = le_get64(y->row);
	int d;

	if (s != t)
		return s < t ? -1 : 1;
	d = memcmp(x->row, y->row, sizeof(x->row));
	return d ? d : (x->source > y->source) - (x->source < y->source);
}

static int make_waiting(struct heard_merge *m, size_t more)
{
	size_t cap = m->waiting_cap ? m->waiting_cap : LOAD_ROWS;
	struct waiting *grown;

	if (m->waiting_count + more > WAITING_MAX)
		return DT_EFULL;
	while (cap < m->waiting_count + more)
		cap *= 2;
	if (cap == m->waiting_cap)
		return 0;
	grown = realloc(m->waiting, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	m->waiting = grown;
	m->waiting_cap = cap;
	return 0;
}

static int load_block(struct heard_merge *m, const struct block *b)
{
	struct heard_source *s = &m->sources[b->source];
	struct span rows = { NULL, 0 };
	struct heard h;
	int rc = use_file(s, b->file);

	if (rc == 0)
		rc = heardlog_block(s->seg, m->in, b->entry, &rows);
	if (rc == 0)
		rc = make_waiting(m, rows.len / HEARDLOG_ROW_BYTES);
	for (size_t at = 0; rc == 0 && at < rows.len; at += HEARDLOG_ROW_BYTES) {
		struct waiting *w = &m->waiting[m->waiting_count++];

		memcpy(w->row, rows.ptr + at, HEARDLOG_ROW_BYTES);
		w->source = (uint16_t)b->source;
		rc = heardlog_decode(w->row, &h);
		if (rc == 0 && h.when_ms < b->first_ms)
			rc = DT_ECORRUPT;
	}
	return rc;
}

/* ---- out --------------------------------------------------------------------------------- */

static int end_segment(struct heard_merge *m)
{
	struct heardlog_file f = { .first = m->segments + 1, .last = m->segments + 1 };
	struct seg_sum sum;
	int rc = m->row_count ? heardlog_segment(&m->io, m->out, &f, m->rows, m->row_count, &sum)
			      : 0;

	m->segments += m->row_count > 0;
	m->row_count = 0;
	return rc;
}

static int put_row(struct heard_merge *m, const uint8_t row[static HEARDLOG_ROW_BYTES])
{
	memcpy(m->rows + (size_t)m->row_count++ * HEARDLOG_ROW_BYTES, row, HEARDLOG_ROW_BYTES);
	m->done++;
	return m->row_count == SEGMENT_ROWS ? end_segment(m) : 0;
}

/* How often the row at @at is to be written; @end: behind the last like it. */
static size_t times_of(const struct heard_merge *m, size_t at, size_t *end)
{
	const struct waiting *w = m->waiting;
	size_t i = at, run = 0, most = 0;

	for (; i < m->waiting_count && !memcmp(w[i].row, w[at].row, HEARDLOG_ROW_BYTES); i++) {
		run = i > at && w[i].source == w[i - 1].source ? run + 1 : 1;
		most = run > most ? run : most;
	}
	*end = i;
	return most;
}

static int write_before(struct heard_merge *m, uint64_t frontier_ms)
{
	size_t at = 0, end;
	int rc = 0;

	if (m->waiting_count)
		qsort(m->waiting, m->waiting_count, sizeof(*m->waiting), by_row);
	while (at < m->waiting_count && rc == 0 && le_get64(m->waiting[at].row) < frontier_ms) {
		for (size_t n = times_of(m, at, &end); n && rc == 0; n--)
			rc = put_row(m, m->waiting[at].row);
		at = end;
	}
	m->waiting_count -= at;
	if (m->waiting_count)
		memmove(m->waiting, m->waiting + at, m->waiting_count * sizeof(*m->waiting));
	if (m->g->progress)
		m->g->progress(m->g->progress_ctx, "messages", m->done);
	return rc;
}

static int write_all(struct heard_merge *m)
{
	size_t next = 0;
	int rc = 0;

	while (rc == 0 && next < m->block_count) {
		/* What waits is sorted again each time, so at least as much comes to it. */
		size_t want = 2 * m->waiting_count + LOAD_ROWS;

		do
			rc = load_block(m, &m->blocks[next++]);
		while (rc == 0 && next < m->block_count && m->waiting_count < want);
		if (rc == 0)
			rc = write_before(m, next < m->block_count ? m->blocks[next].first_ms
								   : UINT64_MAX);
	}
	return rc == 0 ? end_segment(m) : rc;
}

/* ---- the folder -------------------------------------------------------------------------- */

void heardlog_drop_new(int dir_fd)
{
	struct heardlog_files files;
	struct sio io;
	char name[SEG_NAME_MAX];

	if (heardlog_dir(dir_fd, HEARDLOG_DIR_NEW, false, &io.dir_fd) < 0)
		return;
	io.tap = NULL;
	if (heardlog_list(io.dir_fd, &files, &io) == 0)
		for (uint32_t i = 0; i < files.count; i++)
			sio_unlink(&io, heardlog_name(&files.list[i], name));
	free(files.list);
	close(io.dir_fd);
	unlinkat(dir_fd, HEARDLOG_DIR_NEW, AT_REMOVEDIR);
}

/* A file system that can only move: heardlog_dir() knows the moment in between. */
static int swap_by_moves(int dir_fd)
{
	if (renameat(dir_fd, HEARDLOG_DIR, dir_fd, HEARDLOG_DIR_OLD) && errno != ENOENT)
		return -errno;
	if (renameat(dir_fd, HEARDLOG_DIR_NEW, dir_fd, HEARDLOG_DIR))
		return -errno;
	if (renameat(dir_fd, HEARDLOG_DIR_OLD, dir_fd, HEARDLOG_DIR_NEW) && errno != ENOENT)
		return -errno;
	return 0;
}

int gather_heard_swap(const struct store *s)
{
	int fd = s->dir_fd, rc = 0;

	if (renameat2(fd, HEARDLOG_DIR_NEW, fd, HEARDLOG_DIR, RENAME_EXCHANGE))
		rc = errno == ENOENT || errno == EINVAL ? swap_by_moves(fd) : -errno;
	return rc == 0 && fsync(fd) ? -errno : rc;
}

static void close_merge(struct heard_merge *m)
{
	for (unsigned i = 0; m->sources && i < m->g->count; i++) {
		seg_close(m->sources[i].seg);
		free(m->sources[i].files.list);
		if (m->sources[i].fd >= 0)
			close(m->sources[i].fd);
	}
	free(m->sources);
	free(m->blocks);
	free(m->waiting);
	free(m->rows);
	pack_free(m->in);
	pack_free(m->out);
	if (m->io.dir_fd >= 0)
		close(m->io.dir_fd);
}

static int try_once(struct gather *g)
{
	struct heard_merge m = { .g = g, .io.dir_fd = -1 };
	int rc;

	m.sources = calloc(g->count, sizeof(*m.sources));
	rc = m.sources ? open_sources(&m) : -ENOMEM;
	if (rc == 1) {
		m.rows = malloc((size_t)SEGMENT_ROWS * HEARDLOG_ROW_BYTES);
		rc = m.rows ? pack_new(&m.in) : -ENOMEM;
		if (rc == 0)
			rc = pack_new(&m.out);
		if (rc == 0)
			rc = heardlog_dir(g->into->dir_fd, HEARDLOG_DIR_NEW, true, &m.io.dir_fd);
		if (rc == 0)
			rc = write_all(&m);
		rc = rc < 0 ? rc : 1;
	}
	close_merge(&m);
	return rc;
}

int gather_heard(struct gather *g)
{
	int rc = DT_ENOTFOUND;

	for (unsigned i = 0; i < TRIES && rc == DT_ENOTFOUND; i++) {
		heardlog_drop_new(g->into->dir_fd);
		rc = try_once(g);
	}
	if (rc < 0)
		heardlog_drop_new(g->into->dir_fd);
	return rc == DT_ENOTFOUND ? -EAGAIN : rc;
}
