#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SIGKILL, and on: a census in virtual time that is killed at random moments and gone on
# with ends as one that was left alone. Sends no packet.
. "$(dirname "$0")/lib.sh"

D=$TMP/store
KEYS="--sim 80000 --sim-mode virtual --geo none --quiet --checkpoint-s 0.05"
# An array and not a function, so that $! is the program.
START=("$PROG" crawl $KEYS --store "$D" --nodes-csv "$TMP/nodes.csv" --report "$TMP/report.json")
start() { "${START[@]}" "$@"; }

$PROG crawl $KEYS --store "" --report "$TMP/alone.json" >/dev/null 2>&1

# Killed as soon as a checkpoint is there, a random while later, six times at most.
kills=0 resume=
for _ in 1 2 3 4 5 6; do
	before=$(stat -c %i "$D/resume" 2>/dev/null || echo none)
	"${START[@]}" $resume >"$TMP/out" 2>&1 &
	pid=$!
	for _ in $(seq 400); do
		now=$(stat -c %i "$D/resume" 2>/dev/null || echo none)
		[ "$now" != "$before" ] && [ "$now" != none ] && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.01
	done
	sleep "0.0$((RANDOM % 10))"
	kill -9 $pid 2>/dev/null || break
	wait $pid 2>/dev/null
	[ -e "$D/resume" ] && resume=--resume kills=$((kills + 1))
done
[ $kills -ge 3 ]
result $? "killed $kills times with something to go on with"

expect 1 "had  seed: 1  and now is  seed: 2" -- start --resume --seed 2
expect 1 "had  plan: \"2\+\"  and now is" -- start --resume --plan 4
expect 1 "it had  zone: \"\"" -- start --resume --zone a/4

if [ -e "$D/resume" ]; then
	start --resume >"$TMP/out" 2>&1
	result $? "gone on to the end"
fi
jq -se '.[0] as $a | .[1] | .end == "done" and .unexplained == 0
	and (.live_endpoints - $a.live_endpoints | fabs) < 40
	and (.truth.recall - $a.truth.recall | fabs) < 0.0005
	and (.queries_per_live - $a.queries_per_live | fabs) < 0.02
	and .politeness.packets_to_one_address_10s_max <= 9' \
	"$TMP/alone.json" "$TMP/report.json" >/dev/null
result $? "as many found: $(jq .live_endpoints "$TMP/report.json"), alone $(jq .live_endpoints "$TMP/alone.json")"
jq -e ".resumes >= $kills - 1" "$TMP/report.json" >/dev/null
result $? "the report says how often it was gone on with"
[ "$(grep -v ^id "$TMP/nodes.csv" | sort -u | wc -l)" = "$(jq .live_endpoints "$TMP/report.json")" ]
result $? "every node is in the table"
"$PROG" summary --store "$D" --json |
	jq -e '(.censuses | length) == 1 and .censuses[0].ended_s > 0' >/dev/null
result $? "the store has one census of it"
[ -z "$(ls "$D" | grep resume)" ]
result $? "nothing is left to go on with"
expect 1 "holds no census that was broken off" -- start --resume
expect 2 "resume: needs the store" -- "$PROG" crawl --sim 100 --store "" --resume

# Interrupted politely: the same.
rm -rf "$D"
"${START[@]}" >"$TMP/out" 2>&1 &
pid=$!
for _ in $(seq 200); do [ -e "$D/resume" ] && break; sleep 0.01; done
kill -INT $pid
wait $pid
grep -q "with --resume goes on" "$TMP/out"
result $? "SIGINT says how to go on"
start --resume >/dev/null 2>&1 && jq -e '.end == "done" and .truth.recall > 0.998 and .resumes == 1' "$TMP/report.json" >/dev/null
result $? "and so it does"

# A campaign: killed within a census or between two, the plan is kept.
rm -rf "$D"
CAMPAIGN=("$PROG" crawl --sim 60000 --sim-mode virtual --geo none --quiet --checkpoint-s 0.05
	--epochs 3 --interval 1h --every 30m --store "$D" --report -)
"${CAMPAIGN[@]}" >"$TMP/reports" 2>/dev/null &
pid=$!
for _ in $(seq 300); do [ -s "$TMP/reports" ] && [ -e "$D/resume" ] && break; sleep 0.01; done
kill -9 $pid
wait $pid 2>/dev/null
"${CAMPAIGN[@]}" --resume >"$TMP/reports" 2>/dev/null
result $? "a campaign that was killed"
"$PROG" summary --store "$D" --json >"$TMP/summary.json"
# (one that was killed before its first checkpoint is in the store as broken off)
jq -r '.censuses[] | select(.report) | [(.report.started[11:15]), (.report.part.name // "all"), .report.end] | join(" ")' \
	"$TMP/summary.json" >"$TMP/got"
cat >"$TMP/want" <<-'END'
	14:1 all done
	14:4 zone 5e/8 done
	14:4 zone 00/8 done
	15:1 all done
	15:1 zone 5e/8 done
	15:1 zone 80/8 done
	15:4 zone 5e/8 done
	15:4 zone 40/8 done
	16:1 all done
	16:1 zone 5e/8 done
	16:1 zone c0/8 done
	16:4 zone 5e/8 done
	16:4 zone 20/8 done
END
diff "$TMP/want" "$TMP/got"
result $? "has the censuses of one that was not"

# Killed while a zone is asked beside it: the full census goes on, and the cadence with it.
rm -rf "$D"
BESIDE=("$PROG" crawl --sim 40000 --sim-mode virtual --geo none --quiet --checkpoint-s 0.05 --rate 2000
	--every 20s --every-zone a/4 --certify 0 --survey 0 --store "$D" --report -)
"${BESIDE[@]}" >"$TMP/reports" 2>/dev/null &
pid=$!
for _ in $(seq 300); do [ "$(grep -c '"part": {' "$TMP/reports")" -ge 2 ] && break; sleep 0.01; done
kill -9 $pid
wait $pid 2>/dev/null
before=$(grep -c '"part": {' "$TMP/reports")
"${BESIDE[@]}" --resume >"$TMP/reports" 2>/dev/null
result $? "killed beside $before zones"
jq -se '[.[] | select(.part == null)] as $full | [.[] | select(.part.beside)] as $zones
	| ($full | length) == 1 and $full[0].resumes == 1 and $full[0].truth.recall > 0.997
	and ($zones | length) >= 2 and all(.end == "done" and .unexplained == 0
	and .politeness.packets_to_one_address_10s_max <= 9)' "$TMP/reports" >/dev/null
result $? "gone on with: one full census, $(grep -c '"part": {' "$TMP/reports") zones more"

finish
