/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_CONF_H
#define ENGINE_CLI_CONF_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/err.h"

/**
 * DOC: the configuration of a census. One table (conf_keys.def) makes the
 * struct, the flags, the YAML schema and the help; a flag wins over the file,
 * the file over the default.
 */
enum { CONF_KEYS_MAX = 256 };

struct conf {
#define U64  uint64_t
#define F64  double
#define STR  const char *
#define BOOL bool
#define GROUP(number, title)
#define KEY(type, name, argument, value, help) type name;
#include "engine/cli/conf_keys.def"
#undef KEY
#undef GROUP
#undef BOOL
#undef STR
#undef F64
#undef U64
	/* private */
	uint8_t set_by_flag[CONF_KEYS_MAX]; /* by key: 1 = a flag said so */
	void *file;                         /* what libcyaml read; owns the strings of the file */
};

enum { CONF_WHY_MAX = 4096 }; /* all keys are named where one is unknown */

/** conf_default() - every key at its default. */
struct conf conf_default(void);

/** conf_argp() - options made from the keys; argp input is a struct conf. */
const struct argp *conf_argp(void);

/**
 * conf_load() - read a YAML file under the flags already given.
 * @why: "FILE:line:column: what, and what is allowed" on error.
 * Owns: its strings live until conf_free().
 */
int conf_load(struct conf *c, const char *path, char why[static CONF_WHY_MAX]) DT_MUST;

void conf_free(struct conf *c);

/** conf_print() - the effective configuration as YAML that conf_load() reads. */
int conf_print(const struct conf *c, FILE *to) DT_MUST;

/**
 * conf_print_census() - those keys alone that say what a census asks and finds: a
 * census can be gone on with where they are the same. Keys of the machine, of files
 * and of talk may differ.
 */
int conf_print_census(const struct conf *c, FILE *to) DT_MUST;

/** conf_bandwidth() - bits per second; 0 = none asked; negative: not a bandwidth. */
double conf_bandwidth(const struct conf *c);

/** conf_check() - values and combinations; @why names the key and what is allowed. */
int conf_check(const struct conf *c, char why[static CONF_WHY_MAX]) DT_MUST;

#endif
