#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SIGKILL at random moments of a census on real sockets, and on: what is found is what one
# run finds, and a witness on the wire counts what every address got, kills or not.
# In a network namespace of its own, so that the witness sees nobody else. $1: build
# folder. Some two minutes; SEED, KILLS, NODES.
self=$(realpath "$0")
cd "$(dirname "$0")/../.." || exit 1
if [ "${ALONE:-0}" = 0 ]; then
	root=()
	[ "$(id -u)" = 0 ] || root=(--map-root-user)
	unshare "${root[@]}" --net true 2>/dev/null || { echo "SKIP: may not make network namespaces"; exit 77; }
	ALONE=1 exec unshare "${root[@]}" --net "$self" "$@"
fi
ip link set lo up
DT_PROG=$PWD/${1:-build/release}/dht-telescope
. tests/integration/lib.sh
NODES=${NODES:-100000} KILLS=${KILLS:-6} RANDOM=${SEED:-$$}
D=$TMP/store
CRAWL=("$PROG" crawl --sim "$NODES" --geo none --quiet --checkpoint-s 1 --store "$D"
	--report "$TMP/report.json")

witness=
if [ "$(id -u)" = 0 ] && command -v tcpdump >/dev/null; then
	tcpdump -i lo -n -s 64 -B 65536 -w "$TMP/lo.pcap" 'udp and dst net 127 and dst portrange 20000-20999' \
		2>"$TMP/tcpdump.log" &
	witness=$!
	sleep 1
else
	echo "# no witness: tcpdump as root only"
fi

resume= kills=0
for _ in $(seq "$KILLS"); do
	"${CRAWL[@]}" $resume >"$TMP/out" 2>&1 &
	pid=$!
	# The first 11 s of one that goes on are a pause, so that budgets hold across the kill.
	pause=1
	[ -n "$resume" ] && pause=12
	sleep "$pause.$((RANDOM % 10))"
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	kill -9 $pid 2>/dev/null || break
	wait $pid 2>/dev/null
	[ -e "$D/resume" ] && resume=--resume
	kills=$((kills + 1))
done
"${CRAWL[@]}" $resume >"$TMP/out" 2>&1
result $? "gone on to the end after $kills kills"
cat "$TMP/out" | head -8 | sed 's/^/# /'
jq -e '.end == "done" and .truth.recall > 0.9975 and .unexplained == 0' "$TMP/report.json" >/dev/null
result $? "recall $(jq .truth.recall "$TMP/report.json")"
jq -e --argjson k $kills '.resumes >= 1 and .resumes <= $k' "$TMP/report.json" >/dev/null
result $? "gone on with $(jq .resumes "$TMP/report.json") times"
[ -z "$(ls "$D" | grep resume)" ]
result $? "nothing is left to go on with"

if [ -n "$witness" ]; then
	sleep 1
	kill -INT $witness
	wait $witness
	sed 's/^/# /' "$TMP/tcpdump.log" | tail -3
	/usr/bin/python3 - "$TMP/lo.pcap" "$NODES" <<-'END'
		import struct, sys, collections
		last = collections.defaultdict(collections.deque)
		worst, packets, first = 0, 0, {}
		with open(sys.argv[1], 'rb') as f:
		    f.read(24)
		    while True:
		        head = f.read(16)
		        if len(head) < 16: break
		        s, us, cap, _ = struct.unpack('<IIII', head)
		        data = f.read(cap)
		        dst, at = data[30:34], s + us / 1e6
		        q = last[dst]
		        q.append(at)
		        while q[0] <= at - 10: q.popleft()
		        worst = max(worst, len(q))
		        packets += 1
		print(f"# the witness saw {packets} packets to {len(last)} addresses, at most {worst} "
		      "to one within 10 s")
		sys.exit(not (packets > 3 * int(sys.argv[2]) and worst <= 9))
	END
	result $? "no address got more than 9 packets in any 10 s, kills or not"
fi
finish
