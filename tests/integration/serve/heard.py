#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What was heard, as /v1/infohashes and the dashboard's /api tell it, beside a plain count.

  heard.py pcap FILE   queries of made-up peers of the last six hours, as a capture
  heard.py check PORT  the service says what that capture holds; ok/not ok lines

Both draw the same queries from the same seed; the clock is that of the file.
"""
import collections
import http.client
import json
import os
import random
import struct
import sys

PEERS, HASHES, QUERIES = 60, 25, 1500


def queries(end):
    """(when, ip, port, kind, hash, peer port), oldest first."""
    draw = random.Random(8)
    hashes = [draw.randbytes(20) for _ in range(HASHES)]
    peers = [(f"{draw.randint(20, 80)}.{draw.randint(1, 200)}.3.{draw.randint(1, 250)}", draw.randint(2000, 60000))
             for _ in range(PEERS)]
    whens = sorted([end - draw.randint(0, 6 * 3600 - 60) for _ in range(QUERIES - 40)] +
                   [end - draw.randint(0, 200) for _ in range(40)])
    for when in whens:
        ip, port = draw.choice(peers)
        # a few hashes are asked for by many, most by few
        h = hashes[min(int(draw.expovariate(0.25)), HASHES - 1)]
        yield when, ip, port, draw.choice(["announce_peer", "get_peers", "get_peers"]), h, port ^ 1


def bencode(v):
    if isinstance(v, int):
        return b"i%de" % v
    if isinstance(v, dict):
        return b"d" + b"".join(bencode(k.encode()) + bencode(v[k]) for k in sorted(v)) + b"e"
    v = v.encode() if isinstance(v, str) else v
    return b"%d:%s" % (len(v), v)


def pcap(path):
    end = int(os.environ["HEARD_END_S"])
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for when, ip, port, kind, h, peer_port in queries(end):
            a = {"id": b"\x11" * 18 + struct.pack(">H", port), "info_hash": h}
            if kind == "announce_peer":
                a.update(port=peer_port, token="t")
            data = bencode({"a": a, "q": kind, "t": "aa", "y": "q", "v": b"LT\x02\x08"})
            udp = struct.pack(">HHHH", port, 6881, 8 + len(data), 0) + data
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
            head += bytes(map(int, ip.split("."))) + bytes([81, 2, 69, 142])
            f.write(struct.pack("<IIII", when, 0, len(head + udp), len(head + udp)) + head + udp)


failed = False


def result(good, name):
    global failed
    failed = failed or not good
    print(("ok" if good else "not ok") + " - " + name, flush=True)


def get(port, path):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    c.request("GET", path)
    r = c.getresponse()
    body = json.loads(r.read())
    c.close()
    return body, r


def pages(port, path, limit):
    """All rows of a bare array, by its Link headers."""
    rows, path = [], f"{path}?limit={limit}"
    while path:
        body, r = get(port, path)
        rows += body
        link = r.getheader("Link")
        path = link[1:link.index(">")] if link else None
    return rows


def check_hashes(port, all_of):
    peers, announces, asked = collections.defaultdict(set), collections.Counter(), collections.Counter()
    for when, ip, source, kind, h, peer_port in all_of:
        if kind == "announce_peer":
            announces[h.hex()] += 1
            peers[h.hex()].add((ip, peer_port))
        else:
            asked[h.hex()] += 1
    rows, after = [], "0"
    while after is not None:
        page, _ = get(port, f"/v1/infohashes?limit=7&after={after}")
        rows += page["infohashes"]
        after = page["next"]
    want = {h: (len(peers[h]), announces[h], asked[h]) for h in set(announces) | set(asked)}
    got = {r["info_hash"]: (r["peers"], r["announces"], r["get_peers"]) for r in rows}
    result(got == want and page["total"] == len(want), f"infohashes: {len(got)} by pages of seven, peers and counts as they were sent")
    order = [(-r["peers"], -r["announces"], -r["get_peers"], r["info_hash"]) for r in rows]
    result(order == sorted(order), "infohashes: the most announced first")


def check_lists(port, all_of):
    for path, kind, keys in (("/api/announces", "announce_peer", ["info_hash", "peer", "status", "attempts", "name", "ago", "timestamp"]),
                             ("/api/getpeers", "get_peers", ["info_hash", "peer", "ago", "timestamp"])):
        want = [(when, h.hex(), f"{ip}:{peer_port if kind == 'announce_peer' else source}")
                for when, ip, source, k, h, peer_port in all_of if k == kind]
        want = want[::-1][:1000]
        got = pages(port, path, 400)
        result(got and list(got[0]) == keys, f"{path}: {' '.join(keys)}")
        result([r["timestamp"] for r in got] == [w[0] for w in want] and
               sorted((r["timestamp"], r["info_hash"], r["peer"]) for r in got) == sorted(want),
               f"{path}: {len(got)} by pages, the newest first")
        result(len(get(port, path)[0]) == (50 if kind == "announce_peer" else 30), f"{path}: as many as it ever gave")
    body, _ = get(port, "/api/resolved?limit=5")
    result(body == [], "/api/resolved: nothing is ever resolved")


def check_sums(port, all_of, end):
    said = [q for q in all_of if q[3] == "announce_peer"]
    stats, _ = get(port, "/api/stats")
    result(list(stats) == ["total_announces", "total_getpeers", "total_metadata", "status_counts", "recent_announces_5m",
                           "recent_getpeers_5m", "network", "timestamp"] and "known_nodes" in stats["network"],
           f"/api/stats: {' '.join(stats)}")
    result((stats["total_announces"], stats["total_getpeers"], stats["status_counts"]) ==
           (len(said), len(all_of) - len(said), {"pending": len(said)}), "/api/stats: counts")
    late = sum(q[0] >= stats["timestamp"] - 290 for q in said), sum(q[0] >= stats["timestamp"] - 311 for q in said)
    result(late[0] <= stats["recent_announces_5m"] <= late[1], f"/api/stats: {stats['recent_announces_5m']} lately")

    tree, _ = get(port, "/api/peer-tree?limit=200")
    total = collections.Counter(f"{ip}:{p}" for _, ip, _, _, _, p in said)
    result(list(tree[0]) == ["peer", "total", "resolved", "pending", "failed", "last_seen", "announces"] and
           {t["peer"]: t["total"] for t in tree} == dict(total), f"/api/peer-tree: {len(tree)} peers, each with all it announced")
    result(all(len(t["announces"]) == min(20, t["total"]) for t in tree), "/api/peer-tree: at most twenty each")

    series, _ = get(port, "/api/series")
    buckets, swarms = collections.defaultdict(set), collections.defaultdict(lambda: collections.defaultdict(set))
    for when, ip, _, _, h, p in said:
        buckets[when // 600 * 600].add((ip, p))
        swarms[h.hex()][when // 600 * 600].add((ip, p))
    result({s["t"]: s["count"] for s in series["peers_over_time"] if s["count"]} == {t: len(b) for t, b in buckets.items()} and
           len(series["peers_over_time"]) == 145, "/api/series: peers of each ten minutes")
    result((series["bucket_seconds"], series["window_peers"], series["window_swarms"]) == (600, 86400, 21600),
           "/api/series: its windows")
    good = len(series["top_hashes"]) == 5
    for h, rows in series["swarms_over_time"].items():
        first = rows[0]["t"]
        good = good and len(rows) == 37 and {r["t"]: r["count"] for r in rows if r["count"]} == \
            {t: len(b) for t, b in swarms[h].items() if t >= first}
    result(good, "/api/series: five swarms over time")

    more, _ = get(port, "/api/analytics")
    hot = collections.Counter(q[4].hex() for q in said if q[0] >= more["generated_at"] - 21600)
    result([r["announces"] for r in more["hot_hashes_6h"]] == sorted(hot.values(), reverse=True)[:15] and
           all(hot[r["info_hash"]] == r["announces"] for r in more["hot_hashes_6h"]), "/api/analytics: hot hashes")
    result([r["total"] for r in more["top_peers"]] == sorted(total.values(), reverse=True)[:25] and
           all(total[r["peer"]] == r["total"] for r in more["top_peers"]), "/api/analytics: top peers")


def check(port):
    end = int(os.environ["HEARD_END_S"])
    all_of = list(queries(end))
    check_hashes(port, all_of)
    check_lists(port, all_of)
    check_sums(port, all_of, end)
    for path in ("/api/announces?limit=1001", "/api/stats?limit=1", "/v1/infohashes?after=x"):
        body, r = get(port, path)
        result(r.status == 400, f"bad request: {path}: {body['error']}")


if sys.argv[1] == "pcap":
    pcap(sys.argv[2])
else:
    check(int(sys.argv[2]))
sys.exit(failed)
