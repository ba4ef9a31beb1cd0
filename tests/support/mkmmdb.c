/* SPDX-License-Identifier: MIT */
#include "tests/support/mkmmdb.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STRING = 2,
	DOUBLE = 3,
	UINT16 = 5,
	UINT32 = 6,
	MAP = 7,
	UINT64 = 9,
	ARRAY = 11,
	FLOAT = 15
};
enum { NODES_MAX = 1 << 16, IS_DATA = 1u << 31, SEPARATOR_BYTES = 16 };

struct bytes {
	uint8_t *at;
	size_t len, cap;
};

struct tree {
	uint32_t child[NODES_MAX][2]; /* 0 nothing, IS_DATA | offset, or a node */
	uint32_t count;
};

/* ---- bytes ----------------------------------------------------------------- */

static void put(struct bytes *b, const void *from, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = 2 * (b->len + n);
		b->at = realloc(b->at, b->cap);
		if (!b->at)
			abort();
	}
	memcpy(b->at + b->len, from, n);
	b->len += n;
}

static void put_be(struct bytes *b, uint64_t v, unsigned n)
{
	while (n--) {
		uint8_t byte = (uint8_t)(v >> (8 * n));

		put(b, &byte, 1);
	}
}

static void put_head(struct bytes *b, unsigned type, size_t size)
{
	unsigned first = size < 29 ? (unsigned)size : size < 285 ? 29 : 30;

	put_be(b, (type < 8 ? type << 5 : 0) | first, 1);
	if (type >= 8)
		put_be(b, type - 7, 1);
	if (first == 29)
		put_be(b, size - 29, 1);
	if (first == 30)
		put_be(b, size - 285, 2);
}

static void put_text(struct bytes *b, const char *s)
{
	put_head(b, STRING, strlen(s));
	put(b, s, strlen(s));
}

static void put_uint(struct bytes *b, unsigned type, uint64_t v)
{
	unsigned n = 0;

	while (n < 8 && v >> (8 * n))
		n++;
	put_head(b, type, n);
	put_be(b, v, n);
}

static void put_double(struct bytes *b, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, 8);
	put_head(b, DOUBLE, 8);
	put_be(b, bits, 8);
}

static void put_float(struct bytes *b, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, 4);
	put_head(b, FLOAT, 4);
	put_be(b, bits, 4);
}

/* ---- records, by schema ------------------------------------------------------- */

static void key_text(struct bytes *b, const char *key, const char *value)
{
	put_text(b, key);
	put_text(b, value);
}

static void key_uint(struct bytes *b, const char *key, unsigned type, uint64_t v)
{
	put_text(b, key);
	put_uint(b, type, v);
}

static void key_map(struct bytes *b, const char *key, size_t members)
{
	put_text(b, key);
	put_head(b, MAP, members);
}

static void maxmind_city(struct bytes *b, const struct mkmmdb_row *r)
{
	key_map(b, "city", 2);
	key_uint(b, "geoname_id", UINT32, 12345);
	key_map(b, "names", 2);
	key_text(b, "de", "eine Stadt");
	key_text(b, "en", r->city);
	key_map(b, "country", 1);
	key_text(b, "iso_code", r->country);
	key_map(b, "location", 3);
	key_uint(b, "accuracy_radius", UINT16, r->radius_km);
	put_text(b, "latitude");
	put_double(b, r->lat);
	put_text(b, "longitude");
	put_double(b, r->lon);
}

static void flat_city(struct bytes *b, const struct mkmmdb_row *r)
{
	key_text(b, "city", r->city);
	key_text(b, "country_code", r->country);
	put_text(b, "latitude");
	put_float(b, (float)r->lat);
	put_text(b, "longitude");
	put_float(b, (float)r->lon);
	key_text(b, "state1", "");
}

static void strings(struct bytes *b, const struct mkmmdb_row *r)
{
	char text[32];

	snprintf(text, sizeof(text), "%.6f", r->lat);
	key_text(b, "lat", text);
	snprintf(text, sizeof(text), "%.6f", r->lon);
	key_text(b, "lng", text);
	snprintf(text, sizeof(text), "%u", r->radius_km);
	key_text(b, "radius", text);
}

static void ipinfo(struct bytes *b, const struct mkmmdb_row *r)
{
	char text[32];

	snprintf(text, sizeof(text), "AS%u", r->asn);
	key_text(b, "asn", text);
	key_text(b, "as_name", r->org ? r->org : "");
	key_text(b, "country", "Some Country");
	key_text(b, "country_code", r->country);
}

static void put_record(struct bytes *b, enum mkmmdb_schema schema, const struct mkmmdb_row *r)
{
	static const unsigned members[MKMMDB_SCHEMAS] = { 3, 1, 1, 4, 5, 3, 4, 3, 1 };

	put_head(b, MAP, members[schema] + (schema == MKMMDB_MAXMIND_ASN && r->org));
	switch (schema) {
	case MKMMDB_ENTERPRISE:
		key_map(b, "traits", 1);
		key_uint(b, "autonomous_system_number", UINT32, r->asn);
		maxmind_city(b, r);
		break;
	case MKMMDB_MAXMIND_CITY:
		maxmind_city(b, r);
		break;
	case MKMMDB_MAXMIND_COUNTRY:
		key_map(b, r->asn ? "registered_country" : "country", 1);
		key_text(b, "iso_code", r->country);
		break;
	case MKMMDB_MAXMIND_ASN:
		key_uint(b, "autonomous_system_number", UINT32, r->asn);
		if (r->org)
			key_text(b, "autonomous_system_organization", r->org);
		break;
	case MKMMDB_FLAT_CITY:
		flat_city(b, r);
		break;
	case MKMMDB_STRINGS:
		strings(b, r);
		break;
	case MKMMDB_IPINFO:
		ipinfo(b, r);
		break;
	case MKMMDB_AS_NUMBER:
		key_uint(b, "as_number", UINT32, r->asn);
		key_text(b, "organization", r->org ? r->org : "");
		key_text(b, "country", r->country);
		break;
	case MKMMDB_UNKNOWN:
	case MKMMDB_SCHEMAS:
		key_text(b, "colour", "green");
		break;
	}
}

/* ---- the tree ---------------------------------------------------------------------- */

static unsigned parse_net(const char *net, unsigned ip_version, uint8_t addr[16])
{
	char text[64], *slash;
	bool six = strchr(net, ':') != NULL;
	unsigned skip = ip_version == 6 && !six ? 12 : 0;

	snprintf(text, sizeof(text), "%s", net);
	slash = strchr(text, '/');
	if (!slash || (six && ip_version != 6))
		abort();
	*slash = '\0';
	memset(addr, 0, 16);
	if (inet_pton(six ? AF_INET6 : AF_INET, text, addr + skip) != 1)
		abort();
	return 8 * skip + (unsigned)atoi(slash + 1);
}

static void insert(struct tree *t, const uint8_t addr[16], unsigned bits, uint32_t offset)
{
	uint32_t node = 0;

	for (unsigned i = 0; i < bits; i++) {
		uint32_t *child = &t->child[node][addr[i / 8] >> (7 - i % 8) & 1];

		if (i + 1 == bits) {
			*child = IS_DATA | offset;
		} else {
			if (*child & IS_DATA || t->count == NODES_MAX)
				abort();
			if (!*child)
				*child = t->count++;
			node = *child;
		}
	}
}

static uint32_t record_of(const struct tree *t, uint32_t child)
{
	if (child & IS_DATA)
		return t->count + SEPARATOR_BYTES + (child & ~(uint32_t)IS_DATA);
	return child ? child : t->count; /* nothing */
}

static void put_tree(struct bytes *b, const struct tree *t, unsigned record_bits)
{
	for (uint32_t i = 0; i < t->count; i++) {
		uint32_t left = record_of(t, t->child[i][0]), right = record_of(t, t->child[i][1]);

		if (record_bits != 28) {
			put_be(b, left, record_bits / 8);
			put_be(b, right, record_bits / 8);
			continue;
		}
		put_be(b, left & 0xffffff, 3);
		put_be(b, (left >> 24) << 4 | right >> 24, 1);
		put_be(b, right & 0xffffff, 3);
	}
}

static void put_metadata(struct bytes *b, const struct mkmmdb_opts *o, uint32_t nodes)
{
	put(b, "\xab\xcd\xefMaxMind.com", 14);
	put_head(b, MAP, 9);
	key_uint(b, "binary_format_major_version", UINT16, 2);
	key_uint(b, "binary_format_minor_version", UINT16, 0);
	key_uint(b, "build_epoch", UINT64, o->build_s ? o->build_s : 1); /* 0 is refused */
	key_text(b, "database_type", o->type ? o->type : "Test");
	key_map(b, "description", 1);
	key_text(b, "en", "made by a test");
	key_uint(b, "ip_version", UINT16, o->ip_version);
	put_text(b, "languages");
	put_head(b, ARRAY, 1);
	put_text(b, "en");
	key_uint(b, "node_count", UINT32, nodes);
	key_uint(b, "record_size", UINT16, o->record_bits);
}

static uint8_t *assemble(const struct mkmmdb_opts *o, const struct tree *t,
			 const struct bytes *data, size_t *len)
{
	static const uint8_t separator[SEPARATOR_BYTES];
	struct bytes file = { 0 };

	put_tree(&file, t, o->record_bits);
	put(&file, separator, sizeof(separator));
	put(&file, data->at, data->len);
	put_metadata(&file, o, t->count);
	*len = file.len;
	return file.at;
}

uint8_t *mkmmdb_bytes(const struct mkmmdb_opts *o, const struct mkmmdb_row *rows, size_t count,
		      size_t *len)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct bytes data = { 0 };
	uint8_t *out, addr[16];

	if (!t)
		abort();
	t->count = 1;
	for (size_t i = 0; i < count; i++) {
		unsigned bits = parse_net(rows[i].net, o->ip_version, addr);

		insert(t, addr, bits, (uint32_t)data.len);
		put_record(&data, o->schema, &rows[i]);
	}
	out = assemble(o, t, &data, len);
	free(data.at);
	free(t);
	return out;
}

uint8_t *mkmmdb_nested(unsigned depth, size_t *len)
{
	const struct mkmmdb_opts o = { .ip_version = 4, .record_bits = 24 };
	struct tree *t = calloc(1, sizeof(*t));
	const uint8_t addr[16] = { 0 };
	struct bytes data = { 0 };
	uint8_t *out;

	if (!t)
		abort();
	t->count = 1;
	insert(t, addr, 1, 0);
	/* The last key is one that is looked for: all others must be stepped over. */
	put_head(&data, MAP, 2);
	put_text(&data, "x");
	for (unsigned i = 0; i < depth; i++) {
		put_head(&data, MAP, 1);
		put_text(&data, "x");
	}
	put_text(&data, "end");
	key_uint(&data, "asn", UINT32, 7);
	out = assemble(&o, t, &data, len);
	free(data.at);
	free(t);
	return out;
}
