"""Turns the JSON lines of ours and of the peers into the tables of docs/results/performance.md.
Usage: python table.py LINES.jsonl > performance.md

A case that was measured several times (A B A B) counts with its median. The ratio is ours over the fastest peer of the
same case at as many threads, each in the same run. What the page says of the run comes from its lines too."""
import collections
import json
import statistics
import sys
import textwrap

rates, units, wrong, failed = collections.defaultdict(list), {}, set(), []
facts, spent, reasons = collections.defaultdict(str), collections.defaultdict(float), set()
for text in open(sys.argv[1]):
    try:
        line = json.loads(text)
    except ValueError:
        continue
    if "fact" in line:
        facts[line["fact"]] = line["value"]
        continue
    if "section" in line:
        spent[line["section"], line["threads"], line["program"] == "cafe"] += line["seconds"]
        if line["status"]:
            failed.append((line["program"], line["threads"], f"exit status {line['status']}"))
        continue
    if "failed" in line:
        failed.append((line["case"], line["threads"], line["failed"]))
        reasons.add((line["case"], line["threads"]))
        continue
    key = (line["case"], line["threads"])
    rates[key, line["peer"]].append(line["throughput"])
    units[line["case"]] = line["unit"]
    if not line["ok"]:
        wrong.add((key, line["peer"]))
failed = [f for f in failed if f[:2] not in reasons or not f[2].startswith("exit status")]


def short(x):
    for size, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if x >= size:
            return f"{x / size:.3g}{suffix}"
    return f"{x:.3g}"


SECTIONS = (("mlp", "1. Batched MLP"), ("kl", "2. KL divergences"), ("ihvp", "3. Inverse-Hessian products"),
            ("exp3", "4. Exponential weights"), ("env", "5a. simple_spread, random play"),
            ("ppo", "5b. IPPO on simple_spread"), ("crowd", "6. Labels"))
peak = {unit: {threads: statistics.median(v) for ((c, threads), _), v in rates.items() if c == case}
        for unit, case in (("GFLOP/s", "peak/sgemm2048"), ("GB/s", "peak/triad"))}
ALL = "mlp kl cg weights environment training labels".split()
turns = collections.Counter(len(v) for (k, p), v in rates.items() if p == "cafe")
print("# Performance: ours beside the peers\n")
print(f"Machine: {facts['machine']}, {facts['processors']} processors. Date: {facts['date']}. Load average (5 minutes): "
      f"{facts['load_before']} before, {facts['load_after']} after.\n")
print(f"    {facts['command']}\n")
about = [f"Written by `scripts/bench-peers`, nothing by hand. Ours and the peers ran in turns in one run; a case counts with the "
         f"median of its turns ({' or '.join(str(t) for t in sorted(turns))} here). Ratios travel between machines, figures do "
         "not. Each result is checked against double precision" +
         (": where ours was off, the row says so." if wrong else "; all of ours were right."),
         "What is timed ran at real-time priority, ours and the peers alike." if facts["realtime"] == "1" else
         "What is timed ran at normal priority."]
try:
    if max(float(facts["load_before"]), float(facts["load_after"])) > float(facts["processors"]) + 1:
        about.append("Other processes had the machine too, so that a single row is worth little.")
except ValueError:
    pass  # a run that was cut short
missing = [s for s in ALL if s not in facts["sections"].split()]
if missing:
    about.append(f"Sections that were not run: {', '.join(missing)}.")
if facts["skipped"]:
    about.append(f"Peers left out: {facts['skipped']}.")
print(textwrap.fill(" ".join(about), 120))
print("\nThe column \"of peak\" is the share of what this machine reached in the same run:\n")
for threads, value in sorted(peak["GFLOP/s"].items()):
    print(f"- sgemm of order 2048, {threads} thread(s): {value:.0f} GFLOP/s (OpenBLAS through numpy; more is possible where a net "
          "stays in cache).")
for threads, value in sorted(peak["GB/s"].items()):
    print(f"- memory triad of 3 x 128 MiB, {threads} thread(s): {value:.1f} GB/s (C, OpenMP).")
for prefix, title in SECTIONS:
    cases = sorted({case for case, _ in (k for k, _ in rates) if case.startswith(prefix + "_") or case.startswith(prefix + "/")},
                   key=lambda c: [int(p) if p.isdigit() else p for p in c.replace("B", "B/").split("/")].__str__())
    cases = [c for c in units if c in cases]
    if not cases:
        continue
    print(f"\n## {title}\n\n| case | threads | unit | ours | best peer | peer | ratio | of peak |\n|---|---|---|---|---|---|---|---|")
    for case in cases:
        for threads in sorted({t for (c, t), _ in rates if c == case}):
            key = (case, threads)
            ours = rates.get((key, "cafe"))
            peers = {p: statistics.median(v) for (k, p), v in rates.items() if k == key and p != "cafe"}
            if not ours or not peers:
                continue
            mine, best = statistics.median(ours), max(peers, key=peers.get)
            limit = peak.get(units[case], {}).get(threads)
            share = f"{100 * mine / limit:.0f} %" if limit else ""
            flag = " (wrong)" if (key, "cafe") in wrong else ""
            print(f"| {case} | {threads} | {units[case]} | {short(mine)}{flag} | {short(peers[best])} | {best} "
                  f"| {mine / peers[best]:.2f} | {share} |")
if failed:
    print("\n## Programs that failed\n")
    for case, threads, reason in sorted(set(failed)):
        print(f"- {case} ({threads} threads): {reason}")
if spent:
    print("\n## Duration\n\n| section | threads | ours (s) | peers (s) |\n|---|---|---|---|")
    for section in ["peak"] + ALL:
        for threads in sorted({t for s, t, _ in spent if s == section}):
            own, others = (spent.get((section, threads, mine), 0) for mine in (True, False))
            print(f"| {section} | {threads} | {own:.0f} | {others:.0f} |")
