/* SPDX-License-Identifier: MIT */
#include "viz/captions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/text.h"

#define SHOWN_S 5.0 /* of film */
#define FADE_S  0.4

/* @n digits at @at as a number; -1 where they are none. */
static long digits(const char *at, size_t n)
{
	long v = 0;

	for (size_t i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		v = v * 10 + (at[i] - '0');
	}
	return v;
}

/* Days since 1970 of a civil date (Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_of(long y, long m, long d)
{
	long era, yoe, doy;

	y -= m <= 2;
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return (int64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int date_time(const char *t, size_t len, uint64_t *out)
{
	long y = digits(t, 4), mon = digits(t + 5, 2), d = digits(t + 8, 2), h = 0, min = 0, s = 0;

	if (t[4] != '-' || t[7] != '-' || y < 1970 || y > 2105 || mon < 1 || mon > 12 || d < 1 ||
	    d > 31)
		return DT_EMALF;
	if (len > 10 && t[len - 1] == 'Z')
		len--;
	if (len != 10 && len != 16 && len != 19)
		return DT_EMALF;
	if (len >= 16) {
		h = digits(t + 11, 2);
		min = digits(t + 14, 2);
		if ((t[10] != ' ' && t[10] != 'T') || t[13] != ':')
			return DT_EMALF;
	}
	if (len == 19) {
		s = digits(t + 17, 2);
		if (t[16] != ':')
			return DT_EMALF;
	}
	if (h < 0 || h > 23 || min < 0 || min > 59 || s < 0 || s > 60)
		return DT_EMALF;
	*out = (uint64_t)(days_of(y, mon, d) * 86400 + h * 3600 + min * 60 + s);
	return 0;
}

int captions_time(const char *text, size_t len, uint64_t *out)
{
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\r'))
		len--;
	if (len >= 10 && text[4] == '-')
		return date_time(text, len, out);
	if (len == 0 || len > 10 || digits(text, len) < 0)
		return DT_EMALF;
	*out = (uint64_t)digits(text, len);
	return *out <= UINT32_MAX ? 0 : DT_EMALF;
}

static int take_line(struct captions *c, const char *line, size_t len)
{
	const char *tab = memchr(line, '\t', len);
	struct caption *out, *grown;
	char raw[CAPTIONS_TEXT_MAX];
	size_t text;

	if (!tab)
		return DT_EMALF;
	if (c->count == CAPTIONS_MAX)
		return DT_EFULL;
	if ((c->count & (c->count - 1)) == 0) {
		grown = realloc(c->list, (c->count ? 2 * c->count : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->list = grown;
	}
	out = &c->list[c->count];
	if (captions_time(line, (size_t)(tab - line), &out->at_s))
		return DT_EMALF;
	text = len - (size_t)(tab + 1 - line);
	text = text < sizeof(raw) ? text : sizeof(raw) - 1;
	memcpy(raw, tab + 1, text);
	raw[text] = '\0';
	text_clean(raw, out->text, sizeof(out->text));
	out->order = c->count++;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct caption *p = a, *q = b;

	if (p->at_s != q->at_s)
		return p->at_s < q->at_s ? -1 : 1;
	return p->order < q->order ? -1 : p->order > q->order;
}

int captions_parse(const char *bytes, size_t len, struct captions *out, char why[static 256])
{
	unsigned number = 0;
	int err = 0;

	*out = (struct captions){ 0 };
	while (len > 0 && !err) {
		const char *end = memchr(bytes, '\n', len);
		size_t line = end ? (size_t)(end - bytes) : len;
		size_t text = line && bytes[line - 1] == '\r' ? line - 1 : line;

		number++;
		if (text > 0 && bytes[0] != '#')
			err = take_line(out, bytes, text);
		if (err)
			snprintf(why, 256, "line %u: %s", number,
				 err == DT_EMALF ? "TIME<TAB>TEXT is wanted, the time in Unix "
						   "seconds or as 2026-11-21 14:00"
						 : dt_strerror(err));
		len -= end ? line + 1 : line;
		bytes += end ? line + 1 : line;
	}
	if (err) {
		captions_close(out);
		return err;
	}
	if (out->count)
		qsort(out->list, out->count, sizeof(*out->list), by_time);
	return 0;
}

int captions_open(const char *path, struct captions *out, char why[static 256])
{
	char *bytes = malloc(CAPTIONS_FILE_MAX + 1), reason[256] = "";
	FILE *f = fopen(path, "re");
	size_t len;
	int err = 0;

	*out = (struct captions){ 0 };
	if (!f || !bytes)
		err = f ? -ENOMEM : -errno;
	if (!err) {
		len = fread(bytes, 1, CAPTIONS_FILE_MAX + 1, f);
		err = ferror(f) ? -EIO : len > CAPTIONS_FILE_MAX ? DT_EFULL : 0;
		if (!err)
			err = captions_parse(bytes, len, out, reason);
	}
	if (err == DT_EFULL && !*reason)
		snprintf(reason, sizeof(reason), "larger than %d MiB", CAPTIONS_FILE_MAX >> 20);
	if (err)
		snprintf(why, 256, "%.120s: %.120s", path, *reason ? reason : dt_strerror(err));
	if (f)
		fclose(f);
	free(bytes);
	return err;
}

void captions_close(struct captions *c)
{
	free(c->list);
	*c = (struct captions){ 0 };
}

const char *captions_at(const struct captions *c, int64_t at_s, double film_s, double *alpha)
{
	for (unsigned i = c->count; i-- > 0;) {
		double since = ((double)at_s - (double)c->list[i].at_s) * film_s, in, out;

		if (since < 0)
			continue;
		if (since > SHOWN_S)
			return NULL;
		in = since / FADE_S;
		out = (SHOWN_S - since) / FADE_S;
		*alpha = in < 1 ? in : out < 1 ? out : 1;
		*alpha = *alpha < 0.05 ? 0.05 : *alpha;
		return c->list[i].text;
	}
	return NULL;
}
