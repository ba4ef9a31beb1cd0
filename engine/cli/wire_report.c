/* SPDX-License-Identifier: MIT */
/**
 * DOC: a census's report: what it says, and the files that it becomes.
 *
 * --report FILE has the latest full one. Where more than one is to come, each stays beside
 * it as well, under the time it began: FILE-20261128T100000Z.json, of a zone
 * FILE-20261128T102500Z-zone-5e-8.json. --report FOLDER/ is FOLDER/report.json, and there
 * each stays, of single censuses too, for the next run has the same folder (E-256).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/cli/wire_impl.h"
#include "engine/report.h"

enum { REPORT_MAX = 1 << 18 /* a report is about 50 KiB, most of it zones */ };

static void tell_confusion(const struct wire_result *r, struct census_confusion *out)
{
	uint64_t odd = 0;

	for (unsigned i = 1; i < SIM_NATURES; i++)
		for (unsigned k = 0; k < SIGHTING_CLASSES; k++)
			odd += r->confusion.count[i][k];
	for (unsigned k = 1; k < SIGHTING_CLASSES; k++)
		odd += r->confusion.count[SIM_NORMAL][k];
	if (!odd)
		return; /* an honest world, and nobody in it was held for anything else */
	out->kinds = SIM_NATURES;
	for (unsigned i = 0; i < SIM_NATURES; i++)
		out->kind[i] = sim_nature_name((enum sim_nature)i);
	memcpy(out->count, r->confusion.count, sizeof(r->confusion.count));
	out->to_bogons = r->harm.to_bogons;
	out->to_victim = r->harm.to_victim;
	out->to_service_ports = r->harm.to_service_ports;
	out->to_nobody = r->harm.to_nobody;
	out->bans = r->harm.bans;
	out->limited = r->harm.limited;
}

int wire_make_report(struct wire_result *r)
{
	struct census_truth truth = { .live = r->truth.live,
				      .seen = r->truth.seen,
				      .answered = r->truth.answered,
				      .recall = r->truth.recall,
				      .estimate_error = r->truth.estimate_error,
				      .live_start = r->truth.live_start,
				      .live_end = r->truth.live_end,
				      .stayed = r->truth.stayed };
	struct census_report report;
	int rc;

	tell_confusion(r, &truth.confusion);
	truth.survey = r->survey_truth;
	truth.farm_rss_bytes = r->farm_rss_bytes;
	_Static_assert(sizeof(truth.missed) == sizeof(r->truth.missed), "one table, two names");
	memcpy(truth.missed, r->truth.missed, sizeof(truth.missed));
	r->report_json = malloc(REPORT_MAX);
	r->report_text = malloc(REPORT_MAX);
	if (!r->report_json || !r->report_text)
		return -ENOMEM;
	report_fill(&report, &r->engine, cli_version(), r->has_truth ? &truth : NULL);
	rc = report_to_json(&report, r->report_json, REPORT_MAX);
	if (rc >= 0)
		rc = report_to_text(&report, r->report_text, REPORT_MAX);
	if (rc < 0)
		cli_fail("the report: %s", dt_strerror(rc));
	return rc;
}

/* ---- its files ------------------------------------------------------------- */

struct report_place {
	char dir[PATH_MAX];    /* with its slash; "" = the working directory */
	char file[PATH_MAX];   /* the latest */
	bool to_files, folder; /* not standard output nor a device; named as a folder */
};

static bool is_folder(const char *path)
{
	size_t len = strlen(path);
	struct stat st;

	return (len && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int find_place(const struct conf *c, struct report_place *out)
{
	const char *path = c->report;
	size_t len = strlen(path);
	const char *slash;
	struct stat st;
	int n;

	memset(out, 0, sizeof(*out));
	out->folder = is_folder(path);
	n = snprintf(out->file, sizeof(out->file), "%s%s", path,
		     !out->folder           ? ""
		     : path[len - 1] == '/' ? "report.json"
					    : "/report.json");
	if (n >= (int)sizeof(out->file))
		return -ENAMETOOLONG;
	slash = strrchr(out->file, '/');
	if (slash)
		memcpy(out->dir, out->file, (size_t)(slash + 1 - out->file));
	out->to_files = strcmp(path, "-") != 0 && (stat(out->file, &st) || S_ISREG(st.st_mode));
	return 0;
}

void wire_report_dir(const struct conf *c, char out[static PATH_MAX])
{
	struct report_place place;

	out[0] = 0;
	if (c->report[0] && find_place(c, &place) == 0 && place.to_files)
		snprintf(out, PATH_MAX, "%s", place.dir[0] ? place.dir : ".");
}

/* "zone 5e/8" as a part of a name. */
static void slug_of(const char *name, char out[static PART_TEXT_MAX + 1])
{
	size_t at = 0;

	if (name[0])
		out[at++] = '-';
	for (; *name && at < PART_TEXT_MAX; name++)
		out[at++] = strchr(" /", *name) ? '-' : *name;
	out[at] = 0;
}

/* The name under which the report of one of many stays. */
static int name_of(const struct report_place *place, const struct wire_result *r,
		   char out[static PATH_MAX])
{
	time_t began = (time_t)(r->engine.started_ms / 1000);
	const char *name = place->file + strlen(place->dir), *dot = strrchr(name, '.');
	size_t stem = dot && dot != name ? (size_t)(dot - place->file) : strlen(place->file);
	char when[32], slug[PART_TEXT_MAX + 1];
	struct tm tm;

	slug_of(r->step.name, slug);
	if (!gmtime_r(&began, &tm) || !strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm))
		return DT_ERANGE;
	return snprintf(out, PATH_MAX, "%.*s-%s%s%s", (int)stem, place->file, when, slug,
			place->file + stem) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static int write_files(const struct wire *w, const struct wire_result *r,
		       const struct report_place *place)
{
	size_t len = strlen(r->report_json);
	char each[PATH_MAX];
	int rc = 0;

	if (place->to_files && (place->folder || w->c->epochs != 1 || w->c->every[0])) {
		rc = name_of(place, r, each);
		if (rc >= 0)
			rc = cli_write_file(each, r->report_json, len);
		if (!r->step.full)
			return rc;
	}
	return rc < 0 ? rc : cli_write_file(place->file, r->report_json, len);
}

int wire_write_report(const struct wire *w, const struct wire_result *r)
{
	struct report_place place;
	int rc;

	if (!w->c->report[0])
		return 0;
	rc = find_place(w->c, &place);
	if (rc >= 0)
		rc = write_files(w, r, &place);
	if (rc == -EPIPE)
		return w->store ? 0 : rc;
	if (rc < 0)
		cli_fail("report %s: %s", w->c->report, dt_strerror(rc));
	return rc;
}

/* Nothing is left where there was nothing: an empty report is none. */
static int try_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0)
		unlink(path);
	else if (errno == EEXIST)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* A report that cannot be written is said before the census, not after it. */
int wire_try_report(const struct wire *w)
{
	struct report_place place;
	int rc;

	if (!w->c->report[0] || !strcmp(w->c->report, "-"))
		return 0;
	rc = find_place(w->c, &place);
	if (rc >= 0 && place.folder && mkdir(place.dir, 0755) && errno != EEXIST)
		rc = -errno;
	if (rc >= 0)
		rc = try_file(place.file);
	if (rc < 0)
		cli_fail("report %s: %s", w->c->report, dt_strerror(rc));
	return rc;
}
