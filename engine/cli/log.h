/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_LOG_H
#define ENGINE_CLI_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "proto/json.h"

/**
 * DOC: talk on standard error, in one of three shapes: as a person reads it; as a JSON
 * object a line (time, level, message, and what an event has beside these); or with the
 * <N> of a priority in front, which is how journald tells an error from a word. Addresses
 * of peers are in none of them.
 *
 * The shape is one of the process: the environment holds it (LOG_ENV), so that a service
 * manager can set it for any command and --log-format only says it there.
 */
enum log_format { LOG_TEXT, LOG_JSON, LOG_JOURNAL };
enum log_level { LOG_ERROR = 3, LOG_INFO = 6 }; /* priorities of syslog */

#define LOG_ENV "DHT_TELESCOPE_LOG"

/** log_format() - what LOG_ENV says; without it the journal's where it listens, else text. */
enum log_format log_format(void);

/** log_format_set() - "text", "json" or "journal", for this process. Errors: DT_EMALF. */
int log_format_set(const char *name) DT_MUST;

/** log_say() - what @fmt makes, a line of its own for each of its lines. */
void log_say(enum log_level level, const char *fmt, va_list ap);

/** log_event() - as JSON: a line with the keys that @fill writes. Nothing else. */
void log_event(const char *event, void (*fill)(struct json *j, const void *ctx), const void *ctx);

#endif
