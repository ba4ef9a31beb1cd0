/* SPDX-License-Identifier: MIT */
#include "store/marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/record.h"

enum { FIRST_CAP = 4096 };

int marks_init(struct marks *m, unsigned width_s)
{
	int rc;

	*m = (struct marks){ .width_s = width_s ? width_s : MARKS_BUCKET_S };
	if (width_s > MARKS_BUCKET_MAX_S)
		return DT_ERANGE;
	rc = log_codec_new(&m->codec);
	if (rc == 0)
		rc = log_rows_init(&m->rows);
	if (rc < 0)
		marks_fini(m);
	return rc;
}

void marks_fini(struct marks *m)
{
	log_codec_free(m->codec);
	log_rows_fini(&m->rows);
	free(m->list);
	free(m->chunk);
	*m = (struct marks){ .width_s = m->width_s };
}

void marks_clear(struct marks *m)
{
	m->count = 0;
}

size_t marks_count(const struct marks *m)
{
	return m->count;
}

/* Two words about one node in one bucket. */
static void join(struct mark *into, const struct mark *o)
{
	into->ways |= o->ways;
	into->flags |= o->flags;
	if (o->after_s < into->after_s)
		into->after_s = o->after_s;
	if (o->rtt && (!into->rtt || o->rtt < into->rtt))
		into->rtt = o->rtt;
}

int marks_add_row(struct marks *m, const struct mark *row)
{
	size_t cap = m->cap ? 2 * m->cap : FIRST_CAP;
	struct mark *last = m->count ? &m->list[m->count - 1] : NULL, *list;

	if (last && last->ordinal == row->ordinal && last->bucket_s == row->bucket_s) {
		join(last, row);
		return 0;
	}
	if (m->count == m->cap) {
		list = reallocarray(m->list, cap, sizeof(*list));
		if (!list)
			return -ENOMEM;
		m->list = list;
		m->cap = cap;
	}
	m->list[m->count++] = *row;
	return 0;
}

int marks_add(struct marks *m, uint32_t ordinal, const struct sighting *s)
{
	uint64_t when_s = s->when_ms / 1000;
	uint32_t t = when_s > UINT32_MAX ? UINT32_MAX : (uint32_t)when_s;

	/* A closing word is spoken long after its node was heard. */
	if (s->flags & SIGHTING_FINAL || s->way == SIGHTING_MENTIONED)
		return 0;
	return marks_add_row(m, &(struct mark){ .bucket_s = t - t % m->width_s,
						.ordinal = ordinal,
						.after_s = (uint16_t)(t % m->width_s),
						.rtt = record_rtt_pack(s->rtt_us),
						.flags = s->flags,
						.ways = (uint8_t)(1u << s->way) });
}

static int append_block(struct marks *m, uint32_t bucket_s, int level)
{
	struct span block;
	uint8_t *chunk;
	int rc = log_encode(m->codec, &m->rows, bucket_s, m->width_s, level, &block);

	m->rows.count = 0;
	if (rc < 0)
		return rc;
	if (m->chunk_len + block.len > m->chunk_cap) {
		chunk = realloc(m->chunk, 2 * (m->chunk_len + block.len));
		if (!chunk)
			return -ENOMEM;
		m->chunk = chunk;
		m->chunk_cap = 2 * (m->chunk_len + block.len);
	}
	memcpy(m->chunk + m->chunk_len, block.ptr, block.len);
	m->chunk_len += block.len;
	return 0;
}

static void put(struct log_rows *r, const struct mark *k)
{
	uint32_t n = r->count++;

	r->ordinal[n] = k->ordinal;
	r->ways[n] = k->ways;
	r->after_s[n] = k->after_s;
	r->rtt[n] = k->rtt;
	r->flags[n] = k->flags;
}

static bool same_place(const struct radix_ref *a, const struct radix_ref *b)
{
	return a->prefix == b->prefix;
}

static void sort(struct marks *m, struct radix_ref *refs, struct radix_ref *tmp)
{
	uint64_t last = 0, falls = 0;

	for (size_t i = 0; i < m->count; i++) {
		uint64_t at = (uint64_t)m->list[i].bucket_s << 32 | m->list[i].ordinal;

		refs[i] = (struct radix_ref){ .prefix = at, .row = (uint32_t)i };
		falls |= at < last;
		last = at;
	}
	if (falls) /* a batch of new nodes comes in their order */
		radix_sort(refs, tmp, m->count);
}

int marks_chunk(struct marks *m, struct radix_ref *refs, struct radix_ref *tmp, int level,
		struct span *out)
{
	int rc = 0;

	m->chunk_len = 0;
	m->rows.count = 0;
	sort(m, refs, tmp);
	for (size_t i = 0, next; i < m->count && rc == 0; i = next) {
		struct mark k = m->list[refs[i].row];

		for (next = i + 1; next < m->count && same_place(&refs[next], &refs[i]); next++)
			join(&k, &m->list[refs[next].row]);
		put(&m->rows, &k);
		if (m->rows.count == LOG_BLOCK_ROWS || next == m->count ||
		    refs[next].prefix >> 32 != k.bucket_s)
			rc = append_block(m, k.bucket_s, level);
	}
	*out = span_of(m->chunk, m->chunk_len);
	return rc;
}
