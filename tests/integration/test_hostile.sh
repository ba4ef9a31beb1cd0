#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A census among attackers (tests/integration/hostile/hostile.py), every packet
# of which is captured and judged.
#
#     crawler's namespace                 "the Internet", no way out
#   +----------------------+        +---------------------------------------+
#   |  capture on all      |  veth  |  lo: every address is local (AnyIP)   |
#   |  dht-telescope crawl-+--------+-- 203.0.113.1/24                      |
#   |     203.0.113.2/24   |        |  5.10.x.y honest, 5.20.x.y hostile    |
#   +----------------------+        +---------------------------------------+
set -u
here=$(cd "$(dirname "$0")" && pwd)
py=$here/hostile/hostile.py
: "${DT_PROG:=$PWD/build/release/dht-telescope}"

skip() { echo "SKIP: $*"; exit 77; }

if [ "${1:-}" != inside ]; then
	command -v ip >/dev/null && command -v unshare >/dev/null || skip "no ip or unshare program"
	command -v python3 >/dev/null || skip "no python3"
	[ -x "$DT_PROG" ] || skip "no $DT_PROG"
	root=()
	[ "$(id -u)" = 0 ] || root=(--map-root-user)
	unshare "${root[@]}" --net --mount true 2>/dev/null ||
		skip "may not make network namespaces (no CAP_NET_ADMIN)"
	work=$(mktemp -d)
	export DT_PROG
	trap 'kill -KILL $child; sleep 1; rm -rf "$work"; exit 1' INT TERM
	setpriv --pdeathsig KILL unshare "${root[@]}" --net --pid --fork --kill-child --mount-proc \
		bash "$here/$(basename "$0")" inside "$work" &
	child=$!
	wait $child
	rc=$?
	[ "${KEEP:-0}" = 1 ] && echo "kept: $work" || rm -rf "$work"
	exit $rc
fi

# ---- inside: this is process 1 of its namespace; what is left ends with it ----
work=$2
fail() { echo "not ok 99 - $*"; exit 1; }
until_true() { for _ in $(seq 100); do "$@" && return; sleep 0.05; done; return 1; }

ip link set lo up
ip route add local 0.0.0.0/0 dev lo table main # not table local: the veth's network still wins
unshare --net sleep 300 &
crawler=$!
in_crawler() { nsenter --target $crawler --net "$@"; }
own_net() { [ "$(readlink /proc/$crawler/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
until_true own_net || fail "no second namespace"
ip link add inet type veth peer name world netns $crawler || fail "no veth"
ip addr add 203.0.113.1/24 dev inet
ip link set inet up
in_crawler ip link set lo up
in_crawler ip addr add 203.0.113.2/24 dev world
in_crawler ip link set world up
in_crawler ip route add default via 203.0.113.1

python3 "$py" world "$work/ready" 2>"$work/world.log" &
in_crawler python3 "$py" capture "$work/sent" &
capture=$!
until_true test -e "$work/ready" && until_true test -s "$work/sent" || fail "no world"
echo "93.184.0.0/16 # somebody who asked us to stay away" >"$work/block.list"

in_crawler timeout --kill-after=5 60 "$DT_PROG" crawl --bootstrap 5.10.0.1:6881,5.10.0.2:6881 \
	--rate 2000 --workers 2 --sweep-after-s 1 --timeout1-s 0.7 --timeout2-s 0.7 --geo none \
	--late-s 2 --max-runtime-s 20 --cooldown-s 1 --store "$work/store" --quiet \
	--blocklist "$work/block.list" --keep-bad "$work/bad" --report "$work/report.json" \
	>"$work/crawl.log" 2>&1
rc=$?
sleep 0.6
kill $capture
python3 "$py" judge "$work/sent" "$work/report.json"
judged=$?
cat "$work/crawl.log" | sed 's/^/# /'
[ $rc = 0 ] || fail "crawl exits $rc"
lines=$(grep -cv '^#' "$work/bad")
[ "$lines" -gt 20 ] && ! grep -v '^#' "$work/bad" | grep -qvP '^([0-9a-f]{2})*\t[a-z]' ||
	fail "--keep-bad kept $lines lines"
echo "ok 98 - --keep-bad kept $lines datagrams"
exit $judged
