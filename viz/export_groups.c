/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "viz/export_run.h"
#include "viz/export_tally.h"

/** DOC: counts instead of nodes: what can be shown of a census without showing anybody. */

enum {
	NETWORKS_MOST = 1 << 20, /* some 120,000 exist */
	COUNTRIES_MOST = 1 << 12,
	PLACES_MOST = 1 << 21, /* a city database has 262,000 coordinates */
	UNITS = 10000,         /* of a degree: what is printed of it */
	LAT_LON_MASK = (1 << 22) - 1,
};

/* ---- by network, country, client ---------------------------------------------- */

enum group { BY_ASN, BY_COUNTRY, BY_CLIENT, GROUPS };

struct groups {
	struct export_tally tally[GROUPS];
};

static uint64_t country_key(const struct store_node *n)
{
	return (uint64_t)(uint8_t)n->country[0] << 8 | (uint8_t)n->country[1];
}

static int count_node(struct groups *g, const struct store_node *n)
{
	int rc = export_tally_add(&g->tally[BY_ASN], n->asn);

	if (rc == 0)
		rc = export_tally_add(&g->tally[BY_COUNTRY], country_key(n));
	if (rc == 0)
		rc = export_tally_add(&g->tally[BY_CLIENT], export_where_client(n));
	return rc;
}

static int count_nodes(struct export_job *job, struct groups *g)
{
	struct store_node n;
	int rc;

	while ((rc = export_next(job, &n)) == 1) {
		rc = count_node(g, &n);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* @key: room for EXPORT_NUMBER_MAX bytes, in which the row's key may lie. */
static void name_group(struct export_job *job, enum group by, uint64_t value, char *key,
		       struct export_group *row)
{
	static const struct span names[GROUPS] = { { (const uint8_t *)"asn", 3 },
						   { (const uint8_t *)"country", 7 },
						   { (const uint8_t *)"client", 6 } };
	const char *client;

	row->by = names[by];
	row->name = SPAN_LIT("");
	switch ((int)by) {
	case BY_ASN:
		row->key = span_of(key, export_put_u64(key, value));
		row->name = export_namer_org(job->namer, (uint32_t)value);
		break;
	case BY_COUNTRY:
		key[0] = (char)(value >> 8);
		key[1] = (char)value;
		row->key = span_of(key, value ? 2 : 0);
		break;
	default:
		client = krpc_client_name((enum krpc_client)value);
		row->key = span_of(client, strlen(client));
	}
}

static int write_group(struct export_job *job, struct export_sheet *s, struct groups *g,
		       enum group by)
{
	char key[EXPORT_NUMBER_MAX];
	uint32_t count;
	const struct export_tally_slot *slots = export_tally_sort(&g->tally[by], &count);
	int rc = 0;

	for (uint32_t i = 0; i < count && rc == 0; i++) {
		struct export_group row = { .nodes = slots[i].times };

		name_group(job, by, slots[i].key, key, &row);
		rc = export_table_row(s, &row);
	}
	job->stats->beyond += g->tally[by].beyond;
	return rc;
}

int export_groups_write(struct export_job *job)
{
	struct groups g = { { export_tally_of(NETWORKS_MOST), export_tally_of(COUNTRIES_MOST),
			      export_tally_of(KRPC_CLIENT_FAMILIES) } };
	struct export_sheet s;
	int rc = export_table_open(job, job->opts->kind, "aggregate", &export_groups, 0, &s);

	if (rc == 0)
		rc = count_nodes(job, &g);
	for (unsigned by = 0; by < GROUPS && rc == 0; by++)
		rc = write_group(job, &s, &g, (enum group)by);
	job->stats->rows = s.written;
	rc = export_table_close(job, &s, rc);
	for (unsigned by = 0; by < GROUPS; by++)
		export_tally_free(&g.tally[by]);
	return rc;
}

/* ---- by place --------------------------------------------------------------------- */

/* Degrees as rows of nodes have them, to the same decimal. Longitude needs 22 bits of them. */
static uint64_t units_of(float degrees)
{
	return (uint64_t)(lroundf(degrees * UNITS) + 180 * UNITS);
}

static float degrees_of(uint64_t units)
{
	return (float)((int64_t)units - 180 * UNITS) / UNITS;
}

static uint64_t place_key(const struct store_node *n)
{
	return (units_of(n->lat) & LAT_LON_MASK) << 39 | (units_of(n->lon) & LAT_LON_MASK) << 17 |
	       country_key(n) << 1 | n->country_level;
}

static int count_places(struct export_job *job, struct export_tally *t)
{
	struct store_node n;
	int rc;

	while ((rc = export_next(job, &n)) == 1) {
		if (!n.has_point) {
			job->stats->unplaced++;
			continue;
		}
		rc = export_tally_add(t, place_key(&n));
		if (rc < 0)
			return rc;
	}
	return rc;
}

static void json_float(struct json *j, float v)
{
	char text[EXPORT_NUMBER_MAX];

	json_raw(j, span_of(text, export_put_float(text, v)));
}

static int put_feature(struct export_out *out, const struct export_tally_slot *slot)
{
	enum { FEATURE_MAX = 512 };
	const char country[3] = { (char)(slot->key >> 9), (char)(slot->key >> 1) };
	char *at = (char *)export_out_room(out, FEATURE_MAX);
	struct json j;
	int n;

	json_init(&j, at, FEATURE_MAX - 1, false);
	json_object_begin(&j);
	json_kv_cstring(&j, "type", "Feature");
	json_key(&j, "geometry");
	json_object_begin(&j);
	json_kv_cstring(&j, "type", "Point");
	json_key(&j, "coordinates");
	json_array_begin(&j);
	json_float(&j, degrees_of(slot->key >> 17 & LAT_LON_MASK));
	json_float(&j, degrees_of(slot->key >> 39));
	json_array_end(&j);
	json_object_end(&j);
	json_key(&j, "properties");
	json_object_begin(&j);
	json_kv_u64(&j, "nodes", slot->times);
	json_kv_cstring(&j, "country", country);
	json_kv_cstring(&j, "place", slot->key & 1 ? "country" : "point");
	json_object_end(&j);
	json_object_end(&j);
	n = json_finish(&j);
	if (n < 0)
		return n;
	at[n] = '\n';
	export_out_took(out, (size_t)n + 1);
	return out->err;
}

int export_places_write(struct export_job *job)
{
	struct export_tally t = export_tally_of(PLACES_MOST);
	const struct export_tally_slot *slots;
	struct export_out *out;
	uint32_t count = 0;
	int rc = count_places(job, &t);

	slots = export_tally_sort(&t, &count);
	if (rc == 0)
		rc = export_files_open(&job->files, "places", export_kind_ending(EXPORT_GEOJSON),
				       true, &out);
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = put_feature(out, &slots[i]);
	if (rc == 0)
		rc = export_files_close(&job->files, out, count, NULL);
	job->stats->rows = count;
	job->stats->beyond = t.beyond;
	export_tally_free(&t);
	return rc;
}
