#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/instructions.sh PROGRAM - instructions per answered query, by callgrind.
#
# The same on every machine and under any load, so this is the figure that shows a
# regression: bench/results/instructions.jsonl is what it was; more than TOL percent (2) above is worse.
# SAVE=1 accepts. A census of 200,000 nodes without device and simulator (bench crawl_step), some
# two minutes under valgrind. Counted: crawl_rx, crawl_tx, crawl_tick with all that they call.
set -eu
prog=$1 kept=bench/results/instructions.jsonl tol=${TOL:-2}
command -v valgrind >/dev/null || { echo "skipped: no valgrind" >&2; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
valgrind --tool=callgrind --callgrind-out-file="$tmp/cg" --collect-atstart=no --toggle-collect=crawl_rx \
	--toggle-collect=crawl_tx --toggle-collect=crawl_tick "$prog" bench --runs 1 --run-ms 1 crawl_step >"$tmp/line" 2>/dev/null
callgrind_annotate --inclusive=yes "$tmp/cg" >"$tmp/all" 2>/dev/null
python3 - "$tmp/line" "$tmp/all" "$kept" "$tol" "${SAVE:-0}" <<'PY'
import json, os, re, sys
line, table, kept, tol, save = sys.argv[1:]
bench = json.loads(open(line).readline())
answers = 2 * bench["answers"]  # the tape is recorded once and played once
want = ["crawl_rx", "crawl_tx", "crawl_tick", "krpc_parse", "gate_admit_looked", "gate_prefetch", "cookie_make"]
found = {}
for text in open(table):
    m = re.match(r"\s*([\d,]+)\s+\([^)]*\)\s+\S*?:?(\w+)(?:'\d+)?\s", text)
    if m and m.group(2) in want and m.group(2) not in found:
        found[m.group(2)] = int(m.group(1).replace(",", ""))
rows = {n: {"name": "instructions." + n, "median": round(v / answers), "unit": "per answer", "better": "lower"} for n, v in found.items()}
total = sum(found.get(n, 0) for n in want[:3])
rows["transaction"] = {"name": "instructions.transaction", "median": round(total / answers), "unit": "per answer", "better": "lower"}
for r in rows.values():
    r.update({k: bench[k] for k in ("version", "command")})
    print(json.dumps(r))
if save == "1" or not os.path.exists(kept):
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    open(kept, "w").writelines(json.dumps(r) + "\n" for r in rows.values())
    print("accepted:", kept, file=sys.stderr)
    sys.exit(0)
old = {r["name"]: r["median"] for r in map(json.loads, open(kept))}
worse = [r["name"] for r in rows.values() if r["median"] > old.get(r["name"], r["median"]) * (1 + float(tol) / 100)]
for r in rows.values():
    print(f"{r['name']:28} {old.get(r['name'], 0):>7} -> {r['median']:>7}", file=sys.stderr)
sys.exit(1 if worse else 0)
PY
