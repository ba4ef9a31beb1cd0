#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two shards of one census merged are the census; merged in any order they are equal; check,
# backup, compact, edges and geo resolve as users run them.
. "$(dirname "$0")/lib.sh"
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home
sim=(--sim 3000 --sim-mode virtual --loss 0 --seed 5 --edges --quiet)

"$PROG" crawl "${sim[@]}" --store "$TMP/whole" >/dev/null 2>&1
result $? "a census with edges"
for i in 0 1; do
	"$PROG" crawl "${sim[@]}" --shards 2 --shard $i --store "$TMP/shard$i" >/dev/null 2>&1
	result $? "shard $i of it"
done
expect 0 'nodes, 2 epochs' -- "$PROG" merge --into "$TMP/ab" "$TMP/shard0" "$TMP/shard1"
expect 0 'nodes, 1 epochs' -- "$PROG" merge --into "$TMP/ba" "$TMP/shard1"
expect 0 'nodes, 2 epochs' -- "$PROG" merge --into "$TMP/ba" "$TMP/shard0" "$TMP/shard1" "$TMP/shard0"

nodes() { "$PROG" export --store "$1" --raw --format csv --out - 2>/dev/null; }
same() { # NAME STORE STORE: nodes and segments
	nodes "$2" >"$TMP/one.csv"
	nodes "$3" >"$TMP/two.csv"
	cmp "$TMP/one.csv" "$TMP/two.csv" && cmp <(cat "$2"/seg/*/*.seg) <(cat "$3"/seg/*/*.seg)
	result $? "$1"
}
same "order and repetition do not matter" "$TMP/ab" "$TMP/ba"
# Who is there, without times. A node that nobody lists is found by chance.
who() { nodes "$1" | cut -d, -f1-3 | tail -n +2 | sort; }
who "$TMP/whole" >"$TMP/whole.who"
who "$TMP/ab" >"$TMP/ab.who"
[ "$(wc -l <"$TMP/whole.who")" -gt 2980 ] &&
	[ "$(comm -3 "$TMP/whole.who" "$TMP/ab.who" | wc -l)" -le 12 ]
result $? "two shards are the whole, but for a few whom hardly anybody lists"

for s in whole shard0 ab; do
	expect 0 ': sound' -- "$PROG" store check "$TMP/$s"
done
[ "$("$PROG" store info --json "$TMP/whole" | jq '.edge_bytes / .edges < 5')" = true ]
result $? "an edge takes less than 5 bytes"
expect 0 'a copy of' -- "$PROG" store backup "$TMP/ab" "$TMP/copy"
expect 0 ': sound' -- "$PROG" store check "$TMP/copy"
expect 1 'holds a store already' -- "$PROG" store backup "$TMP/ab" "$TMP/whole"
expect 0 'edges, vertices and all' -- "$PROG" store compact "$TMP/copy"
same "a compacted backup says what the store says" "$TMP/ab" "$TMP/copy"
expect 0 'was of schema 2' -- "$PROG" store migrate "$TMP/copy"

# Another database than at the last look: everybody is placed anew.
mkdir "$TMP/geo"
printf '# dht-telescope geo table v1\n1.0.0.0\t223.255.255.255\t64500\tOne\tNO\tOslo\t59.9\t10.7\t5\n' \
	>"$TMP/geo/geo.tsv"
expect 0 'nodes lie elsewhere now' -- "$PROG" geo resolve "$TMP/copy" --dir "$TMP/geo"
expect 0 '^AS64500' -- sh -c "'$PROG' export --store '$TMP/copy' --what aggregate --format csv --out - |
	grep -oE '64500' | sed 's/^/AS/'"
expect 0 'copy: 0 nodes lie elsewhere' -- "$PROG" geo resolve "$TMP/copy" --dir "$TMP/geo"

# Damage is said, with what is lost and the cure.
seg=$(ls "$TMP"/copy/seg/*/00000002.seg)
printf x | dd of="$seg" bs=1 seek=40 conv=notrunc 2>/dev/null
expect 1 'segment 00000002.seg: its bytes' -- "$PROG" store check "$TMP/copy"
rm "$seg"
expect 1 'missing; lost with it' -- "$PROG" store check "$TMP/copy"
expect 1 'restore it from a backup' -- "$PROG" store check "$TMP/copy"
expect 1 'is what it was' -- "$PROG" merge --into "$TMP/ab" "$TMP/nothing"
expect 2 'one of: info, check' -- "$PROG" store prune "$TMP/ab"
expect 2 'no STORE to merge' -- "$PROG" merge --into "$TMP/ab"
finish
