/* SPDX-License-Identifier: MIT */
#include "viz/export_row.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "store/text.h"
#include "viz/export_where.h"
#include "viz/peer.h"

enum {
	ORG_SLOTS = 1 << 15, /* 3.5 MB: the networks of one neighbourhood of ids, nearly all */
	VERSION_SLOTS = 1 << 10,
};

/* ---- columns ------------------------------------------------------------------ */

#define COL(struct_name, column, column_type, field, text)                                         \
	{                                                                                          \
		.name = column, .what = text, .type = column_type,                                 \
		.offset = offsetof(struct struct_name, field),                                     \
		.size = sizeof(((struct struct_name *)0)->field)                                   \
	}
#define NODE(column, type, field, text) COL(export_node, column, type, field, text)

/* Every table of nodes has these, in this order. */
#define NODE_TIMES                                                                                 \
	NODE("port", EXPORT_U16, port, "UDP port"),                                                \
		NODE("first_seen_s", EXPORT_U32, first_seen_s, "Unix time"),                       \
		NODE("last_seen_s", EXPORT_U32, last_seen_s, "Unix time"),                         \
		NODE("first_answered_s", EXPORT_U32, first_answered_s,                             \
		     "Unix time; 0 = never answered"),                                             \
		NODE("last_answered_s", EXPORT_U32, last_answered_s,                               \
		     "Unix time; 0 = never answered")
#define NODE_COUNTS                                                                                \
	NODE("mentions", EXPORT_U16, mentions,                                                     \
	     "distinct nodes that listed it, the most of any census, up to 65535"),                \
		NODE("attempts", EXPORT_U8, attempts, "queries sent in its last census"),          \
		NODE("answers", EXPORT_U8, answers, "of which answered"),                          \
		NODE("rtt_us", EXPORT_U32, rtt_us,                                                 \
		     "least round trip in microseconds; 0 = not measured"),                        \
		NODE("ways", EXPORT_U8, ways,                                                      \
		     "bits: 1 answered, 2 mentioned, 4 asked us, 8 tapped"),                       \
		NODE("flags", EXPORT_U16, flags,                                                   \
		     "bits ever seen: 1 has v, 2 ip vote, 4 id fits address (BEP 42), "            \
		     "8 nodes6, 16 samples, 32 read only, 64 token, 128 error, "                   \
		     "256 id changed, 512 alias, 1024 census total, 2048 late, 4096 surveyed, "    \
		     "8192 bloom filters (BEP 33), 16384 items (BEP 44), 32768 second port"),      \
		NODE("class", EXPORT_U8, node_class,                                               \
		     "0 normal, 1 remapped, 2 multihomed, 3 clone, 4 router, 5 flapper, 6 liar, "  \
		     "7 reflector, 8 one-way, 9 read-only, 10 poisoner"),                          \
		NODE("reach", EXPORT_U8, reach,                                                    \
		     "0 unknown, 1 answers any port, 2 only the port that asked first, 3 "         \
		     "one-way, "                                                                   \
		     "4 read-only")
#define NODE_POINT                                                                                 \
	NODE("lat", EXPORT_F32, lat, "degrees north; empty or NaN = unknown"),                     \
		NODE("lon", EXPORT_F32, lon, "degrees east; empty or NaN = unknown"),              \
		NODE("radius_km", EXPORT_F32, radius_km, "accuracy; 0 = unknown")

#define NODE_NUMBER                                                                                \
	NODE("node", EXPORT_U32, node,                                                             \
	     "its number in this export, by which the other tables name it")
#define NODE_TEXT                                                                                  \
	NODE("id", EXPORT_TEXT, id, "node id, 40 hex digits; empty = none known"),                 \
		NODE("address", EXPORT_TEXT, address, "IPv4 or IPv6 address; see addresses"),      \
		NODE_TIMES, NODE_COUNTS,                                                           \
		NODE("v", EXPORT_TEXT, v, "version tag as sent, hex; empty = none"),               \
		NODE("client", EXPORT_TEXT, client, "family of client that v tells"),              \
		NODE("version", EXPORT_TEXT, version, "v in words; empty = none"),                 \
		NODE("asn", EXPORT_U32, asn, "number of its network; 0 = unknown"),                \
		NODE("org", EXPORT_TEXT, org, "name of its network"),                              \
		NODE("country", EXPORT_TEXT, country, "ISO 3166-1 alpha-2; empty = unknown"),      \
		NODE_POINT,                                                                        \
		NODE("place", EXPORT_TEXT, place, "point, country (a label point) or empty"),      \
		NODE("color", EXPORT_TEXT, color, "hue of its network in pictures")
#define NODE_BINARY                                                                                \
	NODE("id", EXPORT_BYTES, id_bytes, "node id; zeros = none known"),                         \
		NODE("address", EXPORT_BYTES, address_bytes, "IPv6, or IPv4 as ::ffff:a.b.c.d"),   \
		NODE_TIMES, NODE_COUNTS,                                                           \
		NODE("v", EXPORT_BYTES, v_bytes, "version tag as sent, zero padded"),              \
		NODE("client", EXPORT_CHARS, client_chars, "family of client that v tells"),       \
		NODE("asn", EXPORT_U32, asn, "number of its network; 0 = unknown"),                \
		NODE("country", EXPORT_CHARS, country_chars,                                       \
		     "ISO 3166-1 alpha-2; empty = unknown"),                                       \
		NODE_POINT,                                                                        \
		NODE("place", EXPORT_U8, place_code,                                               \
		     "0 unknown, 1 a point, 2 a country's label point")

static const struct export_column node_columns[] = { NODE_TEXT };
static const struct export_column binary_columns[] = { NODE_BINARY };
static const struct export_column graph_columns[] = { NODE_NUMBER, NODE_TEXT };
static const struct export_column graph_binary_columns[] = { NODE_NUMBER, NODE_BINARY };

static const struct export_column group_columns[] = {
	COL(export_group, "by", EXPORT_TEXT, by, "asn, country or client"),
	COL(export_group, "key", EXPORT_TEXT, key, "its value; asn 0, country empty = unknown"),
	COL(export_group, "name", EXPORT_TEXT, name, "of a network"),
	COL(export_group, "nodes", EXPORT_U64, nodes, "nodes that have it"),
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
_Static_assert(COUNT(graph_columns) <= EXPORT_COLUMNS_MAX, "formats keep a buffer for each");

static char *json_head(char *at, const void *row);

const struct export_table export_nodes = { "nodes", node_columns, COUNT(node_columns), json_head,
					   1 };
const struct export_table export_nodes_binary = { "nodes", binary_columns, COUNT(binary_columns),
						  NULL, 0 };
const struct export_table export_graph_nodes = { "nodes", graph_columns, COUNT(graph_columns), NULL,
						 0 };
const struct export_table export_graph_nodes_binary = { "nodes", graph_binary_columns,
							COUNT(graph_binary_columns), NULL, 0 };
const struct export_table export_groups = { "aggregate", group_columns, COUNT(group_columns), NULL,
					    0 };

/* ---- numbers ------------------------------------------------------------------ */

unsigned export_put_u64(char *at, uint64_t v)
{
	char digits[20];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (unsigned i = 0; i < n; i++)
		at[i] = digits[n - 1 - i];
	return n;
}

unsigned export_put_float(char *at, float v)
{
	int64_t units;
	unsigned n = 0, fraction;

	if (!(fabsf(v) < 1e12f))
		return 0;
	units = llround((double)v * 10000);
	if (units < 0)
		at[n++] = '-';
	units = llabs(units);
	n += export_put_u64(at + n, (uint64_t)units / 10000);
	fraction = (unsigned)(units % 10000);
	if (!fraction)
		return n;
	at[n++] = '.';
	for (unsigned step = 1000; fraction; step /= 10) {
		at[n++] = (char)('0' + fraction / step);
		fraction %= step;
	}
	return n;
}

uint64_t export_cell_u64(const struct export_column *c, const void *row)
{
	const char *at = export_cell(c, row);
	uint16_t half;
	uint32_t word;
	uint64_t whole;

	switch ((int)c->type) {
	case EXPORT_U8:
		return *(const uint8_t *)at;
	case EXPORT_U16:
		memcpy(&half, at, sizeof(half));
		return half;
	case EXPORT_U32:
		memcpy(&word, at, sizeof(word));
		return word;
	default:
		memcpy(&whole, at, sizeof(whole));
		return whole;
	}
}

/* ---- names of networks and versions ------------------------------------------ */

struct org_slot {
	uint32_t asn; /* 0 = free; nobody's name needs no slot */
	uint8_t len;
	char name[GEO_ORG_MAX];
};

struct version_slot {
	uint8_t tag[4];
	uint8_t len; /* 0 = free */
	char text[KRPC_VERSION_TEXT_MAX];
};

struct export_namer {
	struct store_view *view;
	struct export_pseudo pseudo;
	bool raw;
	struct org_slot orgs[ORG_SLOTS];
	struct version_slot versions[VERSION_SLOTS];
};

int export_namer_new(struct store_view *v, bool raw, struct export_namer **out)
{
	uint8_t secret[STORE_SECRET_BYTES];
	struct export_namer *n = calloc(1, sizeof(*n));
	int rc = 0;

	if (!n)
		return -ENOMEM;
	n->view = v;
	n->raw = raw;
	if (!raw)
		rc = store_view_secret(v, secret);
	if (!raw && rc == 0)
		rc = export_pseudo_init(&n->pseudo, secret);
	sodium_memzero(secret, sizeof(secret));
	if (rc < 0) {
		free(n);
		return rc;
	}
	*out = n;
	return 0;
}

void export_namer_free(struct export_namer *n)
{
	free(n);
}

struct span export_namer_org(struct export_namer *n, uint32_t asn)
{
	struct org_slot *o = &n->orgs[asn * 0x9e3779b1u >> 17];
	char name[GEO_ORG_MAX];

	_Static_assert(ORG_SLOTS == 1 << (32 - 17), "the hash above has as many values");
	if (!asn)
		return SPAN_LIT("");
	if (o->asn != asn) {
		o->asn = asn;
		text_clean(store_view_org(n->view, asn, name), o->name, sizeof(o->name));
		o->len = (uint8_t)strlen(o->name);
	}
	return span_of(o->name, o->len);
}

static void put_version(struct export_namer *n, const struct store_node *node,
			struct export_node *out)
{
	uint32_t tag;
	struct version_slot *s;

	memcpy(&tag, node->version, sizeof(tag));
	s = &n->versions[tag * 0x9e3779b1u >> 22];
	_Static_assert(VERSION_SLOTS == 1 << (32 - 22), "the hash above has as many values");
	/* Tags of other lengths are rare and share their padded bytes with whole ones. */
	if (!s->len || memcmp(s->tag, node->version, 4) || node->version_len != 4) {
		struct krpc_version v =
			krpc_version_parse(span_of(node->version, node->version_len));

		krpc_version_text(&v, s->text);
		memcpy(s->tag, node->version, 4);
		s->len = node->version_len == 4 ? (uint8_t)strlen(s->text) : 0;
	}
	memcpy(out->version_text, s->text, sizeof(out->version_text));
	out->version = span_of(out->version_text, s->len ? s->len : strlen(s->text));
}

/* ---- a node -------------------------------------------------------------------- */

static unsigned put_hex(char *at, const uint8_t *bytes, unsigned n)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < n; i++) {
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 15];
	}
	return 2 * n;
}

struct span export_put_color(char out[static 7], const uint8_t rgb[static 3])
{
	out[0] = '#';
	put_hex(out + 1, rgb, 3);
	return span_of(out, 7);
}

static unsigned put_address(char out[static ENDPOINT_TEXT_MAX], const struct endpoint *ep)
{
	unsigned n = 0;

	if (!endpoint_is4(ep)) {
		inet_ntop(AF_INET6, ep->addr, out, ENDPOINT_TEXT_MAX);
		return (unsigned)strlen(out);
	}
	for (unsigned i = 12; i < 16; i++) {
		if (n)
			out[n++] = '.';
		n += export_put_u64(out + n, ep->addr[i]);
	}
	return n;
}

static void put_client(const struct store_node *node, struct export_node *out)
{
	const char *client = krpc_client_name(export_where_client(node));

	out->client = span_of(client, strlen(client));
	memset(out->client_chars, 0, sizeof(out->client_chars));
	memcpy(out->client_chars, client, strnlen(client, sizeof(out->client_chars)));
	memcpy(out->v_bytes, node->version, sizeof(out->v_bytes));
	out->v = span_of(out->v_text, put_hex(out->v_text, node->version, node->version_len));
}

/* Degrees as they are printed, so that every format has the same. */
static float rounded(float v, float per_unit)
{
	return roundf(v * per_unit) / per_unit;
}

static void put_place(const struct store_node *node, struct export_node *out)
{
	static const struct span places[] = { { (const uint8_t *)"", 0 },
					      { (const uint8_t *)"point", 5 },
					      { (const uint8_t *)"country", 7 } };

	out->asn = node->asn;
	memcpy(out->country_chars, node->country, sizeof(out->country_chars));
	out->country = span_of(out->country_chars, strnlen(node->country, 2));
	out->place_code = (uint8_t)(node->has_point ? 1 + node->country_level : 0);
	out->place = places[out->place_code];
	out->lat = node->has_point ? rounded(node->lat, 10000) : NAN;
	out->lon = node->has_point ? rounded(node->lon, 10000) : NAN;
	out->radius_km = rounded(node->radius_km, 10);
	out->color = export_put_color(out->color_text, node->color);
}

struct endpoint export_namer_endpoint(const struct export_namer *n, const struct endpoint *ep)
{
	return n->raw ? *ep : export_pseudo_of(&n->pseudo, ep);
}

static void put_names(struct export_namer *n, const struct store_node *node,
		      struct export_node *out)
{
	struct endpoint ep = export_namer_endpoint(n, &node->ep);

	memcpy(out->id_bytes, node->key.b, sizeof(out->id_bytes));
	out->id = span_of(out->id_text,
			  node->key.bits ? put_hex(out->id_text, node->key.b, NODEID_BYTES) : 0);
	memcpy(out->address_bytes, ep.addr, sizeof(out->address_bytes));
	out->address = span_of(out->address_text, put_address(out->address_text, &ep));
	out->six = !endpoint_is4(&ep);
	out->port = ep.port;
}

void export_namer_node(struct export_namer *n, const struct store_node *node,
		       struct export_node *out)
{
	put_names(n, node, out);
	put_client(node, out);
	put_place(node, out);
	out->org = export_namer_org(n, node->asn);
	out->version = SPAN_LIT("");
	if (node->version_len)
		put_version(n, node, out);
	out->first_seen_s = (uint32_t)node->first_seen_s;
	out->last_seen_s = (uint32_t)node->last_seen_s;
	out->first_answered_s = (uint32_t)node->first_answered_s;
	out->last_answered_s = (uint32_t)node->last_answered_s;
	out->rtt_us = node->rtt_us;
	out->flags = node->flags;
	out->mentions = node->mentions;
	out->attempts = node->attempts;
	out->answers = node->answers;
	out->ways = node->ways;
	out->node_class = node->node_class;
	out->reach = (uint8_t)sighting_reach(node->ways, node->flags, node->node_class);
}

/* ---- JSON ------------------------------------------------------------------------ */

/* Nothing to escape and plain ASCII, as nearly every name is. */
static bool is_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] >= 0x7f || s.ptr[i] == '"' || s.ptr[i] == '\\')
			return false;
	return true;
}

char *export_put_json(char *at, struct span s)
{
	struct json j;
	int n;

	if (is_plain(s)) {
		*at++ = '"';
		if (s.len)
			memcpy(at, s.ptr, s.len);
		at += s.len;
		*at++ = '"';
		return at;
	}
	json_init(&j, at, 6 * s.len + 3, false);
	json_string(&j, s);
	n = json_finish(&j);
	return n < 0 ? stpcpy(at, "\"\"") : at + n;
}

static char *put_protocols(char *at, const struct export_node *n)
{
	const char *names[PEER_PROTOCOLS_MAX];
	unsigned count = peer_protocols(n->flags, n->last_answered_s != 0, names);

	at = stpcpy(at, ",\"protocols\":[");
	for (unsigned i = 0; i < count; i++)
		at = stpcpy(stpcpy(stpcpy(at, i ? ",\"" : "\""), names[i]), "\"");
	return stpcpy(at, "]");
}

/* peerID, addresses, protocols, agentVersion: in this order, as libp2p-dht-scrape-aas has it. */
static char *json_head(char *at, const void *row)
{
	const struct export_node *n = row;

	at = export_put_json(stpcpy(at, "\"peerID\":"), n->id);
	at = stpcpy(at, n->six ? ",\"addresses\":[\"/ip6/" : ",\"addresses\":[\"/ip4/");
	memcpy(at, n->address.ptr, n->address.len);
	at = stpcpy(at + n->address.len, "/udp/");
	at += export_put_u64(at, n->port);
	at = put_protocols(stpcpy(at, "\"]"), n);
	at = export_put_json(stpcpy(at, ",\"agentVersion\":"), n->version);
	*at++ = ',';
	return at;
}
