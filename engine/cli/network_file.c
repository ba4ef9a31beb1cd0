/* SPDX-License-Identifier: MIT */
#include "engine/cli/network_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "proto/json.h"

enum { TEXT_MAX = 1024, STAT_MAX = 1024, STARTTIME = 22 /* field of /proc/self/stat */ };

/* How long this process has been there: a campaign is many censuses. */
static uint64_t uptime_s(void)
{
	char text[STAT_MAX] = "", *at;
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	unsigned long long ticks = 0;
	struct timespec now;

	if (f)
		fclose(f);
	text[n] = 0;
	at = strrchr(text, ')'); /* behind the name, which may hold anything: field 3 */
	for (unsigned field = 2; at && field < STARTTIME; field++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = strtoull(at, NULL, 10);
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec - ticks / (uint64_t)sysconf(_SC_CLK_TCK);
}

static void write_text(struct network_file *f, struct json *j, char *text)
{
	int rc = json_finish(j);

	if (rc > 0) {
		text[rc] = '\n'; /* of TEXT_MAX one is kept for it */
		rc = cli_write_file(f->path, text, (size_t)rc + 1);
	}
	if (rc < 0 && !f->failed)
		cli_say("note: %s: %s", f->path, dt_strerror(rc));
	f->failed = rc < 0;
}

void network_file_tick(struct network_file *f, const struct network_counts *n)
{
	char text[TEXT_MAX];
	struct timespec now;
	struct json j;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!f->path[0] || (uint64_t)now.tv_sec < f->due_s)
		return;
	f->due_s = (uint64_t)now.tv_sec + NETWORK_FILE_EVERY_S;
	json_init(&j, text, sizeof(text) - 1, true);
	json_object_begin(&j);
	json_key(&j, "Summary");
	json_object_begin(&j);
	json_kv_u64(&j, "uptime_s", uptime_s());
	json_kv_u64(&j, "known_nodes", n->known_nodes);
	json_kv_u64(&j, "visited", n->visited);
	json_kv_u64(&j, "in_flight", n->in_flight);
	json_key(&j, "listen_mode");
	json_bool(&j, n->listen_mode);
	json_kv_u64(&j, "explore_queue", n->explore_queue);
	json_kv_u64(&j, "outstanding_t", n->in_flight);
	json_object_end(&j);
	json_object_end(&j);
	write_text(f, &j, text);
}

void network_file_end(struct network_file *f, uint64_t known_nodes)
{
	char text[TEXT_MAX];
	struct json j;

	if (!f->path[0])
		return;
	json_init(&j, text, sizeof(text) - 1, true);
	json_object_begin(&j);
	json_kv_u64(&j, "uptime_s", uptime_s());
	json_kv_u64(&j, "known_nodes", known_nodes);
	json_object_end(&j);
	write_text(f, &j, text);
}
