#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Bad luck with the store, at the level of the command: killed at any moment,
# disk full, two writers, folders that cannot be used, and what is not ours.
# KILLS=20 SIM=50000 are the sizes; two of three kills are in virtual time.
. "$(dirname "$0")/lib.sh"
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home
: "${KILLS:=20}" "${SIM:=50000}"
quick=(--geo none --quiet --timeout1-s 0.2 --timeout2-s 0.2 --sweep-after-s 0.2)

# Processes that still carry this folder in their command line: the farm's children do.
left() {
	local f n=0
	for f in /proc/[0-9]*/cmdline; do
		case $(tr '\0' ' ' 2>/dev/null <"$f") in *"$1"*) n=$((n + 1)) ;; esac
	done 2>/dev/null
	echo $n
}

# ---- SIGKILL: a census is whole or marked as broken off, and the rest is untouched
store=$TMP/killed
declare -A most # how long a census takes here, sealing included
for mode in farm virtual farm; do # the last of another world: those that the first knew are not there
	began=$(date +%s%N)
	"$PROG" crawl --sim "$SIM" --sim-mode $mode --seed $((case_no + 1)) --store "$store" "${quick[@]}" >/dev/null 2>&1
	result $? "a whole census, $mode"
	most[$mode]=$((($(date +%s%N) - began) / 1000000))
done
cat >"$TMP/check.py" <<'PY'
import json, sys
s = json.load(sys.stdin)
begun, ended = len(s["censuses"]), [c for c in s["censuses"] if c.get("report")]
assert ended, "no census is left"
most = max(c["report"]["live_endpoints"] for c in ended)
assert s["nodes"]["answered"] >= most, (s["nodes"], most)
for c in ended:
    r = c["report"]
    assert r["unexplained"] == 0 and r["truth"]["live"] == int(sys.argv[1]), r
print(begun, len(ended))
PY
RANDOM=$$ # the seed of this run's moments
echo "# RANDOM=$$"
bad_kills=0 survived=0
for i in $(seq "$KILLS"); do
	mode=virtual
	[ $((i % 3)) = 0 ] && mode=farm
	"$PROG" crawl --sim "$SIM" --sim-mode $mode --seed "$i" --store "$store" "${quick[@]}" \
		>"$TMP/kill.log" 2>&1 &
	pid=$!
	ms=$((RANDOM % (most[$mode] * 11 / 10)))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
	kill -KILL $pid 2>/dev/null && survived=$((survived + 1))
	wait $pid 2>/dev/null
	"$PROG" summary --store "$store" --json 2>"$TMP/why" | python3 "$TMP/check.py" "$SIM" >"$TMP/counts" ||
		{ bad_kills=$((bad_kills + 1)); echo "  kill $i ($mode, $ms ms):"; cat "$TMP/why"; }
done 2>"$TMP/errors"
[ $bad_kills = 0 ] || grep -v Killed "$TMP/errors" | tail -n 5
[ $bad_kills = 0 ]
result $? "the store is whole after each of $KILLS SIGKILLs"
read -r begun ended <"$TMP/counts"
echo "# $begun censuses begun, $ended ended"
[ "$survived" -gt 0 ] && [ "$begun" -gt "$ended" ]
result $? "some of them came in time"
for _ in $(seq 50); do [ "$(left "$store")" = 0 ] && break; sleep 0.1; done
[ "$(left "$store")" = 0 ]
result $? "no farm outlives its census"
expect 0 "Census done" -- "$PROG" crawl --sim "$SIM" --store "$store" "${quick[@]}"
[ "$(find "$store" -name data.mdb | wc -l)" = 1 ]
result $? "what the killed ones left is cleared away"

# ---- two writers
"$PROG" crawl --sim "$SIM" --rate 20000 --store "$store" "${quick[@]}" >"$TMP/first.log" 2>&1 &
pid=$!
for _ in $(seq 100); do "$PROG" summary --store "$store" 2>/dev/null | grep -q "still running" && break; sleep 0.1; done
expect 1 "another program is writing it" -- "$PROG" crawl --sim 1000 --store "$store" "${quick[@]}"
expect 0 "still running" -- "$PROG" summary --store "$store"
wait $pid
result $? "the first one is not disturbed"

# ---- folders that cannot be used
: >"$TMP/file"
expect 1 "$TMP/file: not a directory" -- "$PROG" crawl --sim 1000 --store "$TMP/file" "${quick[@]}"
expect 1 "$TMP/file" -- "$PROG" summary --store "$TMP/file"
mkdir "$TMP/photos"
: >"$TMP/photos/holiday.jpg"
expect 1 "photos" -- "$PROG" summary --store "$TMP/photos"
mkdir -p "$TMP/mine/store/letters" && : >"$TMP/mine/store/letters/data.txt"
"$PROG" demo --nodes 1000 --film-s 1 --geo none --out "$TMP/mine" >/dev/null 2>&1
[ -e "$TMP/mine/store/letters/data.txt" ]
result $? "demo removes no file that is not of a store"

# ---- a full disk, a read-only one: needs mounts of our own
cat >"$TMP/mounted.sh" <<'SH'
prog=$1 dir=$2; shift 2
mkdir -p "$dir/small" "$dir/ro"
mount -t tmpfs -o size=16m tmpfs "$dir/small" || exit 77
mount -t tmpfs -o ro tmpfs "$dir/ro" || exit 77
"$prog" crawl --sim 1000 --store "$dir/small/s" "$@"; echo "full at the start: $?"
mount -t tmpfs -o size=560m tmpfs "$dir/small"
"$prog" crawl --sim 20000 --store "$dir/small/s" "$@" >/dev/null; echo "room: $?"
"$prog" crawl --sim 20000 --rate 20000 --store "$dir/small/s" "$@" &
sleep 1
head -c 60m /dev/zero >"$dir/small/fill"
wait $!; echo "full meanwhile: $?"
"$prog" summary --store "$dir/small/s" | head -n 5; echo "readable: ${PIPESTATUS[0]}"
"$prog" crawl --sim 1000 --store "$dir/ro/s" "$@"; echo "read-only: $?"
SH
root=()
[ "$(id -u)" = 0 ] || root=(--map-root-user)
if unshare "${root[@]}" --mount true 2>/dev/null; then
	unshare "${root[@]}" --mount bash "$TMP/mounted.sh" "$PROG" "$TMP" "${quick[@]}" >"$TMP/mounted.log" 2>&1
	for line in "full at the start: 1" "no space left.*cure: make room" "room: 0" \
		"full meanwhile: 1" "broke off: sightings cannot be kept" "readable: 0" \
		"read-only: 1" "ro/s: .*[Rr]ead-only"; do
		grep -q "$line" "$TMP/mounted.log"
		result $? "$line"
	done
	[ $bad = 0 ] || sed 's/^/    /' "$TMP/mounted.log"
else
	echo "# no mounts of our own: full and read-only disks go without"
fi
finish
