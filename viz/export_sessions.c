/* SPDX-License-Identifier: MIT */
#include "viz/export_sessions.h"

#include <errno.h>
#include <stdlib.h>

struct running {
	uint32_t start_s, end_s; /* end 0 = never seen */
	uint32_t sightings, gap_s;
};

struct export_sessions {
	export_session_fn *fn;
	void *ctx;
	uint32_t space, gap_s;
	struct running node[];
};

int export_sessions_new(uint32_t space, uint32_t gap_s, export_session_fn *fn, void *ctx,
			struct export_sessions **out)
{
	/* Zeroed pages are given when they are touched: nodes never seen cost nothing. */
	struct export_sessions *s = calloc(1, sizeof(*s) + space * sizeof(s->node[0]));

	if (!s)
		return -ENOMEM;
	s->fn = fn;
	s->ctx = ctx;
	s->space = space;
	s->gap_s = gap_s;
	*out = s;
	return 0;
}

void export_sessions_free(struct export_sessions *s)
{
	free(s);
}

static int say(struct export_sessions *s, uint32_t node)
{
	const struct running *r = &s->node[node];
	const struct export_session out = { node, r->start_s, r->end_s, r->sightings, r->gap_s };

	return s->fn(s->ctx, &out);
}

int export_sessions_add(struct export_sessions *s, uint32_t node, uint32_t from_s, uint32_t to_s)
{
	struct running *r;
	uint32_t gap_s = 0;
	int rc;

	if (node >= s->space || to_s <= from_s)
		return DT_ECORRUPT;
	r = &s->node[node];
	if (r->end_s && (from_s <= r->end_s || from_s - r->end_s <= s->gap_s)) {
		r->end_s = to_s > r->end_s ? to_s : r->end_s;
		r->sightings++;
		return 0;
	}
	if (r->end_s) {
		rc = say(s, node);
		if (rc < 0)
			return rc;
		gap_s = from_s - r->end_s;
	}
	*r = (struct running){ from_s, to_s, 1, gap_s };
	return 0;
}

int export_sessions_end(struct export_sessions *s)
{
	int rc = 0;

	for (uint32_t i = 0; i < s->space && rc >= 0; i++)
		if (s->node[i].end_s)
			rc = say(s, i);
	return rc < 0 ? rc : 0;
}
