/* SPDX-License-Identifier: MIT */
#include "store/geo_mmdb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <maxminddb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/intset.h"

/**
 * DOC: the only file that knows libmaxminddb. The library trusts a record's
 * nesting and follows it by recursion, so each record is first walked by
 * check_record(), which has bounds for depth and length.
 */

enum {
	PATH_DEPTH = 3, /* names on the longest path */
	PATHS_MAX = 4,  /* candidates of one field */
	BITS4 = 32,
	BITS6 = 128,
	RECORD_DEPTH_MAX = 16,    /* MaxMind's own records are 4 deep */
	RECORD_ITEMS_MAX = 4096,  /* their largest have some 400 */
	SAMPLE_WALK_NODES = 4096, /* a tree this small is read whole */
	SAMPLE_DESCENTS = 512,    /* else this many records from all over it */
	WALK_FACTOR = 8,          /* v6 trees lead into their v4 part from up to four places */
};

enum field { F_LAT, F_LON, F_RADIUS, F_COUNTRY, F_CITY, F_ASN, F_ORG, FIELDS };

/* Source: viz.md 3.3. */
static const char *const paths[FIELDS][PATHS_MAX][PATH_DEPTH + 1] = {
	[F_LAT] = { { "location", "latitude" }, { "latitude" }, { "lat" } },
	[F_LON] = { { "location", "longitude" }, { "longitude" }, { "lng" }, { "lon" } },
	[F_RADIUS] = { { "location", "accuracy_radius" }, { "accuracy_radius" }, { "radius" } },
	[F_COUNTRY] = { { "country", "iso_code" },
			{ "registered_country", "iso_code" },
			{ "country_code" },
			{ "country" } },
	[F_CITY] = { { "city", "names", "en" }, { "city" } },
	[F_ASN] = { { "autonomous_system_number" },
		    { "traits", "autonomous_system_number" },
		    { "asn" },
		    { "as_number" } },
	[F_ORG] = { { "autonomous_system_organization" },
		    { "as_name" },
		    { "organization" },
		    { "name" } },
};

struct asn_entry {
	uint32_t asn, offset;
};

struct geo_mmdb {
	MMDB_s db;
	bool hits[FIELDS][PATHS_MAX]; /* which candidates a sample of records answered */
	unsigned has;
	uint32_t root4; /* node where IPv4 begins */
	uint8_t root4_type;
	uint64_t root4_entry;
	pthread_mutex_t lock; /* guards the next three, made at first use */
	struct asn_entry *orgs;
	size_t org_count, org_cap;
	bool orgs_made;
};

/* ---- one record --------------------------------------------------------------- */

enum kind {
	KIND_EXTENDED = 0,
	KIND_POINTER = 1,
	KIND_MAP = 7,
	KIND_ARRAY = 11,
	KIND_CONTAINER = 12,
	KIND_END = 13,
	KIND_BOOLEAN = 14,
	KIND_LAST = 15,
};

struct item {
	unsigned kind;
	uint32_t size;  /* bytes of payload, or members */
	uint32_t after; /* offset behind the head */
};

static int need(const MMDB_s *db, uint64_t at, unsigned bytes)
{
	return at + bytes <= db->data_section_size ? 0 : DT_ECORRUPT;
}

/* Source: MaxMind DB File Format Specification 2.0, "Data Field Format". */
static int read_pointer(const MMDB_s *db, uint32_t at, unsigned control, struct item *out)
{
	static const uint32_t base[4] = { 0, 2048, 526336, 0 };
	unsigned bytes = (control >> 3 & 3) + 1;
	uint32_t v = bytes == 4 ? 0 : control & 7;

	if (need(db, at, bytes) < 0)
		return DT_ECORRUPT;
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | db->data_section[at + i];
	out->size = v + base[bytes - 1]; /* where it points */
	out->after = at + bytes;
	return 0;
}

static int read_item(const MMDB_s *db, uint32_t at, struct item *out)
{
	static const uint32_t base[4] = { 0, 29, 285, 65821 };
	unsigned control, bytes;
	uint32_t v = 0;

	if (need(db, at, 1) < 0)
		return DT_ECORRUPT;
	control = db->data_section[at++];
	out->kind = control >> 5;
	if (out->kind == KIND_POINTER)
		return read_pointer(db, at, control, out);
	if (out->kind == KIND_EXTENDED) {
		if (need(db, at, 1) < 0)
			return DT_ECORRUPT;
		out->kind = 7u + db->data_section[at++];
	}
	if (out->kind <= KIND_MAP ? out->kind == 0 : out->kind > KIND_LAST)
		return DT_ECORRUPT;
	bytes = (control & 31) > 28 ? (control & 31) - 28 : 0;
	if (need(db, at, bytes) < 0)
		return DT_ECORRUPT;
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | db->data_section[at + i];
	out->size = bytes ? v + base[bytes] : control & 31;
	out->after = at + bytes;
	return 0;
}

struct frame {
	uint32_t left;  /* items still to come at this depth */
	uint32_t after; /* where to go on when they are done; 0 = where the last one ended */
};

/* Steps over one item; @depth grows by a map, an array or a pointer. */
static int step(const MMDB_s *db, uint32_t *at, struct frame *stack, unsigned *depth)
{
	struct item it;
	int rc = read_item(db, *at, &it);

	if (rc < 0)
		return rc;
	*at = it.after;
	if (it.kind == KIND_CONTAINER || it.kind == KIND_END)
		return DT_ECORRUPT; /* cannot stand in a record */
	if (it.kind != KIND_POINTER && it.kind != KIND_MAP && it.kind != KIND_ARRAY) {
		if (it.kind == KIND_BOOLEAN)
			return 0;
		*at += it.size;
		return need(db, *at, 0);
	}
	if (*depth == RECORD_DEPTH_MAX)
		return DT_EDEPTH;
	if (it.kind == KIND_POINTER) {
		if (need(db, it.size, 1) < 0)
			return DT_ECORRUPT;
		stack[(*depth)++] = (struct frame){ .left = 1, .after = it.after };
		*at = it.size;
		return 0;
	}
	if (it.size > RECORD_ITEMS_MAX)
		return DT_ETOKENS;
	stack[(*depth)++] = (struct frame){ .left = it.kind == KIND_MAP ? 2 * it.size : it.size };
	return 0;
}

/* Bounded in depth and length, and nowhere outside the data section. */
static int check_record(const MMDB_s *db, uint32_t offset)
{
	struct frame stack[RECORD_DEPTH_MAX];
	unsigned depth = 0;
	uint32_t at = offset;

	stack[depth++] = (struct frame){ .left = 1 };
	for (unsigned items = 0; items < RECORD_ITEMS_MAX; items++) {
		int rc;

		while (depth && stack[depth - 1].left == 0) {
			if (stack[depth - 1].after)
				at = stack[depth - 1].after;
			depth--;
		}
		if (depth == 0)
			return 0;
		stack[depth - 1].left--;
		rc = step(db, &at, stack, &depth);
		if (rc < 0)
			return rc;
	}
	return DT_ETOKENS;
}

/* ---- one field ------------------------------------------------------------------ */

static bool text_of(const MMDB_entry_data_s *d, char *out, size_t cap)
{
	size_t n;

	if (d->type != MMDB_DATA_TYPE_UTF8_STRING)
		return false;
	n = d->data_size < cap - 1 ? d->data_size : cap - 1;
	memcpy(out, d->utf8_string, n);
	out[n] = '\0';
	return d->data_size > 0;
}

static bool number_of(const MMDB_entry_data_s *d, double *out)
{
	char text[32], *end;

	switch (d->type) {
	case MMDB_DATA_TYPE_DOUBLE:
		*out = d->double_value;
		return isfinite(*out);
	case MMDB_DATA_TYPE_FLOAT:
		*out = (double)d->float_value;
		return isfinite(*out);
	case MMDB_DATA_TYPE_UINT16:
		*out = d->uint16;
		return true;
	case MMDB_DATA_TYPE_UINT32:
		*out = d->uint32;
		return true;
	case MMDB_DATA_TYPE_INT32:
		*out = d->int32;
		return true;
	case MMDB_DATA_TYPE_UINT64:
		*out = (double)d->uint64;
		return true;
	default:
		if (!text_of(d, text, sizeof(text)) || d->data_size >= sizeof(text))
			return false;
		*out = strtod(text, &end);
		return end != text && !*end && isfinite(*out);
	}
}

/* A number, or "AS174". */
static bool asn_of(const MMDB_entry_data_s *d, uint32_t *out)
{
	char text[16], *end;
	double v;

	if (text_of(d, text, sizeof(text)) && strncasecmp(text, "AS", 2) == 0) {
		v = strtod(text + 2, &end);
		if (end == text + 2 || *end)
			return false;
	} else if (!number_of(d, &v)) {
		return false;
	}
	if (!(v >= 1 && v <= UINT32_MAX))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool country_of(const MMDB_entry_data_s *d, char out[static 3])
{
	char text[4];

	if (!text_of(d, text, sizeof(text)) || !is_letter(text[0]) || !is_letter(text[1]) ||
	    text[2])
		return false;
	out[0] = (char)(text[0] & ~0x20);
	out[1] = (char)(text[1] & ~0x20);
	out[2] = '\0';
	return true;
}

static bool fits(enum field f, const MMDB_entry_data_s *d)
{
	char text[4];
	uint32_t asn;
	double v;

	switch (f) {
	case F_LAT:
	case F_LON:
	case F_RADIUS:
		return number_of(d, &v);
	case F_COUNTRY:
		return country_of(d, text);
	case F_ASN:
		return asn_of(d, &asn);
	case F_CITY:
	case F_ORG:
	case FIELDS:
		break;
	}
	return text_of(d, text, sizeof(text));
}

/* The first candidate that this file is known to use and this record answers. */
static bool get(const struct geo_mmdb *m, MMDB_entry_s *entry, enum field f, MMDB_entry_data_s *out)
{
	for (unsigned i = 0; i < PATHS_MAX; i++)
		if (m->hits[f][i] && MMDB_aget_value(entry, out, paths[f][i]) == MMDB_SUCCESS &&
		    out->has_data && fits(f, out))
			return true;
	return false;
}

/* ---- the tree ---------------------------------------------------------------------- */

struct leaf {
	unsigned __int128 prefix; /* of the bits walked, at the top of them */
	unsigned bits;
	uint32_t offset; /* of its record */
};

struct branch {
	uint64_t record;
	MMDB_entry_s entry;
	uint8_t type;
};

static int read_branch(const MMDB_s *db, uint32_t node, unsigned side, struct branch *out)
{
	MMDB_search_node_s n;

	if (MMDB_read_node(db, node, &n) != MMDB_SUCCESS)
		return DT_ECORRUPT;
	*out = side ? (struct branch){ n.right_record, n.right_record_entry, n.right_record_type }
		    : (struct branch){ n.left_record, n.left_record_entry, n.left_record_type };
	if (out->type == MMDB_RECORD_TYPE_INVALID)
		return DT_ECORRUPT;
	/* The library hands back a data offset even where it leads outside. */
	if (out->type == MMDB_RECORD_TYPE_DATA && out->entry.offset >= db->data_section_size)
		return DT_ECORRUPT;
	return 0;
}

/* Depth first, ascending, without recursion. @skip: a node that is not entered. */
static int walk(const MMDB_s *db, uint32_t root, unsigned bits, uint32_t skip,
		int (*visit)(void *ctx, const struct leaf *leaf), void *ctx)
{
	struct {
		uint32_t node;
		unsigned side;
	} stack[BITS6];
	uint64_t budget = (uint64_t)WALK_FACTOR * db->metadata.node_count + 1;
	struct leaf leaf = { .prefix = 0 };
	unsigned depth = 0;
	int rc = 0;

	stack[depth].node = root;
	stack[depth++].side = 0;
	while (depth && rc == 0) {
		unsigned side = stack[depth - 1].side++;
		unsigned shift = bits - depth;
		struct branch b;

		if (side == 2) {
			depth--;
			continue;
		}
		leaf.prefix = (leaf.prefix >> shift >> 1 << 1 | side) << shift;
		rc = read_branch(db, stack[depth - 1].node, side, &b);
		if (rc == 0 && b.type == MMDB_RECORD_TYPE_DATA) {
			leaf.bits = depth;
			leaf.offset = b.entry.offset;
			rc = visit(ctx, &leaf);
		} else if (rc == 0 && b.type == MMDB_RECORD_TYPE_SEARCH_NODE && b.record != skip) {
			if (depth == bits || --budget == 0)
				return DT_ECORRUPT; /* deeper than an address, or a circle */
			stack[depth].node = (uint32_t)b.record;
			stack[depth++].side = 0;
		}
	}
	return rc;
}

/* Where IPv4 begins: the root, or behind 96 zero bits. */
static int find_root4(struct geo_mmdb *m)
{
	struct branch b = { .type = MMDB_RECORD_TYPE_SEARCH_NODE };
	unsigned down = m->db.metadata.ip_version == 6 ? BITS6 - BITS4 : 0;
	int rc = 0;

	for (unsigned i = 0; i < down && b.type == MMDB_RECORD_TYPE_SEARCH_NODE && rc == 0; i++)
		rc = read_branch(&m->db, (uint32_t)b.record, 0, &b);
	m->root4 = (uint32_t)b.record;
	m->root4_type = b.type;
	m->root4_entry = b.entry.offset;
	return rc;
}

/* ---- what the file is ----------------------------------------------------------------- */

static int sample_record(struct geo_mmdb *m, uint32_t offset)
{
	MMDB_entry_s entry = { .mmdb = &m->db, .offset = offset };
	int rc = check_record(&m->db, offset);

	for (unsigned f = 0; f < FIELDS && rc == 0; f++) {
		for (unsigned i = 0; i < PATHS_MAX && paths[f][i][0] && rc == 0; i++) {
			MMDB_entry_data_s d;
			int got = MMDB_aget_value(&entry, &d, paths[f][i]);

			if (got == MMDB_SUCCESS && d.has_data && fits((enum field)f, &d))
				m->hits[f][i] = true;
			else if (got != MMDB_SUCCESS &&
				 got != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
				rc = DT_ECORRUPT;
		}
	}
	return rc;
}

static int sample_leaf(void *ctx, const struct leaf *leaf)
{
	return sample_record(ctx, leaf->offset);
}

/* Down from @node at random, away from emptiness; a record at the end of most ways. */
static int sample_descent(struct geo_mmdb *m, uint32_t node, uint64_t *random)
{
	for (unsigned depth = 0; depth < BITS6; depth++) {
		struct branch b;
		int rc;

		*random = *random * 6364136223846793005u + 1442695040888963407u;
		rc = read_branch(&m->db, node, (unsigned)(*random >> 63), &b);
		if (rc == 0 && b.type == MMDB_RECORD_TYPE_EMPTY)
			rc = read_branch(&m->db, node, !(*random >> 63), &b);
		if (rc < 0 || b.type == MMDB_RECORD_TYPE_EMPTY)
			return rc;
		if (b.type == MMDB_RECORD_TYPE_DATA)
			return sample_record(m, b.entry.offset);
		node = (uint32_t)b.record;
	}
	return DT_ECORRUPT;
}

static int sample(struct geo_mmdb *m)
{
	unsigned bits = m->db.metadata.ip_version == 6 ? BITS6 : BITS4;
	uint64_t random = 1; /* the same sample every time */
	int rc = 0;

	if (m->root4_type == MMDB_RECORD_TYPE_DATA)
		rc = sample_record(m, (uint32_t)m->root4_entry);
	if (rc == 0 && m->db.metadata.node_count <= SAMPLE_WALK_NODES)
		return walk(&m->db, 0, bits, UINT32_MAX, sample_leaf, m);
	for (unsigned i = 0; i < SAMPLE_DESCENTS && rc == 0; i++) {
		bool four = i % 2 && m->root4_type == MMDB_RECORD_TYPE_SEARCH_NODE;

		rc = sample_descent(m, four ? m->root4 : 0, &random);
	}
	return rc;
}

static bool any(const struct geo_mmdb *m, enum field f)
{
	for (unsigned i = 0; i < PATHS_MAX; i++)
		if (m->hits[f][i])
			return true;
	return false;
}

static unsigned what_it_has(const struct geo_mmdb *m)
{
	unsigned has = 0;

	if (any(m, F_LAT) && any(m, F_LON))
		has |= GEO_HAS_POINT;
	if (any(m, F_ASN))
		has |= GEO_HAS_ASN;
	if (any(m, F_COUNTRY))
		has |= GEO_HAS_COUNTRY;
	if (!has)
		return 0;
	if (m->root4_type != MMDB_RECORD_TYPE_EMPTY)
		has |= GEO_HAS_4;
	return has | (m->db.metadata.ip_version == 6 ? GEO_HAS_6 : 0);
}

static int learn(struct geo_mmdb *m, char *why)
{
	int rc = find_root4(m);

	if (rc == 0)
		rc = sample(m);
	if (rc < 0) {
		snprintf(why, GEO_WHY_MAX, "broken: %s", dt_strerror(rc));
		return rc;
	}
	m->has = what_it_has(m);
	if (m->has)
		return 0;
	snprintf(why, GEO_WHY_MAX, "no latitude, ASN or country in its records (type \"%.64s\")",
		 geo_mmdb_type(m));
	return DT_EKIND;
}

int geo_mmdb_open(const char *path, struct geo_mmdb **out, char why[static GEO_WHY_MAX])
{
	struct geo_mmdb *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	rc = MMDB_open(path, MMDB_MODE_MMAP, &m->db);
	if (rc != MMDB_SUCCESS) {
		snprintf(why, GEO_WHY_MAX, "%s", MMDB_strerror(rc));
		free(m);
		return rc == MMDB_OUT_OF_MEMORY_ERROR ? -ENOMEM : DT_EMALF;
	}
	pthread_mutex_init(&m->lock, NULL);
	rc = learn(m, why);
	if (rc < 0) {
		geo_mmdb_close(m);
		return rc;
	}
	*out = m;
	return 0;
}

void geo_mmdb_close(struct geo_mmdb *m)
{
	if (!m)
		return;
	MMDB_close(&m->db);
	pthread_mutex_destroy(&m->lock);
	free(m->orgs);
	free(m);
}

unsigned geo_mmdb_has(const struct geo_mmdb *m)
{
	return m->has;
}

const char *geo_mmdb_type(const struct geo_mmdb *m)
{
	return m->db.metadata.database_type ? m->db.metadata.database_type : "";
}

uint64_t geo_mmdb_build_s(const struct geo_mmdb *m)
{
	return m->db.metadata.build_epoch;
}

uint64_t geo_mmdb_entries(const struct geo_mmdb *m)
{
	return m->db.metadata.node_count;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool find(const struct geo_mmdb *m, const struct endpoint *ep, MMDB_entry_s *out)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	MMDB_lookup_result_s r;
	int err = 0;

	if (endpoint_is4(ep)) {
		memcpy(&four.sin_addr, ep->addr + 12, 4);
		r = MMDB_lookup_sockaddr(&m->db, (const struct sockaddr *)&four, &err);
	} else {
		if (!(m->has & GEO_HAS_6))
			return false;
		memcpy(&six.sin6_addr, ep->addr, 16);
		r = MMDB_lookup_sockaddr(&m->db, (const struct sockaddr *)&six, &err);
	}
	if (err != MMDB_SUCCESS || !r.found_entry || check_record(&m->db, r.entry.offset) < 0)
		return false;
	*out = r.entry;
	return true;
}

static void fill_point(const struct geo_mmdb *m, MMDB_entry_s *entry, struct geo_place *out)
{
	MMDB_entry_data_s d;
	double lat, lon, km;

	if (!get(m, entry, F_LAT, &d) || !number_of(&d, &lat) || !get(m, entry, F_LON, &d) ||
	    !number_of(&d, &lon))
		return;
	/* Some files say "unknown" with the point off Africa where nobody lives. */
	if (!(fabs(lat) <= 90 && fabs(lon) <= 180) || (lat == 0 && lon == 0))
		return;
	out->has_point = true;
	out->lat = (float)lat;
	out->lon = (float)lon;
	if (get(m, entry, F_RADIUS, &d) && number_of(&d, &km) && km > 0 && km < 20037)
		out->radius_km = (float)km;
}

bool geo_mmdb_lookup(const struct geo_mmdb *m, const struct endpoint *ep, struct geo_place *out)
{
	MMDB_entry_data_s d;
	MMDB_entry_s entry;

	if (!find(m, ep, &entry))
		return false;
	if (!out->has_point && (m->has & GEO_HAS_POINT))
		fill_point(m, &entry, out);
	if (!out->country[0] && (m->has & GEO_HAS_COUNTRY) && get(m, &entry, F_COUNTRY, &d))
		country_of(&d, out->country);
	if (!out->asn && (m->has & GEO_HAS_ASN) && get(m, &entry, F_ASN, &d))
		asn_of(&d, &out->asn);
	return true;
}

void geo_mmdb_city(const struct geo_mmdb *m, const struct endpoint *ep, char *out, size_t cap)
{
	MMDB_entry_data_s d;
	MMDB_entry_s entry;

	out[0] = '\0';
	if (find(m, ep, &entry) && get(m, &entry, F_CITY, &d))
		text_of(&d, out, cap);
}

/* ---- networks ---------------------------------------------------------------------------------
 */

static uint32_t asn_at(const struct geo_mmdb *m, uint32_t offset)
{
	MMDB_entry_s entry = { .mmdb = &m->db, .offset = offset };
	MMDB_entry_data_s d;
	uint32_t asn = 0;

	if (check_record(&m->db, offset) == 0 && get(m, &entry, F_ASN, &d))
		asn_of(&d, &asn);
	return asn;
}

struct org_walk {
	struct geo_mmdb *m;
	struct intset met;
	uint32_t last_offset;
};

/* A record may name the number and not the network: only those that do are kept. */
static bool has_org(const struct geo_mmdb *m, uint32_t offset)
{
	MMDB_entry_s entry = { .mmdb = &m->db, .offset = offset };
	MMDB_entry_data_s d;

	return get(m, &entry, F_ORG, &d);
}

static int note_org(void *ctx, const struct leaf *leaf)
{
	struct org_walk *w = ctx;
	struct geo_mmdb *m = w->m;
	uint32_t asn;
	int rc;

	if (leaf->offset == w->last_offset)
		return 0;
	w->last_offset = leaf->offset;
	asn = asn_at(m, leaf->offset);
	if (!asn || !has_org(m, leaf->offset))
		return 0;
	rc = intset_add(&w->met, asn);
	if (rc <= 0)
		return rc;
	if (m->org_count == m->org_cap) {
		size_t cap = m->org_cap ? 2 * m->org_cap : 1024;
		struct asn_entry *orgs = reallocarray(m->orgs, cap, sizeof(*orgs));

		if (!orgs)
			return -ENOMEM;
		m->orgs = orgs;
		m->org_cap = cap;
	}
	m->orgs[m->org_count++] = (struct asn_entry){ asn, leaf->offset };
	return 0;
}

static int compare_entry(const void *a, const void *b)
{
	const struct asn_entry *x = a, *y = b;

	return x->asn < y->asn ? -1 : x->asn > y->asn;
}

/* Under the lock. Whatever was found before an error is used. */
static void make_orgs(struct geo_mmdb *m)
{
	struct org_walk w = { .m = m, .last_offset = UINT32_MAX };
	int rc = 0;

	intset_init(&w.met);
	if (m->root4_type == MMDB_RECORD_TYPE_SEARCH_NODE)
		rc = walk(&m->db, m->root4, BITS4, UINT32_MAX, note_org, &w);
	if (rc == 0 && m->db.metadata.ip_version == 6)
		rc = walk(&m->db, 0, BITS6, m->root4, note_org, &w);
	(void)rc;
	intset_fini(&w.met);
	if (m->org_count)
		qsort(m->orgs, m->org_count, sizeof(*m->orgs), compare_entry);
	m->orgs_made = true;
}

void geo_mmdb_org(struct geo_mmdb *m, uint32_t asn, char *out, size_t cap)
{
	const struct asn_entry wanted = { .asn = asn };
	const struct asn_entry *found = NULL;
	MMDB_entry_s entry = { .mmdb = &m->db };
	MMDB_entry_data_s d;

	out[0] = '\0';
	pthread_mutex_lock(&m->lock);
	if (!m->orgs_made)
		make_orgs(m);
	pthread_mutex_unlock(&m->lock);
	if (m->org_count)
		found = bsearch(&wanted, m->orgs, m->org_count, sizeof(*m->orgs), compare_entry);
	if (!found)
		return;
	entry.offset = found->offset;
	if (get(m, &entry, F_ORG, &d))
		text_of(&d, out, cap);
}

struct each4 {
	const struct geo_mmdb *m;
	int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn);
	void *ctx;
	uint32_t last_offset, last_asn;
};

static int visit_leaf4(void *ctx, const struct leaf *leaf)
{
	struct each4 *e = ctx;
	uint32_t first = (uint32_t)leaf->prefix;
	uint32_t span = leaf->bits < BITS4 ? UINT32_MAX >> leaf->bits : 0;

	if (leaf->offset != e->last_offset) {
		e->last_offset = leaf->offset;
		e->last_asn = e->m->has & GEO_HAS_ASN ? asn_at(e->m, leaf->offset) : 0;
	}
	return e->visit(e->ctx, first, first | span, e->last_asn);
}

int geo_mmdb_each4(const struct geo_mmdb *m,
		   int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn), void *ctx)
{
	struct each4 e = { .m = m, .visit = visit, .ctx = ctx, .last_offset = UINT32_MAX };

	if (m->root4_type == MMDB_RECORD_TYPE_SEARCH_NODE)
		return walk(&m->db, m->root4, BITS4, UINT32_MAX, visit_leaf4, &e);
	if (m->root4_type == MMDB_RECORD_TYPE_DATA) {
		const struct leaf all = { .offset = (uint32_t)m->root4_entry };

		return visit_leaf4(&e, &all);
	}
	return 0;
}
