/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/cli/args_file.h"
#include "engine/cli/cli.h"
#include "engine/cli/conf.h"
#include "tests/fuzz/fuzz.h"

enum { FD_PATH = 64, PRINT_MAX = 1 << 16 };

/* Of main.c, which has a main() too. */
const char *cli_version(void)
{
	return "fuzz";
}

/* A file of these bytes, by a name that can be opened twice. */
static int file_of(const void *data, size_t size, char path[static FD_PATH])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, FD_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

static size_t print(const struct conf *c, char out[static PRINT_MAX])
{
	FILE *f = fmemopen(out, PRINT_MAX, "w");
	long n;

	FUZZ_HOLDS(f && conf_print(c, f) == 0);
	n = ftell(f);
	FUZZ_HOLDS(n > 0 && n < PRINT_MAX && fclose(f) == 0);
	return (size_t)n;
}

/* What a census's file sets, is printed and read again, is the same. */
static void census_file(const char *path)
{
	static char first[PRINT_MAX], second[PRINT_MAX];
	struct conf c = conf_default(), again = conf_default();
	char why[CONF_WHY_MAX], copy[FD_PATH];
	size_t n;
	int fd;

	if (conf_load(&c, path, why)) {
		FUZZ_HOLDS(memchr(why, 0, sizeof(why)) && why[0]);
		conf_free(&c);
		return;
	}
	n = print(&c, first);
	fd = file_of(first, n, copy);
	FUZZ_HOLDS(conf_load(&again, copy, why) == 0);
	FUZZ_HOLDS(print(&again, second) == n && !memcmp(first, second, n));
	conf_free(&again);
	conf_free(&c);
	close(fd);
}

/* The words of another command's file are options of that command. */
static void options_file(char *path)
{
	static const struct argp_option table[] = { { "bind", 'b', "ADDR", 0, "", 0 },
						    { "max-runtime-s", 'm', "S", 0, "", 0 },
						    { "quiet", 'q', NULL, 0, "", 0 },
						    { "config", 'c', "FILE", 0, "", 0 },
						    { 0 } };
	static const struct argp argp = { .options = table };
	char name[] = "dht-telescope", option[] = "--config";
	char *argv[] = { name, option, path, NULL };
	struct args_file a;

	if (args_file_take(&argp, 3, argv, &a))
		return;
	FUZZ_HOLDS(a.argc >= 3 && !a.argv[a.argc]);
	for (int i = 1; i < a.argc - 2; i++)
		FUZZ_HOLDS(!strcmp(a.argv[i], "--quiet") || !strncmp(a.argv[i], "--bind=", 7) ||
			   !strncmp(a.argv[i], "--max-runtime-s=", 16));
	args_file_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[FD_PATH];
	int fd = file_of(data, size, path);
	FILE *said = stderr, *nowhere = fopen("/dev/null", "w");

	census_file(path);
	if (nowhere) { /* complaints of the second are said, not returned */
		stderr = nowhere;
		options_file(path);
		stderr = said;
		fclose(nowhere);
	}
	close(fd);
	return 0;
}
