"""Environments for PettingZoo: the dispatch game and simple_spread."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv

from . import _native
from ._games import GameOptions, Games

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Unpack


class DispatchEnv(ParallelEnv):
    """Workers of a city who decide, minute by minute, which task to join: a PettingZoo ``ParallelEnv``.

    Agents are ``worker_0`` ... and stay the same for the whole episode. Action 0 is "stay", action a > 0 joins the a-th
    candidate task; a worker that is busy, off its shift or without a candidate may only stay. Illegal actions count as
    0 and are counted in ``infos[agent]["illegal_actions"]`` (of the whole game).

    ``mask="observation"`` gives observations ``{"observation": float32 [O], "action_mask": int8 [K]}``; ``mask="info"``
    gives arrays, and the mask as ``infos[agent]["action_mask"]``. ``reset(seed=s)`` starts episode 0 of seed s, further
    calls without a seed the episodes after it. The same seed and actions give the same bits as the Swift library.
    """

    metadata = {"name": "cafe_dispatch_v0", "render_modes": ["rgb_array", "ansi"], "is_parallelizable": True}

    def __init__(
        self, mask: Literal["observation", "info"] = "observation", render_mode: Literal["rgb_array", "ansi"] | None = None,
        **options: Unpack[GameOptions],
    ) -> None:
        if mask not in ("observation", "info"):
            raise ValueError(f"mask={mask!r} is neither 'observation' nor 'info'")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode={render_mode!r} is none of {self.metadata['render_modes']}")
        self._arguments: dict[str, Any] = {"mask": mask, "render_mode": render_mode, **options}
        self.mask_in, self.render_mode = mask, render_mode
        self.games = Games(1, **options)
        self.possible_agents = [f"worker_{index}" for index in range(self.games.agents)]
        self.agents: list[str] = []
        rows: gymnasium.spaces.Space[Any] = gymnasium.spaces.Box(
            -np.inf, np.inf, (self.games.observation_width,), np.float32
        )
        if mask == "observation":
            rows = gymnasium.spaces.Dict(
                {"observation": rows, "action_mask": gymnasium.spaces.Box(0, 1, (self.games.actions,), np.int8)}
            )
        self._spaces = {
            agent: (rows, gymnasium.spaces.Discrete(self.games.actions)) for agent in self.possible_agents
        }
        self.state_space = gymnasium.spaces.Box(-np.inf, np.inf, (self.games.state_width,), np.float32)
        self._seed, self._episode = 0, -1

    def __reduce__(self) -> Any:
        return functools.partial(type(self), **self._arguments), ()

    @property
    def unwrapped(self) -> DispatchEnv:
        """This environment itself."""
        return self

    def observation_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """The agent's observations; the same object each time."""
        return self._spaces[agent][0]

    def action_space(self, agent: str) -> gymnasium.spaces.Discrete:
        """The agent's actions; the same object each time."""
        return self._spaces[agent][1]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode: the first of ``seed``, or the next one; ``options={"episode": n}`` chooses one."""
        if seed is not None:
            self._seed, self._episode = int(seed), -1
        self._episode = int((options or {}).get("episode", self._episode + 1))
        self.games.reset(0, self._seed, self._episode)
        self.games.observe()
        self.agents = list(self.possible_agents)
        return self._seen(), self._infos()

    def step(self, actions: dict[str, int]) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]]:
        """Plays one window. An agent that gives no action stays."""
        if not self.agents:
            raise _native.CafeError("the episode is over: call reset")
        chosen = np.zeros((1, self.games.agents), np.int32)
        for index, agent in enumerate(self.possible_agents):
            chosen[0, index] = int(actions.get(agent, 0))
        self.games.step(chosen)
        over = bool(self.games.ended[0])
        rewards = {agent: float(self.games.rewards[0, index]) for index, agent in enumerate(self.agents)}
        seen, infos = self._seen(), self._infos()
        terminations = dict.fromkeys(self.agents, over)
        truncations = dict.fromkeys(self.agents, False)
        if over:
            self.agents = []
        return seen, rewards, terminations, truncations, infos

    def state(self) -> npt.NDArray[Any]:
        """The state of the game for a centralised critic, float32 [S]."""
        return self.games.state()[0].copy()

    def status(self) -> dict[str, float]:
        """now (minutes), revenue and counts of tasks of the present episode."""
        return self.games.status(0)

    def render(self) -> Any:
        """A picture of the present moment, uint8 [400, 400, 3], or a line of text, by ``render_mode``."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() is called without a render_mode")
            return None
        status = self.status()
        if self.render_mode == "ansi":
            return "minute {now:.0f}: revenue {revenue:.3f}, {open} tasks open, {acting} workers decide".format(**status)
        return draw(self.games.state()[0], self.games.agents)

    def close(self) -> None:
        """Nothing is left open."""

    def _seen(self) -> dict[str, Any]:
        rows, mask = self.games.observations[0].copy(), self.games.mask[0].copy()
        if self.mask_in == "observation":
            return {
                agent: {"observation": rows[index], "action_mask": mask[index]}
                for index, agent in enumerate(self.possible_agents)
            }
        return {agent: rows[index] for index, agent in enumerate(self.possible_agents)}

    def _infos(self) -> dict[str, Any]:
        illegal = self.games.status(0)["illegal"]
        mask = self.games.mask[0].copy()
        return {
            agent: {"illegal_actions": illegal} | ({"action_mask": mask[index]} if self.mask_in == "info" else {})
            for index, agent in enumerate(self.possible_agents)
        }


def draw(state: npt.NDArray[np.float32], agents: int, size: int = 400) -> npt.NDArray[Any]:
    """A picture of a game's ``state``: understaffed tasks as a heat map, idle (green) and busy (blue) workers."""
    side = 8
    grids = state[5 + 5 * agents :].reshape(2, side, side)
    heat = np.kron(grids[0], np.ones((size // side, size // side)))
    picture = np.full((size, size, 3), 255, np.uint8)
    shade = (np.clip(heat, 0, 1) * 160).astype(np.uint8)
    picture[:, :, 1] -= shade
    picture[:, :, 2] -= shade
    workers = state[5 : 5 + 5 * agents].reshape(agents, 5)
    for on_shift, idle, x, y, _ in workers:
        if not on_shift:
            continue
        column, row = (np.clip([x, y], 0, 1) * (size - 7)).astype(int)
        picture[row : row + 6, column : column + 6] = (0, 140, 60) if idle else (40, 80, 220)
    return picture[::-1].copy()


class SpreadEnv(ParallelEnv):
    """simple_spread_v3 of PettingZoo's particle environments, with its default settings: three agents, 25 steps.

    The rules are the same; the random beginnings are those of the Swift library, not PettingZoo's.
    """

    metadata = {"name": "cafe_simple_spread_v3", "render_modes": [], "is_parallelizable": True}

    def __init__(self, max_cycles: int = 25, render_mode: str | None = None) -> None:
        self._arguments: dict[str, Any] = {"max_cycles": max_cycles}
        self.max_cycles, self.render_mode = max_cycles, render_mode
        self._handle = _native.lib().cafe_spread_create(1, max_cycles)
        if not self._handle:
            raise _native.error()
        self.possible_agents = [f"agent_{index}" for index in range(3)]
        self.agents: list[str] = []
        self._seen = np.zeros((3, 18), np.float32)
        self._last = np.zeros((3, 18), np.float32)
        self._rewards = np.zeros(3, np.float32)
        self._truncated = np.zeros(1, np.uint8)
        box = gymnasium.spaces.Box(-np.inf, np.inf, (18,), np.float32)
        self._spaces = {agent: (box, gymnasium.spaces.Discrete(5)) for agent in self.possible_agents}
        self.state_space = gymnasium.spaces.Box(-np.inf, np.inf, (54,), np.float32)
        self._seed = -1

    def __reduce__(self) -> Any:
        return functools.partial(type(self), **self._arguments), ()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            _native.lib().cafe_spread_free(self._handle)
            self._handle = None

    def observation_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """18 numbers; the same object each time."""
        return self._spaces[agent][0]

    def action_space(self, agent: str) -> gymnasium.spaces.Discrete:
        """nothing, left, right, down, up; the same object each time."""
        return self._spaces[agent][1]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts the episode of ``seed``, or of the number after the last one."""
        self._seed = self._seed + 1 if seed is None else int(seed)
        _native.check(
            _native.lib().cafe_spread_begin(self._handle, self._seed & (2**64 - 1), self._seen.ctypes.data)
        )
        self.agents = list(self.possible_agents)
        return self._rows(self._seen), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]]:
        """Plays one step of 0.1."""
        if not self.agents:
            raise _native.CafeError("the episode is over: call reset")
        chosen = np.array([int(actions.get(agent, 0)) for agent in self.possible_agents], np.int32)
        _native.check(
            _native.lib().cafe_spread_play(
                self._handle, chosen.ctypes.data, self._seen.ctypes.data, self._rewards.ctypes.data,
                self._truncated.ctypes.data, self._last.ctypes.data,
            )
        )
        over = bool(self._truncated[0])
        agents = self.agents
        rewards = {agent: float(self._rewards[index]) for index, agent in enumerate(agents)}
        if over:
            self._seen[:] = self._last
            self.agents = []
        return (
            self._rows(self._seen), rewards, dict.fromkeys(agents, False), dict.fromkeys(agents, over),
            {agent: {} for agent in agents},
        )

    def state(self) -> npt.NDArray[Any]:
        """What all agents see, float32 [54]."""
        return self._seen.reshape(-1).copy()

    def render(self) -> None:
        """simple_spread has no picture here."""

    def close(self) -> None:
        """Nothing is left open."""

    def _rows(self, rows: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        copy = rows.copy()
        return {agent: copy[index] for index, agent in enumerate(self.possible_agents)}


parallel_env = DispatchEnv
"""The dispatch game as a PettingZoo ``ParallelEnv``; see ``DispatchEnv`` and ``Games`` for the options."""
