/* SPDX-License-Identifier: MIT */
#include "viz/film_out.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "viz/png_out.h"

static const struct {
	const char *name, *ending; /* NULL: a folder, or said by name alone */
} formats[FILM_FORMATS] = {
	[FILM_PNG] = { "png", NULL },      [FILM_APNG] = { "apng", ".apng" },
	[FILM_MP4] = { "mp4", ".mp4" },    [FILM_WEBM] = { "webm", ".webm" },
	[FILM_AV1] = { "av1", ".av1" },    [FILM_GIF] = { "gif", ".gif" },
	[FILM_WEBP] = { "webp", ".webp" }, [FILM_FFV1] = { "ffv1", ".mkv" },
};

const char *film_format_name(enum film_format f)
{
	return formats[f].name;
}

int film_format_parse(const char *name, const char *path, enum film_format *out)
{
	size_t len = strlen(path);

	for (unsigned i = 0; i < FILM_FORMATS; i++) {
		const char *end = formats[i].ending;
		size_t n = end ? strlen(end) : 0;

		if (name ? strcmp(name, formats[i].name) == 0
			 : end && len > n && strcasecmp(path + len - n, end) == 0) {
			*out = (enum film_format)i;
			return 0;
		}
	}
	*out = FILM_PNG;
	/* a name with an ending that is nobody's was meant otherwise */
	return name || (len > 4 && path[len - 4] == '.') ? DT_ENOTFOUND : 0;
}

int film_out_open(const struct film_out_opts *opts, struct film_out **out, char why[static 256])
{
	if (opts->format == FILM_PNG)
		return film_out_png_open(opts, out, why);
	if (opts->format == FILM_APNG)
		return film_out_apng_open(opts, out, why);
	return film_out_ffmpeg_open(opts, out, why);
}

int film_out_sha(const char *path, char sha[static 65])
{
	enum { BLOCK = 1 << 20 };
	unsigned char sum[crypto_hash_sha256_BYTES], *block = malloc(BLOCK);
	crypto_hash_sha256_state state;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n = 0;

	if (fd < 0 || !block)
		err = fd < 0 ? -errno : -ENOMEM;
	crypto_hash_sha256_init(&state);
	while (!err && (n = read(fd, block, BLOCK)) > 0)
		crypto_hash_sha256_update(&state, block, (size_t)n);
	if (n < 0)
		err = -errno;
	crypto_hash_sha256_final(&state, sum);
	sodium_bin2hex(sha, 65, sum, sizeof(sum));
	if (fd >= 0)
		close(fd);
	free(block);
	return err;
}

/* ---- a folder of PNG files ---------------------------------------------------------- */

static int png_put(struct film_out *o, uint32_t f, const uint8_t *rgba, char why[static 256])
{
	char path[4096];

	if (f >= o->opts.first + o->opts.frames - o->opts.hold)
		return 0; /* what is held is in the folder once */
	if (snprintf(path, sizeof(path), "%s/frame-%06u.png", o->opts.path, f) >=
	    (int)sizeof(path)) {
		snprintf(why, 256, "%.200s: the name is too long", o->opts.path);
		return -ENAMETOOLONG;
	}
	return png_out_write(path, rgba, o->opts.width, o->opts.height, why);
}

static int png_close(struct film_out *o, bool keep, char sha[static 65], char why[static 256])
{
	(void)keep; /* each file is whole */
	(void)why;
	sha[0] = '\0';
	free(o);
	return 0;
}

int film_out_png_open(const struct film_out_opts *opts, struct film_out **out, char why[static 256])
{
	static const struct film_out_ops ops = { png_put, png_close };
	struct film_out *o;

	if (mkdir(opts->path, 0777) && errno != EEXIST) {
		int err = -errno;

		snprintf(why, 256, "%.200s: %s", opts->path, dt_strerror(err));
		return err;
	}
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->ops = &ops;
	o->opts = *opts;
	*out = o;
	return 0;
}
