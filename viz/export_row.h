/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_ROW_H
#define VIZ_EXPORT_ROW_H

#include "proto/krpc.h"
#include "store/store.h"
#include "viz/export_pseudo.h"

/**
 * DOC: what a row of an export is: a C struct, and a list of columns that says
 * where in it each value lies. Formats know columns, never nodes; a new column
 * is one line here and appears in every format and in metadata.json.
 */

enum export_type {
	EXPORT_TEXT, /* struct span, UTF-8, at most EXPORT_TEXT_MAX bytes */
	EXPORT_U8,
	EXPORT_U16,
	EXPORT_U32,
	EXPORT_U64,
	EXPORT_F32,   /* NAN = unknown; a multiple of 1/10000 */
	EXPORT_BYTES, /* @size bytes as they are: npy alone */
	EXPORT_CHARS, /* @size bytes of text, zero padded: npy alone */
};

enum { EXPORT_TEXT_MAX = 128, EXPORT_COLUMNS_MAX = 32 };

struct export_column {
	const char *name;
	const char *what; /* one line, for metadata.json */
	enum export_type type;
	uint16_t offset, size;
};

struct export_table {
	const char *name;
	const struct export_column *columns;
	unsigned count;
	/* What JSON lines begin with, a comma at its end; and the columns that it makes needless.
	 */
	char *(*json_head)(char *at, const void *row);
	unsigned json_skip;
};

extern const struct export_table export_nodes;        /* of struct export_node */
extern const struct export_table export_nodes_binary; /* the same row for npy: no text */
/* The same with the node's ordinal before it, for what tells of nodes by ordinal. */
extern const struct export_table export_graph_nodes, export_graph_nodes_binary;
extern const struct export_table export_groups; /* of struct export_group */

/** struct export_node - one node as it leaves. Spans point into the struct itself. */
struct export_node {
	uint32_t node; /* ordinal in the store; export_namer_node() leaves it alone */
	struct span id, address, v, client, version, org, country, place, color;
	uint32_t first_seen_s, last_seen_s, first_answered_s, last_answered_s;
	uint32_t asn, rtt_us;
	float lat, lon, radius_km;
	uint16_t port, flags, mentions;
	uint8_t attempts, answers, ways, place_code, node_class, reach;
	uint8_t id_bytes[NODEID_BYTES], address_bytes[16], v_bytes[4];
	char country_chars[2], client_chars[16];
	char id_text[2 * NODEID_BYTES], address_text[ENDPOINT_TEXT_MAX], v_text[8];
	char version_text[KRPC_VERSION_TEXT_MAX], color_text[7];
	bool six;
};

/** struct export_group - how many nodes share a value. */
struct export_group {
	struct span by, key, name;
	uint64_t nodes;
};

/** struct export_namer - what turns a node of the store into a row. */
struct export_namer;

/** export_namer_new() - @raw: true addresses; else pseudonyms by the store's secret. */
int export_namer_new(struct store_view *v, bool raw, struct export_namer **out) DT_MUST;
void export_namer_free(struct export_namer *n);

/** export_namer_node() - never fails. Cost: bench export_rows. */
void export_namer_node(struct export_namer *n, const struct store_node *node,
		       struct export_node *out);

/** export_namer_endpoint() - as it leaves: the pseudonym, or the true one. */
struct endpoint export_namer_endpoint(const struct export_namer *n, const struct endpoint *ep);

/** export_namer_org() - a network's name, made fit to print; good until the next call. */
struct span export_namer_org(struct export_namer *n, uint32_t asn);

/** export_put_float() - at most 4 decimals, none needless; nothing for NAN. Returns its length. */
unsigned export_put_float(char *at, float v);

/** export_put_color() - "#rrggbb" in @out, and a span of it. */
struct span export_put_color(char out[static 7], const uint8_t rgb[static 3]);

/** export_put_u64() - decimal digits. Returns their number. */
unsigned export_put_u64(char *at, uint64_t v);

enum { EXPORT_NUMBER_MAX = 24 };

/** export_put_json() - a JSON string, at most 6 bytes for one and 2 more. Returns its end. */
char *export_put_json(char *at, struct span s);

/** export_cell_u64() - the number of a column of EXPORT_U8 to EXPORT_U64. */
uint64_t export_cell_u64(const struct export_column *c, const void *row);

static inline const void *export_cell(const struct export_column *c, const void *row)
{
	return (const char *)row + c->offset;
}

#endif
