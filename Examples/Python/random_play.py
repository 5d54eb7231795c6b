"""One episode of the dispatch game with random allowed actions, and a picture of its end."""

import numpy as np

import cafe

env = cafe.parallel_env(scenario="chengdu", tasks=100, workers=30, render_mode="rgb_array")
seen, infos = env.reset(seed=1)
choice = np.random.default_rng(0)
while env.agents:
    actions = {agent: int(choice.choice(np.flatnonzero(seen[agent]["action_mask"]))) for agent in env.agents}
    seen, rewards, terminations, truncations, infos = env.step(actions)
print("revenue {revenue:.2f} in {now:.0f} minutes".format(**env.status()))
print(cafe.evaluate(["greedy", "coalition"], tasks=100, workers=30, episodes=5))
