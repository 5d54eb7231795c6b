"""CAFE: who does which task in crowdsourcing.

- ``cafe.parallel_env(...)``: the dispatch game as a PettingZoo environment; ``cafe.vector`` for Gymnasium, Stable-Baselines3
  and PufferLib; ``cafe.benchmarl`` and ``cafe.epymarl`` for those frameworks.
- ``cafe.labels``: aggregation of crowd labels with crowd-kit's interface, replay, live sessions.
- ``cafe.dispatch(request)``, ``cafe.Dispatcher``: assignments for a moment, as JSON documents.
- ``cafe.evaluate(...)``, ``cafe.load(run)``: policies on episodes, as tables.
- ``cafe.cli(...)`` and the command ``cafe-cli``: everything that the command line does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._native import CafeError, call, set_threads
from ._program import Run, cli, evaluate, load
from ._requests import Dispatcher, dispatch

if TYPE_CHECKING:
    from . import envs, labels, vector

__version__ = "0.2.0"
__all__ = [
    "CafeError", "Dispatcher", "Run", "call", "cli", "dispatch", "envs", "evaluate", "labels", "load", "parallel_env",
    "set_threads", "simple_spread_v3", "vector",
]


def parallel_env(**options: Any) -> envs.DispatchEnv:
    """The dispatch game as a PettingZoo ``ParallelEnv``; see ``cafe.envs.DispatchEnv`` for the options."""
    from .envs import DispatchEnv

    return DispatchEnv(**options)


def __getattr__(name: str) -> Any:
    if name in ("envs", "labels", "vector", "benchmarl", "epymarl", "simple_spread_v3"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'cafe' has no attribute {name!r}")
