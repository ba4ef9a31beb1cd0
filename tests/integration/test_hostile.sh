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

. "$here/netns.sh"

if [ "${1:-}" != inside ]; then
	need ip python3
	netns_run
fi

# ---- inside: this is process 1 of its namespace; what is left ends with it ----
netns_begin "$2"
netns_host 300

python3 "$py" world "$work/ready" 2>"$work/world.log" &
in_host python3 "$py" capture "$work/sent" &
capture=$!
until_true test -e "$work/ready" && until_true test -s "$work/sent" || fail "no world"
echo "93.184.0.0/16 # somebody who asked us to stay away" >"$work/block.list"

in_host timeout --kill-after=5 60 "$DT_PROG" crawl --bootstrap 5.10.0.1:6881,5.10.0.2:6881 \
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
