/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "store/edgescan.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte picks a segment's file, or raw bytes that are compressed here,
 * so that mutations get past the checksum of the frame. What is taken rises,
 * stays below its bounds, and is the same after being written again.
 */

enum { ROWS_MAX = 512, RAW_MAX = 1 << 15 };

static struct pack *fresh(void)
{
	struct pack *p;

	FUZZ_HOLDS(pack_new(&p) == 0);
	return p;
}

static void check_vertices(struct span frame, uint32_t count)
{
	static struct vertex list[ROWS_MAX], again[ROWS_MAX];
	struct pack *p = fresh();
	struct span out;

	if (edgeblock_get_vertices(p, frame, count, list) == 0) {
		FUZZ_HOLDS(edgeblock_put_vertices(p, list, count, &out) == 0);
		FUZZ_HOLDS(edgeblock_get_vertices(p, out, count, again) == 0);
		FUZZ_HOLDS(memcmp(list, again, count * sizeof(*list)) == 0);
	}
	pack_free(p);
}

static void check_edges(struct span frame, uint32_t count, uint32_t vertices)
{
	static struct edge list[ROWS_MAX], again[ROWS_MAX];
	struct pack *p = fresh();
	struct span out;

	if (edgeblock_get_edges(p, frame, count, vertices, list) == 0) {
		for (uint32_t i = 0; i < count; i++) {
			FUZZ_HOLDS(list[i].src < vertices && list[i].dst < vertices);
			FUZZ_HOLDS(i == 0 || list[i].src > list[i - 1].src ||
				   list[i].dst > list[i - 1].dst);
		}
		FUZZ_HOLDS(edgeblock_put_edges(p, list, count, &out) == 0);
		FUZZ_HOLDS(edgeblock_get_edges(p, out, count, vertices, again) == 0);
		for (uint32_t i = 0; i < count; i++)
			FUZZ_HOLDS(list[i].src == again[i].src && list[i].dst == again[i].dst &&
				   list[i].depth == again[i].depth);
	}
	pack_free(p);
}

static void check_questions(struct span frame, uint32_t count, uint32_t vertices)
{
	static struct question list[ROWS_MAX], again[ROWS_MAX];
	struct pack *p = fresh();
	struct span out;

	if (edgeblock_get_questions(p, frame, count, vertices, list) == 0) {
		FUZZ_HOLDS(edgeblock_put_questions(p, list, count, &out) == 0);
		FUZZ_HOLDS(edgeblock_get_questions(p, out, count, vertices, again) == 0);
		FUZZ_HOLDS(memcmp(list, again, count * sizeof(*list)) == 0);
	}
	pack_free(p);
}

static void walk(struct edgescan *s)
{
	struct question q;
	struct vertex v, last = { .key = { 0 } };
	struct edge e;
	int rc;

	while ((rc = edgescan_vertex(s, &v)) == 1) {
		FUZZ_HOLDS(memcmp(last.key, v.key, VERTEX_KEY_BYTES) <= 0);
		last = v;
	}
	while (rc == 0 && (rc = edgescan_edge(s, &e)) == 1)
		rc = 0;
	while (rc == 0 && (rc = edgescan_question(s, &q)) == 1)
		rc = 0;
	FUZZ_HOLDS(rc <= 0);
}

/* The same file twice is the same graph. */
static void check_file(struct span in)
{
	struct edgescan *s;
	int rc = 0;

	FUZZ_HOLDS(edgescan_new(&s) == 0);
	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		int fd = memfd_create("segment", MFD_CLOEXEC);
		struct edge_in *one;
		struct seg *seg;

		FUZZ_HOLDS(fd >= 0 && write(fd, in.ptr, in.len) == (ssize_t)in.len);
		rc = seg_open_fd(fd, SEG_EDGES, NULL, &seg);
		if (rc == 0)
			rc = edge_in_new(seg, &one);
		if (rc == 0)
			rc = edgescan_add(s, one);
	}
	if (rc == 0)
		rc = edgescan_start(s);
	if (rc == 0)
		walk(s);
	edgescan_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[RAW_MAX + 1024];
	struct span frame;
	uint32_t count;

	if (size < 4 || size > RAW_MAX)
		return 0;
	if (data[0] % 4 == 0) {
		check_file(span_of(data + 1, size - 1));
		return 0;
	}
	count = 1 + data[1];
	frame = span_of(room, ZSTD_compress(room, sizeof(room), data + 3, size - 3, 1));
	if (data[0] % 4 == 1)
		check_vertices(frame, count);
	else if (data[0] % 4 == 2)
		check_edges(frame, count, 1 + (uint32_t)data[2] * 257);
	else
		check_questions(frame, count, 1 + (uint32_t)data[2] * 257);
	return 0;
}
