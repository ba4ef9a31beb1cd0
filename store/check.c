/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/addr.h"
#include "store/edgescan.h"
#include "store/epoch.h"
#include "store/heardlog_impl.h"
#include "store/inside.h"
#include "store/le.h"
#include "store/logscan.h"
#include "store/orgs.h"
#include "store/record.h"
#include "store/seal.h"

/**
 * DOC: every invariant of store/README.md, looked at in a store as it lies.
 * Nothing is repaired: what is broken is said, with its place and what is lost.
 */

enum { SAID_MAX = 100, LINE_MAX_BYTES = 256 };

struct check {
	struct store *store;
	struct kv_txn *txn;
	const struct store_check_opts *opts;
	uint64_t found; /* problems */
	uint64_t nodes;
	uint64_t *met; /* ordinals, a bit each */
	uint32_t epochs;
	uint64_t sealed; /* as the tables know it */
};

__attribute__((format(printf, 2, 3))) static void problem(struct check *c, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	if (c->found++ >= SAID_MAX || !c->opts->problem)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->opts->problem(c->opts->ctx, line);
}

static void tell(const struct check *c, const char *what)
{
	if (c->opts->step)
		c->opts->step(c->opts->ctx, what);
}

/* ---- tables --------------------------------------------------------------------------- */

static void check_ordinal(struct check *c, const struct record *r, uint64_t row)
{
	uint64_t bit = (uint64_t)1 << (r->ordinal & 63);

	if (r->ordinal >= c->nodes)
		problem(c, "node %llu: ordinal %u of %llu nodes", (unsigned long long)row,
			r->ordinal, (unsigned long long)c->nodes);
	else if (c->met[r->ordinal >> 6] & bit)
		problem(c, "node %llu: ordinal %u is another's too", (unsigned long long)row,
			r->ordinal);
	else
		c->met[r->ordinal >> 6] |= bit;
}

static int check_node(struct check *c, struct span key, struct span val, uint64_t row)
{
	uint8_t at[ENDPOINT_COMPACT6];
	struct endpoint ep;
	struct nodeid id;
	struct record r;
	struct span addr;
	bool six;
	int rc = record_key_decode(key, &id, &ep);

	if (rc == 0)
		rc = record_decode(val, &r);
	if (rc < 0) {
		problem(c, "node %llu: %s", (unsigned long long)row, dt_strerror(rc));
		return 0;
	}
	six = !endpoint_is4(&ep);
	check_ordinal(c, &r, row);
	rc = kv_get(c->txn, six ? KV_ADDR6 : KV_ADDR4, span_of(at, record_addr(&ep, at)), &addr);
	if (rc == 0)
		problem(c, "node %llu: its address is in no index", (unsigned long long)row);
	return rc < 0 ? rc : 0;
}

static int check_addr(struct check *c, struct span key, struct span val, uint64_t row)
{
	struct kv_cursor *nodes;
	struct endpoint ep;
	struct nodeid id;
	struct record r;
	int rc = val.len == RECORD_ADDR_BYTES ? record_addr_decode(key, &ep) : DT_ESIZE;

	if (rc < 0) {
		problem(c, "address %llu: %s", (unsigned long long)row, dt_strerror(rc));
		return 0;
	}
	rc = kv_cursor_open(c->txn, endpoint_is4(&ep) ? KV_NODES4 : KV_NODES6, &nodes);
	if (rc < 0)
		return rc;
	rc = addr_find(nodes, &ep, val.ptr, &id, &r);
	kv_cursor_close(nodes);
	if (rc <= 0)
		problem(c, "address %llu: names no node there", (unsigned long long)row);
	return 0;
}

static int check_contact(struct check *c, struct span key, struct span val, uint64_t row)
{
	struct record_contact contact;
	struct endpoint ep;
	int rc = record_addr_decode(key, &ep);

	if (rc == 0)
		rc = record_contact_decode(val, &contact);
	if (rc < 0)
		problem(c, "contact %llu: %s", (unsigned long long)row, dt_strerror(rc));
	return 0;
}

static int check_epoch(struct check *c, struct span key, struct span val, uint64_t row)
{
	struct epoch_row e;
	int rc = epoch_decode(key, val, &e);

	if (rc < 0)
		problem(c, "epoch %llu: %s", (unsigned long long)row + 1, dt_strerror(rc));
	else if (e.epoch.id != row + 1)
		problem(c, "epoch %u stands where %llu should", e.epoch.id,
			(unsigned long long)row + 1);
	c->epochs = (uint32_t)row + 1;
	return 0;
}

static int check_org(struct check *c, struct span key, struct span val, uint64_t row)
{
	if (key.len != ORGS_KEY_BYTES || val.len >= GEO_ORG_MAX)
		problem(c, "network %llu: a name that is none", (unsigned long long)row);
	return 0;
}

static int check_table(struct check *c, enum kv_table table, const char *name,
		       int (*row)(struct check *c, struct span key, struct span val, uint64_t row))
{
	struct span key, val;
	struct kv_cursor *cursor;
	uint64_t n = 0;
	int rc = kv_cursor_open(c->txn, table, &cursor);

	tell(c, name);
	while (rc >= 0 && (rc = kv_cursor_next(cursor, &key, &val)) == 1)
		rc = row(c, key, val, n++);
	kv_cursor_close(cursor);
	if (rc < 0)
		problem(c, "%s: cannot be read to its end: %s", name, dt_strerror(rc));
	else if (n != kv_entries(c->txn, table))
		problem(c, "%s: %llu rows, %llu are said to be there", name, (unsigned long long)n,
			(unsigned long long)kv_entries(c->txn, table));
	return rc == -ENOMEM ? rc : 0;
}

static int check_tables(struct check *c)
{
	static const struct {
		enum kv_table table;
		const char *name;
		int (*row)(struct check *c, struct span key, struct span val, uint64_t row);
	} tables[] = {
		{ KV_NODES4, "nodes4", check_node },
		{ KV_NODES6, "nodes6", check_node },
		{ KV_ADDR4, "addr4", check_addr },
		{ KV_ADDR6, "addr6", check_addr },
		{ KV_MENTIONED4, "mentioned4", check_contact },
		{ KV_MENTIONED6, "mentioned6", check_contact },
		{ KV_EPOCHS, "epochs", check_epoch },
		{ KV_ORGS, "orgs", check_org },
	};
	int rc = 0;

	c->nodes = kv_entries(c->txn, KV_NODES4) + kv_entries(c->txn, KV_NODES6);
	c->met = calloc(c->nodes / 64 + 1, sizeof(*c->met));
	if (!c->met)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++)
		rc = check_table(c, tables[i].table, tables[i].name, tables[i].row);
	return rc;
}

/* ---- the log and the edges -------------------------------------------------------------- */

static void check_marks(struct check *c, struct logscan *scan, const char *name,
			const struct seg_entry *e)
{
	uint64_t rows = 0, strangers = 0;
	uint32_t first_s = 0, last_s = 0;
	struct logscan_block b;
	int rc;

	while ((rc = logscan_next(scan, &b)) == 1) {
		if (!rows)
			first_s = b.bucket_s;
		last_s = b.bucket_s;
		rows += b.rows->count;
		for (uint32_t i = 0; i < b.rows->count; i++)
			strangers += b.rows->ordinal[i] >= c->nodes;
	}
	if (rc < 0)
		problem(c, "%s: a block is damaged: %s", name, dt_strerror(rc));
	if (strangers)
		problem(c, "%s: %llu marks of nobody", name, (unsigned long long)strangers);
	if (rc == 0 && e && (rows != e->rows || first_s != e->first_s || last_s != e->last_s))
		problem(c, "%s: the manifest says %llu rows, there are %llu", name,
			(unsigned long long)e->rows, (unsigned long long)rows);
}

static int check_log(struct check *c, struct seg *seg, const char *name, const struct seg_entry *e)
{
	const struct logscan_filter all = { .to_s = UINT64_MAX, .columns = LOG_ALL };
	struct logscan *scan;
	int rc = logscan_new(&all, &scan);

	if (rc < 0) {
		seg_close(seg);
		return rc;
	}
	rc = logscan_add_segment(scan, seg);
	if (rc < 0)
		problem(c, "%s: its index is damaged: %s", name, dt_strerror(rc));
	else
		check_marks(c, scan, name, e);
	logscan_free(scan);
	return 0;
}

static void check_graph(struct check *c, struct edgescan *scan, const char *name,
			const struct seg_entry *e)
{
	struct edge_counts n = { { 0 } };
	struct question q;
	struct vertex v;
	struct edge edge;
	int rc;

	while ((rc = edgescan_vertex(scan, &v)) == 1)
		n.n[EDGE_VERTICES]++;
	while (rc == 0 && (rc = edgescan_edge(scan, &edge)) == 1) {
		n.n[EDGE_EDGES]++;
		rc = 0;
	}
	while (rc == 0 && (rc = edgescan_question(scan, &q)) == 1) {
		n.n[EDGE_QUESTIONS]++;
		rc = 0;
	}
	if (rc < 0)
		problem(c, "%s: a block is damaged: %s", name, dt_strerror(rc));
	else if (n.n[EDGE_EDGES] != e->rows || n.n[EDGE_VERTICES] != e->vertices)
		problem(c,
			"%s: the manifest says %llu edges of %llu vertices, there are %llu of %llu",
			name, (unsigned long long)e->rows, (unsigned long long)e->vertices,
			(unsigned long long)n.n[EDGE_EDGES],
			(unsigned long long)n.n[EDGE_VERTICES]);
	if (e->epoch == 0 || e->epoch > c->epochs)
		problem(c, "%s: edges of epoch %u, which is not there", name, e->epoch);
}

static int check_edges(struct check *c, struct seg *seg, const char *name,
		       const struct seg_entry *e)
{
	struct edgescan *scan;
	struct edge_in *in;
	int rc = edgescan_new(&scan);

	if (rc < 0) {
		seg_close(seg);
		return rc;
	}
	rc = edge_in_new(seg, &in);
	if (rc == 0)
		rc = edgescan_add(scan, in);
	if (rc == 0)
		rc = edgescan_start(scan);
	if (rc < 0)
		problem(c, "%s: its index is damaged: %s", name, dt_strerror(rc));
	else
		check_graph(c, scan, name, e);
	edgescan_free(scan);
	return 0;
}

static int check_segment(struct check *c, int dir_fd, const struct seg_entry *e)
{
	char file[SEG_NAME_MAX], name[SEG_NAME_MAX + 16];
	struct seg *seg;
	int rc;

	segset_name(e->number, file);
	snprintf(name, sizeof(name), "segment %s", file);
	tell(c, name);
	rc = seg_open(dir_fd, file, e->kind, &e->sum, &seg);
	if (rc < 0) {
		problem(c, "%s: %s; lost with it: %llu %s", name,
			rc == DT_ENOTFOUND ? "missing" : dt_strerror(rc),
			(unsigned long long)e->rows, e->kind == SEG_LOG ? "marks" : "edges");
		return rc == -ENOMEM ? rc : 0;
	}
	rc = seg_verify(seg);
	if (rc < 0)
		problem(c, "%s: its bytes are others than were written: %s", name, dt_strerror(rc));
	return e->kind == SEG_LOG ? check_log(c, seg, name, e) : check_edges(c, seg, name, e);
}

static int check_manifest(struct check *c, int dir_fd, uint32_t run, uint64_t *sealed)
{
	struct segset set;
	int rc = segset_load(dir_fd, &set);

	*sealed = 0;
	if (rc == DT_ENOTFOUND && c->sealed == 0)
		return 0;
	if (rc < 0) {
		problem(c, "MANIFEST: %s; no segment is in force without it",
			rc == DT_ENOTFOUND ? "missing" : dt_strerror(rc));
		return 0;
	}
	*sealed = set.sealed;
	if (set.run != run)
		problem(c, "MANIFEST: of run %u, not of %u", set.run, run);
	if (set.sealed < c->sealed)
		problem(c,
			"MANIFEST: goes to chunk %llu, the tables gave it up to %llu: an old one",
			(unsigned long long)set.sealed, (unsigned long long)c->sealed);
	for (uint32_t i = 0; i < set.count && rc == 0; i++)
		rc = check_segment(c, dir_fd, &set.list[i]);
	segset_fini(&set);
	return rc;
}

static int check_pending(struct check *c, uint64_t sealed)
{
	const struct logscan_filter all = { .to_s = UINT64_MAX, .columns = LOG_ALL };
	struct logscan *scan;
	uint64_t last;
	int rc = logscan_new(&all, &scan);

	tell(c, "pending");
	if (rc < 0)
		return rc;
	rc = seal_add_pending(c->txn, sealed, scan, &last);
	if (rc < 0)
		problem(c, "pending: a chunk is damaged: %s", dt_strerror(rc));
	else
		check_marks(c, scan, "pending", NULL);
	logscan_free(scan);
	return rc == -ENOMEM ? rc : 0;
}

static int check_segments(struct check *c)
{
	uint64_t sealed = 0;
	uint32_t run;
	int fd, rc = seal_run(c->txn, &run);

	if (rc == 0)
		rc = seal_sealed(c->txn, &c->sealed);
	if (rc < 0) {
		problem(c, "meta: the run of segments: %s", dt_strerror(rc));
		return 0;
	}
	rc = seal_dir(c->store, run, false, &fd);
	if (rc == 0) {
		rc = check_manifest(c, fd, run, &sealed);
		close(fd);
	} else if (rc == DT_ENOTFOUND && c->sealed == 0) {
		rc = 0; /* nothing was ever sealed */
	} else {
		problem(c, "seg/%u: %s", run, dt_strerror(rc));
		rc = 0;
	}
	return rc == 0 ? check_pending(c, sealed) : rc;
}

/* ---- messages heard -------------------------------------------------------------- */

static int check_heard_rows(struct check *c, const struct seg *seg, const char *name)
{
	struct span index = seg_index(seg), rows;
	struct pack *pack;
	struct heard h;
	int rc = pack_new(&pack);

	if (rc < 0)
		return rc;
	if (index.len % HEARDLOG_ENTRY_BYTES)
		problem(c, "%s: an index of no whole entries", name);
	for (size_t at = 0; at + HEARDLOG_ENTRY_BYTES <= index.len; at += HEARDLOG_ENTRY_BYTES) {
		uint64_t first = le_get64(index.ptr + at + 16),
			 last = le_get64(index.ptr + at + 24);
		bool sound = heardlog_block(seg, pack, index.ptr + at, &rows) == 0;

		for (size_t i = 0; sound && i < rows.len; i += HEARDLOG_ROW_BYTES)
			sound = heardlog_decode(rows.ptr + i, &h) == 0 && h.when_ms >= first &&
				h.when_ms <= last;
		if (!sound)
			problem(c, "%s: a block of %u messages is damaged", name,
				le_get32(index.ptr + at + 12));
	}
	pack_free(pack);
	return 0;
}

static int check_heard_file(struct check *c, int fd, const struct heardlog_file *f)
{
	char file[SEG_NAME_MAX], name[SEG_NAME_MAX + 16];
	struct seg *seg;
	int rc;

	snprintf(name, sizeof(name), "heard %s", heardlog_name(f, file));
	tell(c, name);
	rc = seg_open(fd, file, SEG_HEARD, NULL, &seg);
	if (rc == DT_ENOTFOUND)
		return 0; /* joined meanwhile: its messages lie in another */
	if (rc < 0) {
		problem(c, "%s: %s; its messages are lost", name, dt_strerror(rc));
		return rc == -ENOMEM ? rc : 0;
	}
	rc = seg_verify(seg);
	if (rc < 0)
		problem(c, "%s: its bytes are others than were written: %s", name, dt_strerror(rc));
	rc = check_heard_rows(c, seg, name);
	seg_close(seg);
	return rc;
}

static int check_heard(struct check *c)
{
	struct heardlog_files files;
	int fd, rc = heardlog_dir(c->store->dir_fd, HEARDLOG_DIR, false, &fd);

	if (rc == DT_ENOTFOUND)
		return 0;
	if (rc < 0) {
		problem(c, "heard: %s", dt_strerror(rc));
		return 0;
	}
	rc = heardlog_list(fd, &files, NULL);
	for (uint32_t i = 0; i < files.count && rc == 0; i++)
		rc = check_heard_file(c, fd, &files.list[i]);
	free(files.list);
	close(fd);
	return rc;
}

int store_check(struct store *s, const struct store_check_opts *opts, uint64_t *problems)
{
	struct check c = { .store = s, .opts = opts };
	struct kv *kv;
	int rc = store_kv_get(s, &kv);

	if (rc < 0)
		return rc;
	rc = kv_begin(kv, false, &c.txn);
	if (rc == 0) {
		rc = check_tables(&c);
		if (rc == 0)
			rc = check_segments(&c);
		if (rc == 0)
			rc = check_heard(&c);
		kv_abort(c.txn);
	}
	kv_unref(kv);
	free(c.met);
	*problems = c.found;
	return rc;
}
