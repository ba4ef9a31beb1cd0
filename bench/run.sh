#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/run.sh PROGRAM [NAME...] - run the table, print each JSON line, compare
# with the results committed for this host.
#
#   TOL=10   percent by which a median may be worse (these machines move by 15)
#   SAVE=1   accept what was measured: into bench/results/HOST.jsonl, other names stay as they are
#   HOST=x   another name for this machine
set -eu
prog=$1
shift
host=${HOST:-$(uname -m)-$(nproc)core}
tol=${TOL:-10}
mkdir -p build/bench
now=build/bench/$host.jsonl
kept=bench/results/$host.jsonl
"$prog" bench "$@" | tee "$now"
if [ "${SAVE:-0}" = 1 ]; then
	mkdir -p bench/results
	python3 - "$kept" "$now" <<'EOF'
import json, os, sys
kept, now = sys.argv[1:]
rows = {}
for path in (kept, now):
    for line in open(path) if os.path.exists(path) else []:
        rows[json.loads(line)["name"]] = line
open(kept, "w").writelines(rows.values())
EOF
	echo "accepted: $kept" >&2
	exit 0
fi
[ -e "$kept" ] || { echo "no results committed for $host; SAVE=1 keeps these" >&2; exit 0; }
python3 - "$kept" "$now" "$tol" >&2 <<'EOF'
import json, sys
kept, now, tol = sys.argv[1], sys.argv[2], float(sys.argv[3])
def load(path):
    return {r["name"]: r for r in map(json.loads, open(path))}
old, new = load(kept), load(now)
worse = 0
for name, r in new.items():
    if name not in old or "median" not in r or not old[name].get("median"):
        continue
    change = 100 * (r["median"] / old[name]["median"] - 1)
    bad = -change if r.get("better") == "higher" else change
    mark = "WORSE" if bad > tol else "better" if bad < -tol else "same"
    worse += bad > tol
    print(f"{mark:7} {name:32} {old[name]['median']:>14.4g} -> {r['median']:>14.4g} {r.get('unit',''):10} {change:+.1f} %")
print(f"{worse} worse than {tol:.0f} %")
sys.exit(1 if worse else 0)
EOF
