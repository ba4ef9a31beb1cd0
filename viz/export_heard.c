/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "proto/heard.h"
#include "store/heardlog.h"
#include "viz/export_run.h"

/**
 * DOC: messages heard as a table, each with its sender: all of them, or announces, or
 * get_peers alone. Networks and countries are those of the node at that endpoint.
 */

struct heard_row {
	struct span kind, target, id, address, outcome, way, v, client, country;
	uint64_t when_ms;
	uint32_t asn;
	uint16_t port, peer_port, bytes;
	int16_t code;
	uint8_t kind_code, outcome_code, way_code, flags;
	uint8_t target_bytes[NODEID_BYTES], id_bytes[NODEID_BYTES], address_bytes[16], v_bytes[4];
	char target_text[2 * NODEID_BYTES + 1], id_text[2 * NODEID_BYTES + 1], v_text[9];
	char address_text[ENDPOINT_TEXT_MAX], country_chars[2], client_chars[16];
};

#define COL(column, column_type, field, text_)                                                     \
	{                                                                                          \
		.name = column, .what = text_, .type = column_type,                                \
		.offset = offsetof(struct heard_row, field),                                       \
		.size = sizeof(((struct heard_row *)0)->field)                                     \
	}
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#define NUMBERS                                                                                    \
	COL("port", EXPORT_U16, port, "UDP port it came from; 0 = not written down"),              \
		COL("peer_port", EXPORT_U16, peer_port,                                            \
		    "of an announce: where the peer listens; else 0"),                             \
		COL("bytes", EXPORT_U16, bytes, "of the datagram"),                                \
		COL("flags", EXPORT_U8, flags,                                                     \
		    "bits: 1 has id, 2 has target, 4 read only, 8 implied port, 16 bad token, "    \
		    "32 wants IPv4, 64 wants IPv6, 128 odd"),                                      \
		COL("asn", EXPORT_U32, asn, "number of its network; 0 = unknown")
#define TEXT(target_name, target_what)                                                             \
	COL("when_ms", EXPORT_U64, when_ms, "Unix time in milliseconds"),                          \
		COL("kind", EXPORT_TEXT, kind, "what was said"),                                   \
		COL(target_name, EXPORT_TEXT, target, target_what),                                \
		COL("id", EXPORT_TEXT, id, "id the sender gave, 40 hex digits; empty = none"),     \
		COL("address", EXPORT_TEXT, address, "the sender's; see addresses"), NUMBERS,      \
		COL("country", EXPORT_TEXT, country, "ISO 3166-1 alpha-2; empty = unknown"),       \
		COL("v", EXPORT_TEXT, v, "version tag as sent, hex; empty = none"),                \
		COL("client", EXPORT_TEXT, client, "family of client that v tells"),               \
		COL("outcome", EXPORT_TEXT, outcome, "what became of it"),                         \
		COL("way", EXPORT_TEXT, way, "asked-us, or tapped on a wire")
#define BINARY(target_name, target_what)                                                           \
	COL("when_ms", EXPORT_U64, when_ms, "Unix time in milliseconds"),                          \
		COL("kind", EXPORT_U8, kind_code,                                                  \
		    "1 ping, 2 find_node, 3 get_peers, 4 announce_peer, 5 sample_infohashes, "     \
		    "6 get, 7 put, 8 other, 9 reply, 10 error, 11 malformed"),                     \
		COL(target_name, EXPORT_BYTES, target_bytes, target_what),                         \
		COL("id", EXPORT_BYTES, id_bytes, "id the sender gave; zeros = none"),             \
		COL("address", EXPORT_BYTES, address_bytes, "IPv6, or IPv4 as ::ffff:a.b.c.d"),    \
		NUMBERS, COL("country", EXPORT_CHARS, country_chars, "ISO 3166-1 alpha-2"),        \
		COL("v", EXPORT_BYTES, v_bytes, "version tag as sent, zero padded"),               \
		COL("client", EXPORT_CHARS, client_chars, "family of client that v tells"),        \
		COL("outcome", EXPORT_U8, outcome_code,                                            \
		    "0 none due, 1 answered, 2 by an error, 3 withheld, 4 refused, 5 expected"),   \
		COL("way", EXPORT_U8, way_code, "2 asked us, 3 tapped")

static const struct export_column text_columns[] = { TEXT("info_hash", "of the torrent") };
static const struct export_column binary_columns[] = { BINARY("info_hash", "of the torrent") };
static const struct export_column all_text_columns[] = { TEXT(
	"target", "target, or info-hash of a torrent; empty = none") };
static const struct export_column all_binary_columns[] = { BINARY(
	"target", "target, or info-hash of a torrent; zeros = none") };

/* By what and whether it is binary. */
static const struct export_table announces[2] = {
	{ "announces", text_columns, COUNT(text_columns), NULL, 0 },
	{ "announces", binary_columns, COUNT(binary_columns), NULL, 0 },
};
static const struct export_table getpeers[2] = {
	{ "getpeers", text_columns, COUNT(text_columns), NULL, 0 },
	{ "getpeers", binary_columns, COUNT(binary_columns), NULL, 0 },
};
static const struct export_table messages[2] = {
	{ "messages", all_text_columns, COUNT(all_text_columns), NULL, 0 },
	{ "messages", all_binary_columns, COUNT(all_binary_columns), NULL, 0 },
};

static const struct export_table *table_of(const struct export_opts *o)
{
	unsigned binary = o->kind == EXPORT_NPY;

	return o->what == EXPORT_ANNOUNCES  ? &announces[binary]
	       : o->what == EXPORT_GETPEERS ? &getpeers[binary]
					    : &messages[binary];
}

/* ---- rows ------------------------------------------------------------------------- */

static struct span text_span(const char *text)
{
	return span_of(text, strlen(text));
}

static struct span hex_of(const uint8_t *bytes, unsigned n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	return span_of(out, 2 * (size_t)n);
}

static void put_ids(const struct heard *h, struct heard_row *row)
{
	row->id = row->target = SPAN_LIT("");
	if (h->flags & HEARD_HAS_ID) {
		memcpy(row->id_bytes, h->id.b, NODEID_BYTES);
		row->id = hex_of(h->id.b, NODEID_BYTES, row->id_text);
	}
	if (h->flags & HEARD_HAS_TARGET) {
		memcpy(row->target_bytes, h->target.b, NODEID_BYTES);
		row->target = hex_of(h->target.b, NODEID_BYTES, row->target_text);
	}
}

static void put_client(const struct heard *h, struct heard_row *row)
{
	struct krpc_version version = krpc_version_parse(
		h->version_len ? span_of(h->version, h->version_len) : (struct span){ NULL, 0 });
	const char *client = krpc_client_name(version.client);

	memcpy(row->v_bytes, h->version, sizeof(row->v_bytes));
	row->v = hex_of(h->version, h->version_len, row->v_text);
	row->client = text_span(client);
	memcpy(row->client_chars, client, strnlen(client, sizeof(row->client_chars)));
}

/* The node there, under the tag and by the way of this message, for conditions and its network. */
static int find_sender(struct export_job *job, const struct heard *h, struct store_node *out)
{
	int rc = store_view_find(job->view, &h->from, out);

	if (rc == 0)
		*out = (struct store_node){ .ep = h->from };
	if (rc < 0)
		return rc;
	memcpy(out->version, h->version, sizeof(out->version));
	out->version_len = h->version_len;
	out->ways |= (uint8_t)(1u << h->way);
	return 0;
}

static void make_row(struct export_job *job, const struct heard *h, const struct store_node *sender,
		     struct heard_row *row)
{
	struct endpoint from = export_namer_endpoint(job->namer, &h->from);

	*row = (struct heard_row){ .when_ms = h->when_ms,
				   .asn = sender->asn,
				   .port = h->from.port,
				   .peer_port = h->peer_port,
				   .bytes = h->bytes,
				   .kind_code = h->kind,
				   .outcome_code = h->outcome,
				   .way_code = h->way,
				   .flags = h->flags };
	row->kind = text_span(heard_kind_name(h->kind));
	row->outcome = text_span(heard_outcome_name(h->outcome));
	row->way = text_span(sighting_way_name(h->way));
	row->address = text_span(endpoint_host_to_text(&from, row->address_text));
	memcpy(row->address_bytes, from.addr, sizeof(row->address_bytes));
	memcpy(row->country_chars, sender->country, sizeof(row->country_chars));
	row->country = span_of(row->country_chars, strnlen(sender->country, 2));
	put_ids(h, row);
	put_client(h, row);
}

/* ---- all of them ---------------------------------------------------------------------- */

static bool is_wanted(const struct export_opts *o, const struct heard *h)
{
	if (o->what == EXPORT_ANNOUNCES && h->kind != HEARD_ANNOUNCE_PEER)
		return false;
	if (o->what == EXPORT_GETPEERS && h->kind != HEARD_GET_PEERS)
		return false;
	return !o->timed ||
	       (h->when_ms / 1000 >= o->when.from_s && h->when_ms / 1000 <= o->when.to_s);
}

/* @sheet NULL: counted alone. Messages beyond @most came since then: for the next time. */
static int walk(struct export_job *job, struct export_sheet *sheet, uint64_t most, uint64_t *count)
{
	struct heardlog_reader *r;
	struct store_node sender;
	struct heard_row row;
	struct heard h;
	int rc = store_view_heard(job->view, &r);

	*count = 0;
	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc;
	while (rc >= 0 && (rc = heardlog_next(r, &h)) == 1) {
		if (!is_wanted(job->opts, &h))
			continue;
		rc = find_sender(job, &h, &sender);
		if (rc < 0 || !export_where_holds(&job->opts->where, &sender))
			continue;
		if (*count == most)
			break;
		++*count;
		if (!sheet)
			continue;
		make_row(job, &h, &sender, &row);
		rc = export_table_row(sheet, &row);
	}
	heardlog_end(r);
	return rc < 0 ? rc : 0;
}

int export_heard_write(struct export_job *job)
{
	const struct export_table *table = table_of(job->opts);
	struct export_sheet s;
	uint64_t rows = 0;
	int rc = job->opts->kind == EXPORT_NPY ? walk(job, NULL, UINT64_MAX, &rows) : 0;

	if (rc < 0)
		return rc;
	rc = export_table_open(job, job->opts->kind, table->name, table, rows, &s);
	if (rc == 0)
		rc = walk(job, &s, job->opts->kind == EXPORT_NPY ? rows : UINT64_MAX, &rows);
	job->stats->rows = s.written;
	return export_table_close(job, &s, rc);
}
