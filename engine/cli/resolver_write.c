/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "engine/cli/cli.h"
#include "engine/cli/resolver.h"
#include "proto/json.h"
#include "store/heardlog.h"
#include "viz/export_pseudo.h"

/** DOC: what `resolver` writes: lines of JSON, an SQLite file, a store, a page. */

enum { PATH_BYTES = 4096, LINE_BYTES = 1024, TEXT_BYTES = 1 << 20 };

/* ---- a store for a while ---------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* @dir was made by mkdtemp() a moment ago, and all in it by us. */
static void remove_tree(const char *dir)
{
	enum { OPEN_MAX_DIRS = 16 };

	nftw(dir, remove_one, OPEN_MAX_DIRS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ---- the page ------------------------------------------------------------------------------ */

static int draw_store(const struct plot *plot, struct store *s, const struct geo *geo)
{
	struct store_view *v;
	int rc = store_view_open(s, &v);
	bool good;

	if (rc < 0) {
		cli_say("[plot] error: %s", dt_strerror(rc));
		return CLI_FAILED;
	}
	plot_cache(plot, v, geo);
	good = plot_write(plot, v, geo);
	store_view_close(v);
	return good ? CLI_OK : CLI_FAILED;
}

/* A sender as a node, so that it can be drawn: no page says the id that is made up here. */
static int put_light(void *writer, const struct observatory_row *r)
{
	struct sighting s = { .when_ms = r->ts_s * 1000,
			      .from = r->peer,
			      .way = SIGHTING_ASKED_US };
	XXH128_hash_t made_up = XXH3_128bits(r->peer.addr, sizeof(r->peer.addr));

	s.from.port = 0; /* one light an address, as it was */
	memcpy(s.key.b, &made_up, sizeof(made_up));
	s.key.bits = NODEID_BITS;
	return store_writer_put(writer, &s, 1);
}

static int fill_lights(struct past *p, struct store *s, struct geo *geo)
{
	const struct store_writer_opts opts = { .geo = geo, .disk_floor_bytes = 1 };
	struct store_writer *w;
	int rc = store_writer_new(s, &opts, &w);

	if (rc < 0)
		return rc;
	rc = past_each(p, OBSERVATORY_ANNOUNCES, put_light, w);
	if (rc == 0)
		rc = past_each(p, OBSERVATORY_GETPEERS, put_light, w);
	if (rc == 0)
		rc = store_writer_flush(w);
	store_writer_free(w);
	return rc;
}

/* Who was heard becomes a store that lives as long as the picture takes. */
static int draw_heard(const struct plot *plot, struct past *p, struct geo *geo)
{
	const char *base = getenv("TMPDIR");
	char dir[PATH_BYTES], why[256] = "";
	int rc, status = CLI_FAILED;
	struct store *s = NULL;

	snprintf(dir, sizeof(dir), "%s/dht-telescope-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(dir)) {
		cli_say("[plot] error: %s: %s", dir, strerror(errno));
		return CLI_FAILED;
	}
	rc = store_open(dir, STORE_CREATE, &s, why);
	if (rc == 0)
		rc = fill_lights(p, s, geo);
	if (rc < 0)
		cli_say("[plot] error: %s", *why ? why : dt_strerror(rc));
	else
		status = draw_store(plot, s, geo);
	store_close(s);
	remove_tree(dir);
	return status;
}

/* A store of messages alone: one that was taken over from a file. */
static bool has_nodes(struct store *s)
{
	struct store_counts n = { .nodes = 1 };
	struct store_view *v;

	if (store_view_open(s, &v) < 0)
		return true;
	if (store_view_counts(v, &n) < 0)
		n.nodes = 1; /* drawing it says what is wrong */
	store_view_close(v);
	return n.nodes > 0;
}

int resolver_draw(const struct plot *plot, struct past *p)
{
	struct geo *geo = plot_geo(plot);
	int status = past_file(p) || !has_nodes(past_store(p))
			     ? draw_heard(plot, p, geo)
			     : draw_store(plot, past_store(p), geo);

	geo_close(geo);
	return status;
}

int resolver_snapshot(const struct resolver_args *a, struct past *p)
{
	char day[PATH_BYTES], folder[PATH_BYTES + 32], page[PATH_BYTES + 64],
		cache[PATH_BYTES + 64];
	struct plot plot = a->plot;
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	if (snprintf(day, sizeof(day), "%s/Snapshots_%d_%d_%d", a->out ? a->out : ".",
		     tm.tm_mon + 1, tm.tm_mday, tm.tm_year + 1900) >= (int)sizeof(day))
		return cli_fail("--out: the name is too long");
	snprintf(folder, sizeof(folder), "%s/%d_%d_%d", day, tm.tm_hour, tm.tm_min, tm.tm_sec);
	snprintf(page, sizeof(page), "%s/bt_mapping.html", folder);
	snprintf(cache, sizeof(cache), "%s/geo_cache.json", folder);
	if ((mkdir(day, 0777) && errno != EEXIST) || (mkdir(folder, 0777) && errno != EEXIST))
		return cli_fail("%s: %s", folder, strerror(errno));
	plot.output = page;
	plot.geo_cache = cache;
	plot.refresh_s = 0;
	return resolver_draw(&plot, p);
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* Of a store by its secret; of a file, which has none, by one of this run. */
static int open_pseudo(const struct resolver_args *a, struct past *p, struct export_pseudo *out)
{
	uint8_t secret[STORE_SECRET_BYTES];
	struct store_view *v;
	int rc = sodium_init() < 0 ? -EIO : 0;

	if (rc == 0)
		randombytes_buf(secret, sizeof(secret));
	if (rc == 0 && past_store(p) && !a->raw) {
		rc = store_view_open(past_store(p), &v);
		if (rc == 0) {
			int known = store_view_secret(v, secret);

			rc = known == DT_ENOTFOUND ? 0 : known;
			store_view_close(v);
		}
	}
	if (rc == 0)
		rc = export_pseudo_init(out, secret);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

static const char *address_words(const struct resolver_args *a)
{
	return a->raw ? "true addresses" : "addresses are pseudonyms; --raw writes true ones";
}

/* ---- lines of JSON --------------------------------------------------------------------------- */

struct lines {
	const struct resolver_args *args;
	struct export_pseudo pseudo;
	FILE *to;
	uint64_t count;
};

static void put_row(struct json *j, const struct lines *l, const struct observatory_row *r,
		    bool announce)
{
	struct endpoint peer = l->args->raw ? r->peer : export_pseudo_of(&l->pseudo, &r->peer);
	struct nodekey key = nodekey_from_id(&r->hash);
	char host[ENDPOINT_TEXT_MAX], hash[2 * NODEKEY_BYTES + 1];

	json_object_begin(j);
	json_kv_u64(j, "id", r->id);
	json_kv_u64(j, "ts", r->ts_s);
	json_kv_cstring(j, "ip", endpoint_host_to_text(&peer, host));
	json_kv_u64(j, "port", peer.port);
	json_kv_cstring(j, "info_hash", nodekey_to_hex(&key, hash));
	if (announce) {
		json_kv_cstring(j, "status", r->status);
		json_kv_u64(j, "attempts", r->attempts);
		json_key(j, "last_attempt_ts");
		if (r->last_attempt_s)
			json_u64(j, r->last_attempt_s);
		else
			json_null(j);
	}
	json_object_end(j);
}

static int put_line(struct lines *l, const struct observatory_row *r, bool announce)
{
	char line[LINE_BYTES];
	struct json j;

	json_init(&j, line, sizeof(line), false);
	put_row(&j, l, r, announce);
	if (json_finish(&j) < 0)
		return DT_EFULL;
	l->count++;
	return fprintf(l->to, "%s\n", line) < 0 ? -EIO : 0;
}

static int put_rows(struct lines *l, struct past *p)
{
	bool announce = !strcmp(l->args->what, "announces");
	const struct past_want want = { .limit = l->args->limit,
					.announces = announce,
					.getpeers = !announce };
	struct past_rows rows;
	int rc = past_read(p, &want, &rows);

	for (uint64_t i = 0; i < rows.announce_count && rc == 0; i++)
		rc = put_line(l, &rows.announces[i], true);
	for (uint64_t i = 0; i < rows.getpeers_count && rc == 0; i++)
		rc = put_line(l, &rows.getpeers[i], false);
	past_rows_fini(&rows);
	return rc;
}

static void kv_number(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	if (v < 0)
		json_null(j);
	else
		json_i64(j, v);
}

static int put_names(struct lines *l, struct past *p)
{
	char *line = malloc(TEXT_BYTES);
	struct observatory_name n;
	struct json j;
	int rc = line ? observatory_begin_names(past_file(p), NULL, NULL, l->args->limit) : -ENOMEM;

	while (rc == 0 && (rc = observatory_next_name(past_file(p), &n)) == 1) {
		json_init(&j, line, TEXT_BYTES, false);
		json_object_begin(&j);
		json_kv_cstring(&j, "info_hash", n.hash);
		json_kv_cstring(&j, "name", n.name);
		kv_number(&j, "total_length", n.total_length);
		kv_number(&j, "piece_length", n.piece_length);
		kv_number(&j, "private", n.is_private);
		json_kv_cstring(&j, "files_json", n.files_json);
		json_kv_u64(&j, "first_seen_ts", n.first_seen_s);
		json_kv_u64(&j, "last_resolved_ts", n.last_resolved_s);
		json_object_end(&j);
		rc = json_finish(&j) < 0 ? DT_EFULL : 0;
		if (rc == 0 && fprintf(l->to, "%s\n", line) < 0)
			rc = -EIO;
		l->count += rc == 0;
	}
	free(line);
	return rc;
}

/* Whole under its name, or not at all. */
static int write_lines(const struct resolver_args *a, struct past *p)
{
	bool names = !strcmp(a->what, "metadata");
	struct lines l = { .args = a };
	char *text = NULL;
	size_t len = 0;
	int rc = open_pseudo(a, p, &l.pseudo);

	if (rc < 0)
		return rc;
	l.to = open_memstream(&text, &len);
	rc = l.to ? names ? put_names(&l, p) : put_rows(&l, p) : -ENOMEM;
	if (l.to && fclose(l.to) && rc == 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = cli_write_file(a->out, text, len);
	free(text);
	if (rc == 0)
		cli_say("[+] wrote %llu rows to %s%s%s", (unsigned long long)l.count, a->out,
			names ? "" : "; ", names ? "" : address_words(a));
	return rc;
}

/* ---- dht_observatory.db ------------------------------------------------------------------------
 */

struct adding {
	const struct resolver_args *args;
	struct export_pseudo pseudo;
	struct observatory_writer *writer;
	enum observatory_walk table;
	uint64_t added[2];
};

static int add_row(void *ctx, const struct observatory_row *r)
{
	struct adding *a = ctx;
	struct observatory_row row = *r;
	int rc;

	if (!a->args->raw)
		row.peer = export_pseudo_of(&a->pseudo, &r->peer);
	rc = observatory_put(a->writer, a->table, &row);
	a->added[a->table == OBSERVATORY_GETPEERS] += rc == 1;
	return rc < 0 ? rc : 0;
}

static int write_file(const struct resolver_args *args, struct past *p)
{
	static const enum observatory_walk tables[] = { OBSERVATORY_ANNOUNCES,
							OBSERVATORY_GETPEERS };
	struct adding a = { .args = args };
	char why[OBSERVATORY_WHY_MAX] = "", announces[32], getpeers[32];
	int rc = open_pseudo(args, p, &a.pseudo);

	if (rc == 0)
		rc = observatory_create(args->out, &a.writer, why);
	if (rc < 0)
		return cli_fail("%s", *why ? why : dt_strerror(rc));
	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		a.table = tables[i];
		rc = past_each(p, a.table, add_row, &a);
	}
	rc = observatory_finish(a.writer, rc, why);
	if (rc < 0)
		return cli_fail("%s", why);
	cli_say("[+] %s: %s announces and %s get_peers added; %s", args->out,
		cli_group_digits(a.added[0], announces), cli_group_digits(a.added[1], getpeers),
		address_words(args));
	return CLI_OK;
}

int resolver_export(const struct resolver_args *a, struct past *p)
{
	int rc;

	if (!strcmp(a->what, "db"))
		return write_file(a, p);
	if (!strcmp(a->what, "metadata") && !past_file(p)) {
		resolver_why(NULL);
		return CLI_FAILED;
	}
	rc = write_lines(a, p);
	if (rc == -EPIPE)
		return CLI_UNREAD;
	return rc < 0 ? cli_fail("%s: %s", a->out, dt_strerror(rc)) : CLI_OK;
}

/* ---- into a store
 * --------------------------------------------------------------------------------- */

static void say_imported(const char *file, const char *into, const struct observatory_import *n)
{
	char a[32], b[32];

	cli_say("%s: %s announces and %s get_peers are in %s", file,
		cli_group_digits(n->announces, a), cli_group_digits(n->getpeers, b), into);
	if (n->names)
		cli_say("  left out: %s names of torrents; they are content metadata, and stay in "
			"%s, where  resolver --db %s  shows them",
			cli_group_digits(n->names, a), file, file);
	if (n->listed)
		cli_say("  left out: %s peers that others listed and nobody announced",
			cli_group_digits(n->listed, a));
	if (n->odd)
		cli_say("  left out: %s rows without an address, a hash or a time",
			cli_group_digits(n->odd, a));
}

static int fill_store(struct observatory *o, const char *dir, struct observatory_import *out,
		      char why[static 256])
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	const struct heardlog_opts all = { .max_bytes = UINT64_MAX };
	struct heardlog_writer *h = NULL;
	struct store_writer *w = NULL;
	struct store *s;
	int rc = store_open(dir, STORE_CREATE, &s, why);

	if (rc < 0)
		return rc;
	rc = store_writer_new(s, &opts, &w);
	if (rc == 0)
		rc = store_heard_open(s, &all, &h);
	if (rc == 0)
		rc = observatory_import(o, w, h, out);
	heardlog_close(h);
	store_writer_free(w);
	store_close(s);
	return rc;
}

/* By a store of its own and a merge: all or nothing, and twice is once. */
static int merge_file(struct observatory *o, const char *file, const char *into, const char *tmp)
{
	struct observatory_import sum;
	char why[256] = "";
	struct store *s;
	int rc = fill_store(o, tmp, &sum, why);

	if (rc == 0)
		rc = store_open(into, STORE_CREATE, &s, why);
	if (rc == 0) {
		rc = store_merge(s, &tmp, 1, NULL, why);
		store_close(s);
	}
	if (rc < 0)
		return cli_fail("%s; %s is what it was", *why ? why : dt_strerror(rc), into);
	say_imported(file, into, &sum);
	return CLI_OK;
}

int resolver_import(const char *file, const char *into)
{
	char why[OBSERVATORY_WHY_MAX], tmp[PATH_BYTES];
	struct observatory *o;
	int status;

	if (observatory_open(file, &o, why) < 0)
		return cli_fail("%s", why);
	/* Beside the store: there is room, and a merge copies nothing across disks. */
	if (snprintf(tmp, sizeof(tmp), "%s.import-XXXXXX", into) >= (int)sizeof(tmp) ||
	    !mkdtemp(tmp)) {
		observatory_close(o);
		return cli_fail("%s: %s", into, strerror(errno));
	}
	status = merge_file(o, file, into, tmp);
	observatory_close(o);
	remove_tree(tmp);
	return status;
}
