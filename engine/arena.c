/* SPDX-License-Identifier: MIT */
#include "engine/arena.h"

#include <errno.h>
#include <sys/mman.h>

enum {
	/* Alignment and largest step: one huge page of x86-64 and arm64, so that big
	 * tables are backed by them (random reads in 1 GiB: 14 ns instead of 21). */
	ARENA_HUGE_BYTES = 2 << 20,
	/* From here on memory comes in huge pages. */
	ARENA_BIG_BYTES = 16 << 20,
	ARENA_COLLAPSE = 25, /* MADV_COLLAPSE, Linux 6.1; Debian 12's libc has no name for it */
	/* Smallest step: a table of a few thousand entries stays small. */
	ARENA_STEP_BYTES = 64 << 10,
};

static size_t round_up(size_t v, size_t to)
{
	return (v + to - 1) / to * to;
}

int arena_init(struct arena *a, size_t bytes)
{
	size_t len = round_up(bytes ? bytes : 1, ARENA_HUGE_BYTES);
	uint8_t *map, *base;

	*a = (struct arena){ 0 };
	/* cppcheck-suppress invalidFunctionArg ; -1 is what MAP_ANONYMOUS wants */
	map = mmap(NULL, len + ARENA_HUGE_BYTES, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	base = (uint8_t *)round_up((uintptr_t)map, ARENA_HUGE_BYTES);
	if (base > map)
		munmap(map, (size_t)(base - map));
	if (base < map + ARENA_HUGE_BYTES)
		munmap(base + len, (size_t)(map + ARENA_HUGE_BYTES - base));
	/* Advice only: where it is refused, small pages serve. */
	(void)madvise(base, len, MADV_HUGEPAGE);
	*a = (struct arena){ .base = base, .reserved = len };
	return 0;
}

void arena_free(struct arena *a)
{
	if (a->base)
		munmap(a->base, a->reserved);
	*a = (struct arena){ 0 };
}

/* A step is a sixteenth of what is there, or a huge page: few calls, little waste. */
static size_t step_bytes(size_t bytes)
{
	if (bytes >= ARENA_BIG_BYTES)
		return ARENA_HUGE_BYTES;
	return round_up(bytes / 16 + 1, ARENA_STEP_BYTES);
}

/*
 * Small steps are backed by small pages. Once they have filled a huge page, the
 * kernel is asked to make one of them: 2 MiB are copied, once. Advice only.
 */
static void collapse(const struct arena *a, size_t from, size_t to)
{
	from = from / ARENA_HUGE_BYTES * ARENA_HUGE_BYTES;
	to = to / ARENA_HUGE_BYTES * ARENA_HUGE_BYTES;
	if (from < to && from < ARENA_BIG_BYTES)
		(void)madvise(a->base + from, to - from, ARENA_COLLAPSE);
}

int arena_more(struct arena *a, size_t bytes)
{
	size_t to;

	if (bytes > a->reserved)
		return DT_EFULL;
	to = round_up(bytes, step_bytes(bytes));
	if (to > a->reserved)
		to = a->reserved;
	if (mprotect(a->base + a->committed, to - a->committed, PROT_READ | PROT_WRITE))
		return -errno;
	collapse(a, a->committed, to);
	a->committed = to;
	return 0;
}

void arena_trim(struct arena *a, size_t bytes)
{
	size_t to = round_up(bytes, step_bytes(bytes));

	if (to >= a->committed)
		return;
	/* DONTNEED before PROT_NONE: what is committed again must read as zero. */
	(void)madvise(a->base + to, a->committed - to, MADV_DONTNEED);
	if (mprotect(a->base + to, a->committed - to, PROT_NONE) == 0)
		a->committed = to;
}
