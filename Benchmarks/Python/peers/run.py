"""The frameworks of the field trained on the dispatch game, at equal decisions: `make python-peers`.

Usage: python run.py [--size 200/50] [--decisions 100000] [--search 30000] [--seeds 1,2,3] [--methods SUBSTRING,...] [--out FILE]

For each method: a search over the learning rates of RATES with `--search` decisions each (seed 0; the best mean revenue on
episodes of training of a seed that nobody trained on; without a search 1e-3 is taken), then one training for each seed, then 60 episodes of
`cafe-cli evaluate --seed 7`, which no training and no search plays. A decision is a choice with more than one allowed action.
Each training is a process of its own on one thread. Prints Markdown, and writes every episode's revenue to FILE as JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RATES = (3e-4, 1e-3, 3e-3)
MODULES = {
    "SB3 PPO": "with_sb3", "SB3 MaskablePPO": "with_sb3", "BenchMARL IPPO": "with_benchmarl",
    "BenchMARL MAPPO": "with_benchmarl", "BenchMARL QMIX": "with_benchmarl",
}
OURS = {"our PPO, reward share": "share", "our PPO, share+difference+signed": "share+difference+signed"}


def child(method, size, decisions, seed, rate, test):
    """One training, printed as JSON: what `job` runs in a process."""
    import importlib

    score, taken, steps, seconds = importlib.import_module(MODULES[method]).train(method, size, decisions, seed, rate)
    values = score(7) if test else score(1_000_007, "training")
    print(json.dumps({"revenue": values.tolist(), "decisions": taken, "steps": steps, "seconds": seconds}))


def job(method, size, decisions, seed, rate, test):
    """One training in a process of its own."""
    words = [method, size, str(decisions), str(seed), str(rate), str(int(test))]
    done = subprocess.run([sys.executable, __file__, "--child", *words], capture_output=True, text=True, cwd=HERE)
    if done.returncode:
        print(f"{method}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr, flush=True)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(variant, size, decisions, seed):
    """Our own training in as many iterations of 8 episodes as have the decisions, and the same test."""
    import cafe

    tasks, workers = size.split("/")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = ["train", "--scenario", "chengdu", "--set", f"episodes.tasks=[{tasks}]", "--set",
                 f"episodes.workers=[{workers}]", "--set", f"reward.variant={variant}", "--seed", str(seed), "--threads",
                 "1", "--quiet", "--out", run]
        before = os.times()
        cafe.cli(*words, "--iterations", "1")
        count = int(cafe.load(run).metrics["charts/decisions"].iloc[-1])
        iterations = max(1, -(-decisions // count))
        middle = os.times()
        cafe.cli("resume", run, "--iterations", str(iterations), "--threads", "1", "--quiet")
        after = os.times()
        metrics = cafe.load(run).metrics
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        del middle
        report = cafe.evaluate_report([run], tasks=int(tasks), workers=int(workers), episodes=60, seeds=7)
        entry = next(iter(report["policies"].values()))
        return {"mean": entry["mean"], "sd": entry["sd"], "decisions": int(metrics["charts/decisions"].iloc[-1]),
                "seconds": seconds}


def row(name, runs, setting=""):
    """A line of the table: mean over the seeds of the means over the episodes, and each seed's."""
    means = [np.mean(run["revenue"]) if "revenue" in run else run["mean"] for run in runs]
    spread = np.std(means, ddof=1) / np.sqrt(len(means)) if len(means) > 1 else float("nan")
    each = ", ".join(f"{mean:.2f}" for mean in means)
    decisions = np.mean([run["decisions"] for run in runs])
    seconds = np.mean([run["seconds"] for run in runs])
    print(f"| {name} | {setting} | {decisions:,.0f} | {seconds:.0f} | {np.mean(means):.2f} | {spread:.2f} | {each} |",
          flush=True)


def main():
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--size", default="200/50")
    reader.add_argument("--decisions", type=int, default=100_000)
    reader.add_argument("--search", type=int, default=30_000)
    reader.add_argument("--seeds", default="1,2,3")
    reader.add_argument("--methods", default="")
    reader.add_argument("--out")
    reader.add_argument("--child", nargs=6)
    options = reader.parse_args()
    if options.child:
        method, size, decisions, seed, rate, test = options.child
        return child(method, size, int(decisions), int(seed), float(rate), test == "1")
    wanted = [word for word in options.methods.split(",") if word]
    chosen = [name for name in [*MODULES, *OURS, "rules"] if not wanted or any(word in name for word in wanted)]
    seeds, found = [int(seed) for seed in options.seeds.split(",")], {}
    print("| method | learning rate | decisions | training, processor s | revenue | s.e. over seeds | seeds |")
    print("|---|---|---:|---:|---:|---:|---|", flush=True)
    for name in chosen:
        if name in MODULES:
            scores = {RATES[1]: float("nan")}
            if options.search > 0:
                tried = {rate: job(name, options.size, options.search, 0, rate, False) for rate in RATES}
                scores = {rate: np.mean(run["revenue"]) for rate, run in tried.items() if run}
            if not scores:
                print(f"| {name} | does not run | | | | | |", flush=True)
                continue
            rate = max(scores, key=scores.get)
            runs = [job(name, options.size, options.decisions, seed, rate, True) for seed in seeds]
            runs = [run for run in runs if run]
            found[name] = {"search": scores, "rate": rate, "runs": runs}
            searched = ", ".join(f"{rate:g}: {score:.2f}" for rate, score in scores.items())
            if runs:
                row(name, runs, f"{rate:g}" + (f" of {searched}" if options.search > 0 else ""))
        elif name in OURS:
            found[name] = [ours(OURS[name], options.size, options.decisions, seed) for seed in seeds]
            row(name, found[name], "as they come")
        else:
            import cafe

            tasks, workers = map(int, options.size.split("/"))
            frame = cafe.evaluate(["random", "greedy", "coalition", "cafe"], tasks=tasks, workers=workers, episodes=60, seeds=7)
            found[name] = frame["mean"].to_dict()
            for policy, mean in frame["mean"].items():
                print(f"| {policy} | | | | {mean:.2f} | | |", flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
