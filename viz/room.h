/* SPDX-License-Identifier: MIT */
#ifndef VIZ_ROOM_H
#define VIZ_ROOM_H

#include <stddef.h>

/**
 * room_zeroed() - calloc() for what is large and is visited here and there: plates, casts.
 * On Linux it asks for large pages, where the machine gives them on request: one spot of a
 * plate after the other is otherwise one miss of the address cache after the other (V-70).
 *
 * Errors:  NULL, as calloc().
 * Cost:    what is touched is touched by 2 MiB.
 * Owns:    the caller, by free().
 */
void *room_zeroed(size_t count, size_t size);

#endif
