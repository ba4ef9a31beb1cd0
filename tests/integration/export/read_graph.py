# SPDX-License-Identifier: MIT
"""One graph in every format, by pandas, numpy, scipy, networkx and igraph: all equal to the CSV.

    read_graph.py DIR    DIR holds csv/ zst/ ndjson/ npy/ mtx/ graphml/ gexf/ asn/ asn_npy/ ...
"""
import hashlib, io, json, os, subprocess, sys
import xml.etree.ElementTree as ET
import igraph
import networkx as nx
import numpy as np
import pandas as pd
from scipy.io import mmread
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

root = sys.argv[1]
bad = 0


def check(ok, what):
    global bad
    if not ok:
        bad += 1
        if bad <= 10:
            print("  wrong:", str(what)[:600])


def path(*parts):
    return os.path.join(root, *parts)


def table(name, **more):
    return pd.read_csv(path(name), keep_default_na=False,
                       na_values={"lat": [""], "lon": [""]}, dtype={"v": str}, **more)


for folder in sorted(os.listdir(root)):
    meta = json.load(open(path(folder, "metadata.json")))
    names = [f["name"] for f in meta["files"]]
    check(sorted(os.listdir(path(folder))) == sorted(names + ["metadata.json"]), (folder, names))
    for f in meta["files"]:
        data = open(path(folder, f["name"]), "rb").read()
        check(hashlib.sha256(data).hexdigest() == f["sha256"], (folder, f["name"], "sha256"))
        check(len(data) == f["bytes"], (folder, f["name"], "bytes"))
        if f["name"].endswith((".csv", ".tsv")):
            check(data.count(b"\n") == f["rows"] + 1, (folder, f["name"], "rows"))

nodes, edges = table("csv/nodes.csv"), table("csv/edges.csv")
check(list(nodes["node"]) == list(range(len(nodes))), "numbers of nodes")
check(list(edges.columns[:2]) == ["source", "target"], "columns of edges")
check(len(edges) > 5 * len(nodes) > 1000, (len(edges), len(nodes)))
check(not edges.duplicated(["source", "target"]).any(), "an edge twice in one census")
check(edges[["source", "target"]].max().max() < len(nodes), "an edge to nobody")
check((edges[["source", "target"]].values == edges.sort_values(["source", "target"])[
    ["source", "target"]].values).all(), "order")
check(edges.groupby("target")["target_crawlable"].nunique().max() == 1, "target_crawlable")
answered = set(nodes[nodes["answers"] > 0]["node"])
check(set(edges["source"]) <= answered, "a list of someone who never answered")
check(set(edges[edges["target_crawlable"] == 1]["target"]) <= answered, "crawlable means answered")
check(0.5 < edges["target_crawlable"].mean() < 1, "some are dead")
listed = nodes[~nodes["node"].isin(answered)]
check((listed["ways"] & 1 == 0).all() and (listed["id"].str.len() == 40).all(), "who was only listed")

plain = subprocess.run(["zstd", "-dcq", path("zst/edges.csv.zst")], stdout=subprocess.PIPE, check=True)
zst = pd.read_csv(io.BytesIO(plain.stdout), keep_default_na=False)
check(zst.equals(edges), "csv.zst differs")
tsv = table("tsv/edges.tsv", sep="\t")
check(tsv.equals(edges), "tsv differs")
lines = pd.read_json(path("ndjson/edges.ndjson"), lines=True)
check(lines.equals(edges), "ndjson differs")
raw = table("raw/nodes.csv")
check(raw.drop(columns="address").equals(nodes.drop(columns="address")), "raw moves more than addresses")
check((raw["address"] != nodes["address"]).mean() > 0.99, "hardly any pseudonyms")

# ---- matrices ---------------------------------------------------------------------------
n = len(nodes)
want = csr_matrix((np.ones(len(edges), "u1"), (edges["source"], edges["target"])), shape=(n, n))
indptr, indices = (np.load(path("npy", f + ".npy"), mmap_mode="r") for f in ("indptr", "indices"))
check(indptr.dtype == np.int64 and indices.dtype == np.int32, "types of the arrays")
csr = csr_matrix((np.ones(len(indices), "u1"), indices, indptr), shape=(n, n))
check(csr.has_sorted_indices and (csr != want).nnz == 0, "npy differs")
array = np.load(path("npy/nodes.npy"), mmap_mode="r")
check([bytes(i).hex() for i in array["id"]] == list(nodes["id"]), "nodes.npy ids")
check((array["node"] == nodes["node"]).all() and (array["asn"] == nodes["asn"]).all(), "nodes.npy")
mtx = mmread(path("mtx/graph.mtx")).tocsr()
check(mtx.shape == (n, n) and (mtx != want).nnz == 0, "mtx differs")
check(table("mtx/nodes.csv").equals(nodes), "nodes beside mtx")
parts, label = connected_components(csr, directed=True, connection="weak")
check(np.bincount(label).max() > 0.95 * n, "the graph falls apart")

# ---- XML ----------------------------------------------------------------------------------
pairs = set(zip(edges["source"], edges["target"]))
g = nx.read_graphml(path("graphml/graph.graphml"))
check(g.is_directed() and len(g) == n and g.number_of_edges() == len(pairs), "networkx: graphml")
check({(int(a[1:]), int(b[1:])) for a, b in g.edges} == pairs, "networkx: edges")
for node, row in zip(nodes.itertuples(), (g.nodes["n%d" % i] for i in range(n))):
    check(row["node_id"] == node.id and row["asn"] == node.asn and row["port"] == node.port and
          row.get("org", "") == node.org and row.get("country", "") == node.country and
          row["address"] == node.address, (node, row))
    check(("lat" in row) == (node.lat == node.lat), (node, row))
ig = igraph.Graph.Read_GraphML(path("graphml/graph.graphml"))
check(ig.is_directed() and ig.vcount() == n, "igraph: graphml")
check(set(ig.get_edgelist()) == pairs, "igraph: edges")
check(ig.vs["node_id"] == list(nodes["id"]) and
      [int(a) for a in ig.vs["asn"]] == list(nodes["asn"]), "igraph: vertices")
check([o or "" for o in ig.vs["org"]] == list(nodes["org"]), "igraph: names of networks")

# GEXF by the standard library; graphology reads it as well (read_gexf.mjs).
ns = {"g": "http://gexf.net/1.3", "viz": "http://gexf.net/1.3/viz"}
gexf = ET.parse(path("gexf/graph.gexf")).getroot()
graph = gexf.find("g:graph", ns)
check(gexf.get("version") == "1.3" and graph.get("mode") == "dynamic" and
      graph.get("timeformat") == "dateTime" and graph.get("defaultedgetype") == "directed", "gexf")
titles = {a.get("id"): a.get("title") for a in graph.iter("{%s}attribute" % ns["g"])}
xml = graph.findall("g:nodes/g:node", ns)
check(len(xml) == n, "gexf nodes")
stamp = lambda s: pd.Timestamp(int(s), unit="s").strftime("%Y-%m-%dT%H:%M:%SZ")
two = 0
for node, x in zip(nodes.itertuples(), xml):
    have = {titles[v.get("for")]: v.get("value") for v in x.iter("{%s}attvalue" % ns["g"])}
    check(have["id"] == node.id and have.get("org", "") == node.org, (have, node))
    color = x.find("viz:color", ns)
    check("#%02x%02x%02x" % tuple(int(color.get(c)) for c in "rgb") == node.color, node)
    check((x.find("viz:position", ns) is not None) == (node.lat == node.lat), node)
    spells = [(s.get("start"), s.get("end")) for s in x.iter("{%s}spell" % ns["g"])]
    check(spells and spells[0][0] == stamp(node.first_seen_s), (spells, node))
    check(all(a <= b for a, b in spells) and spells == sorted(spells), spells)
    two += len(spells) > 1
check(two > 20, "nobody was there twice")
check({(int(e.get("source")), int(e.get("target"))) for e in graph.findall("g:edges/g:edge", ns)}
      == pairs, "gexf edges")

# ---- networks and countries ----------------------------------------------------------------
for level, column in (("asn", "asn"), ("country", "country")):
    groups, weights = table(level + "/nodes.csv", ), table(level + "/edges.csv")
    key = nodes[column].astype(str)
    check(dict(zip(groups["key"].astype(str), groups["nodes"])) == key.value_counts().to_dict(), level)
    ours = pd.DataFrame({"s": edges["source"].map(key), "t": edges["target"].map(key)})
    theirs = dict(zip(zip(weights["source"].astype(str), weights["target"].astype(str)),
                      weights["listings"]))
    check(ours.groupby(["s", "t"]).size().to_dict() == theirs, level + ": listings")
    load = lambda f: np.load(path(level + "_npy", f + ".npy"))
    m = csr_matrix((load("weights"), load("indices"), load("indptr")), shape=(len(groups),) * 2)
    check(m.nnz == len(weights) and m.sum() == len(edges), level + ": npy")
    check([k.decode() for k in load("nodes")["key"]] == [str(k) for k in groups["key"]], level)
g = nx.read_graphml(path("country_graphml/graph.graphml"))
check(sum(w for _, _, w in g.edges(data="weight")) == len(edges), "country graphml: weights")

# ---- some of it ------------------------------------------------------------------------------
de, de_edges = table("de/nodes.csv"), table("de/edges.csv")
check(set(de["node"]) == set(nodes[nodes["country"] == "DE"]["node"]) and len(de) > 5, "where country")
inside = edges[edges["source"].isin(de["node"]) & edges["target"].isin(de["node"])]
check(de_edges.equals(inside.reset_index(drop=True)), "edges within a country")
sample = json.load(open(path("sample/metadata.json")))["graph"]
check(sample["nodes"] == sample["sample"] == 100, sample)
s = mmread(path("sample/graph.mtx")).tocsr()
picked = table("sample/nodes.csv")["node"].values
check((s != want[picked][:, picked]).nnz == 0, "sample is not the graph between its nodes")

questions = table("questions/questions.csv")
check(set(questions["outcome"]) <= {"answered", "refused", "silent"}, "outcomes")
check(set(questions[questions["outcome"] == "answered"]["source"]) <= answered, "who answered")
check((questions["outcome"] == "silent").sum() > 50, "no question failed")
times = questions[questions["outcome"] == "answered"].set_index(["source", "bucket"])["source_crawl_timestamp"]
some = edges.sample(500, random_state=1)
check(all(times[e.source, e.bucket] == e.source_crawl_timestamp for e in some.itertuples()), "when")

# ---- two censuses as one ------------------------------------------------------------------
both, both_nodes = table("both/edges.csv"), table("both/nodes.csv")
name = lambda t, e: set(zip(e["source"].map(t["id"]), e["target"].map(t["id"]), e["source_crawl_timestamp"]))
first_nodes, first = table("first/nodes.csv"), table("first/edges.csv")
check(len(both) == len(first) + len(edges), (len(both), len(first), len(edges)))
check(name(both_nodes, both) == name(first_nodes, first) | name(nodes, edges), "two censuses as one")
key = ["id", "address", "port"]
rows = lambda t: set(map(tuple, t[key].values))
check(rows(both_nodes) == rows(first_nodes) | rows(nodes), "nodes of two censuses")
sys.exit(bad > 0)
