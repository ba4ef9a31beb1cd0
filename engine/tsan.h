/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TSAN_H
#define ENGINE_TSAN_H

/**
 * DOC: an order that the thread sanitizer cannot see. liburing maps and unmaps its rings by
 * system calls of its own: a ring that one thread closed and one that another opened at the same
 * address look like one piece of memory to it. The kernel gives an address away again only after
 * munmap() has returned, so what was done in the old ring happened before what is done in the
 * new one; the two macros say so and nothing else. Everywhere else they are nothing.
 *
 * @order: any address that both sides name; it is not read.
 */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define TSAN_UNMAPS(order) __tsan_release((void *)(uintptr_t)(order))
#define TSAN_MAPPED(order) __tsan_acquire((void *)(uintptr_t)(order))
#else
#define TSAN_UNMAPS(order) (void)(order)
#define TSAN_MAPPED(order) (void)(order)
#endif

#endif
