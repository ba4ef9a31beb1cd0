/* SPDX-License-Identifier: MIT */
#include "viz/film_log.h"

int film_log_span(struct store_view *v, struct store_log_span *out)
{
	const struct store_log_opts all = { .columns = 0 };
	struct store_log *l;
	int err = store_log_open(v, &all, &l);

	*out = (struct store_log_span){ 0 };
	if (err)
		return err;
	store_log_span(l, out);
	store_log_close(l);
	return 0;
}

/* Each pass has a view of its own, for as long as opening takes: nobody's pages are held. */
static int rewind_log(void *ctx)
{
	struct film_log *l = ctx;
	struct store_view *v;
	int err = store_view_open(l->store, &v);

	if (err)
		return err;
	film_log_close(l);
	err = store_log_open(v, &l->opts, &l->log);
	if (err)
		l->log = NULL;
	store_view_close(v);
	return err;
}

static int next_block(void *ctx, struct sights_block *out)
{
	struct film_log *l = ctx;
	struct store_log_block b;
	int got = store_log_next(l->log, &b);

	if (got > 0)
		*out = (struct sights_block){ .bucket_s = b.bucket_s,
					      .count = b.count,
					      .ordinal = b.ordinal,
					      .after_s = b.after_s };
	return got;
}

struct sights_source film_log_source(struct film_log *l, struct store *s, uint64_t from_s,
				     uint64_t to_s)
{
	*l = (struct film_log){
		.store = s, .opts = { .from_s = from_s, .to_s = to_s, .columns = STORE_LOG_AFTER }
	};
	return (struct sights_source){ rewind_log, next_block, l };
}

void film_log_close(struct film_log *l)
{
	if (l->log)
		store_log_close(l->log);
	l->log = NULL;
}
