"""Turns the JSON lines of ours and of the peers into the tables of docs/results/performance.md.
Usage: python table.py LINES.jsonl MACHINE DATE COMMAND > performance.md

A case that was measured several times (A B A B) counts with its median. The ratio is ours over the fastest peer of the
same case at as many threads, each in the same run."""
import collections
import json
import statistics
import sys

path, machine, date, command = sys.argv[1:5]
rates, units, wrong, failed = collections.defaultdict(list), {}, set(), []
for text in open(path):
    try:
        line = json.loads(text)
    except ValueError:
        continue
    if "failed" in line:
        failed.append(f"{line['case']} ({line['threads']} threads): {line['failed']}")
        continue
    key = (line["case"], line["threads"])
    rates[key, line["peer"]].append(line["throughput"])
    units[line["case"]] = line["unit"]
    if not line["ok"]:
        wrong.add((key, line["peer"]))


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
print("# Performance: ours beside the peers\n")
print(f"Machine: {machine}. Date: {date}.\n")
print(f"    {command}\n")
print("Written by `scripts/bench-peers`; ours and the peers ran in turns in one run, and a case counts with the median of")
print("its turns. Ratios travel between machines, figures do not. Each result is checked against double precision.\n")
print()
for threads, value in sorted(peak["GFLOP/s"].items()):
    print(f"- sgemm of order 2048, {threads} thread(s): {value:.0f} GFLOP/s (OpenBLAS through numpy): 100 % below.")
for threads, value in sorted(peak["GB/s"].items()):
    print(f"- memory triad of 3 x 128 MiB, {threads} thread(s): {value:.1f} GB/s (C, OpenMP): 100 % below.")
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
    print("\n## Peers that did not run\n")
    for line in sorted(set(failed)):
        print(f"- {line}")
