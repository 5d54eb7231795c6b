"""CAFE: who does which task in crowdsourcing.

- ``cafe.parallel_env(...)``: the dispatch game as a PettingZoo environment; ``cafe.vector`` for Gymnasium, Stable-Baselines3
  and PufferLib; ``cafe.torchrl``, ``cafe.benchmarl``, ``cafe.puffer`` and ``cafe.epymarl`` for those frameworks.
- ``cafe.labels``: aggregation of crowd labels with crowd-kit's interface, replay, live sessions.
- ``cafe.dispatch(request)``, ``cafe.Dispatcher``: assignments for a moment, as JSON documents.
- ``cafe.evaluate(...)``, ``cafe.load(run)``: policies on episodes, as tables.
- ``cafe.cli(...)`` and the command ``cafe-cli``: everything that the command line does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal

from ._native import CafeError, call, set_threads
from ._program import Run, cli, evaluate, evaluate_report, load
from ._requests import Dispatcher, dispatch

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from . import benchmarl, envs, epymarl, labels, puffer, simple_spread_v3, torchrl, vector
    from ._games import GameOptions

__version__ = "0.2.0"
__all__ = [
    "CafeError", "Dispatcher", "Run", "benchmarl", "call", "cli", "dispatch", "envs", "epymarl", "evaluate",
    "evaluate_report", "labels", "load", "parallel_env", "puffer", "set_threads", "simple_spread_v3", "torchrl", "vector",
]


def parallel_env(
    mask: Literal["observation", "info"] = "observation",
    render_mode: Literal["rgb_array", "ansi"] | None = None,
    **options: Unpack[GameOptions],
) -> envs.DispatchEnv:
    """The dispatch game as a PettingZoo ``ParallelEnv``; see ``cafe.envs.DispatchEnv`` for the options."""
    from .envs import DispatchEnv

    return DispatchEnv(mask, render_mode, **options)


def __getattr__(name: str) -> Any:
    if name in ("envs", "labels", "vector", "benchmarl", "epymarl", "puffer", "simple_spread_v3", "torchrl"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'cafe' has no attribute {name!r}")
