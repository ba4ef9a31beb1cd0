/* SPDX-License-Identifier: MIT */
#include "engine/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/rng.h"
#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

/*
 * Capture files are written here by hand, byte by byte: pcap of microseconds and nanoseconds,
 * of either byte order, and pcapng; each is read whole, cut at every byte, and spoilt.
 */

enum { FILE_MAX = 4096, FRAMES = 6 };

struct file {
	uint8_t b[FILE_MAX];
	size_t len;
	size_t ends[FRAMES]; /* where frame i ends */
	bool swapped;
};

static void put32(struct file *f, uint32_t v)
{
	v = f->swapped ? __builtin_bswap32(v) : v;
	memcpy(f->b + f->len, &v, 4);
	f->len += 4;
}

static void put16(struct file *f, uint16_t v)
{
	v = f->swapped ? __builtin_bswap16(v) : v;
	memcpy(f->b + f->len, &v, 2);
	f->len += 2;
}

static unsigned frame_of(unsigned i, uint8_t out[static 256])
{
	struct endpoint a = endpoint_ip4(0x05060708 + i, 6881), b = endpoint_ip4(0x01020304, 1);
	uint8_t payload[64];
	unsigned len = 20 + i * 7, head;

	memset(payload, 'a' + (int)i, sizeof(payload));
	head = frame_head(&a, &b, span_of(payload, len), out);
	memcpy(out + head, payload, len);
	return head + len;
}

static void pcap_of(struct file *f, uint32_t magic, bool swapped)
{
	uint8_t frame[256];

	*f = (struct file){ .swapped = swapped };
	put32(f, magic);
	put16(f, 2);
	put16(f, 4);
	put32(f, 0);
	put32(f, 0);
	put32(f, 65535);
	put32(f, 101); /* raw IP */
	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned len = frame_of(i, frame);

		put32(f, 1700000000 + i);
		put32(f, magic == 0xa1b23c4d ? 5000 : 5);
		put32(f, len);
		put32(f, len);
		memcpy(f->b + f->len, frame, len);
		f->len += len;
		f->ends[i] = f->len;
	}
}

static void pcapng_of(struct file *f)
{
	uint8_t frame[256];

	*f = (struct file){ .len = 0 };
	put32(f, 0x0a0d0d0a); /* section */
	put32(f, 28);
	put32(f, 0x1a2b3c4d);
	put16(f, 1);
	put16(f, 0);
	put32(f, 0xffffffff);
	put32(f, 0xffffffff);
	put32(f, 28);
	put32(f, 1); /* interface: raw IP, microseconds */
	put32(f, 20);
	put16(f, 101);
	put16(f, 0);
	put32(f, 65535);
	put32(f, 20);
	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned len = frame_of(i, frame), padded = (len + 3) & ~3u;
		uint64_t us = (1700000000ull + i) * 1000000 + 5;

		put32(f, 6); /* enhanced packet */
		put32(f, 32 + padded);
		put32(f, 0);
		put32(f, (uint32_t)(us >> 32));
		put32(f, (uint32_t)us);
		put32(f, len);
		put32(f, len);
		memcpy(f->b + f->len, frame, len);
		f->len += padded;
		put32(f, 32 + padded);
		f->ends[i] = f->len;
	}
}

static char path[512];

static void write_file(const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

struct got {
	unsigned frames;
	struct frame last;
	bool checked;
};

static void on_frame(void *ctx, const struct tap_packet *p)
{
	struct got *g = ctx;
	uint8_t want[256];
	unsigned len = frame_of(g->frames, want);

	if (g->checked) {
		assert_int_equal(p->bytes.len, len);
		assert_memory_equal(p->bytes.ptr, want, len);
		assert_int_equal(p->wire_len, len);
		assert_int_equal(p->when_us, (1700000000ull + g->frames) * 1000000 + 5);
		assert_int_equal(p->link, FRAME_LINK_RAW);
	}
	(void)frame_parse(p->bytes, p->wire_len, p->link, &g->last);
	g->frames++;
}

/* Reads all there is; the last return value. */
static int read_all(struct got *g, bool checked)
{
	char why[CAPTURE_WHY_MAX];
	struct capture *c;
	int n = capture_open_file(path, NULL, &c, why);

	*g = (struct got){ .checked = checked };
	if (n < 0) {
		assert_true(why[0]);
		return n;
	}
	do
		n = capture_read(c, 2, on_frame, g);
	while (n > 0);
	assert_true(n == DT_ENOTFOUND || capture_error(c)[0]);
	capture_close(c);
	return n;
}

static void check_cuts(const struct file *f)
{
	struct got g;

	for (size_t len = 0; len <= f->len; len++) {
		unsigned whole = 0;
		int end;

		while (whole < FRAMES && f->ends[whole] <= len)
			whole++;
		write_file(f->b, len);
		end = read_all(&g, true);
		if (g.frames != whole)
			fail_msg("cut at %zu: %u frames, want %u", len, g.frames, whole);
		if (len == f->len || (whole && len == f->ends[whole - 1]))
			assert_int_equal(end, DT_ENOTFOUND);
		else if (whole)
			assert_int_equal(end, DT_ESHORT);
	}
}

static void test_cut_at_every_byte(void **state)
{
	struct file f;

	(void)state;
	pcap_of(&f, 0xa1b2c3d4, false);
	check_cuts(&f);
	pcap_of(&f, 0xa1b2c3d4, true);
	check_cuts(&f);
	pcap_of(&f, 0xa1b23c4d, false); /* nanoseconds */
	check_cuts(&f);
	pcapng_of(&f);
	check_cuts(&f);
}

static void test_spoilt(void **state)
{
	struct rng rng = rng_open(2);
	struct file f;
	struct got g;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		if (i % 2)
			pcapng_of(&f);
		else
			pcap_of(&f, 0xa1b2c3d4, i % 4);
		for (unsigned k = 1 + (unsigned)rng_below(&rng, 4); k; k--)
			f.b[rng_below(&rng, f.len)] = (uint8_t)rng_u64(&rng);
		write_file(f.b, f.len);
		assert_true(read_all(&g, false) < 0);
		assert_true(g.frames <= FRAMES);
	}
}

static void test_refusals(void **state)
{
	char why[CAPTURE_WHY_MAX] = "";
	struct capture_live live = { .device = "no-such-device", .queues = 1 };
	struct capture *c;
	struct file f;

	(void)state;
	assert_int_equal(capture_open_file("/no/such/file", NULL, &c, why), -ENOENT);
	assert_non_null(strstr(why, "/no/such/file"));
	write_file("not a capture at all, but long enough for a header", 50);
	assert_int_equal(capture_open_file(path, NULL, &c, why), DT_EFOREIGN);
	pcap_of(&f, 0xa1b2c3d4, false);
	f.b[20] = 105; /* 802.11 */
	write_file(f.b, f.len);
	assert_int_equal(capture_open_file(path, NULL, &c, why), DT_EUNSUPPORTED);
	assert_non_null(strstr(why, "IEEE802_11"));
	pcap_of(&f, 0xa1b2c3d4, false);
	write_file(f.b, f.len);
	assert_int_equal(capture_open_file(path, "port 99999", &c, why), DT_EMALF);
	assert_non_null(strstr(why, "pcap-filter"));
	assert_true(capture_open_live(&live, &c, why) < 0);
	assert_non_null(strstr(why, "no-such-device"));
	live.queues = 0;
	assert_int_equal(capture_open_live(&live, &c, why), -EINVAL);
}

static void test_filters(void **state)
{
	char text[CAPTURE_FILTER_MAX], why[CAPTURE_WHY_MAX];
	uint16_t ports[TAP_PORTS_MAX];
	struct capture *c;
	struct file f;
	struct got g = { .checked = true };

	(void)state;
	pcap_of(&f, 0xa1b2c3d4, false);
	f.b[20] = 1; /* as Ethernet, which has VLANs: only that the filter is one */
	write_file(f.b, f.len);
	for (unsigned n = 0; n <= TAP_PORTS_MAX; n++) {
		for (unsigned i = 0; i < n; i++)
			ports[i] = (uint16_t)(65535 - i);
		assert_int_equal(capture_open_file(path, capture_filter(ports, n, text), &c, why),
				 0);
		capture_close(c);
	}
	pcap_of(&f, 0xa1b2c3d4, false);
	write_file(f.b, f.len);
	assert_int_equal(capture_open_file(path, "src host 5.6.7.8", &c, why), 0);
	assert_int_equal(capture_read(c, 100, on_frame, &g), 1);
	assert_int_equal(g.frames, 1);
	capture_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_filters),
	};
	char dir[256];
	int rc;

	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/file.pcap", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tempdir_remove(dir);
	return rc;
}
