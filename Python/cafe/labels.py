"""Aggregation of crowd labels with crowd-kit's interface, over the C core.

``DawidSkene().fit_predict(frame)`` takes a DataFrame with the columns ``task``, ``worker``, ``label`` and returns a Series
of labels by task; ``fit_predict_proba`` a DataFrame of probabilities. Same answers as crowd-kit's classes of the same name
where both have the method (docs/results/python.md lists what differs), many times as fast.
"""

from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _native

if TYPE_CHECKING:
    import pandas

__all__ = ["DawidSkene", "GLAD", "MajorityVote", "OneCoinDawidSkene", "WeightedVote", "aggregate", "methods"]


def methods() -> list[str]:
    """The names of all aggregation methods of the core."""
    return _native.call("aggregators")["names"]


class _Aggregator:
    """What all aggregators share. ``seed`` decides ties; ``n_iter`` and ``tol`` end EM."""

    method = ""

    def __init__(self, n_iter: int | None = None, tol: float | None = None, seed: int = 0) -> None:
        self.n_iter, self.tol, self.seed = n_iter, tol, seed

    def fit(self, data: pandas.DataFrame) -> _Aggregator:
        """Fits the method to labels; the results are ``labels_``, ``probas_``, ``priors_``, ``errors_``, ``skills_``."""
        import pandas

        missing = [name for name in ("task", "worker", "label") if name not in data.columns]
        if missing:
            raise _native.CafeError(f"the table has no column {missing[0]!r}: it has {', '.join(map(str, data.columns))}")
        if data[["task", "worker", "label"]].isna().any(axis=None):
            row = data.index[data[["task", "worker", "label"]].isna().any(axis=1)][0]
            raise _native.CafeError(f"row {row!r}: an empty cell")
        tasks, task_names = pandas.factorize(data["task"], sort=True)
        workers, worker_names = pandas.factorize(data["worker"], sort=True)
        labels, label_names = pandas.factorize(data["label"], sort=True)
        classes = max(2, len(label_names))
        fit = _fit(
            self.method, tasks, workers, labels, len(task_names), len(worker_names), classes, self.n_iter, self.tol, self.seed
        )
        names = pandas.Index(task_names, name="task")
        self.report_ = fit["report"]
        self.probas_ = pandas.DataFrame(
            fit["posterior"][:, : len(label_names)], index=names, columns=pandas.Index(label_names, name="label")
        )
        self.labels_ = pandas.Series(np.asarray(label_names)[fit["winner"]], index=names, name="agg_label")
        prior = fit["report"].get("prior")
        self.priors_ = None if prior is None else pandas.Series(prior[: len(label_names)], index=label_names, name="prior")
        self.skills_ = None
        if fit["report"]["skills"]:
            self.skills_ = pandas.Series(fit["skills"], index=pandas.Index(worker_names, name="worker"), name="skill")
        self.errors_ = None
        if fit["report"]["errors"]:
            # crowd-kit's layout: rows (worker, given label), columns true label.
            matrix = fit["errors"].transpose(0, 2, 1).reshape(-1, classes)
            index = pandas.MultiIndex.from_product([worker_names, range(classes)], names=["worker", "label"])
            errors = pandas.DataFrame(matrix, index=index)
            if classes == len(label_names):
                index = pandas.MultiIndex.from_product([worker_names, label_names], names=["worker", "label"])
                errors = pandas.DataFrame(matrix, index=index, columns=pandas.Index(label_names, name="true"))
            self.errors_ = errors
        return self

    def fit_predict(self, data: pandas.DataFrame) -> pandas.Series:
        """The label of each task."""
        return self.fit(data).labels_

    def fit_predict_proba(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The probability of each label (columns) for each task (rows)."""
        return self.fit(data).probas_


def _fit(
    method: str, tasks: Any, workers: Any, labels: Any, task_count: int, worker_count: int, class_count: int,
    iterations: int | None = None, tolerance: float | None = None, seed: int = 0,
) -> dict[str, Any]:
    columns = [np.ascontiguousarray(column, np.int32) for column in (tasks, workers, labels)]
    posterior = np.zeros((task_count, class_count))
    winner = np.zeros(task_count, np.int64)
    cells = worker_count * class_count * class_count
    errors = np.zeros((worker_count, class_count, class_count)) if method == "ds" and cells <= 1 << 28 else None
    skills = np.zeros(worker_count)
    request: dict[str, Any] = {"method": method, "seed": seed}
    if iterations is not None:
        request["iterations"] = iterations
    if tolerance is not None:
        request["tolerance"] = tolerance
    pointers = [ctypes.c_void_p(column.ctypes.data) for column in columns]
    text = _native.take_text(
        _native.lib().cafe_labels_aggregate(
            json.dumps(request).encode(), len(columns[0]), *pointers, task_count, worker_count, class_count,
            posterior.ctypes.data, winner.ctypes.data, None if errors is None else errors.ctypes.data, skills.ctypes.data,
        )
    )
    return {"report": json.loads(text), "posterior": posterior, "winner": winner, "errors": errors, "skills": skills}


class MajorityVote(_Aggregator):
    """The most frequent label; ties by a coin of ``seed`` (crowd-kit: by the order of the labels)."""

    method = "mv"


class WeightedVote(_Aggregator):
    """A vote weighted by each worker's agreement with the majority (crowd-kit: ``Wawa``)."""

    method = "weighted"


class DawidSkene(_Aggregator):
    """A confusion matrix per worker, by EM (Dawid and Skene 1979)."""

    method = "ds"


class OneCoinDawidSkene(_Aggregator):
    """One accuracy per worker, by EM."""

    method = "one-coin"


class GLAD(_Aggregator):
    """Abilities of workers and easiness of tasks (Whitehill et al. 2009)."""

    method = "glad"


def aggregate(data: pandas.DataFrame, method: str = "ds", **options: Any) -> pandas.Series:
    """The labels of one of ``methods()``."""
    aggregator = _Aggregator(**options)
    if method not in methods():
        raise _native.CafeError(f"method {method!r} is none of {', '.join(methods())}")
    aggregator.method = method
    return aggregator.fit_predict(data)
