#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Anonymous memory at its peak (the mapped store is the kernel's to take back) of stills and films,
# a JSON line each: a million nodes at 1080p within 200 MB, five million at 4K within 800 MB.
# Films by first and last times and by the log; --threads as given in THREADS (1 2), since each
# thread has sheets of its own. Asserted of stills and of films by times on one thread; films by the
# log and by two threads are said, and README of viz what they hold. About two minutes.
set -eu
B=${1:-build/release}
make -s "$B/dht-telescope" "$B/tests/soak/census_store"
PROG=$PWD/$B/dht-telescope
tmp=$(mktemp -d "${TMPDIR:-/tmp}/dt-soak.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export XDG_DATA_HOME=$tmp/no-geo HOME=$tmp
printf '#!/bin/sh\nfor last; do :; done\ncat >/dev/null\n: >"$last"\n' >"$tmp/swallow"
chmod +x "$tmp/swallow"

# $1: bound in MB, 0 = none; $2: what it is; then the program's arguments
peak() {
	python3 - "$1" "$2" "$PROG" "${@:3}" <<'PY'
import json, subprocess, sys, time
bound, what, peak = int(sys.argv[1]), sys.argv[2], {}
p = subprocess.Popen(sys.argv[3:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while p.poll() is None:
    try:
        for line in open(f"/proc/{p.pid}/status"):
            if line.startswith(("RssAnon", "VmHWM")):
                key, kb = line.split(":")[0], int(line.split()[1])
                peak[key] = max(peak.get(key, 0), kb)
    except OSError:
        pass
    time.sleep(0.01)
assert p.returncode == 0, sys.argv
mb = peak["RssAnon"] * 1.024e-3
print(json.dumps({"what": what, "anonymous_mb": round(mb), "with_mapped_mb": round(peak["VmHWM"] * 1.024e-3),
                  "bound_mb": bound}), flush=True)
assert not bound or mb <= bound, (what, mb, bound)
PY
}

for job in "1000000 8 1920x1080 200" "5000000 3 3840x2160 800"; do
	read -r nodes censuses size bound <<<"$job"
	s=$tmp/$nodes
	"$B/tests/soak/census_store" "$s" "$nodes" $((nodes / 2)) "$censuses" >/dev/null
	for threads in ${THREADS:-1 2}; do
		b=$bound
		[ "$threads" = 1 ] || b=0
		peak "$b" "still of $nodes at $size, threads $threads" render --store "$s" --size "$size" \
			--threads "$threads" --still "$tmp/s.png"
		for weights in span sightings; do
			[ $weights = span ] || b=0
			peak "$b" "film of $nodes at $size by $weights, threads $threads" render --store "$s" --size "$size" \
				--threads "$threads" --weights $weights --step 120 --frames 30-59 --out "$tmp/f.mp4" \
				--ffmpeg "$tmp/swallow" --quiet
		done
	done
	rm -rf "$s"
done
