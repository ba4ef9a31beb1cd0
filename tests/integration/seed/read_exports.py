# SPDX-License-Identifier: MIT
# What was exported, against the dht_observatory.db it came from.
import csv, json, os, sqlite3
import numpy as np

def rows_of(path, sql):
    con = sqlite3.connect(path)
    con.row_factory = sqlite3.Row
    return [dict(r) for r in con.execute(sql)]

def lines(path):
    return [json.loads(l) for l in open(path, encoding="utf-8")]

old = "dht_observatory.db"
announces = rows_of(old, "SELECT id, ts, ip, port, info_hash, status, attempts, last_attempt_ts FROM announces "
                         "ORDER BY ts DESC, id DESC")
getpeers = rows_of(old, "SELECT id, ts, ip, port, info_hash FROM getpeers WHERE ip LIKE '%.%' ORDER BY ts DESC, id DESC")
names = rows_of(old, "SELECT * FROM metadata ORDER BY last_resolved_ts DESC")
got = lines("announces.jsonl")
assert got == announces and list(got[0]) == list(announces[0]), got[0]
assert lines("getpeers.jsonl") == getpeers
for g, w in zip(lines("metadata.jsonl"), names):
    assert list(g) == list(w) and {**g, "name": g["name"] or None} == w, (g, w)
hidden = lines("hidden.jsonl")
assert len(hidden) == 50 and {r["info_hash"] for r in hidden} <= {r["info_hash"] for r in announces}
assert not {r["ip"] for r in hidden} & {r["ip"] for r in announces}
key = lambda r: (r["ts"], r["ip"], r["port"], r["info_hash"])
said = sorted(map(key, rows_of(old, "SELECT * FROM announces WHERE source = 'announce'")))
asked = sorted(map(key, getpeers))
assert sorted(map(key, rows_of("again.db", "SELECT * FROM announces"))) == said
assert sorted(map(key, rows_of("again.db", "SELECT * FROM getpeers"))) == asked
assert rows_of("again.db", "PRAGMA journal_mode") == [{"journal_mode": "wal"}]
assert rows_of("again.db", "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
old_columns = [r["name"] for r in rows_of(old, "PRAGMA table_info(announces)")]
assert [r["name"] for r in rows_of("again.db", "PRAGMA table_info(announces)")] == old_columns
assert not {r["ip"] for r in rows_of("hidden.db", "SELECT ip FROM announces")} & {r["ip"] for r in announces}

table = [(int(r["when_ms"]) // 1000, r["address"], int(r["peer_port"]), r["info_hash"])
         for r in csv.DictReader(open("a.csv"))]
assert sorted(table) == said
assert sorted((r["when_ms"] // 1000, r["address"], r["peer_port"], r["info_hash"])
              for r in lines("a.ndjson")) == said
a = np.load("a.npy")
assert sorted((int(r["when_ms"]) // 1000, ".".join(map(str, r["address"][12:])), int(r["peer_port"]),
               bytes(r["info_hash"]).hex()) for r in a) == said
if os.path.exists("a.pq"):
    assert sorted((r["when_ms"] // 1000, r["address"], r["peer_port"], r["info_hash"])
                  for r in lines("a.pq")) == said
every = list(csv.DictReader(open("messages.csv")))
assert len(every) == len(said) + len(asked)
assert {r["kind"] for r in every} == {"announce_peer", "get_peers"} and {r["way"] for r in every} == {"asked-us"}
