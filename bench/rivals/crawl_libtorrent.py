#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crawl_libtorrent.py HOST:PORT SECONDS - a crawl by libtorrent's own DHT node: dht_direct_request()
to every node heard of, its limits raised as far as its settings go. Prints how many answered."""
import os, socket, struct, sys, time
import libtorrent as lt

host, port = sys.argv[1].rsplit(":", 1)
end = time.time() + float(sys.argv[2])
ses = lt.session({
    "listen_interfaces": "127.0.0.1:0", "enable_dht": True, "enable_lsd": False, "enable_upnp": False,
    "enable_natpmp": False, "dht_bootstrap_nodes": "", "alert_mask": lt.alert.category_t.dht_notification |
    lt.alert.category_t.dht_operation_notification, "dht_upload_rate_limit": 1 << 30,
    "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False, "dht_ignore_dark_internet": False,
    "alert_queue_size": 100000})
first = (host, int(port))
known, queue, answered, flight = {first}, [first], set(), 0
idle = 0
while time.time() < end and idle < 300:
    while queue and flight < 500:
        peer = queue.pop()
        ses.dht_direct_request(peer, {b"q": b"find_node", b"a": {b"target": os.urandom(20)}}, len(known)) if False else \
            ses.dht_direct_request(peer, {"q": "find_node", "a": {"target": os.urandom(20)}})
        flight += 1
    alerts = ses.pop_alerts()
    idle = 0 if alerts or queue else idle + 1
    for a in alerts:
        if not isinstance(a, lt.dht_direct_response_alert if hasattr(lt, "dht_direct_response_alert") else type(None)):
            continue
        flight -= 1
        r = a.response
        if not r or b"r" not in r:
            continue
        answered.add(tuple(a.endpoint))
        nodes = r[b"r"].get(b"nodes", b"")
        for i in range(0, len(nodes) - 25, 26):
            p = (socket.inet_ntoa(nodes[i + 20:i + 24]), struct.unpack(">H", nodes[i + 24:i + 26])[0])
            if p not in known:
                known.add(p)
                queue.append(p)
    if not alerts:
        time.sleep(0.002)
print(len(answered))
