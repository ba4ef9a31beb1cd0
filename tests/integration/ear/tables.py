# SPDX-License-Identifier: MIT
"""tables.py SPEC.json IP PORT ID: whose routing table has the node IP:PORT?

Asks every node of SPEC, from an address of its own (libtorrent counts what one
address sends), for the contacts nearest to ID. One line of JSON: by kind, how many
answered and how many list it."""
import collections, json, os, select, socket, sys, time

spec = json.load(open(sys.argv[1]))
wanted = socket.inet_aton(sys.argv[2]) + int(sys.argv[3]).to_bytes(2, "big")
target = bytes.fromhex(sys.argv[4])
asks = {}
for i, node in enumerate(spec):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("64.91.%d.%d" % (os.getpid() % 250, i % 250 + 1), 0))
    asks[s] = node
query = (b"d1:ad2:id20:" + os.urandom(20) + b"6:target20:" + target +
         b"e1:q9:find_node2:roi1e1:t4:eeee1:y1:qe")
answers, until = {}, time.monotonic() + 3
for attempt in range(3):
    for s, node in asks.items():
        if id(node) not in answers:
            s.sendto(query, (node["ip"], node["port"]))
    while len(answers) < len(spec) and time.monotonic() < until - 2 + attempt:
        for s in select.select(list(asks), [], [], 0.1)[0]:
            try:
                data = s.recv(4096)
            except OSError:
                continue
            if b"1:y1:r" in data:
                answers[id(asks[s])] = data
count = collections.defaultdict(lambda: [0, 0, 0])
for node in spec:
    c = count[node["kind"]]
    c[0] += 1
    c[1] += id(node) in answers
    c[2] += wanted in answers.get(id(node), b"")
print(json.dumps({k: dict(zip(("nodes", "answered", "list_it"), v)) for k, v in count.items()}))
