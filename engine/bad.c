/* SPDX-License-Identifier: MIT */
#include "engine/bad.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct bad {
	FILE *file;
	pthread_mutex_t lock; /* of what follows, but for full */
	unsigned datagrams;
	size_t bytes;
	bool broken;
	atomic_bool full;
};

int bad_open(const char *path, struct bad **out)
{
	struct bad *b = calloc(1, sizeof(*b));
	int n, err;

	if (!b)
		return -ENOMEM;
	b->file = fopen(path, "we");
	if (!b->file) {
		err = -errno;
		free(b);
		return err;
	}
	n = fprintf(b->file, "# dht-telescope bad 1: datagrams that are no KRPC message; "
			     "hex, tab, reason\n");
	b->bytes = n > 0 ? (size_t)n : 0;
	pthread_mutex_init(&b->lock, NULL);
	atomic_init(&b->full, false);
	*out = b;
	return 0;
}

int bad_close(struct bad *b)
{
	int err = 0;

	if (!b)
		return 0;
	if (fclose(b->file) || b->broken)
		err = -EIO;
	pthread_mutex_destroy(&b->lock);
	free(b);
	return err;
}

/* Under the lock. */
static void write_line(struct bad *b, const void *data, size_t len, int why)
{
	char hex[2 * BAD_DATAGRAM_BYTES + 1];
	const char *reason = dt_strerror(why);
	int n;

	if (b->datagrams == BAD_DATAGRAMS_MAX || b->bytes + sizeof(hex) + 64 > BAD_BYTES_MAX) {
		/* Relaxed: who has not seen it yet comes here and learns it. */
		atomic_store_explicit(&b->full, true, memory_order_relaxed);
		return;
	}
	sodium_bin2hex(hex, sizeof(hex), data, len);
	n = fprintf(b->file, "%s\t%s\n", hex, reason);
	b->broken |= n < 0;
	b->bytes += n > 0 ? (size_t)n : 0;
	b->datagrams++;
}

void bad_keep(struct bad *b, const void *data, size_t len, int why)
{
	if (atomic_load_explicit(&b->full, memory_order_relaxed))
		return;
	pthread_mutex_lock(&b->lock);
	write_line(b, data, len < BAD_DATAGRAM_BYTES ? len : BAD_DATAGRAM_BYTES, why);
	pthread_mutex_unlock(&b->lock);
}
