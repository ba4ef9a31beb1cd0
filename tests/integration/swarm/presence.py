#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a store heard in each census against who was up.

  presence.py look WORK K      right after census K: whoever is up and was not heard is
                               pinged, and those in whose tables he stands are asked for
                               his id; to WORK/missedK.json
  presence.py judge WORK N     all N of them

WORK holds GROUP.KIND.json (who is in a group), GROUP.tables (lt_nodes.py: in whose tables
anybody stands) and atK.csv (whom census K heard). A node that answers no ping is not up; one whom
nobody tells of, for his holders have not proved him yet, can be found by no crawler. judge
exits 1 where of all others less than 99 % agree, or of all less than 90 %.
"""
import csv
import glob
import json
import random
import sys

import walk

UP = {"base": lambda k: True, "leavers": lambda k: k <= 2, "comers": lambda k: k >= 3,
      "back": lambda k: k <= 2 or k >= 4}
HOLDERS_MAX = 48  # asked about one; libtorrent bans for 50 questions in 10 s from one source


def read_members(work):
    members = {}
    for group in UP:
        for path in glob.glob(f"{work}/{group}.*.json"):
            with open(path, encoding="utf-8") as f:
                for n in json.load(f):
                    members[(n["ip"], n["port"])] = (group, n["kind"])
    return members


def read_heard(work, k):
    with open(f"{work}/at{k}.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    if not rows:
        return set()
    col = next(c for c in rows[0] if c in ("ip", "address", "addr"))
    return {(r[col], int(r["port"])) for r in rows}


def endpoint(text):
    ip, port = text.rsplit(":", 1)
    return ip, int(port)


def read_holders(work, k):
    holders = {}
    for group, is_up in UP.items():
        if not is_up(k):
            continue
        with open(f"{work}/{group}.tables", encoding="utf-8") as f:
            for where, some in json.load(f).items():
                holders.setdefault(endpoint(where), []).extend(endpoint(h) for h in some)
    return holders


def look(work, k):
    heard, holders = read_heard(work, k), read_holders(work, k)
    missed = [ep for ep, (group, _) in read_members(work).items() if UP[group](k) and ep not in heard]
    asker = walk.Asker(walk.SOURCES)
    alive = walk.ping(asker, missed, 3)
    questions = [(h, b"find_node", alive[ep][0], ep) for ep in alive
                 for h in random.sample(holders.get(ep, []), min(HOLDERS_MAX, len(holders.get(ep, []))))]
    random.shuffle(questions)
    told = {ep: 0 for ep in missed}
    for at in range(0, len(questions), 1000):
        some = questions[at:at + 1000]
        for i, (r, _) in asker.ask([q[:3] for q in some]).items():
            told[some[i][3]] += some[i][3] in walk.contacts(r)
    with open(f"{work}/missed{k}.json", "w", encoding="utf-8") as f:
        json.dump([[*ep, ep in alive, len(holders.get(ep, [])), told[ep]] for ep in missed], f)


def judge(work, epochs):
    members = read_members(work)
    total = agree = fair = fair_agree = 0
    kinds, blamed = {}, []
    for k in range(1, epochs + 1):
        heard = read_heard(work, k)
        with open(f"{work}/missed{k}.json", encoding="utf-8") as f:
            missed = {(m[0], m[1]): m[2:] for m in json.load(f)}
        line = {g: [0, 0, 0, 0] for g in UP}
        for ep, (group, kind) in members.items():
            up, got = UP[group](k), ep in heard
            answers, held, told = missed.get(ep, (True, 0, 1))
            said = line[group]
            for i, yes in enumerate((got, up, up and not answers, up and answers and not told)):
                said[i] += yes
            total += 1
            agree += up == got
            if up and not got and not (answers and told):
                continue
            fair += 1
            fair_agree += up == got
            if up:
                counts = kinds.setdefault(kind, [0, 0])
                counts[0] += 1
                counts[1] += got
            if up != got:
                blamed.append("census %d: %s:%d of %s, %s: %s" % (
                    k, *ep, group, kind, "was up, stood in %d tables, and %d told of it" % (held, told)
                    if up else "was heard and not up"))
        stray = len(heard - set(members))
        agree -= stray
        fair_agree -= stray
        print(f"census {k}: " + "; ".join(
            f"{g} {said[0]} of {said[1]} heard, {said[2]} silent, {said[3]} told of by nobody"
            for g, said in line.items() if said[1] or said[0]) + f"; others {stray}")
    for kind, (up, got) in sorted(kinds.items()):
        print(f"{kind}: {got} of {up} that could be found were")
    print("\n".join(blamed[:40]))
    print(f"{agree} of {total} presences agree with what ran ({100 * agree / total:.2f} %); without those "
          f"that answered no ping or that nobody told of, {fair_agree} of {fair} "
          f"({100 * fair_agree / fair:.2f} %)")
    return fair_agree < 0.99 * fair or agree < 0.9 * total


def main():
    mode, work, k = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.exit(look(work, k) if mode == "look" else judge(work, k))


main()
