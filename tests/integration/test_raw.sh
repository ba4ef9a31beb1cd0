#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test_raw.sh BUILD - a census by raw frames, as a user takes it.
#
#   crawl (near namespace) ==== veth ==== farm (far namespace)
#
# Both namespaces are made by the program itself and have no way out. Proves: packet
# and xdp find what sockets find, tcpdump finds every checksum right, the kernel
# answers no reply with an ICMP error, nothing is unexplained, and nothing stays behind.
set -u
. "$(dirname "$0")/lib.sh"
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "not root"
command -v ip >/dev/null && command -v nsenter >/dev/null || skip "no ip or nsenter program"

is() { # NAME COMMAND...
	local name=$1
	shift
	"$@" && result 0 "$name" || result 1 "$name"
}

field() { # FILE KEY...
	python3 -c '
import json, sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2:]:
    v = v[k]
print(v)' "$@"
}

args() { # BACKEND
	echo crawl --sim 4000 --dead 0.2 --loss 0 --sim-mode veth --backend "$1" --store= --seed 7 \
		--timeout1-s 0.5 --timeout2-s 0.5 --sweep-after-s 0.2 --cooldown-s 1 \
		--report "$TMP/$1.json" --metadata-file "$TMP/$1.meta.json"
}

devices=$(ip -br link | sort)
for b in uring packet xdp; do
	timeout 60 "$PROG" $(args $b) >"$TMP/$b.out" 2>&1
	is "$b: a census" [ $? = 0 ]
	is "$b is what was taken" [ "$(field "$TMP/$b.json" backend)" = "$b" ]
	is "$b: nothing unexplained" [ "$(field "$TMP/$b.json" unexplained)" = 0 ]
	is "$b: $(field "$TMP/$b.json" truth answered) of 4000 found" [ "$(field "$TMP/$b.json" truth answered)" -ge 3980 ]
done
is "packet says its way" grep -q 'packet (dtn0, from 198.51.100.1 over 192.0.2.2)' "$TMP/packet.out"
is "xdp says its mode" grep -q 'generic XDP, copying' "$TMP/xdp.out"
is "the metadata has the way" grep -q '"backend_why": "dtn0, ' "$TMP/packet.meta.json"

# What a capture at the far end says of the frames; where they leave, nobody is shown them.
if command -v tcpdump >/dev/null; then
	"$PROG" $(args packet) --rate 3000 --ports 3 >/dev/null 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		far=$(pgrep -P $pid | head -n 1)
		[ -n "$far" ] && nsenter -t "$far" -n ip -br link show dtf0 >/dev/null 2>&1 && break
		sleep 0.02
	done
	timeout 10 nsenter -t "$far" -n tcpdump -i dtf0 -Q in -c 2000 -nvv >"$TMP/dump" 2>/dev/null
	wait $pid
	is "tcpdump: $(grep -c 'udp sum ok' "$TMP/dump") checksums of 2000 right" \
		[ "$(grep -c 'udp sum ok' "$TMP/dump")" = 2000 ]
	is "tcpdump: none wrong, nobody answered by ICMP" [ "$(grep -cE 'bad (cksum|udp)|ICMP' "$TMP/dump")" = 0 ]
	is "three source ports" [ "$(grep -oE '198\.51\.100\.1\.[0-9]+ >' "$TMP/dump" | sort -u | wc -l)" = 3 ]
fi
is "nothing stays behind" [ "$(ip -br link | sort)" = "$devices" ]
expect 2 "raw frames have their simulation on --sim-mode veth" -- "$PROG" crawl --sim 10 --backend packet
expect 2 "ports: 1 to 16" -- "$PROG" crawl --sim 10 --ports 17
finish
