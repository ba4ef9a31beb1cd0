#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An independent eye on a swarm: its own bencode, its own sockets, no hurry.

  walk.py truth SPEC.json OUT.json LEAST_S MOST_S SELF.json
      Ping every node of SPEC; for those that answer, look for a table that
      lists them (a find_node for a node's own id, asked of the others). Begin
      after LEAST_S seconds, repeat until all are listed or MOST_S are over. SELF
      holds ids by the nodes' own word, "ip:port" -> hex.
  walk.py ping SPEC.json
      From this machine's own address, once each; prints how many answered.

OUT is a list of {"ip", "port", "kind", "id", "id_self", "v", "listed"}; a node
that did not answer has no id.
"""
import json
import random
import select
import socket
import sys
import time

# libtorrent ignores an address after 50 datagrams in 10 s: ask from many.
SOURCES = ["64.90.%d.1" % i for i in range(24)]
WAIT_S = 0.8


def decode(b, at=0):
    c = b[at:at + 1]
    if c == b"i":
        end = b.index(b"e", at)
        return int(b[at + 1:end]), end + 1
    if c == b"l" or c == b"d":
        items = []
        at += 1
        while b[at:at + 1] != b"e":
            item, at = decode(b, at)
            items.append(item)
        if c == b"d":
            return dict(zip(items[::2], items[1::2])), at + 1
        return items, at + 1
    colon = b.index(b":", at)
    end = colon + 1 + int(b[at:colon])
    return b[colon + 1:end], end


def string(b):
    return b"%d:%s" % (len(b), b)


def query(t, name, target=None):
    a = string(b"id") + string(OUR_ID)
    if target:
        a += string(b"target") + string(target)
    return (b"d1:ad" + a + b"e1:q" + string(name) + b"2:roi1e1:t" + string(t) + b"1:y1:qe")


def contacts(reply):
    nodes = reply.get(b"nodes", b"")
    for i in range(0, len(nodes) - 25, 26):
        yield socket.inet_ntoa(nodes[i + 20:i + 24]), int.from_bytes(nodes[i + 24:i + 26], "big")


OUR_ID = random.randbytes(20)


class Asker:
    def __init__(self, sources):
        self.socks = []
        for ip in sources:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            if ip:
                s.bind((ip, 0))
            s.setblocking(False)
            self.socks.append(s)
        self.turn = 0

    def ask(self, questions):
        """questions: (endpoint, method, target) -> answers by index: (r, v)."""
        answers, pending = {}, {}
        for i, (ep, name, target) in enumerate(questions):
            t = i.to_bytes(2, "big") + random.randbytes(2)
            pending[t] = (i, ep)
            self.turn = (self.turn + 1) % len(self.socks)
            self.socks[self.turn].sendto(query(t, name, target), ep)
            if i % 20 == 19:
                self.receive(pending, answers, 0.005)
        deadline = time.monotonic() + WAIT_S
        while pending and time.monotonic() < deadline:
            self.receive(pending, answers, 0.05)
        return answers

    def receive(self, pending, answers, wait):
        for s in select.select(self.socks, [], [], wait)[0]:
            try:
                data, source = s.recvfrom(4096)
                m = decode(data)[0]
            except (OSError, ValueError, TypeError):
                continue
            got = pending.get(m.get(b"t"))
            if got and got[1] == source and m.get(b"y") == b"r":
                del pending[m[b"t"]]
                answers[got[0]] = (m[b"r"], m.get(b"v", b""))


def ping(asker, nodes, attempts):
    """endpoint -> (id, v) of those that answer."""
    alive = {}
    for _ in range(attempts):
        silent = [ep for ep in nodes if ep not in alive]
        answers = asker.ask([(ep, b"ping", None) for ep in silent])
        for i, (r, v) in answers.items():
            alive[silent[i]] = (r[b"id"], v)
    return alive


def look_up(asker, alive, listed, until):
    """Add to listed every endpoint of alive that some other node's table holds."""
    order = {ep: random.sample(sorted(alive), len(alive)) for ep in alive}
    for turn in range(len(alive)):
        missing = [ep for ep in alive if ep not in listed and order[ep][turn] != ep]
        if not missing or time.monotonic() > until:
            return
        questions = [(order[ep][turn], b"find_node", alive[ep][0]) for ep in missing]
        for r, _ in asker.ask(questions).values():
            listed.update(c for c in contacts(r) if c in alive)


def truth(spec, out, least_s, most_s, self_path):
    asker = Asker(SOURCES)
    eps = [(n["ip"], n["port"]) for n in spec]
    until = time.monotonic() + most_s
    listed = set()
    time.sleep(least_s)
    while True:
        alive = ping(asker, eps, 2)
        look_up(asker, alive, listed, until)
        if len(listed & set(alive)) == len(eps) or time.monotonic() > until:
            break
        time.sleep(0.5)
    with open(self_path, encoding="utf-8") as f:
        own = json.load(f)
    for n, ep in zip(spec, eps):
        node_id, v = alive.get(ep, (b"", b""))
        n.update(id=node_id.hex(), v=v.hex(), listed=ep in listed,
                 id_self=own.get("%s:%d" % ep, ""))
    with open(out, "w", encoding="utf-8") as f:
        json.dump(spec, f, indent=1)
    kinds = {}
    for n in spec:
        k = kinds.setdefault(n["kind"], [0, 0, 0])
        k[0] += 1
        k[1] += bool(n["id"])
        k[2] += bool(n["id"] and n["listed"])
    for kind, (all_, up, seen) in sorted(kinds.items()):
        print("%-16s %3d started, %3d answer, %3d of them listed" % (kind, all_, up, seen))


def main():
    with open(sys.argv[2], encoding="utf-8") as f:
        spec = json.load(f)
    if sys.argv[1] == "truth":
        truth(spec, sys.argv[3], float(sys.argv[4]), float(sys.argv[5]), sys.argv[6])
    else:
        eps = [(n["ip"], n["port"]) for n in spec]
        print(len(ping(Asker([None]), eps, 2)))


if __name__ == "__main__":
    main()
