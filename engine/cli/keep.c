/* SPDX-License-Identifier: MIT */
#include "engine/cli/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "proto/heard.h"

struct keep_opts keep_opts_default(void)
{
	return (struct keep_opts){
		.store = "dht-telescope.store", .log = "", .report = "", .geo = "auto"
	};
}

/* ---- options -------------------------------------------------------------------- */

enum {
	OPT_STORE = 0x3000,
	OPT_LOG,
	OPT_REPORT,
	OPT_GEO,
	OPT_CITY,
	OPT_ASN,
	OPT_COUNTRY,
	OPT_QUIET,
	OPT_CONFIG
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "What is kept:", 10 },
	{ "store", OPT_STORE, "DIR", 0,
	  "The store; made where it is absent; empty = keep nothing [dht-telescope.store]", 10 },
	{ "log", OPT_LOG, "FILE", 0,
	  "Messages as lines of JSON, added at its end; - = standard output", 10 },
	{ "report", OPT_REPORT, "FILE.json", 0, "The report as JSON; - = standard output", 10 },
	{ "quiet", OPT_QUIET, NULL, 0, "No status line", 10 },
	{ "config", OPT_CONFIG, "FILE.yaml", 0,
	  "These options from a file: name: value, a list for what is repeated; a flag wins", 10 },
	{ NULL, 0, NULL, 0, "Places:", 11 },
	{ "geo", OPT_GEO, "WHERE", 0, "auto = the usual places, none, or a folder [auto]", 11 },
	{ "city-mmdb", OPT_CITY, "FILE", 0, "A database of places", 11 },
	{ "asn-mmdb", OPT_ASN, "FILE", 0, "A database of networks (mmdb, csv or tsv)", 11 },
	{ "country-mmdb", OPT_COUNTRY, "FILE", 0, "A database of countries", 11 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct keep_opts *o = state->input;

	switch (key) {
	case OPT_STORE:
		o->store = arg;
		break;
	case OPT_LOG:
		o->log = arg;
		break;
	case OPT_REPORT:
		o->report = arg;
		break;
	case OPT_GEO:
		o->geo = arg;
		break;
	case OPT_CITY:
		o->geo_files.city_file = arg;
		break;
	case OPT_ASN:
		o->geo_files.asn_file = arg;
		break;
	case OPT_COUNTRY:
		o->geo_files.country_file = arg;
		break;
	case OPT_QUIET:
		o->quiet = true;
		break;
	case OPT_CONFIG: /* args_file_take() has read it */
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp keep_argp = { .options = options, .parser = parse_option };

/* ---- opening ---------------------------------------------------------------------- */

static int open_geo(struct keep *k)
{
	struct geo_opts g = k->opts->geo_files;
	int rc;

	g.search = !strcmp(k->opts->geo, "auto");
	g.dir = g.search || !strcmp(k->opts->geo, "none") ? NULL : k->opts->geo;
	rc = geo_open(&g, k->opts->quiet ? NULL : cli_note, NULL, &k->geo);
	if (rc < 0)
		cli_fail("geo files: %s", dt_strerror(rc));
	return rc;
}

static int store_fail(const struct keep *k, int rc)
{
	cli_fail("%s: %s%s", k->opts->store, dt_strerror(rc),
		 rc == DT_ENOSPACE || rc == -ENOSPC
			 ? "; what was committed is kept; cure: make room there, or --store DIR on "
			   "another disk"
			 : "");
	return rc;
}

static int open_store(struct keep *k)
{
	struct store_writer_opts opts = { .geo = k->geo };
	struct heardlog_opts heard = { .batch = 0 };
	char why[256] = "";
	int rc;

	if (!k->opts->store[0])
		return 0;
	rc = store_open(k->opts->store, STORE_CREATE, &k->store, why);
	if (rc < 0) {
		cli_fail("%s", *why ? why : dt_strerror(rc));
		return rc;
	}
	if (*why)
		cli_say("note: %s", why);
	rc = store_writer_new(k->store, &opts, &k->writer);
	if (rc >= 0)
		rc = store_writer_room(k->writer);
	if (rc >= 0)
		rc = store_heard_open(k->store, &heard, &k->heard);
	if (rc >= 0 && k->opts->edges)
		rc = store_epoch_begin(k->store, (uint64_t)time(NULL), false, &k->epoch);
	return rc < 0 ? store_fail(k, rc) : 0;
}

static int open_log(struct keep *k)
{
	int err;

	if (!k->opts->log[0])
		return 0;
	k->log = strcmp(k->opts->log, "-") ? fopen(k->opts->log, "ae") : stdout;
	if (k->log)
		return 0;
	err = -errno;
	cli_fail("%s: %s", k->opts->log, dt_strerror(err));
	return err;
}

/* A report that cannot be written is said before the run, not after it. */
static int try_report(struct keep *k)
{
	const char *path = k->opts->report, *slash = strrchr(path, '/');
	unsigned n = 0;
	int fd, err;

	if (k->opts->store[0])
		k->writable[n++] = k->opts->store;
	if (!path[0] || !strcmp(path, "-"))
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		err = -errno;
		cli_fail("report %s: %s", path, dt_strerror(err));
		return err;
	}
	close(fd);
	snprintf(k->report_dir, sizeof(k->report_dir), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	k->writable[n] = k->report_dir;
	return 0;
}

int keep_open(struct keep *k, const struct keep_opts *opts)
{
	int rc;

	*k = (struct keep){ .opts = opts };
	rc = open_geo(k);
	if (rc >= 0)
		rc = try_report(k);
	if (rc >= 0)
		rc = open_log(k);
	if (rc >= 0)
		rc = open_store(k);
	if (rc < 0)
		keep_close(k);
	return rc;
}

/* ---- the sink ------------------------------------------------------------------------ */

static int put(void *ctx, const struct sighting *list, unsigned count)
{
	struct keep *k = ctx;

	return k->writer ? store_writer_put(k->writer, list, count) : 0;
}

/* A log that nobody reads any more is no reason to stop writing the store. */
static int flush_log(struct keep *k)
{
	return k->store ? cli_flush_beside(&k->log) : cli_flush(k->log);
}

static int put_heard(void *ctx, const struct heard *list, unsigned count)
{
	struct keep *k = ctx;
	char line[HEARD_JSON_MAX];
	int rc = 0;

	for (unsigned i = 0; i < count && k->log; i++)
		if (heard_to_json(&list[i], line) > 0)
			fprintf(k->log, "%s\n", line);
	/* A block at a time: whoever follows the file sees it within a second. */
	if (k->log)
		rc = flush_log(k);
	if (rc < 0)
		return rc;
	return k->heard ? heardlog_put(k->heard, list, count) : 0;
}

static int flush(void *ctx)
{
	struct keep *k = ctx;
	int rc = k->writer ? store_writer_flush(k->writer) : 0;

	return rc >= 0 && k->heard ? heardlog_flush(k->heard) : rc;
}

static int put_listings(void *ctx, const struct listing *list, unsigned count)
{
	struct keep *k = ctx;

	return store_writer_list(k->writer, list, count);
}

struct sink keep_sink(struct keep *k)
{
	return (struct sink){ .put = put,
			      .put_heard = put_heard,
			      .put_listings = k->opts->edges && k->writer ? put_listings : NULL,
			      .flush = flush,
			      .ctx = k };
}

/* ---- the end ------------------------------------------------------------------------- */

int keep_report(const struct keep *k, const char *text, const char *json)
{
	bool data_on_stdout = !strcmp(k->opts->report, "-") || !strcmp(k->opts->log, "-");
	int rc = 0;

	if (k->opts->report[0])
		rc = cli_write_file(k->opts->report, json, strlen(json));
	if (rc == -EPIPE && k->store)
		rc = 0;
	if (rc < 0 && rc != -EPIPE)
		cli_fail("report %s: %s", k->opts->report, dt_strerror(rc));
	fputs(text, data_on_stdout ? stderr : stdout);
	return rc;
}

int keep_seal(struct keep *k, const char *json)
{
	int rc = 0;

	if (!k->store)
		return 0;
	if (k->epoch)
		rc = store_epoch_end(k->store, k->epoch, (uint64_t)time(NULL), json, strlen(json));
	if (rc >= 0)
		rc = store_compact(k->store);
	if (rc < 0)
		return store_fail(k, rc);
	cli_say("kept in %s; look at it with  dht-telescope summary --store %s", k->opts->store,
		k->opts->store);
	return 0;
}

void keep_close(struct keep *k)
{
	store_writer_free(k->writer);
	heardlog_close(k->heard);
	store_close(k->store);
	if (k->log && k->log != stdout)
		fclose(k->log);
	geo_close(k->geo);
	*k = (struct keep){ .opts = NULL };
}
