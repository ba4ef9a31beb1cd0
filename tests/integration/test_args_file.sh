#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Options of listen and tap from a YAML file: they hold, a flag wins, mistakes are said with
# their place. Nothing is sent; a socket is bound to 127.0.0.1.
. "$(dirname "$0")/lib.sh"
case $PROG in /*) ;; *) PROG=$PWD/$PROG ;; esac
here=$(cd "$(dirname "$0")" && pwd)
cd "$TMP" || exit 1

port=$((20000 + RANDOM % 10000))
cat >ear.yaml <<-YAML
	# a node on loopback
	bind: ["127.0.0.1:$port", 127.0.0.1:$((port + 10))]
	ids: 2
	bootstrap: ""
	max_runtime_s: 0.3
	store: ear.store
	geo: none
	quiet: true
	report: from-file.json
YAML
expect 0 "listening with 2 ids on 127.0.0.1:$port to 127.0.0.1:$((port + 10))" -- \
	"$PROG" listen --config ear.yaml
[ -d ear.store ] && jq -e '.ids == 2' from-file.json >/dev/null
result $? "its keys held"
expect 0 "listening on 127.0.0.1:$((port + 20))" -- \
	"$PROG" listen -b 127.0.0.1:$((port + 20)) --config=ear.yaml --ids 1 --rep from-flag.json
jq -e '.ids == 1' from-flag.json >/dev/null
result $? "flags won, abbreviated and by their letter too"

"$PROG" crawl --sim 500 --sim-mode virtual --geo none --store '' --pcap wire.pcap --quiet >/dev/null 2>&1
printf 'read: wire.pcap\nstore: ""\ngeo: none\nlog_kinds: all\nlog: said.ndjson\nedges: no\n' >tap.yaml
expect 0 'Tap of wire.pcap' -- "$PROG" tap --config tap.yaml
[ "$(wc -l <said.ndjson)" -gt 1000 ]
result $? "a tap with its file and its log by configuration"

: >empty.yaml
expect 2 'one of --interface' -- "$PROG" tap --config empty.yaml
printf 'ids: 1\nidz: 2\n' >bad.yaml
expect 2 'bad.yaml:2:1: no key idz' -- "$PROG" listen --config bad.yaml
expect 2 'keys are: bind ids external' -- "$PROG" listen --config bad.yaml
printf 'quiet: perhaps\n' >bad.yaml
expect 2 'bad.yaml:1:8: true or false is wanted of quiet' -- "$PROG" listen --config bad.yaml
printf 'bind:\n  a: b\n' >bad.yaml
expect 2 'bad.yaml:2:3: a plain value is wanted of bind' -- "$PROG" listen --config bad.yaml
printf 'ids: &a 1\nrate: *a\n' >bad.yaml
expect 2 'bad.yaml:2:7: a plain value' -- "$PROG" listen --config bad.yaml
printf -- '- ids\n' >bad.yaml
expect 2 'lines .option: value. are wanted' -- "$PROG" listen --config bad.yaml
printf '? {ids: 1}\n: 2\n' >bad.yaml
expect 2 'bad.yaml:1:3: a key is wanted' -- "$PROG" listen --config bad.yaml
printf 'ids: [1\n' >bad.yaml
expect 2 'bad.yaml:2:1: did not find' -- "$PROG" listen --config bad.yaml
printf 'config: other.yaml\n' >bad.yaml
expect 2 'no key config' -- "$PROG" listen --config bad.yaml
printf 'ids: 0\n' >bad.yaml
expect 2 "ids: '0' is not a number from 1" -- "$PROG" listen --config bad.yaml
{ printf 'bind: ['; for _ in $(seq 2000); do printf '127.0.0.1:1,'; done; printf ']\n'; } >bad.yaml
expect 2 'too many values' -- "$PROG" listen --config bad.yaml
expect 2 'nowhere.yaml: No such file' -- "$PROG" listen --config nowhere.yaml
expect 0 'listening on' -- "$PROG" listen --config "$here/../../configs/listen.yaml" --bind 127.0.0.1:$port \
	--bootstrap '' --max-runtime-s 0.2 --geo none --store ''
finish
