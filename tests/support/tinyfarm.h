/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_TINYFARM_H
#define TESTS_SUPPORT_TINYFARM_H

#include <stdint.h>

#include "engine/net.h"
#include "tests/support/tinynet.h"

/**
 * DOC: a tinynet on a real socket. A thread answers on one port of 127.0.0.0/8,
 * bound to the device lo: the node at 20.a.b.c is asked at 127.a.b.c and answers
 * from there. tinyfarm_wrap() puts the translation around a device, and what is
 * not a node of the farm it refuses to send.
 */
struct tinyfarm;

/** tinyfarm_start() - NULL where a socket cannot be had (no SO_BINDTODEVICE). */
struct tinyfarm *tinyfarm_start(const struct tinynet *t, double loss);
void tinyfarm_stop(struct tinyfarm *f);

/** tinyfarm_received() - datagrams that reached it. */
uint64_t tinyfarm_received(const struct tinyfarm *f);

/** tinyfarm_wrap() - the shape of an engine's wrap hook; @ctx is the farm. Owns @inner. */
struct net *tinyfarm_wrap(void *ctx, struct net *inner);

#endif
