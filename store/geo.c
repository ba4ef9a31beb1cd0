/* SPDX-License-Identifier: MIT */
#include "store/geo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/geo_cache.h"
#include "store/geo_country.h"
#include "store/geo_mmdb.h"
#include "store/geo_notice.h"
#include "store/geo_search.h"
#include "store/geo_source.h"
#include "store/geo_table.h"
#include "store/text.h"

/* What a set wants to know, for each family. */
enum slot { SLOT_CITY, SLOT_ASN, SLOT_COUNTRY, SLOTS };

enum {
	FILES_MAX = SLOTS * 2, /* each slot holds at most one file per family */
	LINE_MAX_BYTES = 1536,
	OLD_DAYS = 90, /* MaxMind's terms ask for fresh data; others age alike */
	DAY_S = 86400,
};

static const unsigned slot_needs[SLOTS] = {
	[SLOT_CITY] = GEO_HAS_POINT,
	[SLOT_ASN] = GEO_HAS_ASN,
	[SLOT_COUNTRY] = GEO_HAS_COUNTRY,
};
static const char *const slot_names[SLOTS] = { "city", "asn", "country" };
static const unsigned family_bit[2] = { GEO_HAS_4, GEO_HAS_6 };

/* An open file: one of the two. */
struct file {
	char path[GEO_SEARCH_PATH_MAX];
	struct geo_mmdb *mmdb;
	struct geo_table *table;
	unsigned has;
	uint64_t build_s;
	const struct geo_notice *notice;
	enum slot used_for; /* the first of them */
};

struct geo {
	struct file *files[FILES_MAX];
	unsigned file_count;
	const struct file *slot[SLOTS][2]; /* v4, v6 */
	struct geo_table *cache;           /* of geo_cache.json; NULL = none */
};

/* While the set is being put together. */
struct opening {
	struct geo *geo;
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

/* A file that might do. */
struct candidate {
	const char *path;
	bool is_table, refused;
	unsigned has;
	uint64_t build_s;
	struct file *file; /* where it is open already */
};

/* ---- one file ----------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(const struct opening *o, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	if (!o->note)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	o->note(o->ctx, line);
}

static bool is_mmdb(const char *path)
{
	size_t n = strlen(path);

	return n > 5 && strcmp(path + n - 5, ".mmdb") == 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Text says nothing of its age; the file's date does, unless an archive faked it. */
static uint64_t file_date_s(const char *path)
{
	const time_t year_2000 = 946684800;
	struct stat st;

	return stat(path, &st) == 0 && st.st_mtime > year_2000 ? (uint64_t)st.st_mtime : 0;
}

static void file_close(struct file *f)
{
	if (!f)
		return;
	geo_mmdb_close(f->mmdb);
	geo_table_close(f->table);
	free(f);
}

static int file_open(const char *path, struct file **out, char why[static GEO_WHY_MAX])
{
	struct file *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return -ENOMEM;
	snprintf(f->path, sizeof(f->path), "%s", path);
	if (is_mmdb(path))
		rc = geo_mmdb_open(path, &f->mmdb, why);
	else
		rc = geo_table_open(path, &f->table, why);
	if (rc < 0) {
		free(f);
		return rc;
	}
	f->has = f->mmdb ? geo_mmdb_has(f->mmdb) : geo_table_has(f->table);
	f->build_s = f->mmdb ? geo_mmdb_build_s(f->mmdb) : file_date_s(path);
	f->notice = geo_notice_for(f->mmdb ? geo_mmdb_type(f->mmdb) : "", base_name(path),
				   f->has & GEO_HAS_SYNTHETIC);
	*out = f;
	return 0;
}

static void say_used(const struct opening *o, const struct file *f)
{
	uint64_t now = (uint64_t)time(NULL);
	char what[256], when[32] = "date unknown";
	time_t build = (time_t)f->build_s;
	const char *format = f->mmdb ? geo_mmdb_type(f->mmdb) : geo_table_format(f->table);
	struct tm tm;

	/* A build date beyond year 9999 is hostile and would not fit. */
	if (f->build_s && f->build_s < 253402300800u && gmtime_r(&build, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d", &tm);
	snprintf(what, sizeof(what), "%.40s, %s, %s%s", format, when, f->notice->licence,
		 f->build_s && f->build_s + (uint64_t)OLD_DAYS * DAY_S < now
			 ? "; older than 90 days: get a newer one with `geo fetch`"
			 : "");
	say(o, "geo: %s (%s)", f->path, what);
}

/* ---- putting a set together ------------------------------------------------------ */

static bool wanted(const struct geo *g, enum slot slot, unsigned family)
{
	/* A source of places names the country too: another one has nothing to add. */
	if (slot == SLOT_COUNTRY && g->slot[SLOT_CITY][family])
		return false;
	return !g->slot[slot][family];
}

static bool is_complete(const struct geo *g)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		for (unsigned family = 0; family < 2; family++)
			if (wanted(g, (enum slot)slot, family))
				return false;
	return true;
}

static struct candidate candidate_for(const char *path)
{
	struct candidate c = { .path = path, .is_table = !is_mmdb(path) };

	if (c.is_table) {
		c.has = geo_table_probe(path);
		c.build_s = file_date_s(path);
	}
	return c;
}

static bool candidate_open(const struct opening *o, struct candidate *c)
{
	char why[GEO_WHY_MAX] = "out of memory";

	if (c->file)
		return true;
	if (file_open(c->path, &c->file, why) < 0) {
		c->refused = true;
		say(o, "geo: %s refused: %s", c->path, why);
		return false;
	}
	c->has = c->file->has;
	c->build_s = c->file->build_s;
	return true;
}

/* The newest that has what is needed; the first by name among equals. */
static struct candidate *best(struct candidate *list, unsigned count, unsigned need)
{
	struct candidate *found = NULL;

	for (unsigned i = 0; i < count; i++) {
		if (list[i].refused || (list[i].has & need) != need)
			continue;
		if (!found || list[i].build_s > found->build_s)
			found = &list[i];
	}
	return found;
}

static void take(const struct opening *o, struct candidate *c, enum slot slot, unsigned family)
{
	struct geo *g = o->geo;

	for (unsigned i = 0; i < g->file_count; i++)
		if (g->files[i] == c->file)
			goto known;
	c->file->used_for = slot;
	g->files[g->file_count++] = c->file;
	say_used(o, c->file);
known:
	g->slot[slot][family] = c->file;
}

static void fill_slot(const struct opening *o, struct candidate *list, unsigned count,
		      enum slot slot, unsigned family)
{
	unsigned need = slot_needs[slot] | family_bit[family];
	struct candidate *c;

	while ((c = best(list, count, need)))
		if (candidate_open(o, c) && (c->has & need) == need) {
			take(o, c, slot, family);
			return;
		}
}

static bool is_used(const struct geo *g, const struct file *f)
{
	for (unsigned i = 0; i < g->file_count; i++)
		if (g->files[i] == f)
			return true;
	return false;
}

/* mmdb files are cheap to open, and only then known; tables are opened when chosen. */
static void fill_from(const struct opening *o, struct candidate *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!list[i].is_table)
			candidate_open(o, &list[i]);
	for (unsigned slot = 0; slot < SLOTS; slot++)
		for (unsigned family = 0; family < 2; family++)
			if (wanted(o->geo, (enum slot)slot, family))
				fill_slot(o, list, count, (enum slot)slot, family);
	for (unsigned i = 0; i < count; i++)
		if (list[i].file && !is_used(o->geo, list[i].file))
			file_close(list[i].file);
}

/* A file that was named, and its sibling of the other family; for one slot alone. */
static void fill_named(const struct opening *o, enum slot slot, const char *path)
{
	char sibling[GEO_SEARCH_PATH_MAX];
	struct candidate list[2];
	unsigned count = 0;

	if (!path || !path[0])
		return;
	list[count++] = (struct candidate){ .path = path };
	if (geo_search_sibling(path, sibling))
		list[count++] = (struct candidate){ .path = sibling };
	for (unsigned i = 0; i < count; i++) {
		struct candidate *c = &list[i];
		bool took = false;

		if (!candidate_open(o, c))
			continue;
		for (unsigned family = 0; family < 2; family++) {
			unsigned need = slot_needs[slot] | family_bit[family];

			if ((c->has & need) != need || o->geo->slot[slot][family])
				continue;
			take(o, c, slot, family);
			took = true;
		}
		if (!took) {
			say(o, "geo: %s refused: holds no %s data", c->path, slot_names[slot]);
			file_close(c->file);
		}
	}
}

static int fill_place(const struct opening *o, enum geo_search_place place, const char *own_dir)
{
	struct geo_search *found = malloc(sizeof(*found));
	struct candidate list[GEO_SEARCH_FILES_MAX];

	if (!found)
		return -ENOMEM;
	geo_search_list(place, own_dir, found);
	for (unsigned i = 0; i < found->count; i++)
		list[i] = candidate_for(found->path[i]);
	fill_from(o, list, found->count);
	free(found);
	return 0;
}

/* One that cannot be read is said and left out, as any other file. */
static void open_cache(const struct opening *o, const char *path)
{
	char why[GEO_WHY_MAX] = "";

	if (path && geo_cache_open(path, &o->geo->cache, why) < 0)
		say(o, "geo: %s refused: %s", path, why);
}

int geo_open(const struct geo_opts *opts, void (*note)(void *ctx, const char *line), void *ctx,
	     struct geo **out)
{
	struct geo *g = calloc(1, sizeof(*g));
	struct opening o = { .geo = g, .note = note, .ctx = ctx };
	int rc = 0;

	if (!g)
		return -ENOMEM;
	fill_named(&o, SLOT_CITY, opts->city_file);
	fill_named(&o, SLOT_ASN, opts->asn_file);
	fill_named(&o, SLOT_COUNTRY, opts->country_file);
	if (opts->dir)
		rc = fill_place(&o, GEO_SEARCH_OWN_DIR, opts->dir);
	if (opts->search && !opts->city_file)
		fill_named(&o, SLOT_CITY, getenv("GEOIP2_CITY_DB"));
	if (opts->search && !opts->asn_file)
		fill_named(&o, SLOT_ASN, getenv("GEOIP2_ASN_DB"));
	open_cache(&o, opts->cache_file);
	for (unsigned p = GEO_SEARCH_HERE; p < GEO_SEARCH_PLACES && opts->search && rc == 0; p++)
		if (!is_complete(g))
			rc = fill_place(&o, (enum geo_search_place)p, NULL);
	if (rc < 0) {
		geo_close(g);
		return rc;
	}
	*out = g;
	return 0;
}

void geo_close(struct geo *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < g->file_count; i++)
		file_close(g->files[i]);
	geo_table_close(g->cache);
	free(g);
}

/* ---- looking up ---------------------------------------------------------------------- */

static void file_lookup(const struct file *f, const struct endpoint *ep, struct geo_place *out)
{
	if (f->mmdb)
		geo_mmdb_lookup(f->mmdb, ep, out);
	else
		geo_table_lookup(f->table, ep, out);
}

/* For networks this file's word counts; for the rest it only fills gaps. */
static void asn_lookup(const struct file *f, const struct endpoint *ep, struct geo_place *out)
{
	uint32_t other = out->asn;

	out->asn = 0;
	file_lookup(f, ep, out);
	if (!out->asn)
		out->asn = other;
}

void geo_lookup(const struct geo *g, const struct endpoint *ep, struct geo_place *out)
{
	unsigned family = !endpoint_is4(ep);
	const struct file *city = g->slot[SLOT_CITY][family], *asn = g->slot[SLOT_ASN][family];
	const struct file *country = g->slot[SLOT_COUNTRY][family];

	*out = (struct geo_place){ .asn = 0 };
	if (city)
		file_lookup(city, ep, out);
	if (asn && asn != city)
		asn_lookup(asn, ep, out);
	if (country && !out->country[0])
		file_lookup(country, ep, out);
	if (g->cache)
		geo_table_lookup(g->cache, ep, out);
	if (!out->has_point && out->country[0] &&
	    geo_country_point(out->country, &out->lat, &out->lon))
		out->has_point = out->country_level = true;
}

char *geo_org(const struct geo *g, uint32_t asn, char out[static GEO_ORG_MAX])
{
	char raw[GEO_ORG_MAX] = "";

	for (unsigned family = 0; family < 2 && !raw[0] && asn; family++) {
		const struct file *f = g->slot[SLOT_ASN][family];

		if (!f)
			continue;
		if (f->mmdb)
			geo_mmdb_org(f->mmdb, asn, raw, sizeof(raw));
		else
			snprintf(raw, sizeof(raw), "%s", geo_table_org(f->table, asn));
	}
	if (!raw[0] && asn && g->cache)
		snprintf(raw, sizeof(raw), "%s", geo_table_org(g->cache, asn));
	return text_clean(raw, out, GEO_ORG_MAX);
}

char *geo_city(const struct geo *g, const struct endpoint *ep, char out[static GEO_CITY_MAX])
{
	const struct file *f = g->slot[SLOT_CITY][!endpoint_is4(ep)];
	char raw[GEO_CITY_MAX] = "";

	if (f && f->mmdb)
		geo_mmdb_city(f->mmdb, ep, raw, sizeof(raw));
	else if (f)
		snprintf(raw, sizeof(raw), "%s", geo_table_city(f->table, ep));
	return text_clean(raw, out, GEO_CITY_MAX);
}

/* ---- about the set ------------------------------------------------------------------------ */

char *geo_attribution(const struct geo *g, char *out, size_t cap)
{
	size_t n = 0;

	if (cap == 0)
		return out;
	out[0] = '\0';
	for (unsigned i = 0; i < g->file_count; i++) {
		const char *line = g->files[i]->notice->line;
		int more;

		if (!line[0] || strstr(out, line))
			continue;
		more = snprintf(out + n, cap - n, "%s%s", n ? "; " : "", line);
		if (more < 0 || (size_t)more >= cap - n) {
			out[n] = '\0'; /* a line is whole or absent */
			break;
		}
		n += (size_t)more;
	}
	return out;
}

bool geo_is_synthetic(const struct geo *g)
{
	for (unsigned i = 0; i < g->file_count; i++)
		if (g->files[i]->has & GEO_HAS_SYNTHETIC)
			return true;
	return false;
}

unsigned geo_sources(const struct geo *g, struct geo_source *out, unsigned max)
{
	unsigned n = g->file_count < max ? g->file_count : max;

	for (unsigned i = 0; i < n; i++) {
		const struct file *f = g->files[i];

		out[i] = (struct geo_source){
			.build_s = f->build_s,
			.entries =
				f->mmdb ? geo_mmdb_entries(f->mmdb) : geo_table_entries(f->table),
		};
		snprintf(out[i].path, sizeof(out[i].path), "%.255s", f->path);
		snprintf(out[i].kind, sizeof(out[i].kind), "%s",
			 f->has & GEO_HAS_SYNTHETIC ? "table" : slot_names[f->used_for]);
		snprintf(out[i].format, sizeof(out[i].format), "%.31s",
			 f->mmdb ? geo_mmdb_type(f->mmdb) : geo_table_format(f->table));
		snprintf(out[i].licence, sizeof(out[i].licence), "%s", f->notice->licence);
	}
	return n;
}

/* Neighbours of one network come as one range. */
struct merging {
	int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn);
	void *ctx;
	uint32_t first, last, asn;
	bool pending;
};

static int merge_range(void *ctx, uint32_t first, uint32_t last, uint32_t asn)
{
	struct merging *m = ctx;
	int rc = 0;

	if (m->pending && m->asn == asn && m->last != UINT32_MAX && m->last + 1 == first) {
		m->last = last;
		return 0;
	}
	if (m->pending)
		rc = m->visit(m->ctx, m->first, m->last, m->asn);
	m->first = first;
	m->last = last;
	m->asn = asn;
	m->pending = rc == 0;
	return rc;
}

int geo_each_network4(const struct geo *g,
		      int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn),
		      void *ctx)
{
	const struct file *f = g->slot[SLOT_ASN][0] ? g->slot[SLOT_ASN][0] : g->slot[SLOT_CITY][0];
	struct merging m = { .visit = visit, .ctx = ctx };
	int rc;

	if (!f)
		return 0;
	if (f->mmdb)
		rc = geo_mmdb_each4(f->mmdb, merge_range, &m);
	else
		rc = geo_table_each4(f->table, merge_range, &m);
	if (rc == 0 && m.pending)
		rc = visit(ctx, m.first, m.last, m.asn);
	return rc;
}
