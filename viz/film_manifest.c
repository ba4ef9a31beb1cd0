/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "viz/film_impl.h"

enum { TEXT_ROOM = 64 * 1024 }; /* its longest parts are names of files and sources */

struct sheet_of_text {
	char *text;
	size_t len;
};

static void put(struct sheet_of_text *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct sheet_of_text *out, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(out->text + out->len, TEXT_ROOM - out->len, fmt, args);
	va_end(args);
	if (n > 0)
		out->len += (size_t)n < TEXT_ROOM - out->len ? (size_t)n : TEXT_ROOM - out->len - 1;
}

/* A JSON string of a text that may be anything. */
static void quoted(struct sheet_of_text *out, const char *text)
{
	put(out, "\"");
	for (const unsigned char *s = (const unsigned char *)(text ? text : ""); *s; s++) {
		if (*s == '"' || *s == '\\')
			put(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			put(out, "\\u%04x", *s);
		else
			put(out, "%c", *s);
	}
	put(out, "\"");
}

static void put_text(struct sheet_of_text *out, const char *key, const char *text)
{
	put(out, "  \"%s\": ", key);
	quoted(out, text);
	put(out, ",\n");
}

static void put_time(const struct film *f, struct sheet_of_text *out)
{
	const struct film_plan *p = &f->plan;

	put(out,
	    "  \"from_s\": %u,\n  \"to_s\": %lld,\n  \"step_s\": %u,\n  \"fps\": %g,\n"
	    "  \"frames\": %u,\n  \"hold_frames\": %u,\n",
	    p->from_s, (long long)film_plan_at(p, p->frames - 1), p->step_s, p->fps, p->frames,
	    p->hold);
	put(out,
	    "  \"half_life_s\": %.17g,\n  \"half_life_asked_s\": %.17g,\n  \"cutoff_s\": "
	    "%.17g,\n",
	    p->half_life_s, f->opts.render.half_life_s, p->cutoff_s);
}

static void put_views(const struct film *f, struct sheet_of_text *out)
{
	put(out, "  \"views\": [");
	for (unsigned i = 0; i < f->kind.view_count; i++)
		put(out, "%s{\"layout\": \"%s\", \"exposure\": %.9g}", i ? ", " : "",
		    layout_name(f->kind.views[i].kind), (double)f->view[i].tone.ref);
	put(out, "],\n");
}

char *film_manifest(const struct film *f, const struct film_wrote *w)
{
	static const char *const modes[] = { "glow", "breath", "cumulative" };
	const struct scene *s = f->view[0].scene;
	struct sheet_of_text sheet = { malloc(TEXT_ROOM), 0 }, *out = &sheet;

	if (!sheet.text)
		return NULL;
	put(out, "{\n  \"schema\": \"dht-telescope.film/1\",\n");
	put_text(out, "version", w->version);
	put_text(out, "file", w->file);
	put_text(out, "format", w->format);
	put(out, "  \"width\": %u,\n  \"height\": %u,\n", f->opts.render.width,
	    f->opts.render.height);
	put_time(f, out);
	put(out, "  \"first_frame\": %u,\n  \"written_frames\": %u,\n", w->first, w->frames);
	put_text(out, "layout", layout_name(f->kind.layout));
	put_text(out, "mode", modes[f->opts.render.mode]);
	put_text(out, "weights", f->sightings ? "sightings" : "span");
	if (f->sightings)
		put(out, "  \"hold_s\": %lld,\n", (long long)f->hold_s);
	put_text(out, "palette", palette_name(f->kind.palette));
	put_text(out, "color_by", group_kind_name(f->kind.group));
	put(out, "  \"exposure\": %.9g,\n", (double)f->view[0].tone.ref);
	put_views(f, out);
	put(out, "  \"nodes\": %u,\n  \"unlocated\": %llu,\n  \"country_level\": %llu,\n",
	    f->view[0].cast.count, (unsigned long long)s->unlocated,
	    (unsigned long long)s->country_level);
	put_text(out, "attribution", s->attribution);
	put_text(out, "map", "Natural Earth");
	put(out, "  \"synthetic\": %s,\n",
	    s->synthetic || f->opts.render.synthetic ? "true" : "false");
	put_text(out, "sha256", w->sha256);
	put(out, "  \"seconds\": %.3f\n}\n", w->seconds);
	return sheet.text;
}
