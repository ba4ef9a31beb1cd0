/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "viz/film_out.h"

/**
 * DOC: animated PNG, by nobody's help. After the first frame only the box that
 * changed is written, and in it what did not change is transparent: long runs of
 * noughts, which deflate to nothing. Frames for it should keep their noise still.
 *
 * Source:  "APNG Specification", wiki.mozilla.org/APNG_Specification; PNG third edition.
 */

enum { LEVEL = 6, RUN_MIN = 3 };

struct apng_out {
	struct film_out base;
	char *tmp;
	FILE *file;
	uint32_t sequence;
	uint8_t *last, *raw, *packed; /* the frame before; filtered rows; deflated */
	size_t packed_room;
	struct libdeflate_compressor *deflate;
};

static void put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* @head comes before @data within the chunk. */
static int chunk(struct apng_out *a, const char type[static 5], const uint8_t *head,
		 size_t head_len, const uint8_t *data, size_t len)
{
	uint8_t begin[8], end[4];
	uint32_t crc;

	put32(begin, (uint32_t)(head_len + len));
	memcpy(begin + 4, type, 4);
	crc = libdeflate_crc32(0, begin + 4, 4);
	crc = head_len ? libdeflate_crc32(crc, head, head_len) : crc;
	crc = len ? libdeflate_crc32(crc, data, len) : crc;
	put32(end, crc);
	fwrite(begin, 1, 8, a->file);
	if (head_len)
		fwrite(head, 1, head_len, a->file);
	if (len)
		fwrite(data, 1, len, a->file);
	fwrite(end, 1, 4, a->file);
	return ferror(a->file) ? -EIO : 0;
}

struct area {
	unsigned x0, y0, x1, y1;
};

static uint32_t pixel(const uint8_t *rgba, size_t at)
{
	uint32_t v;

	memcpy(&v, rgba + 4 * at, 4);
	return v;
}

/* The box around what changed; a single pixel where nothing did. */
static struct area changed(const struct apng_out *a, const uint8_t *rgba)
{
	unsigned w = a->base.opts.width, h = a->base.opts.height;
	struct area box = { w, h, 0, 0 };

	for (unsigned y = 0; y < h; y++)
		for (unsigned x = 0; x < w; x++) {
			if (pixel(rgba, (size_t)y * w + x) == pixel(a->last, (size_t)y * w + x))
				continue;
			box.x0 = x < box.x0 ? x : box.x0;
			box.x1 = x + 1 > box.x1 ? x + 1 : box.x1;
			box.y0 = y < box.y0 ? y : box.y0;
			box.y1 = y + 1;
		}
	return box.x1 ? box : (struct area){ 0, 0, 1, 1 };
}

/* Rows of the box: the first frame by differences, later ones as they are, or as nothing. */
static size_t filter(const struct apng_out *a, const uint8_t *rgba, struct area box, bool whole)
{
	unsigned w = a->base.opts.width;
	uint8_t *out = a->raw;

	for (unsigned y = box.y0; y < box.y1; y++) {
		uint8_t before[4] = { 0 };

		*out++ = whole ? 1 : 0;
		for (unsigned x = box.x0; x < box.x1; x++, out += 4) {
			size_t at = (size_t)y * w + x;
			const uint8_t now[4] = { rgba[4 * at], rgba[4 * at + 1], rgba[4 * at + 2],
						 255 };

			if (whole)
				for (unsigned i = 0; i < 4; i++)
					out[i] = (uint8_t)(now[i] - before[i]);
			else if (pixel(rgba, at) == pixel(a->last, at))
				memset(out, 0, 4);
			else
				memcpy(out, now, 4);
			memcpy(before, now, 4);
		}
	}
	return (size_t)(out - a->raw);
}

static int put_control(struct apng_out *a, struct area box, bool last)
{
	const struct film_out_opts *o = &a->base.opts;
	uint32_t shown = last ? o->hold + 1 : 1;
	bool even = floor(o->fps) == o->fps;
	uint32_t over = even ? (uint32_t)o->fps : 1000;
	uint32_t delay = even ? shown : (uint32_t)(shown * 1000.0 / o->fps + 0.5);
	uint8_t c[26];

	put32(c, a->sequence++);
	put32(c + 4, box.x1 - box.x0);
	put32(c + 8, box.y1 - box.y0);
	put32(c + 12, box.x0);
	put32(c + 16, box.y0);
	put16(c + 20, delay < 65535 ? delay : 65535);
	put16(c + 22, over);
	c[24] = 0; /* left as it is */
	c[25] = 1; /* over what was there */
	return chunk(a, "fcTL", c, sizeof(c), NULL, 0);
}

static int apng_put(struct film_out *o, uint32_t f, const uint8_t *rgba, char why[static 256])
{
	struct apng_out *a = (struct apng_out *)o;
	uint32_t end = o->opts.first + o->opts.frames - o->opts.hold;
	bool whole = f == o->opts.first;
	struct area box = { 0, 0, o->opts.width, o->opts.height };
	size_t packed;
	uint8_t number[4];
	int err;

	if (f >= end)
		return 0; /* the last frame is held by its delay */
	box = whole ? box : changed(a, rgba);
	packed = libdeflate_zlib_compress(a->deflate, a->raw, filter(a, rgba, box, whole),
					  a->packed, a->packed_room);
	err = put_control(a, box, f + 1 == end);
	if (!err && whole) {
		err = chunk(a, "IDAT", NULL, 0, a->packed, packed);
	} else if (!err) {
		put32(number, a->sequence++);
		err = chunk(a, "fdAT", number, 4, a->packed, packed);
	}
	if (err)
		snprintf(why, 256, "%.200s: %s", a->tmp, dt_strerror(err));
	memcpy(a->last, rgba, (size_t)o->opts.width * o->opts.height * 4);
	return err;
}

static int apng_close(struct film_out *o, bool keep, char sha[static 65], char why[static 256])
{
	struct apng_out *a = (struct apng_out *)o;
	int err = keep ? chunk(a, "IEND", NULL, 0, NULL, 0) : 0;

	sha[0] = '\0';
	if (a->file && fclose(a->file) && !err)
		err = -errno;
	if (keep && !err)
		err = film_out_sha(a->tmp, sha);
	if (keep && !err && rename(a->tmp, o->opts.path))
		err = -errno;
	if (err)
		snprintf(why, 256, "%.200s: %s", o->opts.path, dt_strerror(err));
	if ((!keep || err) && a->tmp)
		unlink(a->tmp);
	if (a->deflate)
		libdeflate_free_compressor(a->deflate);
	free(a->last);
	free(a->raw);
	free(a->packed);
	free(a->tmp);
	free(a);
	return err;
}

static int put_head(struct apng_out *a)
{
	static const uint8_t magic[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	const struct film_out_opts *o = &a->base.opts;
	uint8_t head[13] = { 0 }, frames[8] = { 0 }, perceptual = 0;
	int err;

	put32(head, o->width);
	put32(head + 4, o->height);
	head[8] = 8; /* bits */
	head[9] = 6; /* red, green, blue, alpha */
	put32(frames, o->frames - o->hold);
	fwrite(magic, 1, 8, a->file);
	err = chunk(a, "IHDR", head, sizeof(head), NULL, 0);
	if (!err)
		err = chunk(a, "sRGB", &perceptual, 1, NULL, 0);
	return err ? err : chunk(a, "acTL", frames, sizeof(frames), NULL, 0);
}

int film_out_apng_open(const struct film_out_opts *opts, struct film_out **out,
		       char why[static 256])
{
	static const struct film_out_ops ops = { apng_put, apng_close };
	size_t pixels = (size_t)opts->width * opts->height, raw = pixels * 4 + opts->height;
	struct apng_out *a = calloc(1, sizeof(*a));
	char sha[65];
	int err = -ENOMEM;

	if (!a)
		return -ENOMEM;
	a->base = (struct film_out){ .ops = &ops, .opts = *opts, .ordered = true };
	a->deflate = libdeflate_alloc_compressor(LEVEL);
	a->packed_room = a->deflate ? libdeflate_zlib_compress_bound(a->deflate, raw) : 0;
	a->last = malloc(pixels * 4);
	a->raw = malloc(raw);
	a->packed = malloc(a->packed_room + 1);
	if (asprintf(&a->tmp, "%s.tmp", opts->path) < 0)
		a->tmp = NULL;
	if (a->deflate && a->last && a->raw && a->packed && a->tmp) {
		a->file = fopen(a->tmp, "we");
		err = a->file ? put_head(a) : -errno;
	}
	if (err) {
		snprintf(why, 256, "%.200s: %s", opts->path, dt_strerror(err));
		apng_close(&a->base, false, sha, why);
		return err;
	}
	*out = &a->base;
	return 0;
}
