/* SPDX-License-Identifier: MIT */
#include "engine/cli/summary_heard.h"

#include "engine/cli/cli.h"
#include "engine/cli/summary_rows.h"

enum { ROWS_SHOWN = 10 };

static char *hash_hex(const struct nodeid *hash, char out[static 2 * NODEKEY_BYTES + 1])
{
	struct nodekey key = nodekey_from_id(hash);

	return nodekey_to_hex(&key, out);
}

static void text_shares(const char *title, const struct heardtally_share *rows, unsigned n,
			FILE *to)
{
	char a[32], b[32], name[GEO_ORG_MAX];

	if (!n)
		return;
	fprintf(to, "\n%-42s %12s %12s\n", title, "messages", "announces");
	for (unsigned i = 0; i < n && i < ROWS_SHOWN; i++) {
		if (rows[i].name[0])
			snprintf(name, sizeof(name), "%.90s", rows[i].name);
		else
			snprintf(name, sizeof(name), rows[i].asn ? "AS%u" : "not known",
				 rows[i].asn);
		fprintf(to, "  %-40.40s %12s %12s\n", name, cli_group_digits(rows[i].messages, a),
			cli_group_digits(rows[i].announces, b));
	}
}

void summary_heard_text(const struct heardtally *t, FILE *to)
{
	char a[32], b[32], c[32], hex[2 * NODEKEY_BYTES + 1];

	if (!t->all)
		return;
	fprintf(to, "\nHeard   %s messages, %s to %s UTC\n", cli_group_digits(t->all, a),
		summary_utc(t->first_ms / 1000, b), summary_utc(t->last_ms / 1000, c));
	for (unsigned k = 0; k < HEARD_KINDS; k++)
		if (t->messages[k])
			fprintf(to, "  %-18s %12s\n", heard_kind_name(k),
				cli_group_digits(t->messages[k], a));
	fprintf(to, "  info-hashes        %12s   %s with an announced peer\n",
		cli_group_digits(t->infohashes, a), cli_group_digits(t->announced, b));
	if (t->without_room)
		fprintf(to, "  of further ones    %12s   messages: the table of torrents is full\n",
			cli_group_digits(t->without_room, a));
	if (t->torrent_rows)
		fprintf(to, "\n%-42s %12s %12s %12s\n", "Info-hashes", "peers", "announces",
			"get_peers");
	for (unsigned i = 0; i < t->torrent_rows && i < ROWS_SHOWN; i++)
		fprintf(to, "  %s %12s %12s %12s\n", hash_hex(&t->torrents[i].hash, hex),
			cli_group_digits(t->torrents[i].peers, a),
			cli_group_digits(t->torrents[i].announces, b),
			cli_group_digits(t->torrents[i].get_peers, c));
	text_shares("Heard of clients", t->clients, t->client_rows, to);
	text_shares("Heard of networks", t->networks, t->network_rows, to);
}

static void json_shares(struct json *j, const char *key, const struct heardtally_share *rows,
			unsigned n, bool asn)
{
	json_key(j, key);
	json_array_begin(j);
	for (unsigned i = 0; i < n; i++) {
		json_object_begin(j);
		if (asn)
			json_kv_u64(j, "asn", rows[i].asn);
		json_kv_cstring(j, "name", rows[i].name);
		json_kv_u64(j, "messages", rows[i].messages);
		json_kv_u64(j, "announces", rows[i].announces);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_torrents(struct json *j, const struct heardtally *t)
{
	char hex[2 * NODEKEY_BYTES + 1];

	json_key(j, "top_infohashes");
	json_array_begin(j);
	for (unsigned i = 0; i < t->torrent_rows; i++) {
		json_object_begin(j);
		json_kv_cstring(j, "info_hash", hash_hex(&t->torrents[i].hash, hex));
		json_kv_u64(j, "peers", t->torrents[i].peers);
		json_kv_u64(j, "announces", t->torrents[i].announces);
		json_kv_u64(j, "get_peers", t->torrents[i].get_peers);
		json_object_end(j);
	}
	json_array_end(j);
}

void summary_heard_json(const struct heardtally *t, struct json *j)
{
	json_key(j, "heard");
	if (!t->all) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_kv_u64(j, "messages", t->all);
	json_kv_u64(j, "tapped", t->tapped);
	json_kv_u64(j, "read_only", t->read_only);
	json_kv_u64(j, "first_ms", t->first_ms);
	json_kv_u64(j, "last_ms", t->last_ms);
	json_key(j, "by_kind");
	json_object_begin(j);
	for (unsigned k = HEARD_PING; k < HEARD_KINDS; k++)
		json_kv_u64(j, heard_kind_name(k), t->messages[k]);
	json_object_end(j);
	json_kv_u64(j, "infohashes", t->infohashes);
	json_kv_u64(j, "infohashes_announced", t->announced);
	json_kv_u64(j, "without_room", t->without_room);
	json_torrents(j, t);
	json_shares(j, "top_clients", t->clients, t->client_rows, false);
	json_shares(j, "top_networks", t->networks, t->network_rows, true);
	json_object_end(j);
}
