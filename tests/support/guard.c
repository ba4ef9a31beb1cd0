/* SPDX-License-Identifier: MIT */
#include "tests/support/guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void guard_open(struct guard *g, size_t max)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (max + page - 1) / page * page + page;

	g->map_len = room + page;
	g->map = mmap(NULL, g->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->map == MAP_FAILED || mprotect(g->map + room, page, PROT_NONE))
		abort();
	g->end = g->map + room;
}

uint8_t *guard_put(struct guard *g, const void *bytes, size_t len)
{
	uint8_t *at = g->end - len;

	if (len)
		memcpy(at, bytes, len);
	return at;
}

void guard_close(struct guard *g)
{
	munmap(g->map, g->map_len);
}
