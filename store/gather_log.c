/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/edgescan.h"
#include "store/gather.h"
#include "store/inside.h"
#include "store/logscan.h"
#include "store/seal.h"

/**
 * DOC: the logs of all sources, bucket by bucket. New ordinals come in no order,
 * so a bucket is a sheet with a place for every node: marks are entered, then
 * read off. Segments end with their day, or when they are full, so where they
 * are cut depends on what is in them alone.
 */

enum {
	DAY_S = 86400,
	SEGMENT_ROWS = 1 << 26, /* some 200 MB */
	WORD_BITS = 64,
};

/* One bucket, all nodes: 7 bytes and a bit each. */
struct sheet {
	uint64_t *there;
	uint8_t *ways;
	uint16_t *after_s, *rtt, *flags;
	uint64_t words;
};

static int sheet_init(struct sheet *s, uint64_t nodes)
{
	s->words = nodes / WORD_BITS + 1;
	s->there = calloc(s->words, sizeof(*s->there));
	s->ways = malloc(nodes + 1);
	s->after_s = malloc((nodes + 1) * sizeof(*s->after_s));
	s->rtt = malloc((nodes + 1) * sizeof(*s->rtt));
	s->flags = malloc((nodes + 1) * sizeof(*s->flags));
	return s->there && s->ways && s->after_s && s->rtt && s->flags ? 0 : -ENOMEM;
}

static void sheet_fini(struct sheet *s)
{
	free(s->there);
	free(s->ways);
	free(s->after_s);
	free(s->rtt);
	free(s->flags);
}

static void enter(struct sheet *s, uint32_t at, const struct log_rows *r, uint32_t i)
{
	uint64_t bit = (uint64_t)1 << at % WORD_BITS;

	if (!(s->there[at / WORD_BITS] & bit)) {
		s->there[at / WORD_BITS] |= bit;
		s->ways[at] = r->ways[i];
		s->after_s[at] = r->after_s[i];
		s->rtt[at] = r->rtt[i];
		s->flags[at] = r->flags[i];
		return;
	}
	s->ways[at] |= r->ways[i];
	s->flags[at] |= r->flags[i];
	if (r->after_s[i] < s->after_s[at])
		s->after_s[at] = r->after_s[i];
	if (r->rtt[i] && (!s->rtt[at] || r->rtt[i] < s->rtt[at]))
		s->rtt[at] = r->rtt[i];
}

/* ---- one source's log, a block in hand ----------------------------------------------- */

struct tape {
	struct logscan *scan;
	struct logscan_block block;
	int rc;
	const struct gather_source *source;
};

static int add_segments(const struct gather_source *s, struct logscan *scan)
{
	char name[SEG_NAME_MAX];
	struct seg *seg;
	int rc = 0;

	for (uint32_t i = 0; i < s->segs.count && rc == 0; i++) {
		const struct seg_entry *e = &s->segs.list[i];

		if (e->kind != SEG_LOG)
			continue;
		rc = seg_open(s->dir_fd, segset_name(e->number, name), SEG_LOG, &e->sum, &seg);
		if (rc == 0)
			rc = logscan_add_segment(scan, seg);
	}
	return rc;
}

static int tape_open(struct tape *t, const struct gather_source *s)
{
	const struct logscan_filter all = { .to_s = UINT64_MAX, .columns = LOG_ALL };
	uint64_t last;
	int rc = logscan_new(&all, &t->scan);

	t->source = s;
	if (rc == 0)
		rc = add_segments(s, t->scan);
	if (rc == 0)
		rc = seal_add_pending(s->txn, s->segs.sealed, t->scan, &last);
	if (rc == 0)
		t->rc = logscan_next(t->scan, &t->block);
	return rc;
}

/* Buckets of one begin and another width are two; the narrower first, as logscan has it. */
static uint64_t bucket_of(const struct tape *t)
{
	return (uint64_t)t->block.bucket_s << 32 | t->block.width_s;
}

/* All that this tape has of @bucket goes onto the sheet. */
static int read_bucket(struct tape *t, uint64_t bucket, struct sheet *s)
{
	while (t->rc == 1 && bucket_of(t) == bucket) {
		const struct log_rows *r = t->block.rows;

		for (uint32_t i = 0; i < r->count; i++) {
			uint32_t at = r->ordinal[i] < t->source->nodes
					      ? t->source->ordinal[r->ordinal[i]]
					      : UINT32_MAX;

			if (at == UINT32_MAX)
				return DT_ECORRUPT; /* a mark of nobody */
			enter(s, at, r, i);
		}
		t->rc = logscan_next(t->scan, &t->block);
	}
	return t->rc < 0 ? t->rc : 0;
}

/* ---- out ------------------------------------------------------------------------------- */

struct press {
	struct gather *g;
	struct sheet sheet;
	struct log_rows rows;
	struct seal_out *out; /* the open segment; NULL = none */
	uint32_t day;
	uint64_t in_segment, done;
};

static int end_segment(struct press *p)
{
	int rc = p->out ? seal_out_finish(p->out, &p->g->segs) : 0;

	p->out = NULL;
	p->in_segment = 0;
	return rc < 0 ? rc : 0;
}

static int begin_bucket(struct press *p, uint32_t bucket_s)
{
	int rc = 0;

	if (p->out && (bucket_s / DAY_S != p->day || p->in_segment >= SEGMENT_ROWS))
		rc = end_segment(p);
	p->day = bucket_s / DAY_S;
	if (rc == 0 && !p->out)
		rc = seal_out_new(&p->g->io, p->g->segs.next, &p->out);
	return rc;
}

static int put_block(struct press *p, uint64_t bucket)
{
	int rc = p->rows.count ? seal_out_block(p->out, &p->rows, (uint32_t)(bucket >> 32),
						(uint32_t)bucket)
			       : 0;

	p->in_segment += p->rows.count;
	p->done += p->rows.count;
	p->rows.count = 0;
	return rc;
}

static void put_row(struct press *p, uint32_t at)
{
	struct log_rows *r = &p->rows;
	uint32_t n = r->count++;

	r->ordinal[n] = at;
	r->ways[n] = p->sheet.ways[at];
	r->after_s[n] = p->sheet.after_s[at];
	r->rtt[n] = p->sheet.rtt[at];
	r->flags[n] = p->sheet.flags[at];
}

/* Read off and wiped. */
static int write_sheet(struct press *p, uint64_t bucket)
{
	int rc = begin_bucket(p, (uint32_t)(bucket >> 32));

	for (uint64_t w = 0; w < p->sheet.words && rc == 0; w++) {
		uint64_t bits = p->sheet.there[w];

		for (; bits && rc == 0; bits &= bits - 1) {
			put_row(p, (uint32_t)(w * WORD_BITS) + (uint32_t)__builtin_ctzll(bits));
			if (p->rows.count == LOG_BLOCK_ROWS)
				rc = put_block(p, bucket);
		}
		p->sheet.there[w] = 0;
	}
	return rc == 0 ? put_block(p, bucket) : rc;
}

static int merge_tapes(struct press *p, struct tape *tapes, unsigned count)
{
	for (;;) {
		uint64_t bucket = UINT64_MAX;
		int rc = 0;

		for (unsigned i = 0; i < count; i++) {
			if (tapes[i].rc < 0)
				return tapes[i].rc;
			if (tapes[i].rc == 1 && bucket_of(&tapes[i]) < bucket)
				bucket = bucket_of(&tapes[i]);
		}
		if (bucket == UINT64_MAX)
			return end_segment(p);
		for (unsigned i = 0; i < count && rc == 0; i++)
			rc = read_bucket(&tapes[i], bucket, &p->sheet);
		if (rc == 0)
			rc = write_sheet(p, bucket);
		if (rc < 0)
			return rc;
		if (p->g->progress)
			p->g->progress(p->g->progress_ctx, "marks", p->done);
	}
}

int gather_log(struct gather *g)
{
	struct tape *tapes = calloc(g->count, sizeof(*tapes));
	struct press p = { .g = g };
	int rc = tapes ? sheet_init(&p.sheet, g->nodes) : -ENOMEM;

	if (rc == 0)
		rc = log_rows_init(&p.rows);
	for (unsigned i = 0; i < g->count && rc == 0; i++)
		rc = tape_open(&tapes[i], &g->list[i]);
	if (rc == 0)
		rc = merge_tapes(&p, tapes, g->count);
	seal_out_abort(p.out);
	for (unsigned i = 0; tapes && i < g->count; i++)
		logscan_free(tapes[i].scan);
	free(tapes);
	log_rows_fini(&p.rows);
	sheet_fini(&p.sheet);
	return rc;
}

/* ---- edges -------------------------------------------------------------------------------- */

static bool has_edges(const struct gather *g, uint32_t epoch)
{
	for (unsigned i = 0; i < g->count; i++)
		for (uint32_t k = 0; k < g->list[i].segs.count; k++) {
			const struct seg_entry *e = &g->list[i].segs.list[k];

			if (e->kind == SEG_EDGES && e->epoch <= g->list[i].epochs &&
			    g->list[i].epoch[e->epoch] == epoch)
				return true;
		}
	return false;
}

static int scan_source(const struct gather_source *s, uint32_t epoch, struct edgescan *scan)
{
	char name[SEG_NAME_MAX];
	struct edge_in *in;
	struct seg *seg;
	int rc = 0;

	for (uint32_t k = 0; k < s->segs.count && rc == 0; k++) {
		const struct seg_entry *e = &s->segs.list[k];

		if (e->kind != SEG_EDGES || e->epoch > s->epochs || s->epoch[e->epoch] != epoch)
			continue;
		rc = seg_open(s->dir_fd, segset_name(e->number, name), SEG_EDGES, &e->sum, &seg);
		if (rc == 0)
			rc = edge_in_new(seg, &in);
		if (rc == 0)
			rc = edgescan_add(scan, in);
	}
	return rc;
}

static int gather_graph(struct gather *g, uint32_t epoch)
{
	struct seg_entry entry;
	struct edgescan *scan;
	int rc = edgescan_new(&scan);

	for (unsigned i = 0; i < g->count && rc == 0; i++)
		rc = scan_source(&g->list[i], epoch, scan);
	if (rc == 0)
		rc = edgescan_start(scan);
	if (rc == 0)
		rc = edgescan_write(scan, &g->io, g->segs.next, epoch, &entry);
	edgescan_free(scan);
	return rc == 0 ? segset_add(&g->segs, entry) : rc;
}

int gather_edges(struct gather *g)
{
	uint32_t last = 0;
	int rc = 0;

	for (unsigned i = 0; i < g->count; i++)
		for (uint32_t k = 0; k <= g->list[i].epochs; k++)
			if (g->list[i].epoch[k] > last)
				last = g->list[i].epoch[k];
	for (uint32_t epoch = 1; epoch <= last && rc == 0; epoch++)
		if (has_edges(g, epoch))
			rc = gather_graph(g, epoch);
	return rc;
}
