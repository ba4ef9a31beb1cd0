/* SPDX-License-Identifier: MIT */
#ifndef VIZ_FILM_OUT_H
#define VIZ_FILM_OUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: where a film's frames go. A folder of PNG files and an animated PNG are
 * written here; all else by the program ffmpeg at the end of a pipe. Whatever
 * happens, nothing half-written ever stands under the name that was asked for.
 */

enum film_format {
	FILM_PNG,  /* a folder of frame-000000.png ... */
	FILM_APNG, /* one animated PNG */
	FILM_MP4,  /* H.264 */
	FILM_WEBM, /* VP9 */
	FILM_AV1,  /* 10 bit: the best gradients in the least space */
	FILM_GIF,
	FILM_WEBP,
	FILM_FFV1, /* lossless, a master */
	FILM_FORMATS
};

/** film_format_parse() - by name, or by the ending of @path where @name is NULL. Errors:
 * DT_ENOTFOUND.
 */
int film_format_parse(const char *name, const char *path, enum film_format *out) DT_MUST;
const char *film_format_name(enum film_format f);

struct film_out_opts {
	const char *path;
	enum film_format format;
	unsigned width, height; /* of frames as they come */
	double fps;
	uint32_t first;          /* number of the first frame */
	uint32_t frames;         /* how many will come, what is held included */
	uint32_t hold;           /* of which the last ones are all the same */
	bool high;               /* better and slower */
	const char *ffmpeg;      /* the program; NULL = ffmpeg on the PATH */
	const atomic_bool *stop; /* NULL, or set from outside: a frame is not waited for any more */
};

struct film_out {
	const struct film_out_ops *ops;
	struct film_out_opts opts;
	bool ordered;    /* frames must come in order, one at a time */
	char sha256[65]; /* of the file, once it is finished; "" for a folder */
};

struct film_out_ops {
	/** put() - frame number @f. Threads: any, unless @ordered. */
	int (*put)(struct film_out *o, uint32_t f, const uint8_t *rgba, char why[static 256]);
	/**
	 * close() - @keep: all frames came: what was written takes its name. Else it goes.
	 * Frees @o in either case, after which @sha256 lies in @sha.
	 */
	int (*close)(struct film_out *o, bool keep, char sha[static 65], char why[static 256]);
};

/**
 * film_out_open() - Errors: -errno; DT_ENOTFOUND: no ffmpeg; @why says what to do.
 */
int film_out_open(const struct film_out_opts *opts, struct film_out **out,
		  char why[static 256]) DT_MUST;

/** film_out_smaller() - gif and webp are 960 pixels wide and at most 10 s long. */
static inline bool film_out_small(enum film_format f)
{
	return f == FILM_GIF || f == FILM_WEBP;
}

enum { FILM_SMALL_WIDTH = 960, FILM_SMALL_S = 10 };

/* of the formats */
int film_out_png_open(const struct film_out_opts *opts, struct film_out **out,
		      char why[static 256]) DT_MUST;
int film_out_apng_open(const struct film_out_opts *opts, struct film_out **out,
		       char why[static 256]) DT_MUST;
int film_out_ffmpeg_open(const struct film_out_opts *opts, struct film_out **out,
			 char why[static 256]) DT_MUST;

/** film_out_sha() - of a file. Errors: -errno. */
int film_out_sha(const char *path, char sha[static 65]) DT_MUST;

#endif
