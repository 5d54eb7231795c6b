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
    answer = call(verb, document)
    if answer.get("code", 0) != 0:
        raise DispatchError(answer)
    return answer


def dispatch(request: dict[str, Any]) -> dict[str, Any]:
    """The plan for one moment. Raises ``DispatchError`` where the request is wrong."""
    return _ask("dispatch", request)


class Dispatcher:
    """Answers a stream of moments with one policy.

    ``Dispatcher("cafe").plan(request)`` sets the request's policy and seed unless it has its own.
    """

    def __init__(self, policy: str = "cafe", seed: int = 1) -> None:
        self.policy, self.seed = policy, seed

    def plan(self, request: dict[str, Any]) -> dict[str, Any]:
        """The plan for one moment."""
        return dispatch({"policy": self.policy, "seed": self.seed, **request})
