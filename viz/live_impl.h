/* SPDX-License-Identifier: MIT */
#ifndef VIZ_LIVE_IMPL_H
#define VIZ_LIVE_IMPL_H

#include "viz/live.h"

/** DOC: the inside of live*.c; nobody else includes this. */

/** struct live_bytes - a buffer that grows; @failed once there was no memory. */
struct live_bytes {
	uint8_t *at;
	size_t len, room;
	bool failed;
};

void live_put(struct live_bytes *b, uint8_t v);
void live_put_text(struct live_bytes *b, const char *text, size_t len);

/** struct live_pack - what a page shows, as the page's program unpacks it. */
struct live_pack {
	char *data; /* base64 of a zlib stream: networks and nodes */
	char *land; /* the same of the coasts */
	char *meta; /* JSON */
};

/**
 * live_pack() - fill @out; live_pack_fini() also after an error.
 * Errors: DT_ENOTFOUND where no node lies within the cutoff; -ENOMEM.
 */
int live_pack(const struct live_scene *s, const struct live_opts *o, live_name *name, void *ctx,
	      struct live_pack *out, struct live_stats *stats) DT_MUST;
void live_pack_fini(struct live_pack *p);

#endif
