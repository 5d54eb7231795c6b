"""Writes Tests/Fixtures/simple_spread.csv: episodes of PettingZoo's simple_spread_v3 (package mpe2) that
the default tests replay. Usage: python spread_fixture.py OUTPUT. One row a step: episode, step, the state before the
step (3 agents x y, 3 velocities, 3 landmarks), the three actions, the three rewards, the observations after the step
(3 x 18). In every other episode the agents begin crowded and walk towards one another, so that contacts happen."""
import sys
import numpy as np
from mpe2 import simple_spread_v3

EPISODES, STEPS = 6, 25


def main(path):
    env = simple_spread_v3.parallel_env(N=3, max_cycles=STEPS, local_ratio=0.5)
    rng = np.random.default_rng(20260801)
    pairs = lambda name: [f"{name}{i}_{c}" for i in range(3) for c in "xy"]
    header = ["episode", "step", *pairs("p"), *pairs("v"), *pairs("l"), *[f"a{i}" for i in range(3)],
              *[f"r{i}" for i in range(3)], *[f"o{i}_{k}" for i in range(3) for k in range(18)]]
    contacts = 0
    with open(path, "w") as out:
        out.write(",".join(header) + "\n")
        for episode in range(EPISODES):
            env.reset(seed=episode)
            world = env.unwrapped.world
            if episode % 2:
                for agent in world.agents:
                    agent.state.p_pos *= 0.2
            names = list(env.agents)
            for step in range(STEPS):
                before = [x for part in (
                    [a.state.p_pos for a in world.agents], [a.state.p_vel for a in world.agents],
                    [l.state.p_pos for l in world.landmarks]) for v in part for x in v]
                actions = rng.integers(0, 5, 3)
                if episode % 2:
                    centre = np.mean([a.state.p_pos for a in world.agents], 0)
                    for i, agent in enumerate(world.agents):
                        way = centre - agent.state.p_pos
                        axis = int(abs(way[1]) > abs(way[0]))
                        if rng.random() < 0.7:
                            actions[i] = 1 + 2 * axis + int(way[axis] > 0)
                seen, rewards, _, truncated, _ = env.step({n: int(a) for n, a in zip(names, actions)})
                assert all(truncated.values()) == (step == STEPS - 1)
                values = [rewards[n] for n in names]
                contacts += len({round(v, 6) for v in values}) > 1
                row = [episode, step] + [f"{x:.9g}" for x in before] + list(actions) + [f"{v:.9g}" for v in values]
                out.write(",".join(map(str, row + [f"{x:.9g}" for n in names for x in seen[n]])) + "\n")
    print(f"{path}: {EPISODES * STEPS} steps, {contacts} of them with contacts", file=sys.stderr)


main(sys.argv[1])
