/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_NETWORK_FILE_H
#define ENGINE_CLI_NETWORK_FILE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * DOC: bittorrent_network.json, by which tools around the first dht-telescope look in on
 * its crawler:
 *
 *	{"Summary": {"uptime_s", "known_nodes", "visited", "in_flight", "listen_mode",
 *		     "explore_queue", "outstanding_t"}}      every 15 s
 *	{"uptime_s", "known_nodes"}			     at the end
 *
 * The file is replaced by rename: nobody reads half of it.
 */
enum { NETWORK_FILE_EVERY_S = 15 };

struct network_file {
	const char *path; /* "" = none is wanted */
	uint64_t due_s;   /* private: on the monotonic clock */
	bool failed;      /* private: it was said */
};

struct network_counts {
	uint64_t known_nodes, visited, in_flight, explore_queue;
	bool listen_mode;
};

/** network_file_tick() - whenever there is time; writes when it is due. */
void network_file_tick(struct network_file *f, const struct network_counts *n);

/** network_file_end() - the last word. */
void network_file_end(struct network_file *f, uint64_t known_nodes);

#endif
