#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crawl_plain.py HOST:PORT SECONDS - a DHT crawler in Python, made as fast as the language allows: one
socket, no codec, no state of questions, find_node for a random target to every node heard of, then to
everybody again. Prints how many nodes answered."""
import asyncio, os, socket, struct, sys, time

IN_FLIGHT = 400  # so many answers its socket's buffer holds


def find_node(t, own, target):
    return b"d1:ad2:id20:" + own + b"6:target20:" + target + b"e1:q9:find_node1:t2:" + t + b"1:y1:qe"


class Crawler(asyncio.DatagramProtocol):
    def __init__(self, first, end):
        self.own, self.known, self.queue, self.answered = os.urandom(20), {first}, [first], set()
        self.end, self.t, self.flight = end, 0, 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.answered.add(peer)
        self.flight -= 1
        at = data.find(b"5:nodes")
        if at < 0:
            return
        colon = data.index(b":", at + 7)
        nodes = data[colon + 1:colon + 1 + int(data[at + 7:colon])]
        for i in range(0, len(nodes) - 25, 26):
            peer = (socket.inet_ntoa(nodes[i + 20:i + 24]), struct.unpack(">H", nodes[i + 24:i + 26])[0])
            if peer not in self.known:
                self.known.add(peer)
                self.queue.append(peer)

    async def run(self):
        while time.time() < self.end:
            if not self.queue or self.flight >= IN_FLIGHT:
                heard = len(self.answered)
                await asyncio.sleep(0.001 if self.queue else 0.05)
                if len(self.answered) == heard:
                    self.flight = 0  # what is still out is lost
                    self.queue = self.queue or list(self.known)  # everybody again, for other neighbours
            for _ in range(min(64, len(self.queue), max(0, IN_FLIGHT - self.flight))):
                self.t = (self.t + 1) & 0xFFFF
                self.flight += 1
                self.transport.sendto(find_node(struct.pack(">H", self.t), self.own, os.urandom(20)), self.queue.pop())
            await asyncio.sleep(0)


async def main():
    host, port = sys.argv[1].rsplit(":", 1)
    loop = asyncio.get_running_loop()
    _, c = await loop.create_datagram_endpoint(
        lambda: Crawler((host, int(port)), time.time() + float(sys.argv[2])), local_addr=("127.0.0.1", 0))
    await c.run()
    print(len(c.answered))


asyncio.run(main())
