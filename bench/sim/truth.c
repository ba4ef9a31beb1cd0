/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "bench/sim/geo_own.h"
#include "bench/sim/world.h"

enum { SCORE_OUTSIDE = -1, SCORE_UNKNOWN, SCORE_MENTIONED, SCORE_ANSWERED }; /* lookup() */

void sim_score(const struct sim_world *w,
	       int (*lookup)(void *ctx, const struct endpoint *ep, struct nodeid *id), void *ctx,
	       struct sim_truth *out)
{
	struct sim_truth t = { .estimate_error = NAN };

	for (uint32_t n = 0; n < w->nodes; n++) {
		struct endpoint ep = sim_world_contact(w, n);
		struct nodeid said, own = { { 0 } };
		int state;

		world_id(w, n, own.b);
		said = own;
		state = lookup(ctx, &ep, &said);
		if (state == SCORE_OUTSIDE)
			continue;
		if (!world_alive(w, n)) {
			t.false_nodes += state == SCORE_ANSWERED;
			continue;
		}
		t.live++;
		t.seen += state != SCORE_UNKNOWN;
		t.answered += state == SCORE_ANSWERED;
		t.wrong_ids += state == SCORE_ANSWERED && !nodeid_equal(&own, &said);
	}
	t.recall = t.live ? (double)t.answered / (double)t.live : 0;
	t.seen_share = t.live ? (double)t.seen / (double)t.live : 0;
	*out = t;
}

/** path_of() - DIR/NAME; false where it does not fit. */
static bool path_of(char out[static PATH_MAX], const char *dir, const char *name)
{
	int len = snprintf(out, PATH_MAX, "%s/%s", dir, name);

	return len > 0 && len < PATH_MAX;
}

static void write_node(FILE *f, const struct sim_world *w, uint32_t n)
{
	char hex[2 * NODEKEY_BYTES + 1], public[ENDPOINT_TEXT_MAX], alias[ENDPOINT_TEXT_MAX];
	struct sim_node node;
	struct nodekey key;

	sim_world_node(w, n, &node);
	key = nodekey_from_id(&node.id);
	fprintf(f, "%s,%s,%s,%d\n", nodekey_to_hex(&key, hex),
		endpoint_to_text(&node.public_ep, public), endpoint_to_text(&node.alias, alias),
		node.live);
}

static int write_nodes(const struct sim_world *w, const char *path)
{
	FILE *f = fopen(path, "we");
	int err = 0;

	if (!f)
		return -errno;
	fputs("id,endpoint,alias,live\n", f);
	for (uint32_t n = 0; n < w->nodes && !ferror(f); n++)
		write_node(f, w, n);
	if (ferror(f))
		err = -EIO;
	if (fclose(f) != 0 && !err)
		err = -errno;
	return err;
}

int sim_truth_write(const struct sim_world *w, const char *dir)
{
	char path[PATH_MAX];
	int err;

	if (!path_of(path, dir, "truth.csv"))
		return -ENAMETOOLONG;
	err = write_nodes(w, path);
	if (err || !sim_world_geo_is_own(w))
		return err;
	return path_of(path, dir, "geo.tsv") ? sim_world_write_geo(w, path) : -ENAMETOOLONG;
}

bool sim_world_geo_is_own(const struct sim_world *w)
{
	return w->places->own;
}

int sim_world_write_geo(const struct sim_world *w, const char *path)
{
	return sim_world_geo_is_own(w) ? sim_geo_own_write(path) : DT_EUNSUPPORTED;
}
