#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The live page of 100,000 and of 500,000 nodes in headless Chromium, which draws without a
# GPU: a line of JSON each with its size and its times; pictures at a desktop's and a phone's
# width in $2 (build/look). 100,000 nodes must stay within 0.75 MB, and a hover and a step of
# the time slider within a tenth of a second at 500,000. About two minutes.
set -eu
B=${1:-build/release} out=${2:-build/look}
make -s "$B/dht-telescope"
PROG=$PWD/$B/dht-telescope here=$PWD/tests/integration/browser
tmp=$(mktemp -d "${TMPDIR:-/tmp}/dt-soak.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export XDG_DATA_HOME=$tmp/no-geo HOME=$tmp
mkdir -p "$out"
if ! command -v chromium >/dev/null || ! command -v node >/dev/null || ! unshare -rn true 2>/dev/null; then
	echo "# SKIP no chromium, no node, or no network namespace to shut it in"
	exit 0
fi
look() { timeout 100 unshare -rn node "$here/look.mjs" "$tmp/profile-$1" "file://$tmp/$1.html" "${@:2}"; }

for n in 100000 500000; do
	"$PROG" crawl --sim $n --sim-mode virtual --churn 0.02 --diurnal 0.3 --epochs 3 --interval 2h \
		--store "$tmp/store-$n" --quiet >/dev/null 2>&1
	"$PROG" summary --store "$tmp/store-$n" --plot live --plot-output "$tmp/$n.html" --cutoff-hours 6 \
		--refresh-sec 0 >/dev/null
	look $n 1440x900 300 "$(cat "$here/times.js")" 1500 "$out/live-$n.png" >"$tmp/$n.json"
	look $n 390x844 3000 "$out/live-$n-phone.png" 'show("square"), 1' 1500 "$out/live-$n-phone-square.png" >/dev/null
	python3 - "$n" "$(stat -c %s "$tmp/$n.html")" "$tmp/$n.json" <<'PY'
import json, sys
n, size, times = int(sys.argv[1]), int(sys.argv[2]), json.load(open(sys.argv[3]))
print(json.dumps({"live_nodes": n, "page_bytes": size, **times}), flush=True)
assert times["painter"] == "webgl2" and times["tips"] > 5, times
# three censuses with churn hold more than live at once
assert size <= 750e3 * max(1, times["nodes"] / 1e5), size
assert times["hover_ms"] < 100 and times["scrub_ms"] < 100, times
PY
done
