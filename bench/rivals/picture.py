#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The map of a census as one would make it by hand: numpy, matplotlib, gnuplot, the same
nodes, Equal Earth, 1920x1080. Prints one JSON line per way, with seconds of the clock and
of the CPU; without gnuplot where it is not installed. Leaves the pictures.

    picture.py NODES.npy FOLDER    NODES.npy of `dht-telescope export --format npy`
"""
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np


def equal_earth(lon, lat):
    a = (1.340264, -0.081106, 0.000893, 0.003796)
    t = np.arcsin(np.sqrt(3) / 2 * np.sin(lat))
    t2, t6 = t * t, t**6
    x = 2 * np.sqrt(3) * lon * np.cos(t) / (
        3 * (9 * a[3] * t**8 + 7 * a[2] * t6 + 3 * a[1] * t2 + a[0]))
    return x, t * (a[0] + a[1] * t2 + t6 * (a[2] + a[3] * t2))


def load(path):
    rows = np.load(path, mmap_mode="r")
    lat, lon = np.array(rows["lat"], "f8"), np.array(rows["lon"], "f8")
    known = ~np.isnan(lat)
    asn = np.array(rows["asn"])[known]
    lon = (np.radians(lon[known]) - np.radians(11) + np.pi) % (2 * np.pi) - np.pi
    x, y = equal_earth(lon, np.radians(lat[known]))
    return 960 + x * 960 / 2.7066, 470 - y * 960 / 2.7066, asn


def hues(asn):
    h = (asn.astype("u8") * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) / float(1 << 24)
    return np.stack([0.5 + 0.5 * np.cos(2 * np.pi * (h + s / 3)) for s in range(3)], -1)


def accumulate(path, out):
    """Counts per pixel, a mean colour, a logarithm: what datashader does, by numpy."""
    import matplotlib.image
    x, y, asn = load(path)
    at = y.astype("i8").clip(0, 1079) * 1920 + x.astype("i8").clip(0, 1919)
    n = np.bincount(at, minlength=1920 * 1080).astype("f8")
    rgb = np.stack([np.bincount(at, w, 1920 * 1080) for w in hues(asn).T], -1)
    level = np.log1p(n) / np.log1p(np.percentile(n[n > 0], 99.7))
    image = rgb / np.maximum(n, 1)[:, None] * level.clip(0, 1)[:, None]
    matplotlib.image.imsave(out, image.reshape(1080, 1920, 3).clip(0, 1))
    return len(x)


def scatter(path, out):
    """A point per node, as most maps of the DHT were made."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    x, y, asn = load(path)
    fig = plt.figure(figsize=(19.2, 10.8), dpi=100, facecolor="black")
    axes = fig.add_axes([0, 0, 1, 1])
    axes.scatter(x, y, s=0.5, c=hues(asn), alpha=0.2, linewidths=0)
    axes.set(xlim=(0, 1920), ylim=(1080, 0))
    axes.axis("off")
    fig.savefig(out)
    return len(x)


def gnuplot(path, out):
    """A dot per node."""
    x, y, asn = load(path)
    rows = np.empty(len(x), [("x", "<f4"), ("y", "<f4"), ("rgb", "<u4")])
    r, g, b = (hues(asn) * 255).astype("u4").T
    rows["x"], rows["y"], rows["rgb"] = x, y, r << 16 | g << 8 | b
    rows.tofile(out + ".bin")
    subprocess.run(["gnuplot"], check=True, text=True, input=f"""
        set terminal pngcairo size 1920,1080 background "black"
        set output "{out}"
        unset border; unset tics; unset key; set margins 0,0,0,0
        set xrange [0:1920]; set yrange [1080:0]
        plot "{out}.bin" binary format="%float%float%uint32" using 1:2:3 with dots lc rgb variable
        """)
    return len(x)


def since(before, *fields):
    """Of os.times(), ours and our children's."""
    return sum(os.times()[i] - before[i] for i in fields)


def main():
    path, folder = sys.argv[1:3]
    ways = [("numpy", accumulate), ("matplotlib", scatter)]
    if shutil.which("gnuplot"):
        ways.append(("gnuplot", gnuplot))
    for name, way in ways:
        start, before = time.perf_counter(), os.times()
        nodes = way(path, f"{folder}/rival-{name}.png")
        print(json.dumps({"name": f"picture_{name}", "unit": "s", "nodes": nodes,
                          "value": round(time.perf_counter() - start, 2),
                          "cpu_user_s": round(since(before, 0, 2), 2),
                          "cpu_system_s": round(since(before, 1, 3), 2)}), flush=True)


main()
