"""Agent-steps per processor second of the environments under random play, one thread.

Usage: python throughput.py [SECONDS]. PettingZoo's simple_spread is measured where mpe2 (or pettingzoo.mpe) is installed.
An agent-step is one agent's action in one step, whether or not it had a choice.
"""

import sys
import time

import numpy as np

import cafe
from cafe.vector import DispatchVectorEnv, PufferDispatch

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
choice = np.random.default_rng(0)


def rate(name, agents, step):
    """Calls `step` for some seconds of processor time; best of three."""
    step()
    best = 0.0
    for _ in range(3):
        count, began = 0, time.process_time()
        while time.process_time() - began < SECONDS:
            step()
            count += 1
        best = max(best, count * agents / (time.process_time() - began))
    print(f"| {name} | {agents} | {best:,.0f} |", flush=True)


def legal(mask):
    """A random allowed action of each row."""
    return (choice.random(mask.shape, np.float32) * mask).argmax(axis=-1)


def parallel(env, masked):
    state = {"seen": env.reset(seed=1)[0]}

    def step():
        if not env.agents:
            state["seen"] = env.reset()[0]
        if masked:
            actions = legal(np.stack([state["seen"][agent]["action_mask"] for agent in env.agents]))
        else:
            actions = choice.integers(0, 5, len(env.agents))
        state["seen"], *_ = env.step(dict(zip(env.agents, actions.tolist())))

    return step


def vector(games):
    env = DispatchVectorEnv(games=games, tasks=200, workers=50)
    state = {"mask": env.reset(seed=1)[1]["action_mask"]}

    def step():
        *_, info = env.step(legal(state["mask"]))
        state["mask"] = info["action_mask"]

    return step


def buffers(games):
    env = PufferDispatch(games=games, tasks=200, workers=50)
    env.reset(seed=1)
    return lambda: env.step(legal(env.action_masks))


cafe.set_threads(1)
print("| environment | agents a step | agent-steps/s |")
print("|---|---:|---:|")
rate("cafe dispatch 200/50, PettingZoo", 50, parallel(cafe.parallel_env(tasks=200, workers=50), True))
rate("cafe dispatch 200/50 x 16, Gymnasium vector", 800, vector(16))
rate("cafe dispatch 200/50 x 16, PufferLib buffers", 800, buffers(16))
rate("cafe simple_spread_v3, PettingZoo", 3, parallel(cafe.simple_spread_v3.parallel_env(), False))
try:
    from mpe2 import simple_spread_v3
except ImportError:
    from pettingzoo.mpe import simple_spread_v3
rate("PettingZoo's simple_spread_v3", 3, parallel(simple_spread_v3.parallel_env(), False))
