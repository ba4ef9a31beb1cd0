/* SPDX-License-Identifier: MIT */
#include "store/geo_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/json.h"
#include "proto/json_read.h"
#include "store/text.h"

enum {
	PATH_BYTES = 4096,
	ENTRY_BYTES = 6 * GEO_ORG_MAX + 256, /* of one that is written, every byte escaped */
	ROW_BYTES = GEO_ORG_MAX + 256,       /* of a table's row */
	FILE_MODE = 0600,                    /* addresses are personal data */
};

/* ---- reading ------------------------------------------------------------------------ */

/* The number of a member, or NAN. What is no number is passed over. */
static int read_number(struct json_reader *r, double *out)
{
	struct json_token t;
	int rc = json_read_next(r, &t);

	if (rc < 0)
		return rc;
	*out = json_read_double(&t);
	return json_read_skip(r, &t);
}

static int read_text(struct json_reader *r, char *out, size_t cap)
{
	struct json_token t;
	int rc = json_read_next(r, &t);

	out[0] = 0;
	if (rc < 0)
		return rc;
	if (t.kind == JSON_STRING)
		json_read_text(&t, out, cap);
	return json_read_skip(r, &t);
}

/* Two letters are a country; the first version wrote whole names, which are none. */
static int read_country(struct json_reader *r, struct geo_place *p)
{
	char text[4];
	int rc = read_text(r, text, sizeof(text));

	if (rc == 0 && strlen(text) == 2 && (text[0] & ~0x20) >= 'A' && (text[0] & ~0x20) <= 'Z' &&
	    (text[1] & ~0x20) >= 'A' && (text[1] & ~0x20) <= 'Z') {
		p->country[0] = (char)(text[0] & ~0x20);
		p->country[1] = (char)(text[1] & ~0x20);
	}
	return rc;
}

struct reading {
	struct json_reader r;
	struct geo_cache_entry entry;
	double lat, lon, asn;
	unsigned level; /* 0 = of the entry, 1 = of its city or asn */
};

static int read_member(struct reading *x, const struct json_token *key);

/* What an object holds, up to its end. */
static int read_members(struct reading *x)
{
	struct json_token key;
	int rc;

	while ((rc = json_read_next(&x->r, &key)) == 0 && key.kind == JSON_KEY && rc == 0) {
		rc = read_member(x, &key);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* "city" and "asn" are objects within the entry; "asn" is a number within the latter. */
static int read_inner(struct reading *x, bool asn)
{
	struct json_token t;
	int rc = json_read_next(&x->r, &t);

	if (rc < 0)
		return rc;
	if (t.kind == JSON_NUMBER && asn)
		x->asn = json_read_double(&t);
	if (t.kind != JSON_OBJECT || x->level)
		return json_read_skip(&x->r, &t);
	x->level++;
	rc = read_members(x);
	x->level--;
	return rc;
}

static int read_member(struct reading *x, const struct json_token *key)
{
	struct json_token t;
	int rc;

	if (json_read_is(key, "city") || json_read_is(key, "asn"))
		return read_inner(x, json_read_is(key, "asn"));
	if (json_read_is(key, "lat"))
		return read_number(&x->r, &x->lat);
	if (json_read_is(key, "lon"))
		return read_number(&x->r, &x->lon);
	if (json_read_is(key, "country"))
		return read_country(&x->r, &x->entry.place);
	if (json_read_is(key, "org"))
		return read_text(&x->r, x->entry.org, sizeof(x->entry.org));
	rc = json_read_next(&x->r, &t);
	return rc == 0 ? json_read_skip(&x->r, &t) : rc;
}

static void settle(struct reading *x)
{
	struct geo_place *p = &x->entry.place;

	if (fabs(x->lat) <= 90 && fabs(x->lon) <= 180) {
		p->has_point = true;
		p->lat = (float)x->lat;
		p->lon = (float)x->lon;
	}
	if (x->asn >= 1 && x->asn <= UINT32_MAX)
		p->asn = (uint32_t)x->asn;
}

/* 1 and the entry, or 0 where it is null or says nothing. */
static int read_entry(struct reading *x, const struct json_token *key)
{
	char address[ENDPOINT_TEXT_MAX];
	struct json_token t;
	bool known;
	int rc = json_read_next(&x->r, &t);

	if (rc < 0)
		return rc;
	if (t.kind == JSON_NULL)
		return 0;
	if (t.kind != JSON_OBJECT)
		return DT_EKIND;
	x->entry = (struct geo_cache_entry){ .org = "" };
	x->lat = x->lon = x->asn = NAN;
	json_read_text(key, address, sizeof(address));
	known = endpoint_from_text(address, &x->entry.ep) == 0 && x->entry.ep.port == 0;
	rc = read_members(x);
	if (rc < 0)
		return rc;
	settle(x);
	return known &&
	       (x->entry.place.has_point || x->entry.place.asn || x->entry.place.country[0]);
}

int geo_cache_parse(struct span text, int (*entry)(void *ctx, const struct geo_cache_entry *e),
		    void *ctx, char why[static GEO_WHY_MAX])
{
	struct reading x = { .level = 0 };
	struct json_token t;
	uint64_t entries = 0;
	int rc;

	json_read_init(&x.r, text);
	rc = json_read_next(&x.r, &t);
	if (rc == 0 && t.kind != JSON_OBJECT)
		rc = DT_EKIND;
	while (rc == 0 && (rc = json_read_next(&x.r, &t)) == 0 && t.kind == JSON_KEY) {
		rc = ++entries > GEO_CACHE_ENTRIES_MAX ? DT_EFULL : read_entry(&x, &t);
		if (rc == 1)
			rc = entry(ctx, &x.entry);
	}
	if (rc == 0)
		rc = json_read_next(&x.r, &t); /* and nothing behind it */
	if (rc < 0)
		snprintf(why, GEO_WHY_MAX, "byte %zu: %s", json_read_offset(&x.r), dt_strerror(rc));
	return rc;
}

/* ---- as a table ----------------------------------------------------------------------- */

struct rows {
	char *text;
	size_t len, cap;
	uint64_t count;
};

static int add_row(void *ctx, const struct geo_cache_entry *e)
{
	char host[ENDPOINT_TEXT_MAX], org[GEO_ORG_MAX];
	struct rows *rows = ctx;
	const struct geo_place *p = &e->place;

	if (rows->cap - rows->len < ROW_BYTES) {
		size_t cap = rows->cap ? rows->cap * 2 : 1 << 16;
		char *grown = realloc(rows->text, cap);

		if (!grown)
			return -ENOMEM;
		rows->text = grown;
		rows->cap = cap;
	}
	endpoint_host_to_text(&e->ep, host);
	rows->count++;
	rows->len += (size_t)snprintf(rows->text + rows->len, ROW_BYTES, "%s\t%s\t%.0u\t%s\t%s\t\t",
				      host, host, p->asn, text_clean(e->org, org, sizeof(org)),
				      p->country);
	if (p->has_point)
		rows->len += (size_t)snprintf(rows->text + rows->len, 64, "%.6f\t%.6f\t\n",
					      (double)p->lat, (double)p->lon);
	else
		rows->len += (size_t)snprintf(rows->text + rows->len, 64, "\t\t\n");
	return 0;
}

static int read_file(const char *path, uint8_t **out, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st = { 0 };
	ssize_t n = 0;

	*len = 0;
	*out = NULL;
	if (fd < 0 || fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = DT_EKIND;
	else if (st.st_size > GEO_CACHE_BYTES_MAX)
		rc = DT_EFULL;
	if (rc == 0) {
		*out = malloc((size_t)st.st_size + 1);
		rc = *out ? 0 : -ENOMEM;
	}
	while (rc == 0 && *len < (size_t)st.st_size &&
	       (n = read(fd, *out + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	if (n < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

int geo_cache_open(const char *path, struct geo_table **out, char why[static GEO_WHY_MAX])
{
	static const char head[] = "# dht-telescope geo table v1\n";
	struct rows rows = { .cap = 1 << 16 };
	uint8_t *text;
	size_t len;
	int rc = read_file(path, &text, &len);

	*out = NULL;
	if (rc < 0)
		snprintf(why, GEO_WHY_MAX, "%s", dt_strerror(rc));
	rows.text = rc == 0 ? malloc(rows.cap) : NULL;
	if (rc == 0 && !rows.text)
		rc = -ENOMEM;
	if (rc == 0) {
		rows.len = sizeof(head) - 1;
		memcpy(rows.text, head, rows.len);
		rc = geo_cache_parse(span_of(text, len), add_row, &rows, why);
	}
	if (rc == 0 && rows.count)
		rc = geo_table_parse(span_of(rows.text, rows.len), out, why);
	free(rows.text);
	free(text);
	return rc;
}

/* ---- writing ---------------------------------------------------------------------------- */

struct geo_cache_writer {
	char path[PATH_BYTES], tmp[PATH_BYTES];
	FILE *file;
	uint64_t entries;
	int err;
};

int geo_cache_create(const char *path, struct geo_cache_writer **out)
{
	struct geo_cache_writer *w = calloc(1, sizeof(*w));
	size_t len = strlen(path);
	int fd, stem = len > 5 && !strcmp(path + len - 5, ".json") ? (int)len - 5 : (int)len;

	if (!w)
		return -ENOMEM;
	if (snprintf(w->path, PATH_BYTES, "%s", path) >= PATH_BYTES ||
	    snprintf(w->tmp, PATH_BYTES, "%.*s.tmp.json", stem, path) >= PATH_BYTES) {
		free(w);
		return -ENAMETOOLONG;
	}
	fd = open(w->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	w->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!w->file) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		free(w);
		return err;
	}
	fputc('{', w->file);
	*out = w;
	return 0;
}

static void put_entry(struct json *j, const struct geo_cache_entry *e)
{
	const struct geo_place *p = &e->place;

	json_object_begin(j);
	json_key(j, "city");
	if (p->has_point) {
		json_object_begin(j);
		json_kv_double(j, "lat", round((double)p->lat * 1e4) / 1e4);
		json_kv_double(j, "lon", round((double)p->lon * 1e4) / 1e4);
		json_kv_cstring(j, "country", p->country[0] ? p->country : NULL);
		json_object_end(j);
	} else {
		json_null(j);
	}
	json_key(j, "asn");
	if (p->asn) {
		json_object_begin(j);
		json_kv_u64(j, "asn", p->asn);
		json_kv_cstring(j, "org", e->org[0] ? e->org : NULL);
		json_object_end(j);
	} else {
		json_null(j);
	}
	json_object_end(j);
}

void geo_cache_put(struct geo_cache_writer *w, const struct geo_cache_entry *e)
{
	char host[ENDPOINT_TEXT_MAX], text[ENTRY_BYTES];
	struct json j;

	json_init(&j, text, sizeof(text), false);
	put_entry(&j, e);
	if (json_finish(&j) < 0) {
		w->err = DT_EFULL;
		return;
	}
	fputs(w->entries++ ? ",\n \"" : "\"", w->file);
	fputs(endpoint_host_to_text(&e->ep, host), w->file);
	fputs("\": ", w->file);
	fputs(text, w->file);
}

int geo_cache_finish(struct geo_cache_writer *w)
{
	int rc = w->err;

	fputs("}\n", w->file);
	if (ferror(w->file) && rc == 0)
		rc = -EIO;
	if (fclose(w->file) && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(w->tmp, w->path))
		rc = -errno;
	if (rc < 0)
		unlink(w->tmp);
	free(w);
	return rc;
}
