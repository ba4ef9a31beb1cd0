#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/rivals/run.sh [PROGRAM] - DHT crawlers and ours against the same simulated network.
#
#   N=2000000    live nodes of the farm: more than anybody finds in that time (no loss, no dead
#                contacts: a rival's best case)
#   SECONDS_EACH=10   time for each crawler
#   OUT=build/bench/rivals.jsonl
#
# Everything runs in one network namespace with loopback alone, so nothing can leave; `sim --plain`
# hands out the addresses at which its nodes are reached, so any program can crawl it.
# Distinct nodes that answered a crawler, a second, are its rate, and of all its recall; the farm counts the
# queries that reached it. One JSON line each. What is not installed is
# skipped and said.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prog=$(readlink -f "${1:-build/release/dht-telescope}")
if [ "${IN_NS:-0}" != 1 ]; then
	exec unshare -rn env IN_NS=1 "$0" "$prog"
fi
n=${N:-2000000} each=${SECONDS_EACH:-10} out=${OUT:-build/bench/rivals.jsonl}
ip link set lo up
mkdir -p "$(dirname "$out")"
: >"$out"
tmp=$(mktemp -d)
farm=
cleanup() { [ -n "$farm" ] && kill "$farm" 2>/dev/null; rm -rf "$tmp"; }
trap cleanup EXIT

start_farm() {
	"$prog" sim --nodes "$n" --dead 0 --loss 0 --plain --max-runtime-s 600 >"$tmp/boot" 2>"$tmp/farm" &
	farm=$!
	for _ in $(seq 100); do grep -q bootstrap "$tmp/boot" && break; sleep 0.1; done
	boot=$(awk '/^bootstrap/ { print $2; exit }' "$tmp/boot")
	boots=$(awk '/^bootstrap/ { printf "%s%s", comma, $2; comma = "," }' "$tmp/boot")
}

stop_farm() { # sets $received
	kill "$farm"
	wait "$farm" 2>/dev/null
	farm=
	received=$(sed -n 's/.*received \([0-9]*\).*/\1/p' "$tmp/farm" | tail -n 1)
}

measure() { # NAME COMMAND... ; the command prints the nodes it found as its last line's first number
	local name=$1 start end cpu found
	shift
	start_farm
	set -- "${@/#ALL_BOOT/$boots}"
	set -- "${@/#BOOT/$boot}"
	start=$(date +%s.%N)
	/usr/bin/time -f '%U %S' -o "$tmp/time" timeout -s INT -k 5 "$((each + 10))" "$@" >"$tmp/found" 2>"$tmp/err" || true
	end=$(date +%s.%N)
	stop_farm
	found=$(tail -n 1 "$tmp/found" | grep -oE '^[0-9]+' || echo 0)
	cpu=$(tail -n 1 "$tmp/time")
	python3 -c '
import json, sys
name, n, found, received, start, end, cpu = sys.argv[1:]
s = float(end) - float(start)
user, system = (float(x) for x in cpu.split())
print(json.dumps({"name": "rivals." + name, "nodes": int(found), "recall": int(found) / int(n),
    "seconds": round(s, 2), "nodes_per_s": round(int(found) / s), "queries_per_s": round(int(received) / s), "cpu_s": round(user + system, 2),
    "cpu_us_per_query": round(1e6 * (user + system) / max(1, int(received)), 2),
    "cpu_us_per_node": round(1e6 * (user + system) / max(1, int(found)), 2)}))' \
		"$name" "$n" "$found" "${received:-0}" "$start" "$end" "$cpu" | tee -a "$out"
}

# Ours knows that 127/8 is nobody's network and refuses it on the real one: it crawls the same farm by
# its simulation device, which translates addresses and nothing else. As it is, with two questions
# and a half to a node; and with the rivals' plan, one question for a random target. CPU is that of the
# census, without the making and the scoring of the simulated world.
ours() { # NAME FLAGS...
	local name=$1
	shift
	"$prog" crawl --sim "$n" --dead 0 --loss 0 --store= \
		--max-runtime-s "$each" --cooldown-s 1 --raise-above 0 --report "$tmp/r.json" "$@" >/dev/null 2>&1
	python3 -c '
import json, sys
r = json.load(open(sys.argv[1])); n = int(sys.argv[2]); user, system = r["cpu_user_s"], r["cpu_system_s"]
print(json.dumps({"name": "rivals." + sys.argv[3], "nodes": r["live_endpoints"], "recall": r["live_endpoints"] / n,
    "seconds": round(r["span_s"], 2), "nodes_per_s": round(r["live_endpoints"] / r["span_s"]), "queries_per_s": round(r["packets_sent"] / r["span_s"]), "cpu_s": round(user + system, 2),
    "cpu_us_per_query": round(1e6 * (user + system) / r["packets_sent"], 2),
    "cpu_us_per_node": round(1e6 * (user + system) / r["live_endpoints"], 2)}))' "$tmp/r.json" "$n" "$name" | tee -a "$out"
}

ours dht-telescope
ours dht-telescope-random1 --plan random1
# Two of each kind: the fastest that a day's work makes of the language or the codec, and the program that
# one writes with the library as it comes. libtorrent has its own DHT only.
measure python-tuned /usr/bin/python3 "$here/crawl_plain.py" BOOT "$each"
if /usr/bin/python3 -c 'import libtorrent' 2>/dev/null; then
	measure python-asyncio /usr/bin/python3 "$here/crawl_asyncio.py" BOOT "$each"
	measure libtorrent /usr/bin/python3 "$here/crawl_libtorrent.py" ALL_BOOT "$each"
else
	echo "skipped: libtorrent (apt install python3-libtorrent)" >&2
fi
if command -v node >/dev/null && [ -d "$here/../../tests/node_modules/bittorrent-dht" ]; then
	measure bittorrent-dht-codec node "$here/crawl_bittorrent_dht.mjs" BOOT "$each"
	measure bittorrent-dht node "$here/crawl_bittorrent_dht_lookups.mjs" ALL_BOOT "$each"
else
	echo "skipped: bittorrent-dht (npm ci in tests/)" >&2
fi
python3 - "$out" <<'PY'
import json, sys
rows = [json.loads(l) for l in open(sys.argv[1])]
us = rows[1]  # of the same plan
for r in rows[2:]:
    print(f"{r['name']}: {us['nodes_per_s'] / max(1, r['nodes_per_s']):.1f} times fewer nodes a second, "
          f"{r['cpu_us_per_node'] / us['cpu_us_per_node']:.1f} times the CPU for a node, "
          f"recall {100 * r['recall']:.1f} % after {r['seconds']:.0f} s; ours {100 * us['recall']:.1f} % after {us['seconds']:.1f} s",
          file=sys.stderr)
PY
