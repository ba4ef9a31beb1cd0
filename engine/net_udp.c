/* SPDX-License-Identifier: MIT */
#include "engine/net_udp.h"

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/*
 * DOC: the sockets of one public port. All of them are bound before a thread
 * starts, in worker order, because the steering filter names a socket by its
 * place in that order.
 *
 * The first socket is bound without SO_REUSEPORT, so that a port held by
 * anybody else (another run of this program as well) is refused: sharing it
 * would split the replies between two programs. It joins the group afterwards.
 */

enum {
	RCVBUF_DEFAULT =
		64 << 20, /* 50 to 100 thousand replies of 300 bytes, kernel overhead included */
	SNDBUF_DEFAULT = 8 << 20,
	RECV_BUFFERS_DEFAULT = NET_BATCH_MAX, /* E-23: what goes round should stay in the cache */
	PAGE_BYTES = 4096,
	RECV_BUFFERS_MAX = 1 << 15, /* the kernel's bound for a provided-buffer ring */
};

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

/* The forced form passes the sysctl ceiling and needs CAP_NET_ADMIN; the plain form is clamped. */
static void set_buffers(int fd, const struct net_udp_opts *opts)
{
	size_t rcv = opts->rcvbuf_bytes ? opts->rcvbuf_bytes : RCVBUF_DEFAULT;
	size_t snd = opts->sndbuf_bytes ? opts->sndbuf_bytes : SNDBUF_DEFAULT;
	int rcv_bytes = rcv > INT_MAX / 2 ? INT_MAX / 2 : (int)rcv;
	int snd_bytes = snd > INT_MAX / 2 ? INT_MAX / 2 : (int)snd;

	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, rcv_bytes))
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, rcv_bytes);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, snd_bytes))
		(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, snd_bytes);
}

/*
 * PROBE: no fragmenting, no path MTU cache, and no IP id to be computed per
 * packet, which is 130 to 220 ns of each send to a new destination.
 */
static int set_options(int fd, int family, const struct net_udp_opts *opts)
{
	int err = set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);

	if (!err && family == AF_INET6) {
		err = set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
		if (!err)
			err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	}
	if (!err && opts->bind_device &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, opts->bind_device,
		       (socklen_t)strlen(opts->bind_device)))
		err = -errno;
	if (!err)
		set_buffers(fd, opts);
	return err;
}

static int bind_to(int fd, int family, const struct endpoint *ep)
{
	union net_sockaddr sa;

	memset(&sa, 0, sizeof(sa));
	(void)net_udp_to_sockaddr(ep, family, &sa); /* the family was chosen to fit */
	return bind(fd, &sa.any, net_udp_sockaddr_len(family)) ? -errno : 0;
}

static int local_of(int fd, int family, struct endpoint *out)
{
	union net_sockaddr sa;
	socklen_t len = sizeof(sa);

	memset(&sa, 0, sizeof(sa));
	if (getsockname(fd, &sa.any, &len))
		return -errno;
	*out = net_udp_from_sockaddr(&sa, family);
	return 0;
}

static int open_socket(struct net_group *g, unsigned i, const struct net_udp_opts *opts)
{
	int fd = socket(g->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	g->fd[i] = fd;
	err = set_options(fd, g->family, opts);
	if (!err && i > 0)
		err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err)
		err = bind_to(fd, g->family, &g->local);
	if (!err && i == 0)
		err = local_of(fd, g->family, &g->local);
	if (!err && i == 0 && g->workers > 1)
		err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return err;
}

/*
 * The tail folds and takes the remainder as net_deal4() does. A holds the
 * address; the modulus is patched in by the caller.
 */
#define DEAL_TAIL(workers)                                                                         \
	BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),                  \
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0), BPF_STMT(BPF_MISC | BPF_TAX, 0),           \
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 8), BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),    \
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),                                       \
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (workers)), BPF_STMT(BPF_RET | BPF_A, 0)

enum {
	NET = SKF_NET_OFF,
	IP4_SOURCE = 12,
	IP6_SOURCE = 8,
};

static int attach(int fd, struct sock_filter *code, size_t count)
{
	struct sock_fprog prog = { .len = (unsigned short)count, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) ? -errno
											 : 0;
}

static int steer_by_cpu(int fd, unsigned workers)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_CPU),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};

	return attach(fd, code, sizeof(code) / sizeof(code[0]));
}

static int steer_by_source4(int fd, unsigned workers)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET + IP4_SOURCE),
		DEAL_TAIL(workers),
	};

	return attach(fd, code, sizeof(code) / sizeof(code[0]));
}

/* A socket of both families sees either header; version 4 or the folded /64. */
static int steer_by_source6(int fd, unsigned workers)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NET),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET + IP4_SOURCE),
		BPF_STMT(BPF_JMP | BPF_JA, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET + IP6_SOURCE),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET + IP6_SOURCE + 4),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		DEAL_TAIL(workers),
	};

	return attach(fd, code, sizeof(code) / sizeof(code[0]));
}

static bool steer(const struct net_group *g, enum net_steer how)
{
	if (g->workers == 1)
		return true;
	if (how == NET_STEER_CPU)
		return steer_by_cpu(g->fd[0], g->workers) == 0;
	return (g->family == AF_INET ? steer_by_source4(g->fd[0], g->workers)
				     : steer_by_source6(g->fd[0], g->workers)) == 0;
}

static size_t granted_rcvbuf(int fd)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len);
	return bytes > 0 ? (size_t)bytes : 0;
}

int net_group_open(const struct net_udp_opts *opts, struct net_group **out)
{
	unsigned buffers = opts->recv_buffers ? opts->recv_buffers : RECV_BUFFERS_DEFAULT;
	struct net_group *g;
	int err = 0;

	if (opts->workers < 1 || opts->workers > NET_WORKERS_MAX)
		return -EINVAL;
	if (buffers > RECV_BUFFERS_MAX || (buffers & (buffers - 1)))
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->workers = opts->workers;
	g->family = endpoint_is4(&opts->bind) ? AF_INET : AF_INET6;
	g->recv_buffers = buffers;
	g->local = opts->bind;
	for (unsigned i = 0; i < NET_WORKERS_MAX; i++)
		g->fd[i] = -1;
	for (unsigned i = 0; i < g->workers && !err; i++)
		err = open_socket(g, i, opts);
	if (err) {
		net_group_close(g);
		return err;
	}
	g->steered = steer(g, opts->steer);
	g->rcvbuf_bytes = granted_rcvbuf(g->fd[0]);
	*out = g;
	return 0;
}

void net_group_close(struct net_group *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < g->workers; i++)
		if (g->fd[i] >= 0)
			close(g->fd[i]);
	free(g);
}

struct endpoint net_group_local(const struct net_group *g)
{
	return g->local;
}

bool net_group_steered(const struct net_group *g)
{
	return g->steered;
}

size_t net_group_rcvbuf(const struct net_group *g)
{
	return g->rcvbuf_bytes;
}

int net_group_fd(const struct net_group *g, unsigned i)
{
	return i < g->workers ? g->fd[i] : -1;
}

void net_udp_drops(int fd, uint32_t *seen, uint64_t *total)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) ||
	    len <= SK_MEMINFO_DROPS * sizeof(info[0]))
		return;
	*total += (uint32_t)(info[SK_MEMINFO_DROPS] - *seen);
	*seen = info[SK_MEMINFO_DROPS];
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
				  .tv_nsec = (long)(ns % 1000000000) };
}

bool net_udp_sleep(int fd, unsigned round, uint64_t *left_ns)
{
	uint64_t nap_ns = *left_ns;
	struct timespec ts;

	if (!nap_ns)
		return false;
	if (round == 0 && nap_ns > NET_UDP_TICK_NS)
		nap_ns = NET_UDP_TICK_NS;
	ts = timespec_of(nap_ns);
	*left_ns -= nap_ns;
	if (round == 0) {
		if (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL))
			*left_ns = 0;
	} else {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		(void)ppoll(&p, 1, &ts, NULL);
	}
	return true;
}

bool net_udp_fatal(int err)
{
	switch (err) {
	case EBADF:
	case ENOTSOCK:
	case EFAULT:
	case EINVAL:
	case ENOSYS:
	case EPERM:
		return true;
	default:
		return false; /* an error of the moment: an interface going down, memory short */
	}
}

void *net_udp_alloc(size_t bytes)
{
	size_t whole = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	void *p = aligned_alloc(PAGE_BYTES, whole);

	if (p)
		memset(p, 0, whole);
	return p;
}
