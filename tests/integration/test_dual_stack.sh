#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two families: the IPv6 overlay of the simulator beside that of IPv4, under the same ids;
# in virtual time and on real sockets over 127.0.0.0/8.
. "$(dirname "$0")/lib.sh"

crawl() { "$PROG" crawl --geo none --quiet --certify 0 --sim-v6 0.3 --report - "$@" 2>/dev/null; }

crawl --sim 30000 --sim-mode virtual --store "" >"$TMP/four.json"
jq -e '.families == null and .truth.recall > 0.995' "$TMP/four.json" >/dev/null
result $? "a census of IPv4 alone sees IPv4 alone"

crawl --sim 30000 --sim-mode virtual --ipv6 --store "$TMP/store" >"$TMP/both.json"
jq -e '.families as $f | $f.ipv6.live_endpoints > 8700 and $f.ipv6.live_endpoints < 9300
	and $f.ids_on_both / $f.ipv6.distinct_ids > 0.99
	and $f.ipv6.unseen_estimate < 50
	and $f.ipv4.live_endpoints + $f.ipv6.live_endpoints == .live_endpoints
	and .truth.recall > 0.995 and .unexplained == 0
	and .politeness.packets_to_one_address_10s_max <= 9' "$TMP/both.json" >/dev/null
result $? "both: $(jq -c .families "$TMP/both.json")"
[ "$(jq .families.ipv4.live_endpoints "$TMP/both.json")" -ge "$(($(jq .live_endpoints "$TMP/four.json") - 60))" ]
result $? "and IPv4 is found as without"
n=$("$PROG" export --store "$TMP/store" --raw --out - --format csv 2>/dev/null | grep -c ',"\?2[0-9a-f]*:')
[ "${n:-0}" -gt 8700 ]
result $? "the store has $n nodes of IPv6"

crawl --sim 5000 --ipv6 --workers 2 --store "" >"$TMP/farm.json"
jq -e '.families.ipv6.live_endpoints > 1350 and .families.ids_on_both > 1340
	and .truth.recall > 0.99 and .unexplained == 0' "$TMP/farm.json" >/dev/null
result $? "on real sockets: $(jq -c .families "$TMP/farm.json")"

expect 1 "ipv6: the socket is bound to an address of IPv4" -- \
	"$PROG" crawl --ipv6 --bind 127.0.0.1:0 --store "" --bootstrap 127.0.0.1:1 --max-runtime-s 1
finish
