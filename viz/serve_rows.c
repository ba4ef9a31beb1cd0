/* SPDX-License-Identifier: MIT */
#include "viz/serve_rows.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64, BYTES_FIRST = 8192, AROUND = 256 /* what a page has beside its rows */ };

struct serve_rows *serve_rows_new(uint64_t total, uint64_t as_of_s)
{
	struct serve_rows *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	atomic_init(&r->refs, 1);
	r->total = total;
	r->as_of_s = as_of_s;
	return r;
}

static int make_room(struct serve_rows *r, size_t len)
{
	size_t cap = r->cap ? r->cap : BYTES_FIRST;
	uint32_t room = r->room ? 2 * r->room : ROOM_FIRST, *ends;
	char *bytes;

	if (r->len + len > SERVE_ROWS_BYTES_MAX)
		return DT_EFULL;
	while (cap < r->len + len)
		cap *= 2;
	if (cap > r->cap) {
		bytes = realloc(r->bytes, cap);
		if (!bytes)
			return -ENOMEM;
		r->bytes = bytes;
		r->cap = cap;
	}
	if (r->count < r->room)
		return 0;
	ends = realloc(r->ends, room * sizeof(*ends));
	if (!ends)
		return -ENOMEM;
	r->ends = ends;
	r->room = room;
	return 0;
}

int serve_rows_add(struct serve_rows *r, struct json *j)
{
	int len = json_finish(j), rc = len < 0 ? len : make_room(r, (size_t)len);

	if (rc < 0)
		return rc;
	memcpy(r->bytes + r->len, j->buf, (size_t)len);
	r->len += (size_t)len;
	r->ends[r->count++] = (uint32_t)r->len;
	return 0;
}

struct serve_rows *serve_rows_ref(struct serve_rows *r)
{
	/* relaxed: whoever gives it away holds one */
	if (r)
		atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void serve_rows_unref(struct serve_rows *r)
{
	/* acq_rel: the last one frees what all others have read */
	if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1) {
		free(r->bytes);
		free(r->ends);
		free(r);
	}
}

char *serve_rows_page(const struct serve_rows *r, const char *key, uint64_t after, uint32_t limit,
		      size_t *len)
{
	uint32_t from = after < r->count ? (uint32_t)after : r->count;
	uint32_t to = r->count - from > limit ? from + limit : r->count;
	size_t begin = from ? r->ends[from - 1] : 0, size = to > from ? r->ends[to - 1] - begin : 0;
	char *text = malloc(size + (to - from) + AROUND);
	size_t at;

	if (!text)
		return NULL;
	at = (size_t)snprintf(text, AROUND / 2, "{\"total\":%llu,\"as_of_s\":%llu,\"%s\":[",
			      (unsigned long long)r->total, (unsigned long long)r->as_of_s, key);
	for (uint32_t i = from; i < to; i++) {
		size_t start = i ? r->ends[i - 1] : 0;

		if (i > from)
			text[at++] = ',';
		memcpy(text + at, r->bytes + start, r->ends[i] - start);
		at += r->ends[i] - start;
	}
	if (to < r->count)
		at += (size_t)snprintf(text + at, AROUND / 2, "],\"next\":\"%u\"}\n", to);
	else
		at += (size_t)snprintf(text + at, AROUND / 2, "],\"next\":null}\n");
	*len = at;
	return text;
}
