/* SPDX-License-Identifier: MIT */
#include "engine/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { VERSION = 4, BUFFER_BYTES = 1 << 20 };

static const char magic[8] = "DTresume";

/* How a head lies on disk: this, the struct up to its note, the note. */
struct envelope {
	char magic[8];
	uint32_t version, bytes; /* of what follows */
	uint64_t sum;            /* of what follows */
};

enum { FIXED_BYTES = offsetof(struct checkpoint_head, note) };

static int path_of(char out[static CHECKPOINT_PATH_MAX], const char *path, unsigned generation,
		   unsigned worker)
{
	int n = snprintf(out, CHECKPOINT_PATH_MAX, "%s.%u.%u", path, generation, worker);

	return n < CHECKPOINT_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int write_all(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* ---- data files ------------------------------------------------------------------ */

struct checkpoint_out {
	int fd, err;
	XXH3_state_t *sum;
	struct checkpoint_file file;
	size_t used;
	uint8_t buffer[BUFFER_BYTES + CHECKPOINT_RECORD_MAX];
};

int checkpoint_create(const char *path, unsigned generation, unsigned worker,
		      struct checkpoint_out **out)
{
	struct checkpoint_out *o = malloc(sizeof(*o));
	char name[CHECKPOINT_PATH_MAX];
	int err = path_of(name, path, generation, worker);

	*out = NULL;
	if (!o)
		return -ENOMEM;
	o->sum = XXH3_createState();
	if (!o->sum || err) {
		XXH3_freeState(o->sum);
		free(o);
		return err ? err : -ENOMEM;
	}
	XXH3_64bits_reset(o->sum);
	o->err = 0;
	o->used = 0;
	o->file = (struct checkpoint_file){ 0 };
	o->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (o->fd < 0)
		o->err = -errno;
	*out = o;
	return 0;
}

static void drain(struct checkpoint_out *o)
{
	if (!o->err)
		o->err = write_all(o->fd, o->buffer, o->used);
	XXH3_64bits_update(o->sum, o->buffer, o->used);
	o->file.bytes += o->used;
	o->used = 0;
}

uint8_t *checkpoint_room(struct checkpoint_out *o)
{
	return o->buffer + o->used;
}

void checkpoint_put(struct checkpoint_out *o, size_t len)
{
	o->used += len;
	o->file.count++;
	if (o->used >= BUFFER_BYTES)
		drain(o);
}

int checkpoint_finish(struct checkpoint_out *o, struct checkpoint_file *file)
{
	int err;

	drain(o);
	o->file.sum = XXH3_64bits_digest(o->sum);
	*file = o->file;
	if (o->fd >= 0 && close(o->fd) && !o->err)
		o->err = -errno;
	err = o->err;
	XXH3_freeState(o->sum);
	free(o);
	return err;
}

/* ---- the head ---------------------------------------------------------------------- */

static int sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

static int sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[CHECKPOINT_PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	return sync_path(dir, O_RDONLY | O_DIRECTORY);
}

static int write_head(const char *path, const struct checkpoint_head *head)
{
	size_t bytes = FIXED_BYTES + head->note_len;
	struct envelope e = { .version = VERSION,
			      .bytes = (uint32_t)bytes,
			      .sum = XXH3_64bits(head, bytes) };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return -errno;
	memcpy(e.magic, magic, sizeof(e.magic));
	err = write_all(fd, &e, sizeof(e));
	if (!err)
		err = write_all(fd, head, bytes);
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

static void remove_files(const char *path, const struct checkpoint_head *head)
{
	char name[CHECKPOINT_PATH_MAX];

	for (unsigned i = 0; i < head->workers; i++)
		if (path_of(name, path, head->generation, i) == 0)
			unlink(name);
}

/* The whole of a small file; NULL with errno. */
static uint8_t *read_file(const char *path, size_t most, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = fd < 0 ? NULL : malloc(most);
	ssize_t n = 0;

	*len = 0;
	while (bytes && *len < most && (n = read(fd, bytes + *len, most - *len)) > 0)
		*len += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (n >= 0)
		return bytes;
	free(bytes);
	return NULL;
}

/* The head in force; on error @out has no files. */
static int read_head(const char *path, struct checkpoint_head *out)
{
	size_t len;
	uint8_t *bytes = read_file(path, sizeof(struct envelope) + sizeof(*out), &len);
	int err = bytes ? checkpoint_decode(span_of(bytes, len), out) : -errno;

	if (err)
		out->workers = 0;
	free(bytes);
	return err == -ENOENT ? DT_ENOTFOUND : err;
}

int checkpoint_commit(const char *path, const struct checkpoint_head *head)
{
	struct checkpoint_head *before = malloc(sizeof(*before));
	char name[CHECKPOINT_PATH_MAX];
	int err = before ? 0 : -ENOMEM;

	if (before && read_head(path, before))
		before->workers = 0;
	for (unsigned i = 0; !err && i < head->workers; i++) {
		err = path_of(name, path, head->generation, i);
		if (!err)
			err = sync_path(name, O_RDONLY);
	}
	if (!err && snprintf(name, sizeof(name), "%s.new", path) >= (int)sizeof(name))
		err = -ENAMETOOLONG;
	if (!err)
		err = write_head(name, head);
	if (!err && rename(name, path))
		err = -errno;
	if (!err)
		err = sync_folder_of(path);
	if (!err && before->generation != head->generation)
		remove_files(path, before);
	free(before);
	return err;
}

/* Is it BASE.GENERATION.WORKER? */
static bool is_data_of(const char *name, const char *base)
{
	size_t len = strlen(base);
	unsigned generation, worker;
	int end = 0;

	return strncmp(name, base, len) == 0 &&
	       sscanf(name + len, ".%u.%u%n", &generation, &worker, &end) == 2 && !name[len + end];
}

/*
 * Whatever generations there are: one that was begun when its process was killed, those of a head
 * that cannot be read.
 */
static void remove_data(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char dir[CHECKPOINT_PATH_MAX];
	struct dirent *entry;
	DIR *d;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	d = opendir(dir);
	while (d && (entry = readdir(d)))
		if (is_data_of(entry->d_name, base))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

void checkpoint_remove(const char *path)
{
	char name[CHECKPOINT_PATH_MAX];

	remove_data(path);
	unlink(path);
	if (snprintf(name, sizeof(name), "%s.new", path) < (int)sizeof(name))
		unlink(name);
}

int checkpoint_decode(struct span bytes, struct checkpoint_head *out)
{
	struct envelope e;

	if (bytes.len < sizeof(e))
		return DT_ECORRUPT;
	memcpy(&e, bytes.ptr, sizeof(e));
	if (memcmp(e.magic, magic, sizeof(magic)) != 0)
		return DT_EFOREIGN;
	if (e.version != VERSION)
		return e.version > VERSION ? DT_ENEWER : DT_EUNSUPPORTED;
	bytes = span_slice(bytes, sizeof(e), bytes.len - sizeof(e));
	if (bytes.len != e.bytes || bytes.len < FIXED_BYTES || bytes.len >= sizeof(*out) ||
	    XXH3_64bits(bytes.ptr, bytes.len) != e.sum)
		return DT_ECORRUPT;
	memcpy(out, bytes.ptr, bytes.len);
	/* Whole as it was written, and yet not as we write it: counters were other ones then. */
	if (out->note_len != bytes.len - FIXED_BYTES || out->workers > NET_WORKERS_MAX)
		return DT_EUNSUPPORTED;
	out->note[out->note_len] = 0;
	return 0;
}

/* ---- reading -------------------------------------------------------------------------- */

struct checkpoint {
	struct checkpoint_head head;
	struct {
		void *map;
		size_t len;
	} file[NET_WORKERS_MAX];
};

static int map_file(struct checkpoint *c, const char *path, unsigned i, char *why)
{
	const struct checkpoint_file *f = &c->head.file[i];
	char name[CHECKPOINT_PATH_MAX];
	struct stat st;
	int err = path_of(name, path, c->head.generation, i), fd;
	void *map = MAP_FAILED;

	if (err)
		return err;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	else if ((uint64_t)st.st_size != f->bytes)
		err = DT_ECORRUPT;
	else if (f->bytes)
		map = mmap(NULL, f->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (!err && f->bytes && map == MAP_FAILED)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (!err && f->bytes) {
		c->file[i].map = map;
		c->file[i].len = f->bytes;
		if (XXH3_64bits(map, f->bytes) != f->sum)
			err = DT_ECORRUPT;
	}
	if (err)
		snprintf(why, CHECKPOINT_WHY_MAX, "%.180s: %s", name, dt_strerror(err));
	return err;
}

/* Of a head that was refused: by whom it was written, and what to do about it. */
static void say_version(const char *path, int err, char *why)
{
	struct envelope e = { .version = 0 };
	size_t len;
	uint8_t *bytes = read_file(path, sizeof(e) + sizeof(struct checkpoint_head), &len);

	if (bytes && len >= sizeof(e))
		memcpy(&e, bytes, sizeof(e));
	free(bytes);
	if (e.version == VERSION)
		snprintf(why, CHECKPOINT_WHY_MAX,
			 "%.120s: a checkpoint of another program of version %u, whose counters "
			 "differ; go on with the program that wrote it",
			 path, e.version);
	else
		snprintf(why, CHECKPOINT_WHY_MAX,
			 "%.120s: a checkpoint of version %u, written by %s program; this one "
			 "reads version %u; go on with the program that wrote it",
			 path, e.version, err == DT_ENEWER ? "a newer" : "an older",
			 (unsigned)VERSION);
}

int checkpoint_open(const char *path, struct checkpoint **out, char why[static CHECKPOINT_WHY_MAX])
{
	struct checkpoint *c = calloc(1, sizeof(*c));
	int err = c ? read_head(path, &c->head) : -ENOMEM;

	*out = NULL;
	why[0] = 0;
	if (err == DT_ENEWER || err == DT_EUNSUPPORTED)
		say_version(path, err, why);
	else if (err)
		snprintf(why, CHECKPOINT_WHY_MAX, "%.180s: %s", path, dt_strerror(err));
	for (unsigned i = 0; !err && i < c->head.workers; i++)
		err = map_file(c, path, i, why);
	if (err) {
		checkpoint_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void checkpoint_close(struct checkpoint *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < NET_WORKERS_MAX; i++)
		if (c->file[i].map)
			munmap(c->file[i].map, c->file[i].len);
	free(c);
}

const struct checkpoint_head *checkpoint_head(const struct checkpoint *c)
{
	return &c->head;
}

struct span checkpoint_records(const struct checkpoint *c, unsigned i)
{
	return span_of(c->file[i].map, c->file[i].len);
}
