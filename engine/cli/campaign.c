/* SPDX-License-Identifier: MIT */
#include "engine/cli/campaign.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { YEAR_S = 366 * 86400, EPOCHS_MAX = 1000000 };

/* ---- keys ---------------------------------------------------------------------- */

int campaign_seconds(const char *text, double *out)
{
	static const struct {
		char unit;
		double s;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	double v, unit = 1;
	char *end;

	if (!isdigit((unsigned char)*text))
		return DT_EMALF;
	v = strtod(text, &end);
	for (unsigned i = 0; *end && i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].unit && !end[1]) {
			unit = units[i].s;
			end++;
		}
	if (*end)
		return DT_EMALF;
	if (!(v * unit <= YEAR_S))
		return DT_ERANGE;
	*out = v * unit;
	return 0;
}

static int say_zone(char *why, const char *key, const char *text)
{
	snprintf(why, CONF_WHY_MAX,
		 "%s: '%.40s' is not PREFIX/BITS: hex digits and how many of their bits count, at "
		 "most %d, as in a0/8",
		 key, text, PART_BITS_MAX);
	return DT_ERANGE;
}

static int say_time(char *why, const char *key, const char *text)
{
	snprintf(why, CONF_WHY_MAX, "%s: '%.40s' is not a time: 90, 90s, 5m, 1h, 2d, up to a year",
		 key, text);
	return DT_ERANGE;
}

int campaign_check(const struct conf *c, char why[static CONF_WHY_MAX])
{
	double interval, every = 0;
	struct crawl_part part;

	if (c->zone[0] && part_from_text(c->zone, &part) < 0)
		return say_zone(why, "zone", c->zone);
	if (c->shards < 1 || c->shards > PART_SHARDS_MAX || c->shard >= c->shards) {
		snprintf(why, CONF_WHY_MAX,
			 "shards, shard: 1 to %d shards, and shard from 0 to one less than there "
			 "are",
			 PART_SHARDS_MAX);
		return DT_ERANGE;
	}
	if (part_from_text(c->every_zone, &part) < 0 || part_is_whole(&part))
		return say_zone(why, "every_zone", c->every_zone);
	if (campaign_seconds(c->interval, &interval) < 0)
		return say_time(why, "interval", c->interval);
	if (c->every[0] && (campaign_seconds(c->every, &every) < 0 || every <= 0))
		return say_time(why, "every", c->every);
	if (c->epochs > EPOCHS_MAX) {
		snprintf(why, CONF_WHY_MAX, "epochs: 0 (until stopped) to %d", EPOCHS_MAX);
		return DT_ERANGE;
	}
	return 0;
}

/* Of the whole or of a zone, this run's share. */
static void take_shard(const struct conf *c, struct crawl_part *part,
		       char name[static PART_TEXT_MAX])
{
	char whole[PART_TEXT_MAX];

	if (c->shards <= 1)
		return;
	snprintf(whole, sizeof(whole), "%s", name);
	*part = part_of_shard(*part, (unsigned)c->shard, (unsigned)c->shards);
	snprintf(name, PART_TEXT_MAX, "shard %u of %u%s%.30s", (unsigned)c->shard,
		 (unsigned)c->shards, whole[0] ? " of " : "", whole);
}

void campaign_part(const struct conf *c, struct crawl_part *out, char name[static PART_TEXT_MAX])
{
	memset(out, 0, sizeof(*out));
	name[0] = 0;
	if (c->zone[0] && part_from_text(c->zone, out) == 0 && !part_is_whole(out))
		snprintf(name, PART_TEXT_MAX, "zone %.40s", c->zone);
	take_shard(c, out, name);
}

/* ---- what is due ------------------------------------------------------------------ */

static uint64_t ns_of(const char *text)
{
	double s = 0;

	if (text[0] && campaign_seconds(text, &s) < 0)
		s = 0; /* was checked */
	return (uint64_t)(s * 1e9);
}

void campaign_begin(struct campaign *out, const struct conf *conf)
{
	const char *slash = strchr(conf->every_zone, '/');

	*out = (struct campaign){ .conf = conf,
				  .interval_ns = ns_of(conf->interval),
				  .every_ns = ns_of(conf->every),
				  .bits = slash ? (unsigned)atoi(slash + 1) : 0,
				  .tick = 1 };
	if (part_from_text(conf->every_zone, &out->fixed) < 0)
		out->every_ns = 0; /* was checked */
}

/* The moving zones in an order that is spread over the id space from its start: bits of the
 * count, reversed. */
static struct crawl_part moving_zone(const struct campaign *c)
{
	uint64_t first = 0, n = c->zones_taken;

	for (unsigned i = 0; i < c->bits; i++, n >>= 1)
		first |= (n & 1) << (63 - i);
	return (struct crawl_part){ first, first | UINT64_MAX >> c->bits };
}

static void take_zone(struct campaign *c, struct campaign_step *out)
{
	out->due_ns = c->tick * c->every_ns;
	out->part = c->moving ? moving_zone(c) : c->fixed;
	snprintf(out->name, sizeof(out->name), "zone %0*llx/%u", (int)(c->bits + 3) / 4,
		 (unsigned long long)(out->part.first >> (64 - (c->bits + 3) / 4 * 4)), c->bits);
	take_shard(c->conf, &out->part, out->name);
	if (c->moving) {
		c->zones_taken++;
		c->tick++;
	}
	c->moving = !c->moving;
}

static void take_full(struct campaign *c, struct campaign_step *out)
{
	campaign_part(c->conf, &out->part, out->name);
	out->due_ns = c->full_taken * c->interval_ns;
	out->full = true;
	out->number = (unsigned)++c->full_taken;
}

/* Ticks that went by unused: only the last of them is still worth a look. */
static void skip_missed(struct campaign *c, uint64_t now_ns)
{
	if (c->every_ns && !c->moving && now_ns / c->every_ns > c->tick)
		c->tick = now_ns / c->every_ns;
}

bool campaign_beside(struct campaign *c, uint64_t now_ns, struct campaign_step *out)
{
	memset(out, 0, sizeof(*out));
	skip_missed(c, now_ns);
	if (!c->every_ns || now_ns < c->tick * c->every_ns)
		return false;
	take_zone(c, out);
	return true;
}

bool campaign_next(struct campaign *c, uint64_t now_ns, struct campaign_step *out)
{
	bool more = c->conf->epochs == 0 || c->full_taken < c->conf->epochs;
	uint64_t full_ns = more ? c->full_taken * c->interval_ns : UINT64_MAX;
	uint64_t end_ns = c->conf->epochs ? c->conf->epochs * c->interval_ns : UINT64_MAX;

	memset(out, 0, sizeof(*out));
	skip_missed(c, now_ns);
	if (c->every_ns && (c->moving || c->tick * c->every_ns < full_ns)) {
		if (c->tick * c->every_ns < end_ns) {
			take_zone(c, out);
			return true;
		}
	}
	if (!more)
		return false;
	take_full(c, out);
	return true;
}

bool campaign_more(const struct campaign *c, uint64_t now_ns)
{
	struct campaign look = *c;
	struct campaign_step step;

	return campaign_next(&look, now_ns, &step);
}

/* ---- from one process to the next --------------------------------------------------- */

int campaign_to_text(const struct campaign *c, const struct campaign_step *step, char *out,
		     size_t cap)
{
	int n = snprintf(out, cap, "%llu %llu %llu %d %llu %llu %d %u |%s",
			 (unsigned long long)c->full_taken, (unsigned long long)c->zones_taken,
			 (unsigned long long)c->tick, c->moving,
			 (unsigned long long)step->part.first, (unsigned long long)step->part.last,
			 step->full, step->number, step->name);

	return n >= 0 && (size_t)n < cap ? n : DT_EFULL;
}

int campaign_read(struct campaign *c, struct campaign_step *step, const char *text)
{
	unsigned long long full, zones, tick, first, last;
	int moving, step_full, at = 0;
	unsigned number;

	if (sscanf(text, "%llu %llu %llu %d %llu %llu %d %u |%n", &full, &zones, &tick, &moving,
		   &first, &last, &step_full, &number, &at) != 8 ||
	    at == 0)
		return DT_EMALF;
	c->full_taken = full;
	c->zones_taken = zones;
	c->tick = tick;
	c->moving = moving != 0;
	memset(step, 0, sizeof(*step));
	step->part = (struct crawl_part){ first, last };
	step->full = step_full != 0;
	step->number = number;
	snprintf(step->name, sizeof(step->name), "%.*s", (int)strcspn(text + at, "\n"), text + at);
	return 0;
}
