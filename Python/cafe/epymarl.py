"""The dispatch game as an EPyMARL/PyMARL ``MultiAgentEnv`` with real available actions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._games import Games


class DispatchMultiAgentEnv:
    """One game with the methods that EPyMARL's runners call. The reward is the team's, a common reward."""

    def __init__(self, episode_limit: int = 400, seed: int = 0, common_reward: bool = True, **options: Any) -> None:
        if not common_reward:
            options.setdefault("reward", "share")
        self.games = Games(1, **options)
        self.n_agents, self.episode_limit = self.games.agents, episode_limit
        self.common_reward = common_reward
        self._seed, self._episode, self._steps = seed, -1, 0

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[list[np.ndarray], dict]:
        """Starts the next episode."""
        if seed is not None:
            self._seed, self._episode = seed, -1
        self._episode, self._steps = self._episode + 1, 0
        self.games.reset(0, self._seed, self._episode)
        self.games.observe()
        return self.get_obs(), {}

    def step(self, actions: Any) -> tuple[list[np.ndarray], Any, bool, bool, dict]:
        """Observations, reward, terminated, truncated, info."""
        self.games.step(np.asarray(actions, np.int32).reshape(1, -1))
        self._steps += 1
        rewards = self.games.rewards[0]
        reward = float(rewards[0]) if self.common_reward else rewards.tolist()
        over = bool(self.games.ended[0])
        return self.get_obs(), reward, over, not over and self._steps >= self.episode_limit, {}

    def get_obs(self) -> list[np.ndarray]:
        return list(self.games.observations[0].copy())

    def get_obs_agent(self, agent_id: int) -> np.ndarray:
        return self.games.observations[0, agent_id].copy()

    def get_obs_size(self) -> int:
        return self.games.observation_width

    def get_state(self) -> np.ndarray:
        return self.games.state()[0].copy()

    def get_state_size(self) -> int:
        return self.games.state_width

    def get_avail_actions(self) -> list[list[int]]:
        return self.games.mask[0].astype(int).tolist()

    def get_avail_agent_actions(self, agent_id: int) -> list[int]:
        return self.games.mask[0, agent_id].astype(int).tolist()

    def get_total_actions(self) -> int:
        return self.games.actions

    def get_env_info(self) -> dict[str, int]:
        return {
            "state_shape": self.get_state_size(), "obs_shape": self.get_obs_size(), "n_actions": self.get_total_actions(),
            "n_agents": self.n_agents, "episode_limit": self.episode_limit,
        }

    def get_stats(self) -> dict:
        return {}

    def seed(self, seed: int | None = None) -> int:
        if seed is not None:
            self._seed, self._episode = seed, -1
        return self._seed

    def render(self) -> None: ...

    def save_replay(self) -> None: ...

    def close(self) -> None: ...
