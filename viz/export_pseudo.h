/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_PSEUDO_H
#define VIZ_EXPORT_PSEUDO_H

#include "proto/endpoint.h"
#include "store/store.h"

/**
 * DOC: addresses as pseudonyms that keep prefixes: two addresses that share
 * their first n bits, and no more, have pseudonyms that do. So networks stay
 * networks, and nobody without the store's secret can go back.
 *
 * Source: Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization
 * (ICNP 2002), Crypto-PAn, with SipHash-2-4 for its keyed function: bit i of a
 * pseudonym is bit i of the address, turned or not by what the key says of the
 * i bits before it. One hash of 64 bits speaks for six levels: their 63 inner
 * nodes have a bit each.
 */
struct export_pseudo {
	uint8_t key[16]; /* private */
};

/** export_pseudo_init() - Errors: -EIO where libsodium cannot start. */
int export_pseudo_init(struct export_pseudo *p,
		       const uint8_t secret[static STORE_SECRET_BYTES]) DT_MUST;

/**
 * export_pseudo_of() - the pseudonym; family and port stay.
 * Cost: 6 hashes for IPv4, 22 for IPv6. Threads: many.
 */
struct endpoint export_pseudo_of(const struct export_pseudo *p, const struct endpoint *ep);

#endif
