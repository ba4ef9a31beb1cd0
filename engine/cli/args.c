/* SPDX-License-Identifier: MIT */
#include "engine/cli/args.h"

#include <stdlib.h>

double args_number(const char *arg, double min, double max, const char *flag,
		   struct argp_state *state)
{
	char *end;
	double v = strtod(arg, &end);

	if (!*arg || *end || !(v >= min && v <= max))
		argp_error(state, "--%s: '%s' is not a number from %g to %g", flag, arg, min, max);
	return v;
}

struct endpoint args_address(const char *arg, const char *flag, struct argp_state *state)
{
	struct endpoint ep = { .port = 0 };

	if (endpoint_from_text(arg, &ep) < 0)
		argp_error(state, "--%s: '%s' is not an address", flag, arg);
	return ep;
}
