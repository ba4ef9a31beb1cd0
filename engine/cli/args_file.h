/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_ARGS_FILE_H
#define ENGINE_CLI_ARGS_FILE_H

#include <argp.h>

#include "proto/err.h"

/**
 * DOC: options from a YAML file, for commands whose options are a table of argp: each key
 * of one flat mapping is an option's long name, with _ or -; true stands for one without a
 * value, a list for one that is repeated.
 *
 *	bind: [192.0.2.1:6881, "[2001:db8::1]:6881"]
 *	max_runtime_s: 3600
 *	quiet: true
 *
 * They come before those of the command line, and one that is given there is left out.
 */
struct args_file {
	char **argv; /* NULL at its end */
	int argc;
	/* private */
	char **words; /* of the file */
	unsigned count;
};

/**
 * args_file_take() - the words of @argv, behind those of the file that --config names; @argv as
 * it is where none is named.
 * @argp: which options there are, its children's as well.
 * Errors:  said on standard error, with the file's line and column. args_file_fini() after
 *          success, once nothing points to an option's value any more.
 */
int args_file_take(const struct argp *argp, int argc, char **argv, struct args_file *out) DT_MUST;
void args_file_fini(struct args_file *a);

#endif
