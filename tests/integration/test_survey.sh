#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What nodes can do and how they are reached, as users have it: in the report, in the store's
# summary, in exports; in virtual time and on the farm. Sends to 127.0.0.0/8 only.
. "$(dirname "$0")/lib.sh"
store=$TMP/store report=$TMP/report.json
want() { # EXPRESSION: true of the file $from
	jq -e "$1" "$from" >/dev/null
	result $? "$1"
}
world="--sim-oneway 0.2 --sim-nat-port 0.5 --sim-nat-address 0.2 --sim-read-only 0.03 --dead 0.45
	--sim-callers 0.05 --sim-v6 0.25 --sim-bep33 0.9 --sim-bep44 0.8 --sim-bep51 0.9
	--sim-poisoners 0.01 --sim-routers 0.01 --sim-bep42 0.5"

timeout 60 "$PROG" crawl --sim 6000 --sim-mode virtual --delay 50 $world --survey 1500 \
	--store "$store" --report "$report" --quiet >"$TMP/text" 2>/dev/null
result $? "a census with a survey"
from=$report
want '.reachability.sample | .any_port + .one_port + .hole + .untold + .gone == 1500'
want '.reachability.cost.unexplained == 0 and .survey_packets_sent > 0'
want '.politeness.packets_to_one_address_10s_max <= 9'
want '[.bep_support[].nodes] | max == (.[-1])'
# against the truth: NATs are told apart, and abilities are what they are
want '.truth.reachability.none | .any_port / (.any_port + .one_port + .gone) > 0.99'
want '.truth.reachability.port | .one_port > 30 and .any_port <= .one_port / 10'
want '[.truth.bep_support[] | (.able - .rightly + .truly_able - .rightly) / .asked] | max < 0.01'
want '.truth.bep_support | .bep33.able > 100 and .bep44.able > 500 and .bep51.able > 500'
want '.truth.class_figures.poisoner | .precision > 0.95 and .recall > 0.95'
want '.truth.class_figures.router | .precision > 0.95 and .recall > 0.95'
expect 0 'answer a second port of ours' -- cat "$TMP/text"

"$PROG" summary --store "$store" --json >"$TMP/summary.json"
result $? "summary --json"
from=$TMP/summary.json
want '.reachability | .any_port > 1300 and .one_port > 30 and .one_way > 100 and .read_only > 5'
want '.support[-1].surveyed | .nodes > 1300 and .bep33 > 100 and .bep44 > 500 and .bep32 > 200'
want '.support[-1] | .bep44 >= .surveyed.bep44 and .bep51 >= .surveyed.bep51'
want '.nodes.heard_only > 100'
expect 0 'any-port' -- "$PROG" summary --store "$store"
"$PROG" export --store "$store" --format csv --out "$TMP/out" >/dev/null 2>&1
[ "$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "reach") c = i; next }
	$c == 2 { n++ } END { print n + 0 }' "$TMP/out/nodes.csv")" = \
	"$(jq .reachability.one_port "$TMP/summary.json")" ]
result $? "the export has as many of one port"

# BEP 51 asked of everybody is kept of everybody
timeout 60 "$PROG" crawl --sim 3000 --sim-mode virtual --query sample --certify 0 --survey 0 \
	--store "$TMP/samples" --quiet >/dev/null 2>&1
"$PROG" summary --store "$TMP/samples" --json >"$TMP/samples.json"
from=$TMP/samples.json
want '.support[-1] | .bep51 / .nodes > 0.6 and .surveyed.nodes == 0'

# real sockets
timeout 100 "$PROG" crawl --sim 3000 $world --survey 300 --sweep-after-s 1 --timeout1-s 0.3 \
	--timeout2-s 0.5 --store "" --report "$report" --quiet >/dev/null 2>&1
result $? "a survey on the farm"
from=$report
want '.reachability.sample | .any_port >= 280'
want '.truth.reachability.port | .one_port > 0 and .any_port <= .one_port / 5'
want '[.truth.bep_support[] | (.able - .rightly + .truly_able - .rightly) / .asked] | max < 0.04'
want '.politeness.packets_to_one_address_10s_max <= 9'
expect 0 'its survey +[0-9,]+ packets to 10,000' -- "$PROG" crawl --dry-run
expect 2 'survey: 0 to' -- "$PROG" crawl --survey 1000000 --dry-run
finish
