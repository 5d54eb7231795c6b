"""Live collection of labels and replays of recorded ones."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _native, _program

if TYPE_CHECKING:
    import pandas


class Session:
    """A live labelling session in a folder: whom to ask about what next, and every answer on the disk.

    ``Session.create(folder, tasks=..., classes=..., budget=...)`` makes one, ``Session(folder)`` opens it again, in any
    process: one at a time. Money is never overspent, and a process that dies loses nothing.

        with Session.create("animals", tasks=["a", "b"], classes=["cat", "dog"], budget=10, workers=["ann"]) as session:
            for question in session.next(["ann"]):
                session.record(question["task"], question["worker"], ask(question))
            print(session.labels())
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        self._handle = _native.lib().cafe_session_open(os.fsencode(self.folder))
        if not self._handle:
            raise _native.error()

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike,
        *,
        tasks: Iterable[str] | Mapping[str, str],
        classes: Sequence[str],
        budget: float,
        workers: Iterable[str] | Mapping[str, float] = (),
        gold: Mapping[str, str] | None = None,
        families: Mapping[str, Sequence[str]] | None = None,
        soft: pandas.DataFrame | None = None,
        method: str = "pooled",
        explore: int = 0,
        stop_at: float | None = None,
        lease: float | None = None,
        max_open: int | None = None,
        seed: int = 0,
    ) -> Session:
        """Starts a session in a new folder and opens it.

        ``tasks``: names, or a dict of name to context. ``workers``: names (a label costs 1), or a dict of name to price;
        they may join later too. ``gold``: tasks of known class. ``stop_at``: the posterior at which a task is settled.
        ``lease``: after how many seconds a question lapses. ``families``: a name to workers, or to models of ``soft``, whose errors
        go together: on one task they count as one voice. ``soft``: models' class probabilities, a table as the aggregators
        take it, of these tasks and classes: each model is one more worker who has answered, at a weight that is learnt. Raises
        ``CafeError``, and no session is there.
        """
        items = list(tasks.items()) if isinstance(tasks, Mapping) else [(task, None) for task in tasks]
        people = workers.items() if isinstance(workers, Mapping) else ((worker, None) for worker in workers)
        document = {
            "folder": os.fspath(folder), "classes": list(classes), "budget": float(budget), "method": method,
            "explore": explore, "stopAt": stop_at, "lease": lease, "maxOpen": max_open, "seed": seed,
            "tasks": [{"task": task} | ({} if context is None else {"context": context}) for task, context in items],
            "workers": [{"worker": name} | ({} if cost is None else {"cost": cost}) for name, cost in people],
            "gold": [{"task": task, "label": label} for task, label in (gold or {}).items()],
            "families": [{"family": name, "members": list(members)} for name, members in (families or {}).items()],
            "soft": None if soft is None else _soft_rows(soft, [task for task, _ in items], list(classes)),
        }
        _native.call("label.init", {key: value for key, value in document.items() if value is not None})
        return cls(folder)

    def next(
        self, workers: Sequence[str] | None = None, count: int = 1, *, join: bool = False, cost: float | None = None,
        family: str | None = None, new: bool = False, max_open: int | None = None,
    ) -> list[dict[str, Any]]:
        """Up to ``count`` questions for those of ``workers`` who are there now (everyone if None): dicts with ``id``,
        ``task``, ``worker``, ``probability``, ``exploration``. What a worker has not answered yet is given again unless
        ``new``. ``join`` lets newcomers in at ``cost`` a label, into the ``family`` of those whose errors go together. Empty where there is nothing to ask: ``why`` says why.
        """
        document = {"count": count, "join": join, "new": new}
        for key, value in {"workers": workers, "cost": cost, "family": family, "maxOpen": max_open}.items():
            if value is not None:
                document[key] = list(value) if key == "workers" else value
        answer = self._call("next", document)
        self.why: str | None = answer["reason"]
        return answer["questions"]

    def record(self, task: str, worker: str, label: str) -> bool:
        """Records an answer; True if it is new. The same answer twice is harmless, another one raises ``CafeError``."""
        return self._call("record", {"task": task, "worker": worker, "label": label})["recorded"] == 1

    def decline(self, task: str, worker: str) -> bool:
        """The worker will not answer: the question is withdrawn and its price free again. True if it was open."""
        return self._call("decline", {"task": task, "worker": worker})["declined"] == 1

    def expire(self, seconds: float) -> list[dict[str, Any]]:
        """Withdraws questions that have been outstanding for so long, and returns them."""
        return self._call("expire", {"seconds": seconds})["expired"]

    def join(self, workers: Iterable[str] | Mapping[str, float], *, family: str | None = None) -> None:
        """Lets workers in, all or none: names, or a dict of name to price of a label. ``family``: that of those whose errors go
        together with theirs, new or known."""
        people = workers.items() if isinstance(workers, Mapping) else ((worker, 1.0) for worker in workers)
        kin = {} if family is None else {"family": family}
        self._call("join", {"workers": [{"worker": name, "cost": cost} | kin for name, cost in people]})

    def bar(self, worker: str) -> None:
        """The worker is not asked any more."""
        self._call("bar", {"worker": worker})

    def unbar(self, worker: str) -> None:
        """The worker may be asked again."""
        self._call("unbar", {"worker": worker})

    def gold(self, task: str, label: str) -> None:
        """An expert tells the class of a task."""
        self._call("gold", {"task": task, "label": label})

    def set_budget(self, limit: float) -> None:
        """Another budget, not below what is spent and set aside."""
        self._call("budget", {"limit": float(limit)})

    def status(self) -> dict[str, Any]:
        """Budget, spent, committed, free; workers, families, models, labels, settled tasks, outstanding questions."""
        return self._call("status")

    def labels(self, method: str = "session") -> pandas.DataFrame:
        """One row a task: ``label`` (None without labels), ``confidence``, ``labels`` (how many), by the session's own
        estimate or by one of ``cafe.labels.methods()``.
        """
        import pandas

        return pandas.DataFrame(self._call("labels", {"method": method})["answers"]).set_index("task")

    def raw(self) -> pandas.DataFrame:
        """Every label: columns ``task``, ``worker``, ``label``, as the aggregators take them."""
        import pandas

        columns = self._call("raw")
        return pandas.DataFrame({"task": columns["tasks"], "worker": columns["workers"], "label": columns["labels"]})

    def close(self) -> None:
        """Lets another process open the session. Every answer is on the disk already."""
        if getattr(self, "_handle", None):
            _native.lib().cafe_session_close(self._handle)
            self._handle = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _call(self, verb: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._handle:
            raise _native.CafeError(f"{self.folder}: the session is closed")
        text = _native.lib().cafe_session_call(self._handle, verb.encode(), json.dumps(document or {}).encode())
        return json.loads(_native.take_text(text))


def _soft_rows(table: pandas.DataFrame, tasks: list[str], classes: list[str]) -> dict[str, Any]:
    """A table of models' class probabilities as ``label.init`` takes it: tasks by their places, probabilities in the classes' order."""
    from .labels import _SoftRows

    rows = _SoftRows(table, classes, [])
    place = {task: number for number, task in enumerate(tasks)}
    strange = [task for task in rows.tasks if task not in place]
    if strange:
        raise _native.CafeError(f"soft: there is no task {strange[0]!r}")
    more = [name for name in rows.labels if name not in classes]
    if more:
        raise _native.CafeError(f"soft: the column {more[0]!r} is none of the classes")
    document = rows.document(rows.tasks)
    order = [list(rows.labels).index(name) for name in classes]
    return document | {
        "tasks": [place[task] for task in rows.tasks],
        "probabilities": [[row[k] for k in order] for row in document["probabilities"]],
    }


def replay(
    data: pandas.DataFrame, truth: pandas.Series, methods: Sequence[str] = ("random", "bbta", "pooled"), *, runs: int = 10,
    budgets: Sequence[float] | None = None, seed: int = 0, **options: Any,
) -> pandas.DataFrame:
    """How right each way of choosing whom to ask is, at each budget, on recorded labels: only recorded pairs are asked.

    ``data`` has the columns ``task``, ``worker``, ``label``, ``truth`` is the right label by task. Returns one row per
    method and budget: ``method``, ``budget``, ``spent``, ``mean``, ``se``. Further keyword arguments become options of
    ``cafe-cli label replay``.
    """
    import pandas

    with tempfile.TemporaryDirectory() as folder:
        labels, known, out = (Path(folder) / name for name in ("labels.csv", "truth.csv", "curves.csv"))
        data[["task", "worker", "label"]].to_csv(labels, index=False)
        pandas.DataFrame({"task": truth.index, "truth": truth.to_numpy()}).to_csv(known, index=False)
        arguments = ["label", "replay", "--labels", labels, "--truth", known, "--recorded-only", "--runs", str(runs)]
        arguments += ["--methods", ",".join(methods), "--seed", str(seed), "--csv", out]
        if budgets is not None:
            arguments += ["--budgets", ",".join(f"{budget:g}" for budget in budgets)]
        arguments += _program.to_arguments(options)
        _program.cli(*arguments)
        return pandas.read_csv(out)
