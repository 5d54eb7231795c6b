"""Aggregation of crowd labels with crowd-kit's interface, over the C core.

``DawidSkene().fit_predict(frame)`` takes a DataFrame with the columns ``task``, ``worker``, ``label`` and returns a Series
of labels by task; ``fit_predict_proba`` a DataFrame of probabilities. docs/results/python.md shows how far the answers are
those of crowd-kit's classes of the same name, and how long both take. ``Session`` collects labels live.
"""

from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _native

if TYPE_CHECKING:
    import pandas

from ._sessions import Session, replay

__all__ = [
    "BCC", "DawidSkene", "GLAD", "KOS", "MACE", "MMSR", "MajorityVote", "OneCoinDawidSkene", "Pooled", "Session", "TwoStage",
    "Wawa", "ZeroBasedSkill", "aggregate", "methods", "replay",
]


def methods() -> list[str]:
    """The names of all aggregation methods of the core."""
    return _native.call("aggregators")["names"]


class _Aggregator:
    """What all aggregators share: ``fit``, ``fit_predict`` and ``fit_predict_proba`` on a table of labels.

    After a fit: ``labels_`` (Series by task), ``probas_`` (DataFrame, tasks by labels), ``skills_`` (Series by worker),
    ``priors_``, ``errors_`` (DataFrame by worker and given label, one column a true label), None where the method has no
    such thing; ``report_`` is what the core says of the fit: iterations, converged, ties.

    ``soft``, for DawidSkene, OneCoinDawidSkene, BCC and Pooled: a table of models' class probabilities, a row a task and
    model, with the columns ``task``, ``worker`` (one model if there is none) and one a label; or the DataFrame of
    ``fit_predict_proba``, tasks by labels. A model is one more worker, whose weight is learnt: ``soft_weights_``, by
    model, 1 takes its probabilities at their word, 0 leaves them out.
    """

    method = ""

    def __init__(self, seed: int = 0, **options: Any) -> None:
        self.seed = seed
        self._options = {name: value for name, value in options.items() if value is not None}

    def fit(self, data: pandas.DataFrame, soft: pandas.DataFrame | None = None) -> _Aggregator:
        """Fits the method to labels; the results are ``labels_``, ``probas_``, ``priors_``, ``errors_``, ``skills_``."""
        import pandas

        missing = [name for name in ("task", "worker", "label") if name not in data.columns]
        if missing:
            raise _native.CafeError(f"the table has no column {missing[0]!r}: it has {', '.join(map(str, data.columns))}")
        if data[["task", "worker", "label"]].isna().any(axis=None):
            row = data.index[data[["task", "worker", "label"]].isna().any(axis=1)][0]
            raise _native.CafeError(f"row {row}: an empty cell")
        tasks, task_names = pandas.factorize(data["task"], sort=True)
        workers, worker_names = pandas.factorize(data["worker"], sort=True)
        labels, label_names = pandas.factorize(data["label"], sort=True)
        options = self._options
        if soft is not None:
            rows = _SoftRows(soft, data["label"], worker_names)
            task_names = np.sort(np.union1d(task_names, rows.tasks))
            label_names = rows.labels
            tasks, labels = np.searchsorted(task_names, data["task"]), np.searchsorted(label_names, data["label"])
            options = options | {"soft": rows.document(task_names)}
        classes = max(2, len(label_names))
        fit = _fit(
            self.method, tasks, workers, labels, len(task_names), len(worker_names), classes, self.seed, options
        )
        names = pandas.Index(task_names, name="task")
        self.report_ = fit["report"]
        self._after(fit, names, worker_names)
        self.probas_ = pandas.DataFrame(
            fit["posterior"][:, : len(label_names)], index=names, columns=pandas.Index(label_names, name="label")
        )
        self.labels_ = pandas.Series(np.asarray(label_names)[fit["winner"]], index=names, name="agg_label")
        self.soft_weights_ = None
        if fit["report"].get("softWeights") is not None:
            models = pandas.Index(fit["report"]["models"], name="worker")
            self.soft_weights_ = pandas.Series(fit["report"]["softWeights"], index=models, name="weight")
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

    def _after(self, fit: dict[str, Any], tasks: Any, workers: Any) -> None:
        """What a method keeps besides."""

    def fit_predict(self, data: pandas.DataFrame, soft: pandas.DataFrame | None = None) -> pandas.Series:
        """The label of each task."""
        return self.fit(data, soft).labels_

    def fit_predict_proba(self, data: pandas.DataFrame, soft: pandas.DataFrame | None = None) -> pandas.DataFrame:
        """The probability of each label (columns) for each task (rows)."""
        return self.fit(data, soft).probas_


class _SoftRows:
    """A table of models' class probabilities, as the core takes it."""

    def __init__(self, table: pandas.DataFrame, given: pandas.Series, workers: Any) -> None:
        self.tasks = np.asarray(table["task"] if "task" in table.columns else table.index)
        names = table["worker"] if "worker" in table.columns else np.full(len(table), "model", object)
        self.models = sorted({str(name) for name in names})
        self.rows = [self.models.index(str(name)) for name in names]
        columns = [name for name in table.columns if name not in ("task", "worker")]
        missing = sorted(set(given) - set(columns), key=str)
        if missing:
            raise _native.CafeError(f"soft: there is no column for the label {missing[0]!r}")
        both = sorted(set(self.models) & {str(name) for name in workers})
        if both:
            raise _native.CafeError(f"soft: worker {both[0]!r} has labels too, and would count twice")
        self.labels = np.sort(np.asarray(columns))
        self.probabilities = table[list(self.labels)].to_numpy(float)

    def document(self, tasks: Any) -> dict[str, Any]:
        """The rows by the tasks' places in this sorted list of names."""
        bad = np.flatnonzero(~np.isfinite(self.probabilities).all(axis=1))
        if len(bad):
            raise _native.CafeError(f"soft: task {self.tasks[bad[0]]!r} has a probability that is no number")
        return {
            "models": self.models, "tasks": np.searchsorted(tasks, self.tasks).tolist(), "rows": self.rows,
            "probabilities": self.probabilities.tolist(),
        }


def _fit(
    method: str, tasks: Any, workers: Any, labels: Any, task_count: int, worker_count: int, class_count: int,
    seed: int, options: dict[str, Any],
) -> dict[str, Any]:
    columns = [np.ascontiguousarray(column, np.int32) for column in (tasks, workers, labels)]
    posterior = np.zeros((task_count, class_count))
    winner = np.zeros(task_count, np.int64)
    cells = worker_count * class_count * class_count
    errors = np.zeros((worker_count, class_count, class_count)) if method in ("ds", "ds-ml", "two-stage") and cells <= 1 << 28 else None
    skills = np.zeros(worker_count)
    request = {"method": method, "seed": seed, **options}
    pointers = [ctypes.c_void_p(column.ctypes.data) for column in columns]
    text = _native.take_text(
        _native.lib().cafe_labels_aggregate(
            json.dumps(request).encode(), len(columns[0]), *pointers, task_count, worker_count, class_count,
            posterior.ctypes.data, winner.ctypes.data, None if errors is None else errors.ctypes.data, skills.ctypes.data,
        )
    )
    return {"report": json.loads(text), "posterior": posterior, "winner": winner, "errors": errors, "skills": skills}


class MajorityVote(_Aggregator):
    """The most frequent label; ties by a coin of ``seed`` (crowd-kit: the first label)."""

    method = "mv"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)


class Wawa(_Aggregator):
    """Worker agreement with aggregate: a vote weighted by each worker's agreement with the majority."""

    method = "weighted"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)


class ZeroBasedSkill(_Aggregator):
    """A vote weighted by skills, which move towards the worker's agreement with it, ``n_iter`` times (100)."""

    method = "zbs"

    def __init__(self, n_iter: int | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter)


class DawidSkene(_Aggregator):
    """A confusion matrix per worker, by EM (Dawid and Skene 1979), at most ``n_iter`` iterations (100).

    By maximum likelihood as published and as in crowd-kit, with ``smoothing`` added to each count of a confusion matrix;
    ``prior=True`` adds a prior on the diagonal instead, which does better where workers gave few labels.
    """

    def __init__(
        self, n_iter: int | None = None, tol: float | None = None, prior: bool = False, smoothing: float = 1e-9,
        seed: int = 0,
    ) -> None:
        super().__init__(seed, iterations=n_iter, tolerance=tol, smoothing=None if prior else smoothing)
        self.method = "ds" if prior else "ds-ml"


class TwoStage(_Aggregator):
    """Confusion matrices by the method of moments, then Dawid-Skene from there (Zhang, Chen, Zhou, Jordan 2014)."""

    method = "two-stage"

    def __init__(self, n_iter: int | None = None, tol: float | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter, tolerance=tol)


class OneCoinDawidSkene(_Aggregator):
    """One accuracy per worker, by EM; ``skills_`` are the accuracies."""

    method = "one-coin"

    def __init__(self, n_iter: int | None = None, tol: float | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter, tolerance=tol)


class GLAD(_Aggregator):
    """Abilities of workers and easiness of tasks (Whitehill et al. 2009): ``alphas_`` by worker, ``betas_`` by task."""

    method = "glad"

    def __init__(self, n_iter: int | None = None, tol: float | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter, tolerance=tol)

    def _after(self, fit: dict[str, Any], tasks: Any, workers: Any) -> None:
        import pandas

        self.alphas_ = pandas.Series(fit["skills"], index=pandas.Index(workers, name="worker"), name="alpha")
        self.betas_ = pandas.Series(fit["report"]["easiness"], index=tasks, name="beta")


class MACE(_Aggregator):
    """Workers who at times answer without looking (Hovy et al. 2013); ``skills_`` is how often a worker knows.

    The best of ``n_restarts`` (10) random starts of ``n_iter`` (50) variational iterations.
    """

    method = "mace"

    def __init__(self, n_restarts: int | None = None, n_iter: int | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter, restarts=n_restarts)


class MMSR(_Aggregator):
    """M-MSR (Ma and Olshevsky 2020): skills from pairwise agreement, robust to workers who attack together."""

    method = "mmsr"

    def __init__(self, n_iter: int | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter)


class KOS(_Aggregator):
    """Message passing for two classes (Karger, Oh, Shah 2014), ``n_iter`` iterations (100)."""

    method = "kos"

    def __init__(self, n_iter: int | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter)


class BCC(_Aggregator):
    """Independent Bayesian classifier combination: Dawid-Skene averaged over a prior. crowd-kit has no such method."""

    method = "bcc"

    def __init__(self, n_iter: int | None = None, tol: float | None = None, seed: int = 0) -> None:
        super().__init__(seed, iterations=n_iter, tolerance=tol)


class Pooled(_Aggregator):
    """Hierarchical Bayes, the inference of live sessions: who cannot be known well yet is taken for an average worker."""

    method = "pooled"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)


def aggregate(data: pandas.DataFrame, method: str = "ds", seed: int = 0, **options: Any) -> pandas.Series:
    """The labels of one of ``methods()``; ``iterations``, ``tolerance`` and ``restarts`` where the method has them."""
    aggregator = _Aggregator(seed, **options)
    if method not in methods():
        raise _native.CafeError(f"method {method!r} is none of {', '.join(methods())}")
    aggregator.method = method
    return aggregator.fit_predict(data)
