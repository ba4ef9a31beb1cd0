/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/bench.h"
#include "engine/capture.h"
#include "engine/rng.h"
#include "engine/tap.h"
#include "proto/frame.h"
#include "proto/krpc.h"

/**
 * DOC: what a tap costs per frame, on a capture that it makes itself: 100,000
 * nodes ask each other find_node and get_peers, every query is answered, replies
 * list 8 of them, and four queries in a hundred stay unanswered. Frames are
 * Ethernet as a switch's mirror port gives them.
 *
 * tap_pcap is the whole way from a pcap file (in memory, so that no disk is
 * measured) over libpcap to sightings; the sink counts and forgets.
 */

enum {
	NODES = 100000,
	EXCHANGES = 200000, /* 92 MB of capture */
	ETHER_BYTES = 14,
	FRAME_MAX_BYTES = 512,
	FILE_HEAD_BYTES = 24,
	RECORD_HEAD_BYTES = 16,
	READ_AT_ONCE = 256,
	MAGIC_USEC = (int)0xa1b2c3d4,
};

struct record_head {
	uint32_t s, us, kept, wire;
};

struct capture_file {
	int fd;
	char path[64];
	uint8_t *bytes; /* what was written so far, mapped */
	size_t len, cap;
	uint64_t frames;
	uint64_t at_us;
	struct rng rng;
};

struct member {
	struct nodeid id;
	struct endpoint ep;
};

/* Node @n: always the same. */
static struct member member(uint32_t n)
{
	struct member m = { .ep.port = 0 };
	struct rng r;

	rng_init(&r, 5, n);
	rng_bytes(&r, m.id.b, sizeof(m.id.b));
	m.ep = endpoint_ip4((uint32_t)rng_u64(&r) | 0x01000000,
			    (uint16_t)(1024 + rng_below(&r, 60000)));
	return m;
}

static void put_frame(struct capture_file *f, const struct member *from, const struct member *to,
		      const uint8_t *payload, size_t len)
{
	static const uint8_t ether[ETHER_BYTES] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	uint8_t head[FRAME_HEAD_MAX];
	unsigned n = frame_head(&from->ep, &to->ep, span_of(payload, len), head);
	uint32_t all = (uint32_t)(ETHER_BYTES + n + len);
	struct record_head r = { .s = (uint32_t)(f->at_us / 1000000),
				 .us = (uint32_t)(f->at_us % 1000000),
				 .kept = all,
				 .wire = all };

	if (f->len + sizeof(r) + all > f->cap)
		return;
	memcpy(f->bytes + f->len, &r, sizeof(r));
	memcpy(f->bytes + f->len + sizeof(r), ether, ETHER_BYTES);
	memcpy(f->bytes + f->len + sizeof(r) + ETHER_BYTES, head, n);
	memcpy(f->bytes + f->len + sizeof(r) + ETHER_BYTES + n, payload, len);
	f->len += sizeof(r) + all;
	f->frames++;
	f->at_us += 2;
}

static void exchange(struct capture_file *f)
{
	struct member a = member(rng_below(&f->rng, NODES)), b = member(rng_below(&f->rng, NODES));
	uint8_t out[FRAME_MAX_BYTES], t[4], nodes[8 * 26], token[8];
	struct krpc_query q = { .method = rng_below(&f->rng, 2) ? KRPC_FIND_NODE : KRPC_GET_PEERS,
				.t = span_of(t, sizeof(t)),
				.v = SPAN_LIT("LT\x02\x08"),
				.id = a.id };
	struct krpc_answer r = { .t = q.t, .v = q.v, .id = b.id, .num = -1, .interval = -1 };
	int len;

	rng_bytes(&f->rng, t, sizeof(t));
	rng_bytes(&f->rng, token, sizeof(token));
	rng_bytes(&f->rng, q.target.b, sizeof(q.target.b));
	len = krpc_build_query(&q, out, sizeof(out));
	put_frame(f, &a, &b, out, (size_t)(len > 0 ? len : 0));
	if (rng_below(&f->rng, 100) < 4)
		return;
	for (unsigned i = 0; i < 8; i++) {
		struct member m = member(rng_below(&f->rng, NODES));

		memcpy(nodes + i * 26, m.id.b, NODEID_BYTES);
		endpoint_to_compact(&m.ep, nodes + i * 26 + NODEID_BYTES);
	}
	r.nodes = span_of(nodes, sizeof(nodes));
	r.ip = &a.ep;
	if (q.method == KRPC_GET_PEERS)
		r.token = span_of(token, sizeof(token));
	len = krpc_build_reply(&r, out, sizeof(out));
	put_frame(f, &b, &a, out, (size_t)(len > 0 ? len : 0));
}

static int file_make(struct capture_file *f)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, figures, snap, link;
	} head = { (uint32_t)MAGIC_USEC, 2, 4, 0, 0, 65535, 1 };

	*f = (struct capture_file){ .cap = (size_t)EXCHANGES * 2 * FRAME_MAX_BYTES,
				    .at_us = 1700000000000000 };
	rng_init(&f->rng, 9, 0);
	f->fd = memfd_create("bench_tap", MFD_CLOEXEC);
	if (f->fd < 0 || ftruncate(f->fd, (off_t)f->cap))
		return -errno;
	f->bytes = mmap(NULL, f->cap, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (f->bytes == MAP_FAILED)
		return -errno;
	memcpy(f->bytes, &head, sizeof(head));
	f->len = FILE_HEAD_BYTES;
	for (unsigned i = 0; i < EXCHANGES; i++)
		exchange(f);
	if (ftruncate(f->fd, (off_t)f->len))
		return -errno;
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
	return 0;
}

static void file_drop(struct capture_file *f)
{
	if (f->bytes && f->bytes != MAP_FAILED)
		munmap(f->bytes, f->cap);
	if (f->fd >= 0)
		close(f->fd);
}

/* ---- passes ----------------------------------------------------------------------- */

static bool count_sighting(void *ctx, const struct sighting *s)
{
	(void)s;
	++*(uint64_t *)ctx;
	return true;
}

static void take(void *ctx, const struct tap_packet *p)
{
	tap_packet(ctx, p);
}

static int through_libpcap(const struct capture_file *f, struct tap *t)
{
	char why[CAPTURE_WHY_MAX];
	struct capture *c;
	int n = capture_open_file(f->path, NULL, &c, why);

	if (n < 0)
		return n;
	do
		n = capture_read(c, READ_AT_ONCE, take, t);
	while (n > 0);
	capture_close(c);
	return n == DT_ENOTFOUND ? 0 : n;
}

static int through_memory(const struct capture_file *f, struct tap *t)
{
	for (size_t at = FILE_HEAD_BYTES; at < f->len;) {
		struct record_head r;
		struct tap_packet p = { .link = FRAME_LINK_ETHERNET };

		memcpy(&r, f->bytes + at, sizeof(r));
		p.when_us = (uint64_t)r.s * 1000000 + r.us;
		p.bytes = span_of(f->bytes + at + sizeof(r), r.kept);
		p.wire_len = r.wire;
		tap_packet(t, &p);
		at += sizeof(r) + r.kept;
	}
	return 0;
}

static int through_frames(const struct capture_file *f, struct tap *t)
{
	struct frame out;
	uint64_t good = 0;

	(void)t;
	for (size_t at = FILE_HEAD_BYTES; at < f->len;) {
		struct record_head r;

		memcpy(&r, f->bytes + at, sizeof(r));
		good += frame_parse(span_of(f->bytes + at + sizeof(r), r.kept), r.wire,
				    FRAME_LINK_ETHERNET, &out) == FRAME_UDP;
		at += sizeof(r) + r.kept;
	}
	return good == f->frames ? 0 : DT_EMALF;
}

/*
 * A first pass that is not timed: a tap at work has its tables' pages and knows most of its
 * nodes. Nothing may be lost on the way.
 */
static int pass(const struct capture_file *f, int (*way)(const struct capture_file *, struct tap *),
		double *rate, struct tap_stats *st)
{
	struct tap_opts opts = { .queue = 0 };
	uint64_t sightings = 0, began;
	struct tap_port port = { .ctx = &sightings, .sighting = count_sighting };
	struct tap *t;
	int err = tap_new(&opts, &port, &t);

	if (err)
		return err;
	err = way(f, t);
	began = bench_now_ns();
	if (!err)
		err = way(f, t);
	*rate = (double)f->frames * 1e9 / (double)(bench_now_ns() - began);
	tap_stats(t, st);
	tap_free(t);
	if (!err && st->packets && st->packets != 2 * f->frames)
		err = DT_EMALF;
	return err;
}

static int run_way(const struct bench_ctx *ctx, const char *name,
		   int (*way)(const struct capture_file *, struct tap *), FILE *out)
{
	unsigned runs = ctx->runs ? ctx->runs : 5;
	double rate[101], best = 0;
	struct tap_stats st = { 0 };
	struct capture_file f;
	int err = file_make(&f);

	for (unsigned i = 0; i < runs && !err; i++) {
		err = pass(&f, way, &rate[i], &st);
		best = rate[i] > best ? rate[i] : best;
	}
	if (!err) {
		const struct bench_extra extra[] = {
			{ "ns_per_packet", 1e9 / best },     { "packets", (double)f.frames },
			{ "answered", (double)st.answered }, { "nodes", (double)st.nodes },
			{ "contacts", (double)st.contacts },
		};
		const struct bench_figure fig = { .name = name,
						  .unit = "packets/s",
						  .better = BENCH_HIGHER,
						  .best = best,
						  .median = bench_median(rate, runs),
						  .runs = runs,
						  .extra = extra,
						  .extra_count = st.packets ? 5 : 2 };

		err = bench_emit(ctx, &fig, out);
	}
	file_drop(&f);
	return err;
}

static int run_pcap(const struct bench_ctx *ctx, FILE *out)
{
	return run_way(ctx, "tap_pcap", through_libpcap, out);
}

static int run_step(const struct bench_ctx *ctx, FILE *out)
{
	return run_way(ctx, "tap_step", through_memory, out);
}

static int run_frame(const struct bench_ctx *ctx, FILE *out)
{
	return run_way(ctx, "tap_frame", through_frames, out);
}

const struct bench bench_tap[] = {
	{ "tap_pcap", "frames of a pcap file through libpcap and the tap, one core", run_pcap },
	{ "tap_step", "the same frames out of memory: the tap alone", run_step },
	{ "tap_frame", "the same: link, IP and UDP headers alone", run_frame },
	{ NULL, NULL, NULL },
};
