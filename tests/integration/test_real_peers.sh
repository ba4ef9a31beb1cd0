#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A census of third-party nodes: libtorrent, transmission, aria2, rtorrent and,
# where its module is installed, bittorrent-dht.
#
#     crawler's namespace                 "the Internet", no way out
#   +----------------------+        +-----------------------------------------+
#   |  dht-telescope crawl |  veth  |  lo: every address is local (AnyIP)     |
#   |     203.0.113.2/24 --+--------+-- 203.0.113.1/24                        |
#   +----------------------+        |  5.10.x.y:6881  libtorrent              |
#                                   |  23.11.x.y:6881 transmission   ...      |
#                                   +-----------------------------------------+
#
# Truth is what an independent walker (swarm/walk.py) sees before and after, and
# what libtorrent says of itself. All of it lives in namespaces of its own, the
# process ids too: when this script ends, however it ends, the kernel ends the
# rest with it and nothing is left behind.
set -u
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3 # Debian's own: it sees python3-libtorrent
: "${DT_PROG:=$PWD/build/release/dht-telescope}"
: "${SWARM_LT:=40}" "${SWARM_OTHER:=3}" # nodes of libtorrent, and of each other kind
: "${SETTLE_S:=12}" "${SETTLE_MAX_S:=25}" "${CRAWL_S:=20}"

skip() { echo "SKIP: $*"; exit 77; }

if [ "${1:-}" != inside ]; then
	command -v ip >/dev/null && command -v unshare >/dev/null || skip "no ip or unshare program"
	$py -c 'import libtorrent' 2>/dev/null || skip "no python3-libtorrent"
	[ -x "$DT_PROG" ] || skip "no $DT_PROG"
	root=()
	[ "$(id -u)" = 0 ] || root=(--map-root-user)
	unshare "${root[@]}" --net --mount true 2>/dev/null ||
		skip "may not make network namespaces (no CAP_NET_ADMIN)"
	work=$(mktemp -d)
	export DT_PROG SWARM_LT SWARM_OTHER SETTLE_S SETTLE_MAX_S CRAWL_S
	# Not exec: this process outlives the namespaces and removes the folder. When
	# unshare is killed, the kernel kills its child, process 1 in there, and with
	# that everything else in there; that takes a moment.
	trap 'kill -KILL $child; sleep 1; rm -rf "$work"; exit 1' INT TERM
	setpriv --pdeathsig KILL unshare "${root[@]}" --net --pid --fork --kill-child --mount-proc \
		bash "$here/$(basename "$0")" inside "$work" &
	child=$!
	wait $child
	rc=$?
	[ "${KEEP:-0}" = 1 ] && echo "kept: $work" || rm -rf "$work"
	exit $rc
fi

# ---- inside: this is process 1 of its namespace ----
work=$2
pids=()
cleanup() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
}
trap cleanup EXIT
trap 'exit 1' INT TERM
fail() { echo "FAIL: $*"; exit 1; }

run() { # LOG COMMAND...: in the background, remembered
	local log=$work/$1.log
	shift
	"$@" >"$log" 2>&1 </dev/null &
	pids+=($!)
}

ip link set lo up
# In table main and not local, so that the veth's network still wins.
ip route add local 0.0.0.0/0 dev lo table main
unshare --net sleep 600 &
crawler=$!
pids+=($crawler)
in_crawler() { nsenter --target $crawler --net "$@"; }
for _ in $(seq 100); do
	[ "$(readlink /proc/$crawler/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
	sleep 0.02
done
ip link add inet type veth peer name world netns $crawler || fail "no veth"
ip addr add 203.0.113.1/24 dev inet
ip link set inet up
in_crawler ip link set lo up
in_crawler ip addr add 203.0.113.2/24 dev world
in_crawler ip link set world up
in_crawler ip route add default via 203.0.113.1

# Addresses: routable, each in a /24 of its own, none in the first octets that
# libtorrent drops (3 6 7 9 11 19 21 22 25 26 28 29 30 33 34 48 56).
kinds=(libtorrent:"$SWARM_LT")
for k in transmission:transmission-daemon aria2:aria2c rtorrent:rtorrent; do
	if command -v "${k#*:}" >/dev/null; then kinds+=("${k%:*}:$SWARM_OTHER")
	else echo "no ${k#*:}: goes without"; fi
done
if command -v node >/dev/null && [ -d "$here/../node_modules/bittorrent-dht" ]; then
	kinds+=(bittorrent-dht:$((SWARM_OTHER * 2)))
else
	echo "no bittorrent-dht (npm --prefix tests install): goes without"
fi
$py - "$work" "${kinds[@]}" <<'PY'
import json, random, sys
octets = [5, 23, 31, 37, 46, 62, 77, 80, 84, 88, 91, 93, 95, 109, 145, 176, 178, 185, 188, 193, 212]
random.seed(1)
spec = []
for arg in sys.argv[2:]:
    kind, n = arg.split(":")
    for _ in range(int(n)):
        i = len(spec)
        spec.append({"kind": kind, "ip": "%d.%d.%d.%d" % (octets[i % len(octets)], 10 + i // 250,
                     (i * 37) % 256, 1 + (i * 7) % 250), "port": 6881})
lt = [n for n in spec if n["kind"] == "libtorrent"]
for n in spec:
    # Everybody begins with some libtorrent nodes, and those with anybody: a node
    # that nobody was told of may stand in no table for minutes.
    some = random.sample(lt if n not in lt else spec, min(8, len(lt)))
    n["boot"] = [[b["ip"], b["port"]] for b in some if b is not n]
json.dump(spec, open(sys.argv[1] + "/spec.json", "w"))
for kind in {n["kind"] for n in spec}:
    part = [n for n in spec if n["kind"] == kind]
    json.dump(part, open("%s/%s.json" % (sys.argv[1], kind), "w"))
    with open("%s/%s.list" % (sys.argv[1], kind), "w") as f:
        for n in part:
            print(n["ip"], n["port"], *("%s:%d" % tuple(b) for b in n["boot"]), file=f)
PY

. "$here/swarm/clients.sh"

began=$SECONDS
run libtorrent $py "$here/swarm/lt_nodes.py" "$work/libtorrent.json" "$work/self.json"
# The others know libtorrent nodes only: one that finds nobody there at its
# start may ask again a minute later.
for _ in $(seq 200); do
	[ -e "$work/self.json" ] && break
	sleep 0.1
done
[ -e "$work/self.json" ] || { cat "$work/libtorrent.log"; fail "libtorrent did not start"; }
for kind in transmission aria2 rtorrent; do
	[ -e "$work/$kind.list" ] || continue
	while read -r ip port boot; do
		# shellcheck disable=SC2086 # several addresses
		"start_$kind" "$ip" "$port" $boot
	done <"$work/$kind.list"
done
[ -e "$work/bittorrent-dht.json" ] && NODE_PATH=$here/../node_modules \
	run bittorrent-dht node "$here/swarm/js_nodes.mjs" "$work/bittorrent-dht.json"

$py "$here/swarm/walk.py" truth "$work/spec.json" "$work/before.json" "$SETTLE_S" \
	"$SETTLE_MAX_S" "$work/self.json" || fail "the walker"
echo "swarm settled after $((SECONDS - began)) s"

first=$(awk 'NR == 1 { print $1 ":" $2 }' "$work/libtorrent.list")
census() { # NUMBER: one census and its comparison
	local began=$SECONDS rc
	in_crawler timeout --kill-after=5 $((CRAWL_S + 10)) "$DT_PROG" crawl --bootstrap "$first" \
		--rate 2000 --workers 1 --sweep-after-s 3 --timeout1-s 1 --timeout2-s 2 --geo none \
		--max-runtime-s "$CRAWL_S" --cooldown-s 2 --store "$work/store$1" \
		--report "$work/report.json" --nodes-csv "$work/nodes.csv" >"$work/crawl.log" 2>&1
	rc=$?
	[ $rc = 0 ] || { tail -n 20 "$work/crawl.log"; fail "crawl exits $rc"; }
	echo "census took $((SECONDS - began)) s"
	$py "$here/swarm/walk.py" truth "$work/spec.json" "$work/after.json" 0 4 \
		"$work/self.json" >/dev/null
	$py "$here/swarm/compare.py" "$work/before.json" "$work/after.json" "$work/nodes.csv" \
		"$work/report.json"
}

census 1
rc=$?
# 99 % of 49 nodes is all of them, and an rtorrent that is busy for ten seconds is
# deaf to three attempts (seen once in eight runs): one more census has to find it.
[ $rc = 0 ] || { echo "once more, for a node that was deaf"; sleep 3; census 2; rc=$?; }
# Whoever the census annoyed has banned its address and stays silent now.
alive=$($py -c 'import json, sys; print(sum(bool(n["id"]) for n in json.load(open(sys.argv[1]))))' \
	"$work/after.json")
still=$(in_crawler $py "$here/swarm/walk.py" ping "$work/spec.json")
echo "$still of $alive living nodes still answer the crawler's address"
[ "$still" = "$alive" ] || { echo "FAIL: the census was banned somewhere"; rc=1; }
[ $rc = 0 ] || { tail -n 15 "$work/crawl.log"; cat "$work/report.json"; }
exit $rc
