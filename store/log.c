/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/inside.h"
#include "store/logscan.h"
#include "store/seal.h"
#include "store/view.h"

/**
 * DOC: the sightings log as others see it. The view's transaction is older than
 * the manifest that is read after it, so a chunk is in one of the two at least;
 * where it is in both its number says so.
 */

_Static_assert((int)STORE_LOG_WAYS == 1 << LOG_WAYS && (int)STORE_LOG_AFTER == 1 << LOG_AFTER &&
		       (int)STORE_LOG_RTT == 1 << LOG_RTT &&
		       (int)STORE_LOG_FLAGS == 1 << LOG_FLAGS && (int)STORE_LOG_ALL == LOG_ALL,
	       "the same bits in and out");

/* A segment may go between the manifest and its opening; twice in a row it is lost. */
enum { OPEN_TRIES = 3 };

struct store_log {
	struct logscan *scan;
	unsigned columns;
};

static bool may_have(const struct seg_entry *e, const struct logscan_filter *f)
{
	return e->kind == SEG_LOG && e->last_s >= f->from_s && e->first_s < f->to_s;
}

static int add_segments(int dir_fd, const struct segset *set, const struct logscan_filter *f,
			struct logscan *scan)
{
	char name[SEG_NAME_MAX];
	struct seg *seg;
	int rc = 0;

	for (uint32_t i = 0; i < set->count && rc == 0; i++) {
		const struct seg_entry *e = &set->list[i];

		if (!may_have(e, f))
			continue;
		rc = seg_open(dir_fd, segset_name(e->number, name), SEG_LOG, &e->sum, &seg);
		if (rc == 0)
			rc = logscan_add_segment(scan, seg);
	}
	return rc;
}

static int add_sealed(struct store_view *v, const struct logscan_filter *f, struct logscan *scan,
		      uint64_t *sealed)
{
	struct segset set;
	uint32_t run;
	int fd;
	int rc = seal_run(view_txn(v), &run);

	*sealed = 0;
	if (rc == 0)
		rc = seal_dir(view_store(v), run, false, &fd);
	if (rc < 0)
		return rc == DT_ENOTFOUND ? 0 : rc;
	rc = segset_load(fd, &set);
	if (rc == 0) {
		*sealed = set.sealed;
		rc = add_segments(fd, &set, f, scan);
		segset_fini(&set);
	} else if (rc == DT_ENOTFOUND) {
		rc = 0;
	}
	close(fd);
	return rc;
}

static int try_scan(struct store_view *v, const struct logscan_filter *f, struct logscan **out)
{
	uint64_t sealed, last;
	int rc = logscan_new(f, out);

	if (rc < 0)
		return rc;
	rc = add_sealed(v, f, *out, &sealed);
	if (rc == 0)
		rc = seal_add_pending(view_txn(v), sealed, *out, &last);
	if (rc < 0)
		logscan_free(*out);
	return rc;
}

static int open_scan(struct store_view *v, const struct logscan_filter *f, struct logscan **out)
{
	int rc = DT_ENOTFOUND;

	for (unsigned i = 0; i < OPEN_TRIES && rc == DT_ENOTFOUND; i++)
		rc = try_scan(v, f, out);
	return rc;
}

int store_log_open(struct store_view *v, const struct store_log_opts *opts, struct store_log **out)
{
	const struct logscan_filter f = { .from_s = opts->from_s,
					  .to_s = opts->to_s ? opts->to_s : UINT64_MAX,
					  .columns = opts->columns };
	struct store_log *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	l->columns = opts->columns;
	rc = open_scan(v, &f, &l->scan);
	if (rc < 0) {
		free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void store_log_close(struct store_log *l)
{
	if (!l)
		return;
	logscan_free(l->scan);
	free(l);
}

int store_log_next(struct store_log *l, struct store_log_block *out)
{
	struct logscan_block b;
	int rc = logscan_next(l->scan, &b);

	if (rc != 1)
		return rc;
	*out = (struct store_log_block){
		.bucket_s = b.bucket_s,
		.width_s = b.width_s,
		.count = b.rows->count,
		.ordinal = b.rows->ordinal,
		.ways = l->columns & STORE_LOG_WAYS ? b.rows->ways : NULL,
		.after_s = l->columns & STORE_LOG_AFTER ? b.rows->after_s : NULL,
		.rtt = l->columns & STORE_LOG_RTT ? b.rows->rtt : NULL,
		.flags = l->columns & STORE_LOG_FLAGS ? b.rows->flags : NULL,
	};
	return 1;
}

void store_log_span(struct store_log *l, struct store_log_span *out)
{
	logscan_span(l->scan, &out->first_s, &out->last_s, &out->end_s, &out->marks);
}

/* ---- sessions ------------------------------------------------------------------- */

struct sessions {
	uint32_t gap_s;
	struct store_session *out, now;
	unsigned cap;
	int count;
	uint64_t heard_until_s; /* end of the last bucket it was heard in; 0 = none yet */
};

static void session_end(struct sessions *s)
{
	if (!s->now.buckets)
		return;
	if ((unsigned)s->count < s->cap)
		s->out[s->count] = s->now;
	s->count++;
	s->now = (struct store_session){ .buckets = 0 };
}

static void session_add(struct sessions *s, const struct logscan_block *b)
{
	uint64_t when = (uint64_t)b->bucket_s + b->rows->after_s[0];
	uint64_t gap = s->gap_s ? s->gap_s : 2 * (uint64_t)b->width_s;

	if (s->now.buckets && when >= s->heard_until_s + gap)
		session_end(s);
	if (!s->now.buckets)
		s->now.first_seen_s = when;
	s->now.last_seen_s = when;
	s->now.buckets++;
	if (b->rows->ways[0] & 1u << SIGHTING_ANSWERED) {
		if (!s->now.first_answered_s)
			s->now.first_answered_s = when;
		s->now.last_answered_s = when;
	}
	s->heard_until_s = (uint64_t)b->bucket_s + b->width_s;
}

int store_sessions(struct store_view *v, uint32_t ordinal, uint32_t gap_s,
		   struct store_session *out, unsigned cap)
{
	const struct logscan_filter f = {
		.to_s = UINT64_MAX, .columns = LOG_ALL, .has_only = true, .only = ordinal
	};
	struct sessions s = { .gap_s = gap_s, .out = out, .cap = cap };
	struct logscan_block b;
	struct logscan *scan;
	int rc = open_scan(v, &f, &scan);

	if (rc < 0)
		return rc;
	while ((rc = logscan_next(scan, &b)) == 1)
		session_add(&s, &b);
	session_end(&s);
	logscan_free(scan);
	return rc < 0 ? rc : s.count;
}
