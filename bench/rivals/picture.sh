#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same store as a picture: by us, by numpy, by matplotlib's scatter. Seconds of wall
# clock, from the store (us) or from an array of its nodes (the others) to a 1080p PNG.
#
#   picture.sh STORE [FOLDER]     needs python3-numpy python3-matplotlib
set -eu
store=$1 out=${2:-build/rivals}
prog=${DT_PROG:-build/release/dht-telescope}
mkdir -p "$out"
"$prog" export --store "$store" --format npy --raw --out "$out/nodes.npy" >/dev/null 2>&1
start=$(date +%s.%N)
"$prog" render --store "$store" --still "$out/ours.png" 2>/dev/null
awk -v a="$start" -v b="$(date +%s.%N)" \
	'BEGIN { printf "{\"name\": \"picture_ours\", \"unit\": \"s\", \"value\": %.2f}\n", b - a }'
/usr/bin/python3 "$(dirname "$0")/picture.py" "$out/nodes.npy" "$out"
