#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many libtorrent DHT nodes in one process: lt_nodes.py SPEC.json TRUTH.json [TABLES.json]

SPEC is a list of {"ip", "port", "boot": [[ip, port], ...]}. TRUTH is rewritten
twice a second with what each session says of itself: {"ip:port": id as hex}.
TABLES is rewritten every two seconds with whose routing tables anybody stands in, by the
nodes' own word: {"ip:port": ["ip:port", ...]}.
The DHT is switched on after the sockets are open: libtorrent forgets contacts
that it is given earlier.
"""
import json
import os
import socket
import sys
import time

import libtorrent as lt

SETTINGS = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_natpmp": False,
    "enable_upnp": False,
    "dht_bootstrap_nodes": "",  # these would never stand in a table
    "alert_mask": 0,
}
TELL_S = 2
STIR_S = (0.3, 3, 6, 9, 20, 35, 50)  # a lookup makes a node known to many; some contacts start late


def dht_state(session):
    flags = lt.save_state_flags_t.save_dht_state
    return session.save_state(flags).get(b"dht state", {})


def own_id(state):
    ids = state.get(b"node-id", [])
    return ids[0][:20].hex() if ids else ""


def tables(states):
    holders = {}
    for holder, state in states:
        for c in state.get(b"nodes", []):
            where = "%s:%d" % (socket.inet_ntoa(c[:4]), int.from_bytes(c[4:6], "big"))
            holders.setdefault(where, []).append(holder)
    return holders


def write(path, what):
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(what, f)
    os.rename(path + ".new", path)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        spec = json.load(f)
    sessions = []
    for node in spec:
        where = "%s:%d" % (node["ip"], node["port"])
        sessions.append((where, node, lt.session({**SETTINGS, "listen_interfaces": where})))
    for _, _, s in sessions:
        while s.listen_port() == 0:
            time.sleep(0.01)
        s.apply_settings({"enable_dht": True})
    stir = list(STIR_S)
    start, told = time.monotonic(), 0
    while True:
        if stir and time.monotonic() - start > stir[0]:
            stir.pop(0)
            for _, node, s in sessions:
                for ip, port in node["boot"]:
                    s.add_dht_node((ip, port))
                s.dht_get_peers(lt.sha1_hash(os.urandom(20)))
        states = [(where, dht_state(s)) for where, _, s in sessions]
        write(sys.argv[2], {where: own_id(state) for where, state in states})
        if len(sys.argv) > 3 and time.monotonic() - told >= TELL_S:
            write(sys.argv[3], tables(states))
            told = time.monotonic()
        time.sleep(0.5)


main()
