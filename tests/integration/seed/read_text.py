# SPDX-License-Identifier: MIT
# read_text.py SUMMARY DB: the text of `resolver summary` against the tables it was made of.
import re, sqlite3, sys

text = open(sys.argv[1], encoding="utf-8").read()
con = sqlite3.connect(sys.argv[2])
lines = text.split("\n")
count = lambda sql: con.execute(sql).fetchone()[0]
assert lines[0] == "# Summary"
by = con.execute("SELECT status, count(*) FROM announces GROUP BY status ORDER BY 1").fetchall()
assert lines[1] == "announces: %d | %s" % (count("SELECT count(*) FROM announces"),
                                          "  ".join("%s=%d" % r for r in by)), lines[1]
assert lines[2] == "get_peers: %d" % count("SELECT count(*) FROM getpeers"), lines[2]
assert lines[3] == "metadata:  2" and lines[4] == ""

def section(head):
    at = lines.index("## " + head)
    heads = lines[at + 1]
    assert set(lines[at + 2]) == {"-"}, lines[at + 2]
    rows = []
    for line in lines[at + 3:]:
        if not line:
            return heads.split(), rows
        rows.append(re.split(r"  +", line.strip()))

heads, rows = section("Recent announces")
assert heads == ["when", "peer", "info_hash", "name", "status", "tries"] and len(rows) == 10, (heads, rows)
want = con.execute("SELECT ip || ':' || port, a.info_hash, m.name, status, attempts FROM announces a LEFT JOIN "
                   "metadata m ON m.info_hash = a.info_hash ORDER BY ts DESC LIMIT 10").fetchall()
for got, w in zip(rows, want):
    assert re.fullmatch(r"\d+s ago", got[0]) and got[1:] == [str(x) for x in w if x is not None], (got, w)
heads, rows = section("Recent resolved (with filenames)")
assert heads == ["when", "info_hash", "name", "#files"]
assert [r[2:] for r in rows] == [["Ubuntu \u00e9 24.04", "2"], ["(unnamed)", "1"]], rows
heads, rows = section("Recent get_peers")
assert heads == ["when", "peer", "info_hash"] and len(rows) >= 9, rows
