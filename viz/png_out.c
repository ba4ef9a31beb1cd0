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
	LEVEL_FAST = 1,
	LEVEL_SMALL = 2,
	FILTER_SUB = 1,
	CHUNK_FRAME = 12 /* length, type, checksum */
};

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

/* Each row: a byte for the filter, then every byte less the one of the pixel before. */
static void filter_rows(const uint8_t *rgba, unsigned width, unsigned height, uint8_t *out)
{
	for (unsigned y = 0; y < height; y++) {
		uint8_t r = 0, g = 0, b = 0;

		*out++ = FILTER_SUB;
		for (unsigned x = 0; x < width; x++, rgba += 4, out += 3) {
			out[0] = (uint8_t)(rgba[0] - r);
			out[1] = (uint8_t)(rgba[1] - g);
			out[2] = (uint8_t)(rgba[2] - b);
			r = rgba[0];
			g = rgba[1];
			b = rgba[2];
		}
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

int png_out_encode(const uint8_t *rgba, unsigned width, unsigned height, enum png_effort effort,
		   uint8_t **out, uint64_t *len)
{
	size_t raw_len = ((size_t)width * 3 + 1) * height, packed;
	struct libdeflate_compressor *c =
		libdeflate_alloc_compressor(effort == PNG_SMALL ? LEVEL_SMALL : LEVEL_FAST);
	uint8_t *raw = malloc(raw_len), *png = NULL, *at;
	size_t bound = c ? libdeflate_zlib_compress_bound(c, raw_len) : 0;
	int err = -ENOMEM;

	if (c && raw)
		png = malloc(bound + 128);
	if (!png)
		goto done;
	filter_rows(rgba, width, height, raw);
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
	free(raw);
	if (c)
		libdeflate_free_compressor(c);
	return err;
}

int png_out_write(const char *path, const uint8_t *rgba, unsigned width, unsigned height,
		  enum png_effort effort, char why[static 256])
{
	uint8_t *png;
	uint64_t len;
	int err = png_out_encode(rgba, width, height, effort, &png, &len);

	if (err) {
		snprintf(why, 256, "%.200s: encoding: %s", path, dt_strerror(err));
		return err;
	}
	err = file_out_write(path, png, len, why);
	free(png);
	return err;
}
