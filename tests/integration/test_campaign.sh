#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many censuses in one run, in virtual time: when, of what, how warm, and what the store
# has of them. Sends no packet.
. "$(dirname "$0")/lib.sh"

virtual() { "$PROG" crawl --sim 20000 --sim-mode virtual --geo none --quiet "$@"; }

expect 2 "zone: 'x/8' is not PREFIX/BITS" -- virtual --zone x/8
expect 2 "zone: 'ff/4' is not PREFIX/BITS" -- virtual --zone ff/4
expect 2 "interval: '5x' is not a time" -- virtual --epochs 2 --interval 5x
expect 2 "every: '0' is not a time" -- virtual --every 0
expect 0 "Census of zone a0/4 done" -- virtual --zone a0/4 --store ""

virtual --store "$TMP/store" --epochs 3 --interval 1h --every 25m --every-zone 5c/6 \
	--churn 0.007 --report - >"$TMP/reports" 2>"$TMP/said"
result $? "three full censuses and zones between them"

# When, to ten minutes, and what: full ones at 0:00, 1:00 and 2:00, zones at 0:25, 0:50, 1:15, 1:40, 2:05, 2:30, 2:55.
jq -r '[.started[11:15], .part.name // "all"] | join(" ")' "$TMP/reports" >"$TMP/got"
cat >"$TMP/want" <<-'END'
	14:1 all
	14:3 zone 5c/6
	14:3 zone 00/6
	15:0 zone 5c/6
	15:0 zone 80/6
	15:1 all
	15:2 zone 5c/6
	15:2 zone 40/6
	15:5 zone 5c/6
	15:5 zone c0/6
	16:1 all
	16:1 zone 5c/6
	16:1 zone 20/6
	16:4 zone 5c/6
	16:4 zone a0/6
	17:0 zone 5c/6
	17:0 zone 60/6
END
diff "$TMP/want" "$TMP/got"
result $? "the times and zones are those of the plan"

jq -se 'length == 17 and all(.end == "done" and .unexplained == 0 and .politeness.packets_to_one_address_10s_max <= 9)' \
	"$TMP/reports" >/dev/null
result $? "every packet of every census is accounted for, within the budget"

jq -se '[.[] | select(.part == null)] | all(.truth.recall > 0.995) and
	(.[0].warm_known == 0) and (.[1:] | all(.warm_live / .warm_known > 0.88 and .warm_live / .warm_known < 0.96))
	and (.[2].doubted_known > 5000) and (.[2].doubted_live > 100)
	and .[2].packets_per_live < .[0].packets_per_live' "$TMP/reports" >/dev/null
result $? "later censuses are warm, as true, and cheaper"

n=$("$PROG" summary --store "$TMP/store" --json | jq '.censuses | length')
[ "$n" = 17 ]
result $? "the store has an epoch for each ($n)"
[ "$(stat -c %a "$TMP/store/silent")" = 600 ]
result $? "who was silent is kept for the next run"

virtual --store "$TMP/store" --sim-time 10800 --churn 0.007 --report - 2>/dev/null |
	jq -e '.warm_known > 18000 and .doubted_known > 5000' >/dev/null
result $? "a run of its own begins with what the last one left"

# Reports: the latest under the name that was given, each beside it under its time.
small() { virtual --sim 2000 --certify 0 --survey 0 "$@" >/dev/null 2>&1; }
mkdir "$TMP/files"
small --store "" --epochs 2 --interval 1h --every 40m --every-zone 5c/6 --report "$TMP/files/r.json"
find "$TMP/files" -name '*.json' -printf '%f\n' | sed 's/T\(..\)[0-9]*Z/T\1Z/' | LC_ALL=C sort >"$TMP/got"
diff - "$TMP/got" <<-'END'
	r-20260921T14Z-zone-00-6.json
	r-20260921T14Z-zone-5c-6.json
	r-20260921T14Z.json
	r-20260921T15Z-zone-5c-6.json
	r-20260921T15Z-zone-80-6.json
	r-20260921T15Z.json
	r.json
END
result $? "each census has a report of its own"
for f in "$TMP"/files/r-*; do
	jq -r '"r-" + (.started[:19] + "Z" | gsub("[-:]"; "")) + (if .part then "-" + (.part.name | gsub("[ /]"; "-")) else "" end)
		+ ".json"' "$f"
done >"$TMP/want"
diff "$TMP/want" <(cd "$TMP/files" && printf '%s\n' r-*)
result $? "and is named after when it began and of what it is"
cmp -s "$TMP"/files/r-*T15????Z.json "$TMP/files/r.json"
result $? "the last full one is that of the given name"
small --store "" --report "$TMP/files/one.json" && [ "$(ls -d "$TMP"/files/one*)" = "$TMP/files/one.json" ]
result $? "a single census is the one file"
small --store "" --report "$TMP/runs/" && small --store "" --sim-time 3600 --report "$TMP/runs" &&
	[ "$(find "$TMP/runs" -name 'report-*Z.json' | wc -l)" = 2 ] && cmp -s "$TMP"/runs/report-*T15*.json "$TMP/runs/report.json"
result $? "a folder keeps those of all runs"
expect 1 "report $TMP/no/folder/: No such file" -- virtual --store "" --report "$TMP/no/folder/"
(virtual --store "" --report "$TMP/broken.json" --blocklist "$TMP/none" >/dev/null 2>&1) || [ ! -e "$TMP/broken.json" ]
result $? "a census that never began leaves no empty report"

# The configurations that come with it write beside the store, whatever folder one stands in.
configs=$(cd "$(dirname "$0")/../../configs" && pwd)
mkdir "$TMP/here" "$TMP/kept"
for conf in crawl campaign; do
	(cd "$TMP/here" && small --config "$configs/$conf.yaml" --epochs 2 --store "$TMP/kept/$conf/") ||
		echo "$conf failed"
done
(cd "$TMP/kept" && find . -maxdepth 2 -name '*.*' -type f) | sed 's/-2[0-9TZ]*/-T/; s/-zone-.*/-zone/' | LC_ALL=C sort -u >"$TMP/got"
diff - "$TMP/got" <<-'END'
	./campaign.reports/report-T-zone
	./campaign.reports/report-T.json
	./campaign.reports/report.json
	./campaign.status.csv
	./crawl.metadata.json
	./crawl.report-T.json
	./crawl.report.json
	./crawl.status.csv
END
result $? "crawl.yaml and campaign.yaml write beside the store"
[ -z "$(ls -A "$TMP/here")" ]
result $? "and nothing into the working directory"
expect 2 "report: {store} in a name needs a store" -- virtual --store "" --report '{store}.json'

# Zones beside a full census that is slow: their cadence is held, each is an epoch of its own, one
# rate and one budget hold for all, and the full one finds what it finds alone.
virtual --rate 1000 --certify 0 --survey 0 --store "" --report "$TMP/slow.json" >/dev/null 2>&1
virtual --rate 1000 --certify 0 --survey 0 --every 35s --every-zone 5c/6 --store "$TMP/beside" \
	--report - >"$TMP/reports" 2>"$TMP/said"
jq -r '[.started[14:19], .part.name // "all"] | join(" ")' "$TMP/reports" >"$TMP/got"
diff - <(grep -v 'zone [^5]' "$TMP/got") <<-'END'
	13:55 zone 5c/6
	14:30 zone 5c/6
	15:05 zone 5c/6
	13:20 all
END
result $? "beside a full census zones keep their 35 s"
jq -se --slurpfile alone "$TMP/slow.json" '[.[] | select(.part == null)][0] as $full | [.[] | select(.part)] as $zones
	| ($zones | length >= 5 and all(.part.beside and .end == "done" and .unexplained == 0 and .truth.recall > 0.99))
	and all(.politeness.packets_to_one_address_10s_max <= 9)
	and ($full.truth.recall - $alone[0].truth.recall | fabs) < 0.001
	and ($full.packets_sent / $alone[0].packets_sent - 1 | fabs) < 0.01
	and ($full.packets_sent + ($zones[:-1] | map(.packets_sent) | add)) / $full.span_s < 1001' "$TMP/reports" >/dev/null
result $? "one rate, one budget; both find what they find alone"
"$PROG" summary --store "$TMP/beside" --json | jq -e --slurpfile r "$TMP/reports" \
	'(.censuses | length) == ($r | length) and all(.censuses[]; .ended_s > 0)' >/dev/null
result $? "and each is a census of the store"

# Shards: nobody knows of another, together they are the whole.
virtual --store "" --nodes-csv "$TMP/whole.csv" --report "$TMP/whole.json" >/dev/null 2>&1
for i in 0 1 2; do
	virtual --store "$TMP/shard$i" --shards 3 --shard $i --nodes-csv "$TMP/part$i.csv" \
		--report "$TMP/part$i.json" >/dev/null 2>&1
done
sort -u "$TMP"/part?.csv | grep -vc ^id >"$TMP/union"
[ "$(cat "$TMP/union")" -ge "$(($(grep -vc ^id "$TMP/whole.csv") - 25))" ]
result $? "three shards found $(cat "$TMP/union"), one run $(grep -vc ^id "$TMP/whole.csv")"
"$PROG" merge --into "$TMP/merged" "$TMP"/shard? >/dev/null 2>&1
"$PROG" summary --store "$TMP/merged" --json |
	jq -e --argjson union "$(cat "$TMP/union")" '.nodes.answered == $union' >/dev/null
result $? "merged they hold just those"
jq -se --slurpfile whole "$TMP/whole.json" '(map(.packets_sent) | add) < 1.15 * $whole[0].packets_sent
	and (map(.politeness.packets_to_one_address_10s_max) | add) <= 9
	and (map(.politeness.packets_to_one_net24_10s_max) | add) <= 384
	and all(.part.name | startswith("shard "))' "$TMP"/part?.json >/dev/null
result $? "for as many packets, and no more to one host in all"
expect 2 "shard from 0 to one less" -- virtual --shards 3 --shard 3

finish
