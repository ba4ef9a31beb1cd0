#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Standard output that is cut, as by `| head -1`, or full: of a reader who left no command says
# a word, a store that was finished is no failure for it, and what found no room is said.
# Sends no packet.
. "$(dirname "$0")/lib.sh"

# unread STATUS NAME -- COMMAND...   nobody reads its standard output any more; the talk is in $TMP/said.
unread() {
	local want=$1 name=$2 rc
	shift 3
	python3 -c '
import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.run(sys.argv[1:], stdout=w, stdin=subprocess.DEVNULL, timeout=60).returncode % 256)' \
		"$@" 2>"$TMP/said"
	rc=$?
	if [ $rc = "$want" ] && ! grep -qE 'Broken pipe|Input/output|no space|broke off' "$TMP/said"; then
		result 0 "unread: $name"
	else
		echo "  exit $rc (want $want), said:"
		sed 's/^/    /' "$TMP/said"
		result 1 "unread: $name"
	fi
}
by_sigpipe=243 # as Python tells of signal 13: -13
virtual() { "$PROG" crawl --sim 2000 --sim-mode virtual --geo none --certify 0 --survey 0 --quiet "$@"; }
of_store() { # NAME OPTION...   a command whose product is what it prints
	local command=$1
	shift
	unread $by_sigpipe "$command $*" -- "$PROG" "$command" --store "$TMP/store" "$@"
	[ ! -s "$TMP/said" ]
	result $? "and it says nothing"
}

virtual --edges --store "$TMP/store" --pcap "$TMP/all.pcap" >"$TMP/report" 2>&1
result $? "a store"
of_store summary
of_store summary --zones
of_store summary --json
of_store summary --over-time
of_store export --out -
of_store export --out - --format parquet
of_store export --out - --what edges --format mtx
of_store render --still - --size 320x180
for words in --help --version "bench --list" doctor "resolver --db $TMP/store top --loop" \
	"resolver --db $TMP/store summary" "crawl --print-config" "crawl --dry-run"; do
	# shellcheck disable=SC2086
	unread $by_sigpipe "${words/$TMP\//}" -- "$PROG" $words
done
unread $by_sigpipe "the first of many benchmarks is the last" -- "$PROG" bench --run-ms 1 --runs 1 'krpc_*'
unread 0 "a command's own --help" -- "$PROG" crawl --help
"$PROG" summary --store "$TMP/store" --zones 2>&1 | head -n 1 >"$TMP/head"
[ "$(wc -l <"$TMP/head")" = 1 ] && grep -q ^zone,known, "$TMP/head"
result $? "summary --zones | head -n 1 is that line alone"

# A store is finished whether or not somebody reads what is said of it.
whole() { # STORE NAME
	"$PROG" summary --store "$1" --json | jq -e '.censuses[0].ended_s > 0 and .nodes.answered > 1900' >/dev/null
	result $? "$2"
}
crawl_unread() { unread "$1" "crawl $2" -- "$PROG" crawl --sim 2000 --sim-mode virtual --geo none --certify 0 --quiet "${@:3}"; }
crawl_unread 0 "--report -" --report - --store "$TMP/report.store"
whole "$TMP/report.store" "the census is whole"
crawl_unread 0 "--nodes-csv -" --nodes-csv - --store "$TMP/csv.store"
whole "$TMP/csv.store" "the census is whole"
virtual --store "$TMP/fifo.store" --nodes-csv >(head -n 1 >/dev/null) --report >(:) >/dev/null 2>"$TMP/said"
result $? "files that are pipes without a reader do no harm: $(tail -n 1 "$TMP/said")"
whole "$TMP/fifo.store" "the census is whole"
crawl_unread $by_sigpipe "--nodes-csv - without a store: nobody wants it" --nodes-csv - --store ''
unread 0 "tap --log -" -- "$PROG" tap --read "$TMP/all.pcap" --log - --log-kinds find_node --store "$TMP/tap.store" --geo none --quiet
expect 0 "answered" -- "$PROG" summary --store "$TMP/tap.store"
unread $by_sigpipe "tap --log - without a store" -- \
	"$PROG" tap --read "$TMP/all.pcap" --log - --log-kinds find_node --store '' --geo none --quiet
unread 0 "merge" -- "$PROG" merge --into "$TMP/merged" "$TMP/store" "$TMP/csv.store"
unread 0 "store compact" -- "$PROG" store compact "$TMP/store"

# A full disk is another thing: what was asked for did not get there.
full() { expect 1 "standard output: ([Nn]o space left|not everything)" -- bash -c '"$@" >/dev/full' full "$PROG" "$@"; }
full summary --store "$TMP/store"
full summary --store "$TMP/store" --zones
full export --store "$TMP/store" --out -
full bench --run-ms 1 --runs 1 krpc_parse
full --help
full crawl --print-config
finish
