/* SPDX-License-Identifier: MIT */
#include "store/logscan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 64 };

/* Where blocks lie: a segment's file or a copy in memory. */
struct source {
	struct seg *seg;
	uint8_t *bytes;
};

struct place {
	struct log_head head;
	uint64_t offset;
	uint32_t source;
};

/* One source's blocks of the bucket at hand. */
struct stream {
	size_t next, end; /* places still to be read */
	struct log_rows rows;
	uint32_t at;
};

struct logscan {
	struct logscan_filter filter;
	struct log_codec *codec;
	uint8_t *frame;
	size_t frame_cap;
	struct source *sources;
	uint32_t source_count, source_cap;
	struct place *places;
	size_t place_count, place_cap;
	bool sorted;
	size_t at; /* the next bucket begins here */
	struct stream *streams;
	uint32_t stream_count, stream_cap; /* in use; allocated */
	uint32_t *heap;                    /* of streams, the least ordinal first */
	uint32_t heap_count;
	struct log_rows out;
	struct logscan_block block;
};

int logscan_new(const struct logscan_filter *f, struct logscan **out)
{
	struct logscan *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->filter = *f;
	rc = log_codec_new(&s->codec);
	if (rc == 0)
		rc = log_rows_init(&s->out);
	if (rc < 0) {
		logscan_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void logscan_free(struct logscan *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->source_count; i++) {
		seg_close(s->sources[i].seg);
		free(s->sources[i].bytes);
	}
	for (uint32_t i = 0; i < s->stream_cap; i++)
		log_rows_fini(&s->streams[i].rows);
	log_rows_fini(&s->out);
	log_codec_free(s->codec);
	free(s->sources);
	free(s->places);
	free(s->streams);
	free(s->heap);
	free(s->frame);
	free(s);
}

/* ---- sources ------------------------------------------------------------------- */

static int add_source(struct logscan *s, struct source src)
{
	uint32_t cap = s->source_cap ? 2 * s->source_cap : FIRST_CAP;
	struct source *list;

	if (s->source_count == s->source_cap) {
		list = reallocarray(s->sources, cap, sizeof(*list));
		if (!list) {
			seg_close(src.seg);
			free(src.bytes);
			return -ENOMEM;
		}
		s->sources = list;
		s->source_cap = cap;
	}
	s->sources[s->source_count++] = src;
	return 0;
}

static bool is_wanted(const struct logscan *s, const struct log_head *h)
{
	const struct logscan_filter *f = &s->filter;

	if (h->bucket_s < f->from_s || h->bucket_s >= f->to_s)
		return false;
	return !f->has_only || (f->only >= h->first && f->only <= h->last);
}

static int add_place(struct logscan *s, const struct log_head *h, uint64_t offset)
{
	size_t cap = s->place_cap ? 2 * s->place_cap : FIRST_CAP;
	struct place *list;

	if (!is_wanted(s, h))
		return 0;
	if (s->place_count == s->place_cap) {
		list = reallocarray(s->places, cap, sizeof(*list));
		if (!list)
			return -ENOMEM;
		s->places = list;
		s->place_cap = cap;
	}
	s->places[s->place_count++] =
		(struct place){ .head = *h, .offset = offset, .source = s->source_count - 1 };
	s->sorted = false;
	return 0;
}

int logscan_add_segment(struct logscan *s, struct seg *seg)
{
	struct span index = seg_index(seg);
	uint64_t offset = 0;
	struct log_head h;
	int rc = add_source(s, (struct source){ .seg = seg });

	for (size_t at = 0; rc == 0 && at < index.len; at += LOG_HEAD_BYTES) {
		rc = log_head_decode(span_slice(index, at, LOG_HEAD_BYTES), &h);
		if (rc == 0)
			rc = add_place(s, &h, offset);
		offset += log_block_bytes(&h);
	}
	return rc == DT_ESHORT ? DT_ECORRUPT : rc;
}

int logscan_add_chunk(struct logscan *s, struct span blocks)
{
	uint8_t *bytes = malloc(blocks.len ? blocks.len : 1);
	struct log_head h;
	int rc;

	if (!bytes)
		return -ENOMEM;
	if (blocks.len)
		memcpy(bytes, blocks.ptr, blocks.len);
	rc = add_source(s, (struct source){ .bytes = bytes });
	for (uint64_t at = 0; rc == 0 && at < blocks.len; at += log_block_bytes(&h)) {
		rc = log_head_decode(span_of(bytes + at, blocks.len - at), &h);
		if (rc == 0 && log_block_bytes(&h) > blocks.len - at)
			rc = DT_ECORRUPT;
		if (rc == 0)
			rc = add_place(s, &h, at);
	}
	return rc == DT_ESHORT ? DT_ECORRUPT : rc;
}

static int compare_places(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;

	if (a->head.bucket_s != b->head.bucket_s)
		return a->head.bucket_s < b->head.bucket_s ? -1 : 1;
	if (a->head.width_s != b->head.width_s)
		return a->head.width_s < b->head.width_s ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

void logscan_span(const struct logscan *s, uint64_t *first_s, uint64_t *last_s, uint64_t *end_s,
		  uint64_t *rows)
{
	*first_s = s->place_count ? UINT64_MAX : 0;
	*last_s = *end_s = *rows = 0;
	for (size_t i = 0; i < s->place_count; i++) {
		const struct log_head *h = &s->places[i].head;
		uint64_t end = (uint64_t)h->bucket_s + h->width_s;

		*rows += h->rows;
		*first_s = h->bucket_s < *first_s ? h->bucket_s : *first_s;
		*last_s = h->bucket_s > *last_s ? h->bucket_s : *last_s;
		*end_s = end > *end_s ? end : *end_s;
	}
}

/* ---- reading a block --------------------------------------------------------------- */

static int read_frame(struct logscan *s, const struct place *p, enum log_column column,
		      struct span *out)
{
	const struct source *src = &s->sources[p->source];
	uint64_t offset = p->offset + log_column_offset(&p->head, column);
	size_t n = p->head.bytes[column];
	uint8_t *frame;

	if (!src->seg) {
		*out = span_of(src->bytes + offset, n);
		return 0;
	}
	if (n > s->frame_cap) {
		frame = realloc(s->frame, n);
		if (!frame)
			return -ENOMEM;
		s->frame = frame;
		s->frame_cap = n;
	}
	*out = span_of(s->frame, n);
	return seg_read(src->seg, offset, n, s->frame);
}

static int read_place(struct logscan *s, const struct place *p, struct log_rows *rows)
{
	struct span frame;
	int rc = 0;

	for (unsigned c = 0; c < LOG_COLUMNS && rc == 0; c++) {
		if (c != LOG_ORDINAL && !(s->filter.columns & 1u << c))
			continue;
		rc = read_frame(s, p, (enum log_column)c, &frame);
		if (rc == 0)
			rc = log_decode_column(s->codec, &p->head, (enum log_column)c, frame, rows);
	}
	return rc;
}

/* ---- a bucket of several sources --------------------------------------------------- */

static int grow_streams(struct logscan *s)
{
	uint32_t cap = s->stream_cap + 1;
	struct stream *list = reallocarray(s->streams, cap, sizeof(*list));
	uint32_t *heap;
	int rc;

	if (!list)
		return -ENOMEM;
	s->streams = list;
	heap = reallocarray(s->heap, cap, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	s->heap = heap;
	rc = log_rows_init(&s->streams[s->stream_cap].rows);
	if (rc == 0)
		s->stream_cap = cap;
	return rc;
}

/* 1 and a row at hand, 0 where the stream is at its end. Ordinals that fall would break the merge.
 */
static int stream_fill(struct logscan *s, struct stream *t)
{
	uint32_t last = t->rows.count ? t->rows.ordinal[t->rows.count - 1] : 0;
	int rc;

	if (t->at < t->rows.count)
		return 1;
	if (t->next == t->end)
		return 0;
	if (t->rows.count && s->places[t->next].head.first <= last)
		return DT_ECORRUPT;
	rc = read_place(s, &s->places[t->next++], &t->rows);
	t->at = 0;
	return rc < 0 ? rc : 1;
}

static uint32_t ordinal_of(const struct logscan *s, uint32_t slot)
{
	const struct stream *t = &s->streams[s->heap[slot]];

	return t->rows.ordinal[t->at];
}

static void sift_down(struct logscan *s, uint32_t slot)
{
	for (;;) {
		uint32_t least = slot, child = 2 * slot + 1, swap;

		for (uint32_t c = child; c < child + 2 && c < s->heap_count; c++)
			if (ordinal_of(s, c) < ordinal_of(s, least))
				least = c;
		if (least == slot)
			return;
		swap = s->heap[slot];
		s->heap[slot] = s->heap[least];
		s->heap[least] = swap;
		slot = least;
	}
}

static int begin_bucket(struct logscan *s, size_t end)
{
	int rc = 0;

	s->stream_count = s->heap_count = 0;
	for (size_t i = s->at, next; i < end && rc >= 0; i = next) {
		struct stream *t;

		for (next = i + 1; next < end && s->places[next].source == s->places[i].source;)
			next++;
		if (s->stream_count == s->stream_cap) {
			rc = grow_streams(s);
			if (rc < 0)
				return rc;
		}
		t = &s->streams[s->stream_count];
		t->next = i;
		t->end = next;
		t->at = t->rows.count = 0;
		rc = stream_fill(s, t);
		if (rc == 1)
			s->heap[s->heap_count++] = s->stream_count++;
	}
	s->at = end;
	for (uint32_t i = s->heap_count; i-- > 0 && rc >= 0;)
		sift_down(s, i);
	return rc < 0 ? rc : 0;
}

static void put_row(struct log_rows *out, const struct stream *t)
{
	uint32_t n = out->count++;

	out->ordinal[n] = t->rows.ordinal[t->at];
	out->ways[n] = t->rows.ways[t->at];
	out->after_s[n] = t->rows.after_s[t->at];
	out->rtt[n] = t->rows.rtt[t->at];
	out->flags[n] = t->rows.flags[t->at];
}

static void join_row(struct log_rows *out, const struct stream *t)
{
	uint32_t n = out->count - 1, at = t->at;
	uint16_t rtt = t->rows.rtt[at];

	out->ways[n] |= t->rows.ways[at];
	out->flags[n] |= t->rows.flags[at];
	if (t->rows.after_s[at] < out->after_s[n])
		out->after_s[n] = t->rows.after_s[at];
	if (rtt && (!out->rtt[n] || rtt < out->rtt[n]))
		out->rtt[n] = rtt;
}

/* Until the block is full and the next row is of another node. */
static int merge_some(struct logscan *s)
{
	struct log_rows *out = &s->out;

	out->count = 0;
	while (s->heap_count) {
		struct stream *t = &s->streams[s->heap[0]];
		bool same = out->count && ordinal_of(s, 0) == out->ordinal[out->count - 1];
		int rc;

		if (same)
			join_row(out, t);
		else if (out->count == LOG_BLOCK_ROWS)
			return 1;
		else
			put_row(out, t);
		t->at++;
		rc = stream_fill(s, t);
		if (rc < 0)
			return rc;
		if (rc == 0)
			s->heap[0] = s->heap[--s->heap_count];
		sift_down(s, 0);
	}
	return out->count ? 1 : 0;
}

/* ---- the walk ------------------------------------------------------------------------ */

/* The bucket's places: [s->at, end). More than one source? */
static size_t bucket_end(const struct logscan *s, bool *mixed)
{
	const struct place *first = &s->places[s->at], *p;
	size_t end = s->at + 1;

	*mixed = false;
	for (; end < s->place_count; end++) {
		p = &s->places[end];
		if (p->head.bucket_s != first->head.bucket_s ||
		    p->head.width_s != first->head.width_s)
			break;
		*mixed |= p->source != first->source;
	}
	return end;
}

/* One block as it lies: the usual case. */
static int pass_on(struct logscan *s)
{
	const struct place *p = &s->places[s->at++], *before = p - 1;

	if (s->at > 1 && before->source == p->source && before->head.bucket_s == p->head.bucket_s &&
	    before->head.width_s == p->head.width_s && before->head.last >= p->head.first)
		return DT_ECORRUPT;
	return read_place(s, p, &s->out);
}

static int next_block(struct logscan *s)
{
	const struct place *p;
	bool mixed;
	size_t end;
	int rc;

	if (s->heap_count)
		return merge_some(s);
	if (s->at == s->place_count)
		return 0;
	p = &s->places[s->at];
	s->block = (struct logscan_block){ .bucket_s = p->head.bucket_s,
					   .width_s = p->head.width_s,
					   .rows = &s->out };
	end = bucket_end(s, &mixed);
	if (!mixed) {
		rc = pass_on(s);
		return rc < 0 ? rc : 1;
	}
	rc = begin_bucket(s, end);
	return rc < 0 ? rc : merge_some(s);
}

/* Leaves of the block the one row that is asked for; 0 where it has none. */
static int keep_only(struct logscan *s)
{
	struct log_rows *r = &s->out;

	for (uint32_t i = 0; i < r->count; i++) {
		if (r->ordinal[i] != s->filter.only)
			continue;
		r->ordinal[0] = r->ordinal[i];
		r->ways[0] = r->ways[i];
		r->after_s[0] = r->after_s[i];
		r->rtt[0] = r->rtt[i];
		r->flags[0] = r->flags[i];
		r->count = 1;
		return 1;
	}
	return 0;
}

int logscan_next(struct logscan *s, struct logscan_block *out)
{
	int rc;

	if (!s->sorted && s->place_count)
		qsort(s->places, s->place_count, sizeof(*s->places), compare_places);
	s->sorted = true;
	do
		rc = next_block(s);
	while (rc == 1 && s->filter.has_only && !keep_only(s));
	if (rc == 1)
		*out = s->block;
	return rc;
}
