#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the users of the first dht-telescope had: its command line letter for letter, its
# dht_observatory.db, geo_cache.json, snapshots and loop. Python's sqlite3 and json read
# what is written, and write what is read. No socket is opened.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
case $PROG in /*) ;; *) PROG=$PWD/$PROG ;; esac
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home
py=/usr/bin/python3
cd "$TMP" || exit 1
mkdir old && cd old || exit 1
ln -s "$PROG" resolver
printf '# dht-telescope geo table v1\n%s\n%s\n' \
	$'89.160.20.112\t89.160.20.127\t29518\tBredband2 AB\tSE\tLinkoping\t58.4167\t15.6167\t20' \
	$'81.2.69.142\t81.2.69.159\t20712\tAndrews & Arnold\tGB\tLondon\t51.5142\t-0.0931\t10' >geo.tsv

expect 1 'nothing to read: neither dht-telescope.store nor dht_observatory.db' -- ./resolver
$py "$here/seed/make_db.py" dht_observatory.db
result $? "a file as the first crawler left it"

# ---- letter for letter -----------------------------------------------------------------
export GEOIP2_CITY_DB=geo.tsv GEOIP2_ASN_DB=geo.tsv
./resolver summary --plot live --plot-output bt_map_opacity_live.html --geo-cache geo_cache.json --half-life-min 15 --cutoff-hours 6 --refresh-sec 10 >summary.txt 2>said.txt
result $? "resolver summary --plot live, as its README has it"
grep -q '^\[plot\] geo_cache.json built with 34 entries$' said.txt &&
	grep -q '^\[plot\] wrote bt_map_opacity_live.html$' said.txt && [ -s bt_map_opacity_live.html ]
result $? "the page and the cache are there"
$py "$here/seed/read_text.py" summary.txt dht_observatory.db
result $? "its text: counts, announces, names, get_peers, as the tables hold them"
$py - <<'PY'
import json
d = json.load(open("geo_cache.json"))
assert len(d) == 34, len(d)
e = d["89.160.20.112"]
assert set(e) == {"city", "asn"} and e["city"]["country"] == "SE" and e["asn"] == {"asn": 29518, "org": "Bredband2 AB"}
assert abs(e["city"]["lat"] - 58.4167) < .01 and abs(e["city"]["lon"] - 15.6167) < .01
PY
result $? "geo_cache.json, as Python reads it"
expect 0 '^\[plot\] wrote stars.html$' -- ./resolver summary --plot constellation --plot-output stars.html \
	--target-points 3500 --cell-top 13 --half-life-min 800 --refresh-sec 10
expect 0 '^# Summary$' -- "$PROG" resolver --db dht_observatory.db --limit 5
expect 0 'are not looked up.*BEP 9' -- ./resolver summary --lookup --name-timeout 6.0 --cache-names
expect 0 '^[0-9]+ +[0-9]+s ago +[0-9.]+:688[0-9] +[0-9a-f]{40} +error' -- ./resolver unresolved
expect 0 '^6m ago +0+1ef0 +Ubuntu . 24.04 +4.8MB +0' -- ./resolver metadata --query ubuntu
expect 0 '^\(no rows\)' -- ./resolver metadata --query nothing
expect 0 '^3.8MB +a/ubuntu.iso' -- ./resolver files --ih "$(printf %040x 7920)"
expect 1 'aria2c --bt-metadata-only=true .*btih:0+5' -- ./resolver files --ih "$(printf %040x 5)"
expect 1 'are not looked up' -- ./resolver resolve --batch 1 --concurrency 24 --timeout 8 --per-ih 8 \
	--dht-peers 30 --since-minutes 120 --loop
expect 2 'no command .dance' -- ./resolver dance
expect 2 "ih: 'xyz' is not 40 hex" -- ./resolver files --ih xyz
expect 2 'files: --ih HASH' -- ./resolver files
expect 2 'export: --what WHAT --out FILE' -- ./resolver export --what announces
timeout -s INT 3 ./resolver --limit 3 top --loop --interval 1 >top.txt 2>/dev/null
[ $? = 124 ] && [ "$(grep -c '^# Top infohashes by get_peers count$' top.txt)" -ge 2 ] &&
	[ "$(grep -cE '^[0-9]+ +[0-9a-f]{40} +[0-9]+m ago +[0-9]+[sm] ago$' top.txt)" -ge 6 ]
result $? "top --loop, until it is interrupted"
expect 0 '\[plot\] wrote ./Snapshots_' -- ./resolver snapshot
ls Snapshots_*/*_*_*/bt_mapping.html Snapshots_*/*_*_*/geo_cache.json >/dev/null &&
	[ -d "Snapshots_$(date +%-m_%-d_%Y)" ]
result $? "a snapshot in a folder of its day"

bash -c '. "$1"; compopt() { :; }; COMP_WORDS=("$2" resolver s) COMP_CWORD=2; _dht_telescope; echo "${COMPREPLY[*]}"' \
	_ "$here/../../configs/completion/dht-telescope.bash" "$PROG" >completed.txt
grep -q '^summary snapshot' completed.txt
result $? "bash completes its commands: $(cat completed.txt)"

# ---- out and in ----------------------------------------------------------------------------
for what in announces getpeers metadata; do
	expect 0 "wrote [0-9]+ rows to $what.jsonl" -- ./resolver --limit 1000000 export --what $what \
		--out $what.jsonl --raw
done
./resolver export --what announces --out hidden.jsonl 2>/dev/null
expect 0 'are in dht-telescope.store' -- ./resolver import dht_observatory.db
cp -r dht-telescope.store once
expect 0 'left out: 2 names of torrents' -- ./resolver import dht_observatory.db
diff -r once/heard dht-telescope.store/heard >/dev/null
result $? "imported twice is once"
expect 0 'sound' -- "$PROG" store check dht-telescope.store
expect 0 '^announces: 270 \| pending=270$' -- ./resolver summary
expect 1 'never content metadata' -- ./resolver export --what metadata --out none.jsonl
expect 0 '270 announces and 1,000 get_peers added; true addresses' -- \
	./resolver export --what db --out again.db --raw
expect 0 ' 0 announces and 0 get_peers added' -- ./resolver export --what db --out again.db --raw
expect 0 'pseudonyms' -- ./resolver export --what db --out hidden.db
for form in csv ndjson npy parquet; do
	"$PROG" export --what announces --raw --out a.$form 2>/dev/null || echo "no a.$form"
done
[ ! -d "$here/../node_modules/hyparquet" ] || node "$here/export/read_parquet.mjs" a.parquet >a.pq 2>/dev/null
"$PROG" export --what messages --format csv --raw --out - >messages.csv 2>/dev/null
$py "$here/seed/read_exports.py"
result $? "sqlite3, json, csv and numpy read the same rows from all of it"
expect 2 'content metadata' -- "$PROG" export --what metadata --out x.csv

# ---- caches of anybody ------------------------------------------------------------------------
mkdir "$TMP/sim" && cd "$TMP/sim" || exit 1
unset GEOIP2_CITY_DB GEOIP2_ASN_DB
"$PROG" crawl --sim 2000 --sim-mode virtual --geo none >/dev/null 2>&1
expect 0 '\[plot\] error: No points within cutoff; build/refresh geo cache or widen cutoff.' -- \
	"$PROG" resolver summary --plot live --geo-cache none.json
[ "$(tr -d '[:space:]' <none.json)" = '{}' ]
result $? "an empty cache where nothing has a place"
"$PROG" export --raw --out nodes.csv 2>/dev/null
$py - <<'PY'
import csv, json
rows = list(csv.DictReader(open("nodes.csv")))[:500]
json.dump({r["address"]: {"city": {"lat": 10.0 + i % 40, "lon": float(i % 90), "country": "DE"},
           "asn": {"asn": 64500 + i % 7, "org": "Network \u00e9 %d" % (i % 7)}} for i, r in enumerate(rows)},
          open("geo_cache.json", "w"))
PY
expect 0 '\[plot\] wrote bt_map.html' -- "$PROG" summary --plot live --geo-cache geo_cache.json
for text in '{"1.2.3.4": {"city"' '[1, 2, 3]' "$(printf '{"a":%0.s' $(seq 100))" 'not json'; do
	printf "%s" "$text" >broken.json
	expect 0 'cannot build broken.json' -- "$PROG" resolver summary --plot live --geo-cache broken.json
done
mkdir dir.json
expect 0 'error: dir.json' -- "$PROG" resolver summary --plot live --geo-cache dir.json
expect 0 'Recent announces' -- "$PROG" resolver
expect 1 'no dht_observatory.db' -- "$PROG" resolver --db geo_cache.json

browser=$(command -v chromium || true)
if [ -n "$browser" ] && unshare -rn true 2>/dev/null; then
	for page in "$TMP/old/bt_map_opacity_live.html" "$TMP/sim/bt_map.html"; do
		timeout 60 unshare -rn "$browser" --headless --no-sandbox --disable-gpu --no-first-run \
			--disable-background-networking --disable-component-update --disable-sync \
			--disable-3d-apis --user-data-dir="$TMP/profile" --virtual-time-budget=2000 \
			--window-size=900,600 --dump-dom "file://$page" >"$TMP/dom" 2>/dev/null
		grep -oE 'id="nodes">[0-9,]+<' "$TMP/dom" >>"$TMP/nodes"
	done
	[ "$(tr '\n' ' ' <"$TMP/nodes")" = 'id="nodes">34< id="nodes">500< ' ]
	result $? "the pages open: $(tr '\n' ' ' <"$TMP/nodes")"
else
	result 0 "the pages in Chromium # SKIP no chromium, or no network namespace to shut it in"
fi

# ---- crawler.py ------------------------------------------------------------------------------
mkdir "$TMP/crawler" && cd "$TMP/crawler" || exit 1
port=$((20000 + RANDOM % 10000))
"$PROG" crawler --port $port --bind 127.0.0.1 --depth 6e6 --db dht_observatory.db --workers 12 \
	--id-file node_id.bin -- --bootstrap '' --max-runtime-s 3 --geo none --quiet >crawler.txt 2>&1 &
crawler=$!
for _ in $(seq 100); do
	grep -q '^listening on' crawler.txt && [ -s bittorrent_network.json ] && break
	sleep 0.05
done
cp bittorrent_network.json during.json
expect 1 'resolver import .* takes the file over' -- "$PROG" crawler --db ../old/dht_observatory.db
$py - $port <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3):
    s.sendto(b"d1:ad2:id20:" + b"i" * 20 + b"9:info_hash20:" + bytes([65 + i]) * 20 +
             b"e1:q9:get_peers1:t1:p1:y1:qe", ("127.0.0.1", int(sys.argv[1])))
PY
wait $crawler
result $? "crawler, with every option that crawler.py had"
jq -e '.Summary | keys == ["explore_queue","in_flight","known_nodes","listen_mode","outstanding_t","uptime_s","visited"]
	and .listen_mode == true' during.json >/dev/null &&
	jq -e 'keys == ["known_nodes","uptime_s"] and .uptime_s >= 2' bittorrent_network.json >/dev/null
result $? "bittorrent_network.json, meanwhile and at the end"
expect 0 '^get_peers: 3$' -- "$PROG" resolver
expect 0 '^1 +4242424242424242424242424242424242424242 +[0-9]+s ago' -- "$PROG" resolver top
"$PROG" crawl --sim 1000 --sim-mode virtual --geo none --store '' --network-file crawl.json --quiet >/dev/null 2>&1
jq -e '.known_nodes > 1000' crawl.json >/dev/null
result $? "and of a census"

# ---- the loop -----------------------------------------------------------------------------------
cd "$TMP/old" || exit 1
rm -f bt_map_opacity_live.html
echo old >geo_cache.json
export GEOIP2_CITY_DB=geo.tsv GEOIP2_ASN_DB=geo.tsv # over the store, which has messages alone
PAUSE_S=1 DHT_TELESCOPE=$PROG "$here/../../configs/run.sh" --limit 3 >run.txt 2>&1 &
loop=$!
for _ in $(seq 100); do
	[ "$(grep -c '^# Summary' run.txt)" -ge 2 ] && break
	sleep 0.05
done
kill -TERM $loop
wait $loop
[ $? = 0 ] && [ -s bt_map_opacity_live.html ] && [ "$(grep -c '^# Summary' run.txt)" -ge 2 ] &&
	[ "$(head -c 1 geo_cache.json)" = '{' ]
result $? "run.sh makes it anew, and ends when it is told"
expect 2 'PAUSE_S=x: whole seconds' -- env PAUSE_S=x "$here/../../configs/run.sh"
finish
