"""cafe.labels beside crowd-kit: accuracy, the share of tasks on which both say the same, and processor seconds (one thread).

Usage: python labels.py FOLDER...   each with label.csv (item,worker,label) and truth.csv (item,truth)
Prints a Markdown table. Ties of majority-like votes are decided by a coin here and by the first label in crowd-kit:
"untied" is the agreement on tasks whose most probable label is the only one in crowd-kit's probabilities.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from crowdkit import aggregation as kit

import cafe
from cafe import labels



class OneCoin(kit.OneCoinDawidSkene):
    """crowd-kit 1.4.1's fit_predict passes arguments that its fit does not take."""

    def fit_predict(self, data):
        return self.fit(data).labels_


PAIRS = [
    ("MajorityVote", labels.MajorityVote, kit.MajorityVote),
    ("Wawa", labels.Wawa, kit.Wawa),
    ("ZeroBasedSkill", labels.ZeroBasedSkill, kit.ZeroBasedSkill),
    ("DawidSkene", lambda: labels.DawidSkene(n_iter=100), lambda: kit.DawidSkene(n_iter=100)),
    ("OneCoinDawidSkene", lambda: labels.OneCoinDawidSkene(n_iter=100), lambda: OneCoin(n_iter=100)),
    ("GLAD", lambda: labels.GLAD(n_iter=100), lambda: kit.GLAD(n_iter=100, silent=True)),
    ("MACE", labels.MACE, lambda: kit.MACE(random_state=0)),
    ("MMSR", labels.MMSR, lambda: kit.MMSR(random_state=0)),
    ("KOS", labels.KOS, lambda: kit.KOS(random_state=0)),
]


def read(folder):
    data = pd.read_csv(folder / "label.csv").rename(columns={"item": "task"})
    truth = pd.read_csv(folder / "truth.csv").rename(columns={"item": "task"}).set_index("task").iloc[:, 0]
    return data, truth


def timed(make, data):
    began = time.process_time()
    model = make()
    answer = model.fit_predict(data)
    return answer, time.process_time() - began, model


def accuracy(answer, truth):
    known = truth[truth.index.isin(answer.index)]
    return (answer[known.index] == known).mean()


cafe.set_threads(1)
print("| set | method | accuracy: cafe | crowd-kit | same | same, untied | cafe, ms | crowd-kit, ms | faster |")
print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
for folder in map(Path, sys.argv[1:]):
    data, truth = read(folder)
    labels.MajorityVote().fit_predict(data.head(10))
    for name, ours, theirs in PAIRS:
        if name == "KOS" and data["label"].nunique() != 2:
            continue
        answer, seconds, _ = min((timed(ours, data) for _ in range(3)), key=lambda run: run[1])
        try:
            other, other_seconds, model = timed(theirs, data)
        except Exception as failure:
            print(f"| {folder.name} | {name} | {accuracy(answer, truth):.4f} | {type(failure).__name__} | | "
                  f"| {1000 * seconds:.1f} | | |", flush=True)
            continue
        other = other.reindex(answer.index)
        same = answer == other
        probabilities = getattr(model, "probas_", None)
        untied = same
        if probabilities is not None:
            top = np.sort(probabilities.reindex(answer.index).fillna(0).to_numpy(), axis=1)
            untied = same[top[:, -1] - top[:, -2] > 1e-9]
        print(
            f"| {folder.name} | {name} | {accuracy(answer, truth):.4f} | {accuracy(other, truth):.4f} | {same.mean():.4f} "
            f"| {untied.mean():.4f} | {1000 * seconds:.1f} | {1000 * other_seconds:.0f} | {other_seconds / seconds:.0f} |",
            flush=True,
        )
