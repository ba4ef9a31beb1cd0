/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_RTNL_H
#define ENGINE_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: rtnetlink, as little of it as is needed: a request with attributes, its
 * acknowledgement, and a dump told to a function message by message.
 */

enum { RTNL_BYTES = 2048 };

/** struct rtnl_req - a request; begin with rtnl_begin(), then attributes, then rtnl_do(). */
struct rtnl_req {
	union {
		struct nlmsghdr head;
		uint8_t bytes[RTNL_BYTES];
	};
};

/** rtnl_begin() - @body: the fixed part (ifinfomsg, rtmsg, ...) of @len bytes. */
void rtnl_begin(struct rtnl_req *r, uint16_t type, uint16_t flags, const void *body, size_t len);

/** rtnl_put() - one attribute. Room is the caller's matter: asserted. */
void rtnl_put(struct rtnl_req *r, uint16_t type, const void *data, size_t len);
void rtnl_put_u32(struct rtnl_req *r, uint16_t type, uint32_t v);
void rtnl_put_text(struct rtnl_req *r, uint16_t type, const char *text);

/** rtnl_nest(), _end() - attributes within an attribute, behind @lead bytes of a fixed part. */
size_t rtnl_nest(struct rtnl_req *r, uint16_t type, const void *lead, size_t len);
void rtnl_nest_end(struct rtnl_req *r, size_t nest);

/** rtnl_do() - send and wait for the acknowledgement. Errors: -errno, the kernel's too. */
int rtnl_do(struct rtnl_req *r) DT_MUST;

/**
 * rtnl_dump() - send and tell each answer.
 * @each: gets the fixed part and the attributes; a result other than 0 ends the dump.
 * Errors:  -errno; what @each returned.
 */
int rtnl_dump(struct rtnl_req *r, int (*each)(void *ctx, const struct nlmsghdr *msg),
	      void *ctx) DT_MUST;

/** rtnl_attr() - the attribute @type of a message whose fixed part has @fixed bytes, or NULL. */
const struct rtattr *rtnl_attr(const struct nlmsghdr *msg, size_t fixed, uint16_t type);

/** rtnl_attr_u32() - its value, or @none where it is absent or short. As it lies in memory. */
uint32_t rtnl_attr_u32(const struct nlmsghdr *msg, size_t fixed, uint16_t type, uint32_t none);

#endif
