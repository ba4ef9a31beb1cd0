/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_CAMPAIGN_H
#define ENGINE_CLI_CAMPAIGN_H

#include "engine/cli/conf.h"
#include "engine/part.h"

/**
 * DOC: from one census to many: which part of the id space is asked, how often,
 * what one census leaves to the next.
 */

/** campaign_check() - the keys of this; @why as conf_check(). */
int campaign_check(const struct conf *c, char why[static CONF_WHY_MAX]) DT_MUST;

/** campaign_part() - what @c asks, and its name; the whole has none. Checked before. */
void campaign_part(const struct conf *c, struct crawl_part *out, char name[static PART_TEXT_MAX]);

#endif
