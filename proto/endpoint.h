/* SPDX-License-Identifier: MIT */
#ifndef PROTO_ENDPOINT_H
#define PROTO_ENDPOINT_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: where a datagram comes from or goes to. One shape for both families: 16
 * address bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2),
 * so that equality is memcmp and tables need no union.
 */
struct endpoint {
	uint8_t addr[16];
	uint16_t port; /* host order */
};
_Static_assert(sizeof(struct endpoint) == 18, "no padding: hashed and compared as bytes");

enum {
	ENDPOINT_COMPACT4 = 6,  /* addr_be 4, port_be 2 (BEP 5) */
	ENDPOINT_COMPACT6 = 18, /* addr_be 16, port_be 2 (BEP 32) */
	ENDPOINT_TEXT_MAX = 54, /* "[v6]:port" with its NUL */
};

/** endpoint_ip4() - an IPv4 endpoint from a host-order address and port. */
static inline struct endpoint endpoint_ip4(uint32_t ip, uint16_t port)
{
	/* Written as it is read, in halves: what was written in smaller pieces makes a reader wait.
	 */
	const uint64_t halves[2] = { 0, htobe64((uint64_t)0xffff << 32 | ip) };
	struct endpoint ep;

	memcpy(ep.addr, halves, sizeof(ep.addr));
	ep.port = port;
	return ep;
}

static inline bool endpoint_is4(const struct endpoint *e)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return memcmp(e->addr, mapped, 12) == 0;
}

/** endpoint_get_ip4() - host-order IPv4 address; only meaningful if endpoint_is4(). */
static inline uint32_t endpoint_get_ip4(const struct endpoint *e)
{
	return (uint32_t)e->addr[12] << 24 | (uint32_t)e->addr[13] << 16 |
	       (uint32_t)e->addr[14] << 8 | (uint32_t)e->addr[15];
}

static inline bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
	/* In the halves that they are written in, see endpoint_ip4(). */
	return memcmp(a->addr, b->addr, 8) == 0 && memcmp(a->addr + 8, b->addr + 8, 8) == 0;
}

static inline bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && endpoint_same_host(a, b);
}

/**
 * endpoint_from_compact() - read the 6- or 18-byte form.
 * @in: exactly ENDPOINT_COMPACT4 or ENDPOINT_COMPACT6 bytes, else DT_ESIZE.
 *
 * Source:  BEP 5 "Contact Encoding"; BEP 32.
 */
int endpoint_from_compact(struct span in, struct endpoint *out) DT_MUST;

/**
 * endpoint_to_compact() - write the compact form of its family.
 * @out: room for ENDPOINT_COMPACT6 bytes.
 * Returns the length written: 6 or 18.
 */
int endpoint_to_compact(const struct endpoint *e, uint8_t out[static ENDPOINT_COMPACT6]);

/**
 * endpoint_from_text() - "1.2.3.4:6881", "[2001:db8::1]:6881"; without a port
 * the port is 0. No names are resolved.
 * Errors:  DT_EMALF; DT_ERANGE for a port above 65535.
 */
int endpoint_from_text(const char *text, struct endpoint *out) DT_MUST;

/** endpoint_to_text() - the same form back, always NUL-terminated; returns @out. */
char *endpoint_to_text(const struct endpoint *e, char out[static ENDPOINT_TEXT_MAX]);

/** endpoint_host_to_text() - the address alone, without brackets; returns @out. */
char *endpoint_host_to_text(const struct endpoint *e, char out[static ENDPOINT_TEXT_MAX]);

#endif
