/* SPDX-License-Identifier: MIT */
#include "engine/cpu.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

/* Cores beyond CPU_SETSIZE (1024) are not seen: the kernel's mask then does not
 * fit and the call fails, which counts as one core. */
unsigned cpu_usable(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

/* One "a" or "a-b"; moves @list behind it and its comma. */
static int take_range(const char **list, cpu_set_t *set)
{
	unsigned long from, to;
	char *end;

	from = to = strtoul(*list, &end, 10);
	if (end == *list || **list < '0' || **list > '9')
		return DT_EMALF;
	if (*end == '-') {
		const char *second = end + 1;

		to = strtoul(second, &end, 10);
		if (end == second || *second < '0' || *second > '9')
			return DT_EMALF;
	}
	if ((*end && *end != ',') || (*end && !end[1]) || to < from || to >= CPU_SETSIZE)
		return DT_EMALF;
	for (unsigned long cpu = from; cpu <= to; cpu++)
		CPU_SET(cpu, set);
	*list = *end ? end + 1 : end;
	return 0;
}

int cpu_use(const char *list)
{
	cpu_set_t set;
	int err = *list ? 0 : DT_EMALF;

	CPU_ZERO(&set);
	while (*list && !err)
		err = take_range(&list, &set);
	if (err)
		return err;
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
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
