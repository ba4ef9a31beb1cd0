/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PUMP_H
#define BENCH_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/net.h"
#include "proto/err.h"

/**
 * DOC: ways to push datagrams through one UDP socket or as raw frames, so that they can be
 * measured side by side: bare loops of system calls, and the engine's devices
 * doing the same through engine/net.h. A pump sends prebuilt packets in turn and
 * throws away what it receives: no parsing, no state.
 */

enum pump_send {
	PUMP_SENDMMSG,
	PUMP_OP_SEND,    /* io_uring, address in the sqe */
	PUMP_OP_SENDMSG, /* io_uring */
};

enum pump_recv {
	PUMP_RECVMMSG,
	PUMP_BLOCKING, /* recvmmsg that sleeps for the first datagram, and so is woken by it */
	PUMP_ARMED,    /* io_uring: a multishot recvmsg that stays */
	PUMP_DRAINED,  /* io_uring: one issued anew each turn, which never waits */
};

/** struct pump_way - a bare loop, or a device of the engine. */
struct pump_way {
	const char *name; /* as in the figures: "op_send+armed", "device_uring" */
	bool device;
	enum net_backend backend; /* of a device; of a bare loop: _PACKET, _XDP or 0 = sockets */
	enum pump_send send;      /* of a bare loop */
	enum pump_recv recv;
};

/** struct pump_packets - what is sent, in turn. All of one length; shared by all pumps. */
struct pump_packets {
	unsigned count; /* a power of two */
	uint32_t len;
	uint8_t *bytes; /* PUMP_STRIDE apart */
	struct endpoint *to;
	struct sockaddr_in *to_sa; /* the same, as the kernel wants it */
};

enum { PUMP_STRIDE = 192, PUMP_FRAME_STRIDE = 256 };

/** pump_packets_new() - @count packets of @len zeroes to nowhere; fill with pump_packet_set(). */
int pump_packets_new(unsigned count, uint32_t len, struct pump_packets *out) DT_MUST;
void pump_packets_free(struct pump_packets *p);
void pump_packet_set(struct pump_packets *p, unsigned i, const struct endpoint *to,
		     const void *bytes);

struct pump;

/**
 * pump_open() - on socket @i of @g; on the thread that will turn it.
 * @first: place of the first packet, so that pumps side by side differ.
 */
int pump_open(const struct pump_way *way, struct net_group *g, unsigned i,
	      const struct pump_packets *packets, unsigned first, struct pump **out) DT_MUST;
void pump_close(struct pump *p);

/**
 * pump_turn() - send @send packets (at most NET_BATCH_MAX), then receive up to @max.
 * @wait_ns: how long to wait where nothing had arrived.
 * Returns how many arrived, or an error.
 */
int pump_turn(struct pump *p, unsigned send, unsigned max, uint64_t wait_ns) DT_MUST;

/** pump_refused() - packets that the kernel did not take. */
uint64_t pump_refused(const struct pump *p);

#endif
