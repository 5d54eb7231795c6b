"""Stable-Baselines3 on the dispatch game, Chengdu 200/50: revenue after so much processor time, one thread.

Usage: python sb3.py ppo|maskable SEED SECONDS... Prints revenue over 60 episodes that training never played (training's
episode numbers of another seed: the same distribution as evaluation's, not the same episodes), by likeliest actions.
"""

import sys
import time

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

import cafe
from cafe._games import Games
from cafe.vector import sb3_env

GAME = {"scenario": "chengdu", "tasks": 200, "workers": 50}
method, seed, marks = sys.argv[1], int(sys.argv[2]), [float(text) for text in sys.argv[3:]]
torch.set_num_threads(1)
cafe.set_threads(1)


def revenue(model, episodes=60):
    """Mean revenue and its standard error."""
    games = Games(episodes, **GAME)
    for game in range(episodes):
        games.reset(game, 1_000_007, game)
    games.observe()
    rows = (episodes * games.agents, -1)
    while not games.ended.all():
        masks = games.mask.reshape(rows).astype(bool)
        options = {"action_masks": masks} if method == "maskable" else {}
        actions, _ = model.predict(games.observations.reshape(rows), deterministic=True, **options)
        games.step(actions.reshape(episodes, games.agents))
    values = [games.status(game)["revenue"] for game in range(episodes)]
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(episodes)


class Marks(BaseCallback):
    """Evaluates when the processor time of the training reaches a mark; the evaluation's own time does not count."""

    def __init__(self):
        super().__init__()
        self.left, self.spent, self.began = list(marks), 0.0, time.process_time()

    def _on_step(self):
        return bool(self.left)

    def _on_rollout_start(self):
        while self.left and time.process_time() - self.began >= self.left[0]:
            mark, paused = self.left.pop(0), time.process_time()
            mean, error = revenue(self.model)
            print(f"| SB3 {method}, seed {seed} | {mark:.0f} | {self.num_timesteps:,} | {mean:.2f} | {error:.2f} |", flush=True)
            self.began += time.process_time() - paused


env = sb3_env(games=8, seed=seed, reward="share", **GAME)
options = dict(
    n_steps=64, batch_size=6400, n_epochs=4, learning_rate=1e-3, gamma=0.99, gae_lambda=0.95, ent_coef=0.01, device="cpu",
    seed=seed, policy_kwargs={"net_arch": [64, 64]},
)
model = (MaskablePPO if method == "maskable" else PPO)("MlpPolicy", env, **options)
model.learn(10**9, callback=Marks())
