/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_BAD_H
#define ENGINE_BAD_H

#include <stddef.h>

#include "proto/err.h"

/**
 * DOC: a sample of the datagrams that were no KRPC message, for whoever mends
 * the parser or studies broken clients.
 *
 * Shape:   text; the first line is a comment. Then a datagram a line: its bytes
 *          in hex, a tab, the reason ("malformed"). From whom it came is not
 *          kept; the bytes are as they came and may hold addresses themselves.
 * Units:   at most BAD_DATAGRAMS_MAX lines and BAD_BYTES_MAX bytes, so that
 *          nobody can fill a disk by sending rubbish.
 */

enum {
	BAD_DATAGRAMS_MAX = 1000,  /* more of the same teach nothing */
	BAD_BYTES_MAX = 4 << 20,   /* of text */
	BAD_DATAGRAM_BYTES = 2048, /* the longest that the devices hand on */
};

struct bad;

/** bad_open() - truncates @path. Errors: -errno. */
int bad_open(const char *path, struct bad **out) DT_MUST;

/** bad_close() - Returns 0, or -EIO where a line could not be written. */
int bad_close(struct bad *b);

/**
 * bad_keep() - one datagram, refused with @why (an enum dt_err).
 * Threads: any; once the sample is full it costs one load.
 */
void bad_keep(struct bad *b, const void *data, size_t len, int why);

#endif
