#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A campaign of censuses among libtorrent, transmission, aria2, rtorrent and bittorrent-dht nodes
# that are killed and started meanwhile: the store's log says of every census who was up.
# Networks as in tests/integration/test_real_peers.sh: namespaces of the script's own, no way
# out; when it ends, however it ends, the kernel ends the rest with it.
#
# Truth: who was running. Whoever was, and was not heard, is looked for when the census is over
# (integration/swarm/presence.py): who answers no ping is not up, and one whom none tells of in
# whose table he stands can be found by no crawler. Both shares are told, with these and without.
#
# $1: build folder. Three minutes; NODES of libtorrent per group (a fifth of all), OTHERS of each other
# kind per group of four, EPOCHS, INTERVAL and SETTLE in seconds. A node costs 1.2 MiB and a
# thread; tests/README.md has how many a machine carries.
set -u
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3
: "${NODES:=15}" "${OTHERS:=1}" "${PLAN:=drain}" "${EPOCHS:=5}" "${INTERVAL:=30}" "${SETTLE:=14}"

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
	export DT_PROG NODES OTHERS PLAN EPOCHS INTERVAL SETTLE
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
# shellcheck disable=SC2086 # several pids
trap 'kill ${group[*]} $crawler $campaign 2>/dev/null' EXIT
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
kinds=()
for k in transmission:transmission-daemon aria2:aria2c rtorrent:rtorrent; do
	if command -v "${k#*:}" >/dev/null; then kinds+=("${k%:*}")
	else echo "no ${k#*:}: goes without"; fi
done
if command -v node >/dev/null && [ -d "$here/../node_modules/bittorrent-dht" ]; then kinds+=(bittorrent-dht)
else echo "no bittorrent-dht (npm --prefix tests install): goes without"; fi
$py - "$work" "$NODES" "$OTHERS" "${kinds[@]}" <<'PY'
import json, random, sys
octets = [5, 23, 31, 37, 46, 62, 77, 80, 84, 88, 91, 93, 95, 109, 145, 176, 178, 185, 188, 193, 212]
random.seed(1)
spec, count = {}, 0
def add(name, kind):
    global count
    i, count = count, count + 1
    spec.setdefault(name, {}).setdefault(kind, []).append({"kind": kind, "port": 6881, "ip": "%d.%d.%d.%d" % (
        octets[i % len(octets)], 10 + i // 250, (i * 37) % 256, 1 + (i * 7) % 250)})
for name in ("base", "base", "leavers", "comers", "back"):
    for _ in range(int(sys.argv[2])):
        add(name, "libtorrent")
for kind in sys.argv[4:]:
    for name in ("base", "leavers", "comers", "back"):
        for _ in range(int(sys.argv[3])):
            add(name, kind)
for name, kinds in spec.items():
    for kind, nodes in kinds.items():
        for node in nodes:
            node["boot"] = [[b["ip"], b["port"]] for b in random.sample(spec["base"]["libtorrent"], 8) if b is not node]
        json.dump(nodes, open(f"{sys.argv[1]}/{name}.{kind}.json", "w"))
        with open(f"{sys.argv[1]}/{name}.{kind}.list", "w") as f:
            for n in nodes:
                print(n["ip"], n["port"], *("%s:%d" % tuple(b) for b in n["boot"]), file=f)
PY
. "$here/../integration/swarm/clients.sh"
run() { # NAME COMMAND...: in the background, one of the group that is being started
	local log=$work/$1.log
	shift
	"$@" >"$log" 2>&1 </dev/null &
	group[$starting]+=" $!"
}
start() {
	starting=$1
	group[$1]=
	run "$1" $py "$here/../integration/swarm/lt_nodes.py" "$work/$1.libtorrent.json" "$work/$1.self" "$work/$1.tables"
	for kind in transmission aria2 rtorrent; do
		[ -e "$work/$1.$kind.list" ] || continue
		while read -r ip port boot; do
			# shellcheck disable=SC2086 # several addresses
			"start_$kind" "$ip" "$port" $boot
		done <"$work/$1.$kind.list"
	done
	[ -e "$work/$1.bittorrent-dht.json" ] && NODE_PATH=$here/../node_modules \
		run "$1.js" node "$here/../integration/swarm/js_nodes.mjs" "$work/$1.bittorrent-dht.json"
}
stop() { # SIGKILL: no farewell
	# shellcheck disable=SC2086 # several pids
	kill -KILL ${group[$1]}
	# shellcheck disable=SC2086
	wait ${group[$1]} 2>/dev/null
	unset "group[$1]"
}
start base
for _ in $(seq 300); do # the others know these only, and ask again a minute later
	[ -s "$work/base.self" ] && break
	sleep 0.1
done
start leavers; start back
sleep "$SETTLE"

first=$(jq -r '[.[:8][] | "\(.ip):\(.port)"] | join(",")' "$work/base.libtorrent.json") # one may be busy
in_crawler "$DT_PROG" crawl --bootstrap "$first" --plan "$PLAN" --rate 2000 --workers 1 --sweep-after-s 2 \
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
seen() { # census K is over: whom it heard, and where the others are
	await "$1"
	"$DT_PROG" export --store "$work/store" --at "$1" --raw --format csv --out "$work/at$1.csv" \
		2>>"$work/talk" || { tail -3 "$work/talk"; fail "export --at $1"; }
	$py "$here/../integration/swarm/presence.py" look "$work" "$1" || fail "looking for who was missed"
}
seen 1
seen 2
stop leavers; stop back; start comers
seen 3
start back
for k in $(seq 4 "$EPOCHS"); do seen "$k"; done
wait $campaign || { tail -5 "$work/talk"; fail "the campaign"; }
campaign=
[ "$(finished)" = "$EPOCHS" ] || fail "$(finished) censuses"
$py "$here/../integration/swarm/presence.py" judge "$work" "$EPOCHS"
rc=$?
jq -c '{started, live_endpoints, warm_known, warm_live, doubted_known}' "$work/reports"
[ $rc = 0 ] || fail "the log and the swarm differ"
echo "ok"
