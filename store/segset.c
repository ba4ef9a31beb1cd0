/* SPDX-License-Identifier: MIT */
#include "store/segset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { VERSION = 1, LINE_MAX_BYTES = 192, FIRST_CAP = 16 };

static const char file_name[] = "MANIFEST";
static const char tmp_name[] = "MANIFEST.tmp";
static const char title[] = "dht-telescope segments ";

void segset_init(struct segset *s, uint32_t run)
{
	*s = (struct segset){ .run = run, .next = 1 };
}

void segset_fini(struct segset *s)
{
	free(s->list);
	segset_init(s, s->run);
}

static int push(struct segset *s, const struct seg_entry *e)
{
	uint32_t cap = s->cap ? 2 * s->cap : FIRST_CAP;
	struct seg_entry *list;

	if (s->count == SEGSET_MAX)
		return DT_EFULL;
	if (s->count == s->cap) {
		list = reallocarray(s->list, cap, sizeof(*list));
		if (!list)
			return -ENOMEM;
		s->list = list;
		s->cap = cap;
	}
	s->list[s->count++] = *e;
	return 0;
}

int segset_add(struct segset *s, struct seg_entry e)
{
	int rc = s->next > SEGSET_NUMBER_MAX ? DT_EFULL : 0;

	e.number = s->next;
	if (rc == 0)
		rc = push(s, &e);
	if (rc == 0)
		s->next++;
	return rc;
}

void segset_remove(struct segset *s, uint32_t at)
{
	s->count--;
	memmove(s->list + at, s->list + at + 1, (s->count - at) * sizeof(*s->list));
}

int segset_copy(const struct segset *from, struct segset *to)
{
	*to = *from;
	to->cap = from->count;
	to->list = NULL;
	if (!from->count)
		return 0;
	to->list = malloc(from->count * sizeof(*to->list));
	if (!to->list)
		return -ENOMEM;
	memcpy(to->list, from->list, from->count * sizeof(*to->list));
	return 0;
}

char *segset_name(uint32_t number, char out[static SEG_NAME_MAX])
{
	snprintf(out, SEG_NAME_MAX, "%08" PRIu32 ".seg", number);
	return out;
}

bool segset_is_listed(const struct segset *s, const char *name)
{
	char known[SEG_NAME_MAX];

	if (strcmp(name, file_name) == 0)
		return true;
	for (uint32_t i = 0; i < s->count; i++)
		if (strcmp(name, segset_name(s->list[i].number, known)) == 0)
			return true;
	return false;
}

/* ---- the text ----------------------------------------------------------------- */

static const char *kind_word(enum seg_kind kind)
{
	return kind == SEG_LOG ? "log" : "edges";
}

int segset_print(const struct segset *s, char **text, size_t *len)
{
	size_t cap = (s->count + 5) * (size_t)LINE_MAX_BYTES, n;
	char *out = malloc(cap);

	if (!out)
		return -ENOMEM;
	n = (size_t)snprintf(out, cap,
			     "%s%d\nrun %" PRIu32 "\nnext %" PRIu32 "\nsealed %" PRIu64 "\n", title,
			     VERSION, s->run, s->next, s->sealed);
	for (uint32_t i = 0; i < s->count; i++) {
		const struct seg_entry *e = &s->list[i];

		n += (size_t)snprintf(out + n, cap - n,
				      "%s %" PRIu32 " %" PRIu64 " %016" PRIx64 " %" PRIu64
				      " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 "\n",
				      kind_word(e->kind), e->number, e->sum.bytes, e->sum.check,
				      e->rows, e->first_s, e->last_s, e->epoch, e->vertices);
	}
	n += (size_t)snprintf(out + n, cap - n, "end %016" PRIx64 "\n",
			      (uint64_t)XXH3_64bits(out, n));
	*text = out;
	*len = n;
	return 0;
}

/* What is left to read; every taker moves it on or leaves it and says false. */
struct reader {
	const char *p, *end;
};

static bool take_text(struct reader *r, const char *want)
{
	size_t n = strlen(want);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, want, n) != 0)
		return false;
	r->p += n;
	return true;
}

/* In base 10 or 16, lower case, no sign, no space. */
static bool take_number(struct reader *r, unsigned base, uint64_t max, uint64_t *out)
{
	const char *start = r->p;
	uint64_t v = 0;

	for (; r->p < r->end; r->p++) {
		unsigned d = *r->p >= '0' && *r->p <= '9'   ? (unsigned)(*r->p - '0')
			     : *r->p >= 'a' && *r->p <= 'f' ? (unsigned)(*r->p - 'a') + 10
							    : 99;

		if (d >= base)
			break;
		if (v > (max - d) / base)
			return false;
		v = v * base + d;
	}
	*out = v;
	return r->p > start;
}

static bool take_u32(struct reader *r, uint32_t *out)
{
	uint64_t v;

	if (!take_text(r, " ") || !take_number(r, 10, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool take_u64(struct reader *r, unsigned base, uint64_t *out)
{
	return take_text(r, " ") && take_number(r, base, UINT64_MAX, out);
}

static bool take_entry(struct reader *r, struct seg_entry *e)
{
	*e = (struct seg_entry){ .kind = SEG_LOG };
	if (take_text(r, "edges"))
		e->kind = SEG_EDGES;
	else if (!take_text(r, "log"))
		return false;
	return take_u32(r, &e->number) && take_u64(r, 10, &e->sum.bytes) &&
	       take_u64(r, 16, &e->sum.check) && take_u64(r, 10, &e->rows) &&
	       take_u32(r, &e->first_s) && take_u32(r, &e->last_s) && take_u32(r, &e->epoch) &&
	       take_u64(r, 10, &e->vertices) && take_text(r, "\n");
}

static bool take_head(struct reader *r, struct segset *s)
{
	return take_text(r, "\nrun") && take_u32(r, &s->run) && take_text(r, "\nnext") &&
	       take_u32(r, &s->next) && take_text(r, "\nsealed") && take_u64(r, 10, &s->sealed) &&
	       take_text(r, "\n") && s->run <= SEGSET_RUN_MAX && s->next <= SEGSET_NUMBER_MAX + 1;
}

static int take_entries(struct reader *r, struct segset *s)
{
	struct seg_entry e;
	uint32_t last = 0;

	while (take_entry(r, &e)) {
		int rc = e.number > last && e.number < s->next ? push(s, &e) : DT_ECORRUPT;

		if (rc < 0)
			return rc;
		last = e.number;
	}
	return 0;
}

static int parse_body(struct span text, struct reader *r, struct segset *s)
{
	uint64_t check, length;
	int rc;

	if (!take_head(r, s))
		return DT_ECORRUPT;
	rc = take_entries(r, s);
	if (rc < 0)
		return rc;
	length = (uint64_t)(r->p - (const char *)text.ptr);
	if (!take_text(r, "end") || !take_u64(r, 16, &check) || !take_text(r, "\n") ||
	    r->p != r->end)
		return DT_ECORRUPT;
	return check == XXH3_64bits(text.ptr, length) ? 0 : DT_ECORRUPT;
}

int segset_parse(struct span text, struct segset *out)
{
	struct reader r = { .p = (const char *)text.ptr };
	uint64_t version;
	int rc;

	segset_init(out, 0);
	if (!text.len)
		return DT_EFOREIGN;
	r.end = r.p + text.len;
	if (!take_text(&r, title) || !take_number(&r, 10, UINT32_MAX, &version))
		return DT_EFOREIGN;
	if (version != VERSION)
		return version > VERSION ? DT_ENEWER : DT_ECORRUPT;
	rc = parse_body(text, &r, out);
	if (rc < 0)
		segset_fini(out);
	return rc;
}

/* ---- the file ------------------------------------------------------------------- */

static int read_whole(int fd, char *out, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, out + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : DT_ECORRUPT;
		at += (size_t)n;
	}
	return 0;
}

static int load_fd(int fd, struct segset *out)
{
	struct stat st;
	char *text;
	int rc;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return DT_EFOREIGN;
	if (st.st_size > SEGSET_BYTES_MAX)
		return DT_ECORRUPT;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	rc = read_whole(fd, text, (size_t)st.st_size);
	if (rc == 0)
		rc = segset_parse(span_of(text, (size_t)st.st_size), out);
	free(text);
	return rc;
}

int segset_load(int dir_fd, struct segset *out)
{
	int fd = openat(dir_fd, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return errno == ENOENT ? DT_ENOTFOUND : errno == ELOOP ? DT_EFOREIGN : -errno;
	rc = load_fd(fd, out);
	close(fd);
	return rc;
}

static int write_tmp(const struct sio *io, const char *text, size_t len)
{
	int fd;
	int rc = sio_create(io, tmp_name, &fd);

	if (rc < 0)
		return rc;
	rc = sio_write(io, fd, tmp_name, 0, text, len);
	if (rc == 0)
		rc = sio_sync(io, fd, tmp_name);
	close(fd);
	return rc;
}

int segset_save(const struct sio *io, const struct segset *s)
{
	size_t len;
	char *text;
	int rc = segset_print(s, &text, &len);

	if (rc < 0)
		return rc;
	rc = write_tmp(io, text, len);
	free(text);
	if (rc < 0) {
		sio_unlink(io, tmp_name);
		return rc;
	}
	rc = sio_rename(io, tmp_name, file_name);
	return rc == 0 ? sio_sync_dir(io) : rc;
}
