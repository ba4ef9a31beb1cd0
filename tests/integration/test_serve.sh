#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The HTTP service: clients of a simulated census while it runs, then of its store; hostile
# ones; a token; and the page in Chromium. Everything on 127.0.0.1. Parts that only wait for
# each other's clocks run side by side.
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")
python=/usr/bin/python3

expect 2 "port: 'x' is not a number" -- "$PROG" serve --port x
expect 2 "can be reached by others.*--token-file" -- "$PROG" serve --http-bind 0.0.0.0
expect 1 "no-such-file: No such file" -- "$PROG" serve --token-file "$TMP/no-such-file"
expect 2 "sim_mode: farm, veth or virtual" -- "$PROG" serve --sim 10 --sim-mode maybe
expect 2 "allow-origin: 'friends.example' is not https://NAME" -- "$PROG" serve --allow-origin friends.example
expect 2 "log-format: 'xml' is not" -- "$PROG" serve --log-format xml

expect 0 'retain_days: 90' -- "$PROG" crawl --config configs/serve.yaml --print-config
expect 0 'disk_cap_bytes: 21474836480' -- "$PROG" crawl --config configs/serve.yaml --print-config

# begin NAME FLAG...: a service on a port of the kernel's choice; sets pid and port.
begin() {
	local name=$1
	shift
	"$PROG" serve --port 0 "$@" >"$TMP/$name.out" 2>"$TMP/$name.err" &
	pid=$!
	port=
	for _ in $(seq 100); do
		port=$(sed -n 's/.*serving http:\/\/[^ ]*:\([0-9]*\)\/.*/\1/p' "$TMP/$name.err")
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
take() { # lines "ok - ..." of somebody else are cases of ours
	local line
	while read -r line; do
		case $line in
		"ok "*"- "*) result 0 "${line#*- }" ;;
		*) result 1 "${line#*- }" ;;
		esac
	done
}
clients() { take < <(timeout 100 $python "$here/serve/clients.py" "$@" 2>&1); }

with_token() {
	echo secret-of-the-house >"$TMP/token"
	begin token --store "$TMP/store" --token-file "$TMP/token"
	clients token $port secret-of-the-house
	"$PROG" serve --port "$port" --store "$TMP/store" >"$TMP/taken" 2>&1
	rc=$?
	[ $rc = 1 ] && grep -q 'cure: another --port' "$TMP/taken"
	result $? "a port that is taken: $(tail -n 1 "$TMP/taken")"
	finished token
}

# Reading /peers starts a census: a browser that another site leads here must not.
asked_by_browsers() { # PORT
	local code why=0 want said
	while read -r want said; do
		mapfile -t heads < <(tr '|' '\n' <<<"$said")
		code=$(curl -s -m 1 -o "$TMP/refused" -w '%{http_code}' "${heads[@]/#/-H}" "http://127.0.0.1:$1/peers")
		[ "$code" = "$want" ] || { echo "  $code, not $want, for $said"; why=1; }
	done <<-'END'
		421 Host: rebound.example|Sec-Fetch-Site: same-origin
		403 Sec-Fetch-Site: cross-site
		403 Sec-Fetch-Site: same-site|Origin: http://localhost:8000
		403 Sec-Fetch-Site: cross-site|Origin: null
		403 Origin: http://elsewhere.example
		403 Origin: http://friends.example
		403 User-Agent: Mozilla/5.0
	END
	result $why "on demand: refused to pages of other sites: $(jq -r .error "$TMP/refused" 2>/dev/null || cat "$TMP/refused")"
	if command -v chromium >/dev/null && command -v node >/dev/null; then
		mkdir -p "$TMP/site" && echo '<title>another site</title>' >"$TMP/site/index.html"
		$python -u -m http.server --bind 127.0.0.1 --directory "$TMP/site" 0 >"$TMP/site.out" 2>&1 &
		local site=$!
		for _ in $(seq 50); do grep -q port "$TMP/site.out" && break; sleep 0.1; done
		node "$here/browser/look.mjs" "$TMP/profile.site" \
			"http://localhost:$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$TMP/site.out")/" 400x300 \
			"fetch('http://127.0.0.1:$1/peers').then(() => 'read', () => 'kept')" \
			"fetch('http://127.0.0.1:$1/peers', { mode: 'no-cors' }).then(() => 'read', () => 'kept')" \
			"new Image().src = 'http://127.0.0.1:$1/peers'" 300 \
			"location.href = 'http://127.0.0.1:$1/peers'" 300 >"$TMP/site.look" 2>&1
		kill $site
		[ "$(sed -n 1,2p "$TMP/site.look" | tr -d '"\n')" = keptkept ]
		result $? "on demand: Chromium on another site's page: $(sed -n 1,2p "$TMP/site.look" | tr '\n' ' ')"
	fi
	sleep 1.2 # a census shows in the counters within a second
	curl -s "http://127.0.0.1:$1/metrics" | grep -q '^dht_telescope_packets_sent_total{type="query"} 0$'
	result $? "on demand: and not a packet was sent for them"
}
let_in() { # PORT: who has it read, when it is known that nothing else started it
	local why=0 said
	while read -r said; do
		mapfile -t heads < <(tr '|' '\n' <<<"$said")
		[ "$(curl -s -m 1 -o /dev/null -w '%{http_code}' "${heads[@]/#/-H}" "http://127.0.0.1:$1/peers")" = 200 ] ||
			{ echo "  refused: $said"; why=1; }
	done <<-END
		User-Agent: Mozilla/5.0|Sec-Fetch-Site: none
		Sec-Fetch-Site: same-origin
		Origin: http://127.0.0.1:$1
		Sec-Fetch-Site: cross-site|Origin: https://friends.example
	END
	result $why "on demand: its own page, an address that was typed, an allowed origin"
}

# No packet before a client, a census while there is one; and the log as JSON.
on_demand() {
	begin demand --on-demand --allow-origin https://friends.example --sim 3000 --store "$TMP/demand" --log-format json --status-file "$TMP/status.csv"
	curl -s "http://127.0.0.1:$port/metrics" | grep -q '^dht_telescope_packets_sent_total{type="query"} 0$'
	result $? "on demand: nothing is sent before anybody listens"
	asked_by_browsers $port
	n=$(timeout 3 curl -sN "http://127.0.0.1:$port/peers" | wc -l)
	[ "$n" -gt 1000 ]
	result $? "on demand: $n lines for a client"
	let_in $port
	finished demand
	$python - "$TMP/demand.err" <<-'END'
		import json, sys
		lines = [json.loads(line) for line in open(sys.argv[1])]
		assert all(list(l)[:2] == ["time", "level"] and l["time"].endswith("Z") for l in lines)
		assert any("serving http" in l.get("message", "") for l in lines)
		assert any(l.get("event") == "status" and "endpoints_live" in l for l in lines)
	END
	result $? "on demand: each line of the log is JSON, with a time and a level"
	head -n 1 "$TMP/status.csv" | grep -q '^real-time,time-elapsed' && [ "$(wc -l <"$TMP/status.csv")" -gt 1 ]
	result $? "on demand: the status file: $(wc -l <"$TMP/status.csv") lines"
}

# A capture of made-up queries into a store, and what is told of it.
of_heard() {
	export HEARD_END_S
	HEARD_END_S=$(date +%s)
	$python "$here/serve/heard.py" pcap "$TMP/heard.pcap"
	"$PROG" tap -r "$TMP/heard.pcap" --store "$TMP/heard" >"$TMP/tap" 2>&1
	begin heard --store "$TMP/heard" --refresh-sec 1
	for _ in $(seq 50); do
		[ "$(curl -s "http://127.0.0.1:$port/api/stats" | jq .total_announces)" -gt 0 ] 2>/dev/null && break
		sleep 0.1
	done
	take < <(timeout 60 $python "$here/serve/heard.py" check $port 2>&1)
	finished heard
}

in_chromium() {
	if ! command -v chromium >/dev/null || ! command -v node >/dev/null; then
		result 0 "the page in Chromium # SKIP no chromium or no node"
		return
	fi
	node "$here/browser/look.mjs" "$TMP/profile" "http://127.0.0.1:$port/" 1200x800 \
		'new Promise(r => { const t = setInterval(() => document.documentElement.dataset.served && (clearInterval(t), r("yes")), 50); setTimeout(r, 20000); })' "document.getElementById('nodes').textContent" \
		'performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin)).length' \
		'new Promise(r => { const e = new EventSource("/events"); e.addEventListener("count", m => r(JSON.parse(m.data).nodes)); setTimeout(r, 5000, 0); })' \
		"location.href = 'http://localhost:$port/healthz'" 500 \
		"fetch('http://127.0.0.1:$port/peers').then(r => r.headers.get('content-type'))" \
		"fetch('http://127.0.0.1:$port/v1/stats').then(() => 'read', () => 'kept')" \
		"new Promise(r => { const s = document.createElement('script'); s.src = 'http://127.0.0.1:$port/live.data.js'; s.onload = () => r('read'); s.onerror = () => r('kept'); document.body.append(s); })" \
		>"$TMP/look" 2>&1
	grep -q '"yes"' "$TMP/look"
	result $? "the page hears the server: $(tr '\n' ' ' <"$TMP/look")"
	sed -n 2p "$TMP/look" | grep -qE '^"[0-9,]{5,}"$'
	result $? "the page counts $(sed -n 2p "$TMP/look")"
	[ "$(sed -n 3p "$TMP/look")" = 0 ]
	result $? "it asked its own server only"
	[ "$(sed -n 4p "$TMP/look")" = "$total" ]
	result $? "EventSource: $(sed -n 4p "$TMP/look") nodes"
	[ "$(sed -n 6,8p "$TMP/look" | tr -d '"\n')" = "application/jsonkeptkept" ]
	result $? "another site's page reads /peers, neither /v1 nor the page's data: $(sed -n 6,8p "$TMP/look" | tr '\n' ' ')"
}

begin live --sim 100000 --rate 20000 --store "$TMP/store" --refresh-sec 1 --request-sec 1
clients live $port
got=$(timeout 5 curl -sN "http://127.0.0.1:$port/peers" | head -n 200 | jq -r 'select(.peerID | length == 40) | .addresses[0]' | grep -cE '^/ip4/[0-9.]+/udp/[0-9]+$')
[ "$got" = 200 ]
result $? "curl and jq: $got addresses of 200 lines"
curl -s "http://127.0.0.1:$port/metrics" >"$TMP/metrics"
value() { awk -v n="dht_telescope_$1" '$1 == n { print $2 }' "$TMP/metrics"; }
[ "$(value 'packets_received_total{type="reply"}')" -gt 0 ] && [ "$(value 'packets_received_total{type="other"}')" != "" ] &&
	[ "$(value 'ring_full_total{ring="post"}')" = 0 ]
result $? "/metrics by type and by ring"
if command -v promtool >/dev/null; then
	curl -s "http://127.0.0.1:$port/metrics" | promtool check metrics >"$TMP/prom" 2>&1
	result $? "promtool: $(tail -n 1 "$TMP/prom")"
fi
clients hostile $port $pid
finished live

begin stored --store "$TMP/store" --refresh-sec 1 --cutoff-hours 100
(with_token) >"$TMP/cases.token" &
first=$!
(on_demand) >"$TMP/cases.demand" &
second=$!
(of_heard) >"$TMP/cases.heard" &
third=$!
for _ in $(seq 50); do
	total=$(curl -s "http://127.0.0.1:$port/v1/stats" | jq .nodes)
	[ "${total:-null}" != null ] && break
	sleep 0.1
done
[ "${total:-0}" -gt 1000 ]
result $? "stats: $total nodes"
clients nodes $port "${total:-0}"
got=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/nothing")
[ "$got" = 404 ]
result $? "what is not there: $got"
in_chromium
finished stored
wait $first $second $third
take < <(cat "$TMP/cases.token" "$TMP/cases.demand" "$TMP/cases.heard")
finish
