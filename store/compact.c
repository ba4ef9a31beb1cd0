/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "store/inside.h"
#include "store/seal.h"

/**
 * DOC: the rewrite at the end of a run. Every table is copied in key order
 * with MDB_APPEND into the next generation, which leaves pages full; then the
 * link moves (one rename) and the old generation goes. Until the rename the
 * old tables are in force and whole, after it the new ones are; a leftover of
 * either kind is swept by the next writer (S-6).
 */

enum {
	ROWS_PER_TXN = 1 << 20, /* 90 MB of dirty pages; nobody sees the file in between */
};
static const uint64_t spare_bytes = (uint64_t)8 << 20; /* beyond a full copy */

struct copy {
	struct kv_txn *from;
	struct kv *to_kv;
	struct kv_txn *to;
	uint64_t rows; /* in the open transaction */
};

static int next_txn(struct copy *c)
{
	int rc = kv_commit(c->to);

	c->to = NULL;
	c->rows = 0;
	return rc < 0 ? rc : kv_begin(c->to_kv, true, &c->to);
}

/* Contacts that were heard under an id since have done their duty. */
static int is_kept(struct copy *c, enum kv_table table, struct span key)
{
	struct span val;
	int rc;

	if (table != KV_MENTIONED4 && table != KV_MENTIONED6)
		return 1;
	rc = kv_get(c->from, table == KV_MENTIONED4 ? KV_ADDR4 : KV_ADDR6, key, &val);
	return rc < 0 ? rc : !rc;
}

static int append_some(struct copy *c, enum kv_table table, struct kv_cursor *from, bool *more)
{
	struct kv_cursor *to;
	struct span key, val;
	int rc = kv_cursor_open(c->to, table, &to);

	if (rc < 0)
		return rc;
	*more = false;
	while ((rc = kv_cursor_next(from, &key, &val)) == 1) {
		rc = is_kept(c, table, key);
		if (rc == 1)
			rc = kv_cursor_append(to, key, val);
		if (rc < 0)
			break;
		*more = ++c->rows >= ROWS_PER_TXN;
		if (*more)
			break;
	}
	kv_cursor_close(to);
	return rc;
}

static int copy_table(struct copy *c, enum kv_table table)
{
	struct kv_cursor *from;
	bool more = true;
	int rc = kv_cursor_open(c->from, table, &from);

	if (rc < 0)
		return rc;
	while (rc == 0 && more) {
		rc = append_some(c, table, from, &more);
		if (rc == 0 && more)
			rc = next_txn(c);
	}
	kv_cursor_close(from);
	return rc;
}

static int copy_tables(struct copy *c)
{
	int rc = kv_begin(c->to_kv, true, &c->to);

	for (unsigned t = 0; t < KV_TABLES && rc == 0; t++)
		rc = copy_table(c, (enum kv_table)t);
	if (rc < 0) {
		kv_abort(c->to);
		return rc;
	}
	return kv_commit(c->to);
}

static int write_generation(struct store *s, unsigned generation, const char *path)
{
	char why[KV_WHY_MAX];
	struct copy c = { 0 };
	int rc = generation_begin(s, generation);

	if (rc < 0)
		return rc;
	rc = kv_open(path, KV_WRITE | KV_CREATE | KV_BULK, &c.to_kv, why);
	if (rc < 0)
		return rc;
	rc = kv_begin(s->kv, false, &c.from);
	if (rc == 0) {
		rc = copy_tables(&c);
		kv_abort(c.from);
	}
	if (rc == 0)
		rc = kv_sync(c.to_kv);
	kv_unref(c.to_kv);
	return rc;
}

static int check_room(const struct store *s)
{
	uint64_t free_bytes;
	int rc = fs_free_bytes(s->dir_fd, &free_bytes);

	if (rc < 0)
		return rc;
	return free_bytes < kv_used_bytes(s->kv) + spare_bytes ? DT_ENOSPACE : 0;
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

int store_compact(struct store *s)
{
	char path[STORE_PATH_MAX], why[KV_WHY_MAX];
	unsigned old = s->generation, next = old + 1;
	struct kv *kv;
	int rc;

	if (!s->write)
		return DT_EREFUSED;
	rc = seal_pending(s);
	if (rc == 0)
		rc = seal_coalesce(s);
	if (rc == 0)
		rc = check_room(s);
	if (rc == 0)
		rc = generation_path(s, next, path);
	if (rc < 0)
		return rc;
	rc = write_generation(s, next, path);
	if (rc == 0)
		rc = kv_open(path, KV_WRITE, &kv, why);
	if (rc < 0)
		goto err_generation;
	rc = generation_adopt(s, next);
	if (rc < 0 && !is_current(s, next))
		goto err_kv;
	switch_to(s, kv, next);
	/* Not known to be durable: a power cut may bring the old link back, so its tables stay. */
	if (rc == 0)
		generation_remove(s, old);
	return rc;
err_kv:
	kv_unref(kv);
err_generation:
	generation_remove(s, next);
	return rc;
}
