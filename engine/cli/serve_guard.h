/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_SERVE_GUARD_H
#define ENGINE_CLI_SERVE_GUARD_H

#include <stdbool.h>

#include "proto/err.h"

/** DOC: what the threads of the HTTP service may: read a store, and answer. */

/** struct serve_guard - of which store; and was it said what came of it? */
struct serve_guard {
	const char *store;
	bool said;
};

/**
 * serve_guard_confine() - the calling thread and its children: no capability, no file but
 * those of the store (its folder where it is not there yet), no connection of its own.
 * @guard: a struct serve_guard: it is what struct serve_opts calls.
 * Errors: -EPERM, -errno where the kernel has the means and refuses.
 */
int serve_guard_confine(void *guard);

/** serve_guard_files() - as many open files as @connections need, as far as is allowed. Returns
 * the connections that there is room for. */
unsigned serve_guard_files(unsigned connections);

#endif
