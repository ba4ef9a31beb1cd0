/* SPDX-License-Identifier: MIT */
#include "store/heardlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/sighting.h"
#include "store/heardlog_impl.h"
#include "store/inside.h"
#include "store/le.h"
#include "store/view.h"

enum {
	LEVEL = 3,       /* of zstd */
	OPEN_TRIES = 8,  /* of a segment that is gone when it is opened */
	DIR_MODE = 0700, /* addresses are personal data */
};
static const uint64_t max_bytes_default = (uint64_t)4 << 30;

/* ---- rows ---------------------------------------------------------------------------- */

void heardlog_encode(const struct heard *h, uint8_t out[static HEARDLOG_ROW_BYTES])
{
	le_put64(out, h->when_ms);
	memcpy(out + 8, h->from.addr, 16);
	le_put16(out + 24, h->from.port);
	le_put16(out + 26, h->peer_port);
	le_put16(out + 28, h->bytes);
	le_put16(out + 30, (uint16_t)h->code);
	out[32] = h->kind;
	out[33] = h->outcome;
	out[34] = h->flags;
	out[35] = h->way;
	out[36] = h->ear;
	out[37] = h->version_len;
	memcpy(out + 38, h->version, 4);
	memcpy(out + 42, h->id.b, NODEID_BYTES);
	memcpy(out + 62, h->target.b, NODEID_BYTES);
	memcpy(out + 82, h->method, HEARD_METHOD_MAX);
}
_Static_assert(82 + HEARD_METHOD_MAX == HEARDLOG_ROW_BYTES, "a row is full");

int heardlog_decode(const uint8_t in[static HEARDLOG_ROW_BYTES], struct heard *h)
{
	h->when_ms = le_get64(in);
	memcpy(h->from.addr, in + 8, 16);
	h->from.port = le_get16(in + 24);
	h->peer_port = le_get16(in + 26);
	h->bytes = le_get16(in + 28);
	h->code = (int16_t)le_get16(in + 30);
	h->kind = in[32];
	h->outcome = in[33];
	h->flags = in[34];
	h->way = in[35];
	h->ear = in[36];
	h->version_len = in[37];
	memcpy(h->version, in + 38, 4);
	memcpy(h->id.b, in + 42, NODEID_BYTES);
	memcpy(h->target.b, in + 62, NODEID_BYTES);
	memcpy(h->method, in + 82, HEARD_METHOD_MAX);
	if (h->kind == 0 || h->kind >= HEARD_KINDS || h->outcome >= HEARD_OUTCOMES ||
	    h->way >= SIGHTING_WAYS || h->version_len > 4 || h->method[HEARD_METHOD_MAX - 1])
		return DT_ECORRUPT;
	return 0;
}

/* ---- files ----------------------------------------------------------------------------- */

char *heardlog_name(const struct heardlog_file *f, char out[static SEG_NAME_MAX])
{
	snprintf(out, SEG_NAME_MAX, "%08u-%08u.seg", f->first, f->last);
	return out;
}

/* Our own names and nothing else. */
static bool parse_name(const char *name, struct heardlog_file *f)
{
	char again[SEG_NAME_MAX];
	int end = 0;

	if (sscanf(name, "%8u-%8u.seg%n", &f->first, &f->last, &end) != 2 || !end || name[end])
		return false;
	return f->first <= f->last && !strcmp(heardlog_name(f, again), name);
}

static int add_file(struct heardlog_files *fs, const struct heardlog_file *f)
{
	if (fs->count == fs->cap) {
		uint32_t cap = fs->cap ? fs->cap * 2 : 64;
		struct heardlog_file *list = realloc(fs->list, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		fs->list = list;
		fs->cap = cap;
	}
	fs->list[fs->count++] = *f;
	return 0;
}

/* The widest of those that begin alike first. */
static int by_range(const void *a, const void *b)
{
	const struct heardlog_file *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->last != y->last ? (x->last > y->last ? -1 : 1) : 0;
}

/* Leftovers lie within a wider file; @sweep removes them, and what was never finished. */
static void drop_covered(struct heardlog_files *fs, const struct sio *sweep)
{
	char name[SEG_NAME_MAX];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < fs->count; i++) {
		if (kept && fs->list[i].last <= fs->list[kept - 1].last) {
			if (sweep)
				sio_unlink(sweep, heardlog_name(&fs->list[i], name));
			continue;
		}
		fs->list[kept++] = fs->list[i];
	}
	fs->count = kept;
}

static int take_entry(struct heardlog_files *fs, int fd, const char *name, const struct sio *sweep)
{
	struct stat st;
	struct heardlog_file f;
	size_t len = strlen(name);

	if (sweep && len > 4 && !strcmp(name + len - 4, ".tmp"))
		sio_unlink(sweep, name);
	if (!parse_name(name, &f) || fs->count == HEARDLOG_FILES_MAX)
		return 0;
	f.bytes = fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
	return add_file(fs, &f);
}

int heardlog_list(int fd, struct heardlog_files *fs, const struct sio *sweep)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	*fs = (struct heardlog_files){ .list = NULL };
	if (!d) {
		rc = -errno;
		if (again >= 0)
			close(again);
		return rc;
	}
	while (rc == 0 && (e = readdir(d)) != NULL)
		rc = take_entry(fs, fd, e->d_name, sweep);
	closedir(d);
	if (rc == 0 && fs->count)
		qsort(fs->list, fs->count, sizeof(*fs->list), by_range);
	drop_covered(fs, sweep);
	return rc;
}

/* ---- writing ----------------------------------------------------------------------------- */

struct heardlog_writer {
	struct heardlog_opts opts;
	struct sio io;
	struct heardlog_files files;
	struct pack *pack;
	uint8_t *rows; /* as they are written */
	uint32_t count, cap, next;
	uint64_t oldest_ms, dropped;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct index {
	uint8_t *bytes;
	uint32_t count, cap;
};

static int index_add(struct index *x, const uint8_t entry[static HEARDLOG_ENTRY_BYTES])
{
	if (x->count == x->cap) {
		uint32_t cap = x->cap ? x->cap * 2 : 16;
		uint8_t *bytes = realloc(x->bytes, (size_t)cap * HEARDLOG_ENTRY_BYTES);

		if (!bytes)
			return -ENOMEM;
		x->bytes = bytes;
		x->cap = cap;
	}
	memcpy(x->bytes + (size_t)x->count++ * HEARDLOG_ENTRY_BYTES, entry, HEARDLOG_ENTRY_BYTES);
	return 0;
}

static int put_block(struct pack *pack, struct seg_writer *seg, struct index *x,
		     const uint8_t *rows, uint32_t count)
{
	uint8_t entry[HEARDLOG_ENTRY_BYTES], *at;
	size_t bytes = (size_t)count * HEARDLOG_ROW_BYTES;
	struct span frame;
	uint64_t offset, first = le_get64(rows), last = first;
	int rc = pack_begin(pack, bytes, &at);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t when_ms = le_get64(rows + (size_t)i * HEARDLOG_ROW_BYTES);

		first = when_ms < first ? when_ms : first;
		last = when_ms > last ? when_ms : last;
	}
	if (rc == 0) {
		memcpy(at, rows, bytes);
		rc = pack_end(pack, at + bytes, LEVEL, &frame);
	}
	if (rc == 0)
		rc = seg_put(seg, frame, &offset);
	if (rc < 0)
		return rc;
	le_put64(entry, offset);
	le_put32(entry + 8, (uint32_t)frame.len);
	le_put32(entry + 12, count);
	le_put64(entry + 16, first);
	le_put64(entry + 24, last);
	return index_add(x, entry);
}

static int finish(struct seg_writer *seg, struct index *x, int rc, struct seg_sum *sum)
{
	if (rc == 0)
		rc = seg_finish(seg, span_of(x->bytes, (size_t)x->count * HEARDLOG_ENTRY_BYTES),
				sum);
	else
		seg_abort(seg);
	free(x->bytes);
	return rc;
}

/* The oldest go where there is no room; the one just written stays. */
static void make_room(struct heardlog_writer *w)
{
	uint64_t all = 0, max = w->opts.max_bytes ? w->opts.max_bytes : max_bytes_default;
	char name[SEG_NAME_MAX];
	uint32_t gone = 0;

	for (uint32_t i = 0; i < w->files.count; i++)
		all += w->files.list[i].bytes;
	while (all > max && gone + 1 < w->files.count) {
		all -= w->files.list[gone].bytes;
		w->dropped += (uint64_t)(w->files.list[gone].last - w->files.list[gone].first + 1);
		sio_unlink(&w->io, heardlog_name(&w->files.list[gone++], name));
	}
	memmove(w->files.list, w->files.list + gone,
		(w->files.count - gone) * sizeof(struct heardlog_file));
	w->files.count -= gone;
}

int heardlog_segment(const struct sio *io, struct pack *pack, const struct heardlog_file *f,
		     const uint8_t *rows, uint32_t count, struct seg_sum *sum)
{
	struct index x = { .bytes = NULL };
	struct seg_writer *seg;
	char name[SEG_NAME_MAX];
	int rc = seg_create(io, SEG_HEARD, heardlog_name(f, name), &seg);

	if (rc < 0)
		return rc;
	for (uint32_t at = 0; at < count && rc == 0; at += HEARDLOG_BLOCK)
		rc = put_block(pack, seg, &x, rows + (size_t)at * HEARDLOG_ROW_BYTES,
			       count - at < HEARDLOG_BLOCK ? count - at : HEARDLOG_BLOCK);
	return finish(seg, &x, rc, sum);
}

static int seal(struct heardlog_writer *w)
{
	struct heardlog_file f = { .first = w->next, .last = w->next };
	struct seg_sum sum;
	int rc;

	if (!w->count)
		return 0;
	rc = heardlog_segment(&w->io, w->pack, &f, w->rows, w->count, &sum);
	if (rc < 0)
		return rc;
	w->count = 0;
	w->next++;
	f.bytes = sum.bytes;
	rc = add_file(&w->files, &f);
	if (rc == 0)
		make_room(w);
	return rc;
}

/* ---- joining ------------------------------------------------------------------------------- */

/* Blocks go over as they are; only their places are new. */
static int copy_blocks(const struct seg *from, struct seg_writer *to, struct index *x)
{
	struct span index = seg_index(from);
	int rc = 0;

	for (size_t at = 0; at + HEARDLOG_ENTRY_BYTES <= index.len && rc == 0;
	     at += HEARDLOG_ENTRY_BYTES) {
		uint8_t entry[HEARDLOG_ENTRY_BYTES];
		uint32_t len = le_get32(index.ptr + at + 8);
		uint8_t *bytes = malloc(len ? len : 1);
		uint64_t offset;

		memcpy(entry, index.ptr + at, sizeof(entry));
		rc = bytes ? seg_read(from, le_get64(entry), len, bytes) : -ENOMEM;
		if (rc == 0)
			rc = seg_put(to, span_of(bytes, len), &offset);
		free(bytes);
		if (rc == 0) {
			le_put64(entry, offset);
			rc = index_add(x, entry);
		}
	}
	return rc;
}

static int join(struct heardlog_writer *w, uint32_t from, uint32_t count)
{
	struct heardlog_file f = { .first = w->files.list[from].first,
				   .last = w->files.list[from + count - 1].last };
	struct index x = { .bytes = NULL };
	struct seg_writer *seg;
	struct seg_sum sum;
	char name[SEG_NAME_MAX];
	int rc = seg_create(&w->io, SEG_HEARD, heardlog_name(&f, name), &seg);

	if (rc < 0)
		return rc;
	for (uint32_t i = from; i < from + count && rc == 0; i++) {
		struct seg *one;

		rc = seg_open(w->io.dir_fd, heardlog_name(&w->files.list[i], name), SEG_HEARD, NULL,
			      &one);
		if (rc < 0)
			break;
		rc = copy_blocks(one, seg, &x);
		seg_close(one);
	}
	rc = finish(seg, &x, rc, &sum);
	if (rc < 0)
		return rc;
	for (uint32_t i = from; i < from + count; i++)
		sio_unlink(&w->io, heardlog_name(&w->files.list[i], name));
	f.bytes = sum.bytes;
	w->files.list[from] = f;
	memmove(w->files.list + from + 1, w->files.list + from + count,
		(w->files.count - from - count) * sizeof(f));
	w->files.count -= count - 1;
	return 0;
}

/* A file that cannot be joined stays as it is: reading says what is wrong with it. */
static void join_small(struct heardlog_writer *w)
{
	const uint64_t small = (uint64_t)HEARDLOG_SMALL * HEARDLOG_ROW_BYTES / 2;
	uint32_t run = 0;

	for (uint32_t i = w->files.count; i-- > 0 && w->files.list[i].bytes < small;)
		run++;
	if (run >= HEARDLOG_JOIN && join(w, w->files.count - run, run) < 0)
		return;
}

int heardlog_put(void *ctx, const struct heard *list, unsigned count)
{
	struct heardlog_writer *w = ctx;
	uint32_t most = w->opts.batch ? w->opts.batch : HEARDLOG_BATCH;
	int rc = 0;

	for (unsigned i = 0; i < count && rc == 0; i++) {
		if (!w->count)
			w->oldest_ms = now_ms();
		heardlog_encode(&list[i], w->rows + (size_t)w->count++ * HEARDLOG_ROW_BYTES);
		if (w->count == most)
			rc = seal(w);
	}
	if (rc == 0 && w->count && now_ms() - w->oldest_ms >= HEARDLOG_AGE_MS)
		rc = seal(w);
	if (rc == 0)
		join_small(w);
	return rc;
}

int heardlog_flush(void *ctx)
{
	return seal(ctx);
}

uint64_t heardlog_dropped(const struct heardlog_writer *w)
{
	return w->dropped;
}

int heardlog_dir(int dir_fd, const char *name, bool create, int *out)
{
	int fd;

	if (!strcmp(name, HEARDLOG_DIR) && faccessat(dir_fd, name, F_OK, 0))
		(void)!renameat(dir_fd, HEARDLOG_DIR_OLD, dir_fd, name);
	if (create && mkdirat(dir_fd, name, DIR_MODE) && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*out = fd;
	if (fd >= 0)
		return 0;
	return errno == ENOENT ? DT_ENOTFOUND : -errno;
}

int heardlog_open(int dir_fd, const struct heardlog_opts *opts, struct heardlog_writer **out)
{
	struct heardlog_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	w->io.dir_fd = -1;
	w->opts = *opts;
	w->cap = opts->batch ? opts->batch : HEARDLOG_BATCH;
	w->rows = malloc((size_t)w->cap * HEARDLOG_ROW_BYTES);
	rc = heardlog_dir(dir_fd, HEARDLOG_DIR, true, &w->io.dir_fd);
	if (rc == 0)
		rc = w->rows ? pack_new(&w->pack) : -ENOMEM;
	if (rc == 0)
		rc = heardlog_list(w->io.dir_fd, &w->files, &w->io);
	if (rc < 0) {
		heardlog_close(w);
		return rc;
	}
	w->next = w->files.count ? w->files.list[w->files.count - 1].last + 1 : 1;
	*out = w;
	return 0;
}

int store_heard_open(struct store *s, const struct heardlog_opts *opts,
		     struct heardlog_writer **out)
{
	return s->write ? heardlog_open(s->dir_fd, opts, out) : DT_EREFUSED;
}

void heardlog_close(struct heardlog_writer *w)
{
	if (!w)
		return;
	if (w->io.dir_fd >= 0)
		close(w->io.dir_fd);
	pack_free(w->pack);
	free(w->files.list);
	free(w->rows);
	free(w);
}

/* ---- reading ------------------------------------------------------------------------------- */

struct heardlog_reader {
	int dir_fd;
	struct pack *pack;
	struct seg *seg;
	uint32_t after; /* the last batch of the open segment */
	size_t entry;   /* of its index, the next one */
	struct span rows;
	struct done {
		uint32_t first;
		uint64_t rows;
	} * done; /* segments that were opened, by first: who joins them, says so by their names
		     alone */
	uint32_t done_count, done_cap;
};

/* A merge put another folder in this one's place. */
static bool is_gone(int dir_fd)
{
	struct stat st;

	return fstat(dir_fd, &st) == 0 && st.st_nlink == 0;
}

static int note_done(struct heardlog_reader *r, uint32_t first, uint64_t rows)
{
	if (r->done_count == r->done_cap) {
		uint32_t cap = r->done_cap ? 2 * r->done_cap : 64;
		struct done *list = realloc(r->done, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		r->done = list;
		r->done_cap = cap;
	}
	r->done[r->done_count++] = (struct done){ first, rows };
	return 0;
}

/*
 * The open segment begins at batch @first. Where that was read before, it was joined from
 * segments that were, and others that were not: their blocks are in it as they were.
 */
static int pass_over_done(struct heardlog_reader *r, uint32_t first)
{
	struct span index = seg_index(r->seg);
	uint64_t done = 0, rows = 0;

	while (r->done_count && r->done[r->done_count - 1].first >= first)
		done += r->done[--r->done_count].rows;
	for (size_t at = 0; at + HEARDLOG_ENTRY_BYTES <= index.len; at += HEARDLOG_ENTRY_BYTES) {
		rows += le_get32(index.ptr + at + 12);
		if (rows <= done)
			r->entry = at + HEARDLOG_ENTRY_BYTES;
	}
	return note_done(r, first, rows);
}

static int open_file(struct heardlog_reader *r, const struct heardlog_file *f)
{
	char name[SEG_NAME_MAX];
	int rc = seg_open(r->dir_fd, heardlog_name(f, name), SEG_HEARD, NULL, &r->seg);

	if (rc < 0)
		return rc;
	r->entry = 0;
	r->after = f->last;
	return pass_over_done(r, f->first);
}

/* The file with the batch that follows; it may have been joined since we looked last. */
static int next_file(struct heardlog_reader *r)
{
	struct heardlog_files fs;
	unsigned tries = 0;
	int rc;

	seg_close(r->seg);
	r->seg = NULL;
	do {
		rc = heardlog_list(r->dir_fd, &fs, NULL);
		for (uint32_t i = 0; i < fs.count && rc == 0 && !r->seg; i++)
			if (fs.list[i].last > r->after)
				rc = open_file(r, &fs.list[i]);
		free(fs.list);
		/* joined, or gone for want of room, between the look and the opening */
	} while (rc == DT_ENOTFOUND && !is_gone(r->dir_fd) && ++tries < OPEN_TRIES);
	if (rc == 0 && !r->seg && is_gone(r->dir_fd))
		rc = -ESTALE;
	return rc < 0 ? rc : r->seg != NULL;
}

int heardlog_block(const struct seg *seg, struct pack *pack,
		   const uint8_t entry[static HEARDLOG_ENTRY_BYTES], struct span *out)
{
	uint32_t len = le_get32(entry + 8), rows = le_get32(entry + 12);
	uint8_t *frame;
	int rc;

	if (rows > HEARDLOG_BLOCK || len > HEARDLOG_BLOCK * HEARDLOG_ROW_BYTES * 2)
		return DT_ECORRUPT;
	frame = malloc(len ? len : 1);
	rc = frame ? seg_read(seg, le_get64(entry), len, frame) : -ENOMEM;
	if (rc == 0)
		rc = pack_expand(pack, span_of(frame, len),
				 (size_t)HEARDLOG_BLOCK * HEARDLOG_ROW_BYTES, out);
	if (rc == 0 && out->len != (size_t)rows * HEARDLOG_ROW_BYTES)
		rc = DT_ECORRUPT;
	free(frame);
	return rc;
}

static int next_block(struct heardlog_reader *r)
{
	struct span index = seg_index(r->seg);
	int rc;

	if (r->entry + HEARDLOG_ENTRY_BYTES > index.len)
		return 0;
	rc = heardlog_block(r->seg, r->pack, index.ptr + r->entry, &r->rows);
	r->entry += HEARDLOG_ENTRY_BYTES;
	return rc < 0 ? rc : 1;
}

int heardlog_next(struct heardlog_reader *r, struct heard *out)
{
	while (r->rows.len < HEARDLOG_ROW_BYTES) {
		int rc = r->seg ? next_block(r) : 0;

		if (rc == 0)
			rc = next_file(r);
		if (rc <= 0)
			return rc;
	}
	if (heardlog_decode(r->rows.ptr, out) < 0)
		return DT_ECORRUPT;
	r->rows = span_slice(r->rows, HEARDLOG_ROW_BYTES, r->rows.len - HEARDLOG_ROW_BYTES);
	return 1;
}

int heardlog_read(int dir_fd, struct heardlog_reader **out)
{
	struct heardlog_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	rc = heardlog_dir(dir_fd, HEARDLOG_DIR, false, &r->dir_fd);
	if (rc == 0)
		rc = pack_new(&r->pack);
	if (rc < 0) {
		heardlog_end(r);
		return rc;
	}
	*out = r;
	return 0;
}

int store_heard_read(struct store *s, struct heardlog_reader **out)
{
	return heardlog_read(s->dir_fd, out);
}

static int count_rows(int fd, uint64_t *out)
{
	char name[SEG_NAME_MAX];
	struct heardlog_files fs;
	int rc = heardlog_list(fd, &fs, NULL);

	for (uint32_t i = 0; i < fs.count && rc == 0; i++) {
		struct span index;
		struct seg *seg;

		rc = seg_open(fd, heardlog_name(&fs.list[i], name), SEG_HEARD, NULL, &seg);
		if (rc < 0)
			break;
		index = seg_index(seg);
		for (size_t at = 0; at + HEARDLOG_ENTRY_BYTES <= index.len;
		     at += HEARDLOG_ENTRY_BYTES)
			*out += le_get32(index.ptr + at + 12);
		seg_close(seg);
	}
	free(fs.list);
	return rc;
}

int store_heard_count(struct store *s, uint64_t *out)
{
	int fd, rc = heardlog_dir(s->dir_fd, HEARDLOG_DIR, false, &fd);

	*out = 0;
	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc;
	rc = count_rows(fd, out);
	close(fd);
	return rc;
}

int store_view_heard(struct store_view *v, struct heardlog_reader **out)
{
	return store_heard_read(view_store(v), out);
}

void heardlog_end(struct heardlog_reader *r)
{
	if (!r)
		return;
	seg_close(r->seg);
	pack_free(r->pack);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	free(r->done);
	free(r);
}
