/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/heardtally.h"
#include "store/observatory.h"
#include "tests/support/tempdir.h"

static const char schema[] =
	"CREATE TABLE announces(id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER, ip TEXT, port "
	"INTEGER, info_hash TEXT, status TEXT DEFAULT 'pending', attempts INTEGER DEFAULT 0, "
	"last_attempt_ts INTEGER, source TEXT DEFAULT 'announce');"
	"CREATE TABLE getpeers(id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER, ip TEXT, port "
	"INTEGER, info_hash TEXT);"
	"CREATE TABLE metadata(info_hash TEXT PRIMARY KEY, name TEXT, total_length INTEGER, "
	"piece_length INTEGER, private INTEGER, files_json TEXT, first_seen_ts INTEGER, "
	"last_resolved_ts INTEGER);";

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 32];

static int make_dir(void **state)
{
	(void)state;
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/dht_observatory.db", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	tempdir_remove(dir);
	return 0;
}

static void run_sql(const char *sql)
{
	char *why = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

static struct observatory *open_file(void)
{
	char why[OBSERVATORY_WHY_MAX];
	struct observatory *o;

	if (observatory_open(path, &o, why) < 0)
		fail_msg("%s", why);
	return o;
}

static void make_file(void)
{
	unlink(path);
	run_sql(schema);
	run_sql("INSERT INTO "
		"announces(ts,ip,port,info_hash,status,attempts,last_attempt_ts,source) VALUES"
		"(1700000000,'81.2.69.142',6881,'" HASH_A "','ok',2,1700000100,'announce'),"
		"(1700000300.75,'2001:218::1',6882,'" HASH_B "','pending',0,NULL,'announce'),"
		"(1700000200,'81.2.69.144',6883,'" HASH_B "','error',3,1700000201,'values');");
	run_sql("INSERT INTO getpeers(ts,ip,port,info_hash) VALUES"
		"(1700000400,'81.2.69.142',1024,'" HASH_A
		"'),(1700000500,'81.2.69.143',1025,'" HASH_A
		"'),(1700000600,'81.2.69.143',1025,'" HASH_B "');");
	run_sql("INSERT INTO metadata VALUES('" HASH_A
		"','A name',5000,16384,0,'[{\"length\": 1}]',1,2);");
}

static void test_read(void **state)
{
	struct observatory *o;
	struct observatory_counts n;
	struct observatory_row r;
	struct observatory_top top;
	struct observatory_name name;
	char text[32];

	(void)state;
	make_file();
	assert_true(observatory_is(path));
	o = open_file();
	assert_int_equal(observatory_counts(o, &n), 0);
	assert_true(n.announces == 3 && n.getpeers == 3 && n.metadata == 1 && n.statuses == 3);
	assert_string_equal(n.by_status[0].status, "error");
	assert_int_equal(observatory_begin(o, OBSERVATORY_ANNOUNCES, 2), 0);
	assert_int_equal(observatory_next(o, &r), 1);
	assert_true(r.ts_s == 1700000300 && r.id == 2 && r.peer.port == 6882 && !r.listed);
	assert_true(!endpoint_is4(&r.peer) && !r.last_attempt_s);
	assert_int_equal(observatory_next(o, &r), 1);
	assert_true(r.listed && r.attempts == 3 && !strcmp(r.status, "error"));
	assert_int_equal(observatory_next(o, &r), 0); /* the limit */
	assert_int_equal(observatory_begin(o, OBSERVATORY_UNRESOLVED, 50), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(observatory_next(o, &r), 1);
	assert_int_equal(observatory_next(o, &r), 0); /* A has a name */
	assert_int_equal(observatory_begin(o, OBSERVATORY_GETPEERS, 0), 0);
	assert_int_equal(observatory_next(o, &r), 1);
	assert_true(r.ts_s == 1700000400); /* without a limit the oldest first */
	assert_int_equal(observatory_begin_top(o, 1), 0);
	assert_int_equal(observatory_next_top(o, &top), 1);
	assert_true(top.hits == 2 && top.hash.b[0] == 0xaa && top.last_s == 1700000500);
	assert_int_equal(observatory_next_top(o, &top), 0);
	assert_int_equal(observatory_begin_names(o, "NAME", NULL, 5), 0);
	assert_int_equal(observatory_next_name(o, &name), 1);
	assert_true(!strcmp(name.name, "A name") && name.total_length == 5000);
	assert_int_equal(observatory_next_name(o, &name), 0);
	assert_int_equal(observatory_begin_names(o, "nothing", NULL, 5), 0);
	assert_int_equal(observatory_next_name(o, &name), 0);
	assert_string_equal(observatory_name_of(o, &top.hash, text, sizeof(text)), "A name");
	assert_string_equal(observatory_name_of(o, &top.hash, text, 3), "A ");
	assert_int_equal(observatory_odd(o), 0);
	observatory_close(o);
}

/* Rows of no sense are passed over; a word that is none is "?". */
static void test_odd_rows(void **state)
{
	struct observatory *o;
	struct observatory_row r;
	struct observatory_counts n;
	unsigned rows = 0;

	(void)state;
	make_file();
	run_sql("INSERT INTO announces(ts,ip,port,info_hash,status) VALUES"
		"('soon','81.2.69.142',1,'" HASH_A "','ok'),(-5,'81.2.69.142',1,'" HASH_A "','ok'),"
		"(1e300,'81.2.69.142',1,'" HASH_A "','ok'),(1700000000,'host.example',1,'" HASH_A
		"','ok'),"
		"(1700000000,NULL,1,'" HASH_A "','ok'),(1700000000,'81.2.69.142:5',1,'" HASH_A
		"','ok'),"
		"(1700000000,'81.2.69.142',70000,'" HASH_A
		"','ok'),(1700000000,'81.2.69.142',-1,'" HASH_A
		"','ok'),(1700000000,'81.2.69.142',1,'abc','ok'),(1700000000,'81.2.69.142',1,NULL,'"
		"ok'),"
		"(1700000000,x'00ff',1,'" HASH_A "','ok'),"
		"(1700000000,'81.2.69.142',1,'" HASH_A "zz','ok');");
	run_sql("INSERT INTO announces(ts,ip,port,info_hash,status) VALUES"
		"(1700000001,'81.2.69.142',1,'" HASH_A "','\x1b[31m red'),"
		"(1700000001,'81.2.69.142',1,'" HASH_A "',NULL),"
		"(1700000001,'81.2.69.142',1,'" HASH_A "','averylongwordindeed');");
	o = open_file();
	assert_int_equal(observatory_begin(o, OBSERVATORY_ANNOUNCES, 1000), 0);
	while (observatory_next(o, &r) == 1) {
		rows++;
		assert_true(r.ts_s != 1700000001 || !strcmp(r.status, "?"));
	}
	assert_int_equal(rows, 6);
	assert_int_equal(observatory_odd(o), 12);
	assert_int_equal(observatory_counts(o, &n), 0);
	assert_int_equal(n.announces, 18);
	observatory_close(o);
}

/* What is no such file is refused, and said by name. */
static void test_foreign(void **state)
{
	static const char *const others[] = {
		"CREATE TABLE notes(t TEXT)",
		/* a view that never ends */
		"CREATE VIEW announces AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 "
		"FROM r) SELECT n AS ts FROM r; CREATE TABLE getpeers(ts); CREATE TABLE "
		"metadata(info_hash)",
		"CREATE TABLE announces(id); CREATE TABLE getpeers(id)",
	};
	char why[OBSERVATORY_WHY_MAX];
	struct observatory *o;
	FILE *f;

	(void)state;
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++) {
		unlink(path);
		run_sql(others[i]);
		assert_int_equal(observatory_open(path, &o, why), DT_EFOREIGN);
		assert_non_null(strstr(why, path));
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("SQLite format 3", f); /* without its NUL: a text */
	fclose(f);
	assert_false(observatory_is(path));
	assert_int_equal(observatory_open(path, &o, why), DT_EFOREIGN);
	unlink(path);
	assert_int_equal(observatory_open(path, &o, why), -ENOENT);
	assert_int_not_equal(access(path, F_OK), 0); /* and none was made */
	/* columns that are not there */
	run_sql("CREATE TABLE announces(id); CREATE TABLE getpeers(id); CREATE TABLE "
		"metadata(info_hash)");
	o = open_file();
	assert_int_equal(observatory_begin(o, OBSERVATORY_GETPEERS, 0), DT_EFOREIGN);
	observatory_close(o);
}

/* ---- writing ------------------------------------------------------------------------- */

static struct observatory_writer *writer(void)
{
	char why[OBSERVATORY_WHY_MAX] = "";
	struct observatory_writer *w;

	if (observatory_create(path, &w, why) < 0)
		fail_msg("%s", why);
	return w;
}

static struct observatory_row row_at(uint64_t ts_s, uint32_t ip)
{
	struct observatory_row r = { .ts_s = ts_s, .peer = endpoint_ip4(ip, 6881) };

	memset(r.hash.b, 0xaa, sizeof(r.hash.b));
	return r;
}

static uint64_t count_of(const char *sql)
{
	sqlite3_stmt *s;
	sqlite3 *db;
	uint64_t n;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static void test_write(void **state)
{
	char why[OBSERVATORY_WHY_MAX] = "";
	struct observatory_writer *w;
	struct observatory_row r;

	(void)state;
	unlink(path);
	w = writer();
	for (uint32_t i = 0; i < 100; i++) {
		r = row_at(1700000000 + i / 2, 0x51024500 + i);
		assert_int_equal(observatory_put(w, OBSERVATORY_ANNOUNCES, &r), 1);
		assert_int_equal(observatory_put(w, OBSERVATORY_GETPEERS, &r), 1);
	}
	assert_int_equal(observatory_finish(w, 0, why), 0);
	assert_int_equal(count_of("SELECT count(*) FROM announces WHERE status = 'pending' AND "
				  "source = 'announce' AND attempts = 0"),
			 100);
	/* once more, and one newer, and one of the newest second: those two are added */
	run_sql("INSERT INTO metadata(info_hash, name) VALUES('" HASH_A "', 'known')");
	w = writer();
	for (uint32_t i = 0; i < 102; i++) {
		r = row_at(i == 100 ? 1700000099 : 1700000000 + i / 2, 0x51024500 + i);
		if (i == 101)
			r.ts_s = 1700000049;
		assert_int_equal(observatory_put(w, OBSERVATORY_ANNOUNCES, &r), i >= 100);
	}
	assert_int_equal(observatory_finish(w, 0, why), 0);
	assert_int_equal(count_of("SELECT count(*) FROM announces"), 102);
	assert_int_equal(count_of("SELECT count(*) FROM announces WHERE status = 'ok'"), 2);
	assert_int_equal(count_of("SELECT count(*) FROM metadata"), 1);
}

/* What fails leaves what there was. */
static void test_write_nothing(void **state)
{
	char why[OBSERVATORY_WHY_MAX] = "";
	struct observatory_writer *w;
	struct observatory_row r = row_at(1800000000, 1);

	(void)state;
	make_file();
	w = writer();
	assert_int_equal(observatory_put(w, OBSERVATORY_GETPEERS, &r), 1);
	assert_int_equal(observatory_finish(w, -EIO, why), -EIO);
	assert_non_null(strstr(why, path));
	assert_int_equal(count_of("SELECT count(*) FROM getpeers"), 3);
	unlink(path);
	w = writer();
	assert_int_equal(observatory_put(w, OBSERVATORY_GETPEERS, &r), 1);
	assert_int_equal(observatory_finish(w, -EIO, why), -EIO);
	assert_int_not_equal(access(path, F_OK), 0);
	run_sql("CREATE TABLE notes(t TEXT)"); /* somebody else's */
	assert_int_equal(observatory_create(path, &w, why), DT_EFOREIGN);
	assert_int_equal(count_of("SELECT count(*) FROM sqlite_master"), 1);
	unlink(path);
}

/* ---- into a store ----------------------------------------------------------------------- */

static void test_import(void **state)
{
	const struct store_writer_opts opts = { .disk_floor_bytes = 1 };
	const struct heardlog_opts heard = { .batch = 0 };
	char where[TEMPDIR_MAX + 32], why[256];
	struct observatory_import sum;
	struct heardtally *t = calloc(1, sizeof(*t));
	struct heardlog_writer *h;
	struct store_writer *w;
	struct store_view *v;
	struct store_counts n;
	struct observatory *o;
	struct store *s;

	(void)state;
	assert_non_null(t);
	make_file();
	snprintf(where, sizeof(where), "%s/store", dir);
	assert_int_equal(store_open(where, STORE_CREATE, &s, why), 0);
	assert_int_equal(store_writer_new(s, &opts, &w), 0);
	assert_int_equal(store_heard_open(s, &heard, &h), 0);
	o = open_file();
	assert_int_equal(observatory_import(o, w, h, &sum), 0);
	observatory_close(o);
	assert_true(sum.announces == 2 && sum.getpeers == 3 && sum.listed == 1 && sum.names == 1);
	heardlog_close(h);
	store_writer_free(w);
	assert_int_equal(store_view_open(s, &v), 0);
	assert_int_equal(heardtally(s, v, t), 1);
	assert_true(t->messages[HEARD_GET_PEERS] == 3 && t->messages[HEARD_ANNOUNCE_PEER] == 2);
	assert_true(t->infohashes == 2 && t->announced == 2 && t->torrents[0].peers == 1);
	assert_int_equal(store_view_counts(v, &n), 0);
	assert_true(n.nodes == 0 && n.mentioned == 2); /* no ids were written down */
	store_view_close(v);
	store_close(s);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),          cmocka_unit_test(test_odd_rows),
		cmocka_unit_test(test_foreign),       cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_nothing), cmocka_unit_test(test_import),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
