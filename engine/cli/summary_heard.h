/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_SUMMARY_HEARD_H
#define ENGINE_CLI_SUMMARY_HEARD_H

#include <stdio.h>

#include "proto/json.h"
#include "store/heardtally.h"

/** DOC: the part of `summary` that tells what was heard by listening and tapping. */

/** summary_heard_text() - nothing where nothing was heard. */
void summary_heard_text(const struct heardtally *t, FILE *to);

/** summary_heard_json() - the key "heard": an object, or null. */
void summary_heard_json(const struct heardtally *t, struct json *j);

#endif
