/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_ARGS_H
#define ENGINE_CLI_ARGS_H

#include <argp.h>

#include "proto/endpoint.h"

/** DOC: values of options, checked the same way by every command; argp_error() ends a bad one. */

/** args_number() - from @min to @max. */
double args_number(const char *arg, double min, double max, const char *flag,
		   struct argp_state *state);

/** args_address() - an address, with a port or without. */
struct endpoint args_address(const char *arg, const char *flag, struct argp_state *state);

#endif
