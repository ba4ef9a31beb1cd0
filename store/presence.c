/* SPDX-License-Identifier: MIT */
#include "store/presence.h"

#include <errno.h>
#include <stdlib.h>

struct reading {
	struct presence *out;
	uint64_t *maybe; /* heard in the bucket that from_s cuts, before from_s */
	bool any_maybe;
	uint64_t from_s, to_s;
};

static int take_block(struct reading *r, const struct store_log_block *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		uint32_t o = b->ordinal[i];
		uint64_t at_s = b->bucket_s + b->after_s[i];

		if (o >= r->out->space)
			return DT_ECORRUPT;
		if (at_s > r->to_s)
			continue;
		if (at_s >= r->from_s) {
			r->out->words[o >> 6] |= 1ull << (o & 63);
		} else {
			r->maybe[o >> 6] |= 1ull << (o & 63);
			r->any_maybe = true;
		}
	}
	return 0;
}

static int read_log(struct store_view *v, struct reading *r)
{
	/* The widest bucket there is: one that began before may reach into the time. */
	enum { WIDEST_S = UINT16_MAX + 1 };
	const struct store_log_opts opts = { .from_s = r->from_s > WIDEST_S ? r->from_s - WIDEST_S
									    : 0,
					     .to_s = r->to_s + 1,
					     .columns = STORE_LOG_AFTER };
	struct store_log_block b;
	struct store_log *l;
	int rc = store_log_open(v, &opts, &l);

	if (rc < 0)
		return rc;
	while (rc == 0 && (rc = store_log_next(l, &b)) == 1)
		rc = b.bucket_s + b.width_s > r->from_s ? take_block(r, &b) : 0;
	store_log_close(l);
	return rc;
}

static int decide_maybe(struct store_view *v, struct reading *r)
{
	struct store_node n;
	int rc;

	store_view_rewind(v);
	while ((rc = store_view_next(v, &n)) == 1) {
		uint32_t o = n.ordinal;

		if (o < r->out->space && r->maybe[o >> 6] >> (o & 63) & 1 &&
		    n.last_seen_s >= r->from_s)
			r->out->words[o >> 6] |= 1ull << (o & 63);
	}
	store_view_rewind(v);
	return rc;
}

int presence_read(struct store_view *v, uint64_t from_s, uint64_t to_s, struct presence *out)
{
	struct reading r = { .out = out, .from_s = from_s, .to_s = to_s };
	struct store_counts n;
	size_t words;
	int rc = store_view_counts(v, &n);

	*out = (struct presence){ .words = NULL };
	if (rc < 0)
		return rc;
	if (n.nodes > UINT32_MAX)
		return DT_ECORRUPT;
	words = n.nodes / 64 + 1;
	out->space = (uint32_t)n.nodes;
	out->words = calloc(words, sizeof(*out->words));
	r.maybe = calloc(words, sizeof(*r.maybe));
	rc = out->words && r.maybe ? read_log(v, &r) : -ENOMEM;
	if (rc == 0 && r.any_maybe)
		rc = decide_maybe(v, &r);
	for (size_t i = 0; rc == 0 && i < words; i++)
		out->count += (uint64_t)__builtin_popcountll(out->words[i]);
	free(r.maybe);
	if (rc < 0)
		presence_free(out);
	return rc;
}

void presence_free(struct presence *p)
{
	free(p->words);
	*p = (struct presence){ .words = NULL };
}
