# SPDX-License-Identifier: MIT
"""Observations and sessions of three censuses, read by pandas and by lmdb, against the summary.

    read_time.py DIR STORE    DIR holds seen/ sessions/ nodes2/ and --between.json, --over-time.json
"""
import json, os, struct, sys
import lmdb
import numpy as np
import pandas as pd

root, store = sys.argv[1:]
bad = 0


def check(ok, what):
    global bad
    if not ok:
        print("  wrong:", what)
        bad = 1


def table(name, **more):
    return pd.read_csv(os.path.join(root, name), keep_default_na=False, **more)


nodes = table("seen/nodes.csv").set_index("node")
seen = table("seen/observations.csv")
check(nodes.index.is_unique and set(seen["node"]) <= set(nodes.index), "nodes of observations")
check(not seen.duplicated(["node", "bucket_s"]).any(), "a node twice in a bucket")
check((seen["bucket_s"] % 600 == 0).all() and (seen["width_s"] == 600).all(), "buckets")
check(seen["seen_s"].between(seen["bucket_s"], seen["bucket_s"] + 599).all(), "seen_s")
first = seen.groupby("node")["seen_s"].min()
check((first == nodes["first_seen_s"].reindex(first.index)).all(), "first_seen_s is the first seen_s")

lines = pd.read_json(os.path.join(root, "seen/observations.ndjson"), lines=True)
check(lines.equals(seen), "observations as JSON lines differ")


# What changed, from the observations alone, by the rule of store/movement.h.
def changes(a, b):
    rows = lambda of: set(of)
    a, b = rows(a), rows(b)
    left, joined = a - b, b - a
    out = {"before": len(a), "after": len(b), "stayed": len(a & b)}
    for key, columns in (("moved_address", ["id"]), ("changed_id", ["address", "port"])):
        name = lambda n: tuple(nodes.loc[n, columns])
        there, pairs = {}, 0
        for n in joined:
            there.setdefault(name(n), []).append(n)
        for n in sorted(left):
            if there.get(name(n)):
                joined.remove(there[name(n)].pop())
                left.remove(n)
                pairs += 1
        out[key] = pairs
    return {**out, "left": len(left), "joined": len(joined)}


times = json.load(open(os.path.join(root, "--over-time.json")))["times"]
there = [seen[seen["seen_s"].between(t["from_s"], t["to_s"])]["node"] for t in times]
check([len(t) for t in there] == [t["nodes"] for t in times], "nodes of the censuses")
for i in (1, 2):
    want = {k: v for k, v in times[i]["since"].items() if k != "churn_per_hour"}
    check(changes(there[i - 1], there[i]) == want, (changes(there[i - 1], there[i]), want))
two = json.load(open(os.path.join(root, "--between.json")))["times"][1]["since"]
got = changes(there[0], there[2])
check(all(two[k] == v for k, v in got.items()), (got, two))
for t, who in zip(times, there):
    asns = nodes.loc[who, "asn"].value_counts()
    check(all(asns[n["asn"]] == n["nodes"] for n in t["top_networks"]), "top networks over time")
    countries = nodes.loc[who, "country"].value_counts()
    check(all(countries[c["name"]] == c["nodes"] for c in t["top_countries"]), "top countries")

# --at is the nodes of that census.
second = table("nodes2/nodes.csv")
key = ["id", "address", "port"]
check(set(map(tuple, second[key].values)) == set(map(tuple, nodes.loc[there[1], key].values)), "--at 2")

# Sessions: what the observations say with a gap of an hour.
sessions = table("sessions/sessions.csv")
want = []
for node, of in seen.sort_values("seen_s").groupby("node"):
    for at, bucket in zip(of["seen_s"], of["bucket_s"]):
        if want and want[-1][0] == node and at - want[-1][2] <= 3600:
            want[-1][2], want[-1][3] = bucket + 600, want[-1][3] + 1
        else:
            gap = at - want[-1][2] if want and want[-1][0] == node else 0
            want.append([node, at, bucket + 600, 1, gap])
ours = sessions.sort_values(["node", "start_s"]).values.tolist()
check(ours == want, "sessions")
check(len(sessions) > len(nodes) and sessions["gap_s"].max() > 3600, "nobody came back")
raw = np.load(os.path.join(root, "sessions.npy/sessions.npy"))
check(sorted(map(list, raw.tolist())) == sorted(sessions.values.tolist()), "sessions as npy")

# The tables themselves, by a binding that we did not write (store/README.md has them as bytes).
env = lmdb.open(os.path.join(store, "state"), readonly=True, lock=False, max_dbs=32)
with env.begin() as txn:
    rows = {}
    for name, ip in ((b"nodes4", 4), (b"nodes6", 16)):
        for k, v in txn.cursor(env.open_db(name, txn, create=False)):
            check(len(k) == 22 + ip, "length of a key")
            rows[k[:20].hex(), struct.unpack(">H", k[-2:])[0]] = struct.unpack_from("<II", v, 4)
check(len(rows) == len(nodes), "rows by lmdb")
for n in nodes.itertuples():
    check(rows.get((n.id, n.port), ())[:1] == (n.first_seen_s,), n)
sys.exit(bad)
