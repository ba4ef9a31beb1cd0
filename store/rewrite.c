/* SPDX-License-Identifier: MIT */
#include "store/rewrite.h"

#include <errno.h>
#include <stdlib.h>

#include "store/inside.h"

enum {
	ROWS_PER_TXN = 1 << 20, /* 90 MB of dirty pages; nobody sees the file in between */
};
static const uint64_t spare_bytes = (uint64_t)8 << 20; /* beyond a full copy */

struct rewrite {
	struct store *store;
	unsigned generation;
	char path[STORE_PATH_MAX];
	struct kv *kv;
	struct kv_txn *txn;
	struct kv_cursor *cursor; /* of @table */
	enum kv_table table;
	unsigned rows; /* in the open transaction */
};

static int check_room(const struct store *s, uint64_t bytes)
{
	uint64_t free_bytes;
	int rc = fs_free_bytes(s->dir_fd, &free_bytes);

	if (rc < 0)
		return rc;
	return free_bytes < bytes + spare_bytes ? DT_ENOSPACE : 0;
}

static void close_files(struct rewrite *r)
{
	kv_cursor_close(r->cursor);
	r->cursor = NULL;
	kv_abort(r->txn);
	r->txn = NULL;
	kv_unref(r->kv);
	r->kv = NULL;
}

void rewrite_abort(struct rewrite *r)
{
	if (!r)
		return;
	close_files(r);
	generation_remove(r->store, r->generation);
	free(r);
}

int rewrite_begin(struct store *s, uint64_t bytes, struct rewrite **out)
{
	char why[KV_WHY_MAX];
	struct rewrite *r;
	int rc = s->write ? check_room(s, bytes) : DT_EREFUSED;

	if (rc < 0)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->store = s;
	r->generation = s->generation + 1;
	rc = generation_path(s, r->generation, r->path);
	if (rc == 0)
		rc = generation_begin(s, r->generation);
	if (rc == 0)
		rc = kv_open(r->path, KV_WRITE | KV_CREATE | KV_BULK, &r->kv, why);
	if (rc == 0)
		rc = kv_begin(r->kv, true, &r->txn);
	if (rc < 0) {
		rewrite_abort(r);
		return rc;
	}
	*out = r;
	return 0;
}

static int next_txn(struct rewrite *r)
{
	int rc;

	kv_cursor_close(r->cursor);
	r->cursor = NULL;
	rc = kv_commit(r->txn);
	r->txn = NULL;
	r->rows = 0;
	return rc < 0 ? rc : kv_begin(r->kv, true, &r->txn);
}

int rewrite_append(struct rewrite *r, enum kv_table table, struct span key, struct span val)
{
	int rc = 0;

	if (r->rows == ROWS_PER_TXN)
		rc = next_txn(r);
	if (rc == 0 && (!r->cursor || r->table != table)) {
		kv_cursor_close(r->cursor);
		r->cursor = NULL;
		r->table = table;
		rc = kv_cursor_open(r->txn, table, &r->cursor);
	}
	if (rc < 0)
		return rc;
	r->rows++;
	return kv_cursor_append(r->cursor, key, val);
}

int rewrite_put(struct rewrite *r, enum kv_table table, struct span key, struct span val)
{
	return kv_put(r->txn, table, key, val);
}

struct kv_txn *rewrite_txn(struct rewrite *r)
{
	return r->txn;
}

int rewrite_get(struct rewrite *r, enum kv_table table, struct span key, struct span *val)
{
	return kv_get(r->txn, table, key, val);
}

static int finish(struct rewrite *r)
{
	int rc;

	kv_cursor_close(r->cursor);
	r->cursor = NULL;
	rc = kv_commit(r->txn);
	r->txn = NULL;
	return rc == 0 ? kv_sync(r->kv) : rc;
}

static void switch_to(struct store *s, struct kv *kv, unsigned generation)
{
	struct kv *old = s->kv;

	pthread_mutex_lock(&s->lock);
	s->kv = kv;
	s->generation = generation;
	pthread_mutex_unlock(&s->lock);
	kv_unref(old);
}

static bool is_current(const struct store *s, unsigned generation)
{
	unsigned now;

	return generation_current(s->dir_fd, &now) == 0 && now == generation;
}

int rewrite_adopt(struct rewrite *r)
{
	struct store *s = r->store;
	unsigned old = s->generation, next = r->generation;
	char why[KV_WHY_MAX];
	struct kv *kv = NULL;
	int rc = finish(r);

	/* Closed first: one process opens an environment once at a time. */
	close_files(r);
	if (rc == 0)
		rc = kv_open(r->path, KV_WRITE, &kv, why);
	if (rc == 0) {
		rc = generation_adopt(s, next);
		if (rc < 0 && !is_current(s, next)) {
			kv_unref(kv);
			kv = NULL;
		}
	}
	if (!kv) {
		rewrite_abort(r);
		return rc;
	}
	free(r);
	switch_to(s, kv, next);
	/* Not known to be durable: a power cut may bring the old link back, so its tables stay. */
	if (rc == 0)
		generation_remove(s, old);
	return rc;
}
