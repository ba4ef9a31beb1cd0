#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The ear under attack (ear/attack.py): floods from forged addresses, forged tokens,
# poisoned tables, spoilt and random datagrams. Never more bytes out than in by the
# kernel's count, no crash, bounded memory, the honest keep their answers and
# their places.
#
#      the ear's namespace                "the Internet", no way out
#   +-----------------------+       +---------------------------------------+
#   | dht-telescope listen  | veth  |  lo: every address is local (AnyIP)   |
#   | 81.2.69.142:6881 -----+-------+-- 203.0.113.1/24                      |
#   | counters of the veth  |       |  5.x.7.1 honest; 24/8 forged, a hole  |
#   +-----------------------+       +---------------------------------------+
#
# HOSTILE_S=600 HOSTILE_PPS=4000 is the soak.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${DT_PROG:=$PWD/build/release/dht-telescope}" "${HOSTILE_S:=4}" "${HOSTILE_PPS:=20000}"
: "${HOSTILE_LOG=ear.ndjson}"
ear=81.2.69.142

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
	export DT_PROG HOSTILE_S HOSTILE_PPS HOSTILE_LOG
	setpriv --pdeathsig KILL unshare "${root[@]}" --net --pid --fork --kill-child --mount-proc \
		bash "$here/$(basename "$0")" inside "$work"
	rc=$?
	[ "${KEEP:-0}" = 1 ] && echo "kept: $work" || rm -rf "$work"
	exit $rc
fi

# ---- inside: this is process 1 of its namespace; what is left ends with it ----
work=$2
cd "$work" || exit 1
bad=0 n=0
ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}
until_true() { for _ in $(seq 200); do "$@" && return; sleep 0.05; done; return 1; }

ip link set lo up
ip route add local 0.0.0.0/0 dev lo table main
ip route add blackhole 24.0.0.0/8
unshare --net sleep 3600 &
inner=$!
in_ear() { nsenter --target $inner --net "$@"; }
own_net() { [ "$(readlink /proc/$inner/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
until_true own_net || { echo "not ok 1 - no second namespace"; exit 1; }
ip link add inet type veth peer name world netns $inner
ip addr add 203.0.113.1/24 dev inet
ip link set inet up
in_ear ip link set lo up
in_ear ip addr add 203.0.113.2/24 dev world
in_ear ip addr add $ear/32 dev world
in_ear ip link set world up
in_ear ip route add default via 203.0.113.1
ip route add $ear via 203.0.113.2
counter() { # rx or tx: bytes
	in_ear ip -s -j link show world | python3 -c 'import json, sys
print(json.load(sys.stdin)[0]["stats64"][sys.argv[1]]["bytes"])' "$1"
}

# Not in_ear: that would be a shell's child, and signals are for the program.
nsenter --target $inner --net "$DT_PROG" listen --bind $ear:6881 --bootstrap '' --store store --geo none --rate-s 2 \
	--keep-bad bad.txt --log "$HOSTILE_LOG" --report report.json >listen.txt 2>listen.err &
listen=$!
until_true grep -q '^listening' listen.err
rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$listen/status"; }
python3 "$here/ear/attack.py" $ear 6881 "$HOSTILE_S" "$HOSTILE_PPS" 1 attack.json 2>attack.err &
attack=$!
until_true test -e attack.json.flood
in0=$(counter rx) out0=$(counter tx) rss0=$(rss)
until [ -e attack.json.over ]; do sleep 0.1; kill -0 $attack 2>/dev/null || break; done
sleep 0.2
in1=$(counter rx) out1=$(counter tx) rss1=$(rss)
wait $attack || { cat attack.err; ok 1 "the attackers"; }
kill -0 $listen 2>/dev/null
ok $? "it is alive"
kill -INT $listen
wait $listen
ok $? "it ends with SIGINT, and well"
sed 's/^/# /' listen.txt
tail -n 2 listen.err | sed 's/^/# /'
python3 - $((in1 - in0)) $((out1 - out0)) "$rss0" "$rss1" <<'PY'
import json, sys
came, left, rss0, rss1 = map(int, sys.argv[1:])
a, r = json.load(open("attack.json")), json.load(open("report.json"))
print("# %d datagrams at %d/s; on the veth %d bytes in, %d out: factor %.3f" %
      (a["sent"], a["per_s"], came, left, left / came))
print("# resident %d KiB before, %d after" % (rss0, rss1))
print("# honest: asked %s, answered %s, %d of %d listed" %
      (a["asked"], a["answered"], len(a["listed"]), a["honest"]))
assert left <= came, "it amplifies"
assert rss1 < 500 * 1024, "memory"
assert r["bad_tokens"] > 0 and r["messages"]["malformed"] > 0
assert r["received"] + r["losses"]["kernel_receive_queue"] >= a["sent"] * 0.99
assert len(a["listed"]) >= a["honest"] - 1, set(a["listed"])
assert a["answered"]["after"] >= a["asked"]["after"] * 0.9
assert a["answered"]["during"] >= a["asked"]["during"] * 0.5
assert sum(r["messages"].values()) == r["received"] == r["heard_kept"]
PY
ok $? "no more out than in, memory bounded, the honest answered and listed"
[ "$(grep -vc '^#' bad.txt)" -gt 100 ]
ok $? "a sample of the bad ones is kept"
exit $bad
