/* SPDX-License-Identifier: MIT */
#include "viz/png_out.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/file_out.h"

enum {
	LEVEL = 1,
	FILTER_SUB = 1,
	FILTER_AVERAGE = 3,
	WIDE = 16,
	CHUNK_FRAME = 12 /* length, type, checksum */
};

typedef uint8_t bytes __attribute__((vector_size(WIDE)));
typedef uint16_t sums __attribute__((vector_size(2 * WIDE)));

static void put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

/* The data lies at @at + 8 already; returns what follows the chunk. */
static uint8_t *seal_chunk(uint8_t *at, const char type[static 5], uint32_t len)
{
	put32(at, len);
	memcpy(at + 4, type, 4);
	put32(at + 8 + len, libdeflate_crc32(0, at + 4, len + 4));
	return at + CHUNK_FRAME + len;
}

static inline bytes load(const uint8_t *at)
{
	bytes v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Bytes as signed numbers, without their signs, added up over a row: how much there is to say. */
struct size_of_row {
	sums sum;
	uint64_t total;
	unsigned taken;
};

static inline void take(struct size_of_row *s, bytes v)
{
	enum { ROOM = UINT16_MAX / 128 };
	bytes negative = -v, larger = (bytes)(v > negative);

	s->sum += __builtin_convertvector((negative & larger) | (v & ~larger), sums);
	if (++s->taken % ROOM)
		return;
	for (unsigned i = 0; i < WIDE; i++)
		s->total += s->sum[i];
	s->sum = (sums){ 0 };
}

static uint64_t size_of(struct size_of_row *s)
{
	for (unsigned i = 0; i < WIDE; i++)
		s->total += s->sum[i];
	return s->total;
}

/*
 * A row, by the filter that leaves less: every byte less the one of the pixel before, or less the
 * mean of that and the one above. Reads and writes up to WIDE - 1 bytes behind @len.
 * @now, @above: the pixel before the first is there, and is zero.
 */
static void filter_row(const uint8_t *now, const uint8_t *above, size_t len, uint8_t *sub,
		       uint8_t *out)
{
	struct size_of_row by_sub = { 0 }, by_average = { 0 };

	for (size_t i = 0; i < len; i += WIDE) {
		bytes v = load(now + i), left = load(now + i - 3), up = load(above + i);
		bytes mean = (left & up) + ((left ^ up) >> 1), a = v - left, b = v - mean;

		take(&by_sub, a);
		take(&by_average, b);
		memcpy(sub + i, &a, sizeof(a));
		memcpy(out + 1 + i, &b, sizeof(b));
	}
	out[0] = FILTER_AVERAGE;
	if (size_of(&by_sub) > size_of(&by_average))
		return;
	out[0] = FILTER_SUB;
	memcpy(out + 1, sub, len);
}

/* A row with room before and behind. */
static size_t stride_of(unsigned width)
{
	return (size_t)width * 3 + 2 * WIDE;
}

/*
 * All rows, each with a byte for its filter before it.
 * @room: three rows of stride_of(), zero; @out: WIDE bytes more than the rows need.
 */
static void filter_rows(const uint8_t *rgba, unsigned width, unsigned height, uint8_t *room,
			uint8_t *out)
{
	const size_t len = (size_t)width * 3, stride = stride_of(width);
	uint8_t *now = room + WIDE, *above = now + stride, *sub = above + stride;

	for (unsigned y = 0; y < height; y++, out += len + 1) {
		uint8_t *next = above;

		for (unsigned x = 0; x < width; x++, rgba += 4)
			memcpy(now + (size_t)x * 3, rgba, 3);
		filter_row(now, above, len, sub, out);
		above = now;
		now = next;
	}
}

/* Header and colour space; the data of the picture comes next. */
static uint8_t *put_head(uint8_t *at, unsigned width, unsigned height)
{
	static const uint8_t magic[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

	memcpy(at, magic, 8);
	at += 8;
	put32(at + 8, width);
	put32(at + 12, height);
	memcpy(at + 16, (const uint8_t[]){ 8, 2, 0, 0, 0 }, 5); /* 8 bit RGB, deflate, not laced */
	at = seal_chunk(at, "IHDR", 13);
	at[8] = 0; /* perceptual */
	return seal_chunk(at, "sRGB", 1);
}

int png_out_encode(const uint8_t *rgba, unsigned width, unsigned height, uint8_t **out,
		   uint64_t *len)
{
	size_t raw_len = ((size_t)width * 3 + 1) * height, packed;
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(LEVEL);
	uint8_t *raw = malloc(raw_len + WIDE), *room = calloc(3, stride_of(width)), *png = NULL,
		*at;
	size_t bound = c ? libdeflate_zlib_compress_bound(c, raw_len) : 0;
	int err = -ENOMEM;

	if (c && raw && room)
		png = malloc(bound + 128);
	if (!png)
		goto done;
	filter_rows(rgba, width, height, room, raw);
	at = put_head(png, width, height);
	packed = libdeflate_zlib_compress(c, raw, raw_len, at + 8, bound);
	/* a chunk's length has 31 bits; the bound always suffices */
	if (packed == 0 || packed > INT32_MAX) {
		err = -EFBIG;
		goto done;
	}
	at = seal_chunk(at, "IDAT", (uint32_t)packed);
	at = seal_chunk(at, "IEND", 0);
	*len = (uint64_t)(at - png);
	*out = png;
	png = NULL;
	err = 0;
done:
	free(png);
	free(room);
	free(raw);
	if (c)
		libdeflate_free_compressor(c);
	return err;
}

int png_out_write(const char *path, const uint8_t *rgba, unsigned width, unsigned height,
		  char why[static 256])
{
	uint8_t *png;
	uint64_t len;
	int err = png_out_encode(rgba, width, height, &png, &len);

	if (err) {
		snprintf(why, 256, "%.200s: encoding: %s", path, dt_strerror(err));
		return err;
	}
	err = file_out_write(path, png, len, why);
	free(png);
	return err;
}
