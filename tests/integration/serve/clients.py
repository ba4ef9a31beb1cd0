#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients of `serve`, one kind a sub-command; each prints ok/not ok lines.

  resume PORT   a client of /peers killed and resumed ten times has every line once
  nodes PORT N  pages of /v1/nodes hold every node once, N of them
  filters PORT  what comes through a filter passes it, in three codings
  hostile PORT  slow loris, oversize headers, half-closed, wrong methods, many at once
"""
import http.client
import json
import socket
import subprocess
import sys
import time

failed = False


def result(good, name):
    global failed
    failed = failed or not good
    print(("ok" if good else "not ok") + " - " + name, flush=True)


def get(port, path, headers={}, timeout=5):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    c.request("GET", path, headers=headers)
    r = c.getresponse()
    return r, c


def stream(port, path, count, seconds, headers={}):
    """Up to count lines, or what came within the seconds."""
    r, c = get(port, path, headers)
    lines, end = [], time.time() + seconds
    c.sock.settimeout(0.5)
    while len(lines) < count and time.time() < end:
        try:
            line = r.readline()
        except socket.timeout:
            continue
        if not line:
            break
        lines.append(json.loads(line))
    c.sock and c.sock.close()
    c.close()
    return lines


def resume(port):
    since, seen, gaps = None, [], 0
    for round_no in range(10):
        lines = stream(port, "/peers" + (f"?since={since}" if since else ""), 500, 3)
        for line in lines:
            if line.get("type") == "gap":
                gaps += line["dropped"]
            else:
                seen.append(line["seq"])
            since = line["seq"]
        time.sleep(0.05)
    result(len(seen) >= 3000, f"resume: {len(seen)} lines over ten connections")
    result(len(set(seen)) == len(seen), "resume: no line twice")
    result(seen[-1] - seen[0] + 1 == len(seen) + gaps, f"resume: no hole but {gaps} reported")


def keys(port):
    line = stream(port, "/peers", 1, 3)
    result(line and list(line[0])[:4] == ["peerID", "addresses", "protocols", "agentVersion"],
           "peers: the seed's keys first, in its order")
    result(line and set(line[0]) >= {"seen", "way", "asn", "country", "seq"}, "peers: then ours")


def nodes(port, want):
    ids, after, pages = [], "", 0
    while True:
        r, c = get(port, f"/v1/nodes?limit=1000{after}")
        page = json.loads(r.read())
        c.close()
        ids += [(n["peerID"], n["addresses"][0]) for n in page["nodes"]]
        pages += 1
        if not page["next"] or pages > 1000:
            break
        after = "&after=" + page["next"]
    result(len(ids) == want and len(set(ids)) == want, f"nodes: {len(set(ids))} of {want} once each")
    result(ids == sorted(ids, key=lambda i: i[0]), "nodes: in the order of ids")
    r, c = get(port, "/v1/nodes?limit=1000&country=DE")
    some = json.loads(r.read())["nodes"]
    result(some and all(n["country"] == "DE" for n in some), f"nodes: {len(some)} of a country")
    for path in ("/v1/nodes?limit=0", "/v1/nodes?limit=x", "/v1/nodes?after=zz", "/v1/nodes?asn=-1",
                 "/v1/nodes?prefix=999.1.1.1", "/peers?way=door", "/peers?since=abc", "/peers?country=DEU"):
        r, c = get(port, path)
        body = json.loads(r.read())
        result(r.status == 400 and body["error"], f"bad request: {path}: {body['error']}")


def filters(port):
    lines = stream(port, "/peers?country=RU&way=answered", 50, 5)
    result(len(lines) >= 10 and all(n["country"] == "RU" for n in lines), f"filters: {len(lines)} of RU")
    for coding, tool in (("gzip", ["gzip", "-dc"]), ("zstd", ["zstd", "-dcq"])):
        r, c = get(port, "/peers", {"Accept-Encoding": coding, "Accept": "application/x-ndjson"})
        result(r.getheader("Content-Encoding") == coding, f"{coding}: named")
        data, end = b"", time.time() + 1
        while time.time() < end:
            data += r.read1(65536)
        c.sock and c.sock.close()
        plain = subprocess.run(tool, input=data, capture_output=True).stdout.split(b"\n")
        good = [json.loads(line) for line in plain[:-1]]
        result(len(good) > 100 and all("seq" in g for g in good), f"{coding}: {len(good)} lines")


def metrics(port):
    from prometheus_client.parser import text_string_to_metric_families
    r, c = get(port, "/metrics")
    families = {f.name: f for f in text_string_to_metric_families(r.read().decode())}
    result(len(families) > 25, f"metrics: {len(families)} families for the Prometheus parser")
    sent = families["dht_telescope_packets_sent"].samples[0].value
    result(sent > 0, f"metrics: {sent:.0f} packets sent")


def raw(port, data, timeout=3):
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    s.sendall(data)
    return s


def answer(s):
    try:
        return s.recv(4096).split(b"\r\n", 1)[0]
    except (socket.timeout, ConnectionError):
        return b""


def rss(port):
    pid = int(sys.argv[3])
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def hostile(port):
    before = rss(port)
    loris = [raw(port, b"GET /peers HTTP/1.1\r\nHost: a\r\nX-") for _ in range(200)]
    r, c = get(port, "/healthz")
    result(r.status == 200, "hostile: 200 slow heads, and the next is answered")
    s = raw(port, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 60000 + b"\r\n\r\n")
    first = answer(s)
    result(first == b"" or b" 4" in first, f"hostile: 60 kB of head: {first!r}")
    for method in (b"POST", b"PUT", b"DELETE", b"OPTIONS", b"BREW"):
        first = answer(raw(port, method + b" /peers HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"))
        result(b"405" in first, f"hostile: {method.decode()}: {first.decode()}")
    for junk in (b"\0" * 4096, b"GET\r\n\r\n", b"\x16\x03\x01\x02\0", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET /" + b"%00" * 500 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
                 b"GET /v1/nodes?" + b"a=b&" * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"):
        answer(raw(port, junk, 1))
    half = [raw(port, b"GET /peers HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(50)]
    for s in half:
        s.shutdown(socket.SHUT_WR)
    many = []
    for _ in range(1500):
        try:
            many.append(socket.create_connection(("127.0.0.1", port), timeout=1))
        except OSError:
            break
    for s in many + loris:
        s.close()
    end = time.time() + 5
    streams = -1
    while time.time() < end and streams != 0:
        time.sleep(0.2)
        try:
            r, c = get(port, "/metrics", timeout=2)
            text = r.read().decode()
            streams = int(text.split("\ndht_telescope_stream_clients ")[1].split()[0])
        except OSError:
            pass
    result(streams == 0, f"hostile: {streams} streams left of 50 that hung up halfway")
    grown = rss(port) - before
    result(grown < 64 * 1024, f"hostile: memory grew by {grown} KiB")


def main():
    what, port = sys.argv[1], int(sys.argv[2])
    if what == "live":
        keys(port)
        filters(port)
        resume(port)
        metrics(port)
    elif what == "nodes":
        nodes(port, int(sys.argv[3]))
    elif what == "hostile":
        hostile(port)
    sys.exit(failed)


main()
