"""What all peers share: the game, the count of decisions, and the test on episodes of `cafe-cli evaluate`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import cafe
from cafe._games import Games

torch.set_num_threads(1)
cafe.set_threads(1)

EPISODES = 60
"""Episodes of a test: those that `cafe-cli evaluate --seed 7 --episodes 60` plays."""


class Counter:
    """Counts the decisions that are taken in a batch of games: choices with more than one allowed action."""

    def __init__(self, games):
        self.decisions, self._step = 0, games.step

        def counted(actions, autoreset=False):
            self.decisions += int((games.mask[:, :, 1:].any(axis=2) & ~games.ended[:, None]).sum())
            self._step(actions, autoreset)

        games.step = counted


def options(size):
    """The game's options for "200/50" and the like."""
    tasks, workers = map(int, size.split("/"))
    return {"scenario": "chengdu", "tasks": tasks, "workers": workers}


def revenue(act, size, seed=7, split="evaluation", episodes=EPISODES):
    """Revenue of each episode. `act` takes observations [rows, O], masks [rows, K] and states [episodes, S] and returns
    actions [rows]; the rows are those of all workers of all episodes, in order."""
    games = Games(episodes, split=split, **options(size))
    for game in range(episodes):
        games.reset(game, seed, game)
    games.observe()
    rows = episodes * games.agents
    while not games.ended.all():
        masks = games.mask.reshape(rows, -1).astype(bool)
        actions = act(games.observations.reshape(rows, -1), masks, games.state())
        games.step(np.asarray(actions).reshape(episodes, games.agents))
    return np.array([games.status(game)["revenue"] for game in range(episodes)])
