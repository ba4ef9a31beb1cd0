#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Three censuses of a simulated network that moves: who was there at a time, what
# changed between two, and over all. In virtual time: no socket is opened.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3 # Debian's own: it sees python3-pandas
skipped() { case_no=$((case_no + 1)); echo "ok $case_no - $1 # SKIP $2"; }
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home
store=$TMP/store
for t in 0 1800 7200; do
	timeout 60 "$PROG" crawl --sim 2000 --sim-mode virtual --churn 0.05 --sim-time $t \
		--store "$store" --quiet >"$TMP/crawl.log" 2>&1 || cat "$TMP/crawl.log"
done

expect 0 "census 2, 2026-09-21 14:43:20" -- "$PROG" summary --store "$store" --at 2
expect 0 "census 2, 2026-09-21 14:43:20" -- "$PROG" summary --store "$store" --at 2026-09-21T15:30
expect 0 "census 3, " -- "$PROG" summary --store "$store" --at now
expect 0 "moved address  " -- "$PROG" summary --store "$store" --between 1 3
expect 0 "^census +from, UTC" -- "$PROG" summary --store "$store" --over-time
expect 0 "14:40:00" -- "$PROG" summary --store "$store" --over-time --every 30
expect 1 "census 9: the store holds 3" -- "$PROG" summary --store "$store" --at 9
expect 1 "the first began 2026-09-21 14:13:20" -- "$PROG" summary --store "$store" --at 2026-01-01
expect 1 "'noon' is no time" -- "$PROG" summary --store "$store" --between 1 noon
expect 2 "needs two times" -- "$PROG" summary --store "$store" --between 1
expect 2 "one of them" -- "$PROG" summary --store "$store" --at 1 --over-time
expect 2 "'extra': nothing" -- "$PROG" summary --store "$store" --at 1 extra

for how in "--at 2" "--between 1 3" "--over-time"; do
	"$PROG" summary --store "$store" $how --json >"$TMP/${how%% *}.json"
done
"$PROG" summary --store "$store" --json >"$TMP/all.json"
python3 - "$TMP" <<'PY'
import json, sys
read = lambda name: json.load(open(sys.argv[1] + "/" + name + ".json"))
at, two, all_ = read("--at")["times"], read("--between")["times"], read("--over-time")["times"]
assert [len(at), len(two), len(all_)] == [1, 2, 3]
assert [t["census"] for t in all_] == [1, 2, 3]
for t, c in zip(all_, read("all")["censuses"]):
    # Who answered is live; a census marks some more that were heard without an answer.
    assert t["nodes"] >= c["report"]["live_endpoints"] > 1500, (t, c)
    assert t["nodes"] < 1.01 * c["report"]["live_endpoints"], (t, c)
    assert sum(n["nodes"] for n in t["top_countries"]) <= t["placed"] <= t["nodes"]
assert at[0] == {k: v for k, v in all_[1].items() if k != "since"}
assert two[0]["nodes"] == all_[0]["nodes"] and two[1]["nodes"] == all_[2]["nodes"]
for before, t in [(all_[0], all_[1]), (all_[1], all_[2]), (two[0], two[1])]:
    s = t["since"]
    same = s["stayed"] + s["moved_address"] + s["changed_id"]
    assert s["before"] == before["nodes"] == same + s["left"], s
    assert s["after"] == t["nodes"] == same + s["joined"], s
    assert s["left"] > 100 and s["joined"] > 100, s
# 5 % in 5 minutes are renewed: the longer, the fewer have stayed.
assert all_[1]["since"]["stayed"] > two[1]["since"]["stayed"]
PY
result $? "its numbers add up, and are those of the censuses"

for f in csv ndjson parquet; do
	expect 0 "rows of [0-9,]+ nodes" -- "$PROG" export --store "$store" --what observations --format $f --out "$TMP/seen"
done
expect 0 "sessions.csv: .*rows" -- "$PROG" export --store "$store" --what sessions --out "$TMP/sessions"
expect 0 "sessions.npy: .*rows" -- "$PROG" export --store "$store" --what sessions --format npy --out "$TMP/sessions.npy/"
expect 0 "nodes.csv: " -- "$PROG" export --store "$store" --at 2 --out "$TMP/nodes2"
expect 1 "census 9: the store holds 3" -- "$PROG" export --store "$store" --at 9 --out "$TMP/nine"
[ ! -e "$TMP/nine" ]
result $? "nothing is made for a time that is not there"
expect 2 "needs two times" -- "$PROG" export --store "$store" --between 1
expect 2 "'nodes.csv': nothing" -- "$PROG" export --store "$store" nodes.csv

if $py -c 'import pandas, lmdb' 2>/dev/null; then
	timeout 100 $py "$here/export/read_time.py" "$TMP" "$store"
	result $? "pandas finds the same changes, lmdb the same rows"
else
	skipped "pandas and lmdb" "no python3-pandas or python3-lmdb"
fi
if command -v node >/dev/null && [ -d "$here/../node_modules/@duckdb" ]; then
	a=$TMP/seen/observations
	n=$(timeout 60 node "$here/export/duck.mjs" \
		"SELECT count(*) n FROM (FROM '$a.parquet' EXCEPT FROM '$a.csv')" \
		"SELECT count(*) n FROM (FROM '$a.csv' EXCEPT FROM '$a.parquet')" \
		"SELECT count(*) - (SELECT count(*) FROM '$a.csv') n FROM '$a.parquet'" \
		"SELECT count(*) n FROM '$a.parquet' o ANTI JOIN '$TMP/seen/nodes.parquet' n USING (node)" | sort -u)
	[ "$n" = '{"n":0}' ]
	result $? "DuckDB finds the same observations as parquet and as csv"
else
	skipped "DuckDB" "no node, or no tests/node_modules (npm ci --prefix tests)"
fi
finish
