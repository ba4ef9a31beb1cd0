/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

/*
 * A child writes batches and says the number of each after its commit has
 * returned; the parent kills it (SIGKILL) at a random microsecond, opens the
 * store and looks: every batch that was said is there, every batch is there
 * whole or not at all, nodes and addresses agree. Then the next child goes on
 * from there. Every second child is killed at any time from its birth, the
 * others within three times what their first commit took, counted from it,
 * however slow the disk. SIGKILL proves atomicity; it does not prove power cuts.
 */

enum {
	KILLS_WRITING = 160,
	KILLS_COMPACTING = 40,
	BATCH = 100, /* nodes of a batch; as many contacts beside them */
	YOUTH_MAX_US = 12000,
	COMMIT_MAX_US = 10000, /* a slower disk is not waited for any longer */
	BATCHES_MAX = 100000,  /* ends a child whose parent died */
};

struct shared {
	char dir[TEMPDIR_MAX];
	unsigned batches; /* known to be in the store */
};

/* Node @i of all, and a contact beside it; everything follows from the number. */
static struct sighting node(uint32_t i, bool contact)
{
	struct rng r = { 0x5eed + 2 * (uint64_t)i + contact };
	struct sighting s = {
		.when_ms = 1700000000000 + 1000 * (uint64_t)(i / BATCH),
		.way = contact ? SIGHTING_MENTIONED : SIGHTING_ANSWERED,
		.from = endpoint_ip4((uint32_t)rng_u64(&r), (uint16_t)(i % 60000 + 1)),
		.mentions = 1,
	};

	s.key.bits = NODEID_BITS;
	rng_fill(&r, s.key.b, NODEID_BYTES);
	return s;
}

static void put_batch(struct store_writer *w, uint32_t batch)
{
	for (uint32_t i = batch * BATCH; i < (batch + 1) * BATCH; i++) {
		const struct sighting two[2] = { node(i, false), node(i, true) };

		if (store_writer_put(w, two, 2))
			_exit(3);
	}
}

static void child(const char *dir, uint32_t batch, bool compacting, int said)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct store_writer *w;
	struct store *s;
	char why[256];

	if (store_open(dir, STORE_CREATE, &s, why) || store_writer_new(s, &opts, &w)) {
		fprintf(stderr, "%s\n", why);
		_exit(2);
	}
	for (; batch < BATCHES_MAX; batch++) {
		put_batch(w, batch);
		if (store_writer_flush(w) || write(said, &batch, sizeof(batch)) != sizeof(batch))
			_exit(4);
		if (compacting && store_compact(s))
			_exit(5);
	}
	_exit(0);
}

static void sleep_us(uint64_t us)
{
	const struct timespec ts = { .tv_sec = (time_t)(us / 1000000),
				     .tv_nsec = (long)(us % 1000000) * 1000 };

	nanosleep(&ts, NULL);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Returns once the child should die; 1 where it said its first batch. */
static int wait_for_the_moment(struct rng *r, int said, uint32_t *batch)
{
	uint64_t born_us = now_us(), commit_us;

	if (rng_below(r, 2)) {
		sleep_us(rng_below(r, YOUTH_MAX_US));
		return 0;
	}
	if (read(said, batch, sizeof(*batch)) != sizeof(*batch))
		return 0;
	commit_us = now_us() - born_us;
	sleep_us(rng_below(r, 3 * (commit_us < COMMIT_MAX_US ? commit_us : COMMIT_MAX_US) + 1));
	return 1;
}

/* Returns how many batches children have said in all. */
static unsigned let_live_and_kill(const struct shared *sh, bool compacting, struct rng *r)
{
	unsigned said = sh->batches;
	uint32_t batch;
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		child(sh->dir, sh->batches, compacting, fd[1]);
	}
	close(fd[1]);
	if (wait_for_the_moment(r, fd[0], &batch))
		said = batch + 1;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("the writer ended by itself with %d", WEXITSTATUS(status));
	while (read(fd[0], &batch, sizeof(batch)) == sizeof(batch))
		said = batch + 1;
	close(fd[0]);
	return said;
}

static void expect_node(struct store_view *v, uint32_t i)
{
	struct sighting want = node(i, false);
	struct store_node n;

	if (store_view_find(v, &want.from, &n) != 1)
		fail_msg("node %u is not found by its address", i);
	if (!nodekey_equal(&n.key, &want.key) || n.last_seen_s != want.when_ms / 1000)
		fail_msg("node %u is another", i);
}

/* The sightings log: each node once, as of its batch's time. */
static uint64_t expect_log(struct store_view *v, const uint64_t *seen_s, uint64_t rows)
{
	const struct store_log_opts opts = { .columns = STORE_LOG_WAYS | STORE_LOG_AFTER };
	struct store_log_block b;
	struct store_log *l;
	uint64_t marks = 0;
	int rc = store_log_open(v, &opts, &l);

	if (rc < 0)
		fail_msg("the log: %s", dt_strerror(rc));
	while ((rc = store_log_next(l, &b)) == 1) {
		for (uint32_t i = 0; i < b.count; i++)
			if (b.ordinal[i] >= rows || b.ways[i] != 1 ||
			    seen_s[b.ordinal[i]] != b.bucket_s + b.after_s[i])
				fail_msg("a mark of nobody: %u", b.ordinal[i]);
		marks += b.count;
	}
	assert_int_equal(rc, 0);
	store_log_close(l);
	return marks;
}

/* Rows, addresses and contacts of whole batches, at least @said of them. */
static unsigned expect_whole_batches(struct store *s, unsigned said)
{
	struct store_counts c;
	struct store_view *v;
	struct store_node n;
	uint64_t rows = 0, contacts = 0, *seen_s;
	unsigned batches;

	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_view_counts(v, &c), 0);
	seen_s = calloc(c.nodes + 1, sizeof(*seen_s));
	for (; store_view_next(v, &n) == 1; rows++) {
		assert_true(n.ordinal < c.nodes && !seen_s[n.ordinal]);
		seen_s[n.ordinal] = n.last_seen_s;
	}
	while (store_view_next_mentioned(v, &n) == 1)
		contacts++;
	batches = (unsigned)(rows / BATCH);
	if (expect_log(v, seen_s, rows) != rows)
		fail_msg("log and table disagree");
	free(seen_s);
	if (rows % BATCH || contacts != rows || c.nodes != rows || c.addresses != rows)
		fail_msg("half a batch: %llu nodes, %llu addresses, %llu contacts",
			 (unsigned long long)rows, (unsigned long long)c.addresses,
			 (unsigned long long)contacts);
	if (batches < said || batches > said + 1)
		fail_msg("%u batches were said, %u are there", said, batches);
	for (uint32_t i = 0; i < batches * BATCH; i += i + 3 * BATCH < batches * BATCH ? 97 : 1)
		expect_node(v, i);
	store_view_close(v);
	return batches;
}

static unsigned generations(const char *dir)
{
	unsigned found = 0;

	for (unsigned g = 1; g < 4000; g++) {
		char path[TEMPDIR_MAX + 32];
		struct stat st;

		snprintf(path, sizeof(path), "%s/state-%u", dir, g);
		found += stat(path, &st) == 0;
	}
	return found;
}

static void kill_often(bool compacting, unsigned kills)
{
	struct rng r = rng_open(compacting ? 2 : 1);
	struct shared sh = { .batches = 0 };
	unsigned unsaid = 0;
	char why[256];

	tempdir_make(sh.dir);
	for (unsigned i = 0; i < kills; i++) {
		unsigned said = let_live_and_kill(&sh, compacting, &r);
		struct store *s;

		if (store_open(sh.dir, STORE_CREATE, &s, why) < 0)
			fail_msg("kill %u: %s", i, why);
		sh.batches = expect_whole_batches(s, said);
		unsaid += sh.batches > said;
		assert_int_equal(generations(sh.dir), 1);
		store_close(s);
	}
	print_message("# %u kills, %u batches of %d, %u of them committed but not yet said\n",
		      kills, sh.batches, BATCH, unsaid);
	assert_true(sh.batches > kills / 4);
	tempdir_remove(sh.dir);
}

static void killed_while_writing(void **state)
{
	(void)state;
	kill_often(false, KILLS_WRITING);
}

static void killed_while_compacting(void **state)
{
	(void)state;
	kill_often(true, KILLS_COMPACTING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_while_writing),
		cmocka_unit_test(killed_while_compacting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
