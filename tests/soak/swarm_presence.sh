#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A campaign of censuses among libtorrent nodes that are killed and started meanwhile: the
# store's log says of every census who was up. Networks as in
# tests/integration/test_real_peers.sh: namespaces of the script's own, no way out; when it
# ends, however it ends, the kernel ends the rest with it.
# $1: build folder. Three minutes; NODES per group (a fifth of all), EPOCHS, INTERVAL and SETTLE in
# seconds. A node costs 1.2 MiB and a thread; tests/README.md has how many a machine carries.
set -u
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3
: "${NODES:=15}" "${EPOCHS:=5}" "${INTERVAL:=30}" "${SETTLE:=14}"

skip() { echo "SKIP: $*"; exit 77; }

if [ "${1:-}" != inside ]; then
	DT_PROG=$(cd "$here/../.." && pwd)/${1:-build/release}/dht-telescope
	[ -x "$DT_PROG" ] || skip "no $DT_PROG"
	command -v jq >/dev/null || skip "no jq"
	$py -c 'import libtorrent' 2>/dev/null || skip "no python3-libtorrent"
	root=()
	[ "$(id -u)" = 0 ] || root=(--map-root-user)
	unshare "${root[@]}" --net --mount true 2>/dev/null || skip "may not make network namespaces"
	work=$(mktemp -d)
	export DT_PROG NODES EPOCHS INTERVAL SETTLE
	trap 'kill -KILL $child; sleep 1; rm -rf "$work"; exit 1' INT TERM
	setpriv --pdeathsig KILL unshare "${root[@]}" --net --pid --fork --kill-child --mount-proc \
		bash "$here/$(basename "$0")" inside "$work" &
	child=$!
	wait $child
	rc=$?
	[ "${KEEP:-0}" = 1 ] && echo "kept: $work" || rm -rf "$work"
	exit $rc
fi

work=$2
ulimit -n "$(ulimit -Hn)" # a session has a dozen descriptors
declare -A group
trap 'kill "${group[@]}" $crawler $campaign 2>/dev/null' EXIT
fail() { echo "FAIL: $*"; exit 1; }

ip link set lo up
ip route add local 0.0.0.0/0 dev lo table main
unshare --net sleep $((EPOCHS * INTERVAL + SETTLE + 600)) &
crawler=$! campaign=
in_crawler() { nsenter --target $crawler --net "$@"; }
for _ in $(seq 100); do
	[ "$(readlink /proc/$crawler/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
	sleep 0.02
done
ip link add inet type veth peer name world netns $crawler || fail "no veth"
ip addr add 203.0.113.1/24 dev inet && ip link set inet up
in_crawler ip link set lo up
in_crawler ip addr add 203.0.113.2/24 dev world
in_crawler ip link set world up
in_crawler ip route add default via 203.0.113.1

# base: always up. leavers: killed after the second census. comers: started then. back: killed
# after the second, started again after the third.
$py - "$work" "$NODES" <<'PY'
import json, random, sys
octets = [5, 23, 31, 37, 46, 62, 77, 80, 84, 88, 91, 93, 95, 109, 145, 176, 178, 185, 188, 193, 212]
random.seed(1)
spec, n = {}, int(sys.argv[2])
for i in range(5 * n):
    name = ("base", "base", "leavers", "comers", "back")[i // n]
    spec.setdefault(name, []).append({"port": 6881, "ip": "%d.%d.%d.%d" % (
        octets[i % len(octets)], 10 + i // 250, (i * 37) % 256, 1 + (i * 7) % 250)})
for name, nodes in spec.items():
    for node in nodes:
        node["boot"] = [[b["ip"], b["port"]] for b in random.sample(spec["base"], 8) if b is not node]
    json.dump(nodes, open(f"{sys.argv[1]}/{name}.json", "w"))
PY
start() {
	$py "$here/../integration/swarm/lt_nodes.py" "$work/$1.json" "$work/$1.self" >"$work/$1.log" 2>&1 </dev/null &
	group[$1]=$!
}
stop() { # SIGKILL: no farewell
	kill -KILL "${group[$1]}"
	wait "${group[$1]}" 2>/dev/null
	unset "group[$1]"
}
start base; start leavers; start back
sleep "$SETTLE"

first=$(jq -r '.[0] | "\(.ip):\(.port)"' "$work/base.json")
in_crawler "$DT_PROG" crawl --bootstrap "$first" --rate 2000 --workers 1 --sweep-after-s 2 \
	--timeout1-s 1 --timeout2-s 2 --geo none --quiet --certify 0 --store "$work/store" --bucket-s 10 \
	--epochs "$EPOCHS" --interval "$INTERVAL" --report - >"$work/reports" 2>"$work/talk" &
campaign=$!
finished() { jq -s length "$work/reports" 2>/dev/null || echo 0; }
await() { # censuses that are over
	for _ in $(seq $((INTERVAL * 10))); do
		[ "$(finished)" -ge "$1" ] && return
		sleep 0.2
	done
	cat "$work/talk"
	fail "census $1 did not end"
}
await 2
stop leavers; stop back; start comers
await 3
start back
wait $campaign || { tail -5 "$work/talk"; fail "the campaign"; }
campaign=
[ "$(finished)" = "$EPOCHS" ] || fail "$(finished) censuses"

for k in $(seq "$EPOCHS"); do
	"$DT_PROG" export --store "$work/store" --at "$k" --raw --format csv --out "$work/at$k.csv" \
		2>>"$work/talk" || { tail -3 "$work/talk"; fail "export --at $k"; }
done
$py - "$work" "$EPOCHS" <<'PY'
import csv, json, sys
work, epochs = sys.argv[1], int(sys.argv[2])
groups = {g: {(n["ip"], n["port"]) for n in json.load(open(f"{work}/{g}.json"))}
          for g in ("base", "leavers", "comers", "back")}
up = {"base": lambda k: True, "leavers": lambda k: k <= 2, "comers": lambda k: k >= 3,
      "back": lambda k: k <= 2 or k >= 4}
wrong = total = 0
for k in range(1, epochs + 1):
    with open(f"{work}/at{k}.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    col = next(c for c in rows[0] if c in ("ip", "address", "addr"))
    heard = {(r[col], int(r["port"])) for r in rows}
    line = []
    for g, nodes in groups.items():
        got = len(nodes & heard)
        want = len(nodes) if up[g](k) else 0
        total += len(nodes)
        wrong += abs(got - want)
        line.append(f"{g} {got} of {want}")
    stray = heard - set().union(*groups.values())
    print(f"census {k}: {', '.join(line)}; others {len(stray)}")
    wrong += len(stray)
print(f"{total - wrong} of {total} presences agree with what was up")
# A node that was started seconds ago may stand in no table yet.
sys.exit(wrong > total * 0.03)
PY
rc=$?
jq -c '{started, live_endpoints, warm_known, warm_live, doubted_known}' "$work/reports"
[ $rc = 0 ] || fail "the log and the swarm differ"
echo "ok"
