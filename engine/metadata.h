/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_METADATA_H
#define ENGINE_METADATA_H

#include <stdio.h>

#include "engine/blocklist.h"
#include "engine/engine.h"
#include "proto/err.h"

/**
 * DOC: the metadata file: one JSON object that tells how a census was taken, so
 * that its numbers can be read years later: program, machine, settings,
 * conduct, accounts. What was found is the report's matter, not this file's.
 */

/** struct metadata - what it is made of. All borrowed. */
struct metadata {
	const struct engine_opts *opts;
	const struct engine_result *result;
	const struct blocklist *blocklist;
	const char *privileges; /* a phrase */
};

/** metadata_write() - to @f, from its beginning. Errors: -errno, -ENOMEM, DT_EFULL. */
int metadata_write(FILE *f, const struct metadata *m) DT_MUST;

#endif
