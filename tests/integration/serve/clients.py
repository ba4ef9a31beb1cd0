#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients of `serve`, one kind a sub-command; each prints ok/not ok lines.

  live PORT         keys, filters in three codings, one killed and resumed ten times, metrics
  nodes PORT N      pages of /v1/nodes hold every node once, N of them; what is refused
  hostile PORT PID  slow heads, large heads, half-closed, wrong methods, many at once
"""
import base64
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
    want = ["peerID", "addresses", "protocols", "agentVersion", "seen", "way", "class", "asn", "country", "seq"]
    lines = stream(port, "/peers", 50, 3)
    result(lines and all(list(n) == want for n in lines), f"peers: {' '.join(want)}, in this order")


def filters(port):
    """Each key alone, then all together; each line must pass, and some must come."""
    base = stream(port, "/peers", 300, 3)
    clients = [n["agentVersion"].split()[0] for n in base if n["agentVersion"]]
    client = max(set(clients), key=clients.count)
    inside = lambda n: n["addresses"][0].split("/")[2].split(".")[0] in ("64", "65", "66", "67")
    for query, passes in (("country=RU", lambda n: n["country"] == "RU"),
                          ("asn=AS3320", lambda n: n["asn"] == 3320),
                          (f"client={client}", lambda n: n["agentVersion"].split()[0] == client),
                          ("prefix=64.0.0.0/6", inside),
                          ("class=normal", lambda n: n["class"] == "normal"),
                          ("way=answered", lambda n: n["way"] == "answered"),
                          ("country=RU&class=normal&way=answered,asked-us",
                           lambda n: n["country"] == "RU" and n["class"] == "normal")):
        lines = stream(port, f"/peers?{query}", 5, 5)
        result(lines and all(passes(n) for n in lines), f"filters: {query}: {len(lines)} lines")
    for coding, tool in (("gzip", ["gzip", "-dc"]), ("zstd", ["zstd", "-dcq"])):
        r, c = get(port, "/peers", {"Accept-Encoding": coding, "Accept": "application/x-ndjson"})
        named = (r.getheader("Content-Encoding"), r.getheader("Content-Type"))
        data, end = b"", time.time() + 0.4
        while time.time() < end:
            data += r.read1(65536)
        c.sock and c.sock.close()
        plain = subprocess.run(tool, input=data, capture_output=True).stdout.split(b"\n")
        good = [json.loads(line) for line in plain[:-1]]
        result(named == (coding, "application/x-ndjson") and len(good) > 100 and all("seq" in g for g in good),
               f"{coding}, ndjson by Accept: {len(good)} lines")


def metrics(port):
    from prometheus_client.parser import text_string_to_metric_families
    r, c = get(port, "/metrics")
    families = {f.name: f for f in text_string_to_metric_families(r.read().decode())}
    result(len(families) > 25, f"metrics: {len(families)} families for the Prometheus parser")
    sent = families["dht_telescope_packets_sent"].samples[0].value
    result(sent > 0, f"metrics: {sent:.0f} packets sent")


def requests_library(port):
    import requests
    r = requests.get(f"http://127.0.0.1:{port}/peers", stream=True, timeout=5)
    lines = [json.loads(line) for _, line in zip(range(100), r.iter_lines())]
    result(len(lines) == 100 and r.headers["Access-Control-Allow-Origin"] == "*",
           "Python requests: 100 lines, the header that lets any page read them")
    r.close()


def refused(port):
    for path in ("/v1/nodes?limit=0", "/v1/nodes?limit=x", "/v1/nodes?after=zz", "/v1/nodes?asn=-1",
                 "/v1/nodes?prefix=999.1.1.1", "/peers?way=door", "/peers?since=abc", "/peers?country=DEU",
                 "/peers?contry=DE", "/peers?since=1%002", "/peers?asn=1&asn=2", "/v1/nodes?way"):
        r, c = get(port, path)
        body = json.loads(r.read())
        result(r.status == 400 and body["error"], f"bad request: {path}: {body['error']}")
        c.close()


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
    r, c = get(port, "/v1/nodes?limit=1000&country=DE&way=answered")
    some = json.loads(r.read())["nodes"]
    result(some and all(n["country"] == "DE" and n["way"] == "answered" for n in some), f"nodes: {len(some)} of a country")
    lists(port)
    refused(port)


def lists(port):
    """Every list by pages of three: as many rows as it says, none twice; as one page of all."""
    for path, key in (("asn", "asn"), ("countries", "country"), ("clients", "client"), ("epochs", "id")):
        rows, after = [], "0"
        while after is not None and len(rows) < 3000:
            r, c = get(port, f"/v1/{path}?limit={30 if path == 'asn' else 3}&after={after}")
            page = json.loads(r.read())
            c.close()
            rows += page[path]
            after = page["next"]
        result(len(rows) == page["total"] > 0 and len({n[key] for n in rows}) == len(rows), f"/v1/{path}: {len(rows)} by pages")
    result(rows[0]["report"]["schema"] and rows[0]["synthetic"], "/v1/epochs: with their reports")


# ---- hostile ones -------------------------------------------------------------------

def raw(port, data, timeout=3):
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    s.sendall(data)
    return s


def answer(s):
    try:
        return s.recv(4096).split(b"\r\n", 1)[0]
    except (socket.timeout, ConnectionError):
        return b""


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def loris(port):
    """A byte of a head every quarter of a second: never idle, never done (--request-sec 1)."""
    all_of = [raw(port, b"GET /peers HTTP/1.1\r\nHost: localhost\r\nX-") for _ in range(200)]
    r, c = get(port, "/healthz")
    result(r.status == 200, "hostile: 200 slow heads, and the next is answered")
    begun, left = time.time(), all_of
    while left and time.time() < begun + 6:
        time.sleep(0.25)
        still = []
        for s in left:
            try:
                s.sendall(b"a")
                s.setblocking(False)
                if s.recv(1) != b"":
                    still.append(s)
            except BlockingIOError:
                still.append(s)
            except OSError:
                pass
        left = still
    result(not left, f"hostile: heads that come a byte at a time: all shown out after {time.time() - begun:.1f} s")


def heads(port):
    host = b"Host: localhost\r\n"
    first = answer(raw(port, b"GET /healthz HTTP/1.1\r\n" + host + b"X: " + b"a" * 60000 + b"\r\n\r\n"))
    result(first == b"" or b" 4" in first, f"hostile: 60 kB of head: {first!r}")
    for method in (b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"BREW"):
        first = answer(raw(port, method + b" /peers HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n"))
        result(b"405" in first, f"hostile: {method.decode()}: {first.decode()}")
    for name, more in (("a body", b"Content-Length: 5\r\n\r\nGET /"),
                       ("a chunked body", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                       ("two lengths", b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                        b"GET /v1/stats HTTP/1.1\r\n" + host + b"\r\n")):
        s = raw(port, b"GET /metrics HTTP/1.1\r\n" + host + more, 1)
        got = b""
        try:
            while part := s.recv(65536):
                got += part
        except (socket.timeout, ConnectionError):
            pass
        result(got.startswith(b"HTTP/1.1 400") and got.count(b"HTTP/1.1") == 1,
               f"hostile: {name}: refused, and what follows is no request")
    for name, want in (("evil.example", b"421"), ("127.0.0.1.evil.example:3000", b"421"), ("localhost", b"200"),
                       ("[::1]:3000", b"200")):
        first = answer(raw(port, b"GET /metrics HTTP/1.1\r\nHost: " + name.encode() + b"\r\n\r\n"))
        result(want in first, f"hostile: Host {name}: {first.decode()}")
    for junk in (b"\0" * 4096, b"GET\r\n\r\n", b"\x16\x03\x01\x02\0", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET /" + b"%00" * 500 + b" HTTP/1.1\r\n" + host + b"\r\n",
                 b"GET /peers?" + b"a=b&" * 2000 + b" HTTP/1.1\r\n" + host + b"\r\n"):
        answer(raw(port, junk, 0.3))
    first = answer(raw(port, b"HEAD /peers HTTP/1.1\r\n" + host + b"\r\n"))
    result(b"200" in first, "hostile: HEAD of a stream is answered")


def hostile(port, pid):
    before = rss(pid)
    loris(port)
    heads(port)
    half = [raw(port, b"GET /peers HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(50)]
    for s in half:
        s.shutdown(socket.SHUT_WR)
    many = []
    for _ in range(1500):
        try:
            many.append(socket.create_connection(("127.0.0.1", port), timeout=1))
        except OSError:
            break
    for s in many:
        s.close()
    end, streams = time.time() + 5, -1
    while time.time() < end and streams != 0:
        time.sleep(0.1)
        try:
            r, c = get(port, "/metrics", timeout=2)
            streams = int(r.read().decode().split("\ndht_telescope_stream_clients ")[1].split()[0])
        except OSError:
            pass
    result(streams == 0, f"hostile: {streams} streams left of 50 that hung up halfway")
    grown = rss(pid) - before
    result(grown < 64 * 1024, f"hostile: memory grew by {grown} KiB")


def token(port, secret):
    for want, path, said in ((401, "/peers", None), (401, "/v1/stats", "Bearer wrong"), (401, "/", "Bearer " + secret[:-1]),
                             (401, "/", "Bearer " + secret + "x"), (200, "/metrics", "Bearer " + secret),
                             (200, "/healthz", None), (401, "/metrics", "Basic " + secret),
                             (200, "/metrics", "Basic " + base64.b64encode(b"me:" + secret.encode()).decode())):
        r, c = get(port, path, {"Authorization": said, "Host": "any.example"} if said else {"Host": "any.example"})
        result(r.status == want, f"token: {path} with {said!r}: {r.status}")
        c.close()


def main():
    what, port, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if what == "live":
        keys(port)
        filters(port)
        resume(port)
        metrics(port)
        requests_library(port)
    elif what == "nodes":
        nodes(port, int(rest[0]))
    elif what == "hostile":
        hostile(port, int(rest[0]))
    elif what == "token":
        token(port, rest[0])
    sys.exit(failed)


main()
