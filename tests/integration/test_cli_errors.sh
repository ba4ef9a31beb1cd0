#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Bad input of every command (design 10): exit status, and a line that names the
# thing and the cure. Sends no packet.
. "$(dirname "$0")/lib.sh"

expect 2 "no command 'crwal'" -- "$PROG" crwal
expect 0 "usage: dht-telescope COMMAND" -- "$PROG" --help
expect 0 "^dht-telescope [0-9a-z]" -- "$PROG" --version
expect 2 "usage:" -- "$PROG"
for c in demo crawl summary render export geo doctor sim bench; do
	expect 0 "Usage: dht-telescope $c" -- "$PROG" "$c" --help
done

expect 2 "unrecognized option '--rates'" -- "$PROG" crawl --rates 5
expect 2 "rate: 'fast' is not a number" -- "$PROG" crawl --rate fast
expect 2 "workers: 0 to 64" -- "$PROG" crawl --workers 1000 --sim 100
expect 2 "dead: a share from 0 to 0.95" -- "$PROG" crawl --sim 100 --dead 2
expect 2 "backend: auto, uring, mmsg, packet or xdp" -- "$PROG" crawl --sim 100 --backend dpdk
expect 2 "sim_mode: farm, veth or virtual" -- "$PROG" crawl --sim 100 --sim-mode lunar
expect 2 "plan: 2\+, 3, 4, 5, drain or ping" -- "$PROG" crawl --sim 100 --plan 9

printf 'rate: 100\nrates: 5\n' >"$TMP/unknown.yaml"
expect 2 "unknown.yaml:2:[0-9]+: .*rates.*keys are: sim" -- "$PROG" crawl --config "$TMP/unknown.yaml"
printf 'rate: 100\nworkers: many\n' >"$TMP/value.yaml"
expect 2 "value.yaml:2:[0-9]+: .*many" -- "$PROG" crawl --config "$TMP/value.yaml"
printf 'sim: 100\nrate: 10k\n' >"$TMP/unit.yaml"
expect 2 "unit.yaml:2:1: rate: '10k' is not a number" -- "$PROG" crawl --config "$TMP/unit.yaml"
printf 'rate: [\n' >"$TMP/syntax.yaml"
expect 2 "syntax.yaml" -- "$PROG" crawl --config "$TMP/syntax.yaml"
expect 2 "nowhere.yaml: No such file" -- "$PROG" crawl --config "$TMP/nowhere.yaml"
: >"$TMP/empty.yaml"
expect 0 "nothing was sent" -- "$PROG" crawl --config "$TMP/empty.yaml" --dry-run

printf 'rate: 123\nsim: 1000\n' >"$TMP/good.yaml"
expect 0 "^rate: 123$" -- "$PROG" crawl --config "$TMP/good.yaml" --print-config
expect 0 "^rate: 77" -- "$PROG" crawl --config "$TMP/good.yaml" --rate 77 --print-config
"$PROG" crawl --config "$TMP/good.yaml" --print-config >"$TMP/printed.yaml" 2>/dev/null
expect 0 "^sim: 1000" -- "$PROG" crawl --config "$TMP/printed.yaml" --print-config
expect 0 "nothing was sent" -- "$PROG" crawl --dry-run
printf '10.0.0.0/8\n300.1.1.1\n' >"$TMP/bad.list"
expect 1 "bad.list:2" -- "$PROG" crawl --dry-run --blocklist "$TMP/bad.list"

expect 1 "nowhere-store" -- "$PROG" summary --store "$TMP/nowhere-store"
expect 1 "nowhere-store" -- "$PROG" render --store "$TMP/nowhere-store" --still "$TMP/x.png"
expect 2 "size: 'huge' is not" -- "$PROG" render --size huge
expect 2 "one of: fetch, list, lookup" -- "$PROG" geo
expect 2 "no such verb" -- "$PROG" geo steal
expect 2 "is not an address" -- "$PROG" geo lookup example.invalid
echo "not a database" >"$TMP/GeoLite2-City.mmdb"
expect 0 "GeoLite2-City.mmdb" -- "$PROG" geo list --city-mmdb "$TMP/GeoLite2-City.mmdb"
expect 0 "io_uring" -- "$PROG" doctor

echo "not a capture" >"$TMP/none.pcap"
expect 2 "one of --interface DEVICE and --read FILE" -- "$PROG" tap
expect 2 "no kind 'zz'" -- "$PROG" tap --read x --log-kinds zz
expect 2 "port: '0' is not a number" -- "$PROG" tap --read x --port 0
expect 1 "nowhere.pcap: No such file" -- "$PROG" tap --read "$TMP/nowhere.pcap" --store "$TMP/never"
expect 1 "none.pcap: no pcap" -- "$PROG" tap --read "$TMP/none.pcap" --store '' --geo none
[ ! -e "$TMP/never" ]
result $? "no store is made for a capture that is not there"
expect 2 "ids: '999' is not a number from 1 to 256" -- "$PROG" listen --ids 999
expect 2 "bind: 'nowhere' is not an address" -- "$PROG" listen --bind nowhere
expect 1 "203.0.113.77:6881: .*cure: an address" -- "$PROG" listen --bind 203.0.113.77:6881 --store '' \
	--geo none --bootstrap ''
finish
