/* SPDX-License-Identifier: MIT */
#ifndef STORE_GEO_NOTICE_H
#define STORE_GEO_NOTICE_H

#include <stdbool.h>

/** DOC: who made a geo file, on which terms, and the line that using it requires. */
struct geo_notice {
	const char *type_prefix; /* of an mmdb's database_type; NULL = none */
	const char *name_prefix; /* of the file's name; NULL = none */
	const char *licence;
	const char *line; /* "" = nothing is required */
};

/** geo_notice_for() - by what is known of the file; never NULL. */
const struct geo_notice *geo_notice_for(const char *type, const char *name, bool synthetic);

#endif
