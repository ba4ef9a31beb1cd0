/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EPOCH_JSON_H
#define VIZ_EPOCH_JSON_H

#include "proto/json.h"
#include "store/store.h"

/** epoch_json() - a census as `summary --json` and /v1/epochs tell it; @report: "" = none yet. */
void epoch_json(struct json *j, const struct store_epoch *e, const char *report);

#endif
