/* SPDX-License-Identifier: MIT */
#include "store/edges.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/inside.h"
#include "store/seal.h"
#include "store/view.h"

static bool is_of(const struct seg_entry *e, uint32_t epoch)
{
	return e->kind == SEG_EDGES && e->epoch == epoch;
}

/* ---- the writer ------------------------------------------------------------------- */

int edges_add_batch(struct store *s, struct edgebatch *b)
{
	struct seg_entry entry;
	struct segset now;
	int rc = seal_dir_ensure(s);

	if (rc == 0)
		rc = segset_copy(&s->segs, &now);
	if (rc < 0)
		return rc;
	rc = edgebatch_write(b, &s->seg_io, now.next, s->epoch, &entry);
	if (rc == 0)
		rc = segset_add(&now, entry);
	if (rc < 0) {
		segset_fini(&now);
		return rc;
	}
	return seal_install(s, &now);
}

int edges_scan(int dir_fd, const struct segset *set, uint32_t epoch, uint32_t most,
	       struct edgescan *scan)
{
	char name[SEG_NAME_MAX];
	struct edge_in *in;
	struct seg *seg;
	uint32_t found = 0;
	int rc = 0;

	for (uint32_t i = 0; i < set->count && found < most && rc == 0; i++) {
		const struct seg_entry *e = &set->list[i];

		if (!is_of(e, epoch))
			continue;
		rc = seg_open(dir_fd, segset_name(e->number, name), SEG_EDGES, &e->sum, &seg);
		if (rc == 0)
			rc = edge_in_new(seg, &in);
		if (rc == 0)
			rc = edgescan_add(scan, in);
		found++;
	}
	return rc < 0 ? rc : (int)found;
}

/* The first @count of @epoch leave the list; they lie in the one that is added. */
static void drop_first(struct segset *set, uint32_t epoch, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		if (count && is_of(&set->list[i], epoch))
			count--;
		else
			set->list[kept++] = set->list[i];
	}
	set->count = kept;
}

static int join_some(struct store *s, struct segset *now, uint32_t epoch)
{
	struct seg_entry entry;
	struct edgescan *scan;
	int count, rc = edgescan_new(&scan);

	if (rc < 0)
		return rc;
	count = edges_scan(s->seg_io.dir_fd, now, epoch, EDGES_FAN_IN, scan);
	rc = count < 0 ? count : edgescan_start(scan);
	if (rc == 0)
		rc = edgescan_write(scan, &s->seg_io, now->next, epoch, &entry);
	edgescan_free(scan);
	if (rc < 0)
		return rc;
	drop_first(now, epoch, (uint32_t)count);
	return segset_add(now, entry);
}

static uint32_t count_of(const struct segset *set, uint32_t epoch)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < set->count; i++)
		n += is_of(&set->list[i], epoch);
	return n;
}

int edges_join(struct store *s, uint32_t epoch)
{
	struct segset now;
	int rc = 0;

	/* The joined ones go to the end of the list: so each round takes the oldest. */
	while (rc == 0 && count_of(&s->segs, epoch) > 1) {
		rc = segset_copy(&s->segs, &now);
		if (rc < 0)
			return rc;
		rc = join_some(s, &now, epoch);
		if (rc < 0)
			segset_fini(&now);
		else
			rc = seal_install(s, &now);
	}
	return rc;
}

/* ---- the reader -------------------------------------------------------------------- */

/* A segment may go between the manifest and its opening; more often and it is lost. */
enum { OPEN_TRIES = 3 };

struct store_edges {
	struct edgescan *scan;
	uint32_t epoch;
	int pieces;
};

static uint32_t last_epoch(const struct segset *set)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < set->count; i++)
		if (set->list[i].kind == SEG_EDGES && set->list[i].epoch > last)
			last = set->list[i].epoch;
	return last;
}

static int scan_run(int dir_fd, uint32_t epoch, struct store_edges *e)
{
	struct segset set;
	int rc = segset_load(dir_fd, &set);

	if (rc < 0)
		return rc;
	e->epoch = epoch ? epoch : last_epoch(&set);
	e->pieces = edges_scan(dir_fd, &set, e->epoch, UINT32_MAX, e->scan);
	segset_fini(&set);
	if (e->pieces < 0)
		return e->pieces == DT_ENOTFOUND ? -EAGAIN : e->pieces;
	return e->pieces ? edgescan_start(e->scan) : DT_ENOTFOUND;
}

static int try_open(struct store_view *v, uint32_t epoch, struct store_edges *e)
{
	uint32_t run;
	int fd, rc = seal_run(view_txn(v), &run);

	if (rc == 0)
		rc = seal_dir(view_store(v), run, false, &fd);
	if (rc < 0)
		return rc;
	rc = edgescan_new(&e->scan);
	if (rc == 0)
		rc = scan_run(fd, epoch, e);
	close(fd);
	if (rc < 0) {
		edgescan_free(e->scan);
		e->scan = NULL;
	}
	return rc;
}

int store_edges_open(struct store_view *v, uint32_t epoch, struct store_edges **out)
{
	struct store_edges *e = calloc(1, sizeof(*e));
	int rc = e ? -EAGAIN : -ENOMEM;

	for (unsigned i = 0; i < OPEN_TRIES && rc == -EAGAIN; i++)
		rc = try_open(v, epoch, e);
	if (rc < 0) {
		free(e);
		return rc == -EAGAIN ? DT_ECORRUPT : rc;
	}
	*out = e;
	return 0;
}

void store_edges_close(struct store_edges *e)
{
	if (!e)
		return;
	edgescan_free(e->scan);
	free(e);
}

void store_edges_info(const struct store_edges *e, struct store_edges_info *out)
{
	struct edge_counts c = edgescan_counts(e->scan);

	*out = (struct store_edges_info){ .epoch = e->epoch,
					  .vertices = c.n[EDGE_VERTICES],
					  .edges = c.n[EDGE_EDGES],
					  .questions = c.n[EDGE_QUESTIONS],
					  .exact = e->pieces == 1 };
}

int store_edges_next_vertex(struct store_edges *e, struct store_vertex *out)
{
	struct nodeid id;
	struct vertex v;
	int rc = edgescan_vertex(e->scan, &v);

	if (rc != 1)
		return rc;
	vertex_expand(&v, &id, &out->ep);
	out->key = nodekey_from_id(&id);
	out->answered = v.heard;
	return 1;
}

int store_edges_next(struct store_edges *e, struct store_edge *out)
{
	struct edge row;
	int rc = edgescan_edge(e->scan, &row);

	if (rc == 1)
		*out = (struct store_edge){ .src = row.src, .dst = row.dst, .depth = row.depth };
	return rc;
}

int store_edges_next_question(struct store_edges *e, struct store_question *out)
{
	struct question q;
	int rc = edgescan_question(e->scan, &q);

	if (rc == 1)
		*out = (struct store_question){ .src = q.src,
						.when_s = q.when_s,
						.depth = q.depth,
						.outcome = q.outcome,
						.listed = q.listed };
	return rc;
}

void store_edges_rewind(struct store_edges *e)
{
	edgescan_rewind(e->scan);
}
