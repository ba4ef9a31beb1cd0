/* SPDX-License-Identifier: MIT */
#include "store/geo_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/geo_range.h"
#include "store/intset.h"

enum {
	FIELDS_MAX = 9,
	FIELD_BYTES_MAX = 512, /* the longest organisation name met is 120 */
	FILE_BYTES_MAX = 1 << 30,
	POOL_FIRST_BYTES = 1 << 16,
	PROBE_BYTES = 1 << 13, /* past the comment that opens Tor's file */
};

/* What stands between two fields, and what a row means. */
enum form { FORM_NONE, FORM_ASN_CSV, FORM_COUNTRY_CSV, FORM_IP2ASN, FORM_SIMULATION };

struct form_info {
	const char *name;
	char separator;
	unsigned fields_min;
	unsigned has;
};

static const struct form_info forms[] = {
	[FORM_NONE] = { "none", ',', 0, 0 },
	[FORM_ASN_CSV] = { "asn csv", ',', 3, GEO_HAS_ASN },
	[FORM_COUNTRY_CSV] = { "country csv", ',', 3, GEO_HAS_COUNTRY },
	[FORM_IP2ASN] = { "ip2asn tsv", '\t', 4, GEO_HAS_ASN | GEO_HAS_COUNTRY },
	[FORM_SIMULATION] = { "simulation", '\t', 9,
			      GEO_HAS_ASN | GEO_HAS_COUNTRY | GEO_HAS_POINT | GEO_HAS_SYNTHETIC },
};

static const char simulation_head[] = "# dht-telescope geo table v1";

struct place {
	uint32_t asn;
	uint32_t city_at; /* in the pool */
	float lat, lon, radius_km;
	char country[3];
	bool has_point;
};

struct org {
	uint32_t asn, name_at;
};

struct geo_table {
	enum form form;
	struct geo_ranges4 four;
	struct geo_ranges6 six; /* value: ASN, country or number of a place, by form */
	struct place *places;
	size_t place_count, place_cap;
	struct org *orgs; /* sorted once all are in */
	size_t org_count, org_cap;
	char *pool; /* NUL-terminated names; the first is "" */
	size_t pool_bytes, pool_cap;
};

/* One line cut into fields; quotes are taken off. */
struct line {
	char text[FIELDS_MAX][FIELD_BYTES_MAX];
	unsigned count;
};

/* ---- fields ------------------------------------------------------------------ */

/* Appends to a field; what is too long is cut, as a name may be. */
static size_t put_char(char *field, size_t len, char c)
{
	if (len < FIELD_BYTES_MAX - 1)
		field[len++] = c;
	return len;
}

static const char *read_quoted(const char *p, const char *end, char *field, size_t *len)
{
	for (; p < end; p++) {
		if (*p == '"' && (p + 1 == end || p[1] != '"'))
			return p + 1;
		if (*p == '"')
			p++; /* a doubled quote is one */
		*len = put_char(field, *len, *p);
	}
	return p;
}

static void split(const char *p, const char *end, char separator, struct line *out)
{
	out->count = 0;
	for (;;) {
		char *field = out->text[out->count];
		size_t len = 0;

		if (separator == ',' && p < end && *p == '"')
			p = read_quoted(p + 1, end, field, &len);
		for (; p < end && *p != separator; p++)
			len = put_char(field, len, *p);
		field[len] = '\0';
		if (++out->count == FIELDS_MAX || p >= end)
			return;
		p++;
	}
}

/* A decimal of up to 39 digits; 0 where it is none. */
static unsigned parse_decimal(const char *s, unsigned __int128 *out)
{
	const unsigned __int128 most = ~(unsigned __int128)0;
	unsigned __int128 v = 0;
	unsigned n = 0;

	for (; s[n] >= '0' && s[n] <= '9'; n++) {
		unsigned d = (unsigned)(s[n] - '0');

		if (v > (most - d) / 10)
			return 0;
		v = v * 10 + d;
	}
	*out = v;
	return s[n] ? 0 : n;
}

static int parse_u32(const char *s, uint32_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return DT_EMALF;
	for (; *s >= '0' && *s <= '9' && v <= UINT32_MAX; s++)
		v = v * 10 + (unsigned)(*s - '0');
	if (v > UINT32_MAX)
		return DT_ERANGE;
	*out = (uint32_t)v;
	return *s ? DT_EMALF : 0;
}

/* inet_pton() is four times slower, and there are a million of these. */
static bool parse_dotted(const char *s, uint32_t *out)
{
	uint32_t ip = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned v = 0, n = 0;

		for (; n < 3 && *s >= '0' && *s <= '9'; n++)
			v = v * 10 + (unsigned)(*s++ - '0');
		if (n == 0 || v > 255 || *s++ != (i < 3 ? '.' : '\0'))
			return false;
		ip = ip << 8 | v;
	}
	*out = ip;
	return true;
}

/* @six: out; in numeric form the size of the number tells. */
static int parse_address(const char *s, unsigned __int128 *out, bool *six)
{
	uint8_t b[16];
	uint32_t ip;

	*six = false;
	if (parse_dotted(s, &ip)) {
		*out = ip;
		return 0;
	}
	if (strchr(s, ':')) {
		if (inet_pton(AF_INET6, s, b) != 1)
			return DT_EMALF;
		*six = true;
		*out = 0;
		for (unsigned i = 0; i < 16; i++)
			*out = *out << 8 | b[i];
		return 0;
	}
	if (!parse_decimal(s, out))
		return DT_EMALF;
	*six = *out > UINT32_MAX;
	return 0;
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Two letters, or nothing: "??", "None", "-" all mean unknown. */
static void parse_country(const char *s, char out[static 3])
{
	memset(out, 0, 3);
	if (!is_letter(s[0]) || !is_letter(s[1]) || s[2])
		return;
	out[0] = (char)(s[0] & ~0x20);
	out[1] = (char)(s[1] & ~0x20);
	if (memcmp(out, "ZZ", 2) == 0)
		memset(out, 0, 3);
}

static int parse_float(const char *s, double low, double high, float *out)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end)
		return DT_EMALF;
	if (!(v >= low && v <= high))
		return DT_ERANGE;
	*out = (float)v;
	return 0;
}

/* ---- rows ----------------------------------------------------------------------- */

static int grow(void **p, size_t *cap, size_t first, size_t each)
{
	size_t n = *cap ? 2 * *cap : first;
	void *q = reallocarray(*p, n, each);

	if (!q)
		return -ENOMEM;
	*p = q;
	*cap = n;
	return 0;
}

static int pool_add(struct geo_table *t, const char *s, size_t max, uint32_t *at)
{
	size_t n = strnlen(s, max);

	if (n == 0) {
		*at = 0;
		return 0;
	}
	while (t->pool_bytes + n + 1 > t->pool_cap) {
		void *pool = t->pool;
		int rc = grow(&pool, &t->pool_cap, POOL_FIRST_BYTES, 1);

		t->pool = pool;
		if (rc < 0)
			return rc;
	}
	*at = (uint32_t)t->pool_bytes;
	memcpy(t->pool + t->pool_bytes, s, n);
	t->pool[t->pool_bytes + n] = '\0';
	t->pool_bytes += n + 1;
	return 0;
}

static int add_org(struct geo_table *t, struct intset *named, uint32_t asn, const char *name)
{
	void *orgs = t->orgs;
	uint32_t at;
	int rc = name[0] ? intset_add(named, asn) : 0;

	if (rc <= 0)
		return rc;
	rc = t->org_count == t->org_cap ? grow(&orgs, &t->org_cap, 1024, sizeof(*t->orgs)) : 0;
	t->orgs = orgs;
	if (rc == 0)
		rc = pool_add(t, name, GEO_ORG_MAX - 1, &at);
	if (rc < 0)
		return rc;
	t->orgs[t->org_count++] = (struct org){ .asn = asn, .name_at = at };
	return 0;
}

static int add_place(struct geo_table *t, const struct place *p, uint32_t *number)
{
	void *places = t->places;
	int rc = 0;

	if (t->place_count == t->place_cap)
		rc = grow(&places, &t->place_cap, 1024, sizeof(*t->places));
	t->places = places;
	if (rc < 0)
		return rc;
	*number = (uint32_t)t->place_count;
	t->places[t->place_count++] = *p;
	return 0;
}

static int parse_place(struct geo_table *t, const struct line *l, struct place *p)
{
	int rc = pool_add(t, l->text[5], GEO_CITY_MAX - 1, &p->city_at);

	parse_country(l->text[4], p->country);
	p->has_point = l->text[6][0] && l->text[7][0];
	if (rc == 0 && p->has_point) {
		rc = parse_float(l->text[6], -90, 90, &p->lat);
		if (rc == 0)
			rc = parse_float(l->text[7], -180, 180, &p->lon);
	}
	if (rc == 0 && l->text[8][0])
		rc = parse_float(l->text[8], 0, 20037, &p->radius_km); /* half round the Earth */
	return rc;
}

/* What the row's range is worth, by form. 1: keep; 0: it says nothing. */
static int row_value(struct geo_table *t, struct intset *named, const struct line *l,
		     uint32_t *value)
{
	struct place p = { 0 };
	char country[3];
	int rc;

	if (t->form == FORM_COUNTRY_CSV) {
		parse_country(l->text[2], country);
		*value = (uint32_t)country[0] << 8 | (uint32_t)country[1];
		return country[0] != 0;
	}
	rc = parse_u32(strncmp(l->text[2], "AS", 2) == 0 ? l->text[2] + 2 : l->text[2], &p.asn);
	if (rc < 0 && !(t->form == FORM_SIMULATION && !l->text[2][0]))
		return rc;
	if (t->form == FORM_ASN_CSV) {
		*value = p.asn;
		rc = add_org(t, named, p.asn, l->count > 3 ? l->text[3] : "");
		return rc < 0 ? rc : p.asn != 0;
	}
	if (t->form == FORM_IP2ASN) {
		parse_country(l->text[3], p.country);
		rc = add_org(t, named, p.asn, l->count > 4 && p.asn ? l->text[4] : "");
		if (rc == 0 && !p.asn && !p.country[0])
			return 0;
	} else {
		rc = add_org(t, named, p.asn, l->text[3]);
		if (rc == 0)
			rc = parse_place(t, l, &p);
	}
	if (rc == 0)
		rc = add_place(t, &p, value);
	return rc < 0 ? rc : 1;
}

static int add_row(struct geo_table *t, struct intset *named, const struct line *l)
{
	unsigned __int128 first, last;
	bool six, last_six;
	uint32_t value = 0;
	int rc;

	if (l->count < forms[t->form].fields_min)
		return DT_EMISSING;
	rc = parse_address(l->text[0], &first, &six);
	if (rc == 0)
		rc = parse_address(l->text[1], &last, &last_six);
	if (rc < 0)
		return rc;
	/* In numbers a v6 range may begin small; nothing else may change family midway. */
	if (first > last || (six && !last_six) || (!six && last_six && strchr(l->text[0], '.')))
		return DT_ERANGE;
	rc = row_value(t, named, l, &value);
	if (rc <= 0)
		return rc;
	if (last_six)
		return geo_ranges6_add(&t->six, first, last, value);
	return geo_ranges4_add(&t->four, (uint32_t)first, (uint32_t)last, value);
}

/* ---- a whole file ------------------------------------------------------------------- */

/* From its first line that is not a comment. */
static enum form form_of(const char *p, const char *end)
{
	bool tabs = memchr(p, '\t', (size_t)(end - p)) != NULL;
	unsigned __int128 address;
	struct line l;
	char country[3];
	uint32_t asn;
	bool six;

	split(p, end, tabs ? '\t' : ',', &l);
	if (l.count < 3 || parse_address(l.text[0], &address, &six) < 0 ||
	    parse_address(l.text[1], &address, &six) < 0)
		return FORM_NONE;
	if (tabs)
		return l.count >= 4 && parse_u32(l.text[2], &asn) == 0 ? FORM_IP2ASN : FORM_NONE;
	if (parse_u32(strncmp(l.text[2], "AS", 2) == 0 ? l.text[2] + 2 : l.text[2], &asn) == 0)
		return FORM_ASN_CSV;
	parse_country(l.text[2], country);
	return country[0] || strcmp(l.text[2], "??") == 0 ? FORM_COUNTRY_CSV : FORM_NONE;
}

static bool is_simulation(struct span text)
{
	size_t n = sizeof(simulation_head) - 1;

	return text.len >= n && memcmp(text.ptr, simulation_head, n) == 0;
}

static int compare_org(const void *a, const void *b)
{
	const struct org *x = a, *y = b;

	return x->asn < y->asn ? -1 : x->asn > y->asn;
}

static int seal(struct geo_table *t)
{
	if (t->org_count)
		qsort(t->orgs, t->org_count, sizeof(*t->orgs), compare_org);
	geo_ranges6_seal(&t->six);
	return geo_ranges4_seal(&t->four);
}

struct reader {
	const char *p, *end;
	unsigned number;
};

/* The next line without its end; false at the end of the text. */
static bool next_line(struct reader *r, const char **from, const char **to)
{
	const char *nl;

	if (r->p >= r->end)
		return false;
	nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
	*from = r->p;
	*to = nl ? nl : r->end;
	r->p = nl ? nl + 1 : r->end;
	if (*to > *from && (*to)[-1] == '\r')
		--*to;
	r->number++;
	return true;
}

static int parse_lines(struct geo_table *t, struct intset *named, struct reader *r,
		       struct line *scratch)
{
	const char *from, *to;

	while (next_line(r, &from, &to)) {
		int rc;

		if (from == to || *from == '#')
			continue;
		if (t->form == FORM_NONE)
			t->form = form_of(from, to);
		if (t->form == FORM_NONE)
			return DT_EKIND;
		split(from, to, forms[t->form].separator, scratch);
		rc = add_row(t, named, scratch);
		if (rc < 0)
			return rc;
	}
	return t->form == FORM_NONE ? DT_EMISSING : 0;
}

static int parse_into(struct geo_table *t, struct span text, char *why)
{
	struct reader r = { .p = (const char *)text.ptr, .end = (const char *)text.ptr + text.len };
	struct line *scratch = malloc(sizeof(*scratch));
	struct intset named;
	int rc;

	if (!scratch)
		return -ENOMEM;
	intset_init(&named);
	if (is_simulation(text))
		t->form = FORM_SIMULATION;
	rc = parse_lines(t, &named, &r, scratch);
	if (rc == DT_EKIND || rc == DT_EMISSING)
		snprintf(why, GEO_WHY_MAX, "line %u: no table that we know", r.number);
	else if (rc < 0)
		snprintf(why, GEO_WHY_MAX, "line %u: %s", r.number, dt_strerror(rc));
	if (rc == 0)
		rc = seal(t);
	if (rc == 0 && geo_table_entries(t) == 0) {
		snprintf(why, GEO_WHY_MAX, "holds no range");
		rc = DT_EMISSING;
	}
	intset_fini(&named);
	free(scratch);
	return rc;
}

int geo_table_parse(struct span text, struct geo_table **out, char why[static GEO_WHY_MAX])
{
	struct geo_table *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->pool = calloc(1, POOL_FIRST_BYTES);
	if (!t->pool) {
		free(t);
		return -ENOMEM;
	}
	t->pool_cap = POOL_FIRST_BYTES;
	t->pool_bytes = 1; /* "" at 0 */
	rc = parse_into(t, text, why);
	if (rc < 0) {
		geo_table_close(t);
		return rc;
	}
	*out = t;
	return 0;
}

unsigned geo_table_probe(const char *path)
{
	uint8_t head[PROBE_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));
	const char *from, *to, *text = (const char *)head;
	struct reader r = { .p = text, .end = text + (n > 0 ? n : 0) };
	unsigned __int128 address;
	struct line l;
	enum form form;
	bool six;

	if (fd >= 0)
		close(fd);
	if (n > 0 && is_simulation(span_of(head, (size_t)n)))
		return forms[FORM_SIMULATION].has | GEO_HAS_4 | GEO_HAS_6;
	while (next_line(&r, &from, &to)) {
		if (from == to || *from == '#')
			continue;
		form = form_of(from, to);
		split(from, to, forms[form].separator, &l);
		if (form == FORM_NONE || parse_address(l.text[1], &address, &six) < 0)
			return 0;
		return forms[form].has | (six ? GEO_HAS_6 : GEO_HAS_4);
	}
	return 0;
}

/* Read, not mapped: a file that is cut short meanwhile must not be SIGBUS. */
static int read_all(int fd, uint8_t *out, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = read(fd, out + got, len - got);

		if (n <= 0)
			return n < 0 ? -errno : DT_ESHORT;
		got += (size_t)n;
	}
	return 0;
}

int geo_table_open(const char *path, struct geo_table **out, char why[static GEO_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	uint8_t *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > FILE_BYTES_MAX)
		rc = DT_EKIND;
	if (rc == 0) {
		text = malloc((size_t)st.st_size);
		rc = text ? read_all(fd, text, (size_t)st.st_size) : -ENOMEM;
	}
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		snprintf(why, GEO_WHY_MAX, "%s", dt_strerror(rc));
	else
		rc = geo_table_parse(span_of(text, (size_t)st.st_size), out, why);
	free(text);
	return rc;
}

void geo_table_close(struct geo_table *t)
{
	if (!t)
		return;
	geo_ranges4_fini(&t->four);
	geo_ranges6_fini(&t->six);
	free(t->places);
	free(t->orgs);
	free(t->pool);
	free(t);
}

/* ---- reading --------------------------------------------------------------------------- */

unsigned geo_table_has(const struct geo_table *t)
{
	return forms[t->form].has | (t->four.count ? GEO_HAS_4 : 0) |
	       (t->six.count ? GEO_HAS_6 : 0);
}

const char *geo_table_format(const struct geo_table *t)
{
	return forms[t->form].name;
}

uint64_t geo_table_entries(const struct geo_table *t)
{
	return t->four.count + t->six.count;
}

static const uint32_t *find(const struct geo_table *t, const struct endpoint *ep)
{
	const struct geo_range6 *r6;
	const struct geo_range4 *r4;
	unsigned __int128 ip = 0;

	if (endpoint_is4(ep)) {
		r4 = geo_ranges4_find(&t->four, endpoint_get_ip4(ep));
		return r4 ? &r4->value : NULL;
	}
	for (unsigned i = 0; i < 16; i++)
		ip = ip << 8 | ep->addr[i];
	r6 = geo_ranges6_find(&t->six, ip);
	return r6 ? &r6->value : NULL;
}

static void fill_place(const struct place *p, struct geo_place *out)
{
	if (!out->asn)
		out->asn = p->asn;
	if (!out->country[0])
		memcpy(out->country, p->country, sizeof(out->country));
	if (out->has_point || !p->has_point)
		return;
	out->has_point = true;
	out->lat = p->lat;
	out->lon = p->lon;
	out->radius_km = p->radius_km;
}

bool geo_table_lookup(const struct geo_table *t, const struct endpoint *ep, struct geo_place *out)
{
	const uint32_t *value = find(t, ep);

	if (!value)
		return false;
	if (t->form == FORM_ASN_CSV) {
		if (!out->asn)
			out->asn = *value;
	} else if (t->form == FORM_COUNTRY_CSV) {
		if (!out->country[0]) {
			out->country[0] = (char)(*value >> 8);
			out->country[1] = (char)*value;
		}
	} else {
		fill_place(&t->places[*value], out);
	}
	return true;
}

const char *geo_table_org(const struct geo_table *t, uint32_t asn)
{
	const struct org wanted = { .asn = asn };
	const struct org *o = t->org_count ? bsearch(&wanted, t->orgs, t->org_count,
						     sizeof(*t->orgs), compare_org)
					   : NULL;

	return t->pool + (o ? o->name_at : 0);
}

const char *geo_table_city(const struct geo_table *t, const struct endpoint *ep)
{
	const uint32_t *value = t->place_count ? find(t, ep) : NULL;

	return t->pool + (value ? t->places[*value].city_at : 0);
}

int geo_table_each4(const struct geo_table *t,
		    int (*visit)(void *ctx, uint32_t first, uint32_t last, uint32_t asn), void *ctx)
{
	int rc = 0;

	for (size_t i = 0; i < t->four.count && rc == 0; i++) {
		const struct geo_range4 *r = &t->four.rows[i];
		uint32_t asn = 0;

		if (t->form == FORM_ASN_CSV)
			asn = r->value;
		else if (t->form != FORM_COUNTRY_CSV)
			asn = t->places[r->value].asn;
		rc = visit(ctx, r->first, r->last, asn);
	}
	return rc;
}
