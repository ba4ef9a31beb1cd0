/* SPDX-License-Identifier: MIT */
#include "engine/failures.h"

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

enum {
	VERSION = 1,
	ENTRIES_MIN_LOG2 = 12,
	AGE_BITS = 7,
	COUNT_BITS = 5,
	LOW_BITS = AGE_BITS + COUNT_BITS,
	AGE_MASK = (1 << AGE_BITS) - 1,
	COUNT_MASK = (1 << COUNT_BITS) - 1,
};
_Static_assert((int)FAILURES_MAX == (int)COUNT_MASK, "as drawn");
_Static_assert(FAILURES_KEEP < 1 << (AGE_BITS - 1), "ages are told apart modulo 128");

static const char magic[8] = "DTfailed";

struct failures {
	uint64_t *at; /* 0 = free */
	unsigned log2, log2_max;
	uint64_t used;
	uint32_t census;
	uint8_t key[FAILURES_KEY_BYTES];
};

/* ---- words --------------------------------------------------------------------- */

static uint64_t hash_of(const struct failures *f, const struct endpoint *ep)
{
	uint8_t bytes[FAILURES_KEY_BYTES + sizeof(ep->addr) + sizeof(ep->port)];
	uint64_t h;

	memcpy(bytes, f->key, sizeof(f->key));
	memcpy(bytes + sizeof(f->key), ep->addr, sizeof(ep->addr));
	memcpy(bytes + sizeof(f->key) + sizeof(ep->addr), &ep->port, sizeof(ep->port));
	h = XXH3_64bits(bytes, sizeof(bytes)) >> LOW_BITS << LOW_BITS;
	return h ? h : UINT64_C(1) << LOW_BITS;
}

static uint64_t tag_of(uint64_t word)
{
	return word >> LOW_BITS;
}

static unsigned count_of(uint64_t word)
{
	return word >> AGE_BITS & COUNT_MASK;
}

static bool is_stale(const struct failures *f, uint64_t word)
{
	return ((f->census - word) & AGE_MASK) > FAILURES_KEEP;
}

/* The place of a hash, or the free one where it would stand. */
static uint64_t *find(const struct failures *f, uint64_t hash)
{
	uint64_t mask = (UINT64_C(1) << f->log2) - 1, i = hash >> (64 - f->log2);

	while (f->at[i] && tag_of(f->at[i]) != tag_of(hash))
		i = (i + 1) & mask;
	return &f->at[i];
}

/* ---- life ------------------------------------------------------------------------ */

int failures_new(const uint8_t key[static FAILURES_KEY_BYTES], unsigned entries_log2_max,
		 struct failures **out)
{
	struct failures *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (!f)
		return -ENOMEM;
	f->log2_max = entries_log2_max ? entries_log2_max : FAILURES_ENTRIES_LOG2;
	f->log2 = f->log2_max < ENTRIES_MIN_LOG2 ? f->log2_max : ENTRIES_MIN_LOG2;
	memcpy(f->key, key, sizeof(f->key));
	f->at = calloc(UINT64_C(1) << f->log2, sizeof(*f->at));
	if (!f->at) {
		free(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

void failures_free(struct failures *f)
{
	if (!f)
		return;
	free(f->at);
	free(f);
}

uint64_t failures_known(const struct failures *f)
{
	return f->used;
}

/* ---- use ------------------------------------------------------------------------- */

unsigned failures_count(const struct failures *f, const struct endpoint *ep)
{
	uint64_t word = *find(f, hash_of(f, ep));

	return word && !is_stale(f, word) ? count_of(word) : 0;
}

void failures_begin(struct failures *f)
{
	f->census++;
}

/* Everything that is fresh into a table of 2^@log2; false without memory. */
static bool rebuild(struct failures *f, unsigned log2)
{
	uint64_t *old = f->at, count = UINT64_C(1) << f->log2;

	f->at = calloc(UINT64_C(1) << log2, sizeof(*f->at));
	if (!f->at) {
		f->at = old;
		return false;
	}
	f->log2 = log2;
	f->used = 0;
	for (uint64_t i = 0; i < count; i++) {
		if (!old[i] || is_stale(f, old[i]))
			continue;
		*find(f, old[i]) = old[i];
		f->used++;
	}
	free(old);
	return true;
}

static bool crowded(const struct failures *f)
{
	return f->used >= (UINT64_C(2) << f->log2) / 3;
}

/* Room for one more? First without the stale ones, then in a larger table. */
static bool make_room(struct failures *f)
{
	if (!crowded(f))
		return true;
	if (f->log2 < f->log2_max)
		return rebuild(f, f->log2 + 1);
	return rebuild(f, f->log2) && !crowded(f);
}

void failures_note(struct failures *f, const struct endpoint *ep, bool answered)
{
	uint64_t hash = hash_of(f, ep), *at = find(f, hash);
	unsigned count = *at && !is_stale(f, *at) ? count_of(*at) : 0;

	if (answered && !*at)
		return;
	if (!*at) {
		if (!make_room(f))
			return;
		at = find(f, hash);
		f->used++;
	}
	count = answered ? count / 2 : count < FAILURES_MAX ? count + 1 : count;
	*at = tag_of(hash) << LOW_BITS | (uint64_t)count << AGE_BITS | (f->census & AGE_MASK);
}

/* ---- on disk ----------------------------------------------------------------------- */

struct head {
	char magic[8];
	uint32_t version, census;
	uint64_t entries;
	uint8_t key[FAILURES_KEY_BYTES];
	uint64_t sum; /* of the words */
};
_Static_assert(sizeof(struct head) == FAILURES_HEAD_BYTES, "as drawn");

/* The words in use, packed to the front of a copy. */
static uint64_t *packed(const struct failures *f)
{
	uint64_t *out = malloc((f->used ? f->used : 1) * sizeof(*out)), n = 0;

	for (uint64_t i = 0; out && i < UINT64_C(1) << f->log2; i++)
		if (f->at[i])
			out[n++] = f->at[i];
	return out;
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

int failures_save(const struct failures *f, const char *path)
{
	struct head h = { .version = VERSION, .census = f->census, .entries = f->used };
	uint64_t *words = packed(f);
	char beside[PATH_MAX];
	int fd, rc;

	if (!words)
		return -ENOMEM;
	memcpy(h.magic, magic, sizeof(h.magic));
	memcpy(h.key, f->key, sizeof(h.key));
	h.sum = XXH3_64bits(words, f->used * sizeof(*words));
	snprintf(beside, sizeof(beside), "%.*s.new", PATH_MAX - 8, path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : write_all(fd, &h, sizeof(h));
	if (rc == 0)
		rc = write_all(fd, words, f->used * sizeof(*words));
	if (rc == 0 && fsync(fd))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0 && rename(beside, path))
		rc = -errno;
	free(words);
	return rc;
}

int failures_decode(struct span bytes, unsigned entries_log2_max, struct failures **out)
{
	struct failures *f;
	struct head h;
	int rc;

	*out = NULL;
	if (bytes.len < sizeof(h))
		return DT_ECORRUPT;
	memcpy(&h, bytes.ptr, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) != 0)
		return DT_EFOREIGN;
	if (h.version != VERSION)
		return h.version > VERSION ? DT_ENEWER : DT_ECORRUPT;
	if ((bytes.len - sizeof(h)) / sizeof(uint64_t) != h.entries ||
	    (bytes.len - sizeof(h)) % sizeof(uint64_t) ||
	    XXH3_64bits(bytes.ptr + sizeof(h), bytes.len - sizeof(h)) != h.sum)
		return DT_ECORRUPT;
	rc = failures_new(h.key, entries_log2_max, &f);
	if (rc < 0)
		return rc;
	f->census = h.census;
	for (uint64_t i = 0; i < h.entries; i++) {
		uint64_t word, *at;

		memcpy(&word, bytes.ptr + sizeof(h) + i * sizeof(word), sizeof(word));
		if (!tag_of(word) || is_stale(f, word) || !make_room(f))
			continue;
		at = find(f, word);
		f->used += !*at;
		*at = word;
	}
	*out = f;
	return 0;
}

int failures_load(const char *path, unsigned entries_log2_max, struct failures **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	struct stat st;
	void *map;

	*out = NULL;
	if (fd < 0)
		return errno == ENOENT ? DT_ENOTFOUND : -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < FAILURES_HEAD_BYTES) {
		close(fd);
		return DT_ECORRUPT;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -errno;
	rc = failures_decode(span_of(map, (size_t)st.st_size), entries_log2_max, out);
	munmap(map, (size_t)st.st_size);
	return rc;
}
