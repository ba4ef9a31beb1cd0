/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <unistd.h>

#include "store/inside.h"

static void which_file_systems_do(void **state)
{
	static const struct {
		long type;
		enum fs_verdict verdict;
		const char *name;
	} rows[] = {
		{ EXT4_SUPER_MAGIC, FS_FINE, "" },
		{ XFS_SUPER_MAGIC, FS_FINE, "" },
		{ BTRFS_SUPER_MAGIC, FS_FINE, "" },
		{ TMPFS_MAGIC, FS_FINE, "" },
		{ NFS_SUPER_MAGIC, FS_REFUSED, "NFS" },
		{ (int)CIFS_SUPER_MAGIC, FS_REFUSED, "CIFS" }, /* comes with its sign bit set */
		{ V9FS_MAGIC, FS_REFUSED, "9p" },
		{ OVERLAYFS_SUPER_MAGIC, FS_DOUBTFUL, "overlayfs" },
		{ FUSE_SUPER_MAGIC, FS_DOUBTFUL, "FUSE" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name;

		assert_int_equal(fs_verdict_of(rows[i].type, &name), rows[i].verdict);
		assert_string_equal(name, rows[i].name);
	}
}

static void free_bytes(void **state)
{
	uint64_t n = 0;
	int fd = open("/proc", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(fs_free_bytes(fd, &n), 0);
	assert_int_equal(n, 0); /* procfs has none */
	close(fd);
	assert_true(fs_free_bytes(fd, &n) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_file_systems_do),
		cmocka_unit_test(free_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
