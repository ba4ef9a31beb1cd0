/* SPDX-License-Identifier: MIT */
#include "engine/xsk.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

enum {
	/* Calls of one flush: the kernel takes 32 packets in one, so this is all of them twice. */
	KICKS_MAX = 2 * XSK_TX_FRAMES / 32,
	/* The kernel gives a queue back some milliseconds after its last socket was closed. */
	BUSY_TRIES = 1000,      /* a loaded machine takes its time */
	SNDBUF_BYTES = 8 << 20, /* what copying mode may have under way */
	BUSY_NAP_NS = 5 * 1000 * 1000,
};

/* Touched now, in huge pages where there are: no page fault later. */
static size_t area_bytes(const struct xsk *x)
{
	return (size_t)(x->rx_frames + XSK_TX_FRAMES) * XSK_FRAME_BYTES;
}

static uint8_t *make_area(size_t bytes)
{
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

static void give(struct xsk *x, const uint64_t *addr, unsigned count)
{
	uint32_t idx = 0;

	if (count == 0 || xsk_ring_prod__reserve(&x->fill, count, &idx) != count)
		return; /* cannot be: the ring has a place for each frame */
	for (unsigned i = 0; i < count; i++)
		*xsk_ring_prod__fill_addr(&x->fill, idx + i) =
			addr[i] & ~(uint64_t)(XSK_FRAME_BYTES - 1);
	xsk_ring_prod__submit(&x->fill, count);
}

static int open_umem(struct xsk *x)
{
	const struct xsk_umem_config c = {
		.fill_size = x->rx_frames,
		.comp_size = XSK_TX_FRAMES,
		.frame_size = XSK_FRAME_BYTES,
	};

	x->area = make_area(area_bytes(x));
	if (!x->area)
		return -ENOMEM;
	return xsk_umem__create(&x->umem, x->area, area_bytes(x), &x->fill, &x->rx_comp, &c);
}

/* The other queue has rings of its own for empty and sent frames. */
static int open_both(struct xsk *x, const struct xsk_opts *o, const struct xsk_socket_config *c)
{
	int err = xsk_socket__create(&x->socket, o->interface, o->queue, x->umem, &x->rx, NULL, c);

	if (err)
		return err;
	err = xsk_socket__create_shared(&x->tx_socket, o->interface, o->tx_queue, x->umem, NULL,
					&x->tx, &x->tx_fill, &x->comp, c);
	if (err) {
		xsk_socket__delete(x->socket);
		x->socket = NULL;
	}
	return err;
}

static int open_socket(struct xsk *x, const struct xsk_opts *o)
{
	const struct xsk_socket_config c = {
		.rx_size = x->rx_frames,
		.tx_size = XSK_TX_FRAMES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.xdp_flags = o->native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
		.bind_flags =
			(uint16_t)(XDP_USE_NEED_WAKEUP | (o->zero_copy ? XDP_ZEROCOPY : XDP_COPY)),
	};
	int err;

	if (o->tx_queue != o->queue)
		return open_both(x, o, &c);
	err = xsk_socket__create(&x->socket, o->interface, o->queue, x->umem, &x->rx, &x->tx, &c);
	x->tx_socket = x->socket;
	x->comp = x->rx_comp;
	return err;
}

static int open_patiently(struct xsk *x, const struct xsk_opts *o)
{
	const struct timespec nap = { .tv_nsec = BUSY_NAP_NS };
	int err = open_socket(x, o);

	for (unsigned i = 0; err == -EBUSY && i < BUSY_TRIES; i++) {
		nanosleep(&nap, NULL);
		err = open_socket(x, o);
	}
	return err;
}

int xsk_open(const struct xsk_opts *o, struct xsk **out)
{
	struct xsk *x = calloc(1, sizeof(*x));
	int err, snd = SNDBUF_BYTES;

	if (!x)
		return -ENOMEM;
	x->rx_frames = o->rx_frames ? o->rx_frames : XSK_RX_FRAMES;
	err = open_umem(x);
	if (!err)
		err = open_patiently(x, o);
	if (err) {
		xsk_close(x);
		return err;
	}
	for (uint32_t i = 0; i < x->rx_frames; i += XSK_BATCH_MAX) {
		uint64_t addr[XSK_BATCH_MAX];

		for (uint32_t k = 0; k < XSK_BATCH_MAX; k++)
			addr[k] = (uint64_t)(i + k) * XSK_FRAME_BYTES;
		give(x, addr, XSK_BATCH_MAX);
	}
	for (uint32_t i = 0; i < XSK_TX_FRAMES; i++)
		x->free_frame[x->free_count++] =
			(uint64_t)(x->rx_frames + XSK_TX_FRAMES - 1 - i) * XSK_FRAME_BYTES;
	(void)setsockopt(xsk_socket__fd(x->tx_socket), SOL_SOCKET, SO_SNDBUFFORCE, &snd,
			 sizeof(snd));
	*out = x;
	return 0;
}

void xsk_close(struct xsk *x)
{
	if (!x)
		return;
	if (x->tx_socket && x->tx_socket != x->socket)
		xsk_socket__delete(x->tx_socket);
	if (x->socket)
		xsk_socket__delete(x->socket);
	if (x->umem)
		xsk_umem__delete(x->umem);
	if (x->area)
		munmap(x->area, area_bytes(x));
	free(x);
}

/* ---- sending -------------------------------------------------------------------- */

void xsk_used(struct xsk *x, const bool *used, unsigned count)
{
	unsigned kept = 0, first = x->free_count - count;

	/* Frame k lies at free_count - 1 - k; what stays keeps its order. */
	for (unsigned i = first; i < x->free_count; i++)
		if (!used[x->free_count - 1 - i])
			x->free_frame[first + kept++] = x->free_frame[i];
	x->free_count = first + kept;
}

static void take_back(struct xsk *x)
{
	uint32_t idx = 0, n = xsk_ring_cons__peek(&x->comp, XSK_TX_FRAMES, &idx);

	for (uint32_t i = 0; i < n; i++)
		x->free_frame[x->free_count++] = *xsk_ring_cons__comp_addr(&x->comp, idx + i) &
						 ~(uint64_t)(XSK_FRAME_BYTES - 1);
	if (n)
		xsk_ring_cons__release(&x->comp, n);
}

/* Descriptors that the kernel has taken since the last look. */
static uint32_t taken(struct xsk *x)
{
	uint32_t now = __atomic_load_n(x->tx.consumer, __ATOMIC_ACQUIRE), n = now - x->tx_first;

	x->tx_first = now;
	x->tx_count -= n;
	return n;
}

/* An empty send says: look at the ring. */
static int kick(struct xsk *x)
{
	x->syscalls++;
	return send(xsk_socket__fd(x->tx_socket), "", 0, MSG_DONTWAIT) < 0 ? errno : 0;
}

/*
 * The kernel sends 32 packets a call and says EAGAIN where more are left, EBUSY where the
 * device dropped the last one that it took, ENOBUFS where it has no room.
 */
void xsk_flush(struct xsk *x, void (*dropped)(void *ctx, uint32_t place), void *ctx)
{
	for (unsigned i = 0; x->tx_count && i < KICKS_MAX; i++) {
		int err = 0;

		if (xsk_ring_prod__needs_wakeup(&x->tx)) {
			err = kick(x);
		}
		if (taken(x) == 0 && err != EBUSY)
			break;
		if (err == EBUSY) {
			x->dropped++;
			if (dropped)
				dropped(ctx, x->tx_first - 1);
		}
		take_back(x);
	}
	take_back(x);
}

/* ---- receiving -------------------------------------------------------------------- */

unsigned xsk_peek(struct xsk *x, struct xsk_frame *out, unsigned max)
{
	uint8_t nothing[1];
	unsigned room = XSK_BATCH_MAX - x->lent;
	uint32_t idx = 0, n;

	if (max > room)
		max = room;
	n = xsk_ring_cons__peek(&x->rx, max, &idx);
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&x->rx, idx + i);

		x->rx_addr[x->lent++] = d->addr;
		out[i] = (struct xsk_frame){ x->area + d->addr, d->len };
	}
	if (n) {
		xsk_ring_cons__release(&x->rx, n);
	} else if (xsk_ring_prod__needs_wakeup(&x->fill)) {
		(void)recv(xsk_fd(x), nothing, 0, MSG_DONTWAIT);
		x->syscalls++;
	}
	return n;
}

void xsk_release(struct xsk *x)
{
	give(x, x->rx_addr, x->lent);
	x->lent = 0;
}

void xsk_drops(const struct xsk *x, struct xsk_drops *out)
{
	struct xdp_statistics s = { 0 };
	socklen_t len = sizeof(s);

	memset(out, 0, sizeof(*out));
	if (getsockopt(xsk_fd(x), SOL_XDP, XDP_STATISTICS, &s, &len))
		return;
	out->rx_dropped = s.rx_dropped;
	out->rx_ring_full = s.rx_ring_full;
	out->fill_empty = s.rx_fill_ring_empty_descs;
	out->tx_invalid = s.tx_invalid_descs;
}
