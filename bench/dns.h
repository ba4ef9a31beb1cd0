/* SPDX-License-Identifier: MIT */
#ifndef BENCH_DNS_H
#define BENCH_DNS_H

#include <stdint.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: as much DNS (RFC 1035) as a program that measures name servers needs: questions of a
 * wanted length, and their answers. The names are nobody's; what is answered are addresses from
 * the documentation's range.
 */

enum {
	DNS_QUERY_MIN = 40, /* shorter ones would not hold a number */
	DNS_QUERY_MAX = 192,
	DNS_PORT = 53,
};

/** dns_name() - name @i, whose question is @query_bytes long. Errors:  DT_ERANGE. */
int dns_name(unsigned i, unsigned query_bytes, char out[static DNS_QUERY_MAX]) DT_MUST;

/** dns_query() - the question for @name's address. Returns its length. */
uint32_t dns_query(const char *name, uint16_t id, uint8_t out[static DNS_QUERY_MAX]);

/**
 * dns_answer() - the answer to a question: itself, and as many addresses as come to @bytes.
 * Returns its length; 0 where @query is no question, or the answer longer than @max.
 */
uint32_t dns_answer(struct span query, uint32_t bytes, uint8_t *reply, uint32_t max);

#endif
