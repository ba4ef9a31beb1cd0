/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/sim/queue.h"
#include "engine/cpu.h"
#include "engine/net_udp.h"

/**
 * DOC: the population on real sockets. A child process, so that the crawler's
 * memory and CPU are its own, with a thread per core and one socket per thread
 * and port, all of one SO_REUSEPORT group that deals by CPU: what a worker on
 * core i asks is answered on core i, and its reply arrives there (limits.md B:
 * two co-located pairs do 1.5 times what split ones do).
 *
 * The sockets are bound to every address but to the device lo alone, so the
 * 16.7 million addresses of 127.0.0.0/8 need no configuration and nothing
 * outside can reach them; what does not come from 127.0.0.0/8 is dropped all the
 * same. Replies leave from the address that was asked (IP_PKTINFO).
 *
 * Sockets are opened before the fork: who started the farm learns of a taken
 * port at once, and the kernel queues what comes before the threads run.
 */

enum {
	BATCH = 64, /* limits.md: 16 to 256 are alike */
	QUERY_MAX = 1024,
	REPLY_MAX = KRPC_DATAGRAM_MAX,
	DROPS_EVERY = 1024,          /* batches between two looks at the kernel's drop counter */
	IDLE_NS = 100 * 1000 * 1000, /* a sleeping thread looks at it so often */
	USAGE_EVERY_NS = 50 * 1000 * 1000,
	READY_MS = 10000,
	PORT_TRIES = 64,
	PORT_STEP = 16,
	NOBODY = -1, /* as a node number */
	RCVBUF_BYTES = 32 << 20,
	LIMITS_LOG2 = 16, /* sets of four askings: 12 MB a lane, where there are limiters */
};

/** struct counters - of one thread, written by it alone. */
struct counters {
	uint64_t received, answered, lost, dead, malformed, foreign, send_failures, kernel_drops;
	uint64_t limited, bans, calls;
} __attribute__((aligned(64)));

/** struct shared - memory of both processes. */
struct shared {
	uint32_t ready; /* threads that run */
	int32_t error;
	uint64_t user_us, system_us;
	struct counters thread[NET_WORKERS_MAX];
};

struct sim_farm {
	pid_t pid;
	unsigned threads, ports;
	bool pin;
	uint64_t started_ns;
	struct sim_world *world;
	struct shared *shared;
	struct net_group *group[ALIAS_PORTS_MAX];
};

/** struct control - room for one IP_PKTINFO. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/** struct lane - a thread's batch: what arrived and what leaves. */
struct lane {
	struct sim_farm *farm;
	unsigned index;
	uint64_t nonce, batches;
	uint32_t drops_seen[ALIAS_PORTS_MAX];
	struct counters counters;
	struct sim_queue queue;
	unsigned answers, socket;   /* filled in tx, for this socket */
	int64_t node[BATCH];        /* a node's number or NOBODY */
	uint32_t face[BATCH];       /* that was asked */
	struct limit_table *limits; /* NULL: the world has none */
	struct mmsghdr rx[BATCH], tx[BATCH];
	struct iovec rx_vec[BATCH], tx_vec[BATCH];
	struct sockaddr_in rx_name[BATCH], tx_name[BATCH];
	union control rx_control[BATCH], tx_control[BATCH];
	uint8_t query[BATCH][QUERY_MAX], reply[BATCH][REPLY_MAX];
};

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- a thread's batch -------------------------------------------------------- */

static void lane_init(struct lane *l)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct cmsghdr *c = &l->tx_control[i].align;

		l->rx_vec[i] = (struct iovec){ l->query[i], QUERY_MAX };
		l->rx[i].msg_hdr.msg_iov = &l->rx_vec[i];
		l->rx[i].msg_hdr.msg_iovlen = 1;
		l->rx[i].msg_hdr.msg_name = &l->rx_name[i];
		l->rx[i].msg_hdr.msg_control = &l->rx_control[i];
		l->tx_vec[i].iov_base = l->reply[i];
		l->tx[i].msg_hdr.msg_iov = &l->tx_vec[i];
		l->tx[i].msg_hdr.msg_iovlen = 1;
		l->tx[i].msg_hdr.msg_name = &l->tx_name[i];
		l->tx[i].msg_hdr.msg_namelen = sizeof(l->tx_name[i]);
		l->tx[i].msg_hdr.msg_control = c;
		l->tx[i].msg_hdr.msg_controllen = sizeof(l->tx_control[i]);
		l->tx_name[i].sin_family = AF_INET;
		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
				       .cmsg_type = IP_PKTINFO,
				       .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)) };
	}
}

/** publish() - counters to where the other process reads them; no order is promised. */
static void publish(const struct lane *l)
{
	struct counters *out = &l->farm->shared->thread[l->index];

	__atomic_store_n(&out->received, l->counters.received, __ATOMIC_RELAXED);
	__atomic_store_n(&out->answered, l->counters.answered, __ATOMIC_RELAXED);
	__atomic_store_n(&out->lost, l->counters.lost, __ATOMIC_RELAXED);
	__atomic_store_n(&out->dead, l->counters.dead, __ATOMIC_RELAXED);
	__atomic_store_n(&out->malformed, l->counters.malformed, __ATOMIC_RELAXED);
	__atomic_store_n(&out->foreign, l->counters.foreign, __ATOMIC_RELAXED);
	__atomic_store_n(&out->send_failures, l->counters.send_failures, __ATOMIC_RELAXED);
	__atomic_store_n(&out->kernel_drops, l->counters.kernel_drops, __ATOMIC_RELAXED);
	__atomic_store_n(&out->limited, l->counters.limited, __ATOMIC_RELAXED);
	__atomic_store_n(&out->bans, l->counters.bans, __ATOMIC_RELAXED);
	__atomic_store_n(&out->calls, l->counters.calls, __ATOMIC_RELAXED);
}

/** asked_address() - which of the 16.7 million addresses a datagram came to; 0 unknown. */
static uint32_t asked_address(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in_pktinfo info;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		return info.ipi_addr.s_addr;
	}
	return 0;
}

/** send_answers() - the whole batch; a refused one is counted and stepped over. */
static void send_answers(struct lane *l)
{
	int fd = net_group_fd(l->farm->group[l->socket], l->index);
	unsigned at = 0;

	while (at < l->answers) {
		int n = sendmmsg(fd, l->tx + at, l->answers - at, 0);

		if (n > 0) {
			at += (unsigned)n;
			l->counters.answered += (unsigned)n;
		} else if (errno != EINTR) {
			at++;
			l->counters.send_failures++;
		}
	}
	l->answers = 0;
}

/** answer() - write the reply to an event into the next place of the batch of its socket. */
static void answer(struct lane *l, const struct sim_event *e)
{
	const struct sim_world *w = l->farm->world;
	struct endpoint from = endpoint_ip4(ntohl(e->peer_ip), ntohs(e->peer_port));
	struct endpoint local = face_alias(w, e->face);
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(endpoint_get_ip4(&local)) };
	unsigned socket = (unsigned)(local.port - w->alias_port), i;
	int len;

	if (l->answers == BATCH || (l->answers && socket != l->socket))
		send_answers(l);
	l->socket = socket;
	i = l->answers;
	if (e->question.method == PEER_CALL)
		len = peer_call(w, e->node, e->question.luck, l->reply[i], REPLY_MAX);
	else
		len = peer_say(w, e->node, &e->question, &from, l->reply[i], REPLY_MAX);
	if (len <= 0)
		return;
	l->tx_vec[i].iov_len = (size_t)len;
	l->tx_name[i].sin_addr.s_addr = e->peer_ip;
	l->tx_name[i].sin_port = e->peer_port;
	memcpy(CMSG_DATA(&l->tx_control[i].align), &info, sizeof(info));
	l->answers++;
}

/** find_nodes() - who was asked; what will be read of the world is on its way to the cache. */
static void find_nodes(struct lane *l, unsigned socket, unsigned count)
{
	const struct sim_world *w = l->farm->world;
	uint16_t port = (uint16_t)(w->alias_port + socket);

	for (unsigned i = 0; i < count; i++) {
		uint32_t n;

		l->node[i] = NOBODY;
		if (!alias_is_loopback(ntohl(l->rx_name[i].sin_addr.s_addr))) {
			l->counters.foreign++;
			continue;
		}
		if (face_from_alias(w, ntohl(asked_address(&l->rx[i].msg_hdr)), port, &l->face[i]) <
		    0) {
			l->counters.dead++;
			continue;
		}
		n = world_sitter(w, face_seat(w, l->face[i]));
		if (!peer_there(w, n) || !peer_hears(w, n, l->face[i])) {
			l->counters.dead++;
			continue;
		}
		l->node[i] = n;
	}
	l->counters.received += count;
}

/** put_off() - for as long as a round trip takes, or not at all. */
static void put_off(struct lane *l, const struct sim_event *e, uint64_t nonce, uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;
	struct sim_event *later;

	if (!w->opts.delay_us) {
		answer(l, e);
		return;
	}
	later = sim_queue_push(&l->queue, now_ns + peer_delay_ns(w, e->node, nonce));
	if (later)
		*later = *e;
	else
		l->counters.lost++;
}

/** call_back() - somebody whom nobody can reach may have heard of the asker. */
static void call_back(struct lane *l, const struct sim_event *e, uint64_t nonce, uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;
	struct sim_event call = *e;

	if (!peer_caller(w, nonce, &call.node))
		return;
	call.face = world_seat(w, call.node);
	call.question = (struct peer_question){ .method = PEER_CALL, .luck = (uint32_t)nonce };
	l->counters.calls++;
	put_off(l, &call, nonce, now_ns);
}

static bool is_limited(struct lane *l, const struct sim_event *e, uint64_t now_ns)
{
	enum limit_verdict v;

	if (!l->limits)
		return false;
	v = peer_limit(l->farm->world, e->node, e->peer_ip, now_ns / 1000000, l->limits);
	l->counters.limited += v != LIMIT_PASS;
	l->counters.bans += v == LIMIT_BANNED_ANEW;
	return v != LIMIT_PASS;
}

/** take() - one query of a live node: lost, not understood, put off, or answered now. */
static void take(struct lane *l, unsigned i, uint64_t now_ns)
{
	const struct sim_world *w = l->farm->world;
	uint64_t nonce = (uint64_t)l->index << 48 | l->nonce++;
	struct sim_event now = { .node = (uint32_t)l->node[i],
				 .peer_ip = l->rx_name[i].sin_addr.s_addr,
				 .peer_port = l->rx_name[i].sin_port };

	if (peer_lost(w, now.node, nonce)) {
		l->counters.lost++;
		return;
	}
	if (is_limited(l, &now, now_ns))
		return;
	if (peer_read(span_of(l->query[i], l->rx[i].msg_len), &now.question) < 0) {
		l->counters.malformed++;
		return;
	}
	now.question.six = face_is6(w, l->face[i]);
	now.question.luck = (uint32_t)sim_draw(w->key[SIM_DRAW_FLAP] + 1, now.node, nonce);
	now.face = peer_reply_face(w, now.node, l->face[i], now.question.luck);
	put_off(l, &now, nonce, now_ns);
	call_back(l, &now, nonce, now_ns);
}

/** serve_socket() - a batch from one socket, and the answers that go at once. */
static void serve_socket(struct lane *l, unsigned socket, int flags)
{
	int fd = net_group_fd(l->farm->group[socket], l->index), n;
	uint64_t now_ns;

	for (unsigned i = 0; i < BATCH; i++) {
		l->rx[i].msg_hdr.msg_namelen = sizeof(l->rx_name[i]);
		l->rx[i].msg_hdr.msg_controllen = sizeof(l->rx_control[i]);
	}
	n = recvmmsg(fd, l->rx, BATCH, flags, NULL);
	if (n <= 0)
		return;
	find_nodes(l, socket, (unsigned)n);
	now_ns = l->farm->world->opts.delay_us || l->limits ? monotonic_ns() : 0;
	for (unsigned i = 0; i < (unsigned)n; i++)
		if (l->node[i] != NOBODY)
			take(l, i, now_ns);
	send_answers(l);
}

/** serve_due() - what the delay has held back long enough. */
static void serve_due(struct lane *l, uint64_t now_ns)
{
	while (sim_queue_next_ns(&l->queue) <= now_ns)
		answer(l, sim_queue_pop(&l->queue));
	send_answers(l);
}

/** poll_turn() - several sockets, or answers that wait: sleep until something is to be done. */
static void poll_turn(struct lane *l)
{
	uint64_t now_ns = monotonic_ns(), due_ns = sim_queue_next_ns(&l->queue);
	uint64_t nap_ns = due_ns <= now_ns ? 0 : due_ns - now_ns;
	struct pollfd p[ALIAS_PORTS_MAX];
	struct timespec ts = { 0 };

	for (unsigned s = 0; s < l->farm->ports; s++)
		p[s] = (struct pollfd){ .fd = net_group_fd(l->farm->group[s], l->index),
					.events = POLLIN };
	ts.tv_nsec = (long)(nap_ns < IDLE_NS ? nap_ns : IDLE_NS);
	if (ppoll(p, l->farm->ports, &ts, NULL) > 0)
		for (unsigned s = 0; s < l->farm->ports; s++)
			if (p[s].revents)
				serve_socket(l, s, MSG_DONTWAIT);
	serve_due(l, monotonic_ns());
}

/** look_at_drops() - rarely: it is a system call per socket. */
static void look_at_drops(struct lane *l, uint64_t received_before)
{
	if (++l->batches % DROPS_EVERY && l->counters.received != received_before)
		return;
	for (unsigned s = 0; s < l->farm->ports; s++)
		net_udp_drops(net_group_fd(l->farm->group[s], l->index), &l->drops_seen[s],
			      &l->counters.kernel_drops);
}

static void *lane_run(void *arg)
{
	struct lane *l = arg;
	const struct sim_farm *f = l->farm;
	bool blocking = f->ports == 1 && !f->world->opts.delay_us;

	if (f->pin && cpu_pin(l->index) < 0)
		l->farm->pin = false; /* refused: slower, not wrong */
	lane_init(l);
	__atomic_add_fetch(&f->shared->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		uint64_t before = l->counters.received;

		if (blocking)
			serve_socket(l, 0, MSG_WAITFORONE);
		else
			poll_turn(l);
		look_at_drops(l, before);
		publish(l);
	}
	return NULL;
}

/* ---- the child ---------------------------------------------------------------- */

static uint64_t micros(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/** keep_only_sockets() - nothing else of the crawler's is to be held open: its port, its store. */
static void keep_only_sockets(const struct sim_farm *f)
{
	int fds[ALIAS_PORTS_MAX * NET_WORKERS_MAX] = { 0 }, count = 0, next = STDERR_FILENO + 1;

	for (unsigned p = 0; p < f->ports; p++)
		for (unsigned t = 0; t < f->threads; t++)
			fds[count++] = net_group_fd(f->group[p], t);
	qsort(fds, (size_t)count, sizeof(*fds), by_value);
	for (int i = 0; i < count; next = fds[i++] + 1)
		if (fds[i] > next)
			(void)close_range((unsigned)next, (unsigned)fds[i] - 1, 0);
	(void)close_range((unsigned)next, ~0u, 0);
}

static int start_lanes(struct sim_farm *f)
{
	for (unsigned i = 0; i < f->threads; i++) {
		struct lane *l = net_udp_alloc(sizeof(*l));
		pthread_t thread;
		int err;

		if (!l)
			return -ENOMEM;
		l->farm = f;
		l->index = i;
		if ((f->world->opts.bad.limiters > 0 || f->world->opts.bad.busy > 0) &&
		    limit_table_new(LIMITS_LOG2, &l->limits) < 0)
			return -ENOMEM;
		err = pthread_create(&thread, NULL, lane_run, l);
		if (err)
			return -err;
	}
	return 0;
}

/** sim_farm_sync() - of the child, too. */
void sim_farm_sync(const struct sim_farm *f)
{
	const struct sim_world *w = f->world;

	if (w->presence.moves)
		sim_world_set_time(f->world,
				   w->opts.time_s + (double)(monotonic_ns() - f->started_ns) / 1e9);
}

/** child_run() - never returns; ends with its parent, or by sim_farm_stop(). */
static _Noreturn void child_run(struct sim_farm *f, pid_t parent)
{
	struct shared *s = f->shared;
	struct rusage used;
	int err;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	/* Ctrl-C reaches the whole group; the farm answers until the census has drained. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	(void)prctl(PR_SET_NAME, "dht-farm");
	keep_only_sockets(f);
	err = start_lanes(f);
	__atomic_store_n(&s->error, err, __ATOMIC_RELEASE);
	while (!err) {
		nanosleep(&(struct timespec){ .tv_nsec = USAGE_EVERY_NS }, NULL);
		sim_farm_sync(f);
		getrusage(RUSAGE_SELF, &used);
		__atomic_store_n(&s->user_us, micros(used.ru_utime), __ATOMIC_RELAXED);
		__atomic_store_n(&s->system_us, micros(used.ru_stime), __ATOMIC_RELAXED);
	}
	_exit(1);
}

/* ---- the parent --------------------------------------------------------------- */

static int prepare_sockets(struct net_group *g, unsigned threads)
{
	const struct timeval idle = { .tv_usec = IDLE_NS / 1000 };
	const int on = 1;

	for (unsigned t = 0; t < threads; t++) {
		int fd = net_group_fd(g, t);

		if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle)) < 0)
			return -errno;
	}
	return 0;
}

static void close_groups(struct sim_farm *f)
{
	for (unsigned p = 0; p < ALIAS_PORTS_MAX; p++) {
		net_group_close(f->group[p]);
		f->group[p] = NULL;
	}
}

/** open_ports() - all of them from @first on, or none. */
static int open_ports(struct sim_farm *f, uint16_t first)
{
	struct net_udp_opts o = { .workers = f->threads,
				  .steer = NET_STEER_CPU,
				  .rcvbuf_bytes = RCVBUF_BYTES,
				  .bind_device = "lo" };
	int err = 0;

	for (unsigned p = 0; p < f->ports && !err; p++) {
		o.bind = endpoint_ip4(INADDR_ANY, (uint16_t)(first + p));
		err = net_group_open(&o, &f->group[p]);
		/* Kernels before 5.7 want a privilege for the device; sources are checked anyway.
		 */
		if (err == -EPERM) {
			o.bind_device = NULL;
			err = net_group_open(&o, &f->group[p]);
		}
		if (!err)
			err = prepare_sockets(f->group[p], f->threads);
	}
	if (err)
		close_groups(f);
	return err;
}

static int choose_ports(struct sim_farm *f, uint16_t base_port)
{
	uint16_t first = base_port ? base_port : ALIAS_PORT;
	int err = open_ports(f, first);

	for (unsigned i = 0; err == -EADDRINUSE && !base_port && i < PORT_TRIES; i++) {
		first = (uint16_t)(first + PORT_STEP);
		err = open_ports(f, first);
	}
	if (!err)
		f->world->alias_port = first;
	return err;
}

static int wait_ready(const struct sim_farm *f)
{
	for (unsigned ms = 0; ms < READY_MS; ms++) {
		int err = __atomic_load_n(&f->shared->error, __ATOMIC_ACQUIRE);

		if (err)
			return err;
		if (__atomic_load_n(&f->shared->ready, __ATOMIC_ACQUIRE) == f->threads)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return -ETIMEDOUT;
}

static int fork_child(struct sim_farm *f)
{
	pid_t parent = getpid();

	void *map;

	/* cppcheck-suppress invalidFunctionArg ; -1 is what MAP_ANONYMOUS wants */
	map = mmap(NULL, sizeof(*f->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		   0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	f->shared = map;
	f->pid = fork();
	if (f->pid < 0)
		return -errno;
	if (f->pid == 0)
		child_run(f, parent);
	return wait_ready(f);
}

int sim_farm_start(struct sim_world *w, const struct sim_farm_opts *opts, struct sim_farm **out)
{
	struct sim_farm *f;
	int err;

	*out = NULL;
	if (opts->threads < 1 || opts->threads > NET_WORKERS_MAX)
		return DT_ERANGE;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->threads = opts->threads;
	f->ports = alias_ports(w->nodes * w->seats.kinds);
	f->pin = opts->pin;
	f->world = w;
	f->started_ns = monotonic_ns();
	err = sim_world_load(w);
	if (!err)
		err = choose_ports(f, opts->base_port);
	if (!err)
		err = fork_child(f);
	if (err) {
		sim_farm_stop(f);
		return err;
	}
	close_groups(f);
	*out = f;
	return 0;
}

void sim_farm_stats(const struct sim_farm *f, struct sim_farm_stats *out)
{
	const struct shared *s = f->shared;

	*out = (struct sim_farm_stats){
		.user_s = (double)__atomic_load_n(&s->user_us, __ATOMIC_RELAXED) / 1e6,
		.system_s = (double)__atomic_load_n(&s->system_us, __ATOMIC_RELAXED) / 1e6,
	};
	for (unsigned t = 0; t < f->threads; t++) {
		const struct counters *c = &s->thread[t];

		out->received += __atomic_load_n(&c->received, __ATOMIC_RELAXED);
		out->answered += __atomic_load_n(&c->answered, __ATOMIC_RELAXED);
		out->lost += __atomic_load_n(&c->lost, __ATOMIC_RELAXED);
		out->dead += __atomic_load_n(&c->dead, __ATOMIC_RELAXED);
		out->malformed += __atomic_load_n(&c->malformed, __ATOMIC_RELAXED);
		out->foreign += __atomic_load_n(&c->foreign, __ATOMIC_RELAXED);
		out->send_failures += __atomic_load_n(&c->send_failures, __ATOMIC_RELAXED);
		out->kernel_drops += __atomic_load_n(&c->kernel_drops, __ATOMIC_RELAXED);
		out->limited += __atomic_load_n(&c->limited, __ATOMIC_RELAXED);
		out->bans += __atomic_load_n(&c->bans, __ATOMIC_RELAXED);
		out->calls += __atomic_load_n(&c->calls, __ATOMIC_RELAXED);
	}
}

int sim_farm_pid(const struct sim_farm *f)
{
	return f->pid;
}

void sim_farm_stop(struct sim_farm *f)
{
	if (!f)
		return;
	if (f->pid > 0) {
		kill(f->pid, SIGKILL); /* it owns nothing that a kill could leave half done */
		while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_groups(f);
	if (f->shared)
		munmap(f->shared, sizeof(*f->shared));
	free(f);
}
