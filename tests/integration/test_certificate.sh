#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The second pass as users have it: in the report, in the store, by zone; in virtual time and on
# the farm, with budgets that hold over both passes.
. "$(dirname "$0")/lib.sh"
store=$TMP/store report=$TMP/report.json
want() { # EXPRESSION: true of the report
	jq -e "$1" "$report" >/dev/null
	result $? "$1"
}
column() { awk -F, -v c="$1" 'NR > 1 { n += $c } END { print n }' "$TMP/zones.csv"; }

timeout 60 "$PROG" crawl --sim 20000 --sim-mode virtual --canaries 2000 --store "$store" \
	--report "$report" --quiet >"$TMP/text" 2>/dev/null
result $? "a census with a second pass"
want '.certificate.second >= 4000 and .certificate.both <= .certificate.first'
want '.certificate.combined | .unseen_low <= .unseen_estimate and .unseen_estimate <= .unseen_high'
want '.certificate.unseen_low <= .certificate.unseen_estimate'
want '.certificate.population > 19900 and .certificate.population < 20100'
want '.certificate.cost.unexplained == 0 and .certificate.cost.packets_sent > 0'
want '.truth.recall - .certificate.recall_estimate | fabs < 0.01'
want '.canaries.planted == 2000 and .canaries.recall_low < .truth.recall'
want '(.truth.missed | map(add) | add) == .truth.stayed - .truth.answered'
want '.politeness.packets_to_one_address_10s_max <= 9'
want '.vantage.address == "198.51.100.1:0" and .vantage.dark == false'
want '.table_health.listers > 100 and (.table_health.buckets | length) > 5'
want '(.zones.live | length) == 256 and (.zones.live | add) == .live_endpoints'
expect 0 'not seen, Chapman' -- cat "$TMP/text"

# One seed, one run: the censuses of a simulated world can be had again, to the last packet.
again() { # SEED
	"$PROG" crawl --config configs/sim-bad.yaml --sim 5000 --sim-mode virtual --store "" --seed "$1" \
		--quiet 2>/dev/null | grep -v 'peak memory'
}
for i in 1 2 3 4 5; do again 7 | md5sum; done | sort -u >"$TMP/sums"
[ "$(wc -l <"$TMP/sums")" = 1 ] && [ "$(again 8 | md5sum)" != "$(cat "$TMP/sums")" ] && [ -n "$(again 7)" ]
result $? "five runs of one seed are the same census, another seed another"

"$PROG" summary --store "$store" --zones >"$TMP/zones.csv"
result $? "summary --zones"
want ".live_endpoints == $(column 3) and .certificate.first == $(column 7)"
for form in csv tsv ndjson parquet npy; do
	"$PROG" export --store "$store" --what zones --out "$TMP/z.$form" 2>"$TMP/said" || cat "$TMP/said"
done
here=$(dirname "$0")
[ ! -d "$here/../node_modules/hyparquet" ] || node "$here/export/read_parquet.mjs" "$TMP/z.parquet" >"$TMP/z.pq"
touch "$TMP/z.pq"
/usr/bin/python3 - "$TMP" <<'PY'
import csv, json, os, sys
import numpy as np
at = sys.argv[1]
want = list(csv.DictReader(open(at + "/zones.csv")))
cells = "known live mentioned_once first second both fresh_known kth_distance_estimate median_gap_estimate".split()
def same(rows, what):
    assert len(rows) == 256, (what, len(rows))
    for a, b in zip(want, rows):
        for c in cells:
            x, y = a[c], b[c]
            none = y in (None, "") or y != y
            assert none if x == "" else abs(float(x) / float(y or 1) - 1) < 1e-6 if float(x) else float(y) == 0, (what, a["zone"], c, x, y)
same(list(csv.DictReader(open(at + "/z.csv"))), "csv")
same(list(csv.DictReader(open(at + "/z.tsv"), delimiter="\t")), "tsv")
same([json.loads(l) for l in open(at + "/z.ndjson")], "ndjson")
a = np.load(at + "/z.npy", mmap_mode="r")
same([{c: r[c].item() for c in cells} for r in a], "npy")
if os.path.getsize(at + "/z.pq"):
    same([json.loads(l) for l in open(at + "/z.pq")], "parquet")
assert list(a["zone"]) == list(range(256)) and set(a["census"]) == {1}
PY
result $? "export --what zones says the same in csv, tsv, ndjson, npy"
expect 1 'no census of that time has zones' -- "$PROG" export --store "$store" --what zones \
	--between 2001-01-01 2001-01-02 --out "$TMP/none.csv"
expect 2 'where: of nodes' -- "$PROG" export --store "$store" --what zones --where asn=1 --out "$TMP/none.csv"
expect 2 'raw: counts have no addresses' -- "$PROG" export --store "$store" --what zones --raw --out "$TMP/none.csv"
expect 0 '^true$' -- sh -c \
	"'$PROG' summary --store '$store' --json | jq '.censuses[0].report.certificate.second > 0'"

# real sockets: another port, the same budgets
timeout 100 "$PROG" crawl --sim 5000 --certify 0.0625 --sweep-after-s 1 --timeout1-s 0.3 \
	--timeout2-s 0.5 --store "" --report "$report" --quiet >/dev/null 2>&1
result $? "a second pass on the farm"
want '.certificate.second > 1100 and .certificate.second < 1500 and .certificate.cost.unexplained == 0'
want '.certificate.both / .certificate.second > 0.99'
want '(.truth.missed | map(add) | add) == .truth.stayed - .truth.answered'
want '.politeness.packets_to_one_address_10s_max <= 9'

# one network holds all addresses: it gets all packets, 1000 a second, in eleven seconds at most
mkdir "$TMP/geo"
printf '1.0.0.0\t223.255.255.255\t64500\tDE\tThe only one\n' >"$TMP/geo/ip2asn-v4.tsv"
timeout 60 "$PROG" crawl --sim 5000 --sim-mode virtual --rate 1000 --geo "$TMP/geo" --store "" \
	--report "$report" --quiet >/dev/null 2>&1
result $? "a census of one network"
want '.politeness.asn == 64500'
want '.politeness.packets_to_one_asn_10s_max | . > 9500 and . < 11500'

expect 0 'its second pass' -- "$PROG" crawl --dry-run
expect 0 '18.8 questions' -- "$PROG" crawl --dry-run --sim 1000000 --plan drain --zone a0/8
expect 2 'canaries' -- "$PROG" crawl --canaries 5 --dry-run
expect 2 'certify: a share' -- "$PROG" crawl --certify 2 --dry-run
finish
