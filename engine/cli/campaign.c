/* SPDX-License-Identifier: MIT */
#include "engine/cli/campaign.h"

#include <string.h>

int campaign_check(const struct conf *c, char why[static CONF_WHY_MAX])
{
	struct crawl_part part;

	if (c->zone[0] && part_from_text(c->zone, &part) < 0) {
		snprintf(why, CONF_WHY_MAX,
			 "zone: '%.40s' is not PREFIX/BITS: hex digits and how many of their bits "
			 "count, at most %d, as in a0/8",
			 c->zone, PART_BITS_MAX);
		return DT_ERANGE;
	}
	return 0;
}

void campaign_part(const struct conf *c, struct crawl_part *out, char name[static PART_TEXT_MAX])
{
	memset(out, 0, sizeof(*out));
	name[0] = 0;
	if (c->zone[0] && part_from_text(c->zone, out) == 0 && !part_is_whole(out))
		snprintf(name, PART_TEXT_MAX, "zone %.40s", c->zone);
}
