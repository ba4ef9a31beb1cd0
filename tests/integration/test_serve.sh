#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The HTTP service: clients of a simulated census while it runs, then of its store; hostile
# ones; a token; and the page in Chromium. Everything on 127.0.0.1.
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")
python=/usr/bin/python3

expect 2 "port: 'x' is not a number" -- "$PROG" serve --port x
expect 2 "can be reached by others.*--token-file" -- "$PROG" serve --http-bind 0.0.0.0
expect 1 "no-such-file: No such file" -- "$PROG" serve --token-file "$TMP/no-such-file"
expect 2 "sim_mode: farm, veth or virtual" -- "$PROG" serve --sim 10 --sim-mode maybe

# begin NAME FLAG...: a service on a port of the kernel's choice; sets pid and port.
begin() {
	local name=$1
	shift
	"$PROG" serve --port 0 "$@" >"$TMP/$name.out" 2>"$TMP/$name.err" &
	pid=$!
	port=
	for _ in $(seq 100); do
		port=$(sed -n 's/^serving http:\/\/[^ ]*:\([0-9]*\)\/.*/\1/p' "$TMP/$name.err")
		[ -n "$port" ] && return
		sleep 0.1
	done
	result 1 "$name: the service starts: $(tail -n 1 "$TMP/$name.err")"
	finish
}
# finished NAME: SIGTERM ends it within seconds, with status 0
finished() {
	kill -TERM $pid
	wait $pid
	local rc=$?
	result $rc "$1: ended by SIGTERM with status $rc"
}
clients() { # each of their lines is a case of ours
	local line
	while read -r line; do
		case $line in
		"ok - "*) result 0 "${line#ok - }" ;;
		*) result 1 "${line#not ok - }" ;;
		esac
	done < <(timeout 100 $python "$here/serve/clients.py" "$@" 2>&1)
}

begin live --sim 100000 --rate 12000 --store "$TMP/store" --refresh-sec 1
clients live $port
clients hostile $port $pid
finished live

begin stored --store "$TMP/store" --refresh-sec 1 --cutoff-hours 100
sleep 1.5
total=$(curl -s "http://127.0.0.1:$port/v1/stats" | $python -c 'import json,sys; print(json.load(sys.stdin)["nodes"])')
[ "${total:-0}" -gt 1000 ]
result $? "stats: $total nodes"
clients nodes $port "${total:-0}"
for path in epochs asn countries clients; do
	curl -s "http://127.0.0.1:$port/v1/$path" | $python -c 'import json,sys; d=json.load(sys.stdin); sys.exit(not d["total"])'
	result $? "/v1/$path is JSON with something in it"
done
got=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/nothing")
[ "$got" = 404 ]
result $? "what is not there: $got"
if command -v chromium >/dev/null && command -v node >/dev/null; then
	node "$here/browser/look.mjs" "$TMP/profile" "http://127.0.0.1:$port/" 1200x800 \
		'new Promise(r => { const t = setInterval(() => document.documentElement.dataset.served && (clearInterval(t), r("yes")), 50); setTimeout(r, 20000); })' "document.getElementById('nodes').textContent" \
		'performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin)).length' \
		>"$TMP/look" 2>&1
	grep -q '"yes"' "$TMP/look"
	result $? "the page hears the server: $(tr '\n' ' ' <"$TMP/look")"
	sed -n 2p "$TMP/look" | grep -qE '^"[0-9,]{5,}"$'
	result $? "the page counts $(sed -n 2p "$TMP/look")"
	[ "$(sed -n 3p "$TMP/look")" = 0 ]
	result $? "it asked its own server only"
else
	result 0 "the page in Chromium # SKIP no chromium or no node"
fi
finished stored

echo secret-of-the-house >"$TMP/token"
begin token --store "$TMP/store" --token-file "$TMP/token"
for case in "401 /peers none" "401 /v1/stats wrong" "401 / secret-of-the-hous" "200 /metrics secret-of-the-house" "200 /healthz none"; do
	read -r want path token <<<"$case"
	got=$(curl -s -m 2 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "http://127.0.0.1:$port$path")
	[ "$got" = "$want" ]
	result $? "token: $path with '$token': $got"
done
"$PROG" serve --port "$port" --store "$TMP/store" >"$TMP/taken" 2>&1
rc=$?
[ $rc = 1 ] && grep -q 'cure: another --port' "$TMP/taken"
result $? "a port that is taken: $(tail -n 1 "$TMP/taken")"
finished token

# On demand: no packet before a client, a census while there is one.
begin demand --on-demand --sim 3000 --store "$TMP/demand"
sleep 0.5
curl -s "http://127.0.0.1:$port/metrics" | grep -q '^dht_telescope_packets_sent_total 0$'
result $? "on demand: nothing is sent before anybody listens"
n=$(timeout 4 curl -sN "http://127.0.0.1:$port/peers" | wc -l)
[ "$n" -gt 1000 ]
result $? "on demand: $n lines for a client"
finished demand
finish
