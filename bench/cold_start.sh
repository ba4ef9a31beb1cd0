#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/cold_start.sh PROGRAM - from exec to the first packet on the wire, as a JSON line.
#
#   crawl --bootstrap ── dtc0 === veth === dtc1 ── a packet socket waits here
#
# One namespace of its own with nothing else in it; the route ends at the far end of the pair, which has no
# address. A census of the real network as it is started, without a store and with one, RUNS times
# each; the clock runs from before fork() to the first UDP frame.
set -eu
prog=$(readlink -f "$1")
[ "${IN_NS:-0}" = 1 ] || exec unshare -rn env IN_NS=1 "$0" "$prog"
ip link add dtc0 type veth peer name dtc1
ip link set lo up
ip link set dtc1 up
ip link set dtc0 up
ip addr add 100.64.0.1/24 dev dtc0
ip neigh add 100.64.0.2 lladdr "$(ip -o link show dtc1 | sed 's/.*ether \([^ ]*\).*/\1/')" dev dtc0
ip route add default via 100.64.0.2
exec python3 - "$prog" "${RUNS:-9}" <<'PY'
import json, shutil, socket, statistics, subprocess, sys, tempfile, time
prog, runs = sys.argv[1], int(sys.argv[2])

def first_packet(args):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind(("dtc1", 0))
    wire.settimeout(5)
    start = time.monotonic()
    child = subprocess.Popen([prog, "crawl", "--bootstrap", "9.9.9.9:6881", "--max-runtime-s", "1", "--cooldown-s", "0.1",
                              "--quiet", *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        frame = wire.recv(2048)
        if frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] == (6881).to_bytes(2, "big"):
            break
    took = time.monotonic() - start
    wire.close()
    child.terminate()
    child.wait()
    return 1e3 * took

version = subprocess.run([prog, "--version"], capture_output=True, text=True).stdout.split()[-1]
for name, store in (("cold_start", False), ("cold_start_store", True)):
    times = []
    for _ in range(runs):
        folder = tempfile.mkdtemp()
        times.append(first_packet(["--store", folder + "/s"] if store else ["--store="]))
        shutil.rmtree(folder)
    print(json.dumps({"name": name, "best": min(times), "median": statistics.median(times), "unit": "ms", "better": "lower",
                      "runs": runs, "worst": max(times), "version": version, "command": "bench/cold_start.sh PROGRAM"}))
PY
