#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Films as people make them: parts and threads give the same bytes, every format is
# read by programs that nobody here wrote, and what fails leaves nothing behind.
. "$(dirname "$0")/lib.sh"
export XDG_DATA_HOME=$TMP/no-geo HOME=$TMP/no-home

store=$TMP/store
timeout 60 "$PROG" crawl --sim 4000 --sim-mode virtual --churn 0.02 --diurnal 0.3 --epochs 4 \
	--interval 2h --store "$store" --quiet >"$TMP/crawl.log" 2>&1
result $? "four censuses of a network that moves"
film() { timeout 60 "$PROG" render --store "$store" --size 640x360 --step 900 --fps 24 --quiet "$@"; }

# The same bytes: threads, parts, beginnings.
film --out "$TMP/one" --threads 1 >/dev/null 2>&1 && film --out "$TMP/two" --threads 2 >/dev/null 2>&1 &&
	film --out "$TMP/part" --frames 0-4 >/dev/null 2>&1 &&
	film --out "$TMP/part" --frames 5-24 >/dev/null 2>&1 && rm "$TMP"/*/manifest.json &&
	diff -r "$TMP/one" "$TMP/two" && diff -r "$TMP/one" "$TMP/part"
result $? "one thread, two threads, two parts: the same files"
frames=$(ls "$TMP/one" | wc -l)
[ "$frames" = 25 ]
result $? "25 frames of 15 minutes"

printf '2026-09-21 15:00\tthe first hour\n1790010000\t</script> \xe2\x80\xaeodd\n' >"$TMP/events.tsv"
film --out "$TMP/words" --events "$TMP/events.tsv" >/dev/null 2>&1 &&
	! cmp -s "$TMP/one/frame-000004.png" "$TMP/words/frame-000004.png" &&
	cmp -s "$TMP/one/frame-000000.png" "$TMP/words/frame-000000.png"
result $? "captions are seen when they are due"
python3 - "$TMP/words/manifest.json" <<'PY'
import json, sys
m = json.load(open(sys.argv[1]))
assert m["schema"] == "dht-telescope.film/1" and m["frames"] == 25 and m["step_s"] == 900, m
assert m["weights"] == "sightings" and m["hold_s"] >= 7200 and m["synthetic"] is True, m
assert m["exposure"] > 0 and m["half_life_s"] == 2700 and m["half_life_asked_s"] == 900, m
PY
result $? "manifest.json says how it was made"

# Every layout and mode, as far as its numbers go.
for l in ring:640x360 hilbert:820x512 idmap:1000x540 observatory:2560x1440; do
	film --out "$TMP/l" --layout "${l%:*}" --size "${l#*:}" --frames 12-13 >/dev/null 2>&1
	result $? "layout ${l%:*}"
done
film --out "$TMP/l" --mode cumulative --palette rir --legend race --frames 20-20 >/dev/null 2>&1
result $? "cumulative, by registry, as a race"
film --out "$TMP/l" --weights span --color-by client --text-scale 1.5 --frames 20-20 >/dev/null 2>&1
result $? "span, by client, large letters"
expect 1 "36 hours" -- film --out "$TMP/l" --mode breath
expect 1 "frames 20 to 25: there are 25, from 0 on" -- film --out "$TMP/l" --frames 20-25
expect 1 "there are png .a folder., apng, mp4" -- film --out "$TMP/film.mov"
expect 2 "none of glow, breath, cumulative" -- film --out "$TMP/l" --mode flow
expect 2 "one at a time" -- film --out "$TMP/l" --still x.png
expect 1 "line 5: TIME<TAB>TEXT" -- film --out "$TMP/l" --events "$0"

# Animated PNG, by our own writer, read by others.
film --out "$TMP/film.apng" --size 320x180 >/dev/null 2>&1
result $? "film.apng"
python3 - "$TMP/film.apng" "$TMP/film.manifest.json" <<'PY'
import hashlib, json, struct, sys, zlib
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, kinds, seq = 8, [], 0
while at < len(data):
    n, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + n]
    assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + n:at + 12 + n])[0], kind
    kinds.append(kind)
    if kind == b"acTL": assert struct.unpack(">II", body) == (25, 0), body
    if kind in (b"fcTL", b"fdAT"):
        assert struct.unpack(">I", body[:4])[0] == seq; seq += 1
    if kind == b"fcTL":
        s, w, h, x, y, num, den, dispose, blend = struct.unpack(">IIIIIHHBB", body)
        assert x + w <= 320 and y + h <= 180 and num / den in (1 / 24, 2.0)
    at += 12 + n
assert kinds.count(b"fcTL") == 25 and kinds[-1] == b"IEND"
assert json.load(open(sys.argv[2]))["sha256"] == hashlib.sha256(data).hexdigest()
PY
result $? "film.apng: chunks, checksums, sequence, durations; its hash is in the manifest"

# A world without ffmpeg.
expect 1 "not installed .apt-get install ffmpeg.; --out FOLDER .PNG. and --out FILE.apng need none" \
	-- film --out "$TMP/none.mp4" --ffmpeg no-such-ffmpeg
[ ! -e "$TMP/none.mp4" ] && [ ! -e "$TMP/none.mp4.tmp" ]
result $? "and nothing is left"

# Ended from outside: by Ctrl-C, and by an encoder that dies.
printf '#!/bin/sh\nhead -c 3000000 >/dev/null\necho "the encoder has had enough" >&2\nexit 3\n' >"$TMP/dies"
chmod +x "$TMP/dies"
expect 1 "ffmpeg (ended early|failed): the encoder has had enough" -- film --out "$TMP/dead.mp4" --ffmpeg "$TMP/dies"
printf '#!/bin/sh\nfor a; do last=$a; done\necho half >"$last"\nexec sleep 20\n' >"$TMP/hangs"
chmod +x "$TMP/hangs"
# bash has what it starts in the background ignore Ctrl-C
env --default-signal=INT timeout 60 "$PROG" render --store "$store" --size 640x360 --step 900 --quiet \
	--out "$TMP/cut.mp4" --ffmpeg "$TMP/hangs" >"$TMP/cut.log" 2>&1 &
pid=$!
for _ in $(seq 100); do [ -e "$TMP/cut.mp4.tmp" ] && break; sleep 0.1; done
start=$SECONDS
kill -INT $pid # timeout(1) hands it on to the program
wait $pid
rc=$?
[ $((SECONDS - start)) -le 5 ]
result $? "Ctrl-C does not wait for the encoder: status $rc after $((SECONDS - start)) s"
[ $rc != 0 ] && [ ! -e "$TMP/cut.mp4" ] && [ ! -e "$TMP/cut.mp4.tmp" ] && [ ! -e "$TMP/dead.mp4" ] &&
	[ ! -e "$TMP/dead.mp4.tmp" ] && [ ! -e "$TMP/cut.manifest.json" ]
result $? "a film that was stopped or whose encoder died leaves nothing"

if ! command -v ffmpeg >/dev/null || ! command -v ffprobe >/dev/null; then
	echo "# no ffmpeg: videos go untested"
	finish
fi
frames_of() { ffprobe -v error -count_frames -select_streams v:0 -show_entries \
	stream=nb_read_frames,color_space,color_primaries,color_transfer,color_range,codec_name,pix_fmt \
	-of default=nw=1 "$1"; }
film --out "$TMP/film.mp4" >/dev/null 2>&1
frames_of "$TMP/film.mp4" >"$TMP/probe"
grep -q codec_name=h264 "$TMP/probe" && grep -q color_space=bt709 "$TMP/probe" &&
	grep -q color_primaries=bt709 "$TMP/probe" && grep -q color_range=tv "$TMP/probe" &&
	grep -q "nb_read_frames=$((25 + 47))" "$TMP/probe"
result $? "mp4: h264, bt709, 25 frames and 2 s of the last"
film --out "$TMP/film.webm" >/dev/null 2>&1 && frames_of "$TMP/film.webm" | grep -q color_space=bt709
result $? "webm: bt709"
film --out "$TMP/film.av1" >/dev/null 2>&1 && frames_of "$TMP/film.av1" >"$TMP/probe" &&
	grep -q pix_fmt=yuv420p10le "$TMP/probe" && grep -q color_space=bt709 "$TMP/probe"
result $? "av1: 10 bit, bt709"
film --out "$TMP/film.mkv" >/dev/null 2>&1 &&
	ffmpeg -v error -i "$TMP/film.mkv" -frames:v 1 -pix_fmt rgb24 -f rawvideo "$TMP/raw.ffv1" &&
	ffmpeg -v error -i "$TMP/one/frame-000000.png" -pix_fmt rgb24 -f rawvideo "$TMP/raw.png" &&
	cmp "$TMP/raw.ffv1" "$TMP/raw.png"
result $? "ffv1: the PNG's very pixels"
film --out "$TMP/film.gif" >/dev/null 2>&1 && frames_of "$TMP/film.gif" | grep -q codec_name=gif
result $? "gif"
film --out "$TMP/film.webp" >/dev/null 2>&1 && head -c 16 "$TMP/film.webp" | grep -q WEBP
result $? "webp"
frames_of "$TMP/film.apng" | grep -q nb_read_frames=25 &&
	film --out "$TMP/small" --size 320x180 --frames 17-17 >/dev/null 2>&1
result $? "ffprobe counts the frames of the animated PNG"
ls "$TMP" | grep -q '\.tmp$' && bad=1
finish
