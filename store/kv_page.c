/* SPDX-License-Identifier: MIT */
#include "store/kv_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	META_PAGES = 2,
	META_BYTES = 136,
	PAGE_HEAD = 16,
	LMDB_VERSION = 1,
	PATH_MAX_BYTES = 4096,
	PSIZE_MIN = 512, /* what LMDB itself can use */
	PSIZE_MAX = 65536,
};

static const uint32_t lmdb_magic = 0xBEEFC0DE;

/* Host byte order throughout: LMDB's files are of the machine that wrote them. */
struct meta {
	uint32_t magic, version;
	uint64_t address, map_bytes;
	struct {
		uint32_t pad; /* of the first: page size */
		uint16_t flags, depth;
		uint64_t branch, leaf, overflow, entries, root;
	} db[2];
	uint64_t last_page, txn;
};
_Static_assert(sizeof(struct meta) == META_BYTES, "as on disk");

static int refuse(char *why, int rc, const char *path, const char *what)
{
	snprintf(why, 256, "%.180s: %s", path, what);
	return rc;
}

static int read_meta(int fd, off_t at, struct meta *m)
{
	ssize_t n = pread(fd, m, sizeof(*m), at + PAGE_HEAD);

	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(*m) || m->magic != lmdb_magic)
		return DT_EFOREIGN;
	return m->version == LMDB_VERSION ? 0 : DT_ENEWER;
}

static int check_fd(int fd, const char *path, char *why)
{
	struct meta m, second;
	struct stat st;
	int rc = read_meta(fd, 0, &m);

	if (rc == DT_ENEWER)
		return refuse(why, rc, path, "another version of LMDB's format");
	if (rc < 0)
		return refuse(why, rc, path, "not an LMDB file");
	if (m.db[0].pad < PSIZE_MIN || m.db[0].pad > PSIZE_MAX)
		return refuse(why, DT_ECORRUPT, path, "damaged: impossible page size");
	rc = read_meta(fd, m.db[0].pad, &second);
	if (rc < 0)
		return refuse(why, DT_ECORRUPT, path, "damaged: second meta page unreadable");
	if (second.txn > m.txn)
		m = second;
	if (fstat(fd, &st))
		return -errno;
	if ((uint64_t)st.st_size / m.db[0].pad <= m.last_page && m.last_page >= META_PAGES)
		return refuse(why, DT_ECORRUPT, path, "cut short: restore it from a copy");
	return 0;
}

int kv_page_check(const char *dir, char why[static 256])
{
	char path[PATH_MAX_BYTES];
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/data.mdb", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = errno == ENOENT ? DT_ENOTFOUND : -errno;
		return refuse(why, rc, path, dt_strerror(rc));
	}
	rc = check_fd(fd, path, why);
	close(fd);
	return rc;
}
