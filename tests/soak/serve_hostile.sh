#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Ten thousand connections to the HTTP service, each with a bad habit, while a census runs and
# one honest client reads it: what they cost, and that nobody else pays. Loopback only.
# serve_hostile.sh BUILD_DIR
cd "$(dirname "$0")/../.."
. tests/integration/lib.sh
PROG=$PWD/${1:-build/release}/dht-telescope
ulimit -n 20000 2>/dev/null || { echo "skipped: 20,000 open files are not allowed here"; exit 77; }

"$PROG" serve --port 0 --sim 300000 --rate 6000 --certify 0 --store "$TMP/store" --refresh-sec 2 \
	--request-sec 5 --max-connections 15000 >"$TMP/out" 2>"$TMP/err" &
pid=$!
trap 'kill -KILL $pid 2>/dev/null; rm -rf "$TMP"' EXIT
for _ in $(seq 100); do
	port=$(sed -n 's/^serving http:\/\/[^ ]*:\([0-9]*\)\/.*/\1/p' "$TMP/err")
	[ -n "$port" ] && break
	sleep 0.1
done
while read -r line; do
	case $line in
	"ok - "*) result 0 "${line#ok - }" ;;
	*) result 1 "${line#not ok - }" ;;
	esac
done < <(timeout 200 /usr/bin/python3 tests/soak/serve_hostile.py "$port" "$pid" 2>&1)
kill -TERM $pid
wait $pid
result $? "ended by SIGTERM"
finish
