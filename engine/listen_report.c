/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "engine/ear_budget.h"
#include "engine/listen.h"
#include "engine/page.h"
#include "engine/priv.h"
#include "proto/json.h"

/* DOC: what a listening node says at its end: how often it was asked what, and what it gave. */

#define U(x) ((unsigned long long)(x))

static double factor(const struct ear_stats *s)
{
	return s->asked_bytes ? (double)s->answered_bytes / (double)s->asked_bytes : 0;
}

static void json_identity(struct json *j, const struct ear_identity_info *i)
{
	struct nodekey key = nodekey_from_id(&i->id);
	char hex[2 * NODEKEY_BYTES + 1], text[ENDPOINT_TEXT_MAX];
	static const struct endpoint unknown;
	struct endpoint external = i->external;

	external.port = i->local.port;
	json_object_begin(j);
	json_kv_cstring(j, "id", nodekey_to_hex(&key, hex));
	json_kv_cstring(j, "local", endpoint_to_text(&i->local, text));
	json_kv_cstring(j, "external",
			memcmp(i->external.addr, unknown.addr, 16)
				? endpoint_to_text(&external, text)
				: NULL);
	json_key(j, "bep42");
	json_bool(j, i->bep42);
	json_kv_u64(j, "table_nodes", i->table_nodes);
	json_kv_u64(j, "table_depth", i->table_depth);
	json_object_end(j);
}

static void json_counts(struct json *j, const struct ear_stats *s)
{
	json_key(j, "messages");
	json_object_begin(j);
	for (unsigned k = HEARD_PING; k < HEARD_KINDS; k++)
		json_kv_u64(j, heard_kind_name(k), s->messages[k]);
	json_object_end(j);
	json_key(j, "outcomes");
	json_object_begin(j);
	for (unsigned k = 0; k < HEARD_OUTCOMES; k++)
		json_kv_u64(j, heard_outcome_name(k), s->outcomes[k]);
	json_object_end(j);
}

static void json_ear(struct json *j, const struct ear_stats *s)
{
	json_kv_u64(j, "received", s->received);
	json_kv_u64(j, "received_bytes", s->received_bytes);
	json_counts(j, s);
	json_kv_u64(j, "read_only", s->read_only);
	json_kv_u64(j, "unexpected", s->unexpected);
	json_kv_u64(j, "bad_tokens", s->bad_tokens);
	json_kv_u64(j, "announces_kept", s->announces_kept);
	json_kv_u64(j, "torrents", s->peers.torrents);
	json_kv_u64(j, "peers", s->peers.peers);
	json_kv_u64(j, "asked_bytes", s->asked_bytes);
	json_kv_u64(j, "answered_bytes", s->answered_bytes);
	json_kv_double(j, "amplification", factor(s));
	json_kv_u64(j, "queries_sent", s->queries_sent);
	json_kv_u64(j, "query_bytes", s->query_bytes);
	json_kv_u64(j, "answered", s->answered);
	json_kv_u64(j, "timeouts", s->timeouts);
	json_kv_u64(j, "in_flight", s->in_flight);
	json_kv_u64(j, "lookups", s->lookups);
	json_kv_u64(j, "table_nodes", s->table_nodes);
	json_kv_u64(j, "id_changes", s->id_changes);
}

int listen_report_to_json(const struct listen_result *r, const char *version, char *buf, size_t cap)
{
	time_t t = (time_t)(r->started_ms / 1000);
	char when[32];
	struct json j;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_init(&j, buf, cap, true);
	json_object_begin(&j);
	json_kv_cstring(&j, "schema", "dht-telescope listen 1");
	json_kv_cstring(&j, "version", version);
	json_kv_cstring(&j, "started", when);
	json_kv_double(&j, "wall_s", (double)r->wall_ns / 1e9);
	json_kv_u64(&j, "ids", r->ids);
	json_key(&j, "identities");
	json_array_begin(&j);
	for (unsigned i = 0; i < r->ids; i++)
		json_identity(&j, &r->identity[i]);
	json_array_end(&j);
	json_ear(&j, &r->ear);
	json_key(&j, "losses");
	json_object_begin(&j);
	json_kv_u64(&j, "kernel_receive_queue", r->kernel_drops);
	json_kv_u64(&j, "longer_than_a_buffer", r->truncated);
	json_kv_u64(&j, "send_failures", r->send_failures);
	json_kv_u64(&j, "no_room_to_send", r->ear.no_room);
	json_kv_u64(&j, "sightings", r->lost);
	json_object_end(&j);
	json_kv_u64(&j, "heard_kept", r->heard);
	json_kv_u64(&j, "worst_host_10s", r->gate.worst_host_10s);
	json_kv_cstring(&j, "privileges", priv_outcome_text(r->privileges));
	json_object_end(&j);
	return json_finish(&j);
}

static void text_identities(struct page *p, const struct listen_result *r)
{
	enum { SHOWN = 8 };

	for (unsigned i = 0; i < r->ids && i < SHOWN; i++) {
		const struct ear_identity_info *id = &r->identity[i];
		struct nodekey key = nodekey_from_id(&id->id);
		char hex[2 * NODEKEY_BYTES + 1], text[ENDPOINT_TEXT_MAX];

		page_line(p, "  %s at %s, %s, %u nodes in its table\n", nodekey_to_hex(&key, hex),
			  endpoint_to_text(&id->local, text), id->bep42 ? "fits BEP 42" : "free id",
			  id->table_nodes);
	}
	if (r->ids > SHOWN)
		page_line(p, "  and %u more; the JSON report has all\n", r->ids - SHOWN);
}

int listen_report_to_text(const struct listen_result *r, char *buf, size_t cap)
{
	const struct ear_stats *s = &r->ear;
	struct page p = { buf, cap, 0 };

	page_line(&p, "Listened for %.1f s with %u id%s\n", (double)r->wall_ns / 1e9, r->ids,
		  r->ids == 1 ? "" : "s");
	text_identities(&p, r);
	page_line(&p, "\n  heard             %14llu messages\n", U(s->received));
	for (unsigned k = HEARD_PING; k < HEARD_KINDS; k++)
		if (s->messages[k])
			page_line(&p, "    %-16s%14llu\n", heard_kind_name(k), U(s->messages[k]));
	page_line(&p,
		  "\n  answered          %14llu, by an error %llu; withheld %llu, refused %llu\n",
		  U(s->outcomes[HEARD_ANSWERED]), U(s->outcomes[HEARD_ANSWERED_ERROR]),
		  U(s->outcomes[HEARD_WITHHELD]), U(s->outcomes[HEARD_REFUSED]));
	page_line(&p, "  bytes             %14llu asked, %llu answered: factor %.2f\n",
		  U(s->asked_bytes), U(s->answered_bytes), factor(s));
	page_line(&p,
		  "  announces         %14llu kept, %llu with a bad token; %u peers of %u torrents "
		  "now\n",
		  U(s->announces_kept), U(s->bad_tokens), s->peers.peers, s->peers.torrents);
	page_line(&p,
		  "  asked ourselves   %14llu, %llu answered, %llu timed out; %u nodes in the "
		  "tables\n",
		  U(s->queries_sent), U(s->answered), U(s->timeouts), s->table_nodes);
	page_line(&p, "  lost              %14llu in the kernel, %llu too long, %llu not sent\n",
		  U(r->kernel_drops), U(r->truncated), U(r->send_failures + s->no_room));
	return p.len < p.cap ? (int)p.len : DT_EFULL;
}
