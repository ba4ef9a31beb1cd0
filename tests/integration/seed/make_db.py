# SPDX-License-Identifier: MIT
# make_db.py FILE: a dht_observatory.db with the tables and rows of the first dht-telescope:
# 300 announces (30 of them peers of other nodes' lists), 1000 get_peers and one row of no
# sense, 2 names.
import json, random, sqlite3, sys, time

random.seed(3)
con = sqlite3.connect(sys.argv[1])
con.executescript("""PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE announces(id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER, ip TEXT, port INTEGER,
  info_hash TEXT, status TEXT DEFAULT 'pending', attempts INTEGER DEFAULT 0, last_attempt_ts INTEGER,
  source TEXT DEFAULT 'announce');
CREATE TABLE getpeers(id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER, ip TEXT, port INTEGER,
  info_hash TEXT);
CREATE TABLE metadata(info_hash TEXT PRIMARY KEY, name TEXT, total_length INTEGER, piece_length INTEGER,
  private INTEGER, files_json TEXT, first_seen_ts INTEGER, last_resolved_ts INTEGER);""")
now = int(time.time())
hashes = ["%040x" % (i * 7919 + 1) for i in range(40)]
places = ["89.160.20.%d" % i for i in range(112, 128)] + ["81.2.69.%d" % i for i in range(142, 160)]
for i in range(300):
    status = ("pending", "ok", "error")[i % 3]
    con.execute("INSERT INTO announces(ts,ip,port,info_hash,status,attempts,last_attempt_ts,source) "
                "VALUES(?,?,?,?,?,?,?,?)",
                (now - 3 * (300 - i), places[i % 34], 6881 + i % 5,
                 hashes[1] if status == "ok" else hashes[2 + i % 38], status, i % 4,
                 now - i if i % 4 else None, "values" if i % 10 == 9 else "announce"))
for i in range(1000):
    con.execute("INSERT INTO getpeers(ts,ip,port,info_hash) VALUES(?,?,?,?)",
                (now - (1000 - i), random.choice(places), 1024 + i,
                 hashes[min(random.randrange(40), random.randrange(40))]))
con.execute("INSERT INTO getpeers(ts,ip,port,info_hash) VALUES(?,?,?,?)",
            (now - 1, "not an address", 1, hashes[0]))
files = [{"length": 4000000, "path": "a/ubuntu.iso"}, {"length": 1000000, "path": "README"}]
con.execute("INSERT INTO metadata VALUES(?,?,?,?,?,?,?,?)",
            (hashes[1], "Ubuntu \u00e9 24.04", 5000000, 16384, 0, json.dumps(files), now - 9999, now - 400))
con.execute("INSERT INTO metadata VALUES(?,?,?,?,?,?,?,?)",
            ("%040x" % 77, None, 77, 16384, 1, "[]", now - 9999, now - 86400 * 3))
con.commit()
