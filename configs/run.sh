#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The live map made anew again and again, in this folder: what run.bat of the first
# dht-telescope did. Ctrl-C or SIGTERM ends it.
#
#   run.sh [OPTION...]      further options of `dht-telescope resolver summary`
#   PAUSE_S=13              seconds between two maps
#   DHT_TELESCOPE=PROGRAM   which program [dht-telescope]
set -u
prog=${DHT_TELESCOPE:-dht-telescope}
pause=${PAUSE_S:-13}
case $pause in '' | *[!0-9]* | 0) echo "run.sh: PAUSE_S=$pause: whole seconds, 1 or more" >&2; exit 2 ;; esac
command -v "$prog" >/dev/null || { echo "run.sh: no program $prog; DHT_TELESCOPE=PATH names it" >&2; exit 1; }
nap=
trap '[ -z "$nap" ] || kill "$nap" 2>/dev/null; exit 0' INT TERM HUP
while :; do
	rm -f geo_cache.json
	[ -t 1 ] && clear
	"$prog" resolver summary --plot live --plot-output bt_map_opacity_live.html \
		--geo-cache geo_cache.json --half-life-min 15 --cutoff-hours 6 --refresh-sec 10 "$@"
	sleep "$pause" &
	nap=$!
	wait "$nap"
	nap=
done
