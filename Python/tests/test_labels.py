"""Aggregation with crowd-kit's interface: known answers, and crowd-kit's own where it is installed."""

import numpy as np
import pandas as pd
import pytest

import cafe
from cafe import labels


def crowd(seed=1, tasks=200, workers=12, classes=3, each=5):
    """Labels of workers of different quality on tasks with known truth."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, tasks)
    quality = np.linspace(0.35, 0.95, workers)
    rows = []
    for task in range(tasks):
        for worker in draw.choice(workers, each, replace=False):
            right = draw.random() < quality[worker]
            label = truth[task] if right else draw.choice([c for c in range(classes) if c != truth[task]])
            rows.append((f"t{task:03}", f"w{worker:02}", "abc"[label]))
    return pd.DataFrame(rows, columns=["task", "worker", "label"]), pd.Series(
        ["abc"[c] for c in truth], index=[f"t{task:03}" for task in range(tasks)]
    )


@pytest.mark.parametrize("method", ["mv", "weighted", "ds", "one-coin", "glad"])
def test_every_method_finds_most_truths(method):
    data, truth = crowd()
    answer = labels.aggregate(data, method)
    assert answer.index.equals(truth.index)
    assert (answer == truth).mean() > (0.75 if method == "mv" else 0.8)


def test_dawid_skene_beats_the_majority_where_workers_differ():
    data, truth = crowd(tasks=600)
    majority = (labels.MajorityVote().fit_predict(data) == truth).mean()
    assert (labels.DawidSkene().fit_predict(data) == truth).mean() > majority + 0.02


def test_probabilities_sum_to_one_and_errors_have_crowd_kits_layout():
    data, _ = crowd()
    model = labels.DawidSkene().fit(data)
    assert np.allclose(model.probas_.sum(axis=1), 1)
    assert list(model.errors_.index.names) == ["worker", "label"] and list(model.errors_.columns) == ["a", "b", "c"]
    sums = model.errors_.groupby(level="worker").sum()
    assert np.allclose(sums, 1, atol=1e-6)
    best = model.errors_.loc["w11"].values.diagonal().mean()
    assert best > model.errors_.loc["w00"].values.diagonal().mean()


def test_bad_tables_are_refused():
    data, _ = crowd()
    with pytest.raises(cafe.CafeError, match="no column 'worker'"):
        labels.DawidSkene().fit(data.drop(columns="worker"))
    data.loc[3, "label"] = None
    with pytest.raises(cafe.CafeError, match="row 3"):
        labels.DawidSkene().fit(data)
    with pytest.raises(cafe.CafeError, match="none of"):
        labels.aggregate(crowd()[0], "nothing")


def test_the_same_answers_as_crowd_kit():
    kit = pytest.importorskip("crowdkit.aggregation")
    data, _ = crowd(seed=3, tasks=300)
    theirs = kit.GLAD(n_iter=100).fit_predict(data)
    ours = labels.GLAD().fit_predict(data)
    assert (theirs.sort_index() == ours.sort_index()).mean() > 0.98
    theirs = kit.Wawa().fit_predict(data)
    ours = labels.WeightedVote().fit_predict(data)
    assert (theirs.sort_index() == ours.sort_index()).mean() > 0.98
