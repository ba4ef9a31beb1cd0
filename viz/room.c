/* SPDX-License-Identifier: MIT */
#include "viz/room.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { LARGE_PAGE = 1 << 21 };

void *room_zeroed(size_t count, size_t size)
{
	void *room = size && count > SIZE_MAX / size ? NULL : calloc(count, size);
	uintptr_t from = (uintptr_t)room + LARGE_PAGE - 1, to;

	if (!room)
		return NULL;
	/* the whole large pages of it; advice that is refused costs speed alone */
	from -= from % LARGE_PAGE;
	to = (uintptr_t)room + count * size;
	if (to > from && to - from >= LARGE_PAGE)
		(void)madvise((void *)from, (to - from) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
	return room;
}
