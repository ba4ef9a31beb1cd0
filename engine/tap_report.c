/* SPDX-License-Identifier: MIT */
#include "engine/tap_report.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "engine/counters.h"
#include "engine/page.h"
#include "engine/priv.h"
#include "proto/json.h"

/* ---- JSON ------------------------------------------------------------------------- */

static void json_iso(struct json *j, const char *key, uint64_t unix_us)
{
	time_t t = (time_t)(unix_us / 1000000);
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_kv_cstring(j, key, unix_us ? text : NULL);
}

static void json_frames(struct json *j, const struct tap_stats *s)
{
	json_key(j, "frames");
	json_object_begin(j);
	json_kv_u64(j, "all", s->packets);
	json_kv_u64(j, "bytes", s->bytes);
	for (unsigned v = 0; v < FRAME_VERDICTS; v++)
		json_kv_u64(j, frame_verdict_name((enum frame_verdict)v), s->verdicts[v]);
	json_kv_u64(j, "vlan", s->tagged);
	json_kv_u64(j, "pppoe", s->pppoe);
	json_kv_u64(j, "not_krpc", s->foreign);
	json_object_end(j);
}

static void json_kinds(struct json *j, const char *key, const uint64_t counts[HEARD_KINDS],
		       unsigned end)
{
	json_key(j, key);
	json_object_begin(j);
	for (unsigned k = HEARD_PING; k < end; k++)
		json_kv_u64(j, heard_kind_name(k), counts[k]);
	json_object_end(j);
}

static void json_transactions(struct json *j, const struct tap_stats *s)
{
	json_key(j, "transactions");
	json_object_begin(j);
	json_kv_u64(j, "answered", s->answered);
	json_kv_u64(j, "errors", s->failed);
	json_kv_u64(j, "expired", s->expired);
	json_kv_u64(j, "forgotten", s->crowded);
	json_kv_u64(j, "repeated", s->repeated);
	json_kv_u64(j, "pending", s->pending);
	json_kv_u64(j, "orphans", s->orphans);
	json_kv_double(j, "rtt_p50_ms", counters_rtt_ms(s->rtt_hist, 0.5));
	json_kv_double(j, "rtt_p99_ms", counters_rtt_ms(s->rtt_hist, 0.99));
	json_kinds(j, "answered_by_kind", s->answers_to, HEARD_REPLY);
	json_object_end(j);
}

static void json_nodes(struct json *j, const struct tap_report *rep)
{
	const struct tap_stats *s = &rep->result->stats;

	json_key(j, "nodes");
	json_object_begin(j);
	json_kv_u64(j, "seen", s->nodes);
	json_kv_u64(j, "asked", rep->asked);
	json_kv_u64(j, "replied", rep->replied);
	json_kv_u64(j, "answered", rep->answered);
	json_kv_u64(j, "contacts_listed", s->contacts);
	json_kv_u64(j, "contacts_said", s->contacts_said);
	json_kv_u64(j, "listings", s->listings);
	json_object_end(j);
}

static void json_clients(struct json *j, const struct tap_stats *s)
{
	json_key(j, "clients");
	json_array_begin(j);
	for (unsigned c = 0; c < KRPC_CLIENT_FAMILIES; c++) {
		if (!s->client_messages[c])
			continue;
		json_object_begin(j);
		json_kv_cstring(j, "client", krpc_client_name((enum krpc_client)c));
		json_kv_u64(j, "messages", s->client_messages[c]);
		json_kv_u64(j, "bytes", s->client_bytes[c]);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_networks(struct json *j, const struct tap_report *rep)
{
	json_key(j, "networks");
	json_array_begin(j);
	for (unsigned i = 0; i < rep->network_count; i++) {
		const struct tap_share *n = &rep->networks[i];

		json_object_begin(j);
		json_kv_u64(j, "asn", n->asn);
		json_kv_cstring(j, "name", n->name);
		json_kv_u64(j, "nodes", n->nodes);
		json_kv_u64(j, "messages", n->messages);
		json_kv_u64(j, "bytes", n->bytes);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_drops(struct json *j, const struct tap_result *r)
{
	json_key(j, "drops");
	json_object_begin(j);
	json_kv_u64(j, "kernel", r->kernel.dropped);
	json_kv_u64(j, "interface", r->kernel.if_dropped);
	json_kv_u64(j, "sightings", r->stats.sightings_dropped);
	json_kv_u64(j, "heard", r->stats.heard_dropped);
	json_kv_u64(j, "listings", r->stats.listings_dropped);
	json_kv_u64(j, "nodes_without_room", r->stats.nodes_crowded);
	json_object_end(j);
	json_key(j, "queues");
	json_array_begin(j);
	for (unsigned i = 0; i < r->queues; i++) {
		json_object_begin(j);
		json_kv_u64(j, "frames", r->queue[i].packets);
		json_kv_u64(j, "kernel_received", r->queue[i].kernel.received);
		json_kv_u64(j, "kernel_dropped", r->queue[i].kernel.dropped);
		json_kv_u64(j, "sightings_dropped", r->queue[i].sightings_dropped);
		json_object_end(j);
	}
	json_array_end(j);
}

int tap_report_to_json(const struct tap_report *rep, char *buf, size_t cap)
{
	const struct tap_result *r = rep->result;
	struct json j;

	json_init(&j, buf, cap, true);
	json_object_begin(&j);
	json_kv_cstring(&j, "schema", "dht-telescope tap 1");
	json_kv_cstring(&j, "version", rep->version);
	json_kv_cstring(&j, "source", rep->source);
	json_kv_cstring(&j, "link", r->link);
	json_kv_cstring(&j, "end", tap_end_name(r->end));
	json_kv_cstring(&j, "why", r->why[0] ? r->why : NULL);
	json_iso(&j, "first_frame", r->stats.first_us);
	json_iso(&j, "last_frame", r->stats.last_us);
	json_kv_double(&j, "capture_span_s", (double)(r->stats.last_us - r->stats.first_us) / 1e6);
	json_kv_double(&j, "wall_s", (double)r->wall_ns / 1e9);
	json_kv_double(&j, "cpu_s", (double)r->cpu_ns / 1e9);
	json_kv_u64(&j, "peak_rss_bytes", r->peak_rss_bytes);
	json_kv_cstring(&j, "privileges", priv_outcome_text(r->privileges));
	json_frames(&j, &r->stats);
	json_kinds(&j, "messages", r->stats.messages, HEARD_KINDS);
	json_kinds(&j, "message_bytes", r->stats.message_bytes, HEARD_KINDS);
	json_transactions(&j, &r->stats);
	json_nodes(&j, rep);
	json_clients(&j, &r->stats);
	json_networks(&j, rep);
	json_drops(&j, r);
	json_object_end(&j);
	return json_finish(&j);
}

/* ---- text ------------------------------------------------------------------------- */

#define U(x) ((unsigned long long)(x))

static void text_frames(struct page *p, const struct tap_stats *s)
{
	page_line(p, "  frames            %14llu   ", U(s->packets));
	for (unsigned v = 0, first = 1; v < FRAME_VERDICTS; v++)
		if (s->verdicts[v]) {
			page_line(p, "%s%llu %s", first ? "" : ", ", U(s->verdicts[v]),
				  frame_verdict_name((enum frame_verdict)v));
			first = 0;
		}
	page_line(p, "\n");
	if (s->tagged || s->pppoe || s->foreign)
		page_line(p,
			  "  of the datagrams  %14s   %llu not KRPC, %llu with VLAN tags, %llu in "
			  "PPPoE\n",
			  "", U(s->foreign), U(s->tagged), U(s->pppoe));
}

static void text_messages(struct page *p, const struct tap_stats *s)
{
	page_line(p, "\n  messages                       bytes   answered\n");
	for (unsigned k = HEARD_PING; k < HEARD_KINDS; k++) {
		if (!s->messages[k])
			continue;
		page_line(p, "  %-18s%10llu %12llu", heard_kind_name(k), U(s->messages[k]),
			  U(s->message_bytes[k]));
		if (k < HEARD_REPLY)
			page_line(p, "   %8llu  %5.1f %%", U(s->answers_to[k]),
				  100.0 * (double)s->answers_to[k] / (double)s->messages[k]);
		page_line(p, "\n");
	}
}

static void text_transactions(struct page *p, const struct tap_stats *s)
{
	double p50 = counters_rtt_ms(s->rtt_hist, 0.5), p99 = counters_rtt_ms(s->rtt_hist, 0.99);

	page_line(
		p,
		"\n  transactions      %14llu answered, %llu errors, %llu expired, %llu repeated, "
		"%llu "
		"pending, %llu forgotten early\n",
		U(s->answered), U(s->failed), U(s->expired), U(s->repeated), U(s->pending),
		U(s->crowded));
	page_line(p, "  orphans           %14llu replies to queries that were not seen\n",
		  U(s->orphans));
	if (!isnan(p50))
		page_line(p, "  round trip        %14.3g ms median, %.3g ms at 99 %%\n", p50, p99);
}

static void text_shares(struct page *p, const struct tap_report *rep)
{
	const struct tap_stats *s = &rep->result->stats;
	uint64_t all = 0;

	for (unsigned c = 0; c < KRPC_CLIENT_FAMILIES; c++)
		all += s->client_messages[c];
	if (all)
		page_line(p, "\n  clients              messages        bytes\n");
	for (unsigned c = 0; c < KRPC_CLIENT_FAMILIES; c++)
		if (s->client_messages[c])
			page_line(p, "  %-18s%10llu %12llu   %5.1f %%\n",
				  krpc_client_name((enum krpc_client)c), U(s->client_messages[c]),
				  U(s->client_bytes[c]),
				  100.0 * (double)s->client_messages[c] / (double)all);
	if (rep->network_count)
		page_line(p, "\n  networks             messages        bytes     nodes\n");
	for (unsigned i = 0; i < rep->network_count; i++)
		page_line(p, "  AS%-10u%14llu %12llu %9llu   %s\n", rep->networks[i].asn,
			  U(rep->networks[i].messages), U(rep->networks[i].bytes),
			  U(rep->networks[i].nodes), rep->networks[i].name);
}

static void text_drops(struct page *p, const struct tap_result *r)
{
	page_line(
		p,
		"\n  drops             %14llu in the kernel, %llu at the interface, %llu sightings "
		"for "
		"want of room\n",
		U(r->kernel.dropped), U(r->kernel.if_dropped),
		U(r->stats.sightings_dropped + r->stats.heard_dropped + r->stats.listings_dropped));
	if (r->queues > 1)
		for (unsigned i = 0; i < r->queues; i++)
			page_line(p, "  queue %-3u         %14llu frames, %llu dropped\n", i,
				  U(r->queue[i].packets), U(r->queue[i].kernel.dropped));
}

int tap_report_to_text(const struct tap_report *rep, char *buf, size_t cap)
{
	const struct tap_result *r = rep->result;
	const struct tap_stats *s = &r->stats;
	struct page p = { buf, cap, 0 };

	page_line(&p, "Tap of %s (%s): %s%s%s\n", rep->source, r->link, tap_end_name(r->end),
		  r->why[0] ? "; " : "", r->why);
	text_frames(&p, s);
	if (s->last_us > s->first_us)
		page_line(&p, "  span              %14.1f s of capture, read in %.2f s\n",
			  (double)(s->last_us - s->first_us) / 1e6, (double)r->wall_ns / 1e9);
	text_messages(&p, s);
	text_transactions(&p, s);
	page_line(&p,
		  "\n  nodes             %14llu endpoints under an id: %llu asked, %llu replied, "
		  "%llu "
		  "answered a query seen\n",
		  U(s->nodes), U(rep->asked), U(rep->replied), U(rep->answered));
	page_line(&p, "  contacts          %14llu listed in replies\n", U(s->contacts));
	text_shares(&p, rep);
	text_drops(&p, r);
	return p.len < p.cap ? (int)p.len : DT_EFULL;
}
