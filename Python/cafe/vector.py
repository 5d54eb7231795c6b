"""Many games at once: Gymnasium's ``VectorEnv``, Stable-Baselines3's ``VecEnv`` and PufferLib's buffers.

Agents share one policy: each agent of each game is one row, so N games of M workers are N * M environments. Games that end
begin their next episode at once (the same step's observations are those of the new episode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import numpy.typing as npt

from ._games import GameOptions, Games

if TYPE_CHECKING:
    from typing_extensions import Unpack

Array = npt.NDArray[Any]
Info = dict[str, Any]


class _Rows:
    """N games as N * M rows: seeds, resets and steps."""

    def __init__(self, games: int, seed: int, options: GameOptions) -> None:
        self.games = Games(games, **options)
        self.rows = self.games.count * self.games.agents
        self.seed = seed
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (self.games.observation_width,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(self.games.actions)

    def reset(self) -> None:
        for game in range(self.games.count):
            self.games.reset(game, self.seed, game)
        self.games.observe()

    @property
    def observations(self) -> Array:
        return self.games.observations.reshape(self.rows, -1)

    @property
    def masks(self) -> Array:
        return self.games.mask.reshape(self.rows, -1)

    def step(self, actions: Array) -> tuple[Array, Array]:
        self.games.step(np.asarray(actions).reshape(self.games.count, self.games.agents), autoreset=True)
        return self.games.rewards.reshape(-1), np.repeat(self.games.ended, self.games.agents)


class DispatchVectorEnv(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """N games as a Gymnasium ``VectorEnv`` with N * M environments, one per agent; autoreset in the same step.

    ``infos["action_mask"]`` is int8 [N * M, K].
    """

    metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}

    def __init__(self, games: int = 1, seed: int = 0, **options: Unpack[GameOptions]) -> None:
        self._rows = _Rows(games, seed, options)
        self.num_envs = self._rows.rows
        self.single_observation_space = self._rows.observation_space
        self.single_action_space = self._rows.action_space
        self.observation_space = gymnasium.vector.utils.batch_space(self.single_observation_space, self.num_envs)
        self.action_space = gymnasium.vector.utils.batch_space(self.single_action_space, self.num_envs)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, Info]:
        """Starts episodes 0 ..< N of the seed."""
        if seed is not None:
            self._rows.seed = int(seed)
        self._rows.reset()
        return self._rows.observations.copy(), {"action_mask": self._rows.masks.copy()}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, Info]:
        """Plays one window of every game."""
        rewards, ended = self._rows.step(actions)
        info: dict[str, Any] = {"action_mask": self._rows.masks.copy()}
        if ended.any():
            final = np.empty(self.num_envs, object)
            for row in np.flatnonzero(ended):
                final[row] = np.zeros(self._rows.games.observation_width, np.float32)
            info |= {"final_obs": final, "_final_obs": ended.copy()}
        return self._rows.observations.copy(), rewards.astype(np.float64), ended, np.zeros_like(ended), info

    def close(self, **_: Any) -> None:
        """Nothing is left open."""


def sb3_env(games: int = 1, seed: int = 0, **options: Unpack[GameOptions]) -> Any:
    """N games as a Stable-Baselines3 ``VecEnv`` of N * M environments with ``action_masks`` (for MaskablePPO)."""
    from stable_baselines3.common.vec_env import VecEnv

    class DispatchVecEnv(VecEnv):
        """See ``sb3_env``."""

        def __init__(self) -> None:
            self._rows = _Rows(games, seed, options)
            self._actions = np.zeros(self._rows.rows, np.int32)
            self._returns = np.zeros(self._rows.rows)
            self._lengths = np.zeros(self._rows.rows, int)
            self.render_mode = None
            super().__init__(self._rows.rows, self._rows.observation_space, self._rows.action_space)

        def reset(self) -> Array:
            if self._seeds and self._seeds[0] is not None:
                self._rows.seed = int(self._seeds[0])
            self._reset_seeds()
            self._rows.reset()
            self._returns[:], self._lengths[:] = 0, 0
            return self._rows.observations.copy()

        def step_async(self, actions: Array) -> None:
            self._actions = np.asarray(actions, np.int32)

        def step_wait(self) -> tuple[Array, Array, Array, list[Info]]:
            rewards, ended = self._rows.step(self._actions)
            self._returns += rewards
            self._lengths += 1
            infos: list[Info] = [{} for _ in range(self.num_envs)]
            for row in np.flatnonzero(ended):
                infos[row] = {
                    "episode": {"r": float(self._returns[row]), "l": int(self._lengths[row]), "t": 0.0},
                    "terminal_observation": np.zeros(self._rows.games.observation_width, np.float32),
                    "TimeLimit.truncated": False,
                }
                self._returns[row], self._lengths[row] = 0, 0
            return self._rows.observations.copy(), rewards.copy(), ended, infos

        def action_masks(self) -> Array:
            """What each row may do, bool [N * M, K]."""
            return self._rows.masks.astype(bool)

        def close(self) -> None:
            pass

        def has_attr(self, attr_name: str) -> bool:
            return hasattr(self, attr_name)

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(self, attr_name, None)] * len(list(self._get_indices(indices)))

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            setattr(self, attr_name, value)

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            rows = list(self._get_indices(indices))
            if method_name == "action_masks":
                masks = self.action_masks()
                return [masks[row] for row in rows]
            raise AttributeError(f"the dispatch game has no method {method_name!r}")

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * len(list(self._get_indices(indices)))

    return DispatchVecEnv()


class PufferDispatch:
    """PufferLib's native contract: buffers that ``reset`` and ``step`` write in place.

    ``observations`` float32 [N * M, O], ``rewards`` float32 [N * M], ``terminals``, ``truncations`` and ``masks`` bool.
    Pass ``buf`` with arrays of these names to let the trainer own them.
    """

    observations: npt.NDArray[np.float32]
    rewards: npt.NDArray[np.float32]
    terminals: npt.NDArray[np.bool_]
    truncations: npt.NDArray[np.bool_]
    masks: npt.NDArray[np.bool_]
    actions: npt.NDArray[np.int32]

    def __init__(self, games: int = 1, seed: int = 0, buf: Any = None, **options: Unpack[GameOptions]) -> None:
        self._rows = _Rows(games, seed, options)
        self.num_agents = self._rows.rows
        self.agents_per_batch = self.num_agents
        self.single_observation_space = self._rows.observation_space
        self.single_action_space = self._rows.action_space
        self.emulated = None
        self.done = False
        shapes = {
            "observations": (self._rows.observations.shape, np.float32), "rewards": ((self.num_agents,), np.float32),
            "terminals": ((self.num_agents,), bool), "truncations": ((self.num_agents,), bool),
            "masks": ((self.num_agents,), bool), "actions": ((self.num_agents,), np.int32),
        }
        for name, (shape, kind) in shapes.items():
            given = getattr(buf, name, None) if buf is not None else None
            setattr(self, name, np.zeros(shape, kind) if given is None else given)
        self.masks[:] = True
        self.action_masks = self._rows.masks

    def reset(self, seed: int | None = None) -> tuple[Array, list[Any]]:
        """Starts episodes 0 ..< N of the seed."""
        if seed is not None:
            self._rows.seed = int(seed)
        self._rows.reset()
        self.observations[:] = self._rows.observations
        return self.observations, []

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, list[Any]]:
        """Plays one window of every game."""
        rewards, ended = self._rows.step(actions)
        self.observations[:] = self._rows.observations
        self.rewards[:], self.terminals[:] = rewards, ended
        return self.observations, self.rewards, self.terminals, self.truncations, []

    def close(self) -> None:
        """Nothing is left open."""
