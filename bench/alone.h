/* SPDX-License-Identifier: MIT */
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include "bench/bench.h"

/**
 * alone_run() - @body in a process and a network namespace of its own, in which there is
 * nothing but loopback: the kernel's UDP counters, which are those of a namespace, then
 * count the packets of this benchmark alone. Where namespaces are refused it runs in the one that
 * is there, and says so. Errors:  -errno; DT_EUNSUPPORTED where @body failed, which it has said
 * itself.
 */
int alone_run(int (*body)(const struct bench_ctx *ctx, FILE *out), const struct bench_ctx *ctx,
	      FILE *out) DT_MUST;

/**
 * alone_in_child() - @body in a process of its own, which ends with it.
 * Errors:  -errno; DT_EUNSUPPORTED where @body failed, which has been said.
 */
int alone_in_child(const char *name, int (*body)(const struct bench_ctx *ctx, FILE *out),
		   const struct bench_ctx *ctx, FILE *out) DT_MUST;

#endif
