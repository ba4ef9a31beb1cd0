#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A crawled graph in scipy: what hangs together, and PageRank.

    dht-telescope crawl --sim 1000000 --sim-mode virtual --edges --store s
    dht-telescope export --store s --what edges --format npy --out graph
    python3 graph.py graph
"""
import sys
import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.csgraph import connected_components

load = lambda name: np.load(f"{sys.argv[1]}/{name}.npy", mmap_mode="r")
nodes, indptr, indices = load("nodes"), load("indptr"), load("indices")
n = len(nodes)
listed = csr_matrix((np.ones(len(indices), "f4"), indices, indptr), shape=(n, n))
answered = nodes["answers"] > 0
print(f"{n:,} nodes, {listed.nnz:,} edges; {answered.sum():,} nodes answered")

for kind in ("weak", "strong"):
    parts, label = connected_components(listed, connection=kind)
    print(f"{kind}ly connected: {parts:,} parts, the largest of {np.bincount(label).max():,} nodes")

out_degree = np.diff(indptr)
into = np.bincount(indices, minlength=n)
print(f"listed by {np.median(into[answered]):.0f} others in the median who answered, "
      f"by {np.median(into[~answered]):.0f} who did not; at most by {into.max():,}")

# Whoever lists nobody passes its rank on to all.
step = (diags(1 / np.maximum(out_degree, 1)) @ listed).T.tocsr()
rank, silent = np.full(n, 1 / n), out_degree == 0
for turns in range(1, 101):
    last, rank = rank, 0.85 * (step @ rank + rank[silent].sum() / n) + 0.15 / n
    if abs(rank - last).sum() < 1e-6:
        break
print(f"PageRank after {turns} turns; the first five, in means:")
for i in np.argsort(-rank)[:5]:
    print(f"  {rank[i] * n:6.2f}  {bytes(nodes['id'][i]).hex()}  listed by {into[i]:,}  "
          f"{nodes['client'][i].decode()}  {nodes['country'][i].decode() or '?'}")
