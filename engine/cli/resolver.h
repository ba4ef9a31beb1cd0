/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_RESOLVER_H
#define ENGINE_CLI_RESOLVER_H

#include "engine/cli/past.h"
#include "engine/cli/plot.h"

/**
 * DOC: `resolver`: the commands of the first dht-telescope's resolver.py, spelt and
 * printed as its users know them, over a store of ours or over a file of theirs.
 * Names of torrents are not looked up: that is content metadata, which this program
 * leaves alone. Those that a file holds already are shown.
 */
struct resolver_args {
	struct plot plot;
	const char *db, *query, *hash, *what, *out;
	uint64_t limit;
	double interval_s;
	bool db_given, lookup, loop, raw;
};

/** resolver_why() - on standard error: why there are no names, and what to do instead. */
void resolver_why(const char *hash);

/* What is printed (resolver_show.c). All return an exit status. */
int resolver_summary(const struct resolver_args *a, struct past *p);
int resolver_unresolved(const struct resolver_args *a, struct past *p);
int resolver_metadata(const struct resolver_args *a, struct past *p);
int resolver_top(const struct resolver_args *a, struct past *p);
int resolver_files(const struct resolver_args *a, struct past *p);

/* What is written (resolver_write.c). */
int resolver_export(const struct resolver_args *a, struct past *p);
int resolver_import(const char *file, const char *into);

/** resolver_draw() - the page and the cache of @plot. CLI_FAILED where it failed; it was said. */
int resolver_draw(const struct plot *plot, struct past *p);

/** resolver_snapshot() - both into DIR/Snapshots_M_D_YYYY/H_M_S/, by local time. */
int resolver_snapshot(const struct resolver_args *a, struct past *p);

#endif
