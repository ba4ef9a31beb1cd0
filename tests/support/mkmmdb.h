/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_MKMMDB_H
#define TESTS_SUPPORT_MKMMDB_H

#include <stddef.h>
#include <stdint.h>

/**
 * DOC: a small maker of MaxMind DB files, so that a plain clone can prove what
 * it reads. Each schema names and nests the same facts as the files of that
 * maker do.
 */
enum mkmmdb_schema {
	MKMMDB_MAXMIND_CITY,    /* location.latitude, doubles; city.names.en */
	MKMMDB_MAXMIND_COUNTRY, /* country.iso_code, or registered_country alone */
	MKMMDB_MAXMIND_ASN,
	MKMMDB_ENTERPRISE, /* city, and traits.autonomous_system_number */
	MKMMDB_FLAT_CITY,  /* ip-location-db: latitude as float, country_code, city as string */
	MKMMDB_STRINGS,    /* lat and lng as text */
	MKMMDB_IPINFO,     /* asn as "AS174", as_name, country as a name, country_code */
	MKMMDB_AS_NUMBER,  /* as_number, organization; country as two letters */
	MKMMDB_UNKNOWN,    /* nothing that anybody looks for */
	MKMMDB_SCHEMAS
};

struct mkmmdb_row {
	const char *net; /* "1.2.3.0/24", "2001:db8::/32" */
	double lat, lon;
	unsigned radius_km;
	const char *country, *city;
	uint32_t asn;
	const char *org; /* NULL: the record has none */
};

struct mkmmdb_opts {
	enum mkmmdb_schema schema;
	unsigned ip_version;  /* 4 or 6; v4 networks in a v6 file lie below ::/96 */
	unsigned record_bits; /* 24, 28 or 32 */
	const char *type;     /* database_type; NULL = "Test" */
	uint64_t build_s;
};

/** mkmmdb_bytes() - the file's bytes, to be freed; aborts on nonsense. */
uint8_t *mkmmdb_bytes(const struct mkmmdb_opts *opts, const struct mkmmdb_row *rows, size_t count,
		      size_t *len);

/** mkmmdb_nested() - a file whose one record is @depth maps deep. */
uint8_t *mkmmdb_nested(unsigned depth, size_t *len);

#endif
