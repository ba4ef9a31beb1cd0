/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_EAR_BUDGET_H
#define ENGINE_EAR_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"

/**
 * DOC: how much may be answered, so that nobody can use us to shout at somebody
 * else. The rule, with the 28 bytes of IP and UDP header counted on both sides:
 *
 *	bytes answered  <=  0.9 x bytes asked  +  allowance x time  +  burst
 *
 * The allowance (8,000 bytes/s, as libtorrent's whole DHT may send) is what an
 * honest node needs, whose answers are longer than the questions; a flood
 * has passed it long before it is one, and from there on the factor is below
 * one. Strangers, whose address may be forged, have half of it, and those who
 * have proved theirs by answering us have the other half, so a flood of forged
 * addresses leaves the known their answers. And whoever it is, one address gets
 * 40 answers at once and 4 a second.
 */

enum {
	EAR_HEADER_BYTES = 28,
	EAR_ALLOWANCE_BYTES = 8000, /* per second */
	EAR_BURST_S = 3,
	EAR_HOST_BURST = 40,
	EAR_HOST_RATE = 4,
	EAR_HOSTS_LOG2 = 15, /* addresses remembered: 512 KiB; the fullest of four is forgotten */
};

enum ear_class { EAR_STRANGER, EAR_KNOWN, EAR_CLASSES };

struct ear_host {
	uint64_t tag; /* of the address; 0 = free */
	uint32_t at_ms;
	uint32_t tokens; /* thousandths */
};

struct ear_account {
	double bytes; /* that may still be sent */
	double allowance, most;
};

struct ear_budget {
	struct ear_account account[EAR_CLASSES];
	struct ear_host *hosts;
	uint8_t key[16];
	uint64_t at_ns;
	uint64_t asked_bytes, answered_bytes; /* with headers */
};

/** ear_budget_init() - @allowance: bytes per second; 0 = EAR_ALLOWANCE_BYTES. */
int ear_budget_init(struct ear_budget *b, double allowance, uint64_t now_ns) DT_MUST;
void ear_budget_fini(struct ear_budget *b);

/** ear_budget_asked() - a query of @len bytes came; its class earns what it may be answered. */
void ear_budget_asked(struct ear_budget *b, enum ear_class c, unsigned len, uint64_t now_ns);

/**
 * ear_budget_room() - how long an answer to @from may be now; 0 = none. Changes nothing but
 * what is remembered of the address.
 */
unsigned ear_budget_room(struct ear_budget *b, enum ear_class c, const struct endpoint *from,
			 uint64_t now_ns);

/** ear_budget_answered() - it was sent. */
void ear_budget_answered(struct ear_budget *b, enum ear_class c, const struct endpoint *from,
			 unsigned len);

#endif
