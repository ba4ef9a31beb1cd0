#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A tap beside a census of a simulated DHT, at the rate that the machine gives:
# two queues, nothing dropped, nothing counted twice, every node of the census
# seen. Then the same traffic from a capture file, against tshark's dissector.
#
#       a network namespace with nothing but lo
#   +-----------------------------------------------------+
#   |  dht-telescope crawl --sim  ◀── 127.0.0.0/8 ──▶ farm |
#   |                 │ lo                                |
#   |  dht-telescope tap -i lo (2 queues)    tcpdump -w   |
#   +-----------------------------------------------------+
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${DT_PROG:=$PWD/build/release/dht-telescope}" "${TAP_SIM:=3000}"

skip() { echo "SKIP: $*"; exit 77; }

if [ "${1:-}" != inside ]; then
	command -v ip >/dev/null && command -v unshare >/dev/null || skip "no ip or unshare program"
	command -v python3 >/dev/null || skip "no python3"
	[ -x "$DT_PROG" ] || skip "no $DT_PROG"
	root=()
	[ "$(id -u)" = 0 ] || root=(--map-root-user)
	unshare "${root[@]}" --net true 2>/dev/null ||
		skip "may not make network namespaces (no CAP_NET_ADMIN)"
	export DT_PROG TAP_SIM
	work=$(mktemp -d)
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
num() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1]))
for k in sys.argv[2].split("/"): d = d[int(k)] if isinstance(d, list) else d[k]
print(d)' "$1" "$2"; }

ip link set lo up
"$DT_PROG" tap -i lo --queues 2 --store live --geo none --report live.json --log live.log \
	--log-kinds reply >live.txt 2>live.err &
tap=$!
until_true grep -q frames live.err || sleep 1
dump=
if command -v tcpdump >/dev/null; then
	tcpdump -i lo -w lo.pcap -s 0 -B 65536 --immediate-mode udp >dump.txt 2>&1 &
	dump=$!
	until_true grep -q listening dump.txt
fi
timeout 100 "$DT_PROG" crawl --sim "$TAP_SIM" --store '' --geo none --report crawl.json \
	--pcap crawl.pcap --nodes-csv nodes.csv --sweep-after-s 0.5 --timeout1-s 0.5 --timeout2-s 0.5 --late-s 1 --quiet \
	>crawl.txt 2>&1
ok $? "a census of $TAP_SIM simulated nodes"
sleep 0.3
[ -n "$dump" ] && kill -INT $dump && wait $dump
kill -INT $tap
wait $tap
ok $? "the tap ends with SIGINT"
sed 's/^/# /' live.txt

sent=$(num crawl.json packets_sent) got=$(num crawl.json packets_received)
[ "$(num live.json messages/find_node)" = "$sent" ] && [ "$(num live.json messages/reply)" = "$got" ]
ok $? "every query and reply once: $sent and $got"
[ "$(num live.json drops/kernel)" = 0 ] && [ "$(num live.json drops/sightings)" = 0 ]
ok $? "nothing dropped"
a=$(num live.json queues/0/frames) b=$(num live.json queues/1/frames)
[ "$a" -gt $(((a + b) / 4)) ] && [ "$b" -gt $(((a + b) / 4)) ]
ok $? "both queues used: $a and $b"
[ "$(num live.json transactions/orphans)" = 0 ] &&
	[ "$(num live.json transactions/answered)" = "$(num crawl.json answered)" ]
ok $? "every reply met its query: $(num live.json transactions/answered)"
grep -o '"id":"[0-9a-f]*"' live.log | cut -d'"' -f4 | sort -u >seen
tail -n +2 nodes.csv | cut -d, -f1 | sort -u >census
[ -s census ] && [ -z "$(comm -13 seen census)" ]
ok $? "all $(wc -l <census) nodes of the census are among the $(wc -l <seen) seen"
"$DT_PROG" summary --store live --json >summary.json && "$DT_PROG" export --store live --raw \
	--out - 2>/dev/null | python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
census = set(open("census").read().split())
tapped = {r["id"] for r in rows if int(r["ways"]) & 8}
assert census <= tapped, len(census - tapped)
assert all(int(r["ways"]) == 8 and int(r["first_answered_s"]) == 0 for r in rows)
replied = [r for r in rows if r["id"] in census]
assert all(int(r["rtt_us"]) > 0 and int(r["answers"]) == 1 for r in replied)'
ok $? "in the store they are tapped, with their round trip, and have not answered us"

"$DT_PROG" tap -r crawl.pcap --store '' --geo none --quiet --report mirror.json --log mirror.log \
	--log-kinds reply >/dev/null 2>&1 &&
	[ "$(num mirror.json messages/find_node)" = "$(num live.json messages/find_node)" ] &&
	[ "$(num mirror.json messages/reply)" = "$(num live.json messages/reply)" ] &&
	[ -z "$(comm -13 <(grep -o '"id":"[0-9a-f]*"' mirror.log | cut -d'"' -f4 | sort -u) census)" ]
ok $? "what crawl --pcap kept is what the tap saw"
# By public addresses, as the census knows them, and not by those of the loopback.
awk -F, 'NR > 1 { print $2 ":" $3 }' nodes.csv | sort >public
grep -o '"from":"[0-9.:]*"' mirror.log | cut -d'"' -f4 | sort -u | comm -12 - public | cmp -s - public
ok $? "under the addresses that the census names"

# The same traffic over a veth pair, many times over, as fast as two senders can.
unshare --net sleep 60 &
far=$!
far_net() { [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
until_true far_net && ip link add near type veth peer name wire netns $far && ip link set near up &&
	nsenter --target $far --net ip link set wire up
nsenter --target $far --net "$DT_PROG" tap -i wire --queues 2 --store '' --geo none \
	--report veth.json >veth.txt 2>veth.err &
tap=$!
sleep 0.6
read -r left rate <<<"$(python3 "$here/ear/replay.py" near crawl.pcap "${TAP_TIMES:-8}")"
sleep 0.3
kill -INT $tap
wait $tap
[ "$(num veth.json frames/udp)" = "$left" ] && [ "$(num veth.json drops/kernel)" = 0 ] &&
	[ "$(num veth.json drops/sightings)" = 0 ]
ok $? "over a veth pair: $left frames at $rate/s, each once, none dropped"
a=$(num veth.json queues/0/frames) b=$(num veth.json queues/1/frames)
[ "$a" -gt $(((a + b) / 4)) ] && [ "$b" -gt $(((a + b) / 4)) ]
ok $? "both queues used: $a and $b"
sed -n '/drops/,$p' veth.txt | sed 's/^/# /'

[ -n "$dump" ] || { echo "# no tcpdump: goes without the capture file"; exit $bad; }
# tcpdump may drop at this rate; what it kept is what the file holds.
kept=$(sed -n 's/ packets captured//p' dump.txt)
"$DT_PROG" tap -r lo.pcap --store '' --geo none --quiet --report file.json >file.txt 2>&1 &&
	[ "$(num file.json frames/all)" = "$kept" ]
ok $? "the same from the file that tcpdump wrote: $kept frames"
"$DT_PROG" tap -r - --store '' --geo none --quiet --report pipe.json <lo.pcap >/dev/null 2>&1 &&
	[ "$(num pipe.json messages/reply)" = "$(num file.json messages/reply)" ]
ok $? "and from standard input"
"$DT_PROG" tap -r crawl.pcap --edges --store graph --geo none --quiet --report edges.json >/dev/null 2>&1 &&
	"$DT_PROG" export --store graph --what edges --raw --out edges.csv >/dev/null 2>edges.err &&
	[ "$(($(wc -l <edges.csv) - 1))" -gt "$(num edges.json transactions/answered)" ]
ok $? "edges too: $(($(wc -l <edges.csv) - 1)) of who listed whom"
if command -v tshark >/dev/null; then
	tshark -r lo.pcap -c 4000 -w some.pcapng 2>/dev/null
	"$DT_PROG" tap -r some.pcapng --store '' --geo none --quiet --report some.json >/dev/null 2>&1
	python3 "$here/ear/dissect.py" some.json some.pcapng
	ok $? "tshark counts the same messages"
else
	echo "# no tshark: goes without its comparison"
fi
size=$(stat -c %s lo.pcap)
head -c $((size - 3)) lo.pcap >cut.pcap # inside of the last frame
"$DT_PROG" tap -r cut.pcap --store '' --geo none --quiet --report cut.json >cut.txt 2>&1 &&
	grep -q 'note: cut.pcap: .*truncated' cut.txt && [ "$(num cut.json end)" = "cut file" ] &&
	[ "$(num cut.json frames/all)" = $((kept - 1)) ]
ok $? "all but the last frame of a cut file is read, and it is said"
began=$(date +%s%N)
head -c $((size / 2)) lo.pcap | "$DT_PROG" tap -r - --speed 0.05 --max-runtime-s 1 --store '' --geo none \
	--quiet --report slow.json >/dev/null 2>&1
took=$((($(date +%s%N) - began) / 1000000))
[ "$(num slow.json end)" = runtime ] && [ $took -ge 900 ] && [ $took -lt 3000 ]
ok $? "at recorded speed it takes its time: stopped after $took ms"
exit $bad
