/* SPDX-License-Identifier: MIT */
/**
 * DOC: the part of a report that says what kinds of endpoints there were, and in a
 * simulation how often that was right.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/page.h"
#include "engine/report.h"
#include "proto/json.h"

/** kind_of() - the kind that has the name of class @k; kinds where none has. */
static unsigned kind_of(const struct census_confusion *c, enum sighting_class k)
{
	unsigned i = 0;

	while (i < c->kinds && strcmp(c->kind[i], sighting_class_name(k)) != 0)
		i++;
	return i;
}

double report_precision(const struct census_confusion *c, enum sighting_class k)
{
	unsigned kind = kind_of(c, k);
	uint64_t all = 0;

	for (unsigned i = 0; i < c->kinds; i++)
		all += c->count[i][k];
	return kind < c->kinds && all ? (double)c->count[kind][k] / (double)all : NAN;
}

double report_recall(const struct census_confusion *c, enum sighting_class k)
{
	unsigned kind = kind_of(c, k);
	uint64_t all = 0;

	if (kind == c->kinds)
		return NAN;
	for (unsigned i = 0; i < SIGHTING_CLASSES; i++)
		all += c->count[kind][i];
	return all ? (double)c->count[kind][k] / (double)all : NAN;
}

/* ---- JSON ---------------------------------------------------------------------- */

static void key_of(struct json *j, const char *name)
{
	char key[32];

	snprintf(key, sizeof(key), "%s", name);
	for (char *p = key; *p; p++)
		if (*p == '-')
			*p = '_';
	json_key(j, key);
}

void report_classes_json(struct json *j, const struct census_report *rep)
{
	const struct crawl_classes *c = &rep->result->classes;

	json_key(j, "classes");
	json_object_begin(j);
	for (unsigned k = 0; k < SIGHTING_CLASSES; k++) {
		key_of(j, sighting_class_name(k));
		json_u64(j, c->count[k]);
	}
	json_object_end(j);
	json_kv_u64(j, "contacts_of_misleading_nodes_not_asked", c->marked);
	json_kv_u64(j, "suspects", c->suspects);
	json_kv_u64(j, "suspects_lost", c->lost);
}

static void share(struct json *j, const char *key, double v)
{
	json_key(j, key);
	if (isnan(v))
		json_null(j);
	else
		json_double(j, v);
}

void report_classes_truth(struct json *j, const struct census_confusion *c)
{
	if (!c->kinds)
		return;
	json_key(j, "classes");
	json_object_begin(j);
	for (unsigned i = 0; i < c->kinds; i++) {
		key_of(j, c->kind[i]);
		json_object_begin(j);
		for (unsigned k = 0; k < SIGHTING_CLASSES; k++)
			if (c->count[i][k]) {
				key_of(j, sighting_class_name(k));
				json_u64(j, c->count[i][k]);
			}
		json_object_end(j);
	}
	json_object_end(j);
	json_key(j, "class_figures");
	json_object_begin(j);
	for (unsigned k = 0; k < SIGHTING_CLASSES; k++) {
		if (kind_of(c, (enum sighting_class)k) == c->kinds)
			continue;
		key_of(j, sighting_class_name(k));
		json_object_begin(j);
		share(j, "precision", report_precision(c, (enum sighting_class)k));
		share(j, "recall", report_recall(c, (enum sighting_class)k));
		json_object_end(j);
	}
	json_object_end(j);
	json_key(j, "harm");
	json_object_begin(j);
	json_kv_u64(j, "packets_to_bogons", c->to_bogons);
	json_kv_u64(j, "packets_to_victim", c->to_victim);
	json_kv_u64(j, "packets_to_service_ports", c->to_service_ports);
	json_kv_u64(j, "packets_to_nobody", c->to_nobody);
	json_kv_u64(j, "bans", c->bans);
	json_kv_u64(j, "limited", c->limited);
	json_object_end(j);
}

/* ---- for a person ------------------------------------------------------------------ */

static void text_matrix(struct page *p, const struct census_confusion *c)
{
	bool used[SIGHTING_CLASSES] = { false };

	for (unsigned i = 0; i < c->kinds; i++)
		for (unsigned k = 0; k < SIGHTING_CLASSES; k++)
			used[k] |= c->count[i][k] != 0;
	page_line(p, "\n  is \\ judged    ");
	for (unsigned k = 0; k < SIGHTING_CLASSES; k++)
		if (used[k])
			page_line(p, " %10s", sighting_class_name(k));
	page_line(p, "    recall precision\n");
	for (unsigned i = 0; i < c->kinds; i++) {
		enum sighting_class same = SIGHTING_CLASS_NORMAL;
		uint64_t all = 0;

		for (unsigned k = 0; k < SIGHTING_CLASSES; k++)
			all += c->count[i][k];
		if (!all)
			continue;
		while (same < SIGHTING_CLASSES && strcmp(c->kind[i], sighting_class_name(same)))
			same++;
		page_line(p, "  %-15s", c->kind[i]);
		for (unsigned k = 0; k < SIGHTING_CLASSES; k++)
			if (used[k])
				page_line(p, " %10llu", (unsigned long long)c->count[i][k]);
		if (same < SIGHTING_CLASSES)
			page_line(p, "  %8.4f %9.4f", report_recall(c, same),
				  report_precision(c, same));
		page_line(p, "\n");
	}
	page_line(p,
		  "  harm: packets to bogons %llu, to the victim's /24 %llu, to services %llu, to "
		  "nobody "
		  "%llu; bans %llu, unanswered by a limiter %llu\n",
		  (unsigned long long)c->to_bogons, (unsigned long long)c->to_victim,
		  (unsigned long long)c->to_service_ports, (unsigned long long)c->to_nobody,
		  (unsigned long long)c->bans, (unsigned long long)c->limited);
}

int report_classes_text(const struct census_report *rep, char *out, size_t cap)
{
	const struct crawl_classes *c = &rep->result->classes;
	struct page p = { .buf = out, .cap = cap };
	const char *before = "  of these           ";

	out[0] = 0;
	for (unsigned k = 1; k < SIGHTING_CLASSES; k++) {
		if (!c->count[k])
			continue;
		page_line(&p, "%s%llu %s", before, (unsigned long long)c->count[k],
			  sighting_class_name(k));
		before = ", ";
	}
	if (p.len)
		page_line(&p, "\n");
	if (c->marked)
		page_line(&p,
			  "  not asked          %llu contacts that only misleading nodes listed\n",
			  (unsigned long long)c->marked);
	if (rep->has_truth && rep->truth.confusion.kinds)
		text_matrix(&p, &rep->truth.confusion);
	return (int)(p.len < cap ? p.len : cap - 1);
}
