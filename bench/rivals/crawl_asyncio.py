#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crawl_asyncio.py HOST:PORT SECONDS - a DHT crawler as Python programs are usually written: asyncio, a
task for each question under way, a future and a timeout for its answer, messages by a bencoding
library (libtorrent's, the one that Debian has for Python). Prints how many nodes answered."""
import asyncio, os, socket, struct, sys, time

import libtorrent as lt

IN_FLIGHT, TIMEOUT_S = 500, 2.0


class Dht(asyncio.DatagramProtocol):
    def __init__(self):
        self.id, self.pending, self.t = os.urandom(20), {}, 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        message = lt.bdecode(data)
        future = self.pending.pop(message.get(b"t"), None) if message else None
        if future and not future.done():
            future.set_result(message)

    async def find_node(self, addr, target):
        self.t = (self.t + 1) & 0xFFFFFFFF
        t = struct.pack(">I", self.t)
        future = self.pending[t] = asyncio.get_running_loop().create_future()
        query = {b"t": t, b"y": b"q", b"q": b"find_node", b"a": {b"id": self.id, b"target": target}}
        self.transport.sendto(lt.bencode(query), addr)
        try:
            return await asyncio.wait_for(future, TIMEOUT_S)
        finally:
            self.pending.pop(t, None)


def nodes_of(message):
    nodes = message.get(b"r", {}).get(b"nodes", b"")
    for i in range(0, len(nodes) - 25, 26):
        yield socket.inet_ntoa(nodes[i + 20:i + 24]), struct.unpack(">H", nodes[i + 24:i + 26])[0]


async def worker(dht, queue, known, answered):
    while True:
        addr = await queue.get()
        try:
            message = await dht.find_node(addr, os.urandom(20))
        except asyncio.TimeoutError:
            continue
        answered.add(addr)
        for peer in nodes_of(message):
            if peer not in known:
                known.add(peer)
                queue.put_nowait(peer)


async def main():
    host, port = sys.argv[1].rsplit(":", 1)
    first, queue, answered = (host, int(port)), asyncio.Queue(), set()
    known, end = {first}, time.time() + float(sys.argv[2])
    _, dht = await asyncio.get_running_loop().create_datagram_endpoint(Dht, local_addr=("127.0.0.1", 0))
    tasks = [asyncio.create_task(worker(dht, queue, known, answered)) for _ in range(IN_FLIGHT)]
    while time.time() < end:
        if queue.empty():
            for peer in list(known)[:100000]:  # everybody again, for other neighbours
                queue.put_nowait(peer)
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    print(len(answered), flush=True)
    os._exit(0)


asyncio.run(main())
