#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Third-party nodes and the ear: libtorrent, transmission, aria2, bittorrent-dht,
# who know nobody but it when they start. It must enter their tables, they must
# find each other and each other's torrents through it, and every datagram that
# tcpdump sees arrive must be in its log.
#
#     a namespace without a way out; lo: every address is local (AnyIP)
#   +----------------------------------------------------------------+
#   |  5.10.x.y:6881 libtorrent   23.. transmission  31.. aria2  ...  |
#   |        \            |              /                            |
#   |         81.2.69.142:6881  dht-telescope listen     tcpdump -w   |
#   +----------------------------------------------------------------+
#
# STAY_S=600 is the soak: the tables are asked again and again.
set -u
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3 # Debian's own: it sees python3-libtorrent
: "${DT_PROG:=$PWD/build/release/dht-telescope}"
: "${EAR_LT:=10}" "${STAY_S:=12}" "${EAR_LOOK_S:=60}"
ear=81.2.69.142

skip() { echo "SKIP: $*"; exit 77; }

if [ "${1:-}" != inside ]; then
	command -v ip >/dev/null && command -v unshare >/dev/null || skip "no ip or unshare program"
	$py -c 'import libtorrent' 2>/dev/null || skip "no python3-libtorrent"
	command -v tcpdump >/dev/null || skip "no tcpdump"
	[ -x "$DT_PROG" ] || skip "no $DT_PROG"
	root=()
	[ "$(id -u)" = 0 ] || root=(--map-root-user)
	unshare "${root[@]}" --net --mount true 2>/dev/null ||
		skip "may not make network namespaces (no CAP_NET_ADMIN)"
	work=$(mktemp -d)
	export DT_PROG EAR_LT STAY_S EAR_LOOK_S
	setpriv --pdeathsig KILL unshare "${root[@]}" --net --pid --fork --kill-child --mount-proc \
		bash "$here/$(basename "$0")" inside "$work"
	rc=$?
	[ "${KEEP:-0}" = 1 ] && echo "kept: $work" || rm -rf "$work"
	exit $rc
fi

# ---- inside: this is process 1 of its namespace; what is left ends with it ----
work=$2
cd "$work" || exit 1
bad=0 n=0 pids=()
ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}
until_true() { for _ in $(seq 200); do "$@" && return; sleep 0.05; done; return 1; }
run() { # LOG COMMAND...
	local log=$1.log
	shift
	"$@" >"$log" 2>&1 </dev/null &
	pids+=($!)
}

ip link set lo up
ip route add local 0.0.0.0/0 dev lo table main
tcpdump -i lo --immediate-mode -w ear.pcap -B 32768 "udp port 6881 and host $ear" >dump.txt 2>&1 &
dump=$!
until_true grep -q listening dump.txt
"$DT_PROG" listen --bind $ear:6881 --bootstrap '' --log ear.ndjson --store store --geo none \
	--rate-s 5 --report report.json >listen.txt 2>listen.err &
listen=$!
until_true grep -q '^listening' listen.err
ok $? "it listens"

kinds=(libtorrent:"$EAR_LT")
for k in transmission:transmission-daemon aria2:aria2c; do
	if command -v "${k#*:}" >/dev/null; then kinds+=("${k%:*}:2")
	else echo "# no ${k#*:}: goes without"; fi
done
if command -v node >/dev/null && [ -d "$here/../node_modules/bittorrent-dht" ]; then
	kinds+=(bittorrent-dht:4)
else
	echo "# no bittorrent-dht (npm --prefix tests install): goes without"
fi
$py - $ear "${kinds[@]}" <<'PY'
import json, sys
octets = [5, 23, 31, 37, 46, 62, 77, 80, 84, 88, 91, 93, 95, 109, 145, 176, 178, 185, 188, 193, 212]
spec = []
for arg in sys.argv[2:]:
    kind, n = arg.split(":")
    for _ in range(int(n)):
        i = len(spec)
        spec.append({"kind": kind, "ip": "%d.%d.%d.%d" % (octets[i % len(octets)], 10 + i // 21,
                     (i * 37) % 256, 1 + (i * 7) % 250), "port": 6881, "boot": [[sys.argv[1], 6881]]})
json.dump(spec, open("spec.json", "w"))
for kind in {s["kind"] for s in spec}:
    part = [s for s in spec if s["kind"] == kind]
    json.dump(part, open(kind + ".json", "w"))
    open(kind + ".list", "w").write("".join("%s %d\n" % (s["ip"], s["port"]) for s in part))
PY
run libtorrent $py "$here/swarm/lt_nodes.py" libtorrent.json self.json
while read -r ip port; do
	dir=transmission-$ip
	mkdir -p "$dir"
	echo "$ear 6881" >"$dir/dht.bootstrap"
	cat >"$dir/settings.json" <<-JSON
		{ "bind-address-ipv4": "$ip", "peer-port": $port, "dht-enabled": true,
		  "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
		  "port-forwarding-enabled": false, "rpc-enabled": false, "download-dir": "$work/$dir" }
	JSON
	run "$dir" transmission-daemon -f -g "$dir" --dht
done < <(cat transmission.list 2>/dev/null)
while read -r ip port; do
	run "aria2-$ip" aria2c --no-conf --enable-dht=true --enable-dht6=false --dht-listen-port="$port" \
		--listen-port=$((port + 1)) --dht-entry-point="$ear:6881" --interface="$ip" \
		--dht-file-path="aria2-$ip.dat" --bt-enable-lpd=false --dir="$work" --quiet \
		"magnet:?xt=urn:btih:$(printf aria2 | sha1sum | cut -c1-40)"
done < <(cat aria2.list 2>/dev/null)
if [ -e bittorrent-dht.json ]; then
	NODE_PATH=$here/../node_modules run bittorrent-dht node "$here/swarm/js_nodes.mjs" bittorrent-dht.json
	sleep 2
	NODE_PATH=$here/../node_modules timeout 20 node "$here/ear/talk.mjs" $ear:6881 46.46.46.46 62.62.62.62 \
		>talk.txt 2>&1
	ok $? "announced and found through it: $(cat talk.txt)"
fi

# Who lists it? Each kind but transmission at once; transmission may take a minute.
ear_id() { tail -n 1 id; }
$py - >id <<PY
import os, re, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("64.92.1.1", 0))
s.settimeout(3)
s.sendto(b"d1:ad2:id20:" + os.urandom(20) + b"e1:q4:ping2:roi1e1:t1:p1:y1:qe", ("$ear", 6881))
d = s.recv(2048)
at = d.index(b"2:id20:") + 7
print(d[at:at + 20].hex())
PY
began=$SECONDS
while :; do
	left=$((STAY_S - (SECONDS - began)))
	[ $left -gt 0 ] && sleep $((left < EAR_LOOK_S ? left : EAR_LOOK_S))
	$py "$here/ear/tables.py" spec.json $ear 6881 "$(ear_id)" >>tables.ndjson
	echo "# after $((SECONDS - began)) s: $(tail -n 1 tables.ndjson)"
	[ $((SECONDS - began)) -ge "$STAY_S" ] && break
done
$py - "$STAY_S" <<'PY'
import json, sys
looks = [json.loads(l) for l in open("tables.ndjson")]
late = [l for i, l in enumerate(looks) if i or len(looks) == 1]
for look in late:
    for kind, c in look.items():
        need = c["answered"] if kind != "transmission" else 0
        need = need * 8 // 10 if kind == "libtorrent" else need
        assert c["answered"] >= c["nodes"] - 1 and c["list_it"] >= need, (kind, c)
assert len(looks) == 1 or all(c["list_it"] for c in looks[-1].values()), looks[-1]
PY
ok $? "it stands in the others' tables for the whole time ($STAY_S s)"

# Everybody stops talking, then the ear, then the capture: nothing is on its way.
kill -KILL "${pids[@]}" 2>/dev/null # some say goodbye for half a minute
wait "${pids[@]}" 2>/dev/null
sleep 0.5
kill -INT $listen
wait $listen
ok $? "it ends with SIGINT"
sleep 0.2
kill -INT $dump
wait $dump
sed 's/^/# /' listen.txt
grep -E '^\[rate' listen.err | sed 's/^/# /' | tail -n 4

tcpdump -r ear.pcap -w in.pcap "dst host $ear" 2>/dev/null
frames=$(tcpdump -r in.pcap 2>/dev/null | wc -l)
"$DT_PROG" tap -r in.pcap --port 6881 --store '' --geo none --quiet --report in.json >/dev/null 2>&1
grep -q '^0 packets dropped' dump.txt
ok $? "tcpdump has dropped nothing"
python3 "$here/ear/counts.py" ear.ndjson in.json "$frames"
ok $? "all $frames datagrams that came are in the log, kind for kind"
if command -v tshark >/dev/null; then
	"$DT_PROG" tap -r ear.pcap --port 6881 --store '' --geo none --quiet --report both.json >/dev/null 2>&1
	python3 "$here/ear/dissect.py" both.json ear.pcap -d udp.port==6881,bt-dht
	ok $? "tshark counts the same messages"
fi
grep -qE '^\[rate 5s\] ping=[0-9]+ find_node=[0-9]+ get_peers=[0-9]+ announce_peer=[0-9]+ unique_infohashes=[0-9]+ in_flight=[0-9]+' listen.err
ok $? "rates are said"
$py - <<'PY'
import json
spec = json.load(open("spec.json"))
said = [json.loads(l) for l in open("ear.ndjson")]
for kind in ("aria2", "libtorrent", "transmission"):
    ours = {s["ip"] for s in spec if s["kind"] == kind}
    asked = [h for h in said if h["from"].split(":")[0] in ours and h["outcome"] == "answered"]
    print("# %s: %d queries answered: %s" % (kind, len(asked), sorted({h["kind"] for h in asked})))
    assert asked or not ours, kind
held = [h for h in said if h["outcome"] in ("withheld", "refused")]
print("# withheld or refused: %d of %d" % (len(held), len(said)))
announced = [h for h in said if h["kind"] == "announce_peer" and h["outcome"] == "answered"]
assert announced or not any(s["kind"] == "bittorrent-dht" for s in spec)
report = json.load(open("report.json"))
assert sum(report["messages"].values()) == len(said) == report["heard_kept"]
assert report["losses"]["kernel_receive_queue"] == 0
assert report["identities"][0]["bep42"], "its id fits its address"
PY
ok $? "each kind was answered, announces were kept, the report agrees with the log"
"$DT_PROG" summary --json --store store >summary.json &&
	"$DT_PROG" export --store store --raw --where class=heard-only --out heard.csv >/dev/null 2>&1 &&
	$py - <<'PY'
import csv, json
s = json.load(open("summary.json"))
log = [json.loads(l) for l in open("ear.ndjson")]
assert s["heard"]["messages"] == len(log), (s["heard"], len(log))
assert s["nodes"]["by_way"]["asked-us"] == len({(h["from"], h["id"]) for h in log if h["kind"] not in ("reply", "error", "malformed")})
rows = list(csv.DictReader(open("heard.csv")))
assert len(rows) == s["nodes"]["heard_only"] > 0, (len(rows), s["nodes"])
assert all(int(r["ways"]) == 4 and int(r["first_answered_s"]) == 0 for r in rows)
top = [t for t in s["heard"]["top_infohashes"] if t["peers"]]
assert top or not any(h["kind"] == "announce_peer" for h in log)
PY
ok $? "the store tells the same: messages, ways, who was only heard"
exit $bad
