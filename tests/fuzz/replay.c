/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/guard.h"
#include "tests/support/rng.h"

/**
 * DOC: main for a fuzz target where libFuzzer is not wanted. Replays every file
 * of tests/fuzz/corpus/NAME (NAME from its own file name, or the files given),
 * then for a second mutations of them from a fixed seed. Inputs end at a guard
 * page. The input that breaks something is kept under build/.
 */

enum {
	FILES_MAX = 4096,
	INPUT_MAX = 1 << 16, /* a datagram; larger files are cut to it */
	MUTATE_MS = 1000,
	CLOCK_EVERY = 64, /* inputs between two looks at the clock */
};

struct file {
	uint8_t *bytes;
	size_t len;
};

/* What runs now, for the signal handler: it cannot be told otherwise. */
static struct {
	const uint8_t *bytes;
	size_t len;
	char keep[256];
} now;

static void keep_input(void)
{
	int fd = open(now.keep, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	if (write(fd, now.bytes, now.len) == (ssize_t)now.len &&
	    write(STDERR_FILENO, now.keep, strlen(now.keep)) > 0)
		(void)!write(STDERR_FILENO, ": the input\n", 12);
	close(fd);
}

static void on_signal(int number)
{
	keep_input();
	signal(number, SIG_DFL);
	raise(number);
}

/* The sanitizers report and leave without a signal; this is their hook. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_for_death(const char *name)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

	snprintf(now.keep, sizeof(now.keep), "build/crash-%s", name);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_input);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
}

static void run(struct guard *g, const uint8_t *bytes, size_t len)
{
	now.bytes = guard_put(g, bytes, len);
	now.len = len;
	LLVMFuzzerTestOneInput(now.bytes, now.len);
}

static bool read_file(const char *path, struct file *f)
{
	FILE *in = fopen(path, "re");

	if (!in)
		return false;
	f->bytes = malloc(INPUT_MAX);
	f->len = f->bytes ? fread(f->bytes, 1, INPUT_MAX, in) : 0;
	fclose(in);
	return f->bytes;
}

static unsigned read_dir(const char *dir, struct file *files)
{
	struct dirent **names;
	int found = scandir(dir, &names, NULL, alphasort);
	unsigned count = 0;

	for (int i = 0; i < found; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && count < FILES_MAX)
			count += read_file(path, &files[count]);
		free(names[i]);
	}
	if (found >= 0)
		free(names);
	return count;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* One small change; returns the new length. */
static size_t mutate(struct rng *r, uint8_t *b, size_t len, const struct file *other)
{
	static const char likely[] = "0123456789:deil-[].\"\\,{}\n\xff\x80\xc3";
	size_t at = len ? rng_below(r, len) : 0, n, from;

	switch (rng_below(r, 7)) {
	case 0:
		if (len)
			b[at] ^= (uint8_t)(1u << rng_below(r, 8));
		return len;
	case 1:
		if (len)
			b[at] = (uint8_t)likely[rng_below(r, sizeof(likely))];
		return len;
	case 2: /* a byte more */
		if (len == INPUT_MAX)
			return len;
		memmove(b + at + 1, b + at, len - at);
		b[at] = (uint8_t)likely[rng_below(r, sizeof(likely))];
		return len + 1;
	case 3: /* some bytes less */
		n = rng_below(r, 9) < len - at ? rng_below(r, len - at + 1) : 0;
		memmove(b + at, b + at + n, len - at - n);
		return len - n;
	case 4: /* cut short */
		return at;
	case 5: /* a piece of itself once more */
		if (!len)
			return len;
		from = rng_below(r, len);
		n = rng_below(r, (len - from < len - at ? len - from : len - at) + 1);
		memmove(b + at, b + from, n);
		return len;
	default: /* the tail of another */
		if (!other->len)
			return len;
		from = rng_below(r, other->len);
		n = other->len - from < INPUT_MAX - at ? other->len - from : INPUT_MAX - at;
		memcpy(b + at, other->bytes + from, n);
		return at + n;
	}
}

static unsigned long mutations(struct guard *g, const struct file *files, unsigned count)
{
	static uint8_t work[INPUT_MAX];
	struct rng r = rng_open(1);
	uint64_t until = now_ms() + MUTATE_MS;
	unsigned long done = 0;

	while (count && (done % CLOCK_EVERY || now_ms() < until)) {
		const struct file *f = &files[rng_below(&r, count)];
		size_t len = f->len;

		memcpy(work, f->bytes, len);
		for (uint64_t n = 1 + rng_below(&r, 6); n; n--)
			len = mutate(&r, work, len, &files[rng_below(&r, count)]);
		run(g, work, len);
		done++;
	}
	return done;
}

int main(int argc, char **argv)
{
	static struct file files[FILES_MAX];
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	unsigned count = 0;
	unsigned long mutated;
	struct guard g;
	char dir[512];

	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	watch_for_death(name);
	snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", name);
	for (int i = 1; i < argc && count < FILES_MAX; i++)
		count += read_file(argv[i], &files[count]);
	if (argc == 1)
		count = read_dir(dir, files);
	if (!count) {
		fprintf(stderr, "%s: no corpus in %s\n", argv[0], dir);
		return 1;
	}
	guard_open(&g, INPUT_MAX);
	run(&g, NULL, 0);
	for (unsigned i = 0; i < count; i++)
		run(&g, files[i].bytes, files[i].len);
	mutated = argc == 1 ? mutations(&g, files, count) : 0;
	printf("%s: %u corpus files and %lu mutations of them hold\n", name, count, mutated);
	guard_close(&g);
	for (unsigned i = 0; i < count; i++)
		free(files[i].bytes);
	return 0;
}
