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


def model_of(truth, seed=7, accuracy=0.85, sure=0.9):
    """Probabilities of a model that is right so often and says so surely."""
    draw = np.random.default_rng(seed)
    said = [t if draw.random() < accuracy else draw.choice([c for c in "abc" if c != t]) for t in truth]
    rows = [[sure if c == s else (1 - sure) / 2 for c in "abc"] for s in said]
    return pd.DataFrame(rows, index=truth.index, columns=list("abc"))


@pytest.mark.parametrize("method", [labels.DawidSkene, labels.OneCoinDawidSkene, labels.BCC, labels.Pooled])
def test_a_models_probabilities_are_one_more_worker(method):
    data, truth = crowd(each=2)
    soft = model_of(truth)
    without = (method().fit_predict(data) == truth).mean()
    model = method().fit(data, soft)
    # People alone: .64 to .745; the model alone: .83; both: .815 (Dawid-Skene) to .865.
    assert (model.labels_ == truth).mean() > max(without + 0.08, 0.8)
    assert 0.3 < model.soft_weights_["model"] < 2
    long = soft.rename_axis("task").reset_index().assign(worker="gpt")
    again = method().fit(data.sample(frac=1, random_state=1), long.sample(frac=1, random_state=2))
    assert np.allclose(again.probas_, model.probas_, atol=1e-4) and list(again.soft_weights_.index) == ["gpt"]


def test_bad_probabilities_are_refused():
    data, truth = crowd()
    soft = model_of(truth)
    with pytest.raises(cafe.CafeError, match="no column for the label 'c'"):
        labels.Pooled().fit(data, soft[["a", "b"]])
    with pytest.raises(cafe.CafeError, match="sum to"):
        labels.Pooled().fit(data, soft * 0.9)
    empty = soft.copy()
    empty.loc["t003"] = float("nan")
    with pytest.raises(cafe.CafeError, match="t003"):
        labels.Pooled().fit(data, empty)
    with pytest.raises(cafe.CafeError, match="count twice"):
        labels.Pooled().fit(data, soft.rename_axis("task").reset_index().assign(worker="w01"))
    with pytest.raises(cafe.CafeError, match="does not listen"):
        labels.GLAD().fit(data, soft)


def test_bad_tables_are_refused():
    data, _ = crowd()
    with pytest.raises(cafe.CafeError, match="no column 'worker'"):
        labels.DawidSkene().fit(data.drop(columns="worker"))
    data.loc[3, "label"] = None
    with pytest.raises(cafe.CafeError, match="row 3"):
        labels.DawidSkene().fit(data)
    with pytest.raises(cafe.CafeError, match="none of"):
        labels.aggregate(crowd()[0], "nothing")


# crowd-kit's class, ours, the least share of the same labels on `crowd`, and by how much ours may be less often right.
# MMSR and MACE: other starts and other rules for outliers, see docs/results/python.md.
PEERS = [
    ("MajorityVote", labels.MajorityVote, 0.9, 0.03),
    ("Wawa", labels.Wawa, 0.98, 0.02),
    ("ZeroBasedSkill", labels.ZeroBasedSkill, 0.98, 0.02),
    ("DawidSkene", labels.DawidSkene, 0.99, 0.01),
    ("OneCoinDawidSkene", lambda: labels.OneCoinDawidSkene(n_iter=100), 0.97, 0.02),
    ("GLAD", lambda: labels.GLAD(n_iter=100), 0.95, 0.02),
    ("KOS", labels.KOS, 0.98, 0.02),
    ("MACE", labels.MACE, 0.8, 0.02),
    ("MMSR", labels.MMSR, 0.8, 0.05),
]


@pytest.mark.parametrize("name, ours, same, worse", PEERS, ids=[peer[0] for peer in PEERS])
def test_the_same_answers_as_crowd_kit(name, ours, same, worse):
    kit = pytest.importorskip("crowdkit.aggregation")
    data, truth = crowd(seed=3, tasks=150, classes=2 if name == "KOS" else 3)
    options = {"MACE": {"n_restarts": 2}, "GLAD": {"n_iter": 20}}.get(name, {})
    theirs = getattr(kit, name)(**options).fit(data)
    if theirs.labels_ is None if hasattr(theirs, "labels_") else True:
        theirs.predict(data)
    if name == "DawidSkene":  # the same algorithm, which crowd-kit ends earlier: as many iterations give the same numbers
        model = labels.DawidSkene(n_iter=len(theirs.loss_history_), tol=1e-12).fit(data)
        assert np.abs(model.probas_.to_numpy() - theirs.probas_.sort_index().to_numpy()).max() < 1e-6
        ours = lambda: model  # noqa: E731
    answer, other = ours().fit_predict(data), theirs.labels_.sort_index()
    assert (answer == other).mean() >= same
    assert (answer == truth).mean() >= (other == truth).mean() - worse


def test_every_class_is_a_method_of_the_core_and_bad_options_are_refused():
    data, _ = crowd(tasks=50)
    for name in ("MajorityVote", "Wawa", "ZeroBasedSkill", "DawidSkene", "OneCoinDawidSkene", "GLAD", "MACE", "MMSR", "BCC",
                 "Pooled"):
        model = getattr(labels, name)().fit(data)
        assert model.method in labels.methods() and np.allclose(model.probas_.sum(axis=1), 1)
    with pytest.raises(cafe.CafeError, match="two classes"):
        labels.KOS().fit(data)
    with pytest.raises(cafe.CafeError, match="iterations: mv has none"):
        labels.aggregate(data, "mv", iterations=3)
    with pytest.raises(cafe.CafeError, match="not in 1...1000000"):
        labels.GLAD(n_iter=0).fit(data)
