# SPDX-License-Identifier: MIT
"""counts.py LOG.ndjson TAP.json CAPTURE_FRAMES: is every datagram that tcpdump saw come in the
log, count for count and kind for kind?"""
import collections, json, sys

log = collections.Counter()
for line in open(sys.argv[1]):
    log[json.loads(line)["kind"]] += 1
tap = {k: v for k, v in json.load(open(sys.argv[2]))["messages"].items() if v}
frames = int(sys.argv[3])
print("# log:     %s\n# capture: %s" % (dict(sorted(log.items())), dict(sorted(tap.items()))))
if sum(log.values()) != frames or dict(log) != tap:
    print("# %d lines, %d datagrams captured" % (sum(log.values()), frames))
    sys.exit(1)
