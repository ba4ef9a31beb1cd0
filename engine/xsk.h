/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_XSK_H
#define ENGINE_XSK_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <xdp/xsk.h>

#include "proto/err.h"

/**
 * DOC: one AF_XDP socket with its memory: frames, the two rings through which
 * the kernel gets empty ones and gives sent ones back, the two through which
 * full ones come and go. Over libxdp's rings; who is asked for what:
 *
 *   xsk_free_frame(0..)   frames that may be written; xsk_put() takes the first k
 *   xsk_flush()           the kernel sends what was put
 *   xsk_peek()            full frames; xsk_release() gives all of them back
 *
 * One thread at a time.
 */

enum {
	XSK_FRAME_BYTES = 2048,
	XSK_HEADROOM =
		256, /* what the kernel leaves before a received frame (XDP_PACKET_HEADROOM) */
	/* 4 ms of a million packets a second. More go round through the cache in vain (E-23). */
	XSK_RX_FRAMES = 4096,
	XSK_TX_FRAMES = 1024,
	XSK_BATCH_MAX = 256,
};

struct xsk_opts {
	const char *interface;
	uint32_t queue;     /* to receive from */
	uint32_t tx_queue;  /* to send by: the same, but see xsk_tx_queue_of_veth() */
	bool native;        /* as the program is attached */
	uint32_t rx_frames; /* empty frames waiting: a power of two; 0 = XSK_RX_FRAMES */
	bool zero_copy;     /* refused by most devices: try, then without */
};

/** struct xsk - read-only outside of xsk.c but for the inlines below. */
struct xsk {
	struct xsk_umem *umem;
	struct xsk_socket *socket, *tx_socket; /* one and the same where both queues are */
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons comp, rx;
	struct xsk_ring_prod tx_fill; /* of the other queue; stays empty */
	struct xsk_ring_cons rx_comp;
	uint8_t *area;
	uint32_t rx_frames;
	uint64_t dropped, syscalls;
	unsigned free_count, lent;
	uint32_t tx_first, tx_count; /* of descriptors that the kernel has not taken */
	uint64_t rx_addr[XSK_BATCH_MAX];
	uint64_t free_frame[XSK_TX_FRAMES];
};

/** struct xsk_drops - packets that arrived and found no place; the kernel's counters. */
struct xsk_drops {
	uint64_t rx_dropped, rx_ring_full, fill_empty, tx_invalid;
};

/** xsk_open() - Errors: -errno of the kernel: EOPNOTSUPP no zero copy, EPERM, EBUSY the queue. */
int xsk_open(const struct xsk_opts *o, struct xsk **out) DT_MUST;
void xsk_close(struct xsk *x);

static inline int xsk_fd(const struct xsk *x)
{
	return xsk_socket__fd(x->socket);
}

/**
 * xsk_tx_queue_of_veth() - by which queue to send so that the far end of a veth
 * pair receives on @queue, generic XDP only: veth hands the number of the sending
 * queue on as it is, and the receiving side reads it as one that counts from one,
 * with zero for "not recorded". Queue 0 has two ways, 1 is by 2.
 */
static inline uint32_t xsk_tx_queue_of_veth(uint32_t queue)
{
	return queue ? queue + 1 : 0;
}

/** xsk_frames_free() - how many frames can be written now. */
static inline unsigned xsk_frames_free(const struct xsk *x)
{
	return x->free_count;
}

/** xsk_free_frame() - free frame @k, XSK_FRAME_BYTES of it; k below xsk_frames_free(). */
static inline uint8_t *xsk_free_frame(const struct xsk *x, unsigned k)
{
	return x->area + x->free_frame[x->free_count - 1 - k];
}

/**
 * xsk_put() - send @len bytes at @at, which lies in frame @frame of those lent.
 * Call xsk_take() with the same frames when all of a batch are put.
 */
static inline void xsk_put(struct xsk *x, const uint8_t *at, uint32_t len)
{
	uint32_t idx = 0;
	uint32_t got = xsk_ring_prod__reserve(&x->tx, 1, &idx);
	struct xdp_desc *d = xsk_ring_prod__tx_desc(&x->tx, idx);

	assert(got == 1); /* the ring has a place for each frame */
	d->addr = (uint64_t)(at - x->area);
	d->len = len;
	d->options = 0;
	xsk_ring_prod__submit(&x->tx, 1);
	x->tx_count++;
}

/** xsk_used() - of the @count first free frames those with @used[k] are the kernel's now. */
void xsk_used(struct xsk *x, const bool *used, unsigned count);

/**
 * xsk_flush() - have everything sent that was put, as far as the device takes it.
 * @dropped: told the place, counted from the first packet ever put, of each that it dropped.
 */
void xsk_flush(struct xsk *x, void (*dropped)(void *ctx, uint32_t place), void *ctx);

/** xsk_unsent() - packets put that the kernel has not taken yet. */
static inline unsigned xsk_unsent(const struct xsk *x)
{
	return x->tx_count;
}

struct xsk_frame {
	uint8_t *ptr;
	uint32_t len;
};

/** xsk_peek() - up to @max (at most XSK_BATCH_MAX in all) full frames. */
unsigned xsk_peek(struct xsk *x, struct xsk_frame *out, unsigned max);

/** xsk_release() - every frame that xsk_peek() gave is empty again. */
void xsk_release(struct xsk *x);

/** xsk_drops() - since the socket was opened. */
void xsk_drops(const struct xsk *x, struct xsk_drops *out);

#endif
