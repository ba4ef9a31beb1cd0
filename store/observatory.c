/* SPDX-License-Identifier: MIT */
#include "store/observatory.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/observatory_impl.h"

enum {
	VALUE_BYTES_MAX = 16 << 20, /* a list of files; torrents have been met with 100,000 */
	BUSY_MS = 10000,
	TS_MAX = 4294967295, /* seconds; beyond it no record can go */
};

struct observatory {
	sqlite3 *db;
	sqlite3_stmt *walk, *name;
	enum observatory_walk what;
	bool has_source;
	uint64_t odd;
};

/* ---- errors --------------------------------------------------------------------------- */

int observatory_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return DT_ENOSPACE;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* no such table, no such column */
		return DT_EFOREIGN;
	case SQLITE_CORRUPT:
	case SQLITE_TOOBIG:
	case SQLITE_MISMATCH:
		return DT_ECORRUPT;
	default:
		return -EIO;
	}
}

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
	return observatory_error(sqlite3_prepare_v2(db, sql, -1, out, NULL));
}

/* ---- opening ---------------------------------------------------------------------------- */

bool observatory_is(const char *path)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	if (fd >= 0)
		close(fd);
	return n == sizeof(head) && !memcmp(head, magic, sizeof(head));
}

void observatory_guard(sqlite3 *db)
{
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
}

int observatory_has_tables(sqlite3 *db, unsigned *found)
{
	/* A virtual table is code of somebody's choice: not one of these. */
	static const char sql[] = "SELECT count(*) FROM sqlite_master WHERE type = 'table' "
				  "AND sql LIKE 'CREATE TABLE%' "
				  "AND name IN ('announces', 'getpeers', 'metadata')";
	sqlite3_stmt *s;
	int rc = prepare(db, sql, &s);

	if (rc == 0) {
		int step = sqlite3_step(s);

		rc = step == SQLITE_ROW ? 0 : observatory_error(step);
		*found = step == SQLITE_ROW ? (unsigned)sqlite3_column_int(s, 0) : 0;
	}
	sqlite3_finalize(s);
	return rc;
}

static int check_tables(struct observatory *o)
{
	sqlite3_stmt *s = NULL;
	unsigned found = 0;
	int rc = observatory_has_tables(o->db, &found);

	if (rc == 0 && found != 3)
		rc = DT_EFOREIGN;
	/* Early files have no column for it. */
	o->has_source = rc == 0 && prepare(o->db, "SELECT source FROM announces", &s) == 0;
	sqlite3_finalize(s);
	return rc;
}

static int say(char *why, const char *path, int rc)
{
	if (rc == DT_EFOREIGN)
		snprintf(why, OBSERVATORY_WHY_MAX,
			 "%.160s: no dht_observatory.db: it has not the tables announces, getpeers "
			 "and metadata",
			 path);
	else
		snprintf(why, OBSERVATORY_WHY_MAX, "%.160s: %s", path, dt_strerror(rc));
	return rc;
}

int observatory_open(const char *path, struct observatory **out,
		     char why[static OBSERVATORY_WHY_MAX])
{
	struct observatory *o;
	int rc;

	if (access(path, R_OK))
		return say(why, path, -errno);
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	rc = observatory_error(
		sqlite3_open_v2(path, &o->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));
	if (rc == 0) {
		observatory_guard(o->db);
		rc = check_tables(o);
	}
	if (rc < 0) {
		observatory_close(o);
		return say(why, path, rc);
	}
	*out = o;
	return 0;
}

void observatory_close(struct observatory *o)
{
	if (!o)
		return;
	sqlite3_finalize(o->walk);
	sqlite3_finalize(o->name);
	sqlite3_close(o->db);
	free(o);
}

/* ---- counts ----------------------------------------------------------------------------- */

static int count(struct observatory *o, const char *sql, uint64_t *out)
{
	sqlite3_stmt *s = NULL;
	int rc = prepare(o->db, sql, &s);

	if (rc == 0) {
		rc = observatory_error(sqlite3_step(s));
		*out = rc == 0 ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	}
	sqlite3_finalize(s);
	return rc;
}

/* A word of at most 15 letters; whatever else stands there is "?". */
static void read_status(sqlite3_stmt *s, int column, char out[static OBSERVATORY_STATUS_MAX])
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	size_t n = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz_") : 0;

	if (!text || text[n] || !n || n >= OBSERVATORY_STATUS_MAX) {
		snprintf(out, OBSERVATORY_STATUS_MAX, "?");
		return;
	}
	memcpy(out, text, n + 1);
}

int observatory_counts(struct observatory *o, struct observatory_counts *out)
{
	sqlite3_stmt *s = NULL;
	int step = SQLITE_DONE, rc = count(o, "SELECT count(*) FROM announces", &out->announces);

	out->statuses = 0;
	if (rc == 0)
		rc = count(o, "SELECT count(*) FROM getpeers", &out->getpeers);
	if (rc == 0)
		rc = count(o, "SELECT count(*) FROM metadata", &out->metadata);
	if (rc == 0)
		rc = prepare(o->db,
			     "SELECT status, count(*) FROM announces GROUP BY status ORDER BY 1",
			     &s);
	while (rc == 0 && out->statuses < OBSERVATORY_STATUSES &&
	       (step = sqlite3_step(s)) == SQLITE_ROW) {
		read_status(s, 0, out->by_status[out->statuses].status);
		out->by_status[out->statuses++].count = (uint64_t)sqlite3_column_int64(s, 1);
	}
	sqlite3_finalize(s);
	return rc < 0 ? rc : observatory_error(step);
}

/* ---- rows --------------------------------------------------------------------------------- */

static uint64_t seconds(sqlite3_stmt *s, int column)
{
	double v = sqlite3_column_double(s, column); /* some wrote time.time() as it was */

	return v >= 1 && v <= TS_MAX ? (uint64_t)v : 0;
}

static bool read_hash(sqlite3_stmt *s, int column, struct nodeid *out)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	struct nodekey key;

	if (!text || strlen(text) != 2 * (size_t)NODEID_BYTES || nodekey_from_hex(text, &key) < 0)
		return false;
	*out = nodekey_to_id(&key);
	return true;
}

static bool read_peer(sqlite3_stmt *s, int ip, int port, struct endpoint *out)
{
	const char *text = (const char *)sqlite3_column_text(s, ip);
	int64_t number = sqlite3_column_int64(s, port);

	if (!text || endpoint_from_text(text, out) < 0 || out->port || number < 0 ||
	    number > UINT16_MAX)
		return false;
	out->port = (uint16_t)number;
	return true;
}

int observatory_begin(struct observatory *o, enum observatory_walk walk, uint64_t limit)
{
	const char *columns = walk == OBSERVATORY_GETPEERS ? "'', 0, 0, '' FROM getpeers a "
							   : "status, attempts, last_attempt_ts, ";
	const char *source = walk == OBSERVATORY_GETPEERS ? ""
			     : o->has_source              ? "source FROM announces a "
							  : "'' FROM announces a ";
	const char *where = walk == OBSERVATORY_UNRESOLVED
				    ? "WHERE NOT EXISTS (SELECT 1 FROM metadata m WHERE "
				      "m.info_hash = a.info_hash) AND status IN ('pending', "
				      "'error', 'working') "
				    : "";
	char sql[640];

	sqlite3_finalize(o->walk);
	o->walk = NULL;
	o->what = walk;
	snprintf(sql, sizeof(sql),
		 "SELECT id, ts, ip, port, info_hash, %s%s%sORDER BY ts %s, id %s%s%.0llu", columns,
		 source, where, limit ? "DESC" : "", limit ? "DESC" : "", limit ? " LIMIT " : "",
		 (unsigned long long)limit);
	return prepare(o->db, sql, &o->walk);
}

static bool read_row(const struct observatory *o, struct observatory_row *out)
{
	sqlite3_stmt *s = o->walk;
	const char *source;

	*out = (struct observatory_row){ .id = (uint64_t)sqlite3_column_int64(s, 0),
					 .ts_s = seconds(s, 1) };
	if (!out->ts_s || !read_peer(s, 2, 3, &out->peer) || !read_hash(s, 4, &out->hash))
		return false;
	if (o->what == OBSERVATORY_GETPEERS)
		return true;
	read_status(s, 5, out->status);
	out->attempts = (uint32_t)sqlite3_column_int64(s, 6);
	out->last_attempt_s = seconds(s, 7);
	source = (const char *)sqlite3_column_text(s, 8);
	out->listed = source && !strcmp(source, "values");
	return true;
}

int observatory_next(struct observatory *o, struct observatory_row *out)
{
	int step;

	while ((step = sqlite3_step(o->walk)) == SQLITE_ROW) {
		if (read_row(o, out))
			return 1;
		o->odd++;
	}
	return observatory_error(step);
}

uint64_t observatory_odd(const struct observatory *o)
{
	return o->odd;
}

int observatory_begin_top(struct observatory *o, uint64_t limit)
{
	char sql[256];

	sqlite3_finalize(o->walk);
	o->walk = NULL;
	snprintf(sql, sizeof(sql),
		 "SELECT info_hash, count(*), min(ts), max(ts) FROM getpeers GROUP BY info_hash "
		 "ORDER BY 2 DESC, 4 DESC, 1 LIMIT %llu",
		 (unsigned long long)limit);
	return prepare(o->db, sql, &o->walk);
}

int observatory_next_top(struct observatory *o, struct observatory_top *out)
{
	int step;

	while ((step = sqlite3_step(o->walk)) == SQLITE_ROW) {
		out->hits = (uint64_t)sqlite3_column_int64(o->walk, 1);
		out->first_s = seconds(o->walk, 2);
		out->last_s = seconds(o->walk, 3);
		if (read_hash(o->walk, 0, &out->hash))
			return 1;
		o->odd++;
	}
	return observatory_error(step);
}

/* ---- names ---------------------------------------------------------------------------------- */

int observatory_begin_names(struct observatory *o, const char *query, const char *hash,
			    uint64_t limit)
{
	static const char sql[] =
		"SELECT info_hash, name, files_json, total_length, piece_length, private, "
		"first_seen_ts, last_resolved_ts FROM metadata WHERE (?1 IS NULL OR "
		"instr(lower(info_hash), lower(?1)) OR instr(lower(name), lower(?1))) AND "
		"(?2 IS NULL OR info_hash = ?2) ORDER BY last_resolved_ts DESC LIMIT ?3";
	int rc;

	sqlite3_finalize(o->walk);
	o->walk = NULL;
	rc = prepare(o->db, sql, &o->walk);
	if (rc == 0 && query)
		rc = observatory_error(sqlite3_bind_text(o->walk, 1, query, -1, SQLITE_TRANSIENT));
	if (rc == 0 && hash)
		rc = observatory_error(sqlite3_bind_text(o->walk, 2, hash, -1, SQLITE_TRANSIENT));
	if (rc == 0)
		rc = observatory_error(sqlite3_bind_int64(o->walk, 3, (int64_t)limit));
	return rc;
}

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

static int64_t number_of(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, column);
}

int observatory_next_name(struct observatory *o, struct observatory_name *out)
{
	sqlite3_stmt *s = o->walk;
	int step = sqlite3_step(s);

	if (step != SQLITE_ROW)
		return observatory_error(step);
	*out = (struct observatory_name){ .hash = text_of(s, 0),
					  .name = text_of(s, 1),
					  .files_json = text_of(s, 2),
					  .total_length = number_of(s, 3),
					  .piece_length = number_of(s, 4),
					  .is_private = number_of(s, 5),
					  .first_seen_s = seconds(s, 6),
					  .last_resolved_s = seconds(s, 7) };
	return 1;
}

char *observatory_name_of(struct observatory *o, const struct nodeid *hash, char *out, size_t cap)
{
	struct nodekey key = nodekey_from_id(hash);
	char hex[2 * NODEKEY_BYTES + 1];

	out[0] = 0;
	if (!o->name &&
	    prepare(o->db, "SELECT name FROM metadata WHERE info_hash = ?", &o->name) < 0)
		return out;
	sqlite3_reset(o->name);
	if (sqlite3_bind_text(o->name, 1, nodekey_to_hex(&key, hex), -1, SQLITE_TRANSIENT) ==
		    SQLITE_OK &&
	    sqlite3_step(o->name) == SQLITE_ROW)
		snprintf(out, cap, "%s", text_of(o->name, 0));
	return out;
}

/* ---- into a store ---------------------------------------------------------------------------- */

static struct heard heard_of(const struct observatory_row *r, bool announce)
{
	struct heard h = { .when_ms = r->ts_s * 1000,
			   .from = r->peer,
			   .kind = announce ? HEARD_ANNOUNCE_PEER : HEARD_GET_PEERS,
			   .outcome = HEARD_ANSWERED,
			   .flags = HEARD_HAS_TARGET,
			   .way = SIGHTING_ASKED_US,
			   .target = r->hash };

	if (announce) { /* from which port it came was not written down */
		h.peer_port = r->peer.port;
		h.from.port = 0;
	}
	return h;
}

static int import_row(const struct observatory_row *row, bool announce, struct store_writer *w,
		      struct heardlog_writer *h)
{
	struct heard heard = heard_of(row, announce);
	struct sighting sender = { .when_ms = heard.when_ms,
				   .from = heard.from,
				   .way = SIGHTING_ASKED_US };
	int rc = heardlog_put(h, &heard, 1);

	/* Without an id it is a contact; and of an announce the port is not known. */
	return rc == 0 && heard.from.port ? store_writer_put(w, &sender, 1) : rc;
}

static int import_table(struct observatory *o, enum observatory_walk walk, struct store_writer *w,
			struct heardlog_writer *h, struct observatory_import *out)
{
	bool announce = walk == OBSERVATORY_ANNOUNCES;
	struct observatory_row row;
	int rc = observatory_begin(o, walk, 0);

	while (rc == 0 && (rc = observatory_next(o, &row)) == 1) {
		rc = 0;
		if (row.listed) {
			out->listed++;
			continue;
		}
		*(announce ? &out->announces : &out->getpeers) += 1;
		rc = import_row(&row, announce, w, h);
	}
	return rc;
}

int observatory_import(struct observatory *o, struct store_writer *w, struct heardlog_writer *h,
		       struct observatory_import *out)
{
	struct observatory_counts counts;
	uint64_t odd = o->odd;
	int rc = observatory_counts(o, &counts);

	*out = (struct observatory_import){ .names = 0 };
	if (rc == 0)
		rc = import_table(o, OBSERVATORY_ANNOUNCES, w, h, out);
	if (rc == 0)
		rc = import_table(o, OBSERVATORY_GETPEERS, w, h, out);
	out->odd = o->odd - odd;
	out->names = rc == 0 ? counts.metadata : 0;
	if (rc == 0)
		rc = heardlog_flush(h);
	return rc == 0 ? store_writer_flush(w) : rc;
}
