/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CPU_H
#define ENGINE_CPU_H

#include "proto/err.h"

/**
 * DOC: which cores this process may use, and staying on one. Cores are counted
 * as the scheduler's affinity mask allows (taskset, cgroups' cpusets), not as
 * the machine has them.
 */

/** cpu_usable() - how many cores this process may run on; at least 1. */
unsigned cpu_usable(void);

/**
 * cpu_use() - from now on the cores of @list alone, "0,2-5", for this process and all that it
 * starts. Errors: DT_EMALF no such list; -EINVAL none of them exists; -errno.
 */
int cpu_use(const char *list) DT_MUST;

/** cpu_pin() - keep the calling thread on usable core @i modulo cpu_usable(). Errors: -errno. */
int cpu_pin(unsigned i) DT_MUST;

#endif
