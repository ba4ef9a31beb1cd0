/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/observatory.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes for a dht_observatory.db. Whatever SQLite makes of them, rows that come out
 * have an address, a time that a record can hold and a status fit to print.
 */
enum { ROWS_MAX = 1000 };

static void check_row(const struct observatory_row *r)
{
	FUZZ_HOLDS(r->ts_s > 0 && r->ts_s <= UINT32_MAX);
	FUZZ_HOLDS(strnlen(r->status, sizeof(r->status)) < sizeof(r->status));
	for (const char *c = r->status; *c; c++)
		FUZZ_HOLDS(*c > ' ' && *c < 127);
}

static void read_all(struct observatory *o)
{
	struct observatory_counts n;
	struct observatory_row r = { .id = 0 };
	struct observatory_top top;
	struct observatory_name name;
	char text[16];
	unsigned rows = 0;

	if (observatory_counts(o, &n) == 0)
		FUZZ_HOLDS(n.statuses <= OBSERVATORY_STATUSES);
	for (unsigned walk = OBSERVATORY_ANNOUNCES; walk <= OBSERVATORY_GETPEERS; walk++)
		for (uint64_t limit = 0; limit < 20; limit += 10)
			if (observatory_begin(o, (enum observatory_walk)walk, limit) == 0)
				while (rows++ < ROWS_MAX && observatory_next(o, &r) == 1)
					check_row(&r);
	if (observatory_begin_top(o, 10) == 0)
		while (rows++ < ROWS_MAX && observatory_next_top(o, &top) == 1)
			continue;
	if (observatory_begin_names(o, "a", NULL, 10) == 0)
		while (rows++ < ROWS_MAX && observatory_next_name(o, &name) == 1)
			FUZZ_HOLDS(name.name && name.hash && name.files_json);
	FUZZ_HOLDS(strlen(observatory_name_of(o, &r.hash, text, sizeof(text))) < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], why[OBSERVATORY_WHY_MAX] = "";
	const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	struct observatory *o;
	int fd;

	snprintf(path, sizeof(path), "%s/fuzz_observatory.%d", base, (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		if (observatory_open(path, &o, why) == 0) {
			read_all(o);
			observatory_close(o);
		} else {
			FUZZ_HOLDS(*why);
		}
	}
	close(fd);
	unlink(path);
	return 0;
}
