# SPDX-License-Identifier: MIT
"""A DHT of honest nodes and of attackers, a capture, and the judgement.

  hostile.py world READY         answer on every address, until killed
  hostile.py capture FILE        every IPv4 packet that leaves: seconds, address, port
  hostile.py judge FILE REPORT   compare what left with what may leave

Who somebody is follows from his address alone, so that all three agree:
5.10.x.y is honest, 5.20.x.y is an attacker of kind y. Python's standard library only.
"""
import hashlib, ipaddress, json, os, random, select, socket, struct, sys, time

HONEST, EACH = 300, 12            # honest nodes; attackers of each kind
OURS = "203.0.113.2"
PORT = 6881
KINDS = ["random", "cut", "deep", "huge", "64k", "bogons", "blocked", "victim", "service",
         "popular_service", "port_zero", "ourselves", "wrong_port", "wrong_address", "repeat",
         "flood", "reflect", "echo", "no_id", "short_id", "error", "own_slot", "silent", "binary"]
SPECIAL = """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24
203.0.113.0/24 224.0.0.0/4 240.0.0.0/4""".split()
BLOCKED, VICTIM, SERVICE, POPULAR = "93.184.0.0/16", "198.41.0.0/24", "45.9.0.0/16", "45.10.0.0/16"


def net(text): return ipaddress.ip_network(text)
def inside(ip, text): return ipaddress.ip_address(ip) in net(text)
def honest(i): return "5.10.%d.%d" % (i // 200, 1 + i % 200)
def attacker(kind, i): return "5.20.%d.%d" % (i, 1 + kind)
def node_id(ip): return hashlib.sha1(ip.encode()).digest()
def contact(ip, port=PORT, ident=None):
    return (ident or node_id(ip)) + socket.inet_aton(ip) + struct.pack(">H", port)


ALL = [honest(i) for i in range(HONEST)] + \
      [attacker(k, i) for k in range(len(KINDS)) for i in range(EACH)]
rng = random.Random(7)


def within(text, n):
    base = int(net(text).network_address)
    size = net(text).num_addresses
    return [str(ipaddress.ip_address(base + rng.randrange(1, size - 1))) for _ in range(n)]


def reply(t, ident, nodes):
    return b"d1:rd2:id20:" + ident + b"5:nodes%d:" % len(nodes) + nodes + b"e1:t%d:" % len(t) + t + b"1:y1:re"


def honest_nodes(): return b"".join(contact(ip) for ip in rng.sample(ALL, 8))


def transaction(query):
    at = query.rfind(b"1:t8:")
    return query[at + 5:at + 13] if at >= 0 else b"????????"


def answers(kind, ip, query, asker):
    """What an attacker sends: (datagram, source address, source port) each."""
    t, me, here = transaction(query), node_id(ip), (ip, PORT)
    good = reply(t, me, honest_nodes())

    def lists(contacts): return [(reply(t, me, b"".join(contacts)), *here)]
    if kind == "random": return [(os.urandom(rng.randrange(1, 1400)), *here) for _ in range(5)]
    if kind == "cut": return [(good[:n], *here) for n in (0, 1, 20, len(good) - 1)]
    if kind == "deep": return [(b"d1:rd2:id20:" + me + b"5:nodes" + b"l" * 600, *here)]
    if kind == "huge": return lists([contact(str(ipaddress.ip_address(0x05100000 + rng.randrange(1 << 16)))) for _ in range(52)])
    if kind == "64k": return lists([contact(honest(i % HONEST)) for i in range(2450)])
    if kind == "bogons": return lists([contact(within(s, 1)[0]) for s in rng.sample(SPECIAL, 8)])
    if kind == "blocked": return lists([contact(a) for a in within(BLOCKED, 8)])
    if kind == "victim": return lists([contact(a, rng.randrange(1024, 65536)) for a in within(VICTIM, 16)])
    if kind == "service": return lists([contact("45.9.%s" % ip.split(".", 2)[2], p) for p in (53, 123, 1, 80, 443, 161, 1023)])
    if kind == "popular_service": return lists([contact("45.10.0.%d" % n, 53) for n in range(1, 9)])
    if kind == "port_zero": return lists([contact(honest(n), 0) for n in range(8)])
    if kind == "ourselves": return lists([contact(asker[0], asker[1])] * 4 + [contact("127.0.0.1", asker[1])] * 4)
    if kind == "wrong_port": return [(good, ip, PORT + 1)]
    if kind == "wrong_address": return [(good, "5.30.1.1", PORT)]
    if kind == "repeat": return [(good, *here)] * 50
    if kind == "flood":
        return [(reply(os.urandom(8), os.urandom(20), honest_nodes()), ip, rng.randrange(1024, 65536)) for _ in range(150)]
    if kind == "reflect": return [(query, *here)]
    if kind == "echo": return [(reply(t, query[12:32], honest_nodes()), *here)]
    if kind == "no_id": return [(b"d1:rd5:nodes0:e1:t8:" + t + b"1:y1:re", *here)]
    if kind == "short_id": return [(reply(t, me, b"").replace(b"20:" + me, b"19:" + me[:19]), *here)]
    if kind == "error": return [(b"d1:eli202e6:Serveree1:t8:" + t + b"1:y1:ee", *here)]
    if kind == "own_slot": return [(reply(bytes([rng.randrange(256)]) + t[1:], me, honest_nodes()), *here)] * 3
    if kind == "binary": return [(good[:30] + os.urandom(40) + good[70:], *here)]
    return []


def world(ready):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_PKTINFO if hasattr(socket, "IP_PKTINFO") else 8, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("0.0.0.0", PORT))
    others = {}
    open(ready, "w").close()

    def send(data, ip, port, to):
        if port == PORT:
            info = struct.pack("=I4s4s", 0, socket.inet_aton(ip), b"\0" * 4)
            s.sendmsg([data], [(socket.IPPROTO_IP, 8, info)], 0, to)
            return
        if (ip, port) not in others:
            o = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            o.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            o.bind((ip, port))
            if len(others) > 500:
                others.popitem()[1].close()
            others[(ip, port)] = o
        others[(ip, port)].sendto(data, to)

    while True:
        query, anc, _, asker = s.recvmsg(2048, 256)
        ip = next(socket.inet_ntoa(d[4:8]) for level, kind, d in anc if level == 0 and kind == 8)
        a, b, c, d = map(int, ip.split("."))
        try:
            if (a, b) == (5, 10) and c * 200 + d - 1 < HONEST:
                send(reply(transaction(query), node_id(ip), honest_nodes()), ip, PORT, asker)
            elif (a, b) == (5, 20) and d <= len(KINDS):
                for data, src, port in answers(KINDS[d - 1], ip, query, asker):
                    send(data, src, port, asker)
        except OSError as e:  # a port taken, a queue full: an attacker's problem
            print(ip, e, file=sys.stderr)


def capture(path):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    with open(path, "w", buffering=1 << 16) as out:
        out.write("# begun\n")
        out.flush()
        while True:
            if not select.select([s], [], [], 0.2)[0]:
                out.flush()
                continue
            p, meta = s.recvfrom(128)
            if meta[2] == socket.PACKET_OUTGOING and len(p) >= 28 and p[0] >> 4 == 4 and p[9] == 17:
                port = struct.unpack(">H", p[22:24])[0]
                out.write("%.6f %s %d\n" % (time.monotonic(), socket.inet_ntoa(p[16:20]), port))


def most_in_window(times, window=10.0):
    times, first, most = sorted(times), 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def judge(path, report):
    bad, to_host, to_net, to_contact = [], {}, {}, {}
    packets = [line.split() for line in open(path) if line[0] != "#"]
    # Before the first query of a pass each worker tries its io_uring on a packet to itself.
    tries = [p for p in packets if p[1] == "127.0.0.1"]
    packets = [p for p in packets if p[1] != "127.0.0.1"]
    for at, ip, port in packets:
        to_host.setdefault(ip, []).append(float(at))
        to_net.setdefault(ip.rsplit(".", 1)[0], []).append(float(at))
        to_contact[(ip, int(port))] = to_contact.get((ip, int(port)), 0) + 1

    def check(ok, what):
        print("%s %d - %s" % ("ok" if ok else "not ok", len(bad) + 1, what))
        bad.append(not ok)
    r = json.load(open(report))
    wrong = {ip for ip in to_host if any(inside(ip, s) for s in SPECIAL)}
    check(len(packets) > 600, "%d packets captured, %d sent" % (len(packets), r["packets_sent"]))
    sent = r["packets_sent"] + r["second_pass_packets_sent"] + r["survey_packets_sent"]
    check(len(packets) == sent, "the capture is whole: %d of %d in both passes and the survey"
          % (len(packets), sent))
    check(len(tries) <= 3 * 2 * 2, "%d tries of io_uring on loopback, by two workers in three passes" % len(tries))
    check(not wrong, "no packet to a special-purpose address %s" % sorted(wrong)[:5])
    wrong = {ip for ip in to_host if inside(ip, BLOCKED)}
    check(not wrong, "no packet to a blocklisted address %s" % sorted(wrong)[:5])
    wrong = [c for c in to_contact if c[1] == 0 or c[0] == OURS]
    check(not wrong, "no packet to port 0 or to ourselves %s" % wrong[:5])
    wrong = [c for c in to_contact if inside(c[0], SERVICE)]
    check(not wrong, "no packet to a service port on one node's word %s" % wrong[:5])
    wrong = [c for c, n in to_contact.items() if c[1] < 1024 and n > 1]
    check(not wrong, "one packet at most to a service port that many name %s" % wrong[:5])
    most = max(most_in_window(v) for v in to_host.values())
    check(most <= 9, "at most %d packets to one address in any 10 s" % most)
    most = max(most_in_window(v) for v in to_net.values())
    check(most <= 64 + 320, "at most %d packets to one /24 in any 10 s" % most)
    victims = sum(len(v) for ip, v in to_host.items() if inside(ip, VICTIM))
    check(victims <= 64 + 32 * 30, "the victim's /24 got %d packets" % victims)
    missed = [honest(i) for i in range(HONEST) if honest(i) not in to_host]
    check(not missed, "every honest node was asked")
    check(r["live_endpoints"] >= HONEST, "%d live, %d of them honest" % (r["live_endpoints"], HONEST))
    check(r["unexplained"] == 0, "accounts add up")
    check(r["packets_sent"] == r["answered"] + r["errors"] + r["expired"], "every query has its end")
    check(r["losses"]["malformed"] > 0 and r["losses"]["foreign"] > 0, "rubbish and strangers were counted")
    return any(bad)


if __name__ == "__main__":
    sys.exit({"world": world, "capture": capture, "judge": judge}[sys.argv[1]](*sys.argv[2:]))
