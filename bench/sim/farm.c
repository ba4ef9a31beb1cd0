/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/sim/farm_impl.h"
#include "engine/cpu.h"

/**
 * DOC: the population outside of this process: a child, so that the crawler's
 * memory and CPU are its own, with a thread per core. How questions reach it and
 * answers leave it: farm_socket.c on loopback, farm_raw.c at the far end of an
 * island.
 */

enum {
	DROPS_EVERY = 1024, /* batches between two looks at the kernel's drop counter */
	USAGE_EVERY_NS = 50 * 1000 * 1000,
	READY_MS = 10000,
};

/** publish() - counters to where the other process reads them; no order is promised. */
static void publish(const struct farm_lane *l)
{
	struct farm_counters *out = &l->farm->shared->thread[l->index];

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

static void *lane_run(void *arg)
{
	struct farm_lane *l = arg;
	const struct sim_farm *f = l->farm;
	bool delays = f->world->opts.delay_us != 0;

	if (f->pin && cpu_pin(f->first_core + l->index) < 0)
		l->farm->pin = false; /* refused: slower, not wrong */
	__atomic_add_fetch(&f->shared->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		uint64_t before = l->counters.received;

		l->io->turn(l, delays ? sim_queue_next_ns(&l->queue) : 0);
		if (delays)
			farm_lane_due(l, farm_now_ns());
		/* Rarely: it is a system call per socket. */
		if (++l->batches % DROPS_EVERY == 0 || l->counters.received == before)
			l->io->look_at_drops(l);
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

	for (unsigned p = 0; !f->island && p < f->ports; p++)
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
		struct farm_lane *l = net_udp_alloc(sizeof(*l));
		pthread_t thread;
		int err;

		if (!l)
			return -ENOMEM;
		l->farm = f;
		l->index = i;
		err = farm_lane_init(l);
		if (!err)
			err = f->island ? farm_raw_lane(l) : farm_socket_lane(l);
		if (!err)
			err = -pthread_create(&thread, NULL, lane_run, l);
		if (err)
			return err;
	}
	return 0;
}

/** sim_farm_sync() - of the child, too. */
struct sim_farm_stats sim_farm_settle(const struct sim_farm *f)
{
	/* A thread may be off its core between a batch and its report for some naps. */
	enum { NAPS_MAX = 100, CALM = 5, NAP_NS = 20 * 1000 * 1000 };
	const struct timespec nap = { 0, NAP_NS };
	struct sim_farm_stats now, before;
	unsigned calm = 0;

	sim_farm_stats(f, &now);
	for (unsigned i = 0; i < NAPS_MAX && calm < CALM; i++) {
		before = now;
		nanosleep(&nap, NULL);
		sim_farm_stats(f, &now);
		calm = now.received == before.received && now.answered == before.answered ? calm + 1
											  : 0;
	}
	return now;
}

void sim_farm_sync(const struct sim_farm *f)
{
	const struct sim_world *w = f->world;

	if (w->presence.moves)
		sim_world_set_time(f->world,
				   w->opts.time_s + (double)(farm_now_ns() - f->started_ns) / 1e9);
}

/** child_run() - never returns; ends with its parent, or by sim_farm_stop(). */
static _Noreturn void child_run(struct sim_farm *f, pid_t parent)
{
	struct farm_shared *s = f->shared;
	struct rusage used;
	int err;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	/* Ctrl-C reaches the whole group; the farm answers until the census has drained. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	(void)prctl(PR_SET_NAME, "dht-farm");
	err = f->island ? farm_raw_enter(f, s->why) : 0;
	keep_only_sockets(f);
	if (!err && f->island)
		err = farm_raw_open(f, s->why);
	if (!err)
		err = start_lanes(f);
	__atomic_store_n(&s->error, err, __ATOMIC_RELEASE);
	while (!err) {
		nanosleep(&(struct timespec){ .tv_nsec = USAGE_EVERY_NS }, NULL);
		sim_farm_sync(f);
		getrusage(RUSAGE_SELF, &used);
		__atomic_store_n(&s->user_us, micros(used.ru_utime), __ATOMIC_RELAXED);
		__atomic_store_n(&s->peak_rss_kib, (uint64_t)used.ru_maxrss, __ATOMIC_RELAXED);
		__atomic_store_n(&s->system_us, micros(used.ru_stime), __ATOMIC_RELAXED);
	}
	_exit(1);
}

/* ---- the parent --------------------------------------------------------------- */

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
	if (opts->guest.port && !opts->island)
		return -EINVAL; /* no socket is bound to its port */
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->threads = opts->threads;
	f->island = opts->island;
	f->raw = opts->raw;
	f->pin = opts->pin;
	f->first_core = opts->first_core;
	f->guest = opts->guest;
	f->world = w;
	f->started_ns = farm_now_ns();
	if (f->island)
		world_on_island(w);
	f->ports = alias_ports(w, w->nodes * w->seats.kinds);
	err = sim_world_load(w);
	if (!err)
		err = f->island ? 0 : farm_socket_open(f, opts->base_port);
	if (!err)
		err = fork_child(f);
	if (err) {
		if (opts->why && f->shared)
			snprintf(opts->why, SIM_WHY_MAX, "%s", f->shared->why);
		sim_farm_stop(f);
		return err;
	}
	farm_socket_close(f);
	*out = f;
	return 0;
}

void sim_farm_stats(const struct sim_farm *f, struct sim_farm_stats *out)
{
	const struct farm_shared *s = f->shared;

	*out = (struct sim_farm_stats){
		.peak_rss_bytes = __atomic_load_n(&s->peak_rss_kib, __ATOMIC_RELAXED) * 1024,
		.user_s = (double)__atomic_load_n(&s->user_us, __ATOMIC_RELAXED) / 1e6,
		.system_s = (double)__atomic_load_n(&s->system_us, __ATOMIC_RELAXED) / 1e6,
	};
	for (unsigned t = 0; t < f->threads; t++) {
		const struct farm_counters *c = &s->thread[t];

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
	farm_socket_close(f);
	if (f->shared)
		munmap(f->shared, sizeof(*f->shared));
	free(f);
}
