/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SIM_HOLE_H
#define BENCH_SIM_HOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: what a NAT lets in. Who stands behind one and sends us a packet opens a way in for our
 * answer, and with it for our questions: from any port of ours, or from the very port that
 * it spoke to (address-dependent and address-and-port-dependent filtering, RFC 4787 sec. 5).
 * What goes out keeps it open.
 */

enum {
	HOLE_MS = 300 * 1000, /* RFC 4787 REQ-5: at least two minutes, five are recommended */
};

/**
 * struct hole_table - who has spoken to us lately. A set of four places per hash; where all
 * are taken the oldest closes early.
 */
struct hole_table;

int hole_table_new(unsigned log2, struct hole_table **out) DT_MUST;
void hole_table_free(struct hole_table *t);

/** hole_open() - node @n sends a packet to our @port. */
void hole_open(struct hole_table *t, uint32_t n, uint16_t port, uint64_t now_ms);

/** hole_lets() - does a packet from our @port reach node @n? @any_port: its NAT asks for none. */
bool hole_lets(const struct hole_table *t, uint32_t n, uint16_t port, bool any_port,
	       uint64_t now_ms);

#endif
