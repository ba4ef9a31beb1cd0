# SPDX-License-Identifier: MIT
"""attack.py IP PORT SECONDS PPS SEED OUT.json: honest nodes and attackers of a listening node.

Honest: 24 addresses that answer and ask now and then. Attackers, from forged addresses of 24/8
(a black hole: what is sent there is gone), through a raw socket: floods of get_peers and
find_node, announces with forged tokens, newcomers with ids beside the victim's, replies that
nobody asked for, datagrams of real messages with bytes changed, rubbish of any length.
OUT: how many of the honest's questions were answered, before, during and after; which of them the
node still lists."""
import hashlib, json, os, random, select, socket, struct, sys, threading, time

ear = (sys.argv[1], int(sys.argv[2]))
seconds, pps, rng = float(sys.argv[3]), int(sys.argv[4]), random.Random(int(sys.argv[5]))
HONEST = ["5.%d.7.1" % (10 + i) for i in range(24)]


def ident(ip): return hashlib.sha1(ip.encode()).digest()
def ask(q, me, t, **more):
    a = b"".join(b"%d:%s%d:%s" % (len(k), k.encode(), len(v), v)
                 for k, v in sorted({"id": me, **more}.items()))
    return b"d1:ad%se1:q%d:%s1:t%d:%s1:y1:qe" % (a, len(q), q, len(t), t)


socks, answered, asked = {}, {"before": 0, "during": 0, "after": 0}, dict(before=0, during=0, after=0)
for ip in HONEST:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((ip, 6881))
    socks[s] = ip
phase, stop, lock = "before", False, threading.Lock()
ear_id, listed = [b"\0" * 20], set()


def honest():
    due = {s: time.monotonic() + i * 0.05 for i, s in enumerate(socks)}
    while not stop:
        for s in select.select(list(socks), [], [], 0.02)[0]:
            data, peer = s.recvfrom(4096)
            me = ident(socks[s])
            if b"1:y1:q" in data and b"1:t6:" in data:
                t = data[data.index(b"1:t6:") + 5:][:6]
                reply = (b"d2:ip6:%s1:rd2:id20:%s5:nodes0:e1:t6:%s1:y1:re" %
                         (socket.inet_aton(ear[0]) + struct.pack(">H", ear[1]), me, t))
                s.sendto(reply, peer)
            elif b"1:y1:r" in data and b"2:id20:" in data:
                answered[phase] += 1
                ear_id[0] = data[data.index(b"2:id20:") + 7:][:20]
                for ip in HONEST:
                    if ident(ip) + socket.inet_aton(ip) in data:
                        listed.add(ip)
        now = time.monotonic()
        for s, at in due.items():
            if now >= at:
                due[s] = now + 1.5
                asked[phase] += 1
                other = HONEST[rng.randrange(len(HONEST))]
                s.sendto(ask(b"find_node", ident(socks[s]), b"hh", target=ident(other)), ear)


def checksum(b):
    n = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    n = (n >> 16) + (n & 0xffff)
    return 0xffff ^ ((n + (n >> 16)) & 0xffff)


def packet(payload):
    src = bytes([24, rng.randrange(256), rng.randrange(256), 1 + rng.randrange(250)])
    port = 1024 + rng.randrange(60000)
    udp = struct.pack(">HHHH", port, ear[1], 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, src,
                       socket.inet_aton(ear[0]))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + udp


def attacks():
    rand = lambda n: rng.randbytes(n)
    beside = lambda: ear_id[0][:17] + rand(3)
    real = [ask(b"ping", rand(20), b"aa"), ask(b"find_node", rand(20), b"aa", target=rand(20)),
            ask(b"get_peers", rand(20), b"aa", info_hash=rand(20)),
            b"d1:rd2:id20:" + rand(20) + b"5:nodes26:" + rand(26) + b"e1:t6:" + rand(6) + b"1:y1:re"]
    yield from (ask(b"get_peers", rand(20), b"aa", info_hash=rand(20)) for _ in range(40))
    yield from (ask(b"find_node", beside(), b"aa", target=beside()) for _ in range(40))
    for _ in range(10):
        yield (b"d1:ad2:id20:" + rand(20) + b"9:info_hash20:" + rand(20) + b"4:porti%de5:token8:" %
               rng.randrange(70000) + rand(8) + b"e1:q13:announce_peer1:t2:aa1:y1:qe")
    for _ in range(10):
        yield (b"d1:rd2:id20:" + beside() + b"5:nodes208:" + rand(208) + b"e1:t6:" +
               struct.pack("<H", rng.randrange(2048)) + rand(4) + b"1:y1:re")
    for _ in range(30):
        b = bytearray(rng.choice(real))
        for _ in range(rng.randrange(1, 4)):
            b[rng.randrange(len(b))] = rng.randrange(256)
        yield bytes(b)
    yield from (rand(rng.randrange(0, 1400)) for _ in range(5))
    yield b"d" * 900
    yield b"d1:a" + b"l" * 1000
    yield b"li1e" * 300


thread = threading.Thread(target=honest)
thread.start()
time.sleep(4)
phase, pool = "during", []
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
began, sent, octets = time.monotonic(), 0, 0
open(sys.argv[6] + ".flood", "w").close()  # the counters are read now
while (now := time.monotonic()) < began + seconds:
    if sent > (now - began) * pps:
        time.sleep(0.002)
        continue
    # Packets are costly to make here: each is sent a few times, as a flood would.
    if sent % 4096 == 0 or len(pool) < 500:
        pool = [packet(p) for _ in range(4) for p in attacks()]
        rng.shuffle(pool)
    for p in pool[sent % 400:sent % 400 + 64]:
        raw.sendto(p, ear)
        octets += len(p)
    sent += 64
open(sys.argv[6] + ".over", "w").close()
phase = "after"
listed.clear()
time.sleep(8)
stop = True
thread.join()
json.dump({"sent": sent, "bytes": octets, "per_s": sent / seconds, "asked": asked,
           "answered": answered, "listed": sorted(listed), "honest": len(HONEST)},
          open(sys.argv[6], "w"))
