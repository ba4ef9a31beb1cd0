/* SPDX-License-Identifier: MIT */
#include "engine/cpu.h"

#include <errno.h>
#include <sched.h>

/* Cores beyond CPU_SETSIZE (1024) are not seen: the kernel's mask then does not
 * fit and the call fails, which counts as one core. */
unsigned cpu_usable(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

int cpu_pin(unsigned i)
{
	cpu_set_t set, one;
	unsigned n;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -errno;
	n = i % (unsigned)CPU_COUNT(&set);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set) || n-- != 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return sched_setaffinity(0, sizeof(one), &one) ? -errno : 0;
	}
	return -ESRCH;
}
