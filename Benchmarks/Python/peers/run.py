"""The frameworks of the field trained on the dispatch game beside ours: `make python-peers`.

    python run.py --results runs/peers                      # both sizes: about an hour of one processor
    python run.py --results runs/peers --tables             # only prints them
    python run.py --results runs/small --size 30/8 --decisions 2000 --seconds 4 --search 2

For each size: a search over a few settings of each method, one factor after the other (30 episodes, seed 0; the second and
further sizes search the learning rate only), then one training for each seed. A training is tested when it has taken
`--decisions` and after `--seconds` (ours after a quarter of them, too), always between two updates, on 60 episodes of
`cafe-cli evaluate --seed 7`, by likeliest actions. It ends after twice `--seconds`, but not within a minute, and what was not
reached then is tested as it is. Nothing is trained or chosen on those episodes. A training of the search ends after
`--decisions` or `--search` seconds. Seconds are processor seconds of the training, one thread; tests and imports do not count.
A decision is a choice with more than one allowed action. Options that differ by size are lists: --size 200/50,200/200
--seconds 30,60.

Each training is a process of its own. A row is kept in FOLDER/results.jsonl as soon as it is measured, with its settings and
versions; run again, the command measures what is missing. FOLDER/results.csv and results.md are written at the end, or by `--tables`.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import book

TEST = {"seed": 7, "episodes": 60}
"""The episodes of `cafe-cli evaluate` that are reported."""
CHOICE = {"seed": 1_000_007, "episodes": 30}
"""Those by which settings are chosen."""
RULES = ("random", "greedy", "coalition", "cafe")
PPO = {"lr": 1e-3, "epochs": 4, "reward": "share"}
PPO_SEARCH = (("lr", (3e-4, 1e-3, 3e-3)), ("epochs", (4, 10)))
MAPPO_SEARCH = (*PPO_SEARCH, ("reward", ("share", "team")))
QMIX = {"lr": 1e-3, "updates": 4, "reward": "team"}
QMIX_SEARCH = (("lr", (3e-4, 1e-3, 3e-3)), ("updates", (4, 16)))
OURS = {"reward": "share+difference+signed"}
OURS_SEARCH = (("lr", (1e-3, 3e-3, 1e-2)), ("games", (8, 2)), ("epochs", (3, 10)))
SB3 = ("stable-baselines3", "sb3-contrib", "torch")
BENCHMARL = ("benchmarl", "torchrl", "tensordict", "torch")
METHODS = {
    "SB3 PPO": ("with_sb3", SB3, PPO, PPO_SEARCH),
    "SB3 MaskablePPO": ("with_sb3", SB3, PPO, PPO_SEARCH),
    "BenchMARL IPPO": ("with_benchmarl", BENCHMARL, PPO, PPO_SEARCH),
    "BenchMARL MAPPO": ("with_benchmarl", BENCHMARL, PPO, MAPPO_SEARCH),
    "BenchMARL QMIX": ("with_benchmarl", BENCHMARL, QMIX, QMIX_SEARCH),
    "our PPO, team": ("with_ours", (), {"reward": "team"}, ()),
    "our PPO, uniform": ("with_ours", (), {"reward": "uniform"}, ()),
    "our PPO, share": ("with_ours", (), {"reward": "share"}, ()),
    "our PPO, share, flat network": ("with_ours", (), {"reward": "share", "network": "flat"}, ()),
    "our PPO, share+difference+signed": ("with_ours", (), OURS, ()),
    "our PPO, searched": ("with_ours", (), {**OURS, "games": 8, "lr": 1e-3, "epochs": 3}, OURS_SEARCH),
}
"""By name: the module that trains, the packages whose versions count, the settings, and the search."""
LONG = ("our PPO, share", "our PPO, share+difference+signed")
"""Of ours, what trains for the whole of `--seconds`; the other rewards and the other network for a quarter."""


def child(text):
    """One training: what `train` runs in a process. Prints a line for each mark."""
    from game import Marks

    job = json.loads(text)

    def keep(mark, found):
        print("row " + json.dumps([mark, found]), flush=True)

    module = importlib.import_module(METHODS[job["method"]][0])
    marks = Marks([tuple(mark) for mark in job["marks"]], job["cap"], keep)
    module.train(job["method"], job["size"], job["seed"], job["setting"], marks, job["episodes"])


def origin():
    """When and over which library a row was measured."""
    return {"library": book.library(), "date": str(date.today())}


class Measurement:
    """The trainings of a size, kept in a book."""

    def __init__(self, kept, size, say):
        self.book, self.size, self.say, self.versions = kept, size, say, {}

    def train(self, method, seed, setting, purpose, marks, cap):
        """The rows of a training, in the order of its marks, from the book where they are there; None for one that failed."""
        if method not in self.versions:
            self.versions[method] = book.versions(METHODS[method][1], self.size)
        episodes = TEST if purpose == "test" else CHOICE
        rows = {
            mark: {"size": self.size, "method": method, "seed": seed, "purpose": purpose, "mark": mark[0], "wanted": mark[1],
                   "cap": cap if purpose == "search" else None, "setting": setting, "versions": self.versions[method]}
            for mark in marks
        }
        missing = [mark for mark in marks if self.book.find(rows[mark]) is None]
        if missing:
            job = {"method": method, "size": self.size, "seed": seed, "setting": setting, "marks": missing, "cap": cap,
                   "episodes": episodes}
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
            with tempfile.TemporaryFile("w+") as errors:
                process = subprocess.Popen([sys.executable, __file__, "--child", json.dumps(job)], stdout=subprocess.PIPE,
                                           stderr=errors, text=True, env=environment)
                try:
                    for line in process.stdout:
                        if line.startswith("row "):
                            mark, found = json.loads(line[4:])
                            row = {**rows[tuple(mark)], **found, "episodes": episodes["episodes"], **origin()}
                            self.book.keep(row)
                            self.say(f"{self.size} {method} seed {seed} {book.words(setting)}: {row['revenue']:.2f} after "
                                     f"{row['decisions']:,} decisions, {row['seconds']:.1f} s")
                except BaseException:
                    process.kill()
                    raise
                finally:
                    process.wait()
                if process.returncode:
                    errors.seek(0)
                    last = (errors.read().strip().splitlines() or ["no message"])[-1]
                    self.say(f"{self.size} {method} seed {seed}: failed: {last}")
        return [self.book.find(rows[mark]) for mark in marks]

    def rules(self):
        """The rules on the reported episodes."""
        import cafe

        tasks, workers = map(int, self.size.split("/"))
        rows = [{"size": self.size, "method": name, "seed": 0, "purpose": "test", "mark": "rule", "wanted": 0, "setting": {},
                 "versions": book.versions((), self.size)} for name in RULES]
        if any(self.book.find(row) is None for row in rows):
            report = cafe.evaluate_report(RULES, tasks=tasks, workers=workers, episodes=TEST["episodes"], seeds=TEST["seed"])
            for row, entry in zip(rows, report["policies"].values()):
                if self.book.find(row) is None:
                    self.book.keep({**row, "revenue": round(entry["mean"], 4), "sd": round(entry["sd"], 4),
                                    "episodes": TEST["episodes"], **origin()})
        return [self.book.find(row) for row in rows]

    def search(self, method, base, factors, decisions, seconds):
        """The best setting found from `base`, one factor after the other, and the rows of the search."""
        best, rows = dict(base), []
        for name, values in factors:
            tried = {}
            for value in values:
                [row] = self.train(method, 0, {**best, name: value}, "search", [("decisions", decisions)], seconds)
                if row:
                    tried[value] = row["revenue"]
                    rows += [row] if row not in rows else []
            if tried:
                best[name] = max(tried, key=tried.get)
        return best, rows


def main():
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--results", type=Path, default=Path("runs/peers"), metavar="FOLDER", help="what is kept (runs/peers)")
    reader.add_argument("--size", default="200/50,200/200", help="tasks/workers, a list (200/50,200/200)")
    reader.add_argument("--decisions", default="10000", help="of a training, a list (10000)")
    reader.add_argument("--seconds", default="30,60", help="processor seconds of a training, a list (30,60)")
    reader.add_argument("--search", default="8,15",
                        help="processor seconds of each training of the search, a list; 0: none (8,15)")
    reader.add_argument("--factors", type=int, default=9, help="how many factors of each method's search (all); the first is lr")
    reader.add_argument("--seeds", default="1,2,3")
    reader.add_argument("--methods", default="", help="parts of names, separated by semicolons: only these methods")
    reader.add_argument("--tables", action="store_true", help="measure nothing: the tables of what is kept")
    reader.add_argument("--child", help=argparse.SUPPRESS)
    options = reader.parse_args()
    if options.child:
        return child(options.child)

    def say(text):
        print(text, file=sys.stderr, flush=True)

    kept = book.Book(options.results / "results.jsonl")
    sizes = options.size.split(",")

    def listed(text, kind):
        values = [kind(word) for word in text.split(",")]
        return values * len(sizes) if len(values) == 1 else values[: len(sizes)]

    wanted = [part for part in options.methods.split(";") if part]
    chosen = [name for name in METHODS if not wanted or any(part in name for part in wanted)]
    seeds = [int(word) for word in options.seeds.split(",")]
    shown, before = [], {}
    for size, decisions, seconds, search in zip(
            sizes, listed(options.decisions, int), listed(options.seconds, float), listed(options.search, float), strict=True):
        measured = Measurement(kept, size, say)
        if options.tables:
            shown.append((size, [row for row in kept.rows.values() if row["size"] == size]))
            continue
        rows = measured.rules() if not wanted or "rules" in wanted else []
        settings = {}
        for name in chosen:
            _, _, base, factors = METHODS[name]
            factors = factors[: options.factors] if name not in before else factors[:1]
            settings[name], found = before.get(name, base), []
            if search > 0 and factors:
                settings[name], found = measured.search(name, settings[name], factors, decisions, search)
            rows += found
        before = settings
        # Seed by seed, so that what is there after a cut is a comparison.
        for seed in seeds:
            for name in chosen:
                marks = [("decisions", decisions)]
                if seconds > 0 and (METHODS[name][0] != "with_ours" or name in LONG):
                    marks.append(("seconds", seconds))
                if seconds > 0 and METHODS[name][0] == "with_ours" and name != "our PPO, searched":
                    marks.append(("seconds", seconds / 4))
                rows += [row for row in measured.train(name, seed, settings[name], "test", marks, max(60, 2 * seconds)) if row]
        shown.append((size, rows))
    order = {name: at for at, name in enumerate([*METHODS, *RULES])}
    for _, rows in shown:
        rows.sort(key=lambda row: order.get(row["method"], len(order)))
    text = "\n".join(book.tables(size, rows) for size, rows in shown)
    print(text)
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "results.md").write_text(text + "\n")
    book.write_csv(options.results / "results.csv", [row for _, rows in shown for row in rows])


if __name__ == "__main__":
    main()
