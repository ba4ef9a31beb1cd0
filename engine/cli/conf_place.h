/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_CONF_PLACE_H
#define ENGINE_CLI_CONF_PLACE_H

#include "engine/cli/conf.h"

/**
 * DOC: names of files that follow the store. {store} in one of them stands for --store
 * DIR, so "{store}.report.json" lies beside it, wherever that is (E-257).
 */
enum { CONF_PLACES = 8 };

struct conf_placed {
	struct conf conf; /* as the given one, with {store} filled in; borrows from it */
	/* private */
	char *owned[CONF_PLACES];
};

/** conf_place() - Errors: -ENOMEM; DT_ERANGE a name longer than PATH_MAX. */
int conf_place(const struct conf *c, struct conf_placed *out) DT_MUST;

void conf_placed_fini(struct conf_placed *p);

/** conf_placed_by() - the first key with {store} in it; NULL: none has. */
const char *conf_placed_by(const struct conf *c);

#endif
