# SPDX-License-Identifier: MIT
"""replay.py DEVICE RAW-IP.pcap TIMES: the packets of a capture as Ethernet frames, by two
processes, as fast as they go. Prints how many left, and per second."""
import os, socket, struct, sys, time

device, path, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
data, frames, at = open(path, "rb").read(), [], 24
while at + 16 <= len(data):
    kept = struct.unpack_from("<I", data, at + 8)[0]
    frames.append(b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x08\0" + data[at + 16:at + 16 + kept])
    at += 16 + kept


def send(mine):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.setsockopt(263, 20, 1)  # SOL_PACKET, PACKET_QDISC_BYPASS
    s.bind((device, 0))
    put = s.send
    for _ in range(times):
        for f in mine:
            put(f)


began, children = time.monotonic(), []
for i in range(2):
    pid = os.fork()
    if pid == 0:
        send(frames[i::2])
        os._exit(0)
    children.append(pid)
failed = any(os.waitpid(pid, 0)[1] for pid in children)
took = time.monotonic() - began
print(len(frames) * times, int(len(frames) * times / took))
sys.exit(failed)
