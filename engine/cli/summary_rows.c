/* SPDX-License-Identifier: MIT */
#include "engine/cli/summary_rows.h"

#include <time.h>

char *summary_utc(uint64_t unix_s, char out[static 32])
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return out;
}

void summary_rows_json(struct json *j, const char *key, const struct store_tally_row *rows,
		       unsigned n, bool asn)
{
	json_key(j, key);
	json_array_begin(j);
	for (unsigned i = 0; i < n; i++) {
		json_object_begin(j);
		if (asn)
			json_kv_u64(j, "asn", rows[i].asn);
		json_kv_cstring(j, "name", rows[i].name);
		json_kv_u64(j, "nodes", rows[i].nodes);
		json_object_end(j);
	}
	json_array_end(j);
}
