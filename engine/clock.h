/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLOCK_H
#define ENGINE_CLOCK_H

#include <stdint.h>

#include "proto/clock.h"

/**
 * clock_system() - the system's time as a struct clock: monotonic, with the wall
 * read once, now. The only reader of the system clock in the engine.
 */
struct clock clock_system(void);

/** clock_thread_cpu_ns() - CPU time of the calling thread. */
uint64_t clock_thread_cpu_ns(void);

#endif
