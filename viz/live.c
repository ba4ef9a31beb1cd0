/* SPDX-License-Identifier: MIT */
#include "viz/live.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/data/embed.h"
#include "viz/file_out.h"
#include "viz/live_impl.h"
#include "viz/scene_view.h"

/* JSON inside HTML: what could end the script element or begin a comment leaves as \u00XX. */
static void put_escaped(struct live_bytes *out, const char *json)
{
	for (; *json; json++) {
		char esc[12];

		if (!strchr("<>&'", *json)) {
			live_put(out, (uint8_t)*json);
			continue;
		}
		snprintf(esc, sizeof(esc), "\\u%04x", (unsigned)(unsigned char)*json);
		live_put_text(out, esc, strlen(esc));
	}
}

/* The page with @META@, @LAND@, @DATA@ and @PROGRAM@ filled in, in this order. */
static int fill_template(const struct live_pack *p, struct live_bytes *out)
{
	static const char *const marks[] = { "@META@", "@LAND@", "@DATA@", "@PROGRAM@" };
	const char *at = (const char *)embed_live, *end = at + embed_live_bytes;

	for (unsigned i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		const char *mark = memmem(at, (size_t)(end - at), marks[i], strlen(marks[i]));

		if (!mark)
			return DT_ECORRUPT;
		live_put_text(out, at, (size_t)(mark - at));
		at = mark + strlen(marks[i]);
		if (i == 0)
			put_escaped(out, p->meta);
		else if (i == 3)
			live_put_text(out, (const char *)embed_live_js, embed_live_js_bytes);
		else
			live_put_text(out, i == 1 ? p->land : p->data,
				      strlen(i == 1 ? p->land : p->data));
	}
	live_put_text(out, at, (size_t)(end - at));
	live_put(out, '\0');
	return out->failed ? -ENOMEM : 0;
}

static int fill_sidecar(const struct live_pack *p, struct live_bytes *out)
{
	static const char call[] = "dhtTelescope(", between[] = ",\"", end[] = "\");\n";

	live_put_text(out, call, sizeof(call) - 1);
	put_escaped(out, p->meta);
	live_put_text(out, between, sizeof(between) - 1);
	live_put_text(out, p->data, strlen(p->data));
	live_put_text(out, end, sizeof(end) - 1);
	live_put(out, '\0');
	return out->failed ? -ENOMEM : 0;
}

int live_page(const struct live_scene *s, const struct live_opts *o, live_name *name, void *ctx,
	      struct live_files *out, struct live_stats *stats)
{
	struct live_bytes html = { 0 }, sidecar = { 0 };
	struct live_pack p;
	int err = live_pack(s, o, name, ctx, &p, stats);

	if (!err)
		err = fill_template(&p, &html);
	if (!err)
		err = fill_sidecar(&p, &sidecar);
	live_pack_fini(&p);
	if (err) {
		free(html.at);
		free(sidecar.at);
		return err;
	}
	*out = (struct live_files){ .html = (char *)html.at,
				    .html_len = html.len - 1,
				    .sidecar = (char *)sidecar.at,
				    .sidecar_len = sidecar.len - 1 };
	stats->bytes = out->html_len;
	return 0;
}

void live_files_fini(struct live_files *f)
{
	free(f->html);
	free(f->sidecar);
	*f = (struct live_files){ 0 };
}

/* ---- of a store ---------------------------------------------------------------------- */

static char *name_in_store(void *ctx, uint32_t asn, char out[static GEO_ORG_MAX])
{
	return store_view_org(ctx, asn, out);
}

/* NAME.html -> NAME.data.js; "" where the page goes nowhere that has a beside. */
static void sidecar_path(const char *path, char out[static PATH_MAX])
{
	size_t len = strlen(path);

	*out = 0;
	if (len > 5 && !strcmp(path + len - 5, ".html"))
		snprintf(out, PATH_MAX, "%.*s.data.js", (int)(len - 5), path);
}

/* The /20 of every node of the scene, in the same order. */
static int read_prefixes(struct store_view *v, const struct scene *earth, uint32_t **out,
			 char why[static 256])
{
	struct scene *square;
	uint32_t *prefix;
	int err = scene_view_read(v, SCENE_IPV4, &square, why);

	if (err)
		return err;
	prefix = malloc(((size_t)earth->node_count + 1) * sizeof(*prefix));
	if (!prefix || square->node_count != earth->node_count) {
		err = prefix ? DT_ECORRUPT : -ENOMEM;
		free(prefix);
		scene_free(square);
		return err;
	}
	for (uint32_t i = 0; i < square->node_count; i++)
		prefix[i] = square->nodes[i].place == SCENE_NOWHERE ? LIVE_NO_PREFIX
								    : square->nodes[i].seed >> 12;
	scene_free(square);
	*out = prefix;
	return 0;
}

static int write_files(const struct live_files *f, const char *path, const char *sidecar,
		       char why[static 256])
{
	int err = *sidecar ? file_out_write(sidecar, f->sidecar, f->sidecar_len, why) : 0;

	return err ? err : file_out_write(path, f->html, f->html_len, why);
}

int live_of_view(struct store_view *v, const struct live_opts *o, struct live_files *out,
		 struct live_stats *stats, char why[static 256])
{
	uint32_t *prefix = NULL;
	struct scene *s;
	int err = scene_view_read(v, SCENE_EARTH, &s, why);

	if (err)
		return err;
	err = read_prefixes(v, s, &prefix, why);
	if (err) {
		scene_free(s);
		return err;
	}
	err = live_page(&(struct live_scene){ .earth = s, .prefix = prefix }, o, name_in_store, v,
			out, stats);
	free(prefix);
	scene_free(s);
	if (err == DT_ENOTFOUND)
		/* the seed's words */
		snprintf(why, 256,
			 "No points within cutoff; build/refresh geo cache or widen cutoff.");
	else if (err)
		snprintf(why, 256, "the page: %s", dt_strerror(err));
	return err;
}

int live_write(struct store_view *v, const struct live_opts *opts, const char *path,
	       struct live_stats *stats, char why[static 256])
{
	char sidecar[PATH_MAX];
	struct live_opts o = *opts;
	struct live_files files;
	int err;

	sidecar_path(path, sidecar);
	o.sidecar = strrchr(sidecar, '/') ? strrchr(sidecar, '/') + 1 : sidecar;
	err = live_of_view(v, &o, &files, stats, why);
	if (err)
		return err;
	err = write_files(&files, path, sidecar, why);
	live_files_fini(&files);
	return err;
}
