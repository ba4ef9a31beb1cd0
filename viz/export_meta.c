/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "viz/export_run.h"

/** DOC: metadata.json: what an export is, so that nobody has to ask who made it. */

enum { META_MAX_BYTES = 1 << 17, ATTRIBUTION_MAX = 1024 };

static const char *type_name(const struct export_column *c, char out[static 16])
{
	static const char *const names[] = {
		[EXPORT_TEXT] = "text", [EXPORT_U8] = "u8",   [EXPORT_U16] = "u16",
		[EXPORT_U32] = "u32",   [EXPORT_U64] = "u64", [EXPORT_F32] = "f32"
	};

	if (c->type != EXPORT_BYTES && c->type != EXPORT_CHARS)
		return names[c->type];
	snprintf(out, 16, "%s[%u]", c->type == EXPORT_BYTES ? "bytes" : "chars", c->size);
	return out;
}

static void put_columns(struct json *j, const struct export_table *t)
{
	char type[16];

	if (!t)
		return;
	json_key(j, "columns");
	json_array_begin(j);
	for (unsigned i = 0; i < t->count; i++) {
		json_object_begin(j);
		json_kv_cstring(j, "name", t->columns[i].name);
		json_kv_cstring(j, "type", type_name(&t->columns[i], type));
		json_kv_cstring(j, "what", t->columns[i].what);
		json_object_end(j);
	}
	json_array_end(j);
}

/* Beside pseudonyms a true prefix would undo some of what they hide. */
static void put_prefix(struct json *j, const struct export_opts *o)
{
	char text[ENDPOINT_TEXT_MAX + 8];
	const struct endpoint *ep = &o->where.prefix;

	if (!o->raw) {
		json_kv_cstring(j, "prefix", "withheld");
		return;
	}
	endpoint_to_text(ep, text);
	*strrchr(text, ':') = '\0';
	snprintf(text + strlen(text), 8, "/%u", o->where.prefix_bits - (endpoint_is4(ep) ? 96 : 0));
	json_kv_cstring(j, "prefix", text);
}

static void put_where(struct json *j, const struct export_opts *o)
{
	const struct export_where *w = &o->where;

	json_key(j, "where");
	json_object_begin(j);
	if (w->by_asn)
		json_kv_u64(j, "asn", w->asn);
	if (w->by_country)
		json_kv_cstring(j, "country", w->country);
	if (w->by_client)
		json_kv_cstring(j, "client", krpc_client_name(w->client));
	if (w->by_prefix)
		put_prefix(j, o);
	if (w->by_class)
		w->heard_only ? json_kv_cstring(j, "class", "heard-only")
			      : json_kv_u64(j, "class", w->node_class);
	if (w->by_way)
		json_kv_cstring(j, "way", sighting_way_name(w->way));
	json_object_end(j);
}

static void put_time(struct json *j, const struct export_opts *o)
{
	if (!o->timed)
		return;
	json_key(j, "time");
	json_object_begin(j);
	json_kv_u64(j, "from_s", o->when.from_s);
	json_kv_u64(j, "to_s", o->when.to_s);
	if (o->when.census)
		json_kv_u64(j, "census", o->when.census);
	json_object_end(j);
}

static const char *addresses(const struct export_opts *o)
{
	if (export_names_nobody(o))
		return "none";
	return o->raw ? "raw" : "pseudonyms that keep prefixes, keyed by the store";
}

/* Is any census of a simulation? Then so is the export. */
static int any_synthetic(struct store_view *v, uint32_t epochs, bool *out)
{
	struct store_epoch e;
	int rc = 0;

	*out = false;
	for (uint32_t id = 1; id <= epochs && rc >= 0 && !*out; id++) {
		rc = store_view_epoch(v, id, &e, NULL, 0);
		*out = rc >= 0 && e.synthetic;
	}
	return rc;
}

static void put_files(struct json *j, const struct export_stats *st)
{
	json_key(j, "files");
	json_array_begin(j);
	for (unsigned i = 0; i < st->file_count; i++) {
		const struct export_file_stats *f = &st->files[i];

		json_object_begin(j);
		json_kv_cstring(j, "name", f->name);
		json_kv_u64(j, "rows", f->rows);
		json_kv_u64(j, "bytes", f->bytes);
		json_kv_cstring(j, "sha256", f->sha256);
		put_columns(j, f->table);
		json_object_end(j);
	}
	json_array_end(j);
}

/* What a reader of the arrays or of an edge list must know. */
static void put_graph(struct json *j, const struct export_job *job)
{
	static const char *const levels[] = { "node", "asn", "country" };
	const struct export_opts *o = job->opts;

	json_key(j, "graph");
	json_object_begin(j);
	json_kv_cstring(j, "level", levels[o->level]);
	json_kv_u64(j, "nodes", job->stats->graph_nodes);
	json_kv_u64(j, "edges", job->stats->rows);
	json_key(j, "directed");
	json_bool(j, true);
	json_kv_cstring(j, "edge", "source listed target in a reply");
	if (o->sample)
		json_kv_u64(j, "sample", o->sample);
	json_object_end(j);
}

static void put_counts(struct json *j, const struct export_job *job)
{
	const struct export_stats *st = job->stats;

	json_key(j, "counts");
	json_object_begin(j);
	json_kv_u64(j, "nodes_in_store", st->nodes);
	json_kv_u64(j, "nodes_taken", st->taken);
	json_kv_u64(j, "rows", st->rows);
	if (job->opts->kind == EXPORT_GEOJSON)
		json_kv_u64(j, "nodes_without_place", st->unplaced);
	if (job->opts->what == EXPORT_AGGREGATE)
		json_kv_u64(j, "nodes_in_groups_left_out", st->beyond);
	if (job->opts->what == EXPORT_EDGES) {
		json_kv_u64(j, "listings_read", st->edges);
		json_kv_u64(j, "listings_left_out", st->beyond);
	}
	json_object_end(j);
}

static int compose(struct json *j, const struct export_job *job)
{
	const struct export_opts *o = job->opts;
	char line[ATTRIBUTION_MAX];
	struct store_counts counts;
	bool synthetic;
	int rc = store_view_counts(job->view, &counts);

	if (rc >= 0)
		rc = any_synthetic(job->view, counts.epochs, &synthetic);
	if (rc < 0)
		return rc;
	json_object_begin(j);
	json_kv_cstring(j, "schema", "dht-telescope export 1");
	json_kv_cstring(j, "version", o->version);
	json_kv_u64(j, "made_s", o->now_s);
	json_kv_cstring(j, "what", export_what_name(o->what));
	json_kv_cstring(j, "format", export_kind_name(o->kind));
	json_kv_cstring(j, "compression", o->zstd ? "zstd" : "none");
	json_kv_cstring(j, "addresses", addresses(o));
	put_where(j, o);
	put_time(j, o);
	if (o->what == EXPORT_SESSIONS)
		json_kv_u64(j, "session_gap_s", o->gap_s);
	json_key(j, "synthetic");
	json_bool(j, synthetic);
	json_kv_u64(j, "censuses", counts.epochs);
	put_counts(j, job);
	json_kv_cstring(j, "attribution", store_view_attribution(job->view, line, sizeof(line)));
	if (o->what == EXPORT_EDGES)
		put_graph(j, job);
	put_files(j, job->stats);
	json_object_end(j);
	return json_finish(j);
}

static int write_text(const char *path, const char *text, size_t len)
{
	struct export_out out;
	char sha256[65];
	uint64_t bytes;
	int rc = export_out_open(&out, path, false);

	if (rc < 0)
		return rc;
	export_out_put(&out, text, len);
	export_out_put(&out, "\n", 1);
	return export_out_close(&out, &bytes, sha256);
}

int export_meta_write(const struct export_job *job)
{
	char *buf = malloc(META_MAX_BYTES);
	struct json j;
	int n;

	if (!buf)
		return -ENOMEM;
	json_init(&j, buf, META_MAX_BYTES, true);
	n = compose(&j, job);
	if (n >= 0)
		n = write_text(job->opts->metadata_path, buf, (size_t)n);
	free(buf);
	return n;
}
