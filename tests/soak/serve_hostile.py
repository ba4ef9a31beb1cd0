#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""serve_hostile.py PORT PID: see serve_hostile.sh. Prints ok/not ok lines."""
import json
import select
import socket
import sys
import threading
import time

PORT, PID = int(sys.argv[1]), int(sys.argv[2])
HOST = b"Host: localhost\r\n\r\n"
EACH = 2000
failed = False


def result(good, name):
    global failed
    failed = failed or not good
    print(("ok" if good else "not ok") + " - " + name, flush=True)


def memory_kb():
    with open(f"/proc/{PID}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def connect(source="127.0.0.1", data=b""):
    s = socket.socket()
    s.settimeout(5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((source, 0))
    s.connect(("127.0.0.1", PORT))
    if data:
        s.sendall(data)
    return s


def get(path):
    s = connect(data=b"GET " + path + b" HTTP/1.1\r\nConnection: close\r\n" + HOST)
    got = b""
    while part := s.recv(65536):
        got += part
    s.close()
    return got


def metric(text, name):
    return float(text.split(b"\ndht_telescope_" + name + b" ")[1].split()[0])


class Honest(threading.Thread):
    """Reads /peers all the while, and asks for /metrics ten times a second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.lines, self.holes, self.gaps, self.waits, self.refused = False, 0, 0, 0, [], 0

    def run(self):
        asker = threading.Thread(target=self.ask, daemon=True)
        asker.start()
        s, rest, last = connect(data=b"GET /peers HTTP/1.1\r\n" + HOST), b"", None
        s.settimeout(1)
        while not self.over:
            try:
                rest += s.recv(1 << 20)
            except socket.timeout:
                continue
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if not line.startswith(b"{"):
                    continue
                n = json.loads(line)
                if n.get("type") == "gap":
                    self.gaps += n["dropped"]
                else:
                    self.lines += 1
                    self.holes += last is not None and n["seq"] != last + 1
                last = n["seq"]
        asker.join()

    def ask(self):
        while not self.over:
            begun = time.time()
            try:
                good = b"dht_telescope_packets_sent_total" in get(b"/metrics")
            except OSError:
                good = False
            self.refused += not good
            self.waits.append(time.time() - begun)
            time.sleep(0.1)


def left(socks):
    """How many are still open on the other side; what they get is read and thrown away."""
    still, poll = [], select.poll()
    by_fd = {s.fileno(): s for s in socks}
    for fd in by_fd:
        poll.register(fd, select.POLLIN | select.POLLHUP)
    ready = {fd for fd, _ in poll.poll(0)}
    for fd, s in by_fd.items():
        gone = False
        if fd in ready:
            s.setblocking(False)
            try:
                while (part := s.recv(1 << 16)):
                    pass
                gone = part == b""
            except BlockingIOError:
                pass
            except OSError:
                gone = True
        if not gone:
            still.append(s)
    return still


def main():
    honest = Honest()
    honest.start()
    time.sleep(3)
    before, sent = memory_kb(), get(b"/metrics")
    began = time.time()
    habits = (("says nothing", "127.0.1.1", b""),
              ("a head that never ends", "127.0.1.2", b"GET / HTTP/1.1\r\nX: "),
              ("asks for the page and takes nothing", "127.0.1.3", b"GET / HTTP/1.1\r\n" + HOST),
              ("a stream that is never read", "127.0.1.4", b"GET /peers HTTP/1.1\r\n" + HOST),
              ("half closed behind its request", "127.0.1.5", b"GET /peers HTTP/1.1\r\n" + HOST))
    crowds = {}
    for name, source, data in habits:
        crowds[name] = [connect(source, data) for _ in range(EACH)]
        if name.startswith("half"):
            for s in crowds[name]:
                s.shutdown(socket.SHUT_WR)
    opened = sum(map(len, crowds.values()))
    peak = memory_kb()
    result(opened == 10000, f"{opened} connections are open after {time.time() - began:.1f} s")
    # the head that never ends gets longer each half second: never idle
    end = time.time() + 14
    open_at_end = {}
    while time.time() < end:
        for s in crowds["a head that never ends"]:
            try:
                s.send(b"a", socket.MSG_DONTWAIT)
            except OSError:
                pass
        peak = max(peak, memory_kb())
        time.sleep(0.5)
    for name in ("says nothing", "a head that never ends"):
        open_at_end[name] = len(left(crowds[name]))
    result(not any(open_at_end.values()), f"who has not asked in 5 s is shown out: {open_at_end}")
    text = get(b"/metrics")
    peak = max(peak, memory_kb())
    result(metric(text, b"stream_clients") <= 256, f"streams at once: {metric(text, b'stream_clients'):.0f}")
    result(peak - before < 300 * 1024, f"memory: {before >> 10} MiB before, {peak >> 10} MiB at most with all of them: "
           f"{(peak - before) / 10000:.1f} KiB each")
    for crowd in crowds.values():
        for s in crowd:
            s.close()
    time.sleep(4)
    text = get(b"/metrics")
    result(metric(text, b"stream_clients") <= 1, f"when they are gone: {metric(text, b'stream_clients'):.0f} stream, the honest one")
    seconds = time.time() - began
    honest.over = True
    honest.join()
    waits = sorted(honest.waits)
    result(honest.lines > 1000 and honest.holes == 0 and honest.gaps == 0,
           f"the honest client: {honest.lines} lines, {honest.holes} holes, {honest.gaps} lost")
    result(honest.refused == 0 and waits[len(waits) * 99 // 100] < 1, f"/metrics meanwhile: {len(waits)} times, none refused, "
           f"p50 {1000 * waits[len(waits) // 2]:.1f} ms, p99 {1000 * waits[len(waits) * 99 // 100]:.0f} ms")
    pps = (metric(text, b'packets_sent_total{type="query"}') - metric(sent, b'packets_sent_total{type="query"}')) / seconds
    result(pps > 5000, f"the census went on at {pps:.0f} of 6000 packets a second")
    sys.exit(failed)


main()
