#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every export of a small store, read back by programs nobody here wrote: pandas,
# numpy, zstd, hyparquet. In virtual time: no socket is opened.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3 # Debian's own: it sees python3-pandas
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home
skipped() { case_no=$((case_no + 1)); echo "ok $case_no - $1 # SKIP $2"; }

# Networks with names that break naive writers, and Namibia, whose code is "NA".
mkdir "$TMP/geo"
{
	printf '1.0.0.0\t31.255.255.255\t100\tNA\t"Hostile", \\ Org; '"'"'=1+1 \303\251\n'
	printf '32.0.0.0\t63.255.255.255\t200\tDE\tcomma, only\n'
	printf '64.0.0.0\t127.255.255.255\t4294967295\tBR\t\n'
	printf '128.0.0.0\t191.255.255.255\t300\tJP\tplain\n'
} >"$TMP/geo/ip2asn-v4.tsv"
store=$TMP/store
timeout 60 "$PROG" crawl --sim 3000 --sim-mode virtual --geo "$TMP/geo" --store "$store" --quiet \
	>"$TMP/crawl.log" 2>&1
result $? "a census to export"

out=$TMP/out
mkdir "$out"
for f in csv tsv ndjson parquet npy geojson; do
	expect 0 " rows of [0-9,]+ nodes" -- "$PROG" export --store "$store" --format $f --out "$out/$f"
done
expect 0 "nodes.csv.zst: .*pseudonyms" -- \
	"$PROG" export --store "$store" --format csv --compress zstd --out "$out/zst"
expect 0 "true addresses" -- "$PROG" export --store "$store" --raw --out "$out/raw"
expect 0 "aggregate.csv" -- "$PROG" export --store "$store" --what aggregate --out "$out/aggregate"
expect 0 "f.parquet" -- "$PROG" export --store "$store" --where country=DE --out "$TMP/f.parquet"
[ -e "$TMP/f.parquet.metadata.json" ]
result $? "a file has its metadata beside it"
expect 0 " 0 rows" -- "$PROG" export --store "$store" --where asn=7 --out "$TMP/none.parquet"
expect 0 "groups.parquet" -- "$PROG" export --store "$store" --group-rows 1024 --out "$TMP/groups.parquet"
"$PROG" export --store "$store" --out - 2>/dev/null | cmp -s - "$out/csv/nodes.csv"
result $? "standard output has the same bytes"
n=$("$PROG" export --store "$store" --where country=DE,client=libtorrent --format ndjson --out - 2>/dev/null |
	tee "$TMP/some.ndjson" | wc -l)
[ "$n" -gt 0 ] && [ "$n" = "$(grep '"country":"DE"' "$out/ndjson/nodes.ndjson" | grep -c '"client":"libtorrent"')" ]
result $? "--where takes those and no others"
"$PROG" export --store "$store" --raw --where prefix=32.0.0.0/4 --out - 2>/dev/null | tail -n +2 |
	awk -F, '{ split($2, ip, ".") } ip[1] < 32 || ip[1] >= 48 { bad = 1 } END { exit bad || NR == 0 }'
result $? "--where prefix is of true addresses"

if $py -c 'import numpy, pandas' 2>/dev/null && command -v zstd >/dev/null; then
	timeout 60 $py "$here/export/read_tables.py" "$out"
	result $? "pandas, numpy and zstd read what was written"
else
	skipped "pandas, numpy and zstd" "no python3-pandas, python3-numpy or zstd"
fi

if command -v node >/dev/null && [ -d "$here/../node_modules/hyparquet" ]; then
	for f in "$out/parquet/nodes" "$TMP/groups" "$TMP/f" "$TMP/none"; do
		timeout 60 node "$here/export/read_parquet.mjs" "$f.parquet" \
			>"$TMP/rows.ndjson" 2>"$TMP/schema.json"
		result $? "hyparquet reads ${f##*/}.parquet"
		country=$([ "${f##*/}" = f ] && echo DE)
		[ "${f##*/}" = none ] && country=none
		groups=$([ "${f##*/}" = groups ] && echo 1024 || echo 524288)
		python3 - "$TMP" "$out/ndjson/nodes.ndjson" "$country" "$groups" <<'PY'
import json, sys
tmp, lines, country, group_rows = sys.argv[1:]
schema = json.load(open(tmp + "/schema.json"))
ours = [json.loads(l) for l in open(lines)]
ours = [l for l in ours if not country or l["country"] == country]
theirs = [json.loads(l) for l in open(tmp + "/rows.ndjson")]
assert schema["rows"] == len(ours) == len(theirs), (schema["rows"], len(ours), len(theirs))
n, left = int(group_rows), len(ours)
assert schema["groups"] == [min(n, left - at) for at in range(0, left, n)], schema["groups"]
types = {c[0]: c[1:] for c in schema["columns"]}
assert types["id"] == ["BYTE_ARRAY", "UTF8", "REQUIRED"], types
assert types["port"] == ["INT32", "UINT_16", "REQUIRED"], types
assert types["asn"] == ["INT32", "UINT_32", "REQUIRED"], types
assert types["lat"] == ["FLOAT", "", "REQUIRED"], types
for a, b in zip(ours, theirs):
    a["id"] = a["peerID"]
    for k, v in b.items():
        near = isinstance(v, float) and a[k] is not None and abs(v - a[k]) < 1e-5
        assert v == a[k] or near, (k, v, a[k])
PY
		result $? "its rows and types are those of the JSON lines"
	done
else
	skipped "hyparquet" "no node, or no tests/node_modules (npm ci --prefix tests)"
fi

expect 2 "format: 'xml' is not" -- "$PROG" export --store "$store" --format xml
expect 2 "what: 'stars' is not nodes" -- "$PROG" export --store "$store" --what stars
expect 2 "where: 'as=1' is not KEY=VALUE" -- "$PROG" export --store "$store" --where as=1
expect 2 "compress: 'gzip' is not zstd" -- "$PROG" export --store "$store" --compress gzip
expect 2 "group-rows: '10' is not" -- "$PROG" export --store "$store" --group-rows 10
expect 2 "parquet: its pages are zstd" -- "$PROG" export --store "$store" --format parquet --compress zstd
expect 2 "geojson: .*--what aggregate" -- "$PROG" export --store "$store" --what nodes --format geojson
expect 2 "npy: .*names" -- "$PROG" export --store "$store" --what aggregate --format npy
expect 2 "x.csv: ends like csv, but" -- "$PROG" export --store "$store" --format tsv --out x.csv
expect 2 "ends in .zst" -- "$PROG" export --store "$store" --compress zstd --out x.csv
expect 2 "counts have no addresses" -- "$PROG" export --store "$store" --what aggregate --raw
expect 1 "nowhere-store" -- "$PROG" export --store "$TMP/nowhere-store" --out "$TMP/never"
[ ! -e "$TMP/never" ]
result $? "nothing is made for a store that is not there"
expect 1 "No such file|cannot make it" -- "$PROG" export --store "$store" --out "$TMP/no/where/x.csv"
expect 1 "standard output: .*(full|space)" -- \
	bash -c '"$0" export --store "$1" --out - >/dev/full' "$PROG" "$store"
finish
