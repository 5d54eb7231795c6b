"""The dispatch game as PufferLib's native environment: ``pufferlib.vector.make(DispatchPufferEnv, env_kwargs={...})``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pufferlib

from .vector import Array, _Rows

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._games import GameOptions


class DispatchPufferEnv(pufferlib.PufferEnv):
    """N games of M workers as N * M agents, which share one policy; buffers are written in place.

    ``action_masks`` int8 [N * M, K] says what is allowed; PufferLib's own policies do not look at it, and illegal actions
    count as 0. Each end of a game is an info: ``{"revenue": ...}``. Options: those of ``cafe.parallel_env``.
    """

    def __init__(self, games: int = 1, buf: Any = None, seed: int = 0, **options: Unpack[GameOptions]) -> None:
        self._rows = _Rows(games, seed, options)
        self.num_agents = self._rows.rows
        self.single_observation_space = self._rows.observation_space
        self.single_action_space = self._rows.action_space
        self._revenue = [0.0] * games
        super().__init__(buf)

    @property
    def action_masks(self) -> Array:
        """What each row may do."""
        return self._rows.masks

    def reset(self, seed: int | None = None) -> tuple[Array, list[dict[str, float]]]:
        """Starts episodes 0 ..< N of the seed."""
        if seed is not None:
            self._rows.seed = int(seed)
        self._rows.reset()
        self.observations[:] = self._rows.observations
        self.rewards[:], self.terminals[:], self.truncations[:] = 0, False, False
        self._revenue = [0.0] * self._rows.games.count
        return self.observations, []

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, list[dict[str, float]]]:
        """Plays one window of every game; games that end begin their next episode at once."""
        rewards, ended = self._rows.step(actions)
        self.observations[:] = self._rows.observations
        self.rewards[:], self.terminals[:] = rewards, ended
        infos = []
        paid = self._rows.games.rewards
        team = self._rows.games.options.get("reward", "team") == "team"
        for game in range(self._rows.games.count):
            self._revenue[game] += float(paid[game, 0] if team else paid[game].sum())
            if self._rows.games.ended[game]:
                infos.append({"revenue": self._revenue[game]})
                self._revenue[game] = 0.0
        return self.observations, self.rewards, self.terminals, self.truncations, infos

    def close(self) -> None:
        """Nothing is left open."""
