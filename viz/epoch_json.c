/* SPDX-License-Identifier: MIT */
#include "viz/epoch_json.h"

#include <string.h>

void epoch_json(struct json *j, const struct store_epoch *e, const char *report)
{
	json_object_begin(j);
	json_kv_u64(j, "id", e->id);
	json_kv_u64(j, "started_s", e->started_s);
	json_kv_u64(j, "ended_s", e->ended_s);
	json_key(j, "synthetic");
	json_bool(j, e->synthetic);
	json_key(j, "report");
	if (*report)
		json_raw(j, span_of(report, strlen(report)));
	else
		json_null(j);
	json_object_end(j);
}
