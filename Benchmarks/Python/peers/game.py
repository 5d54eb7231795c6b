"""What all peers share: the game, the count of decisions, when a training is tested, and on which episodes."""

import hashlib
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import numpy as np

import cafe
from cafe._games import Games

cafe.set_threads(1)


class Counter:
    """Counts the decisions that are taken in a batch of games: choices with more than one allowed action."""

    def __init__(self, games):
        self.decisions, self._step = 0, games.step

        def counted(actions, autoreset=False):
            self.decisions += int((games.mask[:, :, 1:].any(axis=2) & ~games.ended[:, None]).sum())
            self._step(actions, autoreset)

        games.step = counted


class Marks:
    """Tests a training after so many decisions and after so many processor seconds, and says when it is over.

    `wanted` holds marks such as ("decisions", 30000) and ("seconds", 60). `keep` is called with a mark and its result when it was
    reached. A training ends when all marks are reached, or after `cap` seconds: what was not reached then is tested as it is.
    The time of the tests does not count. `clock` gives processor seconds.
    """

    def __init__(self, wanted, cap, keep, clock=time.process_time):
        self.left, self.cap, self.keep, self.clock = list(wanted), cap, keep, clock
        self.began = 0.0

    def begin(self):
        """The training begins."""
        self.began = self.clock()

    @property
    def spent(self):
        """Processor seconds of training so far."""
        return self.clock() - self.began

    @property
    def over(self):
        """Nothing is left to be tested."""
        return not self.left

    def next(self, kind):
        """The least amount of a kind, "decisions" or "seconds", that is left, or None."""
        return min((amount for other, amount in self.left if other == kind), default=None)

    def look(self, decisions, score):
        """Between two updates: tests where a mark was reached. `score()` is mean and standard deviation of the revenue."""
        spent = self.spent
        have = {"decisions": decisions, "seconds": spent}
        reached = [(kind, amount) for kind, amount in self.left if have[kind] >= amount or spent >= self.cap]
        if not reached:
            return
        paused = self.clock()
        mean, deviation = score()
        for mark in reached:
            self.left.remove(mark)
            self.keep(mark, {"decisions": int(decisions), "seconds": round(spent, 2), "revenue": round(float(mean), 4),
                             "sd": round(float(deviation), 4)})
        self.began += self.clock() - paused


def options(size):
    """The game's options for "200/50" and the like."""
    tasks, workers = map(int, size.split("/"))
    return {"scenario": "chengdu", "tasks": tasks, "workers": workers}


def digest(size):
    """Tells games of other rules or numbers apart: observations, masks and rewards of sixty steps of an episode."""
    games, seen = Games(1, **options(size)), hashlib.sha256()
    games.reset(0, 7, 0)
    games.observe()
    for _ in range(60):
        games.step(games.actions - 1 - games.mask[:, :, ::-1].argmax(axis=2))
        for array in (games.observations, games.mask, games.rewards):
            seen.update(array.tobytes())
    return seen.hexdigest()[:12]


def revenue(act, size, seed, episodes):
    """Mean and standard deviation of the revenue over the episodes of `cafe-cli evaluate --seed SEED --episodes EPISODES`.

    `act` takes observations [rows, O], masks [rows, K] and states [episodes, S] and returns actions [rows]; the rows are those
    of all workers of all episodes, in order."""
    games = Games(episodes, split="evaluation", **options(size))
    for game in range(episodes):
        games.reset(game, seed, game)
    games.observe()
    rows = episodes * games.agents
    while not games.ended.all():
        masks = games.mask.reshape(rows, -1).astype(bool)
        actions = act(games.observations.reshape(rows, -1), masks, games.state())
        games.step(np.asarray(actions).reshape(episodes, games.agents))
    values = [games.status(game)["revenue"] for game in range(episodes)]
    return np.mean(values), np.std(values, ddof=1)
