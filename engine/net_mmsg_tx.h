/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NET_MMSG_TX_H
#define ENGINE_NET_MMSG_TX_H

#include "engine/net_failed.h"
#include "engine/net_udp.h"

/**
 * DOC: the sending half of a device over sendmmsg(): frames are lent, packets of them queued, and
 * all that are queued go in one call. Of net_mmsg.c, and of net_packet.c, which differ in what
 * stands before a datagram and in whether the call names an address.
 */
enum { NET_MMSG_TX_STRIDE_MAX = NET_FRAME_MAX + 64 };

struct net_mmsg_tx {
	int fd;
	unsigned stride, headroom; /* of a frame; before its datagram */
	unsigned head_bytes;       /* of a packet that are no datagram's */
	unsigned queued;           /* packets handed over, not yet pushed */
	unsigned frames_used;      /* frames behind them */
	struct net_failed failed;
	uint64_t tag[NET_BATCH_MAX];
	struct mmsghdr head[NET_BATCH_MAX];
	struct iovec vec[NET_BATCH_MAX];
	union net_sockaddr name[NET_BATCH_MAX];
	uint8_t frames[NET_BATCH_MAX * NET_MMSG_TX_STRIDE_MAX];
};

/**
 * net_mmsg_tx_init() - @tx is zeroed.
 * @name_len: of the address that is queued with each packet; 0 = none.
 * @headroom: bytes that are lent before a datagram; @head_bytes of them are sent.
 */
void net_mmsg_tx_init(struct net_mmsg_tx *tx, int fd, socklen_t name_len, unsigned headroom,
		      unsigned head_bytes);

/** net_mmsg_tx_lend() - net_send_alloc(). */
unsigned net_mmsg_tx_lend(struct net_mmsg_tx *tx, struct net_msg *msgs, unsigned count);

/**
 * net_mmsg_tx_keep() - the frame of @m is in use until it was flushed. Data may lie in any
 * of those lent: a wrapping device drops some of a batch and closes up.
 */
void net_mmsg_tx_keep(struct net_mmsg_tx *tx, const struct net_msg *m);

/** net_mmsg_tx_queue() - @bytes of @at, under @tag; its name[queued] was written before. */
static inline void net_mmsg_tx_queue(struct net_mmsg_tx *tx, uint8_t *at, size_t bytes,
				     uint64_t tag)
{
	unsigned k = tx->queued++;

	tx->vec[k].iov_base = at;
	tx->vec[k].iov_len = bytes;
	tx->tag[k] = tag;
}

/** net_mmsg_tx_flush() - push what is queued. */
void net_mmsg_tx_flush(struct net_mmsg_tx *tx, struct net_stats *stats);

#endif
