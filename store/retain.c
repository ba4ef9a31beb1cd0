/* SPDX-License-Identifier: MIT */
#include "store/retain.h"

#include <stdio.h>
#include <time.h>

#include "store/inside.h"
#include "store/seal.h"

enum { LINE_BYTES = 256, DATE_BYTES = 24 };

static uint64_t bytes_of(const struct store *s, const struct segset *set)
{
	uint64_t sum = kv_file_bytes(s->kv);

	for (uint32_t i = 0; i < set->count; i++)
		sum += set->list[i].sum.bytes;
	return sum;
}

/* The one whose last word is the oldest. */
static uint32_t oldest(const struct segset *set)
{
	uint32_t at = 0;

	for (uint32_t i = 1; i < set->count; i++)
		if (set->list[i].last_s < set->list[at].last_s)
			at = i;
	return at;
}

static const char *date_of(uint32_t s, char out[static DATE_BYTES])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, DATE_BYTES, "%Y-%m-%d %H:%M", &tm))
		return "?";
	return out;
}

static void say(const struct retain *r, const struct store *s, const struct seg_entry *e,
		const char *reason)
{
	char line[LINE_BYTES], first[DATE_BYTES], last[DATE_BYTES];

	if (!r->note)
		return;
	snprintf(line, sizeof(line), "%.100s: %s of %s to %s removed: %s", s->dir,
		 e->kind == SEG_LOG ? "sightings" : "edges", date_of(e->first_s, first),
		 date_of(e->last_s, last), reason);
	r->note(r->note_ctx, line);
}

int retain_enforce(struct store *s, const struct retain *r, uint64_t now_s)
{
	struct segset now;
	bool changed = false;
	int rc = segset_copy(&s->segs, &now);

	if (rc < 0)
		return rc;
	while (now.count) {
		uint32_t at = oldest(&now);
		const struct seg_entry *e = &now.list[at];
		bool old = r->keep_s && (uint64_t)e->last_s + r->keep_s < now_s;

		if (!old && bytes_of(s, &now) <= r->cap_bytes)
			break;
		say(r, s, e, old ? "older than it is kept" : "the store is at its cap");
		segset_remove(&now, at);
		changed = true;
	}
	if (!changed) {
		segset_fini(&now);
		return 0;
	}
	return seal_install(s, &now);
}

int retain_room(const struct store *s, const struct retain *r)
{
	return kv_used_bytes(s->kv) > r->cap_bytes ? DT_EFULL : 0;
}
