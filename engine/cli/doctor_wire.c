/* SPDX-License-Identifier: MIT */
#include "engine/cli/doctor_wire.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/cpu.h"
#include "engine/kernel.h"
#include "engine/route.h"

enum { TEXT_MAX = 800, BACKLOG_LEAST = 4096 };

static unsigned receive_queues(const char *interface)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", interface);
	d = opendir(path);
	for (const struct dirent *e; d && (e = readdir(d));)
		n += strncmp(e->d_name, "rx-", 3) == 0;
	if (d)
		closedir(d);
	return n;
}

/* Does the kernel spread the first queue's packets over other cores (RPS)? */
static bool spreads(const char *interface)
{
	char path[96], mask[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues/rx-0/rps_cpus", interface);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(mask, (int)sizeof(mask), f))
		mask[0] = '\0';
	fclose(f);
	return strspn(mask, "0,\n") != strlen(mask);
}

static void say_softirq(doctor_say *say, void *ctx, const char *interface)
{
	unsigned queues = receive_queues(interface), cores = cpu_usable();
	char text[TEXT_MAX];

	if (queues == 0)
		return;
	if (queues >= cores || spreads(interface)) {
		snprintf(text, sizeof(text), "%s: %u receive queues on %u cores%s", interface,
			 queues, cores, spreads(interface) ? ", spread by RPS" : "");
		say(ctx, DOCTOR_FIT, "softirq", text);
		return;
	}
	snprintf(text, sizeof(text),
		 "%s has %u receive queue%s for %u cores: a core that receives for the kernel does "
		 "a "
		 "third of a worker's work; cure: leave it out (--cores), or ethtool -L %s "
		 "combined %u, "
		 "or RPS: echo %x > /sys/class/net/%s/queues/rx-0/rps_cpus",
		 interface, queues, queues == 1 ? "" : "s", cores, interface, cores,
		 cores < 31 ? (1u << cores) - 1 : ~0u, interface);
	say(ctx, DOCTOR_NOTE, "softirq", text);
}

static void say_backlog(doctor_say *say, void *ctx)
{
	char value[KERNEL_SYSCTL_MAX], text[TEXT_MAX];

	if (kernel_sysctl("net.core.netdev_max_backlog", value) < 0)
		return;
	snprintf(text, sizeof(text),
		 atoi(value) >= BACKLOG_LEAST
			 ? "room for %.63s packets"
			 : "room for %.63s packets: a burst on a virtual device loses more "
			   "(softnet-dropped "
			   "in the status file); cure: sysctl -w net.core.netdev_max_backlog=16384",
		 value);
	say(ctx, atoi(value) >= BACKLOG_LEAST ? DOCTOR_FIT : DOCTOR_NOTE, "packet backlog", text);
}

static void say_raw(doctor_say *say, void *ctx, const struct route_table *t,
		    const char why[static ROUTE_WHY_MAX])
{
	char text[TEXT_MAX];
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (!t)
		snprintf(text, sizeof(text), "no way for --backend packet and xdp: %.239s", why);
	else if (fd < 0)
		snprintf(
			text, sizeof(text),
			"not permitted, so --backend packet and xdp are not; cure: run as root, or "
			"setcap cap_net_raw,cap_net_admin+ep on the program");
	else
		snprintf(text, sizeof(text),
			 "%.15s, %u gateway%s: --backend packet and xdp have a way", t->interface,
			 t->gateways, t->gateways == 1 ? "" : "s");
	say(ctx, t && fd >= 0 ? DOCTOR_FIT : DOCTOR_NOTE, "raw frames", text);
	if (fd >= 0)
		close(fd);
}

void doctor_wire(doctor_say *say, void *ctx)
{
	struct route_table table;
	char why[ROUTE_WHY_MAX] = "";
	int err = route_open(NULL, 0, false, &table, why);

	say_raw(say, ctx, err ? NULL : &table, why);
	if (*table.interface)
		say_softirq(say, ctx, table.interface);
	say_backlog(say, ctx);
}
