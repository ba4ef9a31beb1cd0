#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/profile.sh PROGRAM - where the time of a question and its answer goes, by perf's samples.
#
# A census of 200,000 nodes without device and simulator (bench crawl_step), sampled by the
# clock, which needs no counters. Counted: what runs below play(), that is crawl_tick(), crawl_tx()
# and crawl_rx(). The kernel's part is page faults and reading the
# clock; the rest is user time. Ten seconds.
set -eu
prog=$1
command -v perf >/dev/null || { echo "skipped: no perf (apt-get install linux-perf)" >&2; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$prog" bench --runs 9 crawl_step >"$tmp/line" # sampling costs 5 %
perf record -q -e cpu-clock -F 2500 --call-graph dwarf,16384 -o "$tmp/data" \
	"$prog" bench --runs 5 crawl_step >/dev/null 2>&1
perf script -i "$tmp/data" -F ip,sym,dso 2>/dev/null >"$tmp/stacks"
python3 - "$tmp/line" "$tmp/stacks" <<'PY'
import collections, json, re, sys
line, stacks = sys.argv[1:]
bench = json.loads(open(line).readline())
rest = "an answer's bookkeeping"
groups = [
    ("the kernel: page faults, the clock", None),
    ("the seal", r"crypto_|seal|cookie|shorthash"),
    ("the parser", r"krpc_|bencode_|peek_t"),
    ("the gate: budgets, blocklist, rate", r"gate_|limiter_|blocklist_|lookup[46]|bucket_"),
    ("new records, the index's growth", r"nodetab_add|place|split|sub_|entries_in|arena_"),
    ("contacts: buckets, records, mentions", r"crawl_learn|mention|look_up|guess|add$|wanted|crawl_wait|nodetab_(find|is|match|hash|key|bucket|place|prefetch$)"),
    ("slots, what expires", r"slots_|expire|crawl_unanswered|give_up|enqueue|attempts_worth|chunk_|crawl_tick"),
    ("drawing and writing questions", r"crawl_tx|take_picked|pick|draw|frontier_|crawl_aim|flipped|step_tx|count_first|__memmove"),
    (rest, r"^answered|^take$|crawl_say|crawl_satisfied|crawl_health|crawl_plan|vantage_|crawl_rx"),
]
count, total = collections.Counter(), 0
for stack in open(stacks, errors="replace").read().split("\n\n"):
    frames = re.findall(r"^\s*[0-9a-f]+ (\S+)(?: \((.*)\))?$", stack, re.M)
    names = [re.sub(r"[.](lto_priv|isra|part|constprop|cold).*", "", f[0]) for f in frames]
    if "play" not in names or "record" in names:
        continue
    below = names[:names.index("play")]
    # Loading frames, opening and closing are the benchmark's own.
    if not any(n in ("crawl_tx", "crawl_rx", "crawl_tick", "expire", "step_tx") for n in below):
        continue
    total += 1
    kernel = "kernel" in frames[0][1]
    # The innermost function that names its subject; inlined ones are told too.
    count[groups[0][0] if kernel else next((g for n in below for g, e in groups[1:] if re.search(e, n)), rest)] += 1
if not total:
    sys.exit("no samples below play(): is the program stripped?")
ns = bench["transaction_ns"]
kernel = count[groups[0][0]] / total
print(f"{total} samples; {ns:.0f} ns a question with what becomes of it, of which {ns * (1 - kernel):.0f} are user time")
for g, n in count.most_common():
    print(f"{100 * n / total:5.1f} %  {ns * n / total:4.0f} ns  {g}")
PY
