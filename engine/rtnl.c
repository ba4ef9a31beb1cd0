/* SPDX-License-Identifier: MIT */
#include "engine/rtnl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RECV_BYTES = 64 << 10, /* the kernel fills up to 32 KiB a message of a dump */
	ROUNDS_MAX = 4096,     /* of a dump: 128 MiB of answers */
};

void rtnl_begin(struct rtnl_req *r, uint16_t type, uint16_t flags, const void *body, size_t len)
{
	assert(len <= RTNL_BYTES - sizeof(r->head));
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->head.nlmsg_len = NLMSG_LENGTH((uint32_t)len);
	memcpy(r->bytes + sizeof(r->head), body, len);
}

void rtnl_put(struct rtnl_req *r, uint16_t type, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(r->head.nlmsg_len);
	struct rtattr a = { .rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type };

	assert(at + RTA_SPACE(len) <= RTNL_BYTES);
	memcpy(r->bytes + at, &a, sizeof(a));
	if (len)
		memcpy(r->bytes + at + RTA_LENGTH(0), data, len);
	r->head.nlmsg_len = (uint32_t)(at + RTA_LENGTH(len));
}

void rtnl_put_u32(struct rtnl_req *r, uint16_t type, uint32_t v)
{
	rtnl_put(r, type, &v, sizeof(v));
}

void rtnl_put_text(struct rtnl_req *r, uint16_t type, const char *text)
{
	rtnl_put(r, type, text, strlen(text) + 1);
}

size_t rtnl_nest(struct rtnl_req *r, uint16_t type, const void *lead, size_t len)
{
	size_t at = NLMSG_ALIGN(r->head.nlmsg_len);

	rtnl_put(r, type, lead, len);
	return at;
}

void rtnl_nest_end(struct rtnl_req *r, size_t nest)
{
	uint16_t len = (uint16_t)(r->head.nlmsg_len - nest);

	memcpy(r->bytes + nest + offsetof(struct rtattr, rta_len), &len, sizeof(len));
}

static int talk(const struct rtnl_req *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	if (send(fd, r->bytes, r->head.nlmsg_len, 0) == (ssize_t)r->head.nlmsg_len)
		return fd;
	err = errno ? -errno : -EIO;
	close(fd);
	return err;
}

/* 1: the end of all answers; 0: more follow; else an error. */
static int one_message(const struct nlmsghdr *m, int (*each)(void *, const struct nlmsghdr *),
		       void *ctx)
{
	const struct nlmsgerr *e = NLMSG_DATA(m);
	int err;

	if (m->nlmsg_type == NLMSG_DONE)
		return 1;
	if (m->nlmsg_type == NLMSG_ERROR) {
		if (m->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
			return -EBADMSG;
		return e->error ? e->error : 1;
	}
	err = each ? each(ctx, m) : 0;
	if (err)
		return err;
	return m->nlmsg_flags & NLM_F_MULTI ? 0 : each != NULL;
}

static int hear(int fd, int (*each)(void *, const struct nlmsghdr *), void *ctx)
{
	static _Thread_local _Alignas(struct nlmsghdr) uint8_t buf[RECV_BYTES];

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *m = (const void *)buf;

		if (n < 0)
			return -errno;
		for (uint32_t left = (uint32_t)n; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
			int rc = one_message(m, each, ctx);

			if (rc)
				return rc > 0 ? 0 : rc;
		}
	}
	return -EMSGSIZE;
}

int rtnl_do(struct rtnl_req *r)
{
	int fd, err;

	r->head.nlmsg_flags |= NLM_F_ACK;
	fd = talk(r);
	if (fd < 0)
		return fd;
	err = hear(fd, NULL, NULL);
	close(fd);
	return err;
}

int rtnl_dump(struct rtnl_req *r, int (*each)(void *ctx, const struct nlmsghdr *msg), void *ctx)
{
	int fd = talk(r), err;

	if (fd < 0)
		return fd;
	err = hear(fd, each, ctx);
	close(fd);
	return err;
}

const struct rtattr *rtnl_attr(const struct nlmsghdr *msg, size_t fixed, uint16_t type)
{
	const uint8_t *at = (const uint8_t *)msg + NLMSG_SPACE((uint32_t)fixed);
	uint32_t left;

	if (msg->nlmsg_len < NLMSG_SPACE((uint32_t)fixed))
		return NULL;
	left = msg->nlmsg_len - NLMSG_SPACE((uint32_t)fixed);
	for (const struct rtattr *a = (const void *)at; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

uint32_t rtnl_attr_u32(const struct nlmsghdr *msg, size_t fixed, uint16_t type, uint32_t none)
{
	const struct rtattr *a = rtnl_attr(msg, fixed, type);
	uint32_t v;

	if (!a || RTA_PAYLOAD(a) < sizeof(v))
		return none;
	memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}
