/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CAPTURE_H
#define ENGINE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/tap.h"
#include "proto/err.h"

/**
 * DOC: where captured frames come from: libpcap, over a file or over a device.
 *
 * A device is opened by several handles at once, one per core: each has a ring
 * of its own (TPACKET_V3), and PACKET_FANOUT deals every frame to one of them
 * by a hash of its flow that is the same for both directions, so a query and
 * its reply meet.
 */

enum {
	CAPTURE_WHY_MAX = 256,
	CAPTURE_QUEUES_MAX = 64,
	CAPTURE_SNAP_BYTES = 1600, /* what a message has, and its headers */
	CAPTURE_BUFFER_BYTES = 64 << 20,
	CAPTURE_TIMEOUT_MS = 10, /* a block is handed over after this, full or not */
};

struct capture;

/**
 * capture_open_file() - a pcap or pcapng file; "-" = standard input.
 * @filter: of pcap-filter(7); NULL = everything.
 * @why: a line for a person that names the thing and the cure.
 * Errors:  -errno; DT_EFOREIGN no capture; DT_EUNSUPPORTED of another link type; DT_EMALF
 *          the filter.
 */
int capture_open_file(const char *path, const char *filter, struct capture **out,
		      char why[static CAPTURE_WHY_MAX]) DT_MUST;

struct capture_live {
	const char *device;
	unsigned queues;      /* handles, 1..CAPTURE_QUEUES_MAX */
	size_t buffer_bytes;  /* of each; 0 = CAPTURE_BUFFER_BYTES */
	bool ignore_outgoing; /* PACKET_IGNORE_OUTGOING: the kernel does not copy what we send */
	bool promiscuous;
	const char *filter; /* in the kernel; NULL = capture_filter() of no ports */
};

/**
 * capture_open_live() - every queue of a device, or none. Needs CAP_NET_RAW, afterwards
 * nothing. @out: room for @opts->queues.
 */
int capture_open_live(const struct capture_live *opts, struct capture **out,
		      char why[static CAPTURE_WHY_MAX]) DT_MUST;
void capture_close(struct capture *c);

enum { CAPTURE_FILTER_MAX = 1024 };

/**
 * capture_filter() - what the kernel should hand over: UDP, or UDP of @count @ports, the
 * same behind a VLAN tag, and fragments so that they can be counted.
 */
const char *capture_filter(const uint16_t *ports, unsigned count,
			   char out[static CAPTURE_FILTER_MAX]);

/** Takes one frame; the bytes are borrowed for the call. */
typedef void capture_fn(void *ctx, const struct tap_packet *p);

/**
 * capture_read() - up to @max frames, those that are there.
 * Returns how many; 0 = none now. Errors: DT_ENOTFOUND the file is at its end; DT_ESHORT it
 * ends inside of a frame; DT_EMALF it goes on as no capture does; -EIO the device is gone.
 * Frames before the error were handed over.
 */
int capture_read(struct capture *c, unsigned max, capture_fn *fn, void *ctx) DT_MUST;

/** capture_wait() - sleep until a device has something, at most @ms. */
void capture_wait(struct capture *c, unsigned ms);

/** capture_error() - libpcap's words for the last error. */
const char *capture_error(struct capture *c);

enum frame_link capture_link(const struct capture *c);

struct capture_stats {
	uint64_t received; /* passed the filter, dropped ones included; 0 for files */
	uint64_t dropped;  /* for want of room in the ring */
	uint64_t if_dropped;
};

/** capture_stats() - since the handle was opened; 32-bit counters of libpcap, unwrapped. */
void capture_stats(struct capture *c, struct capture_stats *out);

#endif
