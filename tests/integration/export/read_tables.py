# SPDX-License-Identifier: MIT
"""The exports of one store, read by pandas and numpy: equal to each other and to metadata.json.

    read_tables.py DIR      DIR holds csv/ tsv/ zst/ ndjson/ npy/ aggregate/ geojson/
"""
import hashlib, ipaddress, json, os, subprocess, sys
import numpy as np
import pandas as pd

root = sys.argv[1]
bad = 0


def check(ok, what):
    global bad
    if not ok:
        print("  wrong:", what)
        bad = 1


def path(kind):
    """The one data file of a directory, after its metadata was held against it."""
    folder = os.path.join(root, kind)
    meta = json.load(open(os.path.join(folder, "metadata.json")))
    name = meta["files"][0]["name"]
    check(sorted(os.listdir(folder)) == sorted(["metadata.json", name]), os.listdir(folder))
    data = open(os.path.join(folder, name), "rb").read()
    check(hashlib.sha256(data).hexdigest() == meta["files"][0]["sha256"], kind + ": sha256")
    check(len(data) == meta["files"][0]["bytes"], kind + ": bytes")
    check(meta["schema"] == "dht-telescope export 1", kind + ": schema")
    check(meta["synthetic"] is True, kind + ": synthetic")
    return os.path.join(folder, name), meta


def read(kind, **more):
    file, meta = path(kind)
    # "NA" is Namibia and no missing value; an empty cell is one in the floats alone.
    table = pd.read_csv(file, keep_default_na=False, na_values={"lat": [""], "lon": [""]}, **more)
    columns = [c["name"] for c in meta["files"][0]["columns"]]
    check(list(table.columns) == columns, kind + ": columns")
    check(len(table) == meta["counts"]["rows"], kind + ": rows")
    return table


csv = read("csv", dtype={"v": str})
tsv = read("tsv", dtype={"v": str}, sep="\t")
check(csv.equals(tsv), "csv and tsv differ")
plain = subprocess.run(["zstd", "-dcq", path("zst")[0]], stdout=subprocess.PIPE, check=True).stdout
check(plain == open(path("csv")[0], "rb").read(), "zstd -d gives another csv")
check(csv["id"].is_monotonic_increasing and csv["id"].str.fullmatch("[0-9a-f]{40}").all(), "ids")
check(csv["org"].str.contains('"Hostile", \\ Org; \'=1+1', regex=False).any(), "hostile name")

lines = [json.loads(l) for l in open(path("ndjson")[0], encoding="utf-8")]
check(list(lines[0])[:4] == ["peerID", "addresses", "protocols", "agentVersion"], list(lines[0]))
check(len(lines) == len(csv), "ndjson rows")
for column in csv.columns:
    key = "peerID" if column == "id" else column
    ours = csv[column].astype(object).where(csv[column].notna(), None).tolist()
    check([l[key] for l in lines] == ours, "ndjson differs from csv in " + column)
for l in lines:
    v6 = ":" in l["address"]
    check(l["addresses"] == ["/ip%d/%s/udp/%d" % (6 if v6 else 4, l["address"], l["port"])], l)
    check(l["agentVersion"] == l["version"], l)

npy = np.load(path("npy")[0], mmap_mode="r")
check(npy.shape == (len(csv),), npy.shape)
check([bytes(i).hex() for i in npy["id"]] == csv["id"].tolist(), "npy id")
for column in npy.dtype.names:
    if column in ("id", "address", "v", "place"):
        continue
    ours, theirs = npy[column], csv[column].to_numpy()
    if ours.dtype.kind == "S":
        check([s.decode() for s in ours] == csv[column].tolist(), "npy " + column)
    elif ours.dtype.kind == "f":
        check(np.array_equal(ours, theirs.astype("f4"), equal_nan=True), "npy " + column)
    else:
        check(np.array_equal(ours, theirs), "npy " + column)


def text_of(raw):
    six = ipaddress.IPv6Address(bytes(raw))
    return six.ipv4_mapped or six


check([text_of(a) for a in npy["address"]] == [ipaddress.ip_address(a) for a in csv["address"]],
      "npy address")
check([("", "point", "country")[p] for p in npy["place"]] == csv["place"].tolist(), "npy place")

groups = read("aggregate", dtype={"key": str})
for by in ("asn", "country", "client"):
    ours = groups[groups["by"] == by].set_index("key")["nodes"]
    theirs = csv[by].astype(str).value_counts()
    check(ours.sort_index().to_dict() == theirs.sort_index().to_dict(), "aggregate by " + by)

features = [json.loads(l) for l in open(path("geojson")[0], encoding="utf-8")]
check(sum(f["properties"]["nodes"] for f in features) == (csv["place"] != "").sum(), "geojson sum")
spots = csv[csv["place"] != ""].groupby(["lon", "lat", "country"]).size()
check({(f["geometry"]["coordinates"][0], f["geometry"]["coordinates"][1],
        f["properties"]["country"]): f["properties"]["nodes"] for f in features} == spots.to_dict(),
      "geojson differs from csv")
check("address" not in features[0]["properties"], "an address in geojson")

# Pseudonyms against true addresses: prefixes kept, one to one, nothing else moved.
raw = read("raw", dtype={"v": str})
check(raw.drop(columns="address").equals(csv.drop(columns="address")), "raw moves more than addresses")
pairs = {}
for true, pseudonym in zip(raw["address"], csv["address"]):
    check(pairs.setdefault(true, pseudonym) == pseudonym, "two pseudonyms for " + true)
check(len(set(pairs.values())) == len(pairs), "two addresses share a pseudonym")
numbers = sorted((int(ipaddress.ip_address(t)), int(ipaddress.ip_address(p)))
                 for t, p in pairs.items() if "." in t)
for (t1, p1), (t2, p2) in zip(numbers, numbers[1:]):
    # Of neighbours in order: any pair's common prefix is the least along the way.
    check((t1 ^ t2).bit_length() == (p1 ^ p2).bit_length(), "prefix not kept")
check(len(numbers) > 500 and sum(t == p for t, p in numbers) < 3, "hardly any pseudonyms")
sys.exit(bad)
