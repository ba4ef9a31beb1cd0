# SPDX-License-Identifier: MIT
"""dissect.py REPORT.json FILE.pcap [DLT-OPTIONS...]: do tshark's bt-dht dissector and the
tap's report of the same capture count the same messages by kind? Says each difference."""
import collections, json, re, subprocess, sys

report, capture = json.load(open(sys.argv[1])), sys.argv[2]
out = subprocess.run(["tshark", "-r", capture, *sys.argv[3:], "-Y", "bt-dht", "-O", "bt-dht"],
                     capture_output=True, text=True, errors="replace").stdout
counts, kind, request, malformed = collections.Counter(), None, None, 0


def close():
    global kind, request
    if kind == "Request":
        counts[request if request in report["messages"] else "other"] += 1
    elif kind in ("Response", "Error"):
        counts["reply" if kind == "Response" else "error"] += 1
    kind = request = None


for line in out.splitlines():
    if line.startswith("Frame "):
        close()
    # One level below the dissector's own line: the message's keys, not those of its values.
    elif m := re.match(r"    Message type: (\w+)", line):
        kind = m[1]
    elif m := re.match(r"    Request type: (\S+)", line):
        request = m[1]
close()
ours = {k: v for k, v in report["messages"].items() if k != "malformed" and v}
print("# tshark: %s\n# tap:    %s, malformed %d" %
      (dict(sorted(counts.items())), dict(sorted(ours.items())), report["messages"]["malformed"]))
different = {k for k in set(ours) | set(counts) if ours.get(k, 0) != counts.get(k, 0)}
for k in sorted(different):
    print("# %s: tshark %d, tap %d" % (k, counts.get(k, 0), ours.get(k, 0)))
sys.exit(1 if different or not ours else 0)
