#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Was everybody found? compare.py BEFORE.json AFTER.json NODES.csv REPORT.json

BEFORE and AFTER are walk.py's truth around the census. Findable is who answered
both times and stands in at least one table. At least 99 % of those must be in
NODES.csv, under the id they answered to walk.py (and, where the node could be
asked itself, by its own word), with the version that their v says; and nobody
may be there who is not in the swarm.
"""
import csv
import json
import sys

RECALL_MIN = 0.99
QUERIES_PER_LIVE_MAX = 5

VERSIONS = {  # v on the wire -> the text of the census
    "": "none",
    "4c540208": "libtorrent 2.8",
    "41320003": "aria2 0.3",
    "6c740d80": "rtorrent 0.13.8",
}


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def main():
    before = {(n["ip"], n["port"]): n for n in load(sys.argv[1])}
    after = {(n["ip"], n["port"]): n for n in load(sys.argv[2])}
    rows = {}
    with open(sys.argv[3], encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            rows[(row["ip"], int(row["port"]))] = row
    report = load(sys.argv[4])

    wrong = []
    findable = [e for e in before if before[e]["id"] and after[e]["id"] and before[e]["listed"]]
    for e in rows:
        if e not in before:
            wrong.append("%s:%d is no node of the swarm" % e)
    found = [e for e in findable if e in rows]
    for e in findable:
        who = "%s %s:%d" % (before[e]["kind"], *e)
        if e not in rows:
            print("not found: " + who)
            continue
        ids = {before[e]["id"], after[e]["id"]}
        if rows[e]["id"] not in ids:
            wrong.append("%s: id %s, answered %s" % (who, rows[e]["id"], " ".join(ids)))
        own = {before[e]["id_self"], after[e]["id_self"]} - {""}
        if own and rows[e]["id"] not in own:
            wrong.append("%s: id %s, says itself %s" % (who, rows[e]["id"], " ".join(own)))
        want = VERSIONS.get(before[e]["v"], "unknown " + before[e]["v"])
        if rows[e]["version"] != want:
            wrong.append("%s: version '%s', want '%s'" % (who, rows[e]["version"], want))

    recall = len(found) / len(findable) if findable else 0
    if recall < RECALL_MIN:
        wrong.append("recall %.4f is below %.2f" % (recall, RECALL_MIN))
    if report["live_endpoints"] != len(rows):
        wrong.append("the report counts %d live endpoints, the list %d" %
                     (report["live_endpoints"], len(rows)))
    if report["unexplained"] != 0:
        wrong.append("%d packets are unexplained" % report["unexplained"])
    if report["queries_per_live"] > QUERIES_PER_LIVE_MAX:
        wrong.append("%.2f queries per live node" % report["queries_per_live"])

    kinds = {}
    for e in findable:
        k = kinds.setdefault(before[e]["kind"], [0, 0])
        k[0] += 1
        k[1] += e in rows
    for kind, (n, hit) in sorted(kinds.items()):
        print("%-16s %3d of %3d findable nodes found" % (kind, hit, n))
    print("recall %.4f (%d of %d), %.2f queries per live node, recall by its own estimate %s" %
          (recall, len(found), len(findable), report["queries_per_live"],
           report.get("recall_estimate")))
    for w in wrong:
        print("WRONG: " + w)
    return 1 if wrong else 0


sys.exit(main())
