/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_FENCE_H
#define ENGINE_FENCE_H

#include "proto/err.h"

/**
 * DOC: a thread that stays within a few folders and out of the network, by Landlock,
 * which asks for no privilege. What the kernel is too old for is left out: a fence is one
 * wall more, nothing else stands on it.
 */

/** struct fence - NULL-terminated lists of files and folders; NULL = none. */
struct fence {
	const char *const *write; /* and read, make, rename, remove below it */
	const char *const *read;
	/* files that are not there are passed over: they cannot be reached then */
};

/**
 * fence_in() - the calling thread, and threads that it starts later: files by @f alone, no
 * program run, no TCP connection opened and no TCP port bound (listening sockets that are
 * open already go on).
 * Returns the Landlock version in force, 0 where the kernel has none.
 * Errors: -errno where the kernel has it and refuses.
 * Source: Documentation/userspace-api/landlock.rst of Linux.
 */
int fence_in(const struct fence *f) DT_MUST;

#endif
