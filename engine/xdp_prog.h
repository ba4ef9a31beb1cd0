/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_XDP_PROG_H
#define ENGINE_XDP_PROG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: the XDP program that brings our datagrams to AF_XDP sockets and leaves
 * everything else to the kernel. Thirty instructions, written out here, so that
 * nobody needs a BPF compiler; attached by a link whose file descriptor is ours
 * alone: it goes when the process goes, however that ends (E-105).
 */

enum {
	XDP_PROG_PORTS_MAX = 16,
	XDP_PROG_QUEUES_MAX = 64,
	XDP_PROG_WHY_MAX = 240,
};

/** struct xdp_filter - UDP over IPv4 without options or fragments, and: */
struct xdp_filter {
	uint32_t to_ip, to_mask; /* destination, host order */
	unsigned ports;          /* destination ports; 0 = any */
	uint16_t port[XDP_PROG_PORTS_MAX];
};

struct xdp_prog {
	int map_fd, prog_fd, link_fd;
};

/**
 * xdp_prog_open() - load and attach to interface @ifindex.
 * @native: in the driver; false = generic, which every device can.
 * @why: out; on error a phrase with the cure.
 * Errors:  DT_EUNSUPPORTED.
 */
int xdp_prog_open(int ifindex, bool native, const struct xdp_filter *f, struct xdp_prog *out,
		  char why[static XDP_PROG_WHY_MAX]) DT_MUST;

/** xdp_prog_set() - datagrams that arrive on @queue go to AF_XDP socket @fd. Errors: -errno. */
int xdp_prog_set(const struct xdp_prog *p, uint32_t queue, int fd) DT_MUST;

/** xdp_prog_close() - detaches. Twice is as good as once. */
void xdp_prog_close(struct xdp_prog *p);

#endif
