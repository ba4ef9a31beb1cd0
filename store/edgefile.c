/* SPDX-License-Identifier: MIT */
#include "store/edgefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/le.h"

enum {
	INDEX_HEAD_BYTES = 32,
	INDEX_BLOCK_BYTES = 24,
	I_EPOCH = 0,
	I_COUNTS = 8,
	B_KIND = 0,
	B_ROWS = 4,
	B_OFFSET = 8,
	B_BYTES = 16,
	FIRST_CAP = 64 * INDEX_BLOCK_BYTES,
};

static const uint32_t rows_max[EDGE_PARTS] = { EDGE_BLOCK_VERTICES, EDGE_BLOCK_EDGES,
					       EDGE_BLOCK_QUESTIONS };
static const size_t row_bytes[EDGE_PARTS] = { sizeof(struct vertex), sizeof(struct edge),
					      sizeof(struct question) };

/* ---- writing ------------------------------------------------------------------------- */

struct edge_out {
	struct seg_writer *seg;
	struct pack *pack;
	uint8_t *rows[EDGE_PARTS];
	uint32_t held[EDGE_PARTS];
	uint32_t epoch, first_s, last_s;
	struct edge_counts counts;
	uint8_t *index;
	size_t index_len, index_cap;
};

static void out_free(struct edge_out *o)
{
	for (unsigned i = 0; i < EDGE_PARTS; i++)
		free(o->rows[i]);
	pack_free(o->pack);
	free(o->index);
	free(o);
}

void edge_out_abort(struct edge_out *o)
{
	if (!o)
		return;
	seg_abort(o->seg);
	out_free(o);
}

int edge_out_new(const struct sio *io, uint32_t number, uint32_t epoch, struct edge_out **out)
{
	struct edge_out *o = calloc(1, sizeof(*o));
	char name[SEG_NAME_MAX];
	int rc;

	if (!o)
		return -ENOMEM;
	o->epoch = epoch;
	o->first_s = UINT32_MAX;
	o->index_cap = FIRST_CAP;
	o->index_len = INDEX_HEAD_BYTES;
	o->index = calloc(1, FIRST_CAP);
	rc = o->index ? pack_new(&o->pack) : -ENOMEM;
	for (unsigned i = 0; i < EDGE_PARTS && rc == 0; i++) {
		o->rows[i] = malloc(rows_max[i] * row_bytes[i]);
		rc = o->rows[i] ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = seg_create(io, SEG_EDGES, segset_name(number, name), &o->seg);
	if (rc < 0) {
		edge_out_abort(o);
		return rc;
	}
	*out = o;
	return 0;
}

static int encode(struct edge_out *o, enum edge_part part, struct span *frame)
{
	const void *rows = o->rows[part];
	uint32_t n = o->held[part];

	switch (part) {
	case EDGE_VERTICES:
		return edgeblock_put_vertices(o->pack, rows, n, frame);
	case EDGE_EDGES:
		return edgeblock_put_edges(o->pack, rows, n, frame);
	case EDGE_QUESTIONS:
		return edgeblock_put_questions(o->pack, rows, n, frame);
	case EDGE_PARTS:
		break;
	}
	return DT_EKIND;
}

static int note_block(struct edge_out *o, enum edge_part part, uint64_t offset, size_t bytes)
{
	uint8_t *p;

	if (o->index_cap - o->index_len < INDEX_BLOCK_BYTES) {
		p = realloc(o->index, 2 * o->index_cap);
		if (!p)
			return -ENOMEM;
		o->index = p;
		o->index_cap *= 2;
	}
	p = o->index + o->index_len;
	memset(p, 0, INDEX_BLOCK_BYTES);
	le_put32(p + B_KIND, part);
	le_put32(p + B_ROWS, o->held[part]);
	le_put64(p + B_OFFSET, offset);
	le_put32(p + B_BYTES, (uint32_t)bytes);
	o->index_len += INDEX_BLOCK_BYTES;
	return 0;
}

static int out_drain(struct edge_out *o, enum edge_part part)
{
	struct span frame;
	uint64_t offset;
	int rc;

	if (!o->held[part])
		return 0;
	rc = encode(o, part, &frame);
	if (rc == 0)
		rc = seg_put(o->seg, frame, &offset);
	if (rc == 0)
		rc = note_block(o, part, offset, frame.len);
	o->counts.n[part] += o->held[part];
	o->held[part] = 0;
	return rc;
}

static int out_row(struct edge_out *o, enum edge_part part, const void *row)
{
	memcpy(o->rows[part] + o->held[part] * row_bytes[part], row, row_bytes[part]);
	return ++o->held[part] == rows_max[part] ? out_drain(o, part) : 0;
}

int edge_out_vertex(struct edge_out *o, const struct vertex *v)
{
	return out_row(o, EDGE_VERTICES, v);
}

int edge_out_edge(struct edge_out *o, const struct edge *e)
{
	return out_row(o, EDGE_EDGES, e);
}

int edge_out_question(struct edge_out *o, const struct question *q)
{
	o->first_s = q->when_s < o->first_s ? q->when_s : o->first_s;
	o->last_s = q->when_s > o->last_s ? q->when_s : o->last_s;
	return out_row(o, EDGE_QUESTIONS, q);
}

int edge_out_finish(struct edge_out *o, struct seg_entry *entry)
{
	struct seg_writer *seg;
	int rc = 0;

	for (unsigned i = 0; i < EDGE_PARTS && rc == 0; i++)
		rc = out_drain(o, (enum edge_part)i);
	if (rc < 0) {
		edge_out_abort(o);
		return rc;
	}
	le_put32(o->index + I_EPOCH, o->epoch);
	for (unsigned i = 0; i < EDGE_PARTS; i++)
		le_put64(o->index + I_COUNTS + 8 * i, o->counts.n[i]);
	*entry = (struct seg_entry){ .kind = SEG_EDGES,
				     .rows = o->counts.n[EDGE_EDGES],
				     .vertices = o->counts.n[EDGE_VERTICES],
				     .first_s = o->first_s == UINT32_MAX ? 0 : o->first_s,
				     .last_s = o->last_s,
				     .epoch = o->epoch };
	seg = o->seg;
	o->seg = NULL;
	rc = seg_finish(seg, span_of(o->index, o->index_len), &entry->sum);
	out_free(o);
	return rc;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct cursor {
	uint32_t block; /* the next in the index; those of other parts are passed over */
	uint32_t at, count;
	uint8_t *rows;
	uint8_t last[VERTEX_KEY_BYTES]; /* vertices: key of the last row of the block before */
	uint64_t last_pair;             /* edges, questions */
	bool has_last;
};

struct edge_in {
	struct seg *seg;
	struct pack *pack;
	struct cursor cursor[EDGE_PARTS];
	struct edge_counts counts;
	uint32_t epoch, blocks;
	uint8_t *frame;
	size_t frame_cap;
};

static const uint8_t *index_block(const struct edge_in *in, uint32_t i)
{
	return seg_index(in->seg).ptr + INDEX_HEAD_BYTES + (size_t)i * INDEX_BLOCK_BYTES;
}

void edge_in_rewind(struct edge_in *in)
{
	for (unsigned i = 0; i < EDGE_PARTS; i++) {
		struct cursor *c = &in->cursor[i];

		c->block = c->at = c->count = 0;
		c->has_last = false;
	}
}

/* Numbers fit, and rows of the blocks add up to what the head says. */
static int check_index(struct edge_in *in)
{
	struct span index = seg_index(in->seg);
	struct edge_counts sum = { { 0 } };

	if (index.len < INDEX_HEAD_BYTES || (index.len - INDEX_HEAD_BYTES) % INDEX_BLOCK_BYTES)
		return DT_ECORRUPT;
	in->blocks = (uint32_t)((index.len - INDEX_HEAD_BYTES) / INDEX_BLOCK_BYTES);
	in->epoch = le_get32(index.ptr + I_EPOCH);
	for (unsigned i = 0; i < EDGE_PARTS; i++)
		in->counts.n[i] = le_get64(index.ptr + I_COUNTS + 8 * i);
	for (uint32_t i = 0; i < in->blocks; i++) {
		const uint8_t *b = index_block(in, i);
		uint32_t part = le_get32(b + B_KIND), rows = le_get32(b + B_ROWS);

		if (part >= EDGE_PARTS || rows == 0 || rows > rows_max[part])
			return DT_ECORRUPT;
		sum.n[part] += rows;
	}
	if (memcmp(&sum, &in->counts, sizeof(sum)) != 0 || sum.n[EDGE_VERTICES] > UINT32_MAX)
		return DT_ECORRUPT;
	return 0;
}

int edge_in_new(struct seg *seg, struct edge_in **out)
{
	struct edge_in *in = calloc(1, sizeof(*in));
	int rc;

	if (!in) {
		seg_close(seg);
		return -ENOMEM;
	}
	in->seg = seg;
	rc = check_index(in);
	if (rc == 0)
		rc = pack_new(&in->pack);
	if (rc < 0) {
		edge_in_free(in);
		return rc;
	}
	edge_in_rewind(in);
	*out = in;
	return 0;
}

void edge_in_free(struct edge_in *in)
{
	if (!in)
		return;
	for (unsigned i = 0; i < EDGE_PARTS; i++)
		free(in->cursor[i].rows);
	pack_free(in->pack);
	seg_close(in->seg);
	free(in->frame);
	free(in);
}

uint32_t edge_in_epoch(const struct edge_in *in)
{
	return in->epoch;
}

struct edge_counts edge_in_counts(const struct edge_in *in)
{
	return in->counts;
}

static int read_frame(struct edge_in *in, const uint8_t *block, struct span *out)
{
	uint32_t n = le_get32(block + B_BYTES);
	uint8_t *frame;

	if (n > SEG_INDEX_MAX_BYTES)
		return DT_ECORRUPT;
	if (n > in->frame_cap) {
		frame = realloc(in->frame, n);
		if (!frame)
			return -ENOMEM;
		in->frame = frame;
		in->frame_cap = n;
	}
	*out = span_of(in->frame, n);
	return seg_read(in->seg, le_get64(block + B_OFFSET), n, in->frame);
}

static int decode(struct edge_in *in, enum edge_part part, struct span frame, uint32_t rows)
{
	uint32_t vertices = (uint32_t)in->counts.n[EDGE_VERTICES];
	void *to = in->cursor[part].rows;

	switch (part) {
	case EDGE_VERTICES:
		return edgeblock_get_vertices(in->pack, frame, rows, to);
	case EDGE_EDGES:
		return edgeblock_get_edges(in->pack, frame, rows, vertices, to);
	case EDGE_QUESTIONS:
		return edgeblock_get_questions(in->pack, frame, rows, vertices, to);
	case EDGE_PARTS:
		break;
	}
	return DT_EKIND;
}

static uint64_t pair_of(const struct cursor *c, enum edge_part part, uint32_t at)
{
	const struct edge *e = (const void *)c->rows;
	const struct question *q = (const void *)c->rows;

	return part == EDGE_EDGES ? (uint64_t)e[at].src << 32 | e[at].dst
				  : (uint64_t)q[at].src << 32 | q[at].depth;
}

/* Within a block order was checked; from block to block it is here. */
static int check_order(struct cursor *c, enum edge_part part)
{
	const struct vertex *v = (const void *)c->rows;
	bool falls;

	if (part == EDGE_VERTICES) {
		falls = c->has_last && memcmp(c->last, v[0].key, VERTEX_KEY_BYTES) >= 0;
		memcpy(c->last, v[c->count - 1].key, VERTEX_KEY_BYTES);
	} else {
		falls = c->has_last && c->last_pair >= pair_of(c, part, 0);
		c->last_pair = pair_of(c, part, c->count - 1);
	}
	c->has_last = true;
	return falls ? DT_ECORRUPT : 0;
}

static int next_block(struct edge_in *in, enum edge_part part)
{
	struct cursor *c = &in->cursor[part];
	const uint8_t *b;
	struct span frame;
	int rc;

	while (c->block < in->blocks && le_get32(index_block(in, c->block) + B_KIND) != part)
		c->block++;
	if (c->block == in->blocks)
		return 0;
	if (!c->rows)
		c->rows = malloc(rows_max[part] * row_bytes[part]);
	if (!c->rows)
		return -ENOMEM;
	b = index_block(in, c->block++);
	c->count = le_get32(b + B_ROWS);
	c->at = 0;
	rc = read_frame(in, b, &frame);
	if (rc == 0)
		rc = decode(in, part, frame, c->count);
	if (rc == 0)
		rc = check_order(c, part);
	return rc < 0 ? rc : 1;
}

static int next_row(struct edge_in *in, enum edge_part part, const void **out)
{
	struct cursor *c = &in->cursor[part];
	int rc;

	if (c->at == c->count) {
		rc = next_block(in, part);
		if (rc <= 0)
			return rc;
	}
	*out = c->rows + row_bytes[part] * c->at++;
	return 1;
}

int edge_in_vertex(struct edge_in *in, const struct vertex **out)
{
	const void *row;
	int rc = next_row(in, EDGE_VERTICES, &row);

	if (rc == 1)
		*out = row;
	return rc;
}

int edge_in_edge(struct edge_in *in, const struct edge **out)
{
	const void *row;
	int rc = next_row(in, EDGE_EDGES, &row);

	if (rc == 1)
		*out = row;
	return rc;
}

int edge_in_question(struct edge_in *in, const struct question **out)
{
	const void *row;
	int rc = next_row(in, EDGE_QUESTIONS, &row);

	if (rc == 1)
		*out = row;
	return rc;
}
