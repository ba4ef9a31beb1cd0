#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same store as a picture: by us and by what Debian has for it instead. Seconds of wall
# clock, from the store (us) or from an array of its nodes (the others) to a 1080p PNG; with
# ImageMagick all beside each other in FOLDER/beside.jpg.
#
#   picture.sh STORE [FOLDER]     needs python3-numpy python3-matplotlib;
#                                 takes gnuplot-nox and imagemagick where installed
set -eu
store=$1 out=${2:-build/rivals}
prog=${DT_PROG:-build/release/dht-telescope}
mkdir -p "$out"
"$prog" export --store "$store" --format npy --raw --out "$out/nodes.npy" >/dev/null 2>&1
TIMEFORMAT='{"name": "picture_ours", "unit": "s", "value": %2R, "cpu_user_s": %2U, "cpu_system_s": %2S}'
{ time "$prog" render --store "$store" --still "$out/ours.png" 2>/dev/null; } 2>&1
/usr/bin/python3 "$(dirname "$0")/picture.py" "$out/nodes.npy" "$out"
command -v montage >/dev/null || exit 0
beside=()
for png in "$out/ours.png" "$out"/rival-*.png; do
	name=$(basename "$png" .png)
	# Europe and Asia, at the pixels as they are
	convert "$png" -crop 950x560+740+40 +repage -gravity SouthWest -fill white -pointsize 22 \
		-annotate +16+12 "${name#rival-}" -resize 75% "$out/part-$name.png"
	beside+=("$out/part-$name.png")
done
montage "${beside[@]}" -tile 2x -geometry +4+4 -background '#30363f' -quality 82 "$out/beside.jpg"
rm -f "$out"/part-*.png "$out"/rival-*.bin
