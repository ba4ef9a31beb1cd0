/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/heardlog_impl.h"
#include "store/inside.h"
#include "store/seal.h"

/**
 * DOC: a copy while a crawl goes on writing. The manifest is read, then the
 * tables are copied, then the segments that it names. Its marks are of nodes
 * that were there before the copy began, so none is of nobody; where a seal came
 * in between, the copy's tables say so (they gave up more than the manifest
 * has), and all is done once more. The link that makes it a store comes last.
 */

enum { DIR_MODE = 0700, TRIES = 5, COPY_BYTES = 1 << 20 };

static int copy_bytes(int from, int to)
{
	char *buffer = malloc(COPY_BYTES);
	ssize_t n = buffer ? 1 : -1;
	int rc = buffer ? 0 : -ENOMEM;

	while (rc == 0 && (n = read(from, buffer, COPY_BYTES)) > 0)
		for (ssize_t at = 0, w; at < n && rc == 0; at += w > 0 ? w : 0) {
			w = write(to, buffer + at, (size_t)(n - at));
			if (w < 0)
				rc = errno == ENOSPC ? DT_ENOSPACE : -errno;
		}
	if (rc == 0 && n < 0)
		rc = -errno;
	free(buffer);
	return rc == 0 && fsync(to) ? -errno : rc;
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to, rc;

	if (from < 0)
		return errno == ENOENT ? -EAGAIN : -errno; /* joined or gone meanwhile */
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, SIO_FILE_MODE);
	rc = to < 0 ? -errno : copy_bytes(from, to);
	if (to >= 0)
		close(to);
	close(from);
	return rc;
}

static int copy_segments(int from_dir, const struct store *to, const struct segset *set)
{
	struct sio io = { .dir_fd = -1 };
	char name[SEG_NAME_MAX];
	int rc = seal_dir(to, set->run, true, &io.dir_fd);

	for (uint32_t i = 0; i < set->count && rc == 0; i++)
		rc = copy_file(from_dir, io.dir_fd, segset_name(set->list[i].number, name));
	if (rc == 0)
		rc = segset_save(&io, set);
	if (io.dir_fd >= 0)
		close(io.dir_fd);
	return rc;
}

/* Messages heard; where files were joined meanwhile all is copied once more. */
static int copy_heard(const struct store *s, const struct store *to)
{
	struct heardlog_files files = { .list = NULL };
	char name[SEG_NAME_MAX];
	int from, into = -1, rc = heardlog_dir(s->dir_fd, HEARDLOG_DIR, false, &from);

	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc;
	rc = heardlog_dir(to->dir_fd, HEARDLOG_DIR, true, &into);
	if (rc == 0)
		rc = heardlog_list(from, &files, NULL);
	for (uint32_t i = 0; i < files.count && rc == 0; i++)
		rc = copy_file(from, into, heardlog_name(&files.list[i], name));
	free(files.list);
	if (into >= 0)
		close(into);
	close(from);
	return rc;
}

/* Did the copy's tables give up chunks that the manifest does not have? */
static int fits(const char *path, const struct segset *set)
{
	char why[KV_WHY_MAX];
	struct kv_txn *txn;
	uint64_t sealed = 0;
	uint32_t run = 0;
	struct kv *kv;
	int rc = kv_open(path, 0, &kv, why);

	if (rc < 0)
		return rc;
	rc = kv_begin(kv, false, &txn);
	if (rc == 0) {
		rc = seal_run(txn, &run);
		if (rc == 0)
			rc = seal_sealed(txn, &sealed);
		kv_abort(txn);
	}
	kv_unref(kv);
	if (rc < 0)
		return rc;
	return run == set->run && sealed <= set->sealed ? 0 : -EAGAIN;
}

/* @set: what is in force now; an empty one of that run where nothing was sealed. */
static int read_manifest(struct store *s, struct kv *kv, struct segset *set, int *dir_fd)
{
	struct kv_txn *txn;
	uint32_t run;
	int rc = kv_begin(kv, false, &txn);

	*dir_fd = -1;
	if (rc < 0)
		return rc;
	rc = seal_run(txn, &run);
	kv_abort(txn);
	segset_init(set, run);
	if (rc < 0)
		return rc;
	rc = seal_dir(s, run, false, dir_fd);
	if (rc == 0)
		rc = segset_load(*dir_fd, set);
	return rc == DT_ENOTFOUND ? 0 : rc;
}

static int try_once(struct store *s, const struct store *to)
{
	char path[STORE_PATH_MAX];
	struct segset set;
	struct kv *kv;
	int fd, rc = store_kv_get(s, &kv);

	if (rc < 0)
		return rc;
	rc = read_manifest(s, kv, &set, &fd);
	if (rc == 0)
		rc = generation_begin(to, 1);
	if (rc == 0)
		rc = generation_path(to, 1, path);
	if (rc == 0)
		rc = kv_copy(kv, path);
	if (rc == 0)
		rc = fits(path, &set);
	if (rc == 0 && fd >= 0)
		rc = copy_segments(fd, to, &set);
	if (rc == 0)
		rc = copy_heard(s, to);
	if (fd >= 0)
		close(fd);
	segset_fini(&set);
	kv_unref(kv);
	return rc;
}

static int open_target(const char *dir, struct store *to)
{
	unsigned now;

	*to = (struct store){ .dir_fd = -1 };
	if (mkdir(dir, DIR_MODE) && errno != EEXIST)
		return -errno;
	to->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to->dir_fd < 0 || !realpath(dir, to->dir))
		return -errno;
	return generation_current(to->dir_fd, &now) == DT_ENOTFOUND ? 0 : -EEXIST;
}

int store_backup(struct store *s, const char *dir)
{
	struct store to;
	int rc = open_target(dir, &to);

	if (rc == 0) {
		rc = -EAGAIN;
		for (unsigned i = 0; i < TRIES && rc == -EAGAIN; i++)
			rc = try_once(s, &to);
		if (rc == 0)
			rc = generation_adopt(&to, 1);
		else
			generation_remove(&to, 1);
	}
	if (to.dir_fd >= 0)
		close(to.dir_fd);
	return rc;
}
