/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/observatory_impl.h"

/**
 * DOC: rows into a dht_observatory.db that other programs read meanwhile: all of them
 * in one transaction, and of a file that is there nothing is changed or removed.
 */

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS announces (id INTEGER PRIMARY KEY AUTOINCREMENT, "
	"ts INTEGER NOT NULL, ip TEXT NOT NULL, port INTEGER NOT NULL, info_hash TEXT NOT NULL, "
	"status TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0, "
	"last_attempt_ts INTEGER, source TEXT DEFAULT 'announce');"
	"CREATE TABLE IF NOT EXISTS getpeers (id INTEGER PRIMARY KEY AUTOINCREMENT, "
	"ts INTEGER NOT NULL, ip TEXT NOT NULL, port INTEGER NOT NULL, info_hash TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS metadata (info_hash TEXT PRIMARY KEY, name TEXT, "
	"total_length INTEGER, piece_length INTEGER, private INTEGER, files_json TEXT, "
	"first_seen_ts INTEGER, last_resolved_ts INTEGER);"
	"CREATE INDEX IF NOT EXISTS announces_ts ON announces(ts);"
	"CREATE INDEX IF NOT EXISTS getpeers_ts ON getpeers(ts);";

enum { TABLES = 2 };

struct observatory_writer {
	sqlite3 *db;
	sqlite3_stmt *put[TABLES], *there[TABLES];
	int64_t newest_s[TABLES]; /* when it was opened; INT64_MIN = empty */
	char path[4096];
	bool made; /* by us: gone again where it fails */
};

static int run(sqlite3 *db, const char *sql)
{
	return observatory_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int newest(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int rc = observatory_error(sqlite3_prepare_v2(db, sql, -1, &s, NULL));

	*out = INT64_MIN;
	if (rc == 0) {
		rc = observatory_error(sqlite3_step(s));
		if (rc == 0 && sqlite3_column_type(s, 0) != SQLITE_NULL)
			*out = (int64_t)sqlite3_column_double(s, 0);
	}
	sqlite3_finalize(s);
	return rc;
}

static int prepare_all(struct observatory_writer *w)
{
	static const char *const put[TABLES] = {
		"INSERT INTO announces (ts, ip, port, info_hash, status) VALUES (?1, ?2, ?3, ?4, "
		"CASE WHEN EXISTS (SELECT 1 FROM metadata WHERE info_hash = ?4) THEN 'ok' "
		"ELSE 'pending' END)",
		"INSERT INTO getpeers (ts, ip, port, info_hash) VALUES (?1, ?2, ?3, ?4)",
	};
	static const char *const there[TABLES] = {
		"SELECT 1 FROM announces WHERE ts = ?1 AND ip = ?2 AND port = ?3 AND info_hash = "
		"?4",
		"SELECT 1 FROM getpeers WHERE ts = ?1 AND ip = ?2 AND port = ?3 AND info_hash = ?4",
	};
	int rc = 0;

	for (unsigned i = 0; i < TABLES && rc == 0; i++) {
		rc = observatory_error(sqlite3_prepare_v2(w->db, put[i], -1, &w->put[i], NULL));
		if (rc == 0)
			rc = observatory_error(
				sqlite3_prepare_v2(w->db, there[i], -1, &w->there[i], NULL));
	}
	return rc;
}

/* An SQLite file of other tables is somebody else's. */
static int check_file(struct observatory_writer *w)
{
	unsigned found = 0;
	int rc = observatory_has_tables(w->db, &found);

	if (rc == 0 && !w->made && found != 3)
		rc = DT_EFOREIGN;
	return rc;
}

static int begin(struct observatory_writer *w)
{
	int rc = check_file(w);

	/* As it was kept; no other process need wait for us. Not within a transaction. */
	if (rc == 0 && w->made)
		rc = run(w->db, "PRAGMA journal_mode = WAL");
	if (rc == 0)
		rc = run(w->db, "PRAGMA synchronous = NORMAL");
	if (rc == 0)
		rc = run(w->db, "BEGIN IMMEDIATE");
	if (rc == 0 && w->made)
		rc = run(w->db, schema);
	if (rc == 0)
		rc = prepare_all(w);
	if (rc == 0)
		rc = newest(w->db, "SELECT max(ts) FROM announces",
			    &w->newest_s[OBSERVATORY_ANNOUNCES]);
	if (rc == 0)
		rc = newest(w->db, "SELECT max(ts) FROM getpeers", &w->newest_s[1]);
	return rc;
}

/* Addresses are personal data: nobody else reads a file that we make. */
static int make_file(struct observatory_writer *w)
{
	int fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	w->made = fd >= 0;
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

int observatory_create(const char *path, struct observatory_writer **out,
		       char why[static OBSERVATORY_WHY_MAX])
{
	struct observatory_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	rc = snprintf(w->path, sizeof(w->path), "%s", path) < (int)sizeof(w->path) ? make_file(w)
										   : -ENAMETOOLONG;
	if (rc == 0)
		rc = observatory_error(sqlite3_open_v2(
			path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (rc == 0) {
		observatory_guard(w->db);
		rc = begin(w);
	}
	if (rc < 0)
		return observatory_finish(w, rc, why);
	*out = w;
	return 0;
}

static int bind_row(sqlite3_stmt *s, const struct observatory_row *r)
{
	struct nodekey key = nodekey_from_id(&r->hash);
	char host[ENDPOINT_TEXT_MAX], hex[2 * NODEKEY_BYTES + 1];
	int code = sqlite3_reset(s);

	endpoint_host_to_text(&r->peer, host);
	code = code ? code : sqlite3_bind_int64(s, 1, (int64_t)r->ts_s);
	code = code ? code : sqlite3_bind_text(s, 2, host, -1, SQLITE_TRANSIENT);
	code = code ? code : sqlite3_bind_int(s, 3, r->peer.port);
	code = code ? code
		    : sqlite3_bind_text(s, 4, nodekey_to_hex(&key, hex), -1, SQLITE_TRANSIENT);
	return observatory_error(code);
}

/* In the second of the newest row some may be there and some not. */
static int is_there(sqlite3_stmt *s, const struct observatory_row *row)
{
	int step, rc = bind_row(s, row);

	if (rc < 0)
		return rc;
	step = sqlite3_step(s);
	return step == SQLITE_ROW ? 1 : observatory_error(step);
}

int observatory_put(struct observatory_writer *w, enum observatory_walk table,
		    const struct observatory_row *row)
{
	unsigned i = table == OBSERVATORY_GETPEERS;
	int rc = 0;

	if ((int64_t)row->ts_s < w->newest_s[i])
		return 0;
	if ((int64_t)row->ts_s == w->newest_s[i])
		rc = is_there(w->there[i], row);
	if (rc)
		return rc < 0 ? rc : 0;
	rc = bind_row(w->put[i], row);
	if (rc == 0)
		rc = observatory_error(sqlite3_step(w->put[i]));
	return rc < 0 ? rc : 1;
}

static void remove_made(const struct observatory_writer *w)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	char path[sizeof(w->path) + 16];

	for (unsigned i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		snprintf(path, sizeof(path), "%s%s", w->path, endings[i]);
		unlink(path);
	}
}

int observatory_finish(struct observatory_writer *w, int rc, char why[static OBSERVATORY_WHY_MAX])
{
	for (unsigned i = 0; i < TABLES; i++) {
		sqlite3_finalize(w->put[i]);
		sqlite3_finalize(w->there[i]);
	}
	if (rc == 0)
		rc = run(w->db, "COMMIT");
	if (rc < 0)
		snprintf(why, OBSERVATORY_WHY_MAX, "%.160s: %s%s", w->path, dt_strerror(rc),
			 rc == DT_EFOREIGN ? "; it is left as it was" : "");
	sqlite3_close(w->db); /* what was not committed is rolled back */
	if (rc < 0 && w->made)
		remove_made(w);
	free(w);
	return rc;
}
