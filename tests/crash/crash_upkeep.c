/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/heardlog.h"
#include "store/inside.h"
#include "store/record.h"
#include "store/store.h"
#include "tests/support/rng.h"
#include "tests/support/tempdir.h"

/*
 * SIGKILL at a random moment of sealing (with edges), merging, compacting and migrating.
 * What was acknowledged is there, the store is sound, and a merge or a migration
 * is done or not begun. DT_KILLS=200 for the long run.
 */

enum { KILLS = 10, BATCH = 50, BATCHES_MAX = 100000, NODES = 3000, PATH_BYTES = TEMPDIR_MAX + 32 };

static unsigned kills(void)
{
	const char *more = getenv("DT_KILLS");

	return more ? (unsigned)atoi(more) : KILLS;
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

static struct sighting node(uint32_t i)
{
	struct rng r = { 0x5eed + (uint64_t)i };
	struct sighting s = { .when_ms = 1700000000000 + 1000 * (uint64_t)i,
			      .way = SIGHTING_ANSWERED,
			      .from = endpoint_ip4((uint32_t)rng_u64(&r),
						   (uint16_t)(i % 60000 + 1)) };

	s.key.bits = NODEID_BITS;
	rng_fill(&r, s.key.b, NODEID_BYTES);
	return s;
}

static void say(void *ctx, const char *line)
{
	(void)ctx;
	print_message("# %s\n", line);
}

static void expect_sound(struct store *s)
{
	const struct store_check_opts opts = { .problem = say };
	uint64_t problems;

	assert_int_equal(store_check(s, &opts, &problems), 0);
	assert_int_equal(problems, 0);
}

struct sum {
	uint64_t nodes, marks, edges;
};

static struct sum sum_of(struct store *s)
{
	const struct store_log_opts opts = { .columns = 0 };
	struct store_log_block b;
	struct store_counts counts;
	struct store_edges *e;
	struct store_edge edge;
	struct store_view *v;
	struct store_log *l;
	struct sum sum = { 0 };

	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(store_view_counts(v, &counts), 0);
	sum.nodes = counts.nodes;
	assert_int_equal(store_log_open(v, &opts, &l), 0);
	while (store_log_next(l, &b) == 1)
		sum.marks += b.count;
	store_log_close(l);
	for (uint32_t id = 1; id <= counts.epochs; id++) {
		if (store_edges_open(v, id, &e) < 0)
			continue;
		while (store_edges_next(e, &edge) == 1)
			sum.edges++;
		store_edges_close(e);
	}
	store_view_close(v);
	return sum;
}

static struct store *open_ok(const char *dir, enum store_mode mode)
{
	struct store *s;
	char why[256];

	if (store_open(dir, mode, &s, why) < 0)
		fail_msg("%s", why);
	return s;
}

/* ---- seal and edges -------------------------------------------------------------------- */

static void put_batch(struct store_writer *w, uint32_t batch)
{
	for (uint32_t i = batch * BATCH; i < (batch + 1) * BATCH; i++) {
		struct sighting s = node(i), to = node(i + 1);
		struct listing l = { .when_ms = s.when_ms,
				     .id = nodekey_to_id(&s.key),
				     .from = s.from,
				     .count = 1,
				     .contacts = { { nodekey_to_id(&to.key), to.from } } };

		if (store_writer_put(w, &s, 1) || store_writer_list(w, &l, 1))
			_exit(3);
	}
}

static void writing_child(const char *dir, uint32_t batch, int said)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct store_writer *w;
	struct store *s;
	uint32_t epoch;

	if (store_open(dir, STORE_CREATE, &s, NULL) || store_writer_new(s, &opts, &w) ||
	    store_epoch_begin(s, 1700000000 + batch, true, &epoch))
		_exit(2);
	for (; batch < BATCHES_MAX; batch++) {
		put_batch(w, batch);
		if (store_writer_flush(w) || write(said, &batch, sizeof(batch)) != sizeof(batch))
			_exit(4);
		if (batch % 3 == 0 && store_seal(s))
			_exit(5);
		if (batch % 11 == 10 &&
		    (store_epoch_end(s, epoch, 1800000000, "{}", 2) || store_compact(s) ||
		     store_epoch_begin(s, 1700000001 + batch, true, &epoch)))
			_exit(6);
	}
	_exit(0);
}

static uint32_t live_and_die(const char *dir, uint32_t done, struct rng *r)
{
	uint32_t batch, said = done;
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		writing_child(dir, done, fd[1]);
	}
	close(fd[1]);
	sleep_us(2000 + rng_below(r, 120000));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("the writer ended by itself with %d", WEXITSTATUS(status));
	while (read(fd[0], &batch, sizeof(batch)) == sizeof(batch))
		said = batch + 1;
	close(fd[0]);
	return said;
}

static void killed_while_sealing(void **state)
{
	struct rng r = rng_open(1);
	char dir[TEMPDIR_MAX];
	uint32_t done = 0, there;

	(void)state;
	tempdir_make(dir);
	for (unsigned i = 0; i < kills(); i++) {
		uint32_t said = live_and_die(dir, done, &r);
		struct store *s = open_ok(dir, STORE_CREATE);
		struct sum sum = sum_of(s);

		expect_sound(s);
		/* The next one begins with what was not said, though it may be there in part. */
		done = said;
		there = (uint32_t)(sum.nodes / BATCH);
		if (sum.nodes % BATCH || sum.marks != sum.nodes || there < said ||
		    there > said + 1 || sum.edges < (uint64_t)said * BATCH)
			fail_msg("kill %u: %u batches said; %llu nodes, %llu marks, %llu edges", i,
				 said, (unsigned long long)sum.nodes, (unsigned long long)sum.marks,
				 (unsigned long long)sum.edges);
		store_close(s);
	}
	print_message("# %u kills, %u batches\n", kills(), done);
	assert_true(done > 0);
	tempdir_remove(dir);
}

/* ---- done or not begun ------------------------------------------------------------------- */

/* Message @first and those that follow. */
static void make_heard(struct store *s, uint32_t first)
{
	const struct heardlog_opts opts = { .batch = NODES / 3 };
	struct heardlog_writer *w;

	assert_int_equal(store_heard_open(s, &opts, &w), 0);
	for (uint32_t i = first; i < first + NODES; i++) {
		struct heard h = { .when_ms = 1700000000000 + i,
				   .from = endpoint_ip4(i, 6881),
				   .kind = HEARD_GET_PEERS };

		assert_int_equal(heardlog_put(w, &h, 1), 0);
	}
	assert_int_equal(heardlog_flush(w), 0);
	heardlog_close(w);
}

static void make_store(const char *dir, uint32_t first)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	struct store_writer *w;
	struct store *s = open_ok(dir, STORE_CREATE);
	uint32_t epoch;

	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	assert_int_equal(store_epoch_begin(s, 1700000000 + first, true, &epoch), 0);
	for (uint32_t b = first / BATCH; b < (first + NODES) / BATCH; b++)
		put_batch(w, b);
	assert_int_equal(store_writer_flush(w), 0);
	assert_int_equal(store_epoch_end(s, epoch, 1800000000, "{}", 2), 0);
	assert_int_equal(store_seal(s), 0);
	store_writer_free(w);
	make_heard(s, first);
	store_close(s);
}

/* Schema 1 by hand: its rows have the same lengths, other bytes. */
static void make_old(const char *dir)
{
	struct store *s = open_ok(dir, STORE_CREATE);
	struct kv_txn *t;

	assert_int_equal(kv_begin(s->kv, true, &t), 0);
	assert_int_equal(kv_put(t, KV_META, SPAN_LIT("schema"), SPAN_LIT("\1\0\0\0")), 0);
	for (uint32_t i = 0; i < NODES; i++) {
		uint8_t val[RECORD_BYTES] = { 1, 1 }, key[RECORD_KEY_MAX], at[ENDPOINT_COMPACT6];
		struct sighting n = node(i);
		struct nodeid id = nodekey_to_id(&n.key);

		val[4] = val[8] = val[12] = val[16] = 9; /* seen and answered at second 9 */
		assert_int_equal(kv_put(t, KV_NODES4, span_of(key, record_key(&id, &n.from, key)),
					span_of(val, sizeof(val))),
				 0);
		assert_int_equal(kv_put(t, KV_ADDR4, span_of(at, record_addr(&n.from, at)),
					span_of(id.b, RECORD_ADDR_BYTES)),
				 0);
	}
	assert_int_equal(kv_commit(t), 0);
	store_close(s);
}

static void merge(const char *dir)
{
	char from[PATH_BYTES + 8], why[256];
	const char *list[1] = { from };
	struct store *s;

	snprintf(from, sizeof(from), "%s.from", dir);
	if (store_open(dir, STORE_CREATE, &s, NULL) || store_merge(s, list, 1, NULL, why))
		_exit(2);
	store_close(s);
}

static void migrate(const char *dir)
{
	unsigned from;
	char why[256];

	if (store_migrate(dir, &from, why))
		_exit(2);
}

static void run_and_kill(const char *dir, void (*work)(const char *dir), uint64_t after_us,
			 bool *ended)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		work(dir);
		_exit(0);
	}
	sleep_us(after_us);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ended = WIFEXITED(status);
	if (*ended)
		assert_int_equal(WEXITSTATUS(status), 0);
}

static uint64_t time_of(const char *dir, void (*work)(const char *dir))
{
	uint64_t start = now_us();
	bool ended;

	run_and_kill(dir, work, 0, &ended); /* a fork's cost, warm */
	start = now_us();
	work(dir);
	return now_us() - start;
}

static void killed_while_merging(void **state)
{
	char base[TEMPDIR_MAX], dir[PATH_BYTES], from[PATH_BYTES + 8];
	struct rng r = rng_open(2);
	unsigned whole = 0;
	uint64_t most_us, heard;

	(void)state;
	tempdir_make(base);
	snprintf(dir, sizeof(dir), "%s/x", base);
	snprintf(from, sizeof(from), "%s.from", dir);
	make_store(dir, 0);
	make_store(from, NODES / 2);
	most_us = time_of(dir, merge);
	for (unsigned i = 0; i < kills(); i++) {
		struct sum sum;
		struct store *s;
		bool ended;

		tempdir_remove(dir);
		make_store(dir, 0);
		run_and_kill(dir, merge, rng_below(&r, 2 * most_us + 1), &ended);
		s = open_ok(dir, STORE_WRITE);
		expect_sound(s);
		sum = sum_of(s);
		if (sum.nodes != sum.marks ||
		    (sum.nodes != NODES && sum.nodes != NODES + NODES / 2) ||
		    (ended && sum.nodes == NODES) || sum.edges < sum.nodes)
			fail_msg("kill %u: %llu nodes, %llu marks, %llu edges", i,
				 (unsigned long long)sum.nodes, (unsigned long long)sum.marks,
				 (unsigned long long)sum.edges);
		/* More heard than the tables tell of may be; less, never. */
		assert_int_equal(store_heard_count(s, &heard), 0);
		if ((heard != NODES && heard != NODES + NODES / 2) ||
		    (sum.nodes > NODES && heard == NODES))
			fail_msg("kill %u: %llu nodes, %llu messages", i,
				 (unsigned long long)sum.nodes, (unsigned long long)heard);
		assert_int_not_equal(faccessat(s->dir_fd, "heard.new", F_OK, 0), 0);
		whole += sum.nodes > NODES;
		store_close(s);
	}
	print_message("# %u kills, %u merges done\n", kills(), whole);
	tempdir_remove(base);
}

static void killed_while_migrating(void **state)
{
	struct rng r = rng_open(3);
	unsigned done = 0;
	uint64_t most_us = 20000;

	(void)state;
	for (unsigned i = 0; i < kills(); i++) {
		char dir[TEMPDIR_MAX];
		struct store *s;
		struct sum sum;
		bool ended;
		unsigned from;
		char why[256];
		int rc;

		make_old(tempdir_make(dir));
		run_and_kill(dir, migrate, rng_below(&r, most_us + 1), &ended);
		rc = store_open(dir, STORE_WRITE, &s, why);
		if (rc == DT_EUNSUPPORTED) {
			assert_false(ended);
			assert_int_equal(store_migrate(dir, &from, why), 0);
			s = open_ok(dir, STORE_WRITE);
		} else {
			assert_int_equal(rc, 0);
			done++;
		}
		expect_sound(s);
		sum = sum_of(s);
		assert_true(sum.nodes == NODES && sum.marks == NODES);
		store_close(s);
		tempdir_remove(dir);
	}
	print_message("# %u kills, %u migrations done\n", kills(), done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_while_sealing),
		cmocka_unit_test(killed_while_merging),
		cmocka_unit_test(killed_while_migrating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
