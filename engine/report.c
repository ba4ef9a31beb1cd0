/* SPDX-License-Identifier: MIT */
#include "engine/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/page.h"
#include "engine/report_certificate.h"
#include "engine/report_health.h"
#include "engine/report_survey.h"
#include "proto/json.h"

/* KAD's churn, the planning figure of census.md 2: 0.7 % of the population per 5 minutes. */
static const double churn_per_s = 0.007 / 300;

/* 97.5 % of the normal distribution: two-sided 95 %. */
static const double Z95 = 1.959963984540054;

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static struct census_whole whole_of(const struct engine_result *r)
{
	const struct census_estimate *e = &r->estimate;
	double share = part_share(&r->part), n = (double)e->live + e->unseen;
	double unseen_sd = (e->unseen_high - e->unseen_low) / (2 * Z95);
	double spread = Z95 * sqrt(n * (1 - share) + unseen_sd * unseen_sd) / share;
	struct census_whole out = { n / share, n / share - spread, n / share + spread };

	if (out.low < (double)e->live)
		out.low = (double)e->live;
	return out;
}

void report_fill(struct census_report *out, const struct engine_result *r, const char *version,
		 const struct census_truth *truth)
{
	const struct crawl_stats *c = &r->counters.crawl;
	const struct net_stats *n = &r->counters.net;
	double live = (double)c->endpoints_live;
	double silent = (double)c->endpoints_asked - live;

	memset(out, 0, sizeof(*out));
	out->result = r;
	out->version = version;
	out->has_truth = truth != NULL;
	if (truth)
		out->truth = *truth;
	out->span_s = (double)r->span_ns / 1e9;
	out->elapsed_s = (double)r->elapsed_ns / 1e9;
	out->queries_per_live =
		ratio((double)c->first_attempts - silent - (double)c->startup_mixing_sent -
			      (double)c->raised_sent - (double)c->probes_sent,
		      live);
	out->first_attempts_per_live = ratio((double)c->first_attempts, live);
	out->packets_per_live = ratio((double)c->sent, live);
	out->bytes_per_live = ratio((double)(n->sent_bytes + n->recv_bytes), live);
	out->bytes_per_endpoint = ratio((double)c->bytes_tables, (double)c->endpoints_known);
	out->answered_per_s = ratio((double)c->answered, out->span_s);
	out->churn_blur = out->span_s * churn_per_s;
	out->whole = whole_of(r);
}

/* ---- JSON ----------------------------------------------------------------- */

static void json_iso(struct json *j, const char *key, uint64_t unix_ms)
{
	time_t t = (time_t)(unix_ms / 1000);
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_kv_cstring(j, key, text);
}

static void json_part(struct json *j, const struct census_report *rep)
{
	const struct engine_result *r = rep->result;

	json_key(j, "part");
	if (part_is_whole(&r->part)) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_kv_cstring(j, "name", r->part_name);
	json_key(j, "beside");
	json_bool(j, r->beside);
	json_kv_double(j, "share", part_share(&r->part));
	json_kv_u64(j, "live", r->estimate.live);
	json_kv_double(j, "population", (double)r->estimate.live + r->estimate.unseen);
	json_kv_u64(j, "guides_asked", r->counters.crawl.guides_asked);
	json_kv_double(j, "whole_population", rep->whole.population);
	json_kv_double(j, "whole_low", rep->whole.low);
	json_kv_double(j, "whole_high", rep->whole.high);
	json_object_end(j);
}

static void json_family(struct json *j, const char *key, uint64_t live, uint64_t known,
			uint64_t ids, const struct census_estimate *e)
{
	json_key(j, key);
	json_object_begin(j);
	json_kv_u64(j, "live_endpoints", live);
	json_kv_u64(j, "endpoints_known", known);
	json_kv_u64(j, "distinct_ids", ids);
	json_kv_double(j, "unseen_estimate", e->unseen);
	json_kv_double(j, "unseen_low", e->unseen_low);
	json_kv_double(j, "unseen_high", e->unseen_high);
	json_object_end(j);
}

static void json_families(struct json *j, const struct census_report *rep)
{
	const struct engine_result *r = rep->result;
	const struct crawl_stats *c = &r->counters.crawl;

	json_key(j, "families");
	if (!r->estimate4.live && !r->known6) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_family(j, "ipv4", c->endpoints_live - r->live6, c->endpoints_known - r->known6,
		    r->ids4, &r->estimate4);
	json_family(j, "ipv6", r->live6, r->known6, r->ids6, &r->estimate6);
	json_kv_u64(j, "ids_on_both", r->ids_both);
	json_object_end(j);
}

static void json_found(struct json *j, const struct census_report *rep)
{
	const struct engine_result *r = rep->result;
	const struct crawl_stats *c = &r->counters.crawl;

	json_kv_u64(j, "live_endpoints", c->endpoints_live);
	json_kv_u64(j, "distinct_ids", r->distinct_ids);
	json_kv_u64(j, "distinct_addresses", r->distinct_addresses);
	json_kv_u64(j, "endpoints_known", c->endpoints_known);
	json_kv_u64(j, "endpoints_asked", c->endpoints_asked);
	json_kv_double(j, "unseen_estimate", r->estimate.unseen);
	json_kv_double(j, "unseen_low", r->estimate.unseen_low);
	json_kv_double(j, "unseen_high", r->estimate.unseen_high);
	json_kv_double(j, "recall_estimate", r->estimate.recall);
	json_kv_double(j, "unlisted_estimate", r->estimate.unlisted);
	json_kv_double(j, "unheard_estimate", r->estimate.unheard);
	json_kv_double(j, "churn_blur", rep->churn_blur);
	json_kv_u64(j, "raise_rounds", r->raise_rounds);
	json_part(j, rep);
	json_families(j, rep);
	json_kv_u64(j, "resumes", r->resumes);
	json_kv_u64(j, "checkpoints", r->checkpoints);
	json_kv_double(j, "checkpoint_pause_s", (double)r->checkpoint_ns / 1e9);
	json_kv_u64(j, "warm_known", c->warm_known);
	json_kv_u64(j, "warm_live", c->warm_live);
	json_kv_u64(j, "doubted_known", c->doubted_known);
	json_kv_u64(j, "doubted_live", c->doubted_live);
}

static void json_cost(struct json *j, const struct census_report *rep)
{
	const struct engine_counters *e = &rep->result->counters;
	const struct crawl_stats *c = &e->crawl;

	json_kv_u64(j, "queries_sent", c->first_attempts);
	json_kv_u64(j, "retries_sent", c->retries_sent);
	json_kv_u64(j, "mixing_sent", c->mixing_sent);
	json_kv_u64(j, "startup_mixing_sent", c->startup_mixing_sent);
	json_kv_u64(j, "raised_sent", c->raised_sent);
	json_kv_u64(j, "probes_sent", c->probes_sent);
	json_kv_double(j, "queries_per_live", rep->queries_per_live);
	json_kv_double(j, "first_attempts_per_live", rep->first_attempts_per_live);
	json_kv_double(j, "packets_per_live", rep->packets_per_live);
	json_kv_double(j, "bytes_per_live", rep->bytes_per_live);
	json_kv_u64(j, "packets_sent", c->sent);
	json_kv_u64(j, "packets_received", e->net.recv_packets);
	json_kv_u64(j, "answered", c->answered);
	json_kv_u64(j, "expired", c->expired);
	json_kv_u64(j, "errors", c->errors);
	json_kv_u64(j, "in_flight", c->in_flight);
	json_kv_u64(j, "unexplained", e->unexplained);
	json_kv_u64(j, "bytes_sent", e->net.sent_bytes);
	json_kv_u64(j, "bytes_received", e->net.recv_bytes);
	json_kv_u64(j, "peak_rss_bytes", rep->result->peak_rss_bytes);
	json_kv_double(j, "bytes_per_endpoint", rep->bytes_per_endpoint);
	json_kv_double(j, "answered_per_s", rep->answered_per_s);
	json_kv_double(j, "cpu_user_s", (double)rep->result->cpu_user_ns / 1e9);
	json_kv_double(j, "cpu_system_s", (double)rep->result->cpu_system_ns / 1e9);
	json_kv_double(j, "scribe_cpu_s", (double)rep->result->scribe_cpu_ns / 1e9);
}

/* Every way in which something we wanted did not happen, by cause. */
static void json_losses(struct json *j, const struct engine_counters *e)
{
	json_key(j, "losses");
	json_object_begin(j);
	json_kv_u64(j, "kernel_receive_queue", e->net.kernel_drops);
	json_kv_u64(j, "cq_overflow", e->net.cq_overflow);
	json_kv_u64(j, "no_receive_buffer", e->net.buffer_starved);
	json_kv_u64(j, "receive_truncated", e->net.recv_truncated);
	json_kv_u64(j, "send_failed", e->crawl.send_failed);
	json_kv_u64(j, "late", e->crawl.late);
	json_kv_u64(j, "duplicate", e->crawl.duplicate);
	json_kv_u64(j, "foreign", e->crawl.foreign);
	json_kv_u64(j, "malformed", e->crawl.malformed);
	json_kv_u64(j, "truncated_t", e->crawl.truncated_t);
	json_kv_u64(j, "reflected", e->crawl.reflected);
	json_kv_u64(j, "table_full", e->crawl.endpoints_full);
	json_kv_u64(j, "post_dropped", e->worker.post_dropped);
	json_kv_u64(j, "forward_dropped", e->worker.forward_dropped);
	json_object_end(j);
}

/* One object by gate reason, in the JSON's snake case. */
static void json_reasons(struct json *j, const char *key, const uint64_t *counts)
{
	json_key(j, key);
	json_object_begin(j);
	for (unsigned i = GATE_OK + 1; i < GATE_REASONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s", gate_reason_name((enum gate_reason)i));
		for (char *p = name; *p; p++)
			if (*p == '-')
				*p = '_';
		json_kv_u64(j, name, counts[i]);
	}
	json_object_end(j);
}

static void json_conduct(struct json *j, const struct engine_result *r)
{
	const struct engine_counters *e = &r->counters;

	json_reasons(j, "refused", e->gate.refused);
	json_reasons(j, "not_learnt", e->crawl.endpoints_refused);
	json_key(j, "politeness");
	json_object_begin(j);
	json_kv_u64(j, "packets_to_one_address_10s_max", e->gate.worst_host_10s);
	json_kv_u64(j, "packets_to_one_net24_10s_max", e->gate.worst_net_10s);
	if (r->worst_asn) { /* about: by the share that a network has of each /16 */
		json_kv_u64(j, "packets_to_one_asn_10s_max", r->worst_asn_10s);
		json_kv_u64(j, "asn", r->worst_asn);
	}
	json_object_end(j);
}

/* How others see us: our own address, in a report that is ours. */
static void json_vantage(struct json *j, const struct vantage_votes *v)
{
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint ep;
	uint64_t votes = vantage_best(v, &ep);

	json_key(j, "vantage");
	if (!votes) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_kv_cstring(j, "address", endpoint_to_text(&ep, text));
	json_kv_u64(j, "votes", votes);
	json_kv_u64(j, "votes_all", v->all);
	json_key(j, "dark");
	json_bool(j, vantage_is_dark(&ep));
	json_object_end(j);
}

static void json_missed(struct json *j, const uint64_t missed[2][3])
{
	static const char *const how[2] = { "unlisted", "silent" };
	static const char *const who[3] = { "shared_address", "busy", "other" };

	json_key(j, "missed");
	json_object_begin(j);
	for (unsigned i = 0; i < 2; i++) {
		json_key(j, how[i]);
		json_object_begin(j);
		for (unsigned k = 0; k < 3; k++)
			json_kv_u64(j, who[k], missed[i][k]);
		json_object_end(j);
	}
	json_object_end(j);
}

static void json_truth(struct json *j, const struct census_report *rep)
{
	json_key(j, "truth");
	if (!rep->has_truth) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_kv_u64(j, "live", rep->truth.live);
	json_kv_u64(j, "seen", rep->truth.seen);
	json_kv_u64(j, "answered", rep->truth.answered);
	json_kv_double(j, "recall", rep->truth.recall);
	json_kv_double(j, "estimate_error", rep->truth.estimate_error);
	json_kv_u64(j, "live_start", rep->truth.live_start);
	json_kv_u64(j, "live_end", rep->truth.live_end);
	json_kv_u64(j, "stayed", rep->truth.stayed);
	json_missed(j, rep->truth.missed);
	if (rep->truth.farm_rss_bytes) {
		json_kv_u64(j, "farm_peak_rss_bytes", rep->truth.farm_rss_bytes);
		json_kv_u64(j, "resident_total_bytes",
			    rep->truth.farm_rss_bytes + rep->result->peak_rss_bytes);
	}
	report_classes_truth(j, &rep->truth.confusion);
	report_certificate_truth(j, rep);
	report_survey_truth(j, &rep->truth.survey);
	json_object_end(j);
}

int report_to_json(const struct census_report *rep, char *buf, size_t cap)
{
	const struct engine_result *r = rep->result;
	struct json j;

	json_init(&j, buf, cap, true);
	json_object_begin(&j);
	json_kv_cstring(&j, "schema", "dht-telescope report 1");
	json_kv_cstring(&j, "version", rep->version);
	json_kv_cstring(&j, "end", engine_end_name(r->end));
	json_kv_cstring(&j, "backend", r->backend);
	json_kv_cstring(&j, "backend_why", r->backend_why);
	json_kv_u64(&j, "workers", r->workers);
	json_iso(&j, "started", r->started_ms);
	json_kv_double(&j, "span_s", rep->span_s);
	json_kv_double(&j, "elapsed_s", rep->elapsed_s);
	json_kv_double(&j, "wall_s", (double)r->wall_ns / 1e9);
	json_found(&j, rep);
	json_cost(&j, rep);
	json_losses(&j, &r->counters);
	json_conduct(&j, r);
	report_classes_json(&j, rep);
	json_truth(&j, rep);
	json_vantage(&j, &r->votes);
	report_certificate_json(&j, rep);
	report_health_json(&j, rep);
	report_survey_json(&j, rep);
	json_object_end(&j);
	return json_finish(&j);
}

/* ---- text ------------------------------------------------------------------- */

static void text_truth(struct page *t, const struct census_truth *truth)
{
	char a[32], b[32], d[32];

	if (truth->stayed == truth->live) {
		page_line(t,
			  "  recall, truth      %14.3f %%  %s of %s live; the estimate is off by "
			  "%+.3f "
			  "%%\n",
			  100 * truth->recall, page_group((double)truth->answered, a),
			  page_group((double)truth->live, b), 100 * truth->estimate_error);
		return;
	}
	page_line(t, "  recall, truth      %14.3f %%  %s of the %s who stayed\n",
		  100 * truth->recall, page_group((double)truth->answered, a),
		  page_group((double)truth->stayed, b));
	page_line(t,
		  "  live, truth        %14s    half way; %s at the start, %s at the end; the "
		  "estimate "
		  "is off by %+.3f %%\n",
		  page_group((double)truth->live, a), page_group((double)truth->live_start, b),
		  page_group((double)truth->live_end, d), 100 * truth->estimate_error);
}

static void text_certificate(struct page *t, const struct census_report *rep)
{
	char block[1024];

	if (report_certificate_text(rep, block, sizeof(block)))
		page_line(t, "%s", block);
	if (report_health_text(rep, block, sizeof(block)))
		page_line(t, "%s", block);
}

static void text_found(struct page *t, const struct census_report *rep)
{
	char block[4096];
	const struct engine_result *r = rep->result;
	const struct crawl_stats *c = &r->counters.crawl;
	char a[32], b[32], d[32];

	page_line(t, "  live endpoints     %14s    %s ids on %s addresses\n",
		  page_group((double)c->endpoints_live, a), page_group((double)r->distinct_ids, b),
		  page_group((double)r->distinct_addresses, d));
	page_line(t, "  endpoints known    %14s    %s asked, %s of them never answered\n",
		  page_group((double)c->endpoints_known, a),
		  page_group((double)c->endpoints_asked, b),
		  page_group((double)(c->endpoints_asked - c->endpoints_live), d));
	if (c->warm_known)
		page_line(t, "  confirmed before   %14s    %s of them answered again\n",
			  page_group((double)c->warm_known, a),
			  page_group((double)c->warm_live, b));
	if (c->doubted_known)
		page_line(t,
			  "  silent of late     %14s    asked last and less; %s of them answered\n",
			  page_group((double)c->doubted_known, a),
			  page_group((double)c->doubted_live, b));
	page_line(t, "  not seen, estimate %14s    95 %%: %s to %s\n",
		  page_group(r->estimate.unseen, a), page_group(r->estimate.unseen_low, b),
		  page_group(r->estimate.unseen_high, d));
	page_line(t, "  recall, estimate   %14.3f %%", 100 * r->estimate.recall);
	if (r->raise_rounds)
		page_line(t, "  asked deeper in %u round%s", r->raise_rounds,
			  r->raise_rounds == 1 ? "" : "s");
	page_line(t, "\n");
	text_certificate(t, rep);
	if (rep->has_truth)
		text_truth(t, &rep->truth);
	if (report_classes_text(rep, block, sizeof(block)))
		page_line(t, "%s", block);
	if (report_survey_text(rep, block, sizeof(block)))
		page_line(t, "%s", block);
}

/* What this census says of the rest of the id space. */
static void text_part(struct page *t, const struct census_report *rep)
{
	const struct engine_result *r = rep->result;
	char a[32], b[32], d[32];

	if (part_is_whole(&r->part))
		return;
	page_line(t, "  in %-15s %14s    %.3g %% of the id space; %s guides outside were asked\n",
		  r->part_name, page_group((double)r->estimate.live, a), 100 * part_share(&r->part),
		  page_group((double)r->counters.crawl.guides_asked, b));
	page_line(t, "  the whole, from it %14s    95 %%: %s to %s, were all zones alike\n",
		  page_group(rep->whole.population, a), page_group(rep->whole.low, b),
		  page_group(rep->whole.high, d));
}

static void text_families(struct page *t, const struct census_report *rep)
{
	const struct engine_result *r = rep->result;
	char a[32], b[32], d[32];

	if (!r->estimate4.live && !r->known6)
		return;
	page_line(t, "  of IPv4            %14s    %s ids; not seen, estimate %s\n",
		  page_group((double)(r->counters.crawl.endpoints_live - r->live6), a),
		  page_group((double)r->ids4, b), page_group(r->estimate4.unseen, d));
	page_line(t, "  of IPv6            %14s    %s ids; not seen, estimate %s\n",
		  page_group((double)r->live6, a), page_group((double)r->ids6, b),
		  page_group(r->estimate6.unseen, d));
	page_line(t, "  ids on both        %14s\n", page_group((double)r->ids_both, a));
}

static void text_cost(struct page *t, const struct census_report *rep)
{
	const struct crawl_stats *c = &rep->result->counters.crawl;
	char a[32], b[32], d[32], f[32], g[32];

	if (rep->result->resumes)
		page_line(t, "\n  gone on with       %14u    time%s after a kill or a stop",
			  rep->result->resumes, rep->result->resumes == 1 ? "" : "s");
	page_line(t,
		  "\n  span               %12.1f s    %s answers/s; %.2f %% of a network changes "
		  "meanwhile\n",
		  rep->span_s, page_group(rep->answered_per_s, a), 100 * rep->churn_blur);
	page_line(
		t,
		"  queries per live   %14.3f    first attempts at the live; beside them %s at the "
		"start",
		rep->queries_per_live, page_group((double)c->startup_mixing_sent, a));
	if (c->raised_sent)
		page_line(t, ", %s deeper", page_group((double)c->raised_sent, a));
	if (c->probes_sent)
		page_line(t, ", %s to be sure", page_group((double)c->probes_sent, a));
	page_line(
		t,
		"\n  packets per live   %14.2f    with repeats and the dead; %s bytes both ways\n",
		rep->packets_per_live, page_group(rep->bytes_per_live, a));
	page_line(t,
		  "  packets sent       %14s    = %s answered + %s errors + %s expired + %s in "
		  "flight\n",
		  page_group((double)c->sent, a), page_group((double)c->answered, b),
		  page_group((double)c->errors, d), page_group((double)c->expired, f),
		  page_group((double)c->in_flight, g));
	page_line(t, "  unexplained        %14s\n",
		  page_group((double)rep->result->counters.unexplained, a));
	page_line(t, "  bytes per endpoint %14.1f    peak memory %s MiB", rep->bytes_per_endpoint,
		  page_group((double)rep->result->peak_rss_bytes / (1 << 20), a));
	if (rep->has_truth && rep->truth.farm_rss_bytes)
		page_line(t, "; the simulated network %s, together %s MiB",
			  page_group((double)rep->truth.farm_rss_bytes / (1 << 20), b),
			  page_group((double)(rep->result->peak_rss_bytes +
					      rep->truth.farm_rss_bytes) /
					     (1 << 20),
				     d));
	page_line(t, "\n");
}

/* "  late 12, duplicate 3": what was zero is not worth a word. */
static void text_count(struct page *t, const char *name, uint64_t n, bool *first)
{
	char a[32];

	if (n == 0)
		return;
	page_line(t, "%s%s %s", *first ? "" : ", ", name, page_group((double)n, a));
	*first = false;
}

static void text_end(struct page *t, bool first)
{
	page_line(t, "%s\n", first ? "nothing" : "");
}

static void text_losses(struct page *t, const struct engine_counters *e)
{
	bool first = true;

	page_line(t, "  lost or odd        ");
	text_count(t, "kernel receive queue", e->net.kernel_drops, &first);
	text_count(t, "completion queue", e->net.cq_overflow, &first);
	text_count(t, "no receive buffer", e->net.buffer_starved, &first);
	text_count(t, "receive truncated", e->net.recv_truncated, &first);
	text_count(t, "send failed", e->crawl.send_failed, &first);
	text_count(t, "late", e->crawl.late, &first);
	text_count(t, "duplicate", e->crawl.duplicate, &first);
	text_count(t, "foreign", e->crawl.foreign, &first);
	text_count(t, "malformed", e->crawl.malformed, &first);
	text_count(t, "cut t", e->crawl.truncated_t, &first);
	text_count(t, "alias", e->crawl.alias, &first);
	text_count(t, "reflected", e->crawl.reflected, &first);
	text_count(t, "table full", e->crawl.endpoints_full, &first);
	text_count(t, "post dropped", e->worker.post_dropped, &first);
	text_count(t, "forward dropped", e->worker.forward_dropped, &first);
	text_end(t, first);
}

static void text_conduct(struct page *t, const struct engine_result *r)
{
	const struct engine_counters *e = &r->counters;
	char a[32];
	bool first = true;

	page_line(t, "  held by the gate   ");
	for (unsigned i = GATE_OK + 1; i < GATE_REASONS; i++)
		text_count(t, gate_reason_name((enum gate_reason)i), e->gate.refused[i], &first);
	text_end(t, first);
	first = true;
	page_line(t, "  not learnt         ");
	for (unsigned i = GATE_OK + 1; i < GATE_REASONS; i++)
		text_count(t, gate_reason_name((enum gate_reason)i), e->crawl.endpoints_refused[i],
			   &first);
	text_end(t, first);
	page_line(t, "  in any 10 s        at most %u packets to one address, %u to one /24",
		  e->gate.worst_host_10s, e->gate.worst_net_10s);
	if (r->worst_asn)
		page_line(t, ", about %s to one network (AS%u)",
			  page_group((double)r->worst_asn_10s, a), r->worst_asn);
	page_line(t, "\n");
}

/* Said where it matters: packets from there are dropped, or nodes do not agree who we are. */
static void text_vantage(struct page *t, const struct vantage_votes *v)
{
	char address[ENDPOINT_TEXT_MAX];
	struct endpoint ep;
	uint64_t votes = vantage_best(v, &ep);

	if (!votes)
		return;
	endpoint_to_text(&ep, address);
	if (vantage_is_dark(&ep))
		page_line(t,
			  "  SEEN FROM THE DARK  nodes see us at %s: most drop packets from there "
			  "(census P1); the figures are of those who do not\n",
			  address);
	else if (votes < v->all - v->all / 4)
		page_line(t,
			  "  seen as            several addresses, %s by %.0f %%: a NAT with a "
			  "pool, or "
			  "liars\n",
			  address, 100 * ratio((double)votes, (double)v->all));
}

int report_to_text(const struct census_report *rep, char *buf, size_t cap)
{
	const struct engine_result *r = rep->result;
	struct page t = { buf, cap, 0 };

	page_line(&t, "Census%s%s%s %s: %u worker%s, %s%s%s%s\n", r->part_name[0] ? " of " : "",
		  r->part_name, r->beside ? ", beside a full one," : "", engine_end_name(r->end),
		  r->workers, r->workers == 1 ? "" : "s", r->backend, r->backend_why[0] ? " (" : "",
		  r->backend_why, r->backend_why[0] ? ")" : "");
	text_found(&t, rep);
	text_part(&t, rep);
	text_families(&t, rep);
	text_cost(&t, rep);
	page_line(&t, "\n");
	text_losses(&t, &r->counters);
	text_conduct(&t, r);
	text_vantage(&t, &r->votes);
	return t.len < t.cap ? (int)t.len : DT_EFULL;
}
