/* SPDX-License-Identifier: MIT */
#include "engine/report_health.h"

#include <stdio.h>

#include "engine/page.h"

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

/* Of the listers that have eight neighbours at all: how many of them they name, on average. */
static double mean_known(const struct census_health *h)
{
	uint64_t listers = 0, sum = 0;

	for (unsigned k = 0; k <= HEALTH_CLOSEST; k++) {
		listers += h->known[k];
		sum += k * h->known[k];
	}
	return ratio((double)sum, (double)listers);
}

static void total(const struct census_health *h, uint64_t *listed, uint64_t *stale)
{
	*listed = *stale = 0;
	for (unsigned b = 0; b < HEALTH_BUCKETS; b++) {
		*listed += h->bucket[b].listed;
		*stale += h->bucket[b].stale;
	}
}

static void json_buckets(struct json *j, const struct census_health *h)
{
	json_key(j, "buckets");
	json_array_begin(j);
	for (unsigned b = 0; b < HEALTH_BUCKETS; b++) {
		if (!h->bucket[b].listed)
			continue;
		json_object_begin(j);
		json_kv_u64(j, "bucket", b);
		json_kv_u64(j, "listed", h->bucket[b].listed);
		json_kv_u64(j, "stale", h->bucket[b].stale);
		json_kv_double(j, "stale_share",
			       ratio((double)h->bucket[b].stale, (double)h->bucket[b].listed));
		json_object_end(j);
	}
	json_array_end(j);
}

void report_health_json(struct json *j, const struct census_report *rep)
{
	const struct census_health *h = &rep->result->health;

	json_key(j, "table_health");
	if (!h->listers) {
		json_null(j);
		json_key(j, "cross_checks");
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_kv_u64(j, "listers", h->listers);
	json_kv_u64(j, "unasked", h->unasked);
	json_buckets(j, h);
	json_key(j, "listers_by_closest_8_named");
	json_array_begin(j);
	for (unsigned k = 0; k <= HEALTH_CLOSEST; k++)
		json_u64(j, h->known[k]);
	json_array_end(j);
	json_kv_double(j, "closest_8_named_mean", mean_known(h));
	json_object_end(j);
	json_key(j, "cross_checks");
	json_object_begin(j);
	json_kv_u64(j, "replies", h->replies);
	json_kv_double(j, "kth_distance_estimate", h->kth_distance);
	json_kv_double(j, "median_gap_estimate", h->median_gap);
	json_kv_u64(j, "odd_replies", h->odd_replies);
	json_object_end(j);
}

size_t report_health_text(const struct census_report *rep, char *buf, size_t cap)
{
	const struct census_health *h = &rep->result->health;
	uint64_t listed, stale;
	char a[32], b[32], c[32];
	int n;

	buf[0] = '\0';
	if (!h->listers)
		return 0;
	total(h, &listed, &stale);
	n = snprintf(
		buf, cap,
		"  routing tables     %14.2f %%  of what %s nodes list is stale; they name %.2f "
		"of their 8 closest\n"
		"  as lookups see it  %14s    by the 8th neighbour's distance, %s by the median "
		"gap: whom neighbours list\n",
		100 * ratio((double)stale, (double)listed), page_group((double)h->listers, a),
		mean_known(h), page_group(h->kth_distance, b), page_group(h->median_gap, c));
	return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}
