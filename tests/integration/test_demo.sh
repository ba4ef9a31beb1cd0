#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The demo at a small size: every file it promises, a report that adds up, the
# store read again, pictures of the right size. And a census that is stopped.
. "$(dirname "$0")/lib.sh"
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home

out=$TMP/demo
timeout 180 "$PROG" demo --nodes 20000 --film-s 2 --out "$out" >"$TMP/demo.log" 2>&1
result $? "demo --nodes 20000"
sed -n '/^Census done/=; /^The next day/=; /^Nodes that answered/=; /frames of/=; /To look at/=' "$TMP/demo.log" |
	sort -nc && grep -q '^Census done' "$TMP/demo.log"
result $? "the report stands where the census ended, with both outputs in one pipe"
film=film.mp4
command -v ffmpeg >/dev/null || film=film.apng
for f in store report.json metadata.json truth.csv geo.tsv map.png map-4k.png hilbert.png live.html \
	graph/indptr.npy graph/indices.npy graph/nodes.npy graph/metadata.json countries.gexf "$film" \
	film.manifest.json; do
	[ -e "$out/$f" ]
	result $? "demo leaves $f"
done

python3 - "$out" <<'EOF'
import json, struct, sys
out = sys.argv[1]
r = json.load(open(out + "/report.json"))
def check(ok, what):
    if not ok:
        print("  ", what, file=sys.stderr); sys.exit(1)
for key in ("schema version backend workers started span_s live_endpoints distinct_ids distinct_addresses "
            "endpoints_known unseen_estimate unseen_low unseen_high recall_estimate queries_sent retries_sent "
            "queries_per_live packets_sent packets_received answered expired errors unexplained losses refused "
            "bytes_sent bytes_received peak_rss_bytes bytes_per_endpoint answered_per_s politeness truth").split():
    check(key in r, "missing key " + key)
t = r["truth"]
check(18000 < t["live"] < 24000, t) # the world moves
check(t["recall"] >= 0.99, t)
check(abs(t["estimate_error"]) <= 0.005, t)
check(r["unexplained"] == 0, r["unexplained"])
check(r["packets_sent"] == r["answered"] + r["errors"] + r["expired"], "identity")
check(r["queries_per_live"] <= 3.3, r["queries_per_live"])
for name, size in (("map.png", (1920, 1080)), ("map-4k.png", (3840, 2160))):
    head = open(out + "/" + name, "rb").read(24)
    check(head[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", head[16:24]) == size, name)
live = sum(1 for line in open(out + "/truth.csv") if line.split(",")[3] == "1")
check(abs(live - t["live"]) < 0.02 * t["live"], "truth.csv says %d live" % live)
m = json.load(open(out + "/film.manifest.json"))
check(m["weights"] == "sightings" and m["synthetic"] and m["frames"] >= 25 and m["nodes"] > 20000, m)
json.load(open(out + "/metadata.json"))
EOF
result $? "report, truth, metadata and pictures agree"

expect 0 "Census 1" -- "$PROG" summary --store "$out/store"
"$PROG" summary --store "$out/store" --json >"$TMP/summary.json" &&
	python3 -c "
import json,sys
s=json.load(open('$TMP/summary.json')); r=json.load(open('$out/report.json'))
assert s['nodes']['answered'] >= r['live_endpoints'], (s['nodes'], r['live_endpoints'])
assert s['nodes']['located'] > 0.9 * s['nodes']['answered'], s['nodes']
assert len(s['censuses']) >= 13, len(s['censuses'])
assert 18000 < s['censuses'][0]['report']['truth']['live'] < 24000"
result $? "summary --json holds the census"

# Stopped by SIGINT: still a report, exit 0, and the store is whole.
"$PROG" crawl --sim 100000 --rate 5000 --store "$TMP/stopped" --report "$TMP/stopped.json" --quiet \
	--cooldown-s 1 >"$TMP/stopped.log" 2>&1 &
pid=$!
for _ in $(seq 100); do [ -d "$TMP/stopped" ] && break; sleep 0.1; done
sleep 2
kill -INT $pid
wait $pid
result $? "SIGINT ends a census with exit 0"
python3 -c "
import json
r=json.load(open('$TMP/stopped.json'))
assert 0 < r['live_endpoints'] < 100000, r['live_endpoints']"
result $? "a stopped census reports what it has"
expect 0 "Census 1" -- "$PROG" summary --store "$TMP/stopped"

# Only loopback, enforced: the same census in virtual time needs no socket at all.
timeout 60 "$PROG" crawl --sim 20000 --churn 0.007 --diurnal 0.3 --sim-mode virtual --store "" --report "$TMP/virtual.json" --quiet >/dev/null 2>&1
result $? "virtual time census"
python3 -c "
import json
a=json.load(open('$out/report.json')); b=json.load(open('$TMP/virtual.json'))
assert abs(a['truth']['recall']-b['truth']['recall']) <= 0.003, (a['truth'], b['truth'])
assert abs(a['queries_per_live']-b['queries_per_live']) <= 0.05"
result $? "farm and virtual time agree"
finish
