/* SPDX-License-Identifier: MIT */
#include "store/seal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inside.h"
#include "store/le.h"

enum { DIR_MODE = 0700, FIRST_RUN = 1, RUN_NAME_MAX = 16 };

static const char seg_name[] = "seg";
static const struct span run_key = { (const uint8_t *)"run", 3 };
static const struct span sealed_key = { (const uint8_t *)"sealed", 6 };

/* ---- where they lie ------------------------------------------------------------ */

int seal_run(struct kv_txn *txn, uint32_t *run)
{
	struct span val;
	int rc = kv_get(txn, KV_META, run_key, &val);

	*run = FIRST_RUN;
	if (rc <= 0)
		return rc;
	if (val.len != 4)
		return DT_ECORRUPT;
	*run = le_get32(val.ptr);
	return *run && *run <= SEGSET_RUN_MAX ? 0 : DT_ECORRUPT;
}

int seal_sealed(struct kv_txn *txn, uint64_t *sealed)
{
	struct span val;
	int rc = kv_get(txn, KV_META, sealed_key, &val);

	*sealed = 0;
	if (rc <= 0)
		return rc;
	if (val.len != 8)
		return DT_ECORRUPT;
	*sealed = le_get64(val.ptr);
	return 0;
}

static int open_below(int at, const char *name, bool create, int *fd)
{
	if (create && mkdirat(at, name, DIR_MODE) && errno != EEXIST)
		return errno == ENOSPC ? DT_ENOSPACE : -errno;
	*fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return errno == ENOENT ? DT_ENOTFOUND : -errno;
	/* The name itself must outlive a power cut. */
	return create && fsync(at) ? -errno : 0;
}

int seal_dir(const struct store *s, uint32_t run, bool create, int *fd)
{
	char name[RUN_NAME_MAX];
	int seg;
	int rc = open_below(s->dir_fd, seg_name, create, &seg);

	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "%u", run);
	rc = open_below(seg, name, create, fd);
	close(seg);
	return rc;
}

int seal_dir_ensure(struct store *s)
{
	return s->seg_io.dir_fd >= 0 ? 0 : seal_dir(s, s->segs.run, true, &s->seg_io.dir_fd);
}

/* ---- leftovers ------------------------------------------------------------------- */

/* 00000001.seg or anything.tmp: ours. Files of others are left alone. */
static bool is_ours(const char *name)
{
	size_t n = strlen(name);

	if (n > 4 && strcmp(name + n - 4, ".tmp") == 0)
		return true;
	return strspn(name, "0123456789") == 8 && strcmp(name + 8, ".seg") == 0;
}

static void sweep_files(const struct sio *io, const struct segset *keep)
{
	struct dirent **names;
	int n = scandirat(io->dir_fd, ".", &names, NULL, NULL);

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (is_ours(name) && !(keep && segset_is_listed(keep, name)))
			sio_unlink(io, name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

void seal_remove_run(const struct store *s, uint32_t run)
{
	char name[sizeof(seg_name) + RUN_NAME_MAX];
	int fd;

	if (seal_dir(s, run, false, &fd) < 0)
		return;
	unlinkat(fd, "MANIFEST", 0);
	sweep_files(&(struct sio){ .dir_fd = fd }, NULL);
	close(fd);
	snprintf(name, sizeof(name), "%s/%u", seg_name, run);
	unlinkat(s->dir_fd, name, AT_REMOVEDIR);
}

/* A merge that did not come to its end leaves the segments of a run that no table names. */
static void sweep_runs(const struct store *s, uint32_t keep)
{
	struct dirent **names;
	int n = scandirat(s->dir_fd, seg_name, &names, NULL, NULL);

	for (int i = 0; i < n; i++) {
		char *end;
		unsigned long run = strtoul(names[i]->d_name, &end, 10);

		if (names[i]->d_name[0] >= '1' && names[i]->d_name[0] <= '9' && !*end &&
		    run <= SEGSET_RUN_MAX && run != keep)
			seal_remove_run(s, (uint32_t)run);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* ---- the pending table ------------------------------------------------------------- */

static void pending_key(uint64_t number, uint8_t out[static PENDING_KEY_BYTES])
{
	for (unsigned i = 0; i < PENDING_KEY_BYTES; i++)
		out[i] = (uint8_t)(number >> (8 * (PENDING_KEY_BYTES - 1 - i)));
}

static int pending_number(struct span key, uint64_t *out)
{
	*out = 0;
	if (key.len != PENDING_KEY_BYTES)
		return DT_ECORRUPT;
	for (unsigned i = 0; i < PENDING_KEY_BYTES; i++)
		*out = *out << 8 | key.ptr[i];
	return 0;
}

static int count_pending(struct store *s, struct kv_txn *txn)
{
	struct span key, val;
	struct kv_cursor *c;
	uint64_t number;
	int rc = kv_cursor_open(txn, KV_PENDING, &c);

	s->chunk_next = s->segs.sealed + 1;
	s->chunks = 0;
	s->chunk_bytes = 0;
	while (rc >= 0 && (rc = kv_cursor_next(c, &key, &val)) == 1) {
		rc = pending_number(key, &number);
		if (rc < 0)
			break;
		s->chunks++; /* also one that is sealed already: the next seal empties the table */
		s->chunk_bytes += val.len;
		if (number >= s->chunk_next)
			s->chunk_next = number + 1;
	}
	kv_cursor_close(c);
	return rc < 0 ? rc : 0;
}

int seal_append(struct store *s, struct kv_txn *txn, struct span chunk)
{
	uint8_t key[PENDING_KEY_BYTES];
	int rc;

	if (!chunk.len)
		return 0;
	pending_key(s->chunk_next, key);
	rc = kv_put(txn, KV_PENDING, span_of(key, sizeof(key)), chunk);
	if (rc == 0)
		s->chunk_bytes_now = chunk.len;
	return rc;
}

void seal_settle(struct store *s, bool committed)
{
	if (committed && s->chunk_bytes_now) {
		s->chunk_next++;
		s->chunks++;
		s->chunk_bytes += s->chunk_bytes_now;
	}
	s->chunk_bytes_now = 0;
}

bool seal_is_due(const struct store *s)
{
	return s->chunks >= PENDING_CHUNKS_MAX || s->chunk_bytes >= PENDING_BYTES_MAX;
}

int seal_add_pending(struct kv_txn *txn, uint64_t sealed, struct logscan *scan, uint64_t *last)
{
	struct span key, val;
	struct kv_cursor *c;
	uint64_t number;
	int rc = kv_cursor_open(txn, KV_PENDING, &c);

	*last = sealed;
	if (rc < 0)
		return rc;
	while ((rc = kv_cursor_next(c, &key, &val)) == 1) {
		rc = pending_number(key, &number);
		if (rc == 0 && number > sealed)
			rc = logscan_add_chunk(scan, val);
		if (rc < 0)
			break;
		if (number > *last)
			*last = number;
	}
	kv_cursor_close(c);
	return rc;
}

/* ---- sealing ------------------------------------------------------------------------ */

struct seal_out {
	struct log_codec *codec;
	struct seg_writer *seg;
	uint8_t *index;
	size_t index_len, index_cap;
	struct seg_entry entry;
};

void seal_out_abort(struct seal_out *o)
{
	if (!o)
		return;
	seg_abort(o->seg);
	log_codec_free(o->codec);
	free(o->index);
	free(o);
}

int seal_out_new(const struct sio *io, uint32_t number, struct seal_out **out)
{
	struct seal_out *o = calloc(1, sizeof(*o));
	char name[SEG_NAME_MAX];
	int rc;

	if (!o)
		return -ENOMEM;
	o->entry.kind = SEG_LOG;
	rc = log_codec_new(&o->codec);
	if (rc == 0)
		rc = seg_create(io, SEG_LOG, segset_name(number, name), &o->seg);
	if (rc < 0) {
		seal_out_abort(o);
		return rc;
	}
	*out = o;
	return 0;
}

static int note_block(struct seal_out *o, uint32_t bucket_s, uint32_t rows, struct span block)
{
	size_t cap = o->index_cap ? 2 * o->index_cap : 64 * LOG_HEAD_BYTES;
	uint8_t *index;

	if (o->index_len == o->index_cap) {
		index = realloc(o->index, cap);
		if (!index)
			return -ENOMEM;
		o->index = index;
		o->index_cap = cap;
	}
	memcpy(o->index + o->index_len, block.ptr, LOG_HEAD_BYTES);
	o->index_len += LOG_HEAD_BYTES;
	if (!o->entry.rows)
		o->entry.first_s = bucket_s;
	o->entry.last_s = bucket_s;
	o->entry.rows += rows;
	return 0;
}

int seal_out_block(struct seal_out *o, const struct log_rows *rows, uint32_t bucket_s,
		   uint32_t width_s)
{
	struct span block;
	uint64_t offset;
	int rc = log_encode(o->codec, rows, bucket_s, width_s, SEAL_LEVEL, &block);

	if (rc == 0)
		rc = seg_put(o->seg, block, &offset);
	return rc == 0 ? note_block(o, bucket_s, rows->count, block) : rc;
}

int seal_out_finish(struct seal_out *o, struct segset *set)
{
	struct seg_writer *seg = o->seg;
	int rc = 0;

	if (o->entry.rows) {
		o->seg = NULL;
		rc = seg_finish(seg, span_of(o->index, o->index_len), &o->entry.sum);
		if (rc == 0)
			rc = segset_add(set, o->entry);
		if (rc == 0)
			rc = 1;
	}
	seal_out_abort(o);
	return rc;
}

int seal_write_log(const struct sio *io, struct segset *set, struct logscan *scan)
{
	struct logscan_block b;
	struct seal_out *o;
	int rc = seal_out_new(io, set->next, &o);

	if (rc < 0)
		return rc;
	while ((rc = logscan_next(scan, &b)) == 1) {
		rc = seal_out_block(o, b.rows, b.bucket_s, b.width_s);
		if (rc < 0)
			break;
	}
	if (rc < 0) {
		seal_out_abort(o);
		return rc;
	}
	return seal_out_finish(o, set);
}

static int empty_pending(struct store *s)
{
	uint8_t sealed[8];
	struct kv_txn *txn;
	int rc = kv_begin(s->kv, true, &txn);

	if (rc < 0)
		return rc;
	le_put64(sealed, s->segs.sealed);
	rc = kv_empty(txn, KV_PENDING);
	if (rc == 0)
		rc = kv_put(txn, KV_META, sealed_key, span_of(sealed, sizeof(sealed)));
	if (rc < 0) {
		kv_abort(txn);
		return rc;
	}
	rc = kv_commit(txn);
	if (rc == 0) {
		s->chunks = 0;
		s->chunk_bytes = 0;
	}
	return rc;
}

static int scan_pending(struct store *s, struct logscan **scan, uint64_t *last)
{
	const struct logscan_filter all = { .to_s = UINT64_MAX, .columns = LOG_ALL };
	struct kv_txn *txn;
	int rc = logscan_new(&all, scan);

	if (rc < 0)
		return rc;
	rc = kv_begin(s->kv, false, &txn);
	if (rc == 0) {
		rc = seal_add_pending(txn, s->segs.sealed, *scan, last);
		kv_abort(txn);
	}
	if (rc < 0)
		logscan_free(*scan);
	return rc;
}

/* Whether a manifest that could not be proved durable is in force, the directory tells. */
static void reload(struct store *s)
{
	struct segset now;

	if (segset_load(s->seg_io.dir_fd, &now) < 0)
		return; /* still the one that is known */
	segset_fini(&s->segs);
	s->segs = now;
}

int seal_install(struct store *s, struct segset *now)
{
	bool fewer = now->count <= s->segs.count;
	int rc = segset_save(&s->seg_io, now);

	if (rc < 0) {
		segset_fini(now);
		reload(s);
		return rc;
	}
	segset_fini(&s->segs);
	s->segs = *now;
	if (fewer)
		sweep_files(&s->seg_io, &s->segs);
	return 0;
}

int seal_pending(struct store *s)
{
	struct logscan *scan;
	struct segset now;
	uint64_t last = s->segs.sealed;
	int rc;

	if (!s->chunks)
		return 0;
	rc = seal_dir_ensure(s);
	if (rc == 0)
		rc = segset_copy(&s->segs, &now);
	if (rc < 0)
		return rc;
	rc = scan_pending(s, &scan, &last);
	if (rc == 0) {
		rc = seal_write_log(&s->seg_io, &now, scan);
		logscan_free(scan);
	}
	if (rc < 0) {
		segset_fini(&now);
		return rc;
	}
	now.sealed = last;
	rc = seal_install(s, &now);
	return rc < 0 ? rc : empty_pending(s);
}

/* ---- joining ---------------------------------------------------------------------------- */

static bool is_small(const struct seg_entry *e)
{
	return e->kind == SEG_LOG && e->rows < COALESCE_ROWS;
}

static int scan_small(const struct store *s, struct logscan *scan)
{
	char name[SEG_NAME_MAX];
	struct seg *seg;
	int rc = 0;

	for (uint32_t i = 0; i < s->segs.count && rc == 0; i++) {
		const struct seg_entry *e = &s->segs.list[i];

		if (!is_small(e))
			continue;
		rc = seg_open(s->seg_io.dir_fd, segset_name(e->number, name), SEG_LOG, &e->sum,
			      &seg);
		if (rc == 0)
			rc = logscan_add_segment(scan, seg);
	}
	return rc;
}

/* The list without the small ones; they lie in the one that is added to it. */
static void drop_small(struct segset *set)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->count; i++)
		if (!is_small(&set->list[i]))
			set->list[kept++] = set->list[i];
	set->count = kept;
}

static int join_small(struct store *s, struct segset *now)
{
	const struct logscan_filter all = { .to_s = UINT64_MAX, .columns = LOG_ALL };
	struct logscan *scan;
	int rc = logscan_new(&all, &scan);

	if (rc < 0)
		return rc;
	rc = scan_small(s, scan);
	if (rc == 0) {
		drop_small(now);
		rc = seal_write_log(&s->seg_io, now, scan);
	}
	logscan_free(scan);
	return rc < 0 ? rc : 0;
}

int seal_coalesce(struct store *s)
{
	unsigned small = 0;
	struct segset now;
	int rc;

	for (uint32_t i = 0; i < s->segs.count; i++)
		small += is_small(&s->segs.list[i]);
	if (small < COALESCE_SEGMENTS)
		return 0;
	rc = segset_copy(&s->segs, &now);
	if (rc < 0)
		return rc;
	rc = join_small(s, &now);
	if (rc < 0) {
		segset_fini(&now);
		return rc;
	}
	return seal_install(s, &now);
}

/* ---- the writer's end of it ------------------------------------------------------------ */

static int load(struct store *s, uint64_t sealed, char *why)
{
	uint32_t run = s->segs.run;
	int rc = seal_dir(s, run, false, &s->seg_io.dir_fd);

	if (rc == 0)
		rc = segset_load(s->seg_io.dir_fd, &s->segs);
	if (rc == DT_ENOTFOUND && sealed == 0) {
		segset_init(&s->segs, run); /* nothing was ever sealed */
		return 0;
	}
	if (rc == 0 && (s->segs.run != run || s->segs.sealed < sealed))
		rc = DT_ECORRUPT;
	if (rc < 0)
		snprintf(
			why, STORE_WHY_MAX,
			"%.120s/seg/%u/MANIFEST: %s: restore it from a copy; store check says more",
			s->dir, run, rc == DT_ENOTFOUND ? "missing" : dt_strerror(rc));
	return rc == DT_ENOTFOUND ? DT_ECORRUPT : rc;
}

int seal_open(struct store *s, char *why)
{
	uint64_t sealed = 0;
	struct kv_txn *txn;
	int rc = kv_begin(s->kv, false, &txn);

	if (rc < 0)
		return rc;
	rc = seal_run(txn, &s->segs.run);
	if (rc == 0)
		rc = seal_sealed(txn, &sealed);
	if (rc == 0)
		rc = load(s, sealed, why);
	if (rc == 0)
		rc = count_pending(s, txn);
	kv_abort(txn);
	if (rc < 0)
		return rc;
	if (s->seg_io.dir_fd >= 0)
		sweep_files(&s->seg_io, &s->segs);
	sweep_runs(s, s->segs.run);
	return 0;
}

void seal_close(struct store *s)
{
	segset_fini(&s->segs);
	if (s->seg_io.dir_fd >= 0)
		close(s->seg_io.dir_fd);
	s->seg_io.dir_fd = -1;
}

int store_seal(struct store *s)
{
	return s->write ? seal_pending(s) : DT_EREFUSED;
}
