#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who listed whom in two censuses of a small simulated network, in every format
# of graphs, read back by programs nobody here wrote: pandas, numpy, scipy,
# networkx, igraph, graphology, DuckDB. In virtual time: no socket is opened.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
py=/usr/bin/python3 # Debian's own: it sees python3-scipy
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home
skipped() { case_no=$((case_no + 1)); echo "ok $case_no - $1 # SKIP $2"; }

# Names that break naive writers of XML, and Namibia, whose code is "NA".
mkdir "$TMP/geo"
{
	printf '1.0.0.0\t31.255.255.255\t100\tNA\t"A" & <b>'"'"'=1+1 \303\251 ]]> \360\237\247\252\n'
	printf '32.0.0.0\t63.255.255.255\t200\tDE\tcomma, only\n'
	# Escape sequences, a bidirectional override, no UTF-8, no characters of XML at all.
	printf '64.0.0.0\t95.255.255.255\t4294967295\tBR\t\n'
	printf '96.0.0.0\t111.255.255.255\t400\tFR\t\033[31mred\001\177 \342\200\256evil\342\200\254 \377\300\200 \357\277\276\357\277\277\n'
	printf '112.0.0.0\t127.255.255.255\t500\tIL\t\327\251\327\234\327\225\327\235\342\200\217 </node> %%s %%n ${x} $(y)\n'
	printf '128.0.0.0\t191.255.255.255\t300\tJP\t\331\205\330\261\330\255\330\250\330\247\n'
} >"$TMP/geo/ip2asn-v4.tsv"
store=$TMP/store
for t in 0 7200; do
	timeout 60 "$PROG" crawl --sim 400 --sim-mode virtual --churn 0.02 --sim-time $t --edges \
		--geo "$TMP/geo" --store "$store" --quiet >"$TMP/crawl.log" 2>&1 || cat "$TMP/crawl.log"
done

out=$TMP/out
mkdir "$out"
export_to() { # DIR ARGUMENT...
	local dir=$out/$1
	shift
	expect 0 "MiB" -- "$PROG" export --store "$store" "$@" --out "$dir"
}
for f in csv tsv ndjson parquet npy mtx graphml gexf; do
	export_to $f --what edges --format $f
done
export_to zst --what edges --compress zstd
export_to raw --what edges --raw
for level in asn country; do
	export_to $level --what edges --level $level
	export_to ${level}_npy --what edges --level $level --format npy
done
export_to country_graphml --level country --format graphml
export_to country_gexf --level country --format gexf
export_to de --what edges --where country=DE
export_to sample --format mtx --sample 100
export_to questions --what questions
export_to first --what edges --at 1
export_to both --what edges --between 1 2
expect 0 "g.gexf.zst: [0-9,]+ edges of 200 nodes" -- \
	"$PROG" export --store "$store" --sample 200 --compress zstd --out "$TMP/g.gexf.zst"
"$PROG" export --store "$store" --what edges --out - 2>/dev/null | cmp -s - "$out/csv/edges.csv"
result $? "standard output has the same bytes"

if $py -c 'import pandas, scipy, networkx, igraph' 2>/dev/null; then
	timeout 200 $py "$here/export/read_graph.py" "$out"
	result $? "pandas, numpy, scipy, networkx and igraph read one graph"
else
	skipped "pandas, scipy, networkx and igraph" "one of python3-{pandas,scipy,networkx,igraph} is missing"
fi

if command -v node >/dev/null && [ -d "$here/../node_modules/graphology-gexf" ]; then
	timeout 60 node "$here/export/read_gexf.mjs" "$out/gexf/graph.gexf" >"$TMP/gexf.json" &&
		timeout 60 node "$here/export/read_gexf.mjs" "$out/country_gexf/graph.gexf" >"$TMP/country.json" &&
		python3 - "$TMP" "$out" <<'PY'
import csv, json, sys
tmp, out = sys.argv[1:]
rows = lambda name: list(csv.DictReader(open(out + "/" + name, encoding="utf-8")))
nodes, edges = rows("csv/nodes.csv"), rows("csv/edges.csv")
g = json.load(open(tmp + "/gexf.json"))
assert g["type"] == "directed" and g["order"] == len(nodes) and g["size"] == len(edges), g["order"]
for ours, theirs in zip(nodes, g["nodes"]):
    assert theirs["id"] == ours["node"] or theirs["id"] == ours["id"], (ours, theirs)
    assert theirs.get("org", "") == ours["org"] and theirs.get("asn") == int(ours["asn"]), (ours, theirs)
    color = "rgb(%d, %d, %d)" % tuple(bytes.fromhex(ours["color"][1:]))
    assert theirs["color"].replace(" ", "") in (color.replace(" ", ""), ours["color"]), (ours, theirs)
    assert ("x" in theirs) == (ours["lat"] != ""), (ours, theirs)
assert sorted((s, t) for s, t, _ in g["edges"]) == sorted((e["source"], e["target"]) for e in edges)
c = json.load(open(tmp + "/country.json"))
assert sum(w for _, _, w in c["edges"]) == len(edges) and c["order"] == len(rows("country/nodes.csv"))
PY
	result $? "graphology reads GEXF: nodes, names, colours, places, edges"
else
	skipped "graphology" "no node, or no tests/node_modules (npm ci --prefix tests)"
fi

if command -v node >/dev/null && [ -d "$here/../node_modules/@duckdb" ]; then
	a=$out/parquet b=$out/csv
	n=$(timeout 60 node "$here/export/duck.mjs" \
		"SELECT count(*) n FROM (FROM '$a/edges.parquet' EXCEPT FROM '$b/edges.csv')" \
		"SELECT count(*) n FROM (FROM '$b/edges.csv' EXCEPT FROM '$a/edges.parquet')" \
		"SELECT count(*) - (SELECT count(*) FROM '$b/edges.csv') n FROM '$a/edges.parquet'" \
		"SELECT count(*) - (SELECT count(*) FROM '$b/edges.csv') n FROM '$out/zst/edges.csv.zst'" \
		"SELECT count(*) n FROM '$a/edges.parquet' e ANTI JOIN '$a/nodes.parquet' n ON e.source = n.node" \
		"SELECT count(*) n FROM (SELECT id, port::VARCHAR, asn::VARCHAR, org, country FROM '$a/nodes.parquet' EXCEPT
			SELECT id, port, asn, coalesce(org, ''), coalesce(country, '') FROM read_csv('$b/nodes.csv', all_varchar = true))" | sort -u)
	[ "$n" = '{"n":0}' ]
	result $? "DuckDB finds the same edges and nodes as parquet, as csv and as csv.zst"
else
	skipped "DuckDB" "no node, or no tests/node_modules (npm ci --prefix tests)"
fi

# The examples of the README.
if $py -c 'import scipy' 2>/dev/null; then
	expect 0 "PageRank after [0-9]+ turns" -- timeout 60 $py "$here/../../configs/examples/graph.py" "$out/npy"
fi
if command -v node >/dev/null && [ -d "$here/../node_modules/@duckdb" ]; then
	ln -s "$out/parquet" "$TMP/graph"
	n=$(cd "$TMP" && timeout 60 node "$here/export/duck.mjs" "@$here/../../configs/examples/graph.sql" |
		grep -cE '"dead_percent"|"listings_each"|"by_chance"')
	[ "$n" -ge 10 ]
	result $? "configs/examples/graph.sql has its answers ($n rows)"
fi

expect 2 "npy: a graph is three arrays" -- "$PROG" export --store "$store" --what edges --out x.npy
expect 2 "gexf: it holds a graph" -- "$PROG" export --store "$store" --what nodes --format gexf
expect 2 "level: of a graph" -- "$PROG" export --store "$store" --level asn
expect 2 "level: 'city' is not" -- "$PROG" export --store "$store" --what edges --level city
expect 2 "sample: '0' is not" -- "$PROG" export --store "$store" --what edges --sample 0
expect 2 "counts have no addresses" -- "$PROG" export --store "$store" --what edges --level asn --raw
timeout 60 "$PROG" crawl --sim 100 --sim-mode virtual --store "$TMP/plain" --quiet >/dev/null 2>&1
expect 1 "no census of this store has edges: crawl --edges" -- \
	"$PROG" export --store "$TMP/plain" --what edges --out "$TMP/never.csv"
[ ! -e "$TMP/never.csv" ]
result $? "nothing is made where there are no edges"
finish
