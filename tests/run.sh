#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The runner. tests/run.sh BUILD_DIR TEST...
#
# A test is a cmocka program (TAP is counted case by case), or any other
# program or script: exit 0 passed, 77 skipped (its last line says why), else
# failed. The closing line is "N passed, N failed, N skipped".
#
# JOBS tests run at a time (as many as cores, two at most: most wait rather
# than compute, and no test may lean on having the machine to itself). They
# are started in the order given, so the long ones are best given first.
set -u
export build=$1
shift
export DT_BUILD=$build DT_PROG=$PWD/$build/dht-telescope
export CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}
cores=$(nproc)
jobs=${JOBS:-$((cores < 2 ? 1 : 2))}
export logs=$build/test-logs
mkdir -p "$logs"
rm -f "$logs"/*.count

# What one test came to: a line, and the tail of its log where it failed.
say() {
	exec 9>"$logs/.lock"
	flock 9
	if [ "$nok" -gt 0 ]; then
		printf 'FAIL  %-44s %6d ms  exit %d, log %s\n' "$name" "$ms" "$rc" "$log"
		grep -vE '^(ok|1\.\.)' "$log" | tail -n 25 | sed 's/^/      | /'
	elif [ "$skip" -gt 0 ]; then
		printf 'skip  %-44s %6d ms  %s\n' "$name" "$ms" "$(grep -iE 'skip' "$log" | tail -n 1)"
	else
		printf 'ok    %-44s %6d ms  %d\n' "$name" "$ms" "$ok"
	fi
}

one() {
	name=${1#"$build"/}
	name=${name#tests/}
	log=$logs/$(echo "$name" | tr / _).log
	start=$(date +%s%N)
	timeout --kill-after=5 300 "$1" >"$log" 2>&1 </dev/null
	rc=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	ok=$(grep -c '^ok [0-9]* - ' "$log")
	nok=$(grep -c '^not ok [0-9]* - ' "$log")
	skip=$(grep -cE '^(not )?ok [0-9]* .*# SKIP' "$log")
	if [ $((ok + nok + skip)) -gt 0 ]; then
		nok_skip=$(grep -cE '^not ok [0-9]* - .*# SKIP' "$log")
		ok_skip=$(grep -cE '^ok [0-9]* - .*# SKIP' "$log")
		ok=$((ok - ok_skip)) nok=$((nok - nok_skip))
		[ $rc -ne 0 ] && [ $nok -eq 0 ] && nok=1
	else
		ok=0 nok=0 skip=0
		case $rc in 0) ok=1 ;; 77) skip=1 ;; *) nok=1 ;; esac
	fi
	echo "$ok $nok $skip" >"$log.count"
	say
}
export -f one say

printf '%s\0' "$@" | xargs -0 -P "$jobs" -n 1 bash -c 'one "$1"' run
# A test whose runner died left no count: that is a failure, not silence.
cat "$logs"/*.count 2>/dev/null | awk -v want=$# '
	{ p += $1; f += $2; s += $3; n++ }
	END {
		f += want - n
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f > 0
	}'
