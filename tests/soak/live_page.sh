#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The live page of 100,000 and of 500,000 nodes in headless Chromium, which draws without a
# GPU: a line of JSON each with its size and its times; pictures at a desktop's and a phone's
# width in $2 (build/look), before and after newer data came. 100,000 nodes must stay within
# 0.75 MB; at 500,000 a hover and a step of the time slider must take less than a tenth of a
# second, and newer data be shown four seconds after they lie beside the page (it looks each
# second). About three minutes.
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
there='(async () => { while (!document.documentElement?.dataset.painter) await new Promise(d => setTimeout(d, 10)); return 1 })()'

# census STORE N TIMES: of N nodes, each two hours after the one before.
census() {
	"$PROG" crawl --sim "$2" --sim-mode virtual --churn 0.02 --diurnal 0.3 --epochs "$3" --interval 2h \
		--store "$tmp/$1" --quiet >/dev/null 2>&1
}

# page STORE NAME REFRESH: its live page.
page() {
	"$PROG" summary --store "$tmp/$1" --plot live --plot-output "$tmp/$2.html" --cutoff-hours 6 \
		--refresh-sec "$3" >/dev/null
}

# refresh N FOLDER: a page that is open while the file beside it is written anew, at both widths.
refresh() {
	local n=$1 name=beside-$1 size out moved i
	page "store-$n" "$name" 1
	mv "$tmp/$name.html" "$tmp/open-$n.html"
	mv "$tmp/$name.data.js" "$tmp/older"
	census "later-$n" "$n" 4 # the same three and one more
	page "later-$n" "$name" 1
	mv "$tmp/$name.data.js" "$tmp/newer"
	for size in 1440x900 390x844; do
		out=$tmp/refresh-$size
		: >"$out"
		cp "$tmp/older" "$tmp/$name.data.js"
		look "open-$n" $size "$there" "$out-before.png" "$(cat "$here/refresh.js")" "$out-after.png" >"$out" &
		for ((i = 0; i < 600; i++)); do
			[ -s "$out" ] && break
			sleep 0.1
		done
		sleep 14 # refresh.js looks at ten seconds of peace before
		cp "$tmp/newer" "$tmp/newer.tmp"
		moved=$(date +%s%3N)
		mv "$tmp/newer.tmp" "$tmp/$name.data.js"
		wait $!
		mv "$out-before.png" "$2/live-$n-$size-before.png"
		mv "$out-after.png" "$2/live-$n-$size-after.png"
		python3 - "$n" $size "$moved" "$out" <<'PY'
import json, sys
n, size, moved, lines = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), open(sys.argv[4]).read().split("\n")
seen = json.loads(lines[1])
seen["shown_after_ms"] = seen.pop("shown_at") - moved
print(json.dumps({"live_nodes": n, "width": size, **seen}), flush=True)
assert seen["fresh"] and seen["after"] != seen["before"], seen
assert 0 < seen["shown_after_ms"] < 4000, seen
PY
	done
}

for n in 100000 500000; do
	census store-$n $n 3
	page store-$n $n 0
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
refresh 500000 "$out"
