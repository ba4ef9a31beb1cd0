#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A census of both families among libtorrent nodes of IPv4 and of IPv6, over one socket bound
# to [::]. Namespaces of the script's own, no way out, as in swarm_presence.sh.
# $1: build folder. Half a minute; NODES per family.
set -u
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3
: "${NODES:=20}"

skip() { echo "SKIP: $*"; exit 77; }

if [ "${1:-}" != inside ]; then
	DT_PROG=$(cd "$here/../.." && pwd)/${1:-build/release}/dht-telescope
	[ -x "$DT_PROG" ] || skip "no $DT_PROG"
	command -v jq >/dev/null || skip "no jq"
	$py -c 'import libtorrent' 2>/dev/null || skip "no python3-libtorrent"
	[ "$(id -u)" = 0 ] || skip "root only: IPv6 nodes need ip_nonlocal_bind"
	unshare --net --mount true 2>/dev/null || skip "may not make network namespaces"
	work=$(mktemp -d)
	export DT_PROG NODES
	trap 'kill -KILL $child; sleep 1; rm -rf "$work"; exit 1' INT TERM
	setpriv --pdeathsig KILL unshare --net --pid --fork --kill-child --mount-proc \
		bash "$here/$(basename "$0")" inside "$work" &
	child=$!
	wait $child
	rc=$?
	rm -rf "$work"
	exit $rc
fi

work=$2
fail() { echo "FAIL: $*"; exit 1; }
trap 'kill $nodes $crawler 2>/dev/null' EXIT
nodes=

echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind || skip "no ip_nonlocal_bind"
ip link set lo up
ip route add local 0.0.0.0/0 dev lo table main
ip -6 route add local 2000::/3 dev lo table main
unshare --net sleep 300 &
crawler=$!
in_crawler() { nsenter --target $crawler --net "$@"; }
for _ in $(seq 100); do
	[ "$(readlink /proc/$crawler/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
	sleep 0.02
done
ip link add inet type veth peer name world netns $crawler || fail "no veth"
ip addr add 203.0.113.1/24 dev inet
ip -6 addr add 2a03:1::1/64 dev inet nodad
ip link set inet up
in_crawler ip link set lo up
in_crawler ip addr add 203.0.113.2/24 dev world
in_crawler ip -6 addr add 2a03:1::2/64 dev world nodad
in_crawler ip link set world up
in_crawler ip route add default via 203.0.113.1
in_crawler ip -6 route add default via 2a03:1::1

$py - "$work" "$NODES" <<'PY'
import json, random, sys
random.seed(2)
n = int(sys.argv[2])
four = [{"ip": "5.10.%d.7" % i, "port": 6881} for i in range(n)]
six = [{"ip": "[2a02:%x::7]" % (i + 1), "port": 6881} for i in range(n)]
for family in (four, six):
    for node in family:
        node["boot"] = [[b["ip"].strip("[]"), 6881] for b in random.sample(family, 6) if b is not node]
json.dump(four + six, open(sys.argv[1] + "/spec.json", "w"))
PY
$py "$here/../integration/swarm/lt_nodes.py" "$work/spec.json" "$work/self.json" >"$work/lt.log" 2>&1 &
nodes=$!
sleep 16
[ -e "$work/self.json" ] || { cat "$work/lt.log"; fail "libtorrent did not start"; }

for _ in 1 2 3; do # a node that was deaf may have found somebody by the next
	in_crawler timeout 60 "$DT_PROG" crawl --ipv6 --bootstrap '5.10.0.7:6881,[2a02:1::7]:6881' \
		--rate 2000 --workers 2 --sweep-after-s 2 --timeout1-s 1 --timeout2-s 2 --geo none --quiet \
		--certify 0 --store "" --nodes-csv "$work/nodes.csv" --report "$work/report.json" \
		>"$work/talk" 2>&1 || { cat "$work/talk"; fail "crawl"; }
	jq -c .families "$work/report.json"
	jq -e --argjson n "$NODES" '.families.ipv4.live_endpoints == $n and
		.families.ipv6.live_endpoints == $n and .unexplained == 0' "$work/report.json" >/dev/null &&
		break
	sleep 5
done
$py - "$work" <<'PY' || fail "ids"
import csv, json, sys
truth = json.load(open(sys.argv[1] + "/self.json"))
got = {}
for row in csv.DictReader(open(sys.argv[1] + "/nodes.csv")):
    ip = row["ip"].strip("[]")
    got[("[%s]:%s" if ":" in ip else "%s:%s") % (ip, row["port"])] = row["id"]
wrong = [k for k, v in truth.items() if got.get(k) != v]
print(f"{len(truth) - len(wrong)} of {len(truth)} nodes under the id they have themselves", *wrong)
sys.exit(bool(wrong))
PY
echo ok
