#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crawl_libtorrent.py HOST:PORT,... SECONDS - a crawl by libtorrent's own DHT node: what its bindings offer to
ask one node, dht_sample_infohashes() (BEP 51), whose answer lists nodes; its limits raised as far as
its settings go. Prints how many nodes answered."""
import os, sys, time
import libtorrent as lt

end = time.time() + float(sys.argv[2])
ses = lt.session({
    "listen_interfaces": "127.0.0.1:0", "enable_dht": True, "enable_lsd": False, "enable_upnp": False,
    "enable_natpmp": False, "dht_bootstrap_nodes": "", "dht_upload_rate_limit": 1 << 30,
    "alert_mask": lt.alert.category_t.dht_operation_notification | lt.alert.category_t.dht_notification,
    "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False, "dht_ignore_dark_internet": False,
    "alert_queue_size": 1000000})
time.sleep(0.5)
known = {(b.rsplit(":", 1)[0], int(b.rsplit(":", 1)[1])) for b in sys.argv[1].split(",")}
queue, answered, flight, asked = list(known), set(), {}, 0
while time.time() < end:
    if not queue:
        queue = list(known)  # everybody again, for other neighbours
    while queue and len(flight) < 500:
        peer = queue.pop()
        flight[peer] = time.time()
        ses.dht_sample_infohashes(peer, lt.sha1_hash(os.urandom(20)))
    alerts = ses.pop_alerts()
    for a in alerts:
        if not isinstance(a, lt.dht_sample_infohashes_alert):
            continue
        peer = tuple(a.endpoint)
        flight.pop(peer, None)
        answered.add(peer)
        for n in a.nodes:
            p = tuple(n[1]) if isinstance(n, tuple) else tuple(n["endpoint"])
            if p not in known:
                known.add(p)
                queue.append(p)
    if not alerts:
        now = time.time()
        for p in [p for p, t in flight.items() if now - t > 5]:
            del flight[p]
        time.sleep(0.002)
print(len(answered))
os._exit(0)
