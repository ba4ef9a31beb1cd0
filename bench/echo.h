/* SPDX-License-Identifier: MIT */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: the simplest other side: a child process per core that answers each
 * datagram with a fixed number of bytes, from the address that was asked.
 * Bound to lo, so nothing outside can reach it. What is left of a round trip when
 * the responder costs as little as it can.
 */

struct echo;

/** echo_start() - @cores children, child i pinned to usable core i, one port, dealt by CPU. */
int echo_start(unsigned cores, uint32_t reply_bytes, struct echo **out) DT_MUST;

/** echo_port() - the port that answers, on every address of 127/8. */
uint16_t echo_port(const struct echo *e);

/** echo_stop() - ends the children by their ids and waits for them. */
void echo_stop(struct echo *e);

#endif
