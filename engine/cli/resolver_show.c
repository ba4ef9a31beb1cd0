/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/cli/cli.h"
#include "engine/cli/resolver.h"
#include "engine/cli/text_table.h"
#include "proto/json_read.h"
#include "store/text.h"

/** DOC: what `resolver` prints: the headings and columns that resolver.py had. */

enum {
	NAME_MAX_BYTES = 160, /* of a name in a table */
	PATH_MAX_BYTES = 512,
	RECENT = 10,
	FILES_SHOWN = 500,
	HASH_TEXT = 2 * NODEKEY_BYTES + 1,
};

void resolver_why(const char *hash)
{
	cli_say("names and files of torrents are not looked up: this program keeps what nodes say "
		"of themselves, never content metadata (BEP 9, BEP 10). Instead:\n"
		"  one torrent, by a client:  aria2c --bt-metadata-only=true "
		"--bt-save-metadata=true 'magnet:?xt=urn:btih:%s'\n"
		"  all, by tools of yours:    dht-telescope resolver export --what db --raw "
		"--out dht_observatory.db\n"
		"  names that such a file has are shown:  resolver --db dht_observatory.db",
		hash ? hash : "HASH");
}

/* ---- words -------------------------------------------------------------------------- */

static char *ago(uint64_t ts_s, char out[static 32])
{
	uint64_t now = (uint64_t)time(NULL), d = now > ts_s ? now - ts_s : 0;

	if (!ts_s)
		snprintf(out, 32, "—");
	else if (d < 60)
		snprintf(out, 32, "%us ago", (unsigned)d);
	else if (d < 3600)
		snprintf(out, 32, "%um ago", (unsigned)(d / 60));
	else if (d < 86400)
		snprintf(out, 32, "%uh ago", (unsigned)(d / 3600));
	else
		snprintf(out, 32, "%llud ago", (unsigned long long)(d / 86400));
	return out;
}

static char *size_text(double bytes, char out[static 32])
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };
	unsigned u = 0;

	if (bytes < 0) {
		snprintf(out, 32, "—");
		return out;
	}
	for (; bytes >= 1024 && u < sizeof(units) / sizeof(*units) - 1; u++)
		bytes /= 1024;
	snprintf(out, 32, "%.1f%s", bytes, units[u]);
	return out;
}

static char *hash_text(const struct nodeid *hash, char out[static HASH_TEXT])
{
	struct nodekey key = nodekey_from_id(hash);

	return nodekey_to_hex(&key, out);
}

static char *number(uint64_t v, char out[static 24])
{
	snprintf(out, 24, "%llu", (unsigned long long)v);
	return out;
}

/* From a file alone; a stranger's words, made fit to print. */
static char *name_of(struct past *p, const struct nodeid *hash, char out[static NAME_MAX_BYTES])
{
	char raw[NAME_MAX_BYTES] = "";

	if (past_file(p))
		observatory_name_of(past_file(p), hash, raw, sizeof(raw));
	return text_clean(raw, out, NAME_MAX_BYTES);
}

static int failed(int rc)
{
	return rc < 0 ? cli_fail("%s", dt_strerror(rc)) : CLI_OK;
}

static void say_left_out(const struct past_rows *rows)
{
	if (rows->odd)
		cli_say("%llu rows were passed over: no address, no hash or no time",
			(unsigned long long)rows->odd);
	if (rows->without_room)
		cli_say("%llu get_peers of further hashes: the table is full",
			(unsigned long long)rows->without_room);
}

static int print_table(struct text_table *t, int rc)
{
	if (rc >= 0) {
		text_table_print(t, stdout);
		putchar('\n');
	}
	text_table_fini(t);
	return rc;
}

/* ---- announces and get_peers ----------------------------------------------------------- */

static int print_announces(struct past *p, const struct past_rows *rows)
{
	struct text_table t = { .heads = { "when", "peer", "info_hash", "name", "status",
					   "tries" } };
	int rc = 0;

	for (uint64_t i = 0; i < rows->announce_count && rc == 0; i++) {
		const struct observatory_row *r = &rows->announces[i];
		char when[32], peer[ENDPOINT_TEXT_MAX], hash[HASH_TEXT], name[NAME_MAX_BYTES],
			tries[24];
		const char *cells[] = { ago(r->ts_s, when),
					endpoint_to_text(&r->peer, peer),
					hash_text(&r->hash, hash),
					name_of(p, &r->hash, name),
					r->status,
					number(r->attempts, tries) };

		rc = text_table_put(&t, cells);
	}
	return print_table(&t, rc);
}

static int print_getpeers(const struct past_rows *rows)
{
	struct text_table t = { .heads = { "when", "peer", "info_hash" } };
	int rc = 0;

	for (uint64_t i = 0; i < rows->getpeers_count && rc == 0; i++) {
		const struct observatory_row *r = &rows->getpeers[i];
		char when[32], peer[ENDPOINT_TEXT_MAX], hash[HASH_TEXT];
		const char *cells[] = { ago(r->ts_s, when), endpoint_to_text(&r->peer, peer),
					hash_text(&r->hash, hash) };

		rc = text_table_put(&t, cells);
	}
	return print_table(&t, rc);
}

int resolver_unresolved(const struct resolver_args *a, struct past *p)
{
	const struct past_want want = { .limit = a->limit, .announces = true, .unresolved = true };
	struct text_table t = { .heads = { "id", "when", "peer", "info_hash", "status", "tries" } };
	struct past_rows rows;
	int rc = past_read(p, &want, &rows);

	for (uint64_t i = 0; i < rows.announce_count && rc == 0; i++) {
		const struct observatory_row *r = &rows.announces[i];
		char id[24], when[32], peer[ENDPOINT_TEXT_MAX], hash[HASH_TEXT], tries[24];
		const char *cells[] = { number(r->id, id),
					ago(r->ts_s, when),
					endpoint_to_text(&r->peer, peer),
					hash_text(&r->hash, hash),
					r->status,
					number(r->attempts, tries) };

		rc = text_table_put(&t, cells);
	}
	if (rc >= 0)
		printf("# Unresolved announces (pending/error/working; no metadata yet)\n");
	rc = print_table(&t, rc);
	say_left_out(&rows);
	past_rows_fini(&rows);
	return failed(rc);
}

int resolver_top(const struct resolver_args *a, struct past *p)
{
	const struct past_want want = { .limit = a->limit, .top = true };
	struct text_table t = { .heads = { "hits", "info_hash", "first_seen", "last_seen" } };
	struct past_rows rows;
	int rc = past_read(p, &want, &rows);

	for (uint64_t i = 0; i < rows.top_count && rc == 0; i++) {
		const struct observatory_top *r = &rows.top[i];
		char hits[24], hash[HASH_TEXT], first[32], last[32];
		const char *cells[] = { number(r->hits, hits), hash_text(&r->hash, hash),
					ago(r->first_s, first), ago(r->last_s, last) };

		rc = text_table_put(&t, cells);
	}
	if (rc >= 0)
		printf("# Top infohashes by get_peers count\n");
	rc = print_table(&t, rc);
	for (uint64_t i = 0; i < rows.top_count && rc >= 0; i++) {
		char hash[HASH_TEXT], name[NAME_MAX_BYTES];

		if (*name_of(p, &rows.top[i].hash, name))
			printf("%s -> %s\n", hash_text(&rows.top[i].hash, hash), name);
	}
	fflush(stdout);
	say_left_out(&rows);
	past_rows_fini(&rows);
	return failed(rc);
}

/* ---- names that a file holds ------------------------------------------------------------- */

struct file_entry {
	char path[PATH_MAX_BYTES];
	double length; /* -1 = unknown */
};

/* An object {"length": 1, "path": "a/b"}; 1 where it was one. */
static int read_file_entry(struct json_reader *r, const struct json_token *t,
			   struct file_entry *out)
{
	struct json_token key, value;
	char raw[PATH_MAX_BYTES] = "";
	int rc;

	*out = (struct file_entry){ .length = -1 };
	if (t->kind != JSON_OBJECT)
		return json_read_skip(r, t);
	while ((rc = json_read_next(r, &key)) == 0 && key.kind == JSON_KEY) {
		rc = json_read_next(r, &value);
		if (rc == 0 && json_read_is(&key, "length") && value.kind == JSON_NUMBER)
			out->length = json_read_double(&value);
		if (rc == 0 && json_read_is(&key, "path") && value.kind == JSON_STRING)
			json_read_text(&value, raw, sizeof(raw));
		if (rc == 0)
			rc = json_read_skip(r, &value);
		if (rc < 0)
			break;
	}
	text_clean(raw, out->path, sizeof(out->path));
	return rc < 0 ? rc : 1;
}

/* Each file of a list; what is no list has none. Returns how many there were. */
static unsigned each_file(const char *files_json, void (*one)(const struct file_entry *f))
{
	struct file_entry f;
	struct json_reader r;
	struct json_token t;
	unsigned n = 0;

	json_read_init(&r, span_of(files_json, strlen(files_json)));
	if (json_read_next(&r, &t) < 0 || t.kind != JSON_ARRAY)
		return 0;
	while (json_read_next(&r, &t) == 0 && t.kind != JSON_CLOSE) {
		int rc = read_file_entry(&r, &t, &f);

		if (rc < 0)
			break;
		if (rc == 1 && n++ < FILES_SHOWN && one)
			one(&f);
	}
	return n;
}

static int print_resolved(const struct resolver_args *a, struct past *p)
{
	struct text_table t = { .heads = { "when", "info_hash", "name", "#files" } };
	struct observatory_name n;
	int rc = past_file(p) ? observatory_begin_names(past_file(p), NULL, NULL,
							a->limit < RECENT ? a->limit : RECENT)
			      : 0;

	while (past_file(p) && rc == 0 && (rc = observatory_next_name(past_file(p), &n)) == 1) {
		char when[32], hash[HASH_TEXT], name[NAME_MAX_BYTES], files[24];
		unsigned count = each_file(n.files_json, NULL);
		const char *cells[] = { ago(n.last_resolved_s, when),
					text_clean(n.hash, hash, sizeof(hash)),
					*n.name ? text_clean(n.name, name, sizeof(name))
						: "(unnamed)",
					number(count ? count : 1, files) };

		rc = text_table_put(&t, cells);
	}
	return print_table(&t, rc);
}

int resolver_metadata(const struct resolver_args *a, struct past *p)
{
	struct text_table t = { .heads = { "when", "info_hash", "name", "size", "priv" } };
	struct observatory_name n;
	int rc = past_file(p) ? observatory_begin_names(past_file(p), a->query, NULL, a->limit) : 0;

	while (past_file(p) && rc == 0 && (rc = observatory_next_name(past_file(p), &n)) == 1) {
		char when[32], hash[HASH_TEXT], name[NAME_MAX_BYTES], size[32], priv[24] = "";
		const char *cells[] = {
			ago(n.last_resolved_s, when), text_clean(n.hash, hash, sizeof(hash)),
			*n.name ? text_clean(n.name, name, sizeof(name)) : "(unnamed)",
			size_text((double)n.total_length, size),
			n.is_private < 0 ? "" : number((uint64_t)n.is_private, priv)
		};

		rc = text_table_put(&t, cells);
	}
	if (rc >= 0)
		printf("# Resolved metadata\n");
	rc = print_table(&t, rc);
	if (rc >= 0 && !past_file(p))
		resolver_why(NULL);
	return failed(rc);
}

static void print_file(const struct file_entry *f)
{
	char size[32];

	printf("%-9s    %s\n", size_text(f->length, size), f->path);
}

static int print_files(const struct observatory_name *n)
{
	char name[PATH_MAX_BYTES];

	printf("name: %s\n", *n->name ? text_clean(n->name, name, sizeof(name)) : "(unnamed)");
	if (!each_file(n->files_json, NULL)) {
		printf("(no file list)\n");
		return CLI_OK;
	}
	printf("%-9s    path\n---------    ----\n", "size");
	each_file(n->files_json, print_file);
	return CLI_OK;
}

int resolver_files(const struct resolver_args *a, struct past *p)
{
	struct observatory_name n;
	int rc = 0;

	printf("# Files in torrent %s\n", a->hash);
	if (past_file(p)) {
		rc = observatory_begin_names(past_file(p), NULL, a->hash, 1);
		if (rc == 0)
			rc = observatory_next_name(past_file(p), &n);
	}
	if (rc == 1)
		return print_files(&n);
	if (rc < 0)
		return failed(rc);
	fflush(stdout);
	resolver_why(a->hash);
	return CLI_FAILED;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void print_counts(const struct observatory_counts *n)
{
	printf("# Summary\nannounces: %llu", (unsigned long long)n->announces);
	for (unsigned i = 0; i < n->statuses; i++)
		printf("%s%s=%llu", i ? "  " : " | ", n->by_status[i].status,
		       (unsigned long long)n->by_status[i].count);
	printf("\nget_peers: %llu\nmetadata:  %llu\n\n", (unsigned long long)n->getpeers,
	       (unsigned long long)n->metadata);
}

int resolver_summary(const struct resolver_args *a, struct past *p)
{
	const struct past_want want = { .limit = a->limit < RECENT ? a->limit : RECENT,
					.announces = true,
					.getpeers = true };
	struct past_rows rows;
	int rc = past_read(p, &want, &rows);

	if (rc >= 0) {
		print_counts(&rows.counts);
		printf("## Recent announces\n");
		rc = print_announces(p, &rows);
	}
	if (rc >= 0) {
		printf("## Recent resolved (with filenames)\n");
		rc = print_resolved(a, p);
	}
	if (rc >= 0) {
		printf("## Recent get_peers\n");
		rc = print_getpeers(&rows);
	}
	fflush(stdout);
	say_left_out(&rows);
	past_rows_fini(&rows);
	if (rc >= 0 && a->lookup)
		resolver_why(NULL);
	return failed(rc);
}
