/* SPDX-License-Identifier: MIT */
#include "engine/cli/serve_guard.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/fence.h"
#include "engine/priv.h"

enum { OWN_FILES = 128, PATH_CAP = 4096 };

/* The store, or where it will be made. */
static const char *place_of(const char *store, char out[static PATH_CAP])
{
	char *slash;

	snprintf(out, PATH_CAP, "%s", store);
	if (access(out, F_OK) == 0)
		return out;
	for (slash = out + strlen(out); slash > out && slash[-1] == '/';)
		*--slash = 0;
	slash = strrchr(out, '/');
	if (!slash)
		return ".";
	slash[slash == out] = 0;
	return out;
}

int serve_guard_confine(void *guard)
{
	struct serve_guard *g = guard;
	char path[PATH_CAP];
	const char *within[] = { place_of(g->store, path), NULL };
	const struct fence fence = { .write = within };
	int rights = priv_drop(within), landlock;

	if (rights < 0)
		return rights;
	landlock = fence_in(&fence);
	if (landlock < 0)
		return landlock;
	if (g->said)
		return 0;
	g->said = true;
	if (landlock)
		cli_say("the service's threads: capabilities %s; only %s is open to them (Landlock "
			"%d)",
			priv_outcome_text(rights), within[0], landlock);
	else
		cli_say("the service's threads: capabilities %s; no Landlock in this kernel",
			priv_outcome_text(rights));
	return 0;
}

unsigned serve_guard_files(unsigned connections)
{
	struct rlimit lim;
	rlim_t want = connections + OWN_FILES;

	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur >= want)
		return connections;
	lim.rlim_cur = lim.rlim_max < want ? lim.rlim_max : want;
	if (setrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur >= want)
		return connections;
	connections = lim.rlim_cur > 2 * OWN_FILES ? (unsigned)lim.rlim_cur - OWN_FILES : OWN_FILES;
	cli_say("note: %llu open files are allowed: room for %u connections; cure: ulimit -n, "
		"LimitNOFILE=",
		(unsigned long long)lim.rlim_cur, connections);
	return connections;
}
