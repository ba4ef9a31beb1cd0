#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A film of ten million nodes and sixty censuses, by the program, from a store; and what a frame of
# it costs beside one of a million nodes of which as many come and go, by first and last times (span)
# and by the log, where each of ten times as many sightings is read. The goal is 1.2; asserted is what
# was reached by span, 1.3 and room for neighbours: README of viz, Goals. The stores come from census_store, about 11 minutes and 2 GB;
# with STORES=DIR they are kept there and found again. Film and a frame of it in $2 (build/look).
# Another five minutes, 2 GB of memory.
set -eu
B=${1:-build/release} out=${2:-build/look} moving=500000 censuses=60 frames=768
make -s "$B/dht-telescope" "$B/tests/soak/census_store"
PROG=$PWD/$B/dht-telescope
tmp=$(mktemp -d "${TMPDIR:-/tmp}/dt-soak.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export XDG_DATA_HOME=$tmp/no-geo HOME=$tmp
stores=${STORES:-$tmp}
mkdir -p "$out" "$stores"
if [ "$(df --output=avail -k "$stores" | tail -1)" -lt 6000000 ]; then
	echo "# SKIP less than 6 GB free in $stores"
	exit 0
fi
for n in 1000000 10000000; do
	[ -e "$stores/$n.done" ] && continue
	rm -rf "${stores:?}/$n"
	"$B/tests/soak/census_store" "$stores/$n" $n $moving $censuses >"$tmp/censuses.log"
	touch "$stores/$n.done"
done

# Pictures are made and sent off, and nobody packs them: what is measured is ours.
printf '#!/bin/sh\nfor last; do :; done\ncat >/dev/null\n: >"$last"\n' >"$tmp/swallow"
chmod +x "$tmp/swallow"
for weights in span sightings; do
	for turn in 1 2; do
		for n in 1000000 10000000; do
			"$PROG" render --store "$stores/$n" --weights $weights --threads 1 --frames 0-$((frames - 1)) \
				--out "$tmp/f.mp4" --ffmpeg "$tmp/swallow" --quiet >/dev/null 2>&1
			mv "$tmp/f.manifest.json" "$tmp/$weights-$n-$turn.json"
		done
	done
done
python3 - "$tmp" $frames <<'PY'
import glob, json, sys
tmp, frames = sys.argv[1], int(sys.argv[2])
for weights in "span", "sightings":
    ms = {n: min(json.load(open(f))["seconds"] for f in glob.glob(f"{tmp}/{weights}-{n}-*.json")) * 1e3 / frames
          for n in (1000000, 10000000)}
    ratio = ms[10000000] / ms[1000000]
    print(json.dumps({"weights": weights, "frame_ms_1m": round(ms[1000000], 2),
                      "frame_ms_10m": round(ms[10000000], 2), "ratio": round(ratio, 3)}), flush=True)
    assert weights != "span" or ratio <= 1.2, ratio
PY

"$PROG" render --store "$stores/10000000" --out "$out/ten-million" --frames 1200-1200 --quiet 2>&1 | tail -1
if ! command -v ffmpeg >/dev/null; then
	echo "# no ffmpeg: one frame and no film"
	exit 0
fi
"$PROG" render --store "$stores/10000000" --out "$out/ten-million.mp4" --quiet 2>/dev/null
probed=$(ffprobe -v error -count_packets -select_streams v -show_entries stream=nb_read_packets \
	-of csv=p=0 "$out/ten-million.mp4")
python3 - "$out/ten-million.manifest.json" "$probed" <<'PY'
import json, sys
m, probed = json.load(open(sys.argv[1])), int(sys.argv[2])
keys = "nodes", "frames", "written_frames", "hold_frames", "step_s", "weights", "seconds"
print(json.dumps({**{k: m[k] for k in keys}, "probed": probed}))
assert m["nodes"] > 9.9e6 and probed == m["frames"] + m["hold_frames"], (m, probed)
PY
