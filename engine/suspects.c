/* SPDX-License-Identifier: MIT */
#include "engine/suspects.h"

#include <stdlib.h>

#include "engine/rng.h"

enum { ROOM_FIRST = 64, FULL_NUM = 3, FULL_DEN = 4 };

void suspects_free(struct suspects *s)
{
	free(s->slot);
	*s = (struct suspects){ 0 };
}

static struct suspect *place(const struct suspects *s, uint32_t ref)
{
	uint32_t at = (uint32_t)rng_mix(ref) & (s->room - 1);

	while (s->slot[at].ref && s->slot[at].ref != ref + 1)
		at = (at + 1) & (s->room - 1);
	return &s->slot[at];
}

struct suspect *suspects_find(const struct suspects *s, uint32_t ref)
{
	struct suspect *p = s->room ? place(s, ref) : NULL;

	return p && p->ref ? p : NULL;
}

static bool grow(struct suspects *s)
{
	struct suspects more = { .room = s->room ? s->room * 2 : ROOM_FIRST,
				 .used = s->used,
				 .lost = s->lost };

	more.slot = more.room ? calloc(more.room, sizeof(*more.slot)) : NULL;
	if (!more.slot)
		return false;
	for (uint32_t i = 0; i < s->room; i++)
		if (s->slot[i].ref)
			*place(&more, s->slot[i].ref - 1) = s->slot[i];
	free(s->slot);
	*s = more;
	return true;
}

struct suspect *suspects_note(struct suspects *s, uint32_t ref)
{
	struct suspect *p = suspects_find(s, ref);

	if (p)
		return p;
	if ((uint64_t)(s->used + 1) * FULL_DEN > (uint64_t)s->room * FULL_NUM && !grow(s)) {
		s->lost++;
		return NULL;
	}
	p = place(s, ref);
	p->ref = ref + 1;
	s->used++;
	return p;
}

uint64_t suspects_bytes(const struct suspects *s)
{
	return s->room * (uint64_t)sizeof(*s->slot);
}
