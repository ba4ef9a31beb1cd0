#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The runner. tests/run.sh BUILD_DIR TEST...
#
# A test is a cmocka program (TAP is counted case by case), or any other
# program or script: exit 0 passed, 77 skipped (its last line says why), else
# failed. The closing line is "N passed, N failed, N skipped".
set -u
build=$1
shift
export DT_BUILD=$build DT_PROG=$PWD/$build/dht-telescope
export CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}
passed=0 failed=0 skipped=0
mkdir -p "$build/test-logs"
for t in "$@"; do
	name=${t#"$build"/}
	name=${name#tests/}
	log=$build/test-logs/$(echo "$name" | tr / _).log
	start=$(date +%s%N)
	limit=300
	timeout --kill-after=5 "$limit" "$t" >"$log" 2>&1 </dev/null
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
	passed=$((passed + ok)) failed=$((failed + nok)) skipped=$((skipped + skip))
	if [ $nok -gt 0 ]; then
		printf 'FAIL  %-44s %6d ms  exit %d, log %s\n' "$name" $ms $rc "$log"
		grep -vE '^(ok|1\.\.)' "$log" | tail -n 25 | sed 's/^/      | /'
	elif [ $skip -gt 0 ]; then
		printf 'skip  %-44s %6d ms  %s\n' "$name" $ms "$(grep -iE 'skip' "$log" | tail -n 1)"
	else
		printf 'ok    %-44s %6d ms  %d\n' "$name" $ms $ok
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
