"""Train Stable-Baselines3's MaskablePPO on the dispatch game; all workers share one policy.

Needs `pip install sb3-contrib`. Usage: python train_with_sb3.py [STEPS]
"""

import sys

import numpy as np
from sb3_contrib import MaskablePPO

import cafe
from cafe.vector import sb3_env

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
options = {"scenario": "chengdu", "tasks": 100, "workers": 30, "reward": "share"}
model = MaskablePPO("MlpPolicy", sb3_env(games=4, seed=1, **options), n_steps=128, batch_size=3840, verbose=1, device="cpu")
model.learn(steps)

revenues = []
for seed in range(5):
    env = cafe.parallel_env(**options)
    seen, _ = env.reset(seed=1000 + seed)
    while env.agents:
        rows = np.stack([seen[agent]["observation"] for agent in env.agents])
        masks = np.stack([seen[agent]["action_mask"] for agent in env.agents]).astype(bool)
        chosen, _ = model.predict(rows, action_masks=masks, deterministic=True)
        seen, *_ = env.step(dict(zip(env.agents, chosen)))
    revenues.append(env.status()["revenue"])
print(f"revenue {np.mean(revenues):.2f} over {len(revenues)} episodes")
