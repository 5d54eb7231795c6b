"""Assignments for a moment: the JSON documents of docs/api.md as dictionaries."""

from __future__ import annotations

from typing import Any

from ._native import CafeError, call


class DispatchError(CafeError):
    """A request that cannot be answered: ``path`` names the field, ``code`` the kind of error."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer.get("error", "the request cannot be answered"))
        self.path, self.code = answer.get("path", ""), answer.get("code", 2)


def _ask(verb: str, document: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = call(verb, document)
    if answer.get("code", 0) != 0:
        raise DispatchError(answer)
    return answer


def dispatch(request: dict[str, Any]) -> dict[str, Any]:
    """The plan for one moment. Raises ``DispatchError`` where the request is wrong."""
    return _ask("dispatch", request)


class Dispatcher:
    """Answers a stream of moments with one policy, which stays loaded for the calling thread.

    ``Dispatcher("cafe-chengdu").plan(request)`` sets the request's policy and seed unless it has its own. ``policy`` is
    the name of a rule, of a learnt rule, or the folder of a run.
    """

    def __init__(self, policy: str = "cafe-chengdu", seed: int = 1) -> None:
        self.policy, self.seed = str(policy), seed

    def plan(self, request: dict[str, Any]) -> dict[str, Any]:
        """Who goes where, and why not: assignments, idle workers, unassigned tasks. Raises ``DispatchError``."""
        return dispatch({"policy": self.policy, "seed": self.seed, **request})

    def check(self, plan: dict[str, Any], request: dict[str, Any]) -> list[dict[str, Any]]:
        """The rules that a plan of any origin breaks; empty where it keeps all."""
        violations: list[dict[str, Any]] = _ask("check", {**request, "plan": plan})["violations"]
        return violations

    def recommend(self, task: str, request: dict[str, Any], count: int = 5) -> list[dict[str, Any]]:
        """The best workers and teams for one task, the best first."""
        question = {"task": task, "count": count, "request": request}
        options: list[dict[str, Any]] = _ask("recommend", question)["options"]
        return options
