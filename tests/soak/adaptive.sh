#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# adaptive.sh BUILD - the adaptive rate against a bottleneck that is really there.
#
#   crawl (near namespace, dtn0) === veth === farm (far namespace)
#          tbf: 20 Mbit/s here: some 17,100 queries a second of 146 bytes
#
# Proves: it finds the bottleneck within 30 %, says so, ends below it, and nothing is unexplained;
# and with a receive buffer of 64 KiB it ends at a rate that loses little.
set -u
prog=$1/dht-telescope
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 0; }
"$prog" crawl --sim 2000000 --dead 0 --loss 0.02 --sim-mode veth --backend uring --adaptive --rate 2000 --store= \
	--max-runtime-s 45 --cooldown-s 1 --raise-above 0 --metadata-file "$tmp/m.json" --report "$tmp/r.json" >"$tmp/out" 2>&1 &
pid=$!
for _ in $(seq 200); do
	nsenter -t $pid -n tc qdisc add dev dtn0 root tbf rate 20mbit burst 16kb latency 5ms 2>/dev/null && break
	sleep 0.05
done
wait $pid || { tail -5 "$tmp/out"; exit 1; }
grep 'rate:' "$tmp/out"
"$prog" crawl --sim 2000000 --dead 0 --loss 0.02 --adaptive --rate 20000 --rcvbuf-bytes 65536 --store= --max-runtime-s 30 \
	--cooldown-s 1 --raise-above 0 --metadata-file "$tmp/m2.json" >"$tmp/out2" 2>&1 || { tail -5 "$tmp/out2"; exit 1; }
grep 'rate:' "$tmp/out2"
python3 - "$tmp" <<'PY'
import json, sys
m = json.load(open(sys.argv[1] + "/m.json"))
s, limit = m["settings"], 20e6 / 8 / 146
print({k: round(v) for k, v in s.items() if k.endswith("_pps")}, "limit", round(limit))
assert 0.7 * limit <= s["rate_clean_pps"] <= 1.05 * limit, "not the bottleneck"
assert s["rate_at_the_end_pps"] <= 1.1 * limit
assert m["accounts"]["unexplained"] == 0
m2 = json.load(open(sys.argv[1] + "/m2.json"))
lost, got = m2["drops"]["receive_queue_full"], m2["accounts"]["packets_received"]
print("a receive buffer of 64 KiB:", {k: round(v) for k, v in m2["settings"].items() if k.endswith("_pps")}, lost, "of", lost + got, "dropped")
assert lost <= 0.02 * (lost + got)
PY
echo "ok: adaptive"
