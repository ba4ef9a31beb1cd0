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

#include "engine/net_raw.h"

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
	PAGE_BYTES = 4096,
	DRAIN_MAX = 1 << 20, /* datagrams of a socket: more than its buffer can hold */
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

/* Socket @i of port @k; @at: in and out, a port of 0 becomes the kernel's choice. */
static int open_socket(struct net_group *g, unsigned k, unsigned i, const struct net_udp_opts *opts,
		       struct endpoint *at)
{
	int fd = socket(g->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	g->fd[k][i] = fd;
	err = set_options(fd, g->family, opts);
	if (!err && i > 0)
		err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err)
		err = bind_to(fd, g->family, at);
	if (!err && i == 0)
		err = local_of(fd, g->family, at);
	if (!err && i == 0 && g->workers > 1)
		err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return err;
}

/* The sockets of port @k: one a worker. */
static int open_port(struct net_group *g, unsigned k, const struct net_udp_opts *opts)
{
	struct endpoint at = opts->bind;
	int err = 0;

	if (at.port)
		at.port = (uint16_t)(at.port + k);
	for (unsigned i = 0; i < g->workers && !err; i++)
		err = open_socket(g, k, i, opts, &at);
	g->port[k] = at.port;
	if (k == 0)
		g->local = at;
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

static bool steer(const struct net_group *g, unsigned k, enum net_steer how)
{
	int fd = g->fd[k][0];

	if (g->workers == 1)
		return true;
	if (how == NET_STEER_CPU)
		return steer_by_cpu(fd, g->workers) == 0;
	return (g->family == AF_INET ? steer_by_source4(fd, g->workers)
				     : steer_by_source6(fd, g->workers)) == 0;
}

static size_t granted_rcvbuf(int fd)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len);
	return bytes > 0 ? (size_t)bytes : 0;
}

static bool options_good(const struct net_udp_opts *o, unsigned ports)
{
	return o->workers >= 1 && o->workers <= NET_WORKERS_MAX && ports <= NET_PORTS_MAX &&
	       o->bind.port + ports - 1 <= UINT16_MAX;
}

static struct net_group *group_new(const struct net_udp_opts *opts, unsigned ports)
{
	struct net_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->workers = opts->workers;
	g->ports = ports;
	g->family = endpoint_is4(&opts->bind) ? AF_INET : AF_INET6;
	memset(g->fd, 0xff, sizeof(g->fd)); /* -1 */
	return g;
}

int net_group_open_why(const struct net_udp_opts *opts, struct net_group **out,
		       char why[static NET_WHY_MAX])
{
	unsigned ports = opts->ports ? opts->ports : 1;
	struct net_group *g;
	int err = 0;

	why[0] = '\0';
	if (!options_good(opts, ports))
		return -EINVAL;
	g = group_new(opts, ports);
	if (!g)
		return -ENOMEM;
	for (unsigned k = 0; k < ports && !err; k++)
		err = open_port(g, k, opts);
	g->steered = true;
	for (unsigned k = 0; k < ports && !err; k++)
		g->steered &= steer(g, k, opts->steer);
	if (!err && net_backend_is_raw(opts->raw))
		err = net_raw_open(g, opts, &g->raw, why);
	if (err) {
		net_group_close(g);
		return err;
	}
	g->rcvbuf_bytes = granted_rcvbuf(g->fd[0][0]);
	*out = g;
	return 0;
}

int net_group_open(const struct net_udp_opts *opts, struct net_group **out)
{
	char why[NET_WHY_MAX];

	return net_group_open_why(opts, out, why);
}

void net_group_close(struct net_group *g)
{
	if (!g)
		return;
	net_raw_close(g->raw);
	for (unsigned k = 0; k < g->ports; k++)
		for (unsigned i = 0; i < g->workers; i++)
			if (g->fd[k][i] >= 0)
				close(g->fd[k][i]);
	free(g);
}

unsigned net_group_drain(struct net_group *g)
{
	unsigned count = 0;
	uint8_t one;

	for (unsigned k = 0; k < net_group_ports(g); k++)
		for (unsigned i = 0; i < g->workers; i++)
			for (unsigned n = 0; n < DRAIN_MAX; n++, count++)
				if (recv(net_group_port_fd(g, k, i), &one, 1,
					 MSG_DONTWAIT | MSG_TRUNC) < 0)
					break;
	return count;
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
	return net_group_port_fd(g, 0, i);
}

unsigned net_group_ports(const struct net_group *g)
{
	return g->ports;
}

int net_group_port_fd(const struct net_group *g, unsigned k, unsigned i)
{
	return k < g->ports && i < g->workers ? g->fd[k][i] : -1;
}

const char *net_group_raw(const struct net_group *g)
{
	return g->raw ? net_raw_text(g->raw) : "";
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

bool net_udp_sleep_on(struct pollfd *fds, unsigned count, unsigned round, uint64_t *left_ns)
{
	uint64_t nap_ns = *left_ns;
	struct timespec ts;

	if (!nap_ns)
		return false;
	if (round == 0 && nap_ns > NET_UDP_TICK_NS)
		nap_ns = NET_UDP_TICK_NS;
	ts = timespec_of(nap_ns);
	*left_ns -= nap_ns;
	if (round > 0)
		(void)ppoll(fds, count, &ts, NULL);
	else if (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL))
		*left_ns = 0;
	return true;
}

bool net_udp_sleep(int fd, unsigned round, uint64_t *left_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return net_udp_sleep_on(&p, 1, round, left_ns);
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
