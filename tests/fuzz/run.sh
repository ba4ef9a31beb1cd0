#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libFuzzer on some targets or all: tests/fuzz/run.sh CC SECONDS [NAME...]
#
# CC is a clang that has libFuzzer. New inputs go to build/fuzz/corpus/NAME; a
# crasher is copied into the committed corpus, to be renamed to what it shows.
set -uo pipefail
cd "$(dirname "$0")/../.."
cc=${1:?usage: run.sh CC SECONDS [NAME...]} seconds=${2:?usage: run.sh CC SECONDS [NAME...]}
shift 2
configs/install-deps.sh --quiet build fuzz || exit 1
names=("$@")
if [ ${#names[@]} = 0 ]; then
	for f in tests/fuzz/fuzz_*.c; do names+=("$(basename "$f" .c)"); done
fi
names=("${names[@]#fuzz_}")
for n in "${names[@]}"; do
	[ -e "tests/fuzz/fuzz_$n.c" ] || { echo "run.sh: no tests/fuzz/fuzz_$n.c" >&2; exit 2; }
done
make -j"$(nproc)" --no-print-directory MODE=fuzz CC="$cc" \
	"${names[@]/#/build/fuzz/tests/fuzz/fuzz_}" || exit 1
failed=0
for n in "${names[@]}"; do
	seeds=tests/fuzz/corpus/$n new=build/fuzz/corpus/$n crashes=build/fuzz/crashes/$n
	log=build/fuzz/$n.log
	mkdir -p "$seeds" "$new" "$crashes"
	ASAN_OPTIONS=detect_leaks=1 timeout --kill-after=10 $((seconds + 60)) \
		"build/fuzz/tests/fuzz/fuzz_$n" -max_total_time="$seconds" -max_len=4096 \
		-timeout=10 -rss_limit_mb=2048 -artifact_prefix="$crashes/" -print_final_stats=1 \
		"$new" "$seeds" >"$log" 2>&1
	rc=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	cover=$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1)
	if [ $rc = 0 ]; then
		printf 'ok    %-16s %s s, %s inputs, %s\n' "$n" "$seconds" "${runs:-0}" "${cover:-}"
		continue
	fi
	failed=1
	printf 'FAIL  %-16s exit %d, log %s\n' "$n" $rc "$log"
	grep -E 'broken:|ERROR:|runtime error:|SUMMARY:' "$log" | head -n 5 | sed 's/^/      | /'
	for c in "$crashes"/*; do
		[ -e "$c" ] && mv "$c" "$seeds/" && echo "      | kept: $seeds/$(basename "$c")"
	done
done
exit $failed
