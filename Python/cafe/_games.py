"""Batches of dispatch games over the C ABI: numpy arrays in and out, no copies."""

from __future__ import annotations

import ctypes
import json
import os
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from . import _native

if TYPE_CHECKING:
    from typing_extensions import Unpack


class GameOptions(TypedDict, total=False):
    """What a dispatch game is made from; every option has a default."""

    scenario: str
    """The name of a city, or the path of a scenario file ("chengdu")."""
    tasks: int
    """Tasks of an episode (200)."""
    workers: int
    """Workers of an episode, the agents (50)."""
    candidates: int
    """Tasks that an agent is offered at most (8)."""
    window: float
    """Minutes of a step (1)."""
    team_cap: int
    """The most workers of a team (50)."""
    show_position: bool
    """Whether observations hold the worker's place (False)."""
    reward: Literal["team", "share", "difference"]
    """What an agent is paid ("team")."""
    split: Literal["training", "evaluation"]
    """Episodes of training, or those of ``cafe.evaluate``, to test what was trained on the others ("training")."""


OPTIONS = tuple(GameOptions.__annotations__)
_KEYS = {"team_cap": "teamCap", "show_position": "showPosition"}


class Games:
    """N games of collaborative spatial crowdsourcing in step, with M workers as agents each.

    Options (all with defaults): ``scenario`` (a name or the path of a scenario file), ``tasks``, ``workers``,
    ``candidates`` (tasks that an agent is offered), ``window`` (minutes per step), ``team_cap``, ``show_position``,
    ``reward`` ("team", "share" or "difference"), ``split`` ("training", or "evaluation": the episodes of
    ``cafe.evaluate``).

    Arrays: ``observations`` float32 [N, M, O], ``mask`` int8 [N, M, K], ``rewards`` float32 [N, M], ``ended`` bool [N].
    They are overwritten by ``reset`` and ``step``. Action 0 is "stay", action a > 0 the a-th candidate task. Agents that
    have no choice see zeros, and only 0 is allowed. Illegal actions count as 0.
    """

    def __init__(self, games: int = 1, **options: Unpack[GameOptions]) -> None:
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise TypeError(f"unknown option {unknown[0]!r}; the options are {', '.join(OPTIONS)}")
        self.options = dict(options)
        document: dict[str, Any] = {_KEYS.get(key, key): value for key, value in options.items()}
        document["games"] = games
        if "scenario" in document:
            document["scenario"] = os.fspath(document["scenario"])
        self._handle = _native.lib().cafe_games_create(json.dumps(document).encode())
        if not self._handle:
            raise _native.error()
        shape = _native._Shape()
        _native.check(_native.lib().cafe_games_get_shape(self._handle, ctypes.byref(shape)))
        self.count, self.agents, self.actions = shape.games, shape.agents, shape.actions
        self.context_width, self.candidate_width, self.state_width = shape.context, shape.candidate, shape.state
        self.observation_width = shape.context + shape.actions * shape.candidate
        self.observations = np.zeros((self.count, self.agents, self.observation_width), np.float32)
        self.mask = np.zeros((self.count, self.agents, self.actions), np.int8)
        self.rewards = np.zeros((self.count, self.agents), np.float32)
        self.ended = np.zeros(self.count, np.bool_)
        self._state = np.zeros((self.count, self.state_width), np.float32)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            _native.lib().cafe_games_free(self._handle)
            self._handle = None

    def reset(self, game: int, seed: int, episode: int) -> None:
        """Starts episode ``episode`` of ``seed`` in one game; call ``observe`` afterwards."""
        _native.check(_native.lib().cafe_games_reset(self._handle, game, seed & (2**64 - 1), episode))

    def observe(self) -> None:
        """Fills ``observations`` and ``mask``."""
        _native.check(
            _native.lib().cafe_games_observe(self._handle, self.observations.ctypes.data, self.mask.ctypes.data)
        )

    def step(self, actions: npt.ArrayLike, autoreset: bool = False) -> None:
        """Plays actions [N, M] for one window and fills ``rewards``, ``ended``, ``observations`` and ``mask``."""
        chosen = np.ascontiguousarray(actions, np.int32)
        if chosen.shape != (self.count, self.agents):
            raise _native.CafeError(f"actions have the shape {chosen.shape}, not {(self.count, self.agents)}")
        _native.check(
            _native.lib().cafe_games_step(
                self._handle, chosen.ctypes.data, self.rewards.ctypes.data, self.ended.ctypes.data, int(autoreset), None
            )
        )
        self.observe()

    def state(self) -> npt.NDArray[np.float32]:
        """The state of each game for a centralised critic, float32 [N, S]; overwritten by the next call."""
        _native.check(_native.lib().cafe_games_state(self._handle, self._state.ctypes.data))
        return self._state

    def status(self, game: int = 0) -> dict[str, float]:
        """now (minutes), revenue, tasks, ended, open, acting, illegal, episode of one game."""
        status = _native._Status()
        _native.check(_native.lib().cafe_games_get_status(self._handle, game, ctypes.byref(status)))
        return {field[0]: getattr(status, field[0]) for field in status._fields_}
