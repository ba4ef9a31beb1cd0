/* SPDX-License-Identifier: MIT */
#include "engine/report_survey.h"

#include <stdio.h>

#include "engine/page.h"
#include "engine/report_certificate.h"
#include "engine/survey.h"
#include "proto/krpc.h"

enum { ROWS_TEXT = 8, NAME_MAX_BYTES = KRPC_VERSION_TEXT_MAX };

static const char *row_name(const struct survey_row *r, char out[static NAME_MAX_BYTES])
{
	struct krpc_version v;

	if (r->all || r->others) {
		snprintf(out, NAME_MAX_BYTES, "%s", r->all ? "all" : "others");
		return out;
	}
	v = krpc_version_parse(r->version_len ? span_of(r->version, r->version_len)
					      : (struct span){ NULL, 0 });
	if (!r->version_len)
		snprintf(out, NAME_MAX_BYTES, "no version");
	else
		krpc_version_text(&v, out);
	return out;
}

/* ---- JSON ------------------------------------------------------------------------ */

static void json_reach(struct json *j, const char *key, const uint64_t n[static SURVEY_REACHES])
{
	json_key(j, key);
	json_object_begin(j);
	for (unsigned i = 0; i < SURVEY_REACHES; i++)
		json_kv_u64(j, survey_reach_name(i), n[i]);
	json_object_end(j);
}

static void json_reachability(struct json *j, const struct census_report *rep)
{
	const struct census_survey *s = &rep->result->survey;
	const struct crawl_classes *c = &rep->result->classes;

	json_object_begin(j);
	json_kv_u64(j, "at_s", s->at_ms / 1000);
	json_kv_u64(j, "sampled", s->sampled);
	json_reach(j, "sample", s->reach);
	json_kv_u64(j, "answered_after_asking_us", s->callers);
	json_reach(j, "of_these", s->callers_reach);
	json_kv_u64(j, "one_way", c->count[SIGHTING_CLASS_ONE_WAY]);
	json_kv_u64(j, "read_only", c->count[SIGHTING_CLASS_READ_ONLY]);
	json_key(j, "second_pass");
	json_object_begin(j);
	json_kv_u64(j, "any_port", s->second_pass_any_port);
	json_kv_u64(j, "one_port", s->second_pass_one_port);
	json_object_end(j);
	report_cost_json(j, rep, &s->cost);
	json_object_end(j);
}

static void json_row(struct json *j, const struct survey_row *r)
{
	static const char *const errors[SURVEY_ERRORS] = { "201", "202", "203", "204", "other" };
	char name[NAME_MAX_BYTES];

	json_object_begin(j);
	json_kv_cstring(j, "client", row_name(r, name));
	json_kv_u64(j, "nodes", r->nodes);
	for (unsigned a = 0; a < SURVEY_ABILITIES; a++) {
		json_key(j, survey_ability_name(a));
		json_object_begin(j);
		json_kv_u64(j, "asked", r->asked[a]);
		json_kv_u64(j, "able", r->able[a]);
		json_object_end(j);
	}
	json_key(j, "errors");
	json_object_begin(j);
	for (unsigned e = 0; e < SURVEY_ERRORS; e++)
		json_kv_u64(j, errors[e], r->errors[e]);
	json_object_end(j);
	json_object_end(j);
}

void report_survey_json(struct json *j, const struct census_report *rep)
{
	const struct census_survey *s = &rep->result->survey;

	json_key(j, "reachability");
	if (!s->done) {
		json_null(j);
		json_key(j, "bep_support");
		json_null(j);
	} else {
		json_reachability(j, rep);
		json_key(j, "bep_support");
		json_array_begin(j);
		for (unsigned i = 0; i < s->rows; i++)
			json_row(j, &s->row[i]);
		json_array_end(j);
	}
	/* also of one that was broken off: every packet is in some account */
	json_kv_u64(j, "survey_packets_sent", s->cost.packets_sent);
}

void report_survey_truth(struct json *j, const struct census_survey_truth *t)
{
	if (!t->nats)
		return;
	json_key(j, "reachability");
	json_object_begin(j);
	for (unsigned n = 0; n < t->nats; n++)
		json_reach(j, t->nat[n], t->reach[n]);
	json_object_end(j);
	json_key(j, "bep_support");
	json_object_begin(j);
	for (unsigned a = 0; a < SURVEY_ABILITIES; a++) {
		if (!t->ability[a].asked)
			continue;
		json_key(j, survey_ability_name(a));
		json_object_begin(j);
		json_kv_u64(j, "asked", t->ability[a].asked);
		json_kv_u64(j, "able", t->ability[a].able);
		json_kv_u64(j, "truly_able", t->ability[a].truly);
		json_kv_u64(j, "rightly", t->ability[a].both);
		json_object_end(j);
	}
	json_object_end(j);
}

/* ---- for a person ------------------------------------------------------------------ */

static void text_rows(struct page *p, const struct census_survey *s)
{
	page_line(p, "\n  %-22s %8s", "can, in % of asked", "nodes");
	for (unsigned a = 0; a < SURVEY_ABILITIES; a++)
		page_line(p, " %8s", survey_ability_name(a));
	page_line(p, "   errors\n");
	for (unsigned i = 0; i < s->rows; i++) {
		const struct survey_row *r = &s->row[i];
		char name[NAME_MAX_BYTES];
		uint64_t errors = 0;

		if (i >= ROWS_TEXT && !r->all)
			continue;
		for (unsigned e = 0; e < SURVEY_ERRORS; e++)
			errors += r->errors[e];
		page_line(p, "  %-22.22s %8llu", row_name(r, name), (unsigned long long)r->nodes);
		for (unsigned a = 0; a < SURVEY_ABILITIES; a++)
			if (r->asked[a])
				page_line(p, " %8.1f",
					  100.0 * (double)r->able[a] / (double)r->asked[a]);
			else
				page_line(p, " %8s", "-");
		page_line(p, " %8.1f\n", r->nodes ? 100.0 * (double)errors / (double)r->nodes : 0);
	}
}

static void text_truth(struct page *p, const struct census_survey_truth *t)
{
	if (!t->nats)
		return;
	page_line(p, "\n  NAT \\ found     ");
	for (unsigned r = 0; r < SURVEY_REACHES; r++)
		page_line(p, " %10s", survey_reach_name(r));
	page_line(p, "\n");
	for (unsigned n = 0; n < t->nats; n++) {
		uint64_t all = 0;

		for (unsigned r = 0; r < SURVEY_REACHES; r++)
			all += t->reach[n][r];
		if (!all)
			continue;
		page_line(p, "  %-15s", t->nat[n]);
		for (unsigned r = 0; r < SURVEY_REACHES; r++)
			page_line(p, " %10llu", (unsigned long long)t->reach[n][r]);
		page_line(p, "\n");
	}
}

size_t report_survey_text(const struct census_report *rep, char *buf, size_t cap)
{
	const struct census_survey *s = &rep->result->survey;
	struct page p = { .buf = buf, .cap = cap };

	buf[0] = '\0';
	if (!s->done)
		return 0;
	page_line(
		&p,
		"  reached            %14llu    of %llu sampled answer a second port of ours, %llu "
		"only "
		"the first, %llu neither\n",
		(unsigned long long)s->reach[SURVEY_ANY_PORT], (unsigned long long)s->sampled,
		(unsigned long long)s->reach[SURVEY_ONE_PORT],
		(unsigned long long)(s->reach[SURVEY_GONE] + s->reach[SURVEY_HOLE]));
	if (s->callers)
		page_line(&p,
			  "  had asked us       %14llu    before they answered: %llu of these "
			  "answer a "
			  "second port, %llu only the first, %llu none any more\n",
			  (unsigned long long)s->callers,
			  (unsigned long long)s->callers_reach[SURVEY_ANY_PORT],
			  (unsigned long long)s->callers_reach[SURVEY_ONE_PORT],
			  (unsigned long long)(s->callers_reach[SURVEY_HOLE] +
					       s->callers_reach[SURVEY_GONE]));
	text_rows(&p, s);
	if (rep->has_truth)
		text_truth(&p, &rep->truth.survey);
	return p.len < cap ? p.len : cap - 1;
}
