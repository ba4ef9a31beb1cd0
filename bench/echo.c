/* SPDX-License-Identifier: MIT */
#include "bench/echo.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cpu.h"
#include "engine/net.h"

enum { BATCH = 64, FRAME = 512, CONTROL = CMSG_SPACE(sizeof(struct in_pktinfo)) };

struct echo {
	struct net_group *g;
	unsigned count;
	pid_t pid[NET_WORKERS_MAX];
};

struct batch {
	struct mmsghdr head[BATCH];
	struct iovec vec[BATCH];
	struct sockaddr_in name[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL];
	uint8_t bytes[BATCH][FRAME];
};

/* The destination of the query becomes the source of the reply, by any interface. */
static void turn_round(struct msghdr *h, uint32_t reply_bytes)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	struct in_pktinfo *info;

	h->msg_iov->iov_len = reply_bytes;
	if (!c || c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
		return;
	info = (struct in_pktinfo *)CMSG_DATA(c);
	info->ipi_ifindex = 0;
	info->ipi_spec_dst = info->ipi_addr;
}

static void answer(int fd, struct batch *b, uint32_t reply_bytes)
{
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		b->vec[i] = (struct iovec){ .iov_base = b->bytes[i], .iov_len = FRAME };
		b->head[i].msg_hdr = (struct msghdr){ .msg_name = &b->name[i],
						      .msg_namelen = sizeof(b->name[i]),
						      .msg_iov = &b->vec[i],
						      .msg_iovlen = 1,
						      .msg_control = b->control[i],
						      .msg_controllen = CONTROL };
	}
	n = recvmmsg(fd, b->head, BATCH, MSG_WAITFORONE, NULL);
	for (int i = 0; i < n; i++)
		turn_round(&b->head[i].msg_hdr, reply_bytes);
	for (int at = 0; at < n;) {
		int sent = sendmmsg(fd, b->head + at, (unsigned)(n - at), 0);

		at += sent > 0 ? sent : 1;
	}
}

static void child(struct echo *e, unsigned core, uint32_t reply_bytes, pid_t parent)
{
	struct batch *b = calloc(1, sizeof(*b));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!b || getppid() != parent || cpu_pin(core))
		_exit(1);
	for (;;)
		answer(net_group_fd(e->g, core), b, reply_bytes);
}

int echo_start(unsigned cores, uint32_t reply_bytes, struct echo **out)
{
	struct net_udp_opts opts = { .bind = endpoint_ip4(INADDR_ANY, 0),
				     .workers = cores,
				     .steer = NET_STEER_CPU,
				     .bind_device = "lo" };
	struct echo *e;
	pid_t parent = getpid();
	int err = 0, one = 1;

	if (reply_bytes > FRAME)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	err = net_group_open(&opts, &e->g);
	for (unsigned i = 0; i < cores && !err; i++) {
		if (setsockopt(net_group_fd(e->g, i), IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)))
			err = -errno;
	}
	for (unsigned i = 0; i < cores && !err; i++) {
		pid_t pid = fork();

		if (pid == 0)
			child(e, i, reply_bytes, parent);
		if (pid < 0)
			err = -errno;
		else
			e->pid[e->count++] = pid;
	}
	if (err) {
		echo_stop(e);
		return err;
	}
	*out = e;
	return 0;
}

uint16_t echo_port(const struct echo *e)
{
	return net_group_local(e->g).port;
}

void echo_stop(struct echo *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->count; i++) {
		kill(e->pid[i], SIGKILL);
		waitpid(e->pid[i], NULL, 0);
	}
	net_group_close(e->g);
	free(e);
}
