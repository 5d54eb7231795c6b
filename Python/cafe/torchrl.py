"""The dispatch game as a TorchRL environment: N games in step, one group of agents, "workers"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tensordict import TensorDict, TensorDictBase
from torchrl.data import Binary, Categorical, Composite, Unbounded
from torchrl.envs import EnvBase

from ._games import GameOptions, Games

if TYPE_CHECKING:
    from typing_extensions import Unpack


class DispatchTorchEnv(EnvBase):
    """N games of M workers: batch size [N], agents in the group "workers".

    ``("workers", "observation")`` float32 [N, M, O], ``("workers", "action_mask")`` bool [N, M, K], ``("workers",
    "action")`` int64 [N, M], ``("workers", "reward")`` float32 [N, M, 1], ``state`` float32 [N, S] for centralised critics
    and mixers, ``done`` and ``terminated`` bool [N, 1]. Game g plays the episodes g, g + N, ... of the seed. Options: those
    of ``cafe.parallel_env``.
    """

    batch_locked = True

    def __init__(
        self, games: int = 1, seed: int | None = 0, device: Any = "cpu", **options: Unpack[GameOptions]
    ) -> None:
        super().__init__(device=device, batch_size=torch.Size([games]))
        self.games = Games(games, **options)
        self._seed = int(seed or 0)
        self._next = list(range(games))
        self.group_map = {"workers": [f"worker_{index}" for index in range(self.games.agents)]}
        n, m, k = self.games.count, self.games.agents, self.games.actions
        self.observation_spec = Composite(
            workers=Composite(
                observation=Unbounded((n, m, self.games.observation_width), device=device),
                action_mask=Binary(k, (n, m, k), device=device, dtype=torch.bool), shape=(n, m), device=device,
            ),
            state=Unbounded((n, self.games.state_width), device=device), shape=(n,), device=device,
        )
        self.action_spec = Composite(
            workers=Composite(action=Categorical(k, (n, m), device=device), shape=(n, m), device=device), shape=(n,),
            device=device,
        )
        self.reward_spec = Composite(
            workers=Composite(reward=Unbounded((n, m, 1), device=device), shape=(n, m), device=device), shape=(n,),
            device=device,
        )
        self.done_spec = Composite(
            done=Binary(1, (n, 1), device=device, dtype=torch.bool),
            terminated=Binary(1, (n, 1), device=device, dtype=torch.bool), shape=(n,), device=device,
        )

    def _set_seed(self, seed: int | None) -> None:
        self._seed, self._next = int(seed or 0), list(range(self.games.count))

    def _rows(self) -> dict[str, Any]:
        n, m = self.games.count, self.games.agents
        rows = {
            "observation": torch.from_numpy(self.games.observations.copy()),
            "action_mask": torch.from_numpy(self.games.mask.astype(bool)),
        }
        return {"workers": TensorDict(rows, (n, m)), "state": torch.from_numpy(self.games.state().copy())}

    def _reset(self, tensordict: TensorDictBase | None = None, **_: Any) -> TensorDictBase:
        """Starts the next episode in all games, or in those that ``_reset`` names."""
        chosen = None if tensordict is None else tensordict.get("_reset", None)
        for game in range(self.games.count):
            if chosen is None or bool(chosen.reshape(self.games.count, -1)[game].any()):
                self.games.reset(game, self._seed, self._next[game])
                self._next[game] += self.games.count
        self.games.observe()
        over = torch.zeros(self.games.count, 1, dtype=torch.bool)
        return TensorDict({**self._rows(), "done": over, "terminated": over.clone()}, self.batch_size, device=self.device)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Plays one window of all games; illegal actions count as 0."""
        self.games.step(tensordict["workers", "action"].cpu().numpy())
        found = self._rows()
        found["workers"]["reward"] = torch.from_numpy(self.games.rewards.copy()).unsqueeze(-1)
        over = torch.from_numpy(self.games.ended.copy()).unsqueeze(-1)
        return TensorDict({**found, "done": over, "terminated": over.clone()}, self.batch_size, device=self.device)
