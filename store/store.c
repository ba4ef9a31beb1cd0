/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/heardlog_impl.h"
#include "store/inside.h"
#include "store/seal.h"
#include "store/secret.h"

static const struct span magic_key = { (const uint8_t *)"magic", 5 };
static const struct span schema_key = { (const uint8_t *)"schema", 6 };
static const struct span magic = { (const uint8_t *)"dht-telescope store", 19 };

enum {
	DIR_MODE = 0700,
	/* A reader may meet a compaction between reading the link and opening what
	 * it names; two in a row would need two whole rewrites in that instant. */
	OPEN_TRIES = 4,
};

__attribute__((format(printf, 3, 4))) static int say(char *why, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, STORE_WHY_MAX, fmt, ap);
	va_end(ap);
	return rc;
}

static int check_fs(struct store *s, char *why)
{
	const char *name;
	struct statfs st;

	if (fstatfs(s->dir_fd, &st))
		return say(why, -errno, "%.180s: %s", s->dir, strerror(errno));
	switch (fs_verdict_of(st.f_type, &name)) {
	case FS_REFUSED:
		return say(
			why, DT_EUNSUPPORTED,
			"%.160s: on %s, where memory maps and locks do not hold: use a local disk",
			s->dir, name);
	case FS_DOUBTFUL:
		return say(why, 0, "%.160s: on %s, which may lose a commit in a power cut", s->dir,
			   name);
	case FS_FINE:
		break;
	}
	return 0;
}

static int open_dir(struct store *s, const char *dir, enum store_mode mode, char *why)
{
	int rc;

	if (mode == STORE_CREATE && mkdir(dir, DIR_MODE) && errno != EEXIST)
		return say(why, -errno, "%.180s: cannot make it: %s", dir, strerror(errno));
	s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0) {
		rc = errno == ENOENT ? DT_ENOTFOUND : errno == ENOTDIR ? DT_EFOREIGN : -errno;
		return say(why, rc, "%.180s: %s", dir,
			   rc == DT_EFOREIGN ? "not a directory" : strerror(errno));
	}
	if (!realpath(dir, s->dir))
		return say(why, -errno, "%.180s: %s", dir, strerror(errno));
	rc = check_fs(s, why);
	if (rc < 0 || !s->write)
		return rc;
	if (flock(s->dir_fd, LOCK_EX | LOCK_NB))
		return say(why, errno == EWOULDBLOCK ? -EBUSY : -errno,
			   "%.160s: another program is writing it: stop that one first", s->dir);
	return 0;
}

static int put_identity(struct kv *kv)
{
	const uint8_t schema[4] = { STORE_SCHEMA };
	struct kv_txn *txn;
	int rc = kv_begin(kv, true, &txn);

	if (rc < 0)
		return rc;
	rc = kv_put(txn, KV_META, magic_key, magic);
	if (rc == 0)
		rc = kv_put(txn, KV_META, schema_key, span_of(schema, sizeof(schema)));
	if (rc < 0) {
		kv_abort(txn);
		return rc;
	}
	return kv_commit(txn);
}

static int check_identity(struct store *s, struct kv *kv, char *why)
{
	const char *dir = s->dir;
	struct span val, schema = { NULL, 0 };
	struct kv_txn *txn;
	int rc = kv_begin(kv, false, &txn);
	unsigned number;

	if (rc < 0)
		return say(why, rc, "%.180s: %s", dir, dt_strerror(rc));
	rc = kv_get(txn, KV_META, magic_key, &val);
	if (rc == 1 && !span_equal(val, magic))
		rc = 0;
	if (rc == 1)
		rc = kv_get(txn, KV_META, schema_key, &schema);
	number = rc == 1 && schema.len == 4 ? schema.ptr[0] | (unsigned)schema.ptr[1] << 8 : 0;
	kv_abort(txn);
	if (rc < 0)
		return say(why, rc, "%.180s: %s", dir, dt_strerror(rc));
	if (number == 0)
		return say(why, DT_EFOREIGN, "%.160s: not a store of this program", dir);
	if (number > STORE_SCHEMA)
		return say(why, DT_ENEWER,
			   "%.140s: schema %u, this program knows up to %d: use a newer one", dir,
			   number, STORE_SCHEMA);
	s->schema = number;
	if (number < STORE_SCHEMA && !s->any_schema)
		return say(why, DT_EUNSUPPORTED,
			   "%.120s: schema %u, of an earlier version: dht-telescope store migrate "
			   "%.60s",
			   dir, number, dir);
	return 0;
}

static int create_first(struct store *s, struct kv **out, char *why)
{
	char path[STORE_PATH_MAX];
	unsigned now;
	struct kv *kv;
	int rc = generation_begin(s, 1);

	if (rc < 0)
		return say(why, rc, "%.180s: cannot write here: %s", s->dir, dt_strerror(rc));
	rc = generation_path(s, 1, path);
	if (rc == 0)
		rc = kv_open(path, KV_WRITE | KV_CREATE, &kv, why);
	if (rc < 0)
		goto err_generation;
	rc = put_identity(kv);
	if (rc == 0)
		rc = secret_ensure(kv);
	if (rc == 0)
		rc = generation_adopt(s, 1);
	if (rc < 0) {
		say(why, rc, "%.180s: cannot write here: %s", s->dir, dt_strerror(rc));
		goto err_kv;
	}
	s->generation = 1;
	*out = kv;
	return 0;
err_kv:
	kv_unref(kv);
	if (generation_current(s->dir_fd, &now) == 0)
		return rc; /* the link stands, its durability is in doubt: an empty store is whole
			    */
err_generation:
	generation_remove(s, 1);
	return rc;
}

static int open_generation(struct store *s, unsigned generation, struct kv **out, char *why)
{
	char path[STORE_PATH_MAX];
	int rc = generation_path(s, generation, path);
	struct kv *kv;

	if (rc == 0)
		rc = kv_open(path, s->write ? KV_WRITE : 0, &kv, why);
	if (rc < 0)
		return rc;
	rc = check_identity(s, kv, why);
	if (rc < 0) {
		kv_unref(kv);
		return rc;
	}
	*out = kv;
	return 0;
}

static int open_current(struct store *s, struct kv **out, unsigned *generation, char *why)
{
	int rc = DT_ENOTFOUND;

	for (unsigned i = 0; i < OPEN_TRIES; i++) {
		rc = generation_current(s->dir_fd, generation);
		if (rc == DT_ENOTFOUND)
			return say(why, rc, "%.160s: no store here", s->dir);
		if (rc < 0)
			return say(why, rc, "%.140s/state: not made by this program", s->dir);
		rc = open_generation(s, *generation, out, why);
		if (rc != DT_ENOTFOUND)
			return rc;
	}
	return say(why, DT_ECORRUPT, "%.140s/state: points at nothing: restore it from a copy",
		   s->dir);
}

static int open_tables(struct store *s, enum store_mode mode, char *why)
{
	char line[STORE_WHY_MAX] = "";
	int rc = open_current(s, &s->kv, &s->generation, line);

	if (rc == DT_ENOTFOUND && mode == STORE_CREATE)
		rc = create_first(s, &s->kv, line);
	if (rc < 0) {
		memcpy(why, line, sizeof(line));
		return rc;
	}
	if (!s->write || s->any_schema)
		return 0;
	generation_sweep(s, s->generation);
	heardlog_drop_new(s->dir_fd);
	rc = seal_open(s, why);
	if (rc < 0)
		return rc;
	rc = secret_ensure(s->kv); /* a store of before there were any */
	return rc < 0 ? say(why, rc, "%.180s: cannot write here: %s", s->dir, dt_strerror(rc)) : 0;
}

static int open_any(const char *dir, enum store_mode mode, bool any_schema, struct store **out,
		    char *why)
{
	char line[STORE_WHY_MAX] = "";
	struct store *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->dir_fd = s->seg_io.dir_fd = -1;
	s->write = mode != STORE_READ;
	s->any_schema = any_schema;
	pthread_mutex_init(&s->lock, NULL);
	rc = open_dir(s, dir, mode, line);
	if (rc == 0)
		rc = open_tables(s, mode, line);
	if (why)
		memcpy(why, line, sizeof(line));
	if (rc < 0) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

int store_open(const char *dir, enum store_mode mode, struct store **out, char *why)
{
	return open_any(dir, mode, false, out, why);
}

int store_open_any(const char *dir, unsigned *schema, struct store **out, char *why)
{
	int rc = open_any(dir, STORE_WRITE, true, out, why);

	if (rc == 0)
		*schema = (*out)->schema;
	return rc;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	seal_close(s);
	kv_unref(s->kv);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Under the lock. A reader that cannot open the newer tables keeps the older. */
static void follow(struct store *s)
{
	char why[STORE_WHY_MAX];
	unsigned generation;
	struct kv *kv;

	if (s->write || generation_current(s->dir_fd, &generation) < 0 ||
	    generation == s->generation)
		return;
	if (open_current(s, &kv, &generation, why) < 0)
		return;
	kv_unref(s->kv);
	s->kv = kv;
	s->generation = generation;
}

int store_kv_get(struct store *s, struct kv **out)
{
	int rc = pthread_mutex_lock(&s->lock);

	if (rc)
		return -rc;
	follow(s);
	*out = kv_ref(s->kv);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

uint64_t store_commits(const struct store *s, uint64_t *ns)
{
	*ns = s->commit_ns;
	return s->commits;
}
