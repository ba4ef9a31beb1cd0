/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "store/inside.h"
#include "store/seal.h"
#include "store/vantage.h"
#include "store/view.h"

static void add_segments(const struct segset *set, struct store_info *out)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct seg_entry *e = &set->list[i];

		if (e->kind == SEG_LOG) {
			out->log_segments++;
			out->log_bytes += e->sum.bytes;
			out->log_marks += e->rows;
		} else {
			out->edge_segments++;
			out->edge_bytes += e->sum.bytes;
			out->edges += e->rows;
			out->edge_vertices += e->vertices;
		}
	}
}

static int count_marks(struct kv_txn *txn, uint32_t *out)
{
	struct span key, val;
	struct kv_cursor *c;
	int rc = kv_cursor_open(txn, KV_META, &c);

	while (rc >= 0 && (rc = kv_cursor_next(c, &key, &val)) == 1)
		*out += vantage_is_mark(key);
	kv_cursor_close(c);
	return rc;
}

static int segments(struct store_view *v, struct store_info *out)
{
	struct segset set;
	int fd, rc = seal_run(view_txn(v), &out->run);

	if (rc == 0)
		rc = seal_dir(view_store(v), out->run, false, &fd);
	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc;
	rc = segset_load(fd, &set);
	close(fd);
	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc;
	add_segments(&set, out);
	segset_fini(&set);
	return 0;
}

int store_view_info(struct store_view *v, struct store_info *out)
{
	struct kv_txn *txn = view_txn(v);
	struct store *s = view_store(v);
	struct kv *kv;
	int rc = store_kv_get(s, &kv);

	if (rc < 0)
		return rc;
	*out = (struct store_info){ .schema = STORE_SCHEMA,
				    .generation = s->generation,
				    .table_bytes = kv_file_bytes(kv),
				    .used_bytes = kv_used_bytes(kv),
				    .pending_chunks = kv_entries(txn, KV_PENDING) };
	kv_unref(kv);
	rc = vantage_get(txn, &out->vantage);
	if (rc >= 0)
		rc = count_marks(txn, &out->marks);
	if (rc >= 0)
		rc = segments(v, out);
	return rc < 0 ? rc : fs_free_bytes(s->dir_fd, &out->free_bytes);
}
