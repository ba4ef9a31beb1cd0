/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "store/le.h"
#include "store/logscan.h"
#include "store/segset.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte picks what the rest is read as: a manifest, a segment's file, a
 * chunk, or the fields and raw columns of a block whose checksums are made to
 * agree, for else nothing hostile would come past them.
 */

enum { RAW_MAX = 4096 };

static void check_manifest(struct span in)
{
	struct segset s, again;
	size_t len;
	char *text;
	int rc = segset_parse(in, &s);

	if (rc < 0) {
		FUZZ_HOLDS(rc == DT_EFOREIGN || rc == DT_ENEWER || rc == DT_ECORRUPT);
		return;
	}
	FUZZ_HOLDS(segset_print(&s, &text, &len) == 0);
	FUZZ_HOLDS(segset_parse(span_of(text, len), &again) == 0);
	FUZZ_HOLDS(again.count == s.count && again.sealed == s.sealed && again.next == s.next);
	free(text);
	segset_fini(&again);
	segset_fini(&s);
}

/* Whatever it is made of: buckets in order, ordinals rising, an end. */
static void walk(struct logscan *scan)
{
	uint64_t bucket = 0, ordinal = 0;
	uint32_t width = 0;
	struct logscan_block b;
	int rc;

	while ((rc = logscan_next(scan, &b)) == 1) {
		FUZZ_HOLDS(b.rows->count > 0 && b.rows->count <= LOG_BLOCK_ROWS);
		FUZZ_HOLDS(b.bucket_s >= bucket);
		for (uint32_t i = 0; i < b.rows->count; i++) {
			if (b.bucket_s == bucket && b.width_s == width)
				FUZZ_HOLDS(b.rows->ordinal[i] > ordinal);
			bucket = b.bucket_s;
			width = b.width_s;
			ordinal = b.rows->ordinal[i];
		}
	}
	FUZZ_HOLDS(rc == 0 || rc == DT_ECORRUPT);
}

static struct logscan *new_scan(void)
{
	const struct logscan_filter all = { .to_s = UINT64_MAX, .columns = LOG_ALL };
	struct logscan *scan;

	FUZZ_HOLDS(logscan_new(&all, &scan) == 0);
	return scan;
}

static void check_file(struct span in)
{
	int fd = memfd_create("segment", MFD_CLOEXEC);
	struct logscan *scan;
	struct seg *seg;

	FUZZ_HOLDS(fd >= 0 && write(fd, in.ptr, in.len) == (ssize_t)in.len);
	if (seg_open_fd(fd, SEG_LOG, NULL, &seg) < 0)
		return;
	scan = new_scan();
	if (logscan_add_segment(scan, seg) == 0)
		walk(scan);
	logscan_free(scan);
}

static void check_chunk(struct span in)
{
	struct logscan *scan = new_scan();
	int rc = logscan_add_chunk(scan, in);

	FUZZ_HOLDS(rc == 0 || rc == DT_ECORRUPT || rc == DT_EFOREIGN || rc == DT_ENEWER);
	if (rc == 0)
		walk(scan);
	logscan_free(scan);
}

/* A block of these fields; the columns are cut from what is left. Returns its length. */
static size_t forge(struct span in, uint8_t *out)
{
	static const uint8_t head[4] = { 'D', 'T', 'L', 1 };
	size_t at = LOG_HEAD_BYTES, from = 5;

	memset(out, 0, LOG_HEAD_BYTES);
	memcpy(out, head, sizeof(head));
	le_put32(out + 4, in.ptr[0]);
	le_put32(out + 8, 600);
	le_put32(out + 12, in.ptr[1]);
	le_put32(out + 16, in.ptr[2]);
	le_put32(out + 20, (uint32_t)in.ptr[2] + in.ptr[3]);
	for (unsigned c = 0; c < LOG_COLUMNS; c++) {
		size_t want = c == 0 ? in.ptr[4] : c == 1 ? in.ptr[1] : 2 * (size_t)in.ptr[1];
		size_t n = from + want <= in.len ? want : in.len - from;

		n = ZSTD_compress(out + at, RAW_MAX, in.ptr + from, n, 1);
		le_put32(out + 24 + 4 * c, (uint32_t)n);
		from += from + want <= in.len ? want : in.len - from;
		at += n;
	}
	le_put32(out + 44, (uint32_t)XXH3_64bits(out, 44));
	return at;
}

/* Two blocks of one source and one of another. */
static void check_forged(struct span in)
{
	static uint8_t one[LOG_HEAD_BYTES + LOG_COLUMNS * RAW_MAX], two[2 * sizeof(one)];
	struct logscan *scan;
	size_t n, half = in.len / 2;

	if (in.len < 16 || in.len > RAW_MAX / 2)
		return;
	scan = new_scan();
	n = forge(in, one);
	if (logscan_add_chunk(scan, span_of(one, n)) == 0) {
		n = forge(span_slice(in, 0, half), two);
		n += forge(span_slice(in, half, in.len - half), two + n);
		if (logscan_add_chunk(scan, span_of(two, n)) == 0)
			walk(scan);
	}
	logscan_free(scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = size ? span_of(data + 1, size - 1) : (struct span){ NULL, 0 };

	switch (size ? data[0] % 4 : 0) {
	case 0:
		check_manifest(in);
		break;
	case 1:
		check_file(in);
		break;
	case 2:
		check_chunk(in);
		break;
	default:
		check_forged(in);
	}
	return 0;
}
