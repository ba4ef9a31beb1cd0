/* SPDX-License-Identifier: MIT */
#include "engine/cli/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, EVENT_MAX = 1 << 18 /* a census with its report */ };

/* JOURNAL_STREAM is "device:inode" of the socket that systemd made our standard error. */
static bool is_journal(void)
{
	const char *said = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return said && sscanf(said, "%llu:%llu", &dev, &ino) == 2 && !fstat(STDERR_FILENO, &st) &&
	       st.st_dev == dev && st.st_ino == ino;
}

enum log_format log_format(void)
{
	const char *said = getenv(LOG_ENV);

	if (said && !strcmp(said, "json"))
		return LOG_JSON;
	if (said && !strcmp(said, "journal"))
		return LOG_JOURNAL;
	return !said && is_journal() ? LOG_JOURNAL : LOG_TEXT;
}

int log_format_set(const char *name)
{
	if (strcmp(name, "text") != 0 && strcmp(name, "json") != 0 && strcmp(name, "journal") != 0)
		return DT_EMALF;
	return setenv(LOG_ENV, name, 1) ? DT_EMALF : 0;
}

static void begin(struct json *j, char *buf, size_t cap, enum log_level level)
{
	struct timespec t;
	struct tm tm;
	char when[40];
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + n, sizeof(when) - n, ".%03uZ", (unsigned)(t.tv_nsec / 1000000));
	json_init(j, buf, cap, false);
	json_object_begin(j);
	json_kv_cstring(j, "time", when);
	json_kv_cstring(j, "level", level == LOG_ERROR ? "error" : "info");
}

static void one_line(enum log_format format, enum log_level level, const char *line)
{
	char buf[2 * LINE_MAX_BYTES];
	struct json j;

	if (format == LOG_JSON) {
		begin(&j, buf, sizeof(buf), level);
		json_kv_cstring(&j, "message", line);
		json_object_end(&j);
		if (json_finish(&j) > 0)
			fprintf(stderr, "%s\n", buf);
	} else if (format == LOG_JOURNAL) {
		fprintf(stderr, "<%u>%s\n", (unsigned)level, line);
	} else {
		fprintf(stderr, "%s%s\n", level == LOG_ERROR ? "dht-telescope: " : "", line);
	}
}

void log_say(enum log_level level, const char *fmt, va_list ap)
{
	enum log_format format = log_format();
	char text[LINE_MAX_BYTES], *rest = text, *line;

	vsnprintf(text, sizeof(text), fmt, ap);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (format == LOG_TEXT || *line)
			one_line(format, level, line);
}

void log_event(const char *event, void (*fill)(struct json *j, const void *ctx), const void *ctx)
{
	char *buf = malloc(EVENT_MAX);
	struct json j;

	if (!buf)
		return;
	begin(&j, buf, EVENT_MAX, LOG_INFO);
	json_kv_cstring(&j, "event", event);
	fill(&j, ctx);
	json_object_end(&j);
	if (json_finish(&j) > 0)
		fprintf(stderr, "%s\n", buf);
	free(buf);
}
