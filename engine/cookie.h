/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_COOKIE_H
#define ENGINE_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"

/**
 * DOC: the seal in a transaction id (census 4.7). The first four bytes of t say
 * which slot asked; the last four are a keyed MAC over whom we asked, those
 * first bytes and the epoch. Who never saw our packet cannot make one, and an
 * answer that comes after its slot was given away is still known to be an
 * answer to us.
 *
 * An epoch lasts a quarter of the time for which late answers are taken; five
 * of them are tried, so an answer is recognised for at least that time and at
 * most for a quarter more.
 */
enum { COOKIE_KEY_BYTES = 16, COOKIE_EPOCHS = 5 };

struct cookie {
	uint8_t key[COOKIE_KEY_BYTES];
	uint64_t epoch_ns; /* length of an epoch */
};

void cookie_init(struct cookie *c, const uint8_t key[static COOKIE_KEY_BYTES], uint64_t late_ns);

/**
 * cookie_make() - 32 bits of SipHash-2-4 over (address, port, @t, epoch).
 * Cost: one short hash, no memory; see engine/README.md, crawl.
 */
uint32_t cookie_make(const struct cookie *c, const struct endpoint *ep, uint32_t t,
		     uint64_t now_ns);

/** cookie_known() - did we send @t with this @mac to @ep within the last epochs? */
bool cookie_known(const struct cookie *c, const struct endpoint *ep, uint32_t t, uint32_t mac,
		  uint64_t now_ns);

#endif
