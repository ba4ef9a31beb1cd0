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

struct names {
	struct store_view *view;
	const struct geo *geo;
};

static char *name_of(void *ctx, uint32_t asn, char out[static GEO_ORG_MAX])
{
	const struct names *n = ctx;

	store_view_org(n->view, asn, out);
	return *out || !n->geo ? out : geo_org(n->geo, asn, out);
}

/* NAME.html -> NAME.data.js; "" where the page goes nowhere that has a beside. */
static void sidecar_path(const char *path, char out[static PATH_MAX])
{
	size_t len = strlen(path);

	*out = 0;
	if (len > 5 && !strcmp(path + len - 5, ".html"))
		snprintf(out, PATH_MAX, "%.*s.data.js", (int)(len - 5), path);
}

/* What the page wants beside the scene: parallel to its nodes. */
struct beside {
	uint32_t *prefix;
	uint64_t *history;
	uint32_t *of_ordinal; /* place in the scene, NOBODY; only while it is made */
	uint32_t ordinals;
};

enum { NOBODY = UINT32_MAX };

static void beside_free(struct beside *b)
{
	free(b->prefix);
	free(b->history);
	free(b->of_ordinal);
}

static int note_ordinal(struct beside *b, uint32_t ordinal, uint32_t at)
{
	if (ordinal >= b->ordinals) {
		uint64_t room = (uint64_t)ordinal + ordinal / 2 + 1024;
		uint32_t *grown = realloc(b->of_ordinal, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + b->ordinals, 0xff, (room - b->ordinals) * sizeof(*grown));
		b->of_ordinal = grown;
		b->ordinals = (uint32_t)room;
	}
	b->of_ordinal[ordinal] = at;
	return 0;
}

/* The view walked again, in the order in which it filled the scene. */
static int read_nodes(struct store_view *v, uint32_t count, struct beside *b)
{
	struct store_node n;
	uint32_t i = 0;
	int rc = 0;

	b->prefix = malloc(((size_t)count + 1) * sizeof(*b->prefix));
	b->history = calloc((size_t)count + 1, sizeof(*b->history));
	if (!b->prefix || !b->history)
		return -ENOMEM;
	store_view_rewind(v);
	for (; rc == 0 && i < count && (rc = store_view_next(v, &n)) == 1; i++) {
		b->prefix[i] = endpoint_is4(&n.ep) ? endpoint_get_ip4(&n.ep) >> 12 : LIVE_NO_PREFIX;
		rc = note_ordinal(b, n.ordinal, i);
	}
	return rc < 0 ? rc : i == count ? 0 : DT_ECORRUPT;
}

static void mark(struct beside *b, const struct store_log_block *block, double first_s,
		 double step_s)
{
	for (uint32_t i = 0; i < block->count; i++) {
		double step = ((double)(block->bucket_s + block->after_s[i]) - first_s) / step_s;
		uint32_t ordinal = block->ordinal[i];

		if (step < 0 || ordinal >= b->ordinals || b->of_ordinal[ordinal] == NOBODY)
			continue;
		b->history[b->of_ordinal[ordinal]] |=
			1ull << (step < LIVE_STEPS ? (unsigned)step : LIVE_STEPS - 1);
	}
}

/* In which steps each node was seen. 1, or 0 where the log holds nothing of the time. */
static int read_log(struct store_view *v, uint64_t last_s, double cutoff_s, struct beside *b)
{
	double first_s = (double)last_s - cutoff_s;
	const struct store_log_opts opts = {
		.from_s = first_s > 3600 ? (uint64_t)first_s - 3600 : 0, /* the bucket it lies in */
		.columns = STORE_LOG_AFTER,
	};
	struct store_log_block block;
	struct store_log *log;
	bool any = false;
	int rc = store_log_open(v, &opts, &log);

	if (rc < 0)
		return rc;
	while ((rc = store_log_next(log, &block)) == 1) {
		mark(b, &block, first_s, cutoff_s / LIVE_STEPS);
		any = true;
	}
	store_log_close(log);
	return rc < 0 ? rc : any;
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
	struct beside b = { 0 };
	struct scene *s;
	const struct scene_want want = { .space = SCENE_EARTH, .geo = o->geo };
	struct names names = { v, o->geo };
	int logged = 0, err = scene_view_read(v, &want, &s, why);

	if (err)
		return err;
	err = read_nodes(v, s->node_count, &b);
	if (!err)
		logged = read_log(v, s->last_s, o->cutoff_s, &b);
	if (logged < 0)
		err = logged;
	if (!err)
		err = live_page(&(struct live_scene){ .earth = s,
						      .prefix = b.prefix,
						      .history = logged ? b.history : NULL },
				o, name_of, &names, out, stats);
	beside_free(&b);
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
