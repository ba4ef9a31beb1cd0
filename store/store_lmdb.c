/* SPDX-License-Identifier: MIT */
#include "store/kv.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/kv_page.h"

/**
 * DOC: the only file that knows LMDB. Default durable flags: a commit that
 * returned is on the disk. Never WRITEMAP (a full disk would be SIGBUS), never
 * NOSYNC on a file that anybody can see, no DUPSORT table at all (0.9.24 has
 * known faults there, store/README.md S-4).
 */

enum {
	MAX_READERS = 512, /* dozens of stream clients and a few renders */
	FILE_MODE = 0600,  /* addresses are personal data */
	MAX_TABLES = 16,   /* KV_TABLES and room for later schemas */
	MAP_TRIES = 6,     /* 256 GiB, /4 each time, down to 256 MiB */
	MAP_STEP_SHIFT = 2,
	HARDLY_ANY_BYTES = 1 << 20, /* LMDB writes at most this much at once (64 x 16 KiB) */
};

/* Address space only, set once: resizing a live map stalls or kills its readers. */
static const size_t map_bytes_max = (size_t)256 << 30;

static const char *const table_names[KV_TABLES] = {
	[KV_META] = "meta",
	[KV_NODES4] = "nodes4",
	[KV_NODES6] = "nodes6",
	[KV_ADDR4] = "addr4",
	[KV_ADDR6] = "addr6",
	[KV_MENTIONED4] = "mentioned4",
	[KV_MENTIONED6] = "mentioned6",
	[KV_EPOCHS] = "epochs",
	[KV_ORGS] = "orgs",
	[KV_PENDING] = "pending",
};

struct kv {
	MDB_env *env;
	MDB_dbi dbi[KV_TABLES];
	unsigned tables; /* the first so many are there */
	atomic_uint refs;
};

struct kv_txn {
	struct kv *kv;
	MDB_txn *txn;
};

struct kv_cursor {
	MDB_cursor *cursor;
	bool placed; /* else the next step is to the first pair */
};

static int from_lmdb(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* RLIMIT_FSIZE, or a file system's own limit */
	case MDB_MAP_FULL:
		return DT_ENOSPACE;
	case ENOENT:
	case MDB_NOTFOUND:
		return DT_ENOTFOUND;
	case MDB_INVALID:
		return DT_EFOREIGN;
	case MDB_VERSION_MISMATCH:
		return DT_ENEWER;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_PANIC:
		return DT_ECORRUPT;
	case MDB_MAP_RESIZED: /* another process has more address space than this one */
		return -ENOMEM;
	case MDB_READERS_FULL:
	case MDB_TXN_FULL:
		return DT_EFULL;
	case MDB_BAD_VALSIZE:
		return DT_ESIZE;
	default:
		return rc > 0 ? -rc : DT_ECORRUPT;
	}
}

static MDB_val to_val(struct span s)
{
	/* LMDB takes what it only reads through a pointer that is not const. */
	return (MDB_val){ .mv_size = s.len, .mv_data = (void *)(uintptr_t)s.ptr };
}

static struct span from_val(MDB_val v)
{
	return span_of(v.mv_data, v.mv_size);
}

static int env_try(const char *dir, unsigned mdb_flags, size_t map_bytes, MDB_env **out)
{
	MDB_env *env;
	int rc = mdb_env_create(&env);

	if (rc)
		return rc;
	rc = mdb_env_set_maxdbs(env, MAX_TABLES);
	if (!rc)
		rc = mdb_env_set_maxreaders(env, MAX_READERS);
	if (!rc)
		rc = mdb_env_set_mapsize(env, map_bytes);
	if (!rc)
		rc = mdb_env_open(env, dir, mdb_flags, FILE_MODE);
	if (rc) {
		mdb_env_close(env);
		return rc;
	}
	*out = env;
	return 0;
}

/* Where address space is limited (ulimit -v, a sanitizer) a smaller map does too. */
static int env_open(const char *dir, unsigned mdb_flags, MDB_env **out)
{
	int rc = ENOMEM;

	for (unsigned i = 0; i < MAP_TRIES && (rc == ENOMEM || rc == EINVAL); i++)
		rc = env_try(dir, mdb_flags, map_bytes_max >> (i * MAP_STEP_SHIFT), out);
	return rc;
}

static int open_tables(struct kv *kv, unsigned flags)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(kv->env, NULL, flags & KV_WRITE ? 0 : MDB_RDONLY, &txn);

	if (rc)
		return from_lmdb(rc);
	for (; kv->tables < KV_TABLES && !rc; kv->tables += !rc)
		rc = mdb_dbi_open(txn, table_names[kv->tables], flags & KV_CREATE ? MDB_CREATE : 0,
				  &kv->dbi[kv->tables]);
	if (rc == MDB_NOTFOUND && kv->tables >= KV_TABLES_1)
		rc = 0; /* of an older schema */
	if (rc) {
		mdb_txn_abort(txn);
		return rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE ? DT_EFOREIGN : from_lmdb(rc);
	}
	return from_lmdb(mdb_txn_commit(txn));
}

int kv_open(const char *dir, unsigned flags, struct kv **out, char why[static KV_WHY_MAX])
{
	/* Read ahead pays for a scan and costs a writer that jumps about. */
	unsigned mdb_flags = MDB_NOTLS | (flags & KV_WRITE ? MDB_NORDAHEAD : MDB_RDONLY) |
			     (flags & KV_BULK ? MDB_NOSYNC : 0);
	struct kv *kv;
	int rc = flags & KV_CREATE ? 0 : kv_page_check(dir, why);

	if (rc < 0)
		return rc;
	kv = calloc(1, sizeof(*kv));
	if (!kv)
		return -ENOMEM;
	atomic_init(&kv->refs, 1);
	rc = from_lmdb(env_open(dir, mdb_flags, &kv->env));
	if (rc < 0) {
		snprintf(why, KV_WHY_MAX, "%.180s: %s", dir, dt_strerror(rc));
		goto err_kv;
	}
	kv_clear_dead(kv);
	rc = open_tables(kv, flags);
	if (rc < 0) {
		snprintf(why, KV_WHY_MAX, "%.160s: not a store of this program (%s)", dir,
			 dt_strerror(rc));
		goto err_env;
	}
	*out = kv;
	return 0;
err_env:
	mdb_env_close(kv->env);
err_kv:
	free(kv);
	return rc;
}

struct kv *kv_ref(struct kv *kv)
{
	/* Relaxed: whoever takes a reference holds one already. */
	atomic_fetch_add_explicit(&kv->refs, 1, memory_order_relaxed);
	return kv;
}

void kv_unref(struct kv *kv)
{
	/* Acquire and release: the last one closes after all others have finished. */
	if (!kv || atomic_fetch_sub_explicit(&kv->refs, 1, memory_order_acq_rel) != 1)
		return;
	mdb_env_close(kv->env);
	free(kv);
}

int kv_sync(struct kv *kv)
{
	return from_lmdb(mdb_env_sync(kv->env, 1));
}

int kv_copy(struct kv *kv, const char *dir)
{
	/* Opened with O_SYNC or O_DIRECT and synced by mdb_env_copy2() itself. */
	return from_lmdb(mdb_env_copy2(kv->env, dir, MDB_CP_COMPACT));
}

int kv_clear_dead(struct kv *kv)
{
	int dead;

	return mdb_reader_check(kv->env, &dead) ? 0 : dead;
}

uint64_t kv_file_bytes(const struct kv *kv)
{
	struct stat st;
	int fd;

	if (mdb_env_get_fd(kv->env, &fd) || fstat(fd, &st))
		return 0;
	return (uint64_t)st.st_size;
}

uint64_t kv_used_bytes(const struct kv *kv)
{
	MDB_envinfo info;
	MDB_stat st;

	if (mdb_env_info(kv->env, &info) || mdb_env_stat(kv->env, &st))
		return 0;
	return (uint64_t)(info.me_last_pgno + 1) * st.ms_psize;
}

int kv_begin(struct kv *kv, bool write, struct kv_txn **out)
{
	struct kv_txn *t = malloc(sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	rc = mdb_txn_begin(kv->env, NULL, write ? 0 : MDB_RDONLY, &t->txn);
	if (rc) {
		free(t);
		return from_lmdb(rc);
	}
	t->kv = kv;
	*out = t;
	return 0;
}

/*
 * A write that ends early is EIO to LMDB ("short write, filesystem full?" says
 * its source). Where there is hardly any room left, that is the reason.
 */
static bool is_out_of_room(MDB_env *env)
{
	struct rlimit limit;
	struct statvfs fs;
	struct stat st;
	int fd;

	if (mdb_env_get_fd(env, &fd) || fstatvfs(fd, &fs) || fstat(fd, &st))
		return false;
	if ((uint64_t)fs.f_bavail * fs.f_frsize < HARDLY_ANY_BYTES)
		return true;
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	       (uint64_t)st.st_size + HARDLY_ANY_BYTES > limit.rlim_cur;
}

int kv_commit(struct kv_txn *t)
{
	MDB_env *env = t->kv->env;
	int rc = mdb_txn_commit(t->txn);

	free(t);
	if (rc == EIO && is_out_of_room(env))
		return DT_ENOSPACE;
	return from_lmdb(rc);
}

void kv_abort(struct kv_txn *t)
{
	if (!t)
		return;
	mdb_txn_abort(t->txn);
	free(t);
}

bool kv_has(const struct kv *kv, enum kv_table table)
{
	return (unsigned)table < kv->tables;
}

int kv_empty(struct kv_txn *t, enum kv_table table)
{
	return kv_has(t->kv, table) ? from_lmdb(mdb_drop(t->txn, t->kv->dbi[table], 0))
				    : DT_ECORRUPT;
}

uint64_t kv_txn_id(const struct kv_txn *t)
{
	return mdb_txn_id(t->txn);
}

uint64_t kv_entries(struct kv_txn *t, enum kv_table table)
{
	MDB_stat st;

	if (!kv_has(t->kv, table))
		return 0;
	return mdb_stat(t->txn, t->kv->dbi[table], &st) ? 0 : st.ms_entries;
}

int kv_get(struct kv_txn *t, enum kv_table table, struct span key, struct span *val)
{
	MDB_val k = to_val(key), v;
	int rc;

	if (!kv_has(t->kv, table))
		return DT_ECORRUPT;
	rc = mdb_get(t->txn, t->kv->dbi[table], &k, &v);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : from_lmdb(rc);
	*val = from_val(v);
	return 1;
}

int kv_put(struct kv_txn *t, enum kv_table table, struct span key, struct span val)
{
	MDB_val k = to_val(key), v = to_val(val);

	if (!kv_has(t->kv, table))
		return DT_ECORRUPT;
	return from_lmdb(mdb_put(t->txn, t->kv->dbi[table], &k, &v, 0));
}

int kv_cursor_open(struct kv_txn *t, enum kv_table table, struct kv_cursor **out)
{
	MDB_cursor *c;
	int rc;

	if (!kv_has(t->kv, table))
		return DT_ECORRUPT;
	rc = mdb_cursor_open(t->txn, t->kv->dbi[table], &c);
	if (rc)
		return from_lmdb(rc);
	*out = malloc(sizeof(**out));
	if (!*out) {
		mdb_cursor_close(c);
		return -ENOMEM;
	}
	**out = (struct kv_cursor){ .cursor = c };
	return 0;
}

void kv_cursor_close(struct kv_cursor *c)
{
	if (!c)
		return;
	mdb_cursor_close(c->cursor);
	free(c);
}

static int cursor_get(struct kv_cursor *c, MDB_val *k, struct span *key, struct span *val,
		      MDB_cursor_op op)
{
	MDB_val v;
	int rc = mdb_cursor_get(c->cursor, k, &v, op);

	if (rc)
		return rc == MDB_NOTFOUND ? 0 : from_lmdb(rc);
	c->placed = true;
	*key = from_val(*k);
	*val = from_val(v);
	return 1;
}

int kv_cursor_next(struct kv_cursor *c, struct span *key, struct span *val)
{
	MDB_val k;

	return cursor_get(c, &k, key, val, c->placed ? MDB_NEXT : MDB_FIRST);
}

void kv_cursor_rewind(struct kv_cursor *c)
{
	c->placed = false;
}

int kv_cursor_seek(struct kv_cursor *c, struct span from, struct span *key, struct span *val)
{
	MDB_val k = to_val(from);

	return cursor_get(c, &k, key, val, MDB_SET_RANGE);
}

int kv_cursor_last(struct kv_cursor *c, struct span *key, struct span *val)
{
	MDB_val k;

	return cursor_get(c, &k, key, val, MDB_LAST);
}

int kv_cursor_insert(struct kv_cursor *c, struct span key, struct span val, struct span *old)
{
	MDB_val k = to_val(key), v = to_val(val);
	int rc = mdb_cursor_put(c->cursor, &k, &v, MDB_NOOVERWRITE);

	if (rc == MDB_KEYEXIST) {
		*old = from_val(v);
		return 0;
	}
	return rc ? from_lmdb(rc) : 1;
}

int kv_cursor_replace(struct kv_cursor *c, struct span key, struct span val)
{
	MDB_val k = to_val(key), v = to_val(val);

	return from_lmdb(mdb_cursor_put(c->cursor, &k, &v, MDB_CURRENT));
}

int kv_cursor_append(struct kv_cursor *c, struct span key, struct span val)
{
	MDB_val k = to_val(key), v = to_val(val);

	return from_lmdb(mdb_cursor_put(c->cursor, &k, &v, MDB_APPEND));
}
