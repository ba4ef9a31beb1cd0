/* SPDX-License-Identifier: MIT */
#ifdef __SANITIZE_THREAD__

const char *__tsan_default_suppressions(void);

/*
 * liburing maps and unmaps its rings by system calls of its own, which the
 * sanitizer does not see: a ring that one thread closed and one that another
 * opened at the same address look like one piece of memory. A device belongs to
 * one thread; what threads share is outside of these two files.
 */
const char *__tsan_default_suppressions(void)
{
	return "race:liburing.h\nrace:engine/net_uring.c\n";
}

#else
typedef int tsan_nothing_here; /* a translation unit may not be empty */
#endif
