/* SPDX-License-Identifier: MIT */
#include "engine/net_mmsg_tx.h"

#include <assert.h>
#include <errno.h>

/* Everything that does not change from turn to turn is written once. */
void net_mmsg_tx_init(struct net_mmsg_tx *tx, int fd, socklen_t name_len, unsigned headroom,
		      unsigned head_bytes)
{
	tx->fd = fd;
	tx->headroom = headroom;
	tx->head_bytes = head_bytes;
	tx->stride = headroom ? NET_MMSG_TX_STRIDE_MAX : NET_UDP_FRAME_STRIDE;
	assert(headroom + NET_FRAME_MAX <= tx->stride && tx->stride <= NET_MMSG_TX_STRIDE_MAX);
	for (unsigned k = 0; k < NET_BATCH_MAX; k++)
		tx->head[k].msg_hdr = (struct msghdr){ .msg_name = name_len ? &tx->name[k] : NULL,
						       .msg_namelen = name_len,
						       .msg_iov = &tx->vec[k],
						       .msg_iovlen = 1 };
}

unsigned net_mmsg_tx_lend(struct net_mmsg_tx *tx, struct net_msg *msgs, unsigned count)
{
	unsigned room = NET_BATCH_MAX - tx->frames_used;

	/* Each queued packet may fail, so a free place is kept for each. */
	if (room > NET_FAILED_MAX - tx->failed.count - tx->queued)
		room = NET_FAILED_MAX - tx->failed.count - tx->queued;
	if (count > room)
		count = room;
	for (unsigned i = 0; i < count; i++)
		msgs[i].data =
			tx->frames + (size_t)(tx->frames_used + i) * tx->stride + tx->headroom;
	return count;
}

void net_mmsg_tx_keep(struct net_mmsg_tx *tx, const struct net_msg *m)
{
	unsigned frame = (unsigned)((size_t)(m->data - tx->frames) / tx->stride);

	assert(m->len <= NET_FRAME_MAX && frame < NET_BATCH_MAX);
	if (frame >= tx->frames_used)
		tx->frames_used = frame + 1;
}

/*
 * A refused packet ends a sendmmsg() early; its own error comes with the next
 * call. It is reported and stepped over, once. A full send buffer refuses all
 * that are left; a device that has no room (ENOBUFS), one.
 */
void net_mmsg_tx_flush(struct net_mmsg_tx *tx, struct net_stats *stats)
{
	unsigned at = 0;

	while (at < tx->queued) {
		int n = sendmmsg(tx->fd, tx->head + at, tx->queued - at, MSG_DONTWAIT);
		int err = n < 0 ? errno : 0;

		stats->syscalls++;
		if (n > 0) {
			at += (unsigned)n;
			continue;
		}
		do
			net_failed_add(&tx->failed, stats, tx->tag[at],
				       tx->vec[at].iov_len - tx->head_bytes, -err);
		while (++at < tx->queued && err == EAGAIN);
	}
	tx->queued = 0;
	tx->frames_used = 0;
}
