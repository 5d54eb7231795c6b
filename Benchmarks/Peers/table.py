"""Turns the JSON lines of ours and of the peers into the tables of docs/results/performance.md.
Usage: python table.py LINES.jsonl > performance.md

Ours runs before and after each peer program, and a peer's ratio is ours (the mean of these two runs) over the peer, the
median over the rounds. So a ratio is one of neighbours in time; the speeds beside it are medians of all runs. What the
page says of the run comes from its lines too."""
import collections
import json
import statistics
import sys
import textwrap

rates, units, wrong, failed = collections.defaultdict(list), {}, set(), []
# Runs of peers that wait for our next one, our latest run of a case, and ratios of neighbours.
waiting, latest, pairs = collections.defaultdict(list), {}, collections.defaultdict(list)
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
    if line["peer"] == "cafe":
        for peer, before, speed in waiting.pop(key, []):
            pairs[key, peer].append(statistics.mean([before, line["throughput"]]) / speed)
        latest[key] = line["throughput"]
    elif key in latest:
        waiting[key].append((line["peer"], latest[key], line["throughput"]))
    units[line["case"]] = line["unit"]
    if not line["ok"]:
        wrong.add((key, line["peer"]))
for key, entries in waiting.items():  # a run that was cut short
    for peer, before, speed in entries:
        pairs[key, peer].append(before / speed)
ratios = {key: statistics.median(values) for key, values in pairs.items()}
failed = [f for f in failed if f[:2] not in reasons or not f[2].startswith("exit status")]


def short(x):
    for size, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if x >= size:
            return f"{x / size:.3g}{suffix}"
    return f"{x:.3g}"


# The goals of docs/performance.md: cases, against whom, and the ratio that every one of them is to reach.
FRAMEWORKS, ANY = {"torch", "torch compiled", "jax"}, None
SLABS = {"C slabs"}
GOALS = (("nets forward, best peer", "mlp_fwd/", ANY, 1), ("nets forward + backward, best framework", "mlp_fwdbwd/", FRAMEWORKS, 1.4),
         ("nets forward + backward, C slabs", "mlp_fwdbwd/", SLABS, 1), ("KL categorical", "kl_categorical/", ANY, 3),
         ("KL Gaussian", "kl_gauss_diag/", ANY, 1.5), ("conjugate gradient", "ihvp_", ANY, 1.3),
         *((f"exponential weights, {k} arms, C slabs", f"exp3/K{k}", SLABS, least)
           for k, least in ((10, 1), (100, 2), (1000, 5), (10000, 20))),
         ("IPPO on simple_spread", "ppo_spread/", ANY, 2.5), ("majority, numpy", "majority", {"numpy"}, 1),
         ("Dawid-Skene, numba", "dawid-skene", {"numba"}, 2), ("GLAD, crowd-kit", "8k/glad", {"crowd-kit"}, 500))
SECTIONS = (("mlp", "1. Batched MLP"), ("kl", "2. KL divergences"), ("ihvp", "3. Inverse-Hessian products"),
            ("exp3", "4. Exponential weights"), ("env", "5a. simple_spread, random play"),
            ("ppo", "5b. IPPO on simple_spread"), ("crowd", "6. Labels"))
peak = {unit: {threads: statistics.median(v) for ((c, threads), _), v in rates.items() if c == case}
        for unit, case in (("GFLOP/s", "peak/sgemm2048"), ("GB/s", "peak/triad"))}
ALL = "mlp kl cg weights environment training labels".split()
print("# Performance: ours beside the peers\n")
print(f"Machine: {facts['machine']}, {facts['processors']} processors. Date: {facts['date']}. Load average (5 minutes): "
      f"{facts['load_before']} before, {facts['load_after']} after.\n")
print(f"    {facts['command']}\n")
rounds = sorted({len(v) for v in pairs.values()})
about = ["Written by `scripts/bench-peers`, nothing by hand. Ours ran before and after each peer; a ratio is the mean of these "
         f"two over the peer, the median of {' or '.join(map(str, rounds))} rounds. Ratios travel between machines, figures do "
         "not. Each result is checked against double precision" +
         (": where ours was off, the row says so." if wrong else "; all of ours were right."),
         "What is timed ran at real-time priority, ours and the peers alike." if facts["realtime"] == "1" else
         "What is timed ran at normal priority."]
try:
    if max(float(facts["load_before"]), float(facts["load_after"])) > float(facts["processors"]) + 1:
        about.append("Other processes had the machine too, so that a single row is worth little.")
except ValueError:
    pass  # a run that was cut short
if facts["stolen"]:
    about.append(f"Other virtual machines took {facts['stolen']} % of the processors' time.")
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
print("\n## Goals\n\nA row is a case at a number of threads; it reaches the goal where its ratio does.\n\n"
      "| cases, beside | goal | rows | reach it | least | median |\n|---|---|---|---|---|---|")
for text, part, baselines, least in GOALS:
    best = collections.defaultdict(lambda: float("inf"))
    for (key, baseline), ratio in ratios.items():
        matches = key[0] == part if part.startswith("exp3/") else part in key[0]
        if matches and (baselines is ANY or baseline in baselines):
            best[key] = min(best[key], ratio)
    if best:
        reached = sum(r >= least for r in best.values())
        print(f"| {text} | {least} | {len(best)} | {reached} | {min(best.values()):.2f} | {statistics.median(best.values()):.2f} |")
for prefix, title in SECTIONS:
    cases = [c for c in units if c.startswith((prefix + "_", prefix + "/"))]
    if not cases:
        continue
    slabs = prefix == "mlp"
    print(f"\n## {title}\n\n| case | threads | unit | ours | best {'framework' if slabs else 'peer'} | | ratio |"
          f"{' C slabs | ratio |' if slabs else ''} of peak |\n|---|---|---|---|---|---|---|---|{'---|---|' if slabs else ''}")
    for case in cases:
        for threads in sorted({t for (c, t), _ in rates if c == case}):
            key = (case, threads)
            peers = {p: r for (k, p), r in ratios.items() if k == key}
            baselines = {p: r for p, r in peers.items() if not (slabs and p == "C slabs")}
            if not baselines:
                continue
            mine, best = statistics.median(rates[key, "cafe"]), min(baselines, key=baselines.get)
            limit = peak.get(units[case], {}).get(threads)
            share = f"{100 * mine / limit:.0f} %" if limit else ""
            flag = " (wrong)" if (key, "cafe") in wrong else ""
            plain = [short(statistics.median(rates[key, "C slabs"])), f"{peers['C slabs']:.2f}"] \
                if slabs and "C slabs" in peers else [""] * 2 * slabs
            row = [case, threads, units[case], short(mine) + flag, short(statistics.median(rates[key, best])), best,
                   f"{baselines[best]:.2f}", *plain, share]
            print("|" + "|".join(f" {field} " for field in row) + "|")
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
