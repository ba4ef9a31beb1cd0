/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "viz/film_out.h"

/**
 * DOC: films by the program ffmpeg, which is started and fed raw frames. Video is
 * converted by the matrix of BT.709 and says so: ffmpeg would by itself take that
 * of BT.601 and say nothing, and players assume 709.
 *
 * The child is in a process group of its own, so that Ctrl-C reaches us alone and
 * it is we who end it. If we are killed, it comes to the end of its input and
 * finishes FILE.tmp: nothing of the wanted name appears.
 */

extern char **environ;

enum { ARGS_MAX = 64, PIPE_BYTES = 1 << 20, TALK_MAX = 4096, STOP_MS = 100 };

#define BT709                                                                                      \
	"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "iec61966-2-1",         \
		"-color_range", "tv"

static const struct recipe {
	const char *muxer;
	const char *args[32], *high[16]; /* what a better and slower one has instead */
} recipes[FILM_FORMATS] = {
	[FILM_MP4] = { "mp4",
		       { "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v",
			 "libx264", "-crf", "18", BT709, "-movflags", "+faststart", "-preset",
			 "veryfast" },
		       { "-preset", "medium" } },
	[FILM_WEBM] = { "webm",
			{ "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v",
			  "libvpx-vp9", "-crf", "24", "-b:v", "0", "-row-mt", "1", BT709,
			  "-deadline", "realtime", "-cpu-used", "7" },
			{ "-deadline", "good", "-cpu-used", "3" } },
	[FILM_AV1] = { "mp4",
		       { "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le",
			 "-c:v", "libsvtav1", "-crf", "30", BT709, "-movflags", "+faststart",
			 "-preset", "8" },
		       { "-preset", "5" } },
	[FILM_GIF] = { "gif",
		       { "-filter_complex",
			 "fps=15,scale=960:-2:flags=area,split[a][b];[a]palettegen=stats_mode=diff["
			 "p];"
			 "[b][p]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle",
			 "-loop", "0" },
		       { NULL } },
	[FILM_WEBP] = { "webp",
			{ "-vf", "fps=20,scale=960:-2:flags=area", "-c:v", "libwebp_anim", "-q:v",
			  "75", "-loop", "0" },
			{ "-q:v", "90" } },
	[FILM_FFV1] = { "matroska",
			{ "-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "16", "-slicecrc",
			  "1", "-pix_fmt", "bgr0" },
			{ NULL } },
};

struct pipe_out {
	struct film_out base;
	char *tmp;
	pid_t child;
	int pipe, talk; /* to its standard input; from its standard error, a memory file */
};

/* The last line that it said. */
static void last_words(const struct pipe_out *p, char out[static 160])
{
	char talk[TALK_MAX + 1];
	off_t size = lseek(p->talk, 0, SEEK_END);
	ssize_t n = pread(p->talk, talk, TALK_MAX, size > TALK_MAX ? size - TALK_MAX : 0);
	char *line;

	out[0] = '\0';
	if (n <= 0)
		return;
	while (n > 0 && (talk[n - 1] == '\n' || talk[n - 1] == '\r' || talk[n - 1] == ' '))
		n--;
	talk[n] = '\0';
	line = strrchr(talk, '\n');
	snprintf(out, 160, "%.159s", line ? line + 1 : talk);
}

static bool stopped(const struct pipe_out *p)
{
	const atomic_bool *stop = p->base.opts.stop;

	return stop && atomic_load_explicit(stop, memory_order_relaxed); /* a hint, no order */
}

/* An encoder may take a frame slowly, or never: whoever stops the film does not wait for it. */
static int send_frame(struct pipe_out *p, const uint8_t *at, size_t len)
{
	struct pollfd room = { .fd = p->pipe, .events = POLLOUT };

	while (len > 0) {
		ssize_t n = write(p->pipe, at, len);

		if (n < 0 && errno == EAGAIN && !stopped(p))
			(void)poll(&room, 1, STOP_MS);
		else if (n < 0 && errno == EAGAIN)
			return DT_EREFUSED;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int ffmpeg_put(struct film_out *o, uint32_t f, const uint8_t *rgba, char why[static 256])
{
	struct pipe_out *p = (struct pipe_out *)o;
	int err = send_frame(p, rgba, (size_t)o->opts.width * o->opts.height * 4);
	char said[160];

	(void)f;
	if (err == DT_EREFUSED) {
		snprintf(why, 256, "stopped");
	} else if (err) {
		last_words(p, said);
		snprintf(why, 256, "ffmpeg ended early%s%s", *said ? ": " : "", said);
	}
	return err;
}

static int wait_for(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPIPE;
}

static int ffmpeg_close(struct film_out *o, bool keep, char sha[static 65], char why[static 256])
{
	struct pipe_out *p = (struct pipe_out *)o;
	char said[160];
	int err;

	sha[0] = '\0';
	if (!keep)
		kill(p->child, SIGKILL);
	close(p->pipe);
	err = wait_for(p->child);
	last_words(p, said);
	if (keep && err)
		snprintf(why, 256, "ffmpeg failed%s%s", *said ? ": " : "", said);
	if (keep && !err)
		err = film_out_sha(p->tmp, sha);
	if (keep && !err && rename(p->tmp, o->opts.path)) {
		err = -errno;
		snprintf(why, 256, "%.200s: %s", o->opts.path, dt_strerror(err));
	}
	if (!keep || err)
		unlink(p->tmp);
	close(p->talk);
	free(p->tmp);
	free(p);
	return keep ? err : 0;
}

struct args {
	const char *list[ARGS_MAX];
	unsigned count;
	char size[32], rate[32], gop[32];
};

static void add(struct args *a, const char *const *list)
{
	for (; *list && a->count + 1 < ARGS_MAX; list++)
		a->list[a->count++] = *list;
}

static void make_args(struct args *a, const struct film_out_opts *o, const char *tmp)
{
	const struct recipe *r = &recipes[o->format];
	size_t len = strlen(o->path);
	bool mkv = o->format == FILM_AV1 && len > 4 && strcasecmp(o->path + len - 4, ".mkv") == 0;

	snprintf(a->size, sizeof(a->size), "%ux%u", o->width, o->height);
	snprintf(a->rate, sizeof(a->rate), "%g", o->fps);
	a->count = 0;
	add(a, (const char *const[]){ o->ffmpeg, "-hide_banner", "-loglevel", "error", "-y", "-f",
				      "rawvideo", "-pix_fmt", "rgb0", "-s", a->size, "-r", a->rate,
				      "-i", "pipe:0", "-an", NULL });
	add(a, r->args);
	if (o->high)
		add(a, r->high); /* of an option said twice the last one holds */
	add(a, (const char *const[]){ "-f", mkv ? "matroska" : r->muxer, tmp, NULL });
	a->list[a->count] = NULL;
}

static int start(struct pipe_out *p, const struct args *a)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	(void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, p->talk, STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	/* argv of strings that are never written to */
	err = posix_spawnp(&p->child, a->list[0], &files, &attr, (char *const *)(uintptr_t)a->list,
			   environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	close(ends[0]);
	if (err) {
		close(ends[1]);
		return -err;
	}
	p->pipe = ends[1];
	return 0;
}

static int check(const struct film_out_opts *o, char why[static 256])
{
	if ((o->width | o->height) & 1 && o->format != FILM_FFV1 && !film_out_small(o->format)) {
		snprintf(why, 256, "%s of %u x %u: its colours need even sizes",
			 film_format_name(o->format), o->width, o->height);
		return DT_ERANGE;
	}
	return 0;
}

int film_out_ffmpeg_open(const struct film_out_opts *opts, struct film_out **out,
			 char why[static 256])
{
	static const struct film_out_ops ops = { ffmpeg_put, ffmpeg_close };
	struct pipe_out *p = calloc(1, sizeof(*p));
	struct args args;
	int err = p ? check(opts, why) : -ENOMEM;

	if (err)
		goto err;
	p->base = (struct film_out){ .ops = &ops, .opts = *opts, .ordered = true };
	p->base.opts.ffmpeg = opts->ffmpeg ? opts->ffmpeg : "ffmpeg";
	p->talk = memfd_create("ffmpeg", MFD_CLOEXEC);
	if (p->talk < 0 || asprintf(&p->tmp, "%s.tmp", opts->path) < 0) {
		err = -ENOMEM;
		goto err;
	}
	make_args(&args, &p->base.opts, p->tmp);
	err = start(p, &args);
	if (err) {
		snprintf(why, 256,
			 err == -ENOENT ? "%s films are made by the program %.64s, which is not "
					  "installed (apt-get install ffmpeg); --out FOLDER (PNG) "
					  "and --out FILE.apng need none"
					: "%s films: %.64s cannot be started",
			 film_format_name(opts->format), p->base.opts.ffmpeg);
		close(p->talk);
		free(p->tmp);
		err = err == -ENOENT ? DT_ENOTFOUND : err;
		goto err;
	}
	*out = &p->base;
	return 0;
err:
	free(p);
	return err;
}
