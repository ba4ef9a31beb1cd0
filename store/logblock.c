/* SPDX-License-Identifier: MIT */
#include "store/logblock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "store/le.h"

enum {
	VERSION = 1,
	H_VERSION = 3,
	H_BUCKET = 4,
	H_WIDTH = 8,
	H_ROWS = 12,
	H_FIRST = 16,
	H_LAST = 20,
	H_BYTES = 24,
	H_CHECK = 44,
	VARINT_MAX = 5, /* bytes of a 32-bit gap */
	RAW_MAX = LOG_BLOCK_ROWS * VARINT_MAX,
};
_Static_assert((int)H_CHECK + 4 == (int)LOG_HEAD_BYTES && H_BYTES + 4 * LOG_COLUMNS == H_CHECK,
	       "as drawn");

static const char magic[3] = { 'D', 'T', 'L' };

struct log_codec {
	ZSTD_CCtx *in;
	ZSTD_DCtx *out;
	uint8_t *raw; /* RAW_MAX */
	uint8_t *block;
	size_t block_cap;
};

int log_rows_init(struct log_rows *r)
{
	*r = (struct log_rows){ .ordinal = calloc(LOG_BLOCK_ROWS, sizeof(*r->ordinal)),
				.after_s = calloc(LOG_BLOCK_ROWS, sizeof(*r->after_s)),
				.rtt = calloc(LOG_BLOCK_ROWS, sizeof(*r->rtt)),
				.flags = calloc(LOG_BLOCK_ROWS, sizeof(*r->flags)),
				.ways = calloc(LOG_BLOCK_ROWS, 1) };
	if (r->ordinal && r->after_s && r->rtt && r->flags && r->ways)
		return 0;
	log_rows_fini(r);
	return -ENOMEM;
}

void log_rows_fini(struct log_rows *r)
{
	free(r->ordinal);
	free(r->after_s);
	free(r->rtt);
	free(r->flags);
	free(r->ways);
	*r = (struct log_rows){ .count = 0 };
}

int log_codec_new(struct log_codec **out)
{
	struct log_codec *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->in = ZSTD_createCCtx();
	c->out = ZSTD_createDCtx();
	c->raw = malloc(RAW_MAX);
	c->block_cap = LOG_HEAD_BYTES + ZSTD_compressBound(RAW_MAX) +
		       (LOG_COLUMNS - 1) * ZSTD_compressBound(2 * LOG_BLOCK_ROWS);
	c->block = malloc(c->block_cap);
	if (!c->in || !c->out || !c->raw || !c->block) {
		log_codec_free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void log_codec_free(struct log_codec *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->in);
	ZSTD_freeDCtx(c->out);
	free(c->raw);
	free(c->block);
	free(c);
}

/* ---- columns ------------------------------------------------------------------ */

static size_t pack_gaps(const struct log_rows *r, uint8_t *raw)
{
	uint8_t *p = raw;

	for (uint32_t i = 1; i < r->count; i++) {
		uint32_t gap = r->ordinal[i] - r->ordinal[i - 1] - 1;

		for (; gap > 127; gap >>= 7)
			*p++ = (uint8_t)(gap | 128);
		*p++ = (uint8_t)gap;
	}
	return (size_t)(p - raw);
}

/* 0, or DT_ECORRUPT where the bytes are not @rows rising ordinals that end at @last. */
static int unpack_gaps(const struct log_head *h, struct span raw, uint32_t *out)
{
	const uint8_t *p = raw.ptr, *end = p + raw.len;
	uint64_t at = h->first;

	out[0] = h->first;
	for (uint32_t i = 1; i < h->rows; i++) {
		uint64_t gap = 0;
		unsigned shift = 0;

		do {
			if (p == end || shift > 28)
				return DT_ECORRUPT;
			gap |= (uint64_t)(*p & 127) << shift;
			shift += 7;
		} while (*p++ & 128);
		at += gap + 1;
		if (at > h->last)
			return DT_ECORRUPT;
		out[i] = (uint32_t)at;
	}
	return p == end && at == h->last ? 0 : DT_ECORRUPT;
}

static size_t pack_planes(const uint16_t *v, uint32_t n, uint8_t *raw)
{
	for (uint32_t i = 0; i < n; i++) {
		raw[i] = (uint8_t)v[i];
		raw[n + i] = (uint8_t)(v[i] >> 8);
	}
	return 2 * (size_t)n;
}

static int unpack_planes(uint32_t n, struct span raw, uint16_t *out)
{
	if (raw.len != 2 * (size_t)n)
		return DT_ECORRUPT;
	for (uint32_t i = 0; i < n; i++)
		out[i] = (uint16_t)(raw.ptr[i] | raw.ptr[n + i] << 8);
	return 0;
}

static size_t pack_column(const struct log_rows *r, enum log_column column, uint8_t *raw)
{
	switch (column) {
	case LOG_ORDINAL:
		return pack_gaps(r, raw);
	case LOG_WAYS:
		memcpy(raw, r->ways, r->count);
		return r->count;
	case LOG_AFTER:
		return pack_planes(r->after_s, r->count, raw);
	case LOG_RTT:
		return pack_planes(r->rtt, r->count, raw);
	case LOG_FLAGS:
		return pack_planes(r->flags, r->count, raw);
	case LOG_COLUMNS:
		break;
	}
	return 0;
}

static void encode_head(const struct log_head *h, uint8_t *out)
{
	memcpy(out, magic, sizeof(magic));
	out[H_VERSION] = VERSION;
	le_put32(out + H_BUCKET, h->bucket_s);
	le_put32(out + H_WIDTH, h->width_s);
	le_put32(out + H_ROWS, h->rows);
	le_put32(out + H_FIRST, h->first);
	le_put32(out + H_LAST, h->last);
	for (unsigned i = 0; i < LOG_COLUMNS; i++)
		le_put32(out + H_BYTES + 4 * i, h->bytes[i]);
	le_put32(out + H_CHECK, (uint32_t)XXH3_64bits(out, H_CHECK));
}

int log_encode(struct log_codec *c, const struct log_rows *rows, uint32_t bucket_s,
	       uint32_t width_s, int level, struct span *out)
{
	struct log_head h = { .bucket_s = bucket_s,
			      .width_s = width_s,
			      .rows = rows->count,
			      .first = rows->ordinal[0],
			      .last = rows->ordinal[rows->count - 1] };
	size_t at = LOG_HEAD_BYTES;

	ZSTD_CCtx_setParameter(c->in, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c->in, ZSTD_c_checksumFlag, 1);
	for (unsigned i = 0; i < LOG_COLUMNS; i++) {
		size_t raw = pack_column(rows, (enum log_column)i, c->raw);
		size_t n = ZSTD_compress2(c->in, c->block + at, c->block_cap - at, c->raw, raw);

		if (ZSTD_isError(n))
			return -ENOMEM;
		h.bytes[i] = (uint32_t)n;
		at += n;
	}
	encode_head(&h, c->block);
	*out = span_of(c->block, at);
	return 0;
}

/* ---- hostile bytes ------------------------------------------------------------- */

int log_head_decode(struct span in, struct log_head *out)
{
	const uint8_t *p = in.ptr;

	if (in.len < LOG_HEAD_BYTES)
		return DT_ESHORT;
	if (memcmp(p, magic, sizeof(magic)) != 0)
		return DT_EFOREIGN;
	if (p[H_VERSION] != VERSION)
		return p[H_VERSION] > VERSION ? DT_ENEWER : DT_ECORRUPT;
	if ((uint32_t)XXH3_64bits(p, H_CHECK) != le_get32(p + H_CHECK))
		return DT_ECORRUPT;
	*out = (struct log_head){ .bucket_s = le_get32(p + H_BUCKET),
				  .width_s = le_get32(p + H_WIDTH),
				  .rows = le_get32(p + H_ROWS),
				  .first = le_get32(p + H_FIRST),
				  .last = le_get32(p + H_LAST) };
	for (unsigned i = 0; i < LOG_COLUMNS; i++) {
		out->bytes[i] = le_get32(p + H_BYTES + 4 * i);
		if (out->bytes[i] > ZSTD_compressBound(RAW_MAX))
			return DT_ECORRUPT;
	}
	if (out->rows == 0 || out->rows > LOG_BLOCK_ROWS || out->width_s == 0 ||
	    out->width_s > UINT16_MAX || out->last < out->first ||
	    out->last - out->first < out->rows - 1)
		return DT_ECORRUPT;
	return 0;
}

uint64_t log_column_offset(const struct log_head *h, enum log_column column)
{
	uint64_t at = LOG_HEAD_BYTES;

	for (unsigned i = 0; i < (unsigned)column; i++)
		at += h->bytes[i];
	return at;
}

uint64_t log_block_bytes(const struct log_head *h)
{
	return log_column_offset(h, LOG_COLUMNS);
}

int log_decode_column(struct log_codec *c, const struct log_head *h, enum log_column column,
		      struct span in, struct log_rows *out)
{
	size_t n = ZSTD_decompressDCtx(c->out, c->raw, RAW_MAX, in.ptr, in.len);
	struct span raw = span_of(c->raw, n);

	if (ZSTD_isError(n))
		return DT_ECORRUPT;
	out->count = h->rows;
	switch (column) {
	case LOG_ORDINAL:
		return unpack_gaps(h, raw, out->ordinal);
	case LOG_WAYS:
		if (n != h->rows)
			return DT_ECORRUPT;
		memcpy(out->ways, c->raw, n);
		return 0;
	case LOG_AFTER:
		return unpack_planes(h->rows, raw, out->after_s);
	case LOG_RTT:
		return unpack_planes(h->rows, raw, out->rtt);
	case LOG_FLAGS:
		return unpack_planes(h->rows, raw, out->flags);
	case LOG_COLUMNS:
		break;
	}
	return DT_EKIND;
}
