/* SPDX-License-Identifier: MIT */
/**
 * DOC: what a killed process leaves to the one after it: the engine's checkpoint, and in
 * its note where the campaign stands and which configuration it has.
 */
#include "engine/cli/wire_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/cli.h"

static const char resume_file[] = "resume";

const char *wire_resume_path(const struct wire *w, char out[static CHECKPOINT_PATH_MAX])
{
	out[0] = 0;
	if (w->c->store[0] && snprintf(out, CHECKPOINT_PATH_MAX, "%s/%s", w->c->store,
				       resume_file) >= CHECKPOINT_PATH_MAX)
		out[0] = 0;
	return out;
}

/* ---- the note ------------------------------------------------------------------------ */

/* Four lines, then the keys of the census. */
void wire_resume_note(void *ctx, char *out, size_t cap)
{
	struct wire *w = ctx;
	char step[256];

	if (campaign_to_text(&w->plan, &w->step, step, sizeof(step)) < 0)
		step[0] = 0;
	snprintf(out, cap, "%u\n%llu\n%llu\n%s\n%s", w->epoch,
		 (unsigned long long)__atomic_load_n(&w->csv_kept, __ATOMIC_RELAXED),
		 (unsigned long long)w->began_wall_ns, step, w->census_keys);
}

static const char *next_line(const char *p)
{
	return p + strcspn(p, "\n") + (strchr(p, '\n') != NULL);
}

/* The first line in which two lists of keys differ. */
static void say_difference(const char *was, const char *is)
{
	while (*was && *is) {
		int a = (int)strcspn(was, "\n"), b = (int)strcspn(is, "\n");

		if (a != b || memcmp(was, is, (size_t)a) != 0) {
			cli_fail("this is not the census that was broken off: it had  %.*s  and "
				 "now is  %.*s ; cure: the same keys, or without --resume a new "
				 "census",
				 a, was, b, is);
			return;
		}
		was = next_line(was);
		is = next_line(is);
	}
	cli_fail("this is not the census that was broken off: another version had other keys; "
		 "cure: without --resume a new census");
}

static int read_note(struct wire *w, const char *note)
{
	const char *csv = next_line(note), *began = next_line(csv), *step = next_line(began),
		   *keys = next_line(step);
	char *end;

	w->epoch = (uint32_t)strtoul(note, &end, 10);
	if (*end != '\n' || campaign_read(&w->plan, &w->step, step) < 0)
		return DT_ECORRUPT;
	w->csv_kept = strtoull(csv, NULL, 10);
	w->began_wall_ns = strtoull(began, NULL, 10);
	if (strcmp(keys, w->census_keys) == 0)
		return 0;
	say_difference(keys, w->census_keys);
	return DT_EREFUSED;
}

/* ---- going on ---------------------------------------------------------------------------- */

static int list_keys(struct wire *w)
{
	size_t len;
	FILE *f = open_memstream(&w->census_keys, &len);
	int rc = f ? conf_print_census(w->c, f) : -ENOMEM;

	if (f && fclose(f) && rc >= 0)
		rc = -ENOMEM;
	return rc;
}

/* A world that moves, and virtual time, go on at the second at which they stopped. */
static void set_time(struct wire *w, const struct checkpoint_head *h)
{
	const struct conf *c = w->c;
	uint64_t now = h->started_wall_ns + h->elapsed_ns;

	if (!c->sim || now < SIM_WALL_NS)
		return;
	if (!strcmp(c->sim_mode, "virtual") || c->churn > 0 || c->diurnal > 0 || c->sim_time > 0)
		w->time_s = (double)(now - SIM_WALL_NS) / 1e9;
}

int wire_resume_open(struct wire *w)
{
	char path[CHECKPOINT_PATH_MAX], why[CHECKPOINT_WHY_MAX];
	const struct checkpoint_head *h;
	int rc = list_keys(w);

	campaign_begin(&w->plan, w->c);
	if (rc < 0 || !w->c->resume)
		return rc;
	rc = checkpoint_open(wire_resume_path(w, path), &w->resume, why);
	if (rc == DT_ENOTFOUND) {
		cli_fail("%s holds no census that was broken off; cure: without --resume a new one",
			 w->c->store);
		return rc;
	}
	if (rc < 0) {
		cli_fail("%s%s without --resume a new census", why,
			 rc == DT_ENEWER || rc == DT_EUNSUPPORTED ? ", or" : "; cure:");
		return rc;
	}
	h = checkpoint_head(w->resume);
	rc = read_note(w, h->note);
	if (rc == DT_ECORRUPT)
		cli_fail("%s: %s; cure: without --resume a new census", path, dt_strerror(rc));
	if (rc < 0)
		return rc;
	set_time(w, h);
	return 0;
}

void wire_resume_claim(struct wire *w)
{
	char path[CHECKPOINT_PATH_MAX];

	if (w->resume || !w->store || access(wire_resume_path(w, path), F_OK))
		return;
	cli_say("note: %s held a census that was broken off; it is given up (--resume would have "
		"gone on with it)",
		w->c->store);
	checkpoint_remove(path);
}

void wire_resume_mark(struct wire *w, bool more)
{
	struct checkpoint_head *head =
		more && w->c->checkpoint_s > 0 ? calloc(1, sizeof(*head)) : NULL;
	char path[CHECKPOINT_PATH_MAX];
	int rc;

	if (!w->store)
		return;
	wire_resume_path(w, path);
	if (!head) {
		checkpoint_remove(path);
		return;
	}
	head->started_wall_ns = clock_wall_ns(&w->clock, clock_now_ns(&w->clock));
	wire_resume_note(w, head->note, sizeof(head->note));
	head->note_len = (uint32_t)strlen(head->note);
	rc = checkpoint_commit(path, head);
	if (rc < 0)
		cli_say("note: %s: %s; --resume will not find its way", path, dt_strerror(rc));
	free(head);
}
