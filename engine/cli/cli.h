/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_CLI_H
#define ENGINE_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "proto/err.h"

/**
 * DOC: the roof: what every command shares. Data goes to standard output or
 * files, talk to standard error; exit is 0, 1 (failed) or 2 (usage). Where whoever read
 * standard output has left (`| head -1`), a command whose product goes there ends as by
 * SIGPIPE, without a word; one that works on a store or files goes on and ends well (E-255).
 */

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNREAD = 141 /* 128 + SIGPIPE */ };

/** enum cli_product - what a command is for: what it prints, or a store, files, a service. */
enum cli_product { CLI_PRINTS, CLI_KEEPS };

/** struct cli_command - one row of the command table in main.c. */
struct cli_command {
	const char *name;
	const char *what; /* one line for the list */
	int (*run)(int argc, char **argv);
	enum cli_product product;
};

int cmd_crawl(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_summary(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_geo(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_tap(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_listen(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_resolver(int argc, char **argv);
int cmd_crawler(int argc, char **argv);

/** cli_version() - what git describe said when this was built. */
const char *cli_version(void);

/** cli_fail() - "dht-telescope: ..." on standard error; returns CLI_FAILED. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** cli_say() - a line of talk on standard error. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** cli_note() - the note callback of geo_open() and friends: cli_say, indented. */
void cli_note(void *ctx, const char *line);

/** cli_group_digits() - 1234567 as "1,234,567"; returns @out. */
char *cli_group_digits(unsigned long long v, char out[static 32]);

/** cli_join() - argv as one line, for metadata; the caller frees it. NULL without memory. */
char *cli_join(int argc, char **argv);

/**
 * cli_flush() - what was written to @f leaves it.
 *
 * Errors: -EPIPE whoever read it has left; else what stdio or an earlier write met.
 */
int cli_flush(FILE *f) DT_MUST;

/**
 * cli_flush_beside() - cli_flush() of *@f, beside which something is made that must not be lost
 * with it: where nobody reads it any more it is closed, *@f is NULL, and all is well.
 */
int cli_flush_beside(FILE **f) DT_MUST;

/**
 * cli_write_file() - PATH ("-" = standard output) whole, by temporary file and
 * rename; a pipe or device is written to and never replaced. Errors: as cli_flush().
 */
int cli_write_file(const char *path, const char *bytes, size_t len) DT_MUST;

#endif
