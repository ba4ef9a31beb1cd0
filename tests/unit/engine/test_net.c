/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/island.h"
#include "engine/net.h"
#include "engine/net_uring.h"

/*
 * DOC: one body for every UDP device. Each test of the body runs once per row
 * of @forms; the twins are each other's oracle. All packets stay in
 * 127.0.0.0/8, ::1, or a network namespace without a way out. Raw devices have the
 * two ends of an island (engine/island.h): peers named b are at its far end.
 */

struct form {
	const char *name;
	enum net_backend backend;
	struct net_uring_form uring;
	enum net_xdp_mode xdp_mode;
};

static struct form forms[] = {
	{ "mmsg", NET_BACKEND_MMSG, { 0, 0 }, 0 },
	{ "uring", NET_BACKEND_URING, { NET_URING_DEFER, NET_URING_SEND }, 0 },
	{ "uring sendmsg", NET_BACKEND_URING, { NET_URING_DEFER, NET_URING_SENDMSG }, 0 },
	{ "uring coop", NET_BACKEND_URING, { NET_URING_COOP, NET_URING_SEND }, 0 },
	{ "uring plain", NET_BACKEND_URING, { NET_URING_PLAIN, NET_URING_SENDMSG }, 0 },
	{ "packet", NET_BACKEND_PACKET, { 0, 0 }, 0 },
	{ "xdp", NET_BACKEND_XDP, { 0, 0 }, NET_XDP_GENERIC },
	{ "xdp native", NET_BACKEND_XDP, { 0, 0 }, NET_XDP_NATIVE },
};

static struct island *island;

enum { FORMS = sizeof(forms) / sizeof(forms[0]), MS = 1000 * 1000 };

static bool uring_here(void)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 1 };
	struct net_group *g;
	struct net *net;
	const char *why;
	int err;

	assert_int_equal(net_group_open(&o, &g), 0);
	err = net_uring_open(g, 0, &net, &why);
	if (!err)
		net_close(net);
	else
		print_message("io_uring: %s\n", why);
	net_group_close(g);
	return err == 0;
}

/* ---- a peer: one group of one socket and its device ---------------------------- */

struct peer {
	struct net_group *g;
	struct net *net;
	struct endpoint at;
};

static void peer_open_with(struct peer *p, const struct form *f, struct net_udp_opts o)
{
	const char *why = "";

	o.workers = 1;
	if (net_backend_is_raw(f->backend)) {
		char line[NET_WHY_MAX];

		o.bind = endpoint_ip4((uint32_t)ISLAND_NEAR, o.bind.port);
		if (island_holds(island, ISLAND_FAR_END))
			o.bind = endpoint_ip4((uint32_t)ISLAND_FAR, o.bind.port);
		o.raw = f->backend;
		o.xdp_mode = f->xdp_mode;
		if (net_group_open_why(&o, &p->g, line))
			fail_msg("%s", line);
		assert_int_equal(net_open(f->backend, p->g, 0, &p->net, &why), 0);
		assert_string_equal(p->net->ops->name,
				    f->backend == NET_BACKEND_XDP ? "xdp" : "packet");
		p->at = net_group_local(p->g);
		return;
	}
	assert_int_equal(net_group_open(&o, &p->g), 0);
	if (f->backend == NET_BACKEND_URING) {
		struct net_uring_form got = f->uring;

		assert_int_equal(net_uring_open_form(p->g, 0, &got, &p->net, &why), 0);
		assert_int_equal(got.rung, f->uring.rung);
		assert_int_equal(got.send, f->uring.send);
	} else {
		assert_int_equal(net_open(f->backend, p->g, 0, &p->net, &why), 0);
	}
	assert_string_equal(why, "");
	p->at = net_group_local(p->g);
}

static void peer_open(struct peer *p, const struct form *f)
{
	peer_open_with(p, f, (struct net_udp_opts){ .bind = endpoint_ip4(INADDR_LOOPBACK, 0) });
}

/* At the other end of the island, for raw forms. */
static void peer_open_far_with(struct peer *p, const struct form *f, struct net_udp_opts o)
{
	bool raw = net_backend_is_raw(f->backend);

	if (raw)
		assert_int_equal(island_enter(island, ISLAND_FAR_END), 0);
	peer_open_with(p, f, o);
	if (raw)
		assert_int_equal(island_enter(island, ISLAND_NEAR_END), 0);
}

static void peer_open_far(struct peer *p, const struct form *f)
{
	peer_open_far_with(p, f, (struct net_udp_opts){ .bind = endpoint_ip4(INADDR_LOOPBACK, 0) });
}

/* A plain socket there: beside a raw device it gets all that is not the device's. */
static void peer_open_plain(struct peer *p, const struct form *f)
{
	struct net_udp_opts o = { .bind = endpoint_ip4((uint32_t)ISLAND_FAR, 0) };

	if (!net_backend_is_raw(f->backend)) {
		peer_open(p, f);
		return;
	}
	assert_int_equal(island_enter(island, ISLAND_FAR_END), 0);
	peer_open_with(p, &forms[0], o);
	assert_int_equal(island_enter(island, ISLAND_NEAR_END), 0);
}

static void peer_close(struct peer *p)
{
	net_close(p->net);
	net_group_close(p->g);
}

/* Byte @i of packet @n: order and mixing of bytes show. */
static uint8_t pattern(uint64_t n, size_t i)
{
	return (uint8_t)(n * 167 + i * 13 + (n >> 8));
}

static void send_one(struct net *net, const struct endpoint *to, uint64_t n, uint32_t len)
{
	struct net_msg m;

	assert_int_equal(net_send_alloc(net, &m, 1), 1);
	for (uint32_t i = 0; i < len; i++)
		m.data[i] = pattern(n, i);
	m.len = len;
	m.peer = *to;
	m.tag = n;
	assert_int_equal(net_send(net, &m, 1), 1);
}

/* Push what is queued; this peer expects nothing. */
static void push(struct net *net)
{
	struct net_msg m[NET_BATCH_MAX];

	assert_int_equal(net_recv(net, m, NET_BATCH_MAX, 0), 0);
	net_recv_finish(net);
}

static void assert_pattern(const struct net_msg *m, uint64_t n, uint32_t len)
{
	assert_int_equal(m->len, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(m->data[i], pattern(n, i));
}

/* ---- the body ------------------------------------------------------------------ */

static void test_echo(void **state)
{
	struct peer a, b;
	struct net_msg m[8];

	peer_open(&a, *state);
	peer_open_far(&b, *state);
	for (uint32_t len = 0; len <= NET_FRAME_MAX; len += 64) {
		send_one(a.net, &b.at, len, len);
		push(a.net);
		assert_int_equal(net_recv(b.net, m, 8, 1000 * MS), 1);
		assert_pattern(&m[0], len, len);
		assert_true(endpoint_equal(&m[0].peer, &a.at));
		send_one(b.net, &m[0].peer, len + 1, len);
		net_recv_finish(b.net);
		push(b.net);
		assert_int_equal(net_recv(a.net, m, 8, 1000 * MS), 1);
		assert_pattern(&m[0], len + 1, len);
		assert_true(endpoint_equal(&m[0].peer, &b.at));
		net_recv_finish(a.net);
	}
	peer_close(&a);
	peer_close(&b);
}

static uint32_t length_of(uint64_t n)
{
	return (uint32_t)(4 + n * 37 % (NET_FRAME_MAX - 3));
}

/* Several allocs a turn, lengths mixed, two receivers, receive calls of every size. */
static void test_many_in_order(void **state)
{
	enum { TOTAL = 6000 };
	struct peer a, b[2];
	struct net_msg m[NET_BATCH_MAX];
	uint64_t sent = 0, next[2] = { 0, 1 };
	struct net_stats s;

	peer_open(&a, *state);
	peer_open_far(&b[0], *state);
	peer_open_plain(&b[1], *state);
	while (next[0] < TOTAL || next[1] < TOTAL) {
		for (unsigned part = 0; part < 3 && sent < TOTAL; part++) {
			unsigned want = (unsigned)(1 + sent % 90);
			unsigned left = (unsigned)(TOTAL - sent);
			unsigned got = net_send_alloc(a.net, m, want < left ? want : left);

			assert_true(got > 0);
			for (unsigned i = 0; i < got; i++, sent++) {
				m[i].len = length_of(sent);
				for (uint32_t k = 0; k < m[i].len; k++)
					m[i].data[k] = pattern(sent, k);
				m[i].peer = b[sent & 1].at;
				m[i].tag = sent;
			}
			assert_int_equal(net_send(a.net, m, got), got);
		}
		push(a.net);
		for (unsigned w = 0; w < 2; w++) {
			int n = net_recv(b[w].net, m, (unsigned)(1 + next[w] % NET_BATCH_MAX), 0);

			assert_true(n >= 0);
			for (int i = 0; i < n; i++, next[w] += 2) {
				assert_pattern(&m[i], next[w], length_of(next[w]));
				assert_true(endpoint_equal(&m[i].peer, &a.at));
			}
			net_recv_finish(b[w].net);
		}
	}
	net_stats(a.net, &s);
	assert_int_equal(s.sent_packets, TOTAL);
	assert_int_equal(s.send_failures, 0);
	net_stats(b[0].net, &s);
	assert_int_equal(s.recv_packets, TOTAL / 2);
	assert_int_equal(s.kernel_drops + s.cq_overflow + s.recv_truncated, 0);
	peer_close(&a);
	peer_close(&b[0]);
	peer_close(&b[1]);
}

/* A wrapping device hands on a part of what was lent: gaps in the frames must not be lent again. */
static void test_closed_up_batch(void **state)
{
	struct peer a, b;
	struct net_msg m[NET_BATCH_MAX];
	unsigned kept = 0;

	peer_open(&a, *state);
	peer_open_far(&b, *state);
	assert_int_equal(net_send_alloc(a.net, m, 100), 100);
	for (unsigned i = 0; i < 100; i++) {
		if (i % 3 == 0)
			continue;
		m[i].data[0] = (uint8_t)kept;
		m[i].len = 1;
		m[i].peer = b.at;
		m[i].tag = kept;
		m[kept++] = m[i];
	}
	net_send(a.net, m, kept);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(net_send_alloc(a.net, m, 1), 1);
		m[0].data[0] = (uint8_t)(kept + i);
		m[0].len = 1;
		m[0].peer = b.at;
		m[0].tag = 0;
		net_send(a.net, m, 1);
	}
	push(a.net);
	for (unsigned seen = 0; seen < kept + 50;) {
		int n = net_recv(b.net, m, NET_BATCH_MAX, 1000 * MS);

		assert_true(n > 0);
		for (int i = 0; i < n; i++, seen++)
			assert_int_equal(m[i].data[0], (uint8_t)seen);
		net_recv_finish(b.net);
	}
	peer_close(&a);
	peer_close(&b);
}

/* Refused ones come back by tag, with their errno; their neighbours arrive. */
static void test_refused_send(void **state)
{
	enum { COUNT = 60 };
	struct peer a, b;
	struct net_msg m[NET_BATCH_MAX];
	struct net_failure f[NET_BATCH_MAX];
	struct endpoint v6 = { .addr = { 0x20, 0x01, 0x0d, 0xb8 }, .port = 6881 };
	unsigned failed = 0, arrived = 0;
	struct net_stats s;

	peer_open(&a, *state);
	peer_open_far(&b, *state);
	assert_int_equal(net_send_alloc(a.net, m, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		m[i].len = 10;
		memset(m[i].data, (int)i, 10);
		m[i].peer = b.at;
		m[i].tag = (UINT64_C(1) << 47) + i;
		if (i % 5 == 1)
			m[i].peer.port = 0;
		else if (i % 5 == 3)
			m[i].peer = v6;
	}
	net_send(a.net, m, COUNT);
	push(a.net);
	while (failed < COUNT * 2 / 5) {
		unsigned n = net_failures(a.net, f, 7);

		assert_true(n > 0 && n <= 7);
		for (unsigned i = 0; i < n; i++, failed++) {
			uint64_t k = f[i].tag - (UINT64_C(1) << 47);

			assert_true(k % 5 == 1 || k % 5 == 3);
			assert_int_equal(f[i].err, k % 5 == 1 ? -EINVAL : -EAFNOSUPPORT);
		}
	}
	assert_int_equal(net_failures(a.net, f, 7), 0);
	net_stats(a.net, &s);
	assert_int_equal(s.send_failures, COUNT * 2 / 5);
	assert_int_equal(s.sent_packets, COUNT * 3 / 5);
	assert_int_equal(s.sent_bytes, COUNT * 3 / 5 * 10);
	while (arrived < COUNT * 3 / 5) {
		int n = net_recv(b.net, m, NET_BATCH_MAX, 1000 * MS);

		assert_true(n > 0);
		for (int i = 0; i < n; i++, arrived++)
			assert_true(m[i].data[0] % 5 != 1 && m[i].data[0] % 5 != 3);
		net_recv_finish(b.net);
	}
	peer_close(&a);
	peer_close(&b);
}

/* A caller that does not listen to failures gets no more frames, and loses none. */
static void test_failures_not_drained(void **state)
{
	struct peer a;
	struct net_msg m[NET_BATCH_MAX];
	struct net_failure f[NET_BATCH_MAX];
	struct endpoint nowhere = endpoint_ip4(INADDR_LOOPBACK, 0);
	uint64_t sent = 0, heard = 0;

	peer_open(&a, *state);
	for (unsigned round = 0; round < 10; round++) {
		unsigned n = net_send_alloc(a.net, m, 100);

		for (unsigned i = 0; i < n; i++) {
			m[i].len = 1;
			m[i].peer = nowhere;
			m[i].tag = sent++;
		}
		net_send(a.net, m, n);
		push(a.net);
	}
	assert_int_equal(sent, NET_BATCH_MAX);
	assert_int_equal(net_send_alloc(a.net, m, 1), 0);
	for (unsigned n; (n = net_failures(a.net, f, NET_BATCH_MAX)) > 0; push(a.net))
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(f[i].tag, heard++);
	assert_int_equal(heard, sent);
	assert_int_equal(net_send_alloc(a.net, m, NET_BATCH_MAX), NET_BATCH_MAX);
	peer_close(&a);
}

static void plain_send(int fd, const struct endpoint *to, const void *bytes, size_t len)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(to->port),
				  .sin_addr.s_addr = htonl(endpoint_get_ip4(to)) };

	assert_int_equal(sendto(fd, bytes, len, 0, (struct sockaddr *)&sa, sizeof(sa)), len);
}

static void test_full_receive_buffer(void **state)
{
	enum { FLOOD = 6000 }; /* more than any ring or buffer holds */
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0),
				  .rcvbuf_bytes = 64 << 10 };
	struct net_msg m[NET_BATCH_MAX];
	struct peer b;
	struct net_stats s;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n;

	peer_open_far_with(&b, *state, o);
	assert_true(net_group_rcvbuf(b.g) >= 64 << 10);
	for (int i = 0; i < FLOOD; i++)
		plain_send(fd, &b.at, "flood", 5);
	while ((n = net_recv(b.net, m, NET_BATCH_MAX, 0)) > 0)
		net_recv_finish(b.net);
	net_recv_finish(b.net);
	net_stats(b.net, &s);
	assert_true(s.kernel_drops > 0 && s.recv_packets > 0);
	assert_int_equal(s.recv_packets + s.kernel_drops, FLOOD);
	net_stats(b.net, &s); /* asked again, nothing is added twice */
	assert_int_equal(s.recv_packets + s.kernel_drops, FLOOD);
	close(fd);
	peer_close(&b);
}

static void test_oversize(void **state)
{
	static const uint32_t sizes[] = { NET_RECV_MAX, NET_RECV_MAX + 1, 20000, 0, 65507, 1 };
	static uint8_t bytes[65507];
	struct net_msg m[8];
	struct peer b;
	struct net_stats s;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	peer_open_far(&b, *state);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(9, i);
	for (unsigned i = 0; i < 6; i++)
		plain_send(fd, &b.at, bytes, sizes[i]);
	/* Fragments reach a raw device by its socket, and so in an order of their own. */
	for (unsigned seen = 0; seen < 3;) {
		int n = net_recv(b.net, m, 8, 1000 * MS);

		assert_true(n > 0);
		for (int i = 0; i < n; i++, seen++) {
			assert_true(m[i].len == NET_RECV_MAX || m[i].len <= 1);
			assert_pattern(&m[i], 9, m[i].len);
		}
		net_recv_finish(b.net);
	}
	net_stats(b.net, &s);
	assert_int_equal(s.recv_truncated, 3);
	assert_int_equal(s.recv_packets, 3);
	assert_int_equal(s.recv_bytes, NET_RECV_MAX + 1);
	close(fd);
	peer_close(&b);
}

/* A flood of empty datagrams is delivered and does not hold up what comes behind it. */
static void test_empty_flood(void **state)
{
	enum { FLOOD = 1000, TURNS = FLOOD / 10 };
	struct net_msg m[NET_BATCH_MAX];
	struct peer b;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n = 0;
	unsigned empty = 0, turns = 0;

	peer_open_far(&b, *state);
	for (unsigned i = 0; i < FLOOD; i++)
		plain_send(fd, &b.at, "", 0);
	plain_send(fd, &b.at, "x", 1);
	for (bool found = false; !found; turns++) {
		n = net_recv(b.net, m, NET_BATCH_MAX, 1000 * MS);
		assert_true(n > 0);
		for (int i = 0; i < n; i++) {
			found |= m[i].len == 1;
			empty += m[i].len == 0;
		}
		net_recv_finish(b.net);
	}
	assert_int_equal(empty, FLOOD);
	assert_true(turns < TURNS);
	close(fd);
	peer_close(&b);
}

/* More datagrams than a batch: they wait in the socket and come later, each once, in order. */
static void test_more_than_a_batch(void **state)
{
	enum { COUNT = 2 * NET_BATCH_MAX + 100 };
	struct net_msg m[NET_BATCH_MAX];
	struct peer b;
	struct net_stats s;
	unsigned seen = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	peer_open_far(&b, *state);
	for (unsigned i = 0; i < COUNT; i++) {
		uint16_t n = (uint16_t)i;

		plain_send(fd, &b.at, &n, sizeof(n));
	}
	while (seen < COUNT) {
		int n = net_recv(b.net, m, NET_BATCH_MAX, 1000 * MS);

		assert_true(n > 0);
		for (int i = 0; i < n; i++, seen++) {
			uint16_t got;

			memcpy(&got, m[i].data, sizeof(got));
			assert_int_equal(got, seen);
		}
		net_recv_finish(b.net);
	}
	net_stats(b.net, &s);
	assert_int_equal(s.recv_packets, COUNT);
	close(fd);
	peer_close(&b);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *send_later(void *arg)
{
	const struct endpoint *to = arg;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	usleep(30 * 1000);
	plain_send(fd, to, "late", 4);
	close(fd);
	return NULL;
}

static void test_wait(void **state)
{
	struct net_msg m[4];
	struct peer b;
	pthread_t thread;
	struct net_stats s0, s1;
	uint64_t start = now_ns();

	peer_open_far(&b, *state);
	start = now_ns();
	net_stats(b.net, &s0);
	assert_int_equal(net_recv(b.net, m, 4, 40 * MS), 0);
	net_recv_finish(b.net);
	net_stats(b.net, &s1);
	assert_true(now_ns() - start >= 40 * MS);
	assert_true(s1.syscalls - s0.syscalls < 10); /* it slept, it did not spin */
	start = now_ns();
	assert_int_equal(pthread_create(&thread, NULL, send_later, &b.at), 0);
	assert_int_equal(net_recv(b.net, m, 4, 20000 * (uint64_t)MS), 1);
	assert_true(now_ns() - start < 10000 * (uint64_t)MS);
	net_recv_finish(b.net);
	pthread_join(thread, NULL);
	peer_close(&b);
}

/* A socket of both families: IPv6 as it is, IPv4 mapped. */
static void test_both_families(void **state)
{
	struct net_udp_opts o = { .bind = { .port = 0 } };
	struct net_group *probe;
	struct peer a, b4;
	struct endpoint to6 = { .addr = { [15] = 1 } }, to4;
	struct net_msg m[4];

	o.workers = 1;
	if (net_group_open(&o, &probe))
		skip();
	net_group_close(probe);
	peer_open_with(&a, *state, o);
	peer_open(&b4, *state);
	to6.port = a.at.port;
	send_one(a.net, &to6, 5, 100); /* to itself over ::1 */
	assert_int_equal(net_recv(a.net, m, 4, 1000 * MS), 1);
	assert_pattern(&m[0], 5, 100);
	assert_true(endpoint_equal(&m[0].peer, &to6));
	net_recv_finish(a.net);
	to4 = endpoint_ip4(INADDR_LOOPBACK, a.at.port);
	send_one(b4.net, &to4, 6, 100);
	push(b4.net);
	assert_int_equal(net_recv(a.net, m, 4, 1000 * MS), 1);
	assert_true(endpoint_equal(&m[0].peer, &b4.at));
	send_one(a.net, &m[0].peer, 7, 50);
	net_recv_finish(a.net);
	push(a.net);
	assert_int_equal(net_recv(b4.net, m, 4, 1000 * MS), 1);
	assert_pattern(&m[0], 7, 50);
	assert_true(endpoint_equal(&m[0].peer, &to4));
	net_recv_finish(b4.net);
	peer_close(&a);
	peer_close(&b4);
}

/* ---- dealing ------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

/* One socket that speaks from any address of 127/8. */
static void send_from(int fd, uint32_t source, const struct endpoint *to, uint32_t word)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(to->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct iovec iov = { .iov_base = &word, .iov_len = sizeof(word) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = { .bytes = { 0 } };
	struct msghdr h = { .msg_name = &sa,
			    .msg_namelen = sizeof(sa),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(source) };

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	assert_int_equal(sendmsg(fd, &h, 0), sizeof(word));
}

struct workers {
	struct net_group *g;
	struct net *net[8];
	unsigned count;
};

static void workers_open(struct workers *w, unsigned count, enum net_steer steer,
			 struct endpoint bind)
{
	struct net_udp_opts o = { .bind = bind, .workers = count, .steer = steer };
	const char *why;

	w->count = count;
	assert_int_equal(net_group_open(&o, &w->g), 0);
	assert_true(net_group_steered(w->g));
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(net_open(i & 1 ? NET_BACKEND_AUTO : NET_BACKEND_MMSG, w->g, i,
					  &w->net[i], &why),
				 0);
}

static void workers_close(struct workers *w)
{
	for (unsigned i = 0; i < w->count; i++)
		net_close(w->net[i]);
	net_group_close(w->g);
}

/* Every address reaches the worker that net_deal() names: the filter and the function agree. */
static void steering_by_source(struct endpoint bind)
{
	static const unsigned counts[] = { 1, 2, 3, 7 };
	uint32_t seed = 0x2545f491;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (unsigned c = 0; c < 4; c++) {
		struct workers w;
		struct endpoint local;
		unsigned seen = 0;

		workers_open(&w, counts[c], NET_STEER_SOURCE, bind);
		local = net_group_local(w.g);
		for (unsigned i = 0; i < 1000; i++) {
			uint32_t ip = 0x7f000001 + next_random(&seed) % 0xfffffd;

			send_from(fd, ip, &local, ip);
		}
		for (unsigned i = 0; i < counts[c]; i++) {
			struct net_msg m[NET_BATCH_MAX];
			int n;

			while ((n = net_recv(w.net[i], m, NET_BATCH_MAX, 0)) > 0) {
				for (int k = 0; k < n; k++, seen++) {
					uint32_t ip;

					memcpy(&ip, m[k].data, sizeof(ip));
					assert_int_equal(endpoint_get_ip4(&m[k].peer), ip);
					assert_int_equal(net_deal4(ip, counts[c]), i);
					assert_int_equal(net_deal(&m[k].peer, counts[c]), i);
				}
				net_recv_finish(w.net[i]);
			}
			net_recv_finish(w.net[i]);
		}
		assert_int_equal(seen, 1000);
		workers_close(&w);
	}
	close(fd);
}

static void test_steering_by_source(void **state)
{
	(void)state;
	steering_by_source(endpoint_ip4(INADDR_ANY, 0));
}

static void test_steering_by_cpu(void **state)
{
	struct workers w;
	struct endpoint local;
	cpu_set_t before, one;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	workers_open(&w, 2, NET_STEER_CPU, endpoint_ip4(INADDR_ANY, 0));
	local = net_group_local(w.g);
	for (int cpu = 0; cpu < 64; cpu++) {
		struct net_msg m[NET_BATCH_MAX];

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!CPU_ISSET(cpu, &before) || sched_setaffinity(0, sizeof(one), &one))
			continue;
		for (unsigned i = 0; i < 20; i++)
			send_from(fd, 0x7f010203 + i, &local, i);
		assert_int_equal(net_recv(w.net[cpu % 2], m, NET_BATCH_MAX, 1000 * MS), 20);
		assert_int_equal(net_recv(w.net[1 - cpu % 2], m, NET_BATCH_MAX, 0), 0);
		net_recv_finish(w.net[0]);
		net_recv_finish(w.net[1]);
	}
	sched_setaffinity(0, sizeof(before), &before);
	workers_close(&w);
	close(fd);
}

static void test_port_taken(void **state)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 2 };
	struct net_group *first, *second = NULL;

	(void)state;
	assert_int_equal(net_group_open(&o, &first), 0);
	o.bind = net_group_local(first);
	assert_true(o.bind.port != 0);
	assert_int_equal(net_group_open(&o, &second), -EADDRINUSE);
	o.workers = 1;
	assert_int_equal(net_group_open(&o, &second), -EADDRINUSE);
	assert_null(second);
	net_group_close(first);
	assert_int_equal(net_group_open(&o, &second), 0);
	net_group_close(second);
}

/* What came while nobody read is not news to the next who does. */
static void test_drain(void **state)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 2 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct net_msg m[NET_BATCH_MAX];
	struct net_group *g;
	struct endpoint at;
	struct net *net;

	(void)state;
	o.steer = NET_STEER_SOURCE;
	assert_int_equal(net_group_open(&o, &g), 0);
	at = net_group_local(g);
	for (unsigned i = 0; i < 5; i++)
		plain_send(fd, &at, "stale", i); /* an empty one among them */
	assert_int_equal(net_group_drain(g), 5);
	assert_int_equal(net_group_drain(g), 0);
	for (unsigned w = 0, seen = 0; w < o.workers; w++) {
		assert_int_equal(net_mmsg_open(g, w, &net), 0);
		if (w == 0)
			plain_send(fd, &at, "fresh", 5);
		for (int n = net_recv(net, m, NET_BATCH_MAX, 20 * MS); n > 0; n = 0, seen++)
			assert_memory_equal(m[0].data, "fresh", 5);
		net_recv_finish(net);
		net_close(net);
		assert_true(seen <= 1 && (w == 0 || seen == 1));
	}
	close(fd);
	net_group_close(g);
}

static void test_bad_options(void **state)
{
	static const struct {
		const char *name;
		struct net_udp_opts opts;
		int err;
	} rows[] = {
		{ "no worker", { .workers = 0 }, -EINVAL },
		{ "too many workers", { .workers = NET_WORKERS_MAX + 1 }, -EINVAL },
		{ "no such device", { .workers = 1, .bind_device = "nonesuch0" }, -ENODEV },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct net_udp_opts o = rows[i].opts;
		struct net_group *g = NULL;
		int err;

		o.bind = endpoint_ip4(INADDR_LOOPBACK, 0);
		err = net_group_open(&o, &g);
		if (err != rows[i].err || g)
			fail_msg("%s: %d instead of %d", rows[i].name, err, rows[i].err);
	}
}

/* bound to lo: nothing that comes by another way is taken, what comes over lo is */
static void test_bind_device(void **state)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_ANY, 0), .bind_device = "lo" };
	char name[IF_NAMESIZE];
	socklen_t len = sizeof(name);
	struct peer b;

	(void)state;
	peer_open_with(&b, &forms[0], o);
	assert_int_equal(getsockopt(net_group_fd(b.g, 0), SOL_SOCKET, SO_BINDTODEVICE, name, &len),
			 0);
	assert_string_equal(name, "lo");
	assert_int_equal(net_group_fd(b.g, 1), -1);
	peer_close(&b);
}

/* ---- net_deal ------------------------------------------------------------------- */

static void test_deal(void **state)
{
	uint32_t seed = 0x9e3779b9;

	(void)state;
	for (unsigned workers = 1; workers <= 8; workers++) {
		unsigned count[8] = { 0 }, in_24[8] = { 0 };

		for (unsigned i = 0; i < 80000; i++) {
			uint32_t ip = next_random(&seed);
			struct endpoint a = endpoint_ip4(ip, (uint16_t)i), b = endpoint_ip4(ip, 1);
			unsigned w = net_deal(&a, workers);

			assert_true(w < workers);
			assert_int_equal(w, net_deal4(ip, workers));
			assert_int_equal(w, net_deal(&b, workers)); /* by address, not by port */
			count[w]++;
		}
		for (uint32_t host = 0; host < 256; host++)
			in_24[net_deal4(0xc6336400 + host, workers)]++;
		for (unsigned w = 0; w < workers; w++) {
			assert_true(count[w] > 80000 / workers * 95 / 100);
			assert_true(count[w] < 80000 / workers * 105 / 100);
			assert_true(in_24[w] >= 256 / workers / 2);
		}
	}
}

static void test_deal6(void **state)
{
	uint32_t seed = 77;
	unsigned count[4] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct endpoint a = { .addr = { 0x20, 0x01 } }, b;
		unsigned w;

		for (unsigned k = 2; k < 16; k++)
			a.addr[k] = (uint8_t)(next_random(&seed) >> 11);
		b = a;
		b.addr[15] ^= 0x55; /* another host of the same /64 */
		b.addr[8] ^= 0x80;
		w = net_deal(&a, 4);
		assert_int_equal(w, net_deal(&b, 4));
		count[w]++;
	}
	for (unsigned w = 0; w < 4; w++)
		assert_true(count[w] > 9500 && count[w] < 10500);
}

static void test_backend_names(void **state)
{
	enum net_backend b = NET_BACKEND_AUTO;

	(void)state;
	assert_int_equal(net_backend_from_text("mmsg", &b), 0);
	assert_int_equal(b, NET_BACKEND_MMSG);
	assert_int_equal(net_backend_from_text("uring", &b), 0);
	assert_int_equal(b, NET_BACKEND_URING);
	assert_int_equal(net_backend_from_text("auto", &b), 0);
	assert_int_equal(b, NET_BACKEND_AUTO);
	assert_int_equal(net_backend_from_text("mmsgs", &b), DT_EMALF);
	assert_int_equal(net_backend_from_text("", &b), DT_EMALF);
}

/* ---- in a child: sandboxes and namespaces ------------------------------------------ */

enum { CHILD_OK = 0, CHILD_SKIP = 77 };

/* Inside a child cmocka's jumps do not work: a broken promise ends it with a line. */
#define CHILD_CHECK(x)                                                                             \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "child: line %d: %s\n", __LINE__, #x);                     \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void in_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fn();
		_exit(CHILD_OK);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CHILD_SKIP)
		skip();
	assert_int_equal(WEXITSTATUS(status), CHILD_OK);
}

static void seccomp_install(struct sock_filter *code, size_t count)
{
	struct sock_fprog prog = { .len = (unsigned short)count, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(CHILD_SKIP);
}

static void refuse_io_uring(unsigned err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	seccomp_install(code, sizeof(code) / sizeof(code[0]));
}

static void refuse_sockopt(uint32_t name)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, name, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	seccomp_install(code, sizeof(code) / sizeof(code[0]));
}

static void falls_back(void)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 1 };
	struct endpoint self;
	struct net_group *g;
	struct net *net = NULL;
	struct net_msg m;
	const char *why = NULL;

	CHILD_CHECK(net_group_open(&o, &g) == 0);
	CHILD_CHECK(net_open(NET_BACKEND_URING, g, 0, &net, &why) == DT_EUNSUPPORTED);
	CHILD_CHECK(net == NULL && strlen(why) > 10);
	CHILD_CHECK(net_open(NET_BACKEND_AUTO, g, 0, &net, &why) == 0);
	CHILD_CHECK(strcmp(net->ops->name, "mmsg") == 0 && strlen(why) > 10);
	self = net_group_local(g);
	CHILD_CHECK(net_send_alloc(net, &m, 1) == 1);
	m.len = 3;
	m.peer = self;
	m.tag = 1;
	net_send(net, &m, 1);
	CHILD_CHECK(net_recv(net, &m, 1, 1000 * MS) == 1 && m.len == 3);
	net_recv_finish(net);
	net_close(net);
	net_group_close(g);
}

static void falls_back_eperm(void)
{
	refuse_io_uring(EPERM);
	falls_back();
}

static void falls_back_enosys(void)
{
	refuse_io_uring(ENOSYS);
	falls_back();
}

static void test_fallback(void **state)
{
	(void)state;
	in_child(falls_back_eperm);
	in_child(falls_back_enosys);
}

static void unsteered(void)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 2 };
	struct net_group *g;

	refuse_sockopt(SO_ATTACH_REUSEPORT_CBPF);
	CHILD_CHECK(net_group_open(&o, &g) == 0);
	CHILD_CHECK(!net_group_steered(g));
	net_group_close(g);
}

static void test_steering_refused(void **state)
{
	(void)state;
	in_child(unsteered);
}

static void unforced_buffer(void)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 1 };
	struct net_group *g;
	long most = 0;
	FILE *f = fopen("/proc/sys/net/core/rmem_max", "r");

	CHILD_CHECK(f && fscanf(f, "%ld", &most) == 1);
	fclose(f);
	refuse_sockopt(SO_RCVBUFFORCE);
	CHILD_CHECK(net_group_open(&o, &g) == 0);
	CHILD_CHECK(net_group_rcvbuf(g) == 2 * (size_t)most); /* the kernel doubles */
	net_group_close(g);
}

static void test_buffer_not_forced(void **state)
{
	(void)state;
	in_child(unforced_buffer);
}

static void lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		_exit(CHILD_SKIP);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHILD_CHECK(ioctl(fd, SIOCSIFFLAGS, &ifr) == 0);
	close(fd);
}

/* In a namespace with lo alone there is no route: each refusal names its packet. */
static void no_route(void)
{
	static const enum net_backend backends[] = { NET_BACKEND_MMSG, NET_BACKEND_AUTO };

	lo_up();
	for (unsigned b = 0; b < 2; b++) {
		struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_ANY, 0), .workers = 1 };
		struct net_group *g;
		struct net *net;
		struct net_msg m[40];
		struct net_failure f[40];
		const char *why;

		CHILD_CHECK(net_group_open(&o, &g) == 0);
		CHILD_CHECK(net_open(backends[b], g, 0, &net, &why) == 0);
		CHILD_CHECK(net_send_alloc(net, m, 40) == 40);
		for (unsigned i = 0; i < 40; i++) {
			m[i].len = 20;
			m[i].tag = i;
			m[i].peer = endpoint_ip4(0xc6336401 + i, 6881);
		}
		net_send(net, m, 40);
		CHILD_CHECK(net_recv(net, m, 40, 10000 * (uint64_t)MS) == 0);
		CHILD_CHECK(net_failures(net, f, 40) == 40);
		for (unsigned i = 0; i < 40; i++)
			CHILD_CHECK(f[i].tag == i && f[i].err == -ENETUNREACH);
		net_close(net);
		net_group_close(g);
	}
}

static void test_no_route(void **state)
{
	(void)state;
	in_child(no_route);
}

/* Without a loopback io_uring cannot prove itself; the plain twin is taken, and said why. */
static void no_loopback(void)
{
	struct net_udp_opts o = { .bind = endpoint_ip4(INADDR_ANY, 0), .workers = 1 };
	struct net_group *g;
	struct net *net;
	const char *why;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		_exit(CHILD_SKIP);
	CHILD_CHECK(net_group_open(&o, &g) == 0);
	CHILD_CHECK(net_open(NET_BACKEND_AUTO, g, 0, &net, &why) == 0);
	CHILD_CHECK(strcmp(net->ops->name, "mmsg") == 0 && *why);
	net_close(net);
	net_group_close(g);
}

static void test_no_loopback(void **state)
{
	(void)state;
	in_child(no_loopback);
}

/* ---- IPv6 steering, in a namespace where a whole /32 is local --------------------- */

static void send_from6(int fd, const struct endpoint *source, const struct endpoint *to)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(to->port) };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)source->addr, .iov_len = 16 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { .bytes = { 0 } };
	struct msghdr h = { .msg_name = &sa,
			    .msg_namelen = sizeof(sa),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	struct in6_pktinfo info = { .ipi6_ifindex = 0 };

	sa.sin6_addr = in6addr_loopback;
	memcpy(&info.ipi6_addr, source->addr, 16);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	CHILD_CHECK(sendmsg(fd, &h, 0) == 16);
}

static void steer6(void)
{
	struct net_udp_opts o = { .bind = { .port = 0 }, .workers = 3 };
	struct endpoint source = { .addr = { 0xfd, 0x00, 0x12, 0x34 } }, local;
	uint32_t seed = 4242;
	unsigned seen = 0;
	struct net_group *g;
	int fd, one = 1;

	lo_up();
	if (system("ip -6 route add local fd00:1234::/32 dev lo 2>/dev/null"))
		_exit(CHILD_SKIP);
	CHILD_CHECK(net_group_open(&o, &g) == 0 && net_group_steered(g));
	local = net_group_local(g);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	CHILD_CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) == 0);
	for (unsigned i = 0; i < 400; i++) {
		for (unsigned k = 4; k < 16; k++)
			source.addr[k] = (uint8_t)(next_random(&seed) >> 9);
		send_from6(fd, &source, &local);
	}
	for (unsigned w = 0; w < 3; w++) {
		struct net_msg m[NET_BATCH_MAX];
		struct net *net;
		int n;

		CHILD_CHECK(net_mmsg_open(g, w, &net) == 0);
		while ((n = net_recv(net, m, NET_BATCH_MAX, 0)) > 0) {
			for (int i = 0; i < n; i++, seen++) {
				CHILD_CHECK(memcmp(m[i].peer.addr, m[i].data, 16) == 0);
				CHILD_CHECK(net_deal(&m[i].peer, 3) == w);
			}
			net_recv_finish(net);
		}
		net_close(net);
	}
	CHILD_CHECK(seen == 400);
	close(fd);
	net_group_close(g);
}

static void test_steering_by_source6(void **state)
{
	(void)state;
	in_child(steer6);
}

/* IPv4 arriving at sockets of both families is dealt as IPv4. */
static void test_steering_mapped(void **state)
{
	struct net_udp_opts o = { .bind = { .port = 0 }, .workers = 1 };
	struct net_group *probe;

	(void)state;
	if (net_group_open(&o, &probe))
		skip();
	net_group_close(probe);
	steering_by_source((struct endpoint){ .port = 0 });
}

/* ---- the table --------------------------------------------------------------------- */

static const struct {
	const char *name;
	CMUnitTestFunction fn;
} body[] = {
	{ "echo", test_echo },
	{ "many in order", test_many_in_order },
	{ "closed-up batch", test_closed_up_batch },
	{ "refused send", test_refused_send },
	{ "failures not drained", test_failures_not_drained },
	{ "full receive buffer", test_full_receive_buffer },
	{ "oversize", test_oversize },
	{ "empty flood", test_empty_flood },
	{ "more than a batch", test_more_than_a_batch },
	{ "wait", test_wait },
	{ "both families", test_both_families },
};

enum { BODY = sizeof(body) / sizeof(body[0]) };

static int to_the_island(void **state)
{
	const struct form *f = *state;

	return net_backend_is_raw(f->backend) ? island_enter(island, ISLAND_NEAR_END) : 0;
}

static int home_again(void **state)
{
	const struct form *f = *state;

	return net_backend_is_raw(f->backend) ? island_enter(island, ISLAND_HOME) : 0;
}

static bool form_here(const struct form *f, bool uring)
{
	if (net_backend_is_raw(f->backend))
		return island != NULL;
	return f->backend == NET_BACKEND_MMSG || uring;
}

static int run_body(void)
{
	static char names[FORMS][BODY][64];
	static struct CMUnitTest tests[FORMS * BODY];
	bool uring = uring_here();
	unsigned n = 0;

	for (unsigned f = 0; f < FORMS; f++) {
		for (unsigned i = 0; form_here(&forms[f], uring) && i < BODY; i++) {
			if (net_backend_is_raw(forms[f].backend) &&
			    body[i].fn == test_both_families)
				continue; /* raw frames carry IPv4 */
			snprintf(names[f][i], sizeof(names[f][i]), "%s: %s", forms[f].name,
				 body[i].name);
			tests[n++] = (struct CMUnitTest){ .name = names[f][i],
							  .test_func = body[i].fn,
							  .setup_func = to_the_island,
							  .teardown_func = home_again,
							  .initial_state = &forms[f] };
		}
	}
	return _cmocka_run_group_tests("net devices", tests, n, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steering_by_source),
		cmocka_unit_test(test_steering_by_source6),
		cmocka_unit_test(test_steering_mapped),
		cmocka_unit_test(test_steering_by_cpu),
		cmocka_unit_test(test_steering_refused),
		cmocka_unit_test(test_buffer_not_forced),
		cmocka_unit_test(test_port_taken),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_bind_device),
		cmocka_unit_test(test_deal),
		cmocka_unit_test(test_deal6),
		cmocka_unit_test(test_backend_names),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_no_route),
		cmocka_unit_test(test_no_loopback),
	};
	struct island_opts far_kernel = { .far_kernel = true };
	char why[ISLAND_WHY_MAX] = "";
	int failed;

	if (geteuid() != 0 || island_open(&far_kernel, &island, why))
		print_message("raw devices are not tried: %s\n", *why ? why : "not root");
	failed = run_body();
	island_close(island);

	return failed + cmocka_run_group_tests_name("net groups", tests, NULL, NULL);
}
