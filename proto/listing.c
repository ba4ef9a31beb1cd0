/* SPDX-License-Identifier: MIT */
#include "proto/listing.h"

const char *listing_outcome_name(unsigned outcome)
{
	static const char *const names[LISTING_OUTCOMES] = { "answered", "refused", "silent" };

	return outcome < LISTING_OUTCOMES ? names[outcome] : "?";
}
