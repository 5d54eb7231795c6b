"""Stable-Baselines3 on the game: PPO (which does not see what is allowed; illegal actions count as "stay") and MaskablePPO."""

import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from cafe.vector import sb3_env
from game import Counter, options, revenue

METHODS = {"SB3 PPO": PPO, "SB3 MaskablePPO": MaskablePPO}
torch.set_num_threads(1)


def train(method, size, seed, setting, marks, test):
    """Trains until all marks are reached. `setting`: lr, epochs (over 16 steps of 8 games) and reward."""
    env = sb3_env(games=8, seed=1000 + seed, reward=setting["reward"], **options(size))
    counter = Counter(env._rows.games)

    def act(observations, masks, states):
        more = {"action_masks": masks} if method == "SB3 MaskablePPO" else {}
        return model.predict(observations, deterministic=True, **more)[0]

    class Look(BaseCallback):
        def _on_rollout_start(self):
            marks.look(counter.decisions, lambda: revenue(act, size, **test))

        def _on_step(self):
            return not marks.over

    model = METHODS[method](
        "MlpPolicy", env, n_steps=16, batch_size=4 * env.num_envs, n_epochs=setting["epochs"], learning_rate=setting["lr"],
        gamma=0.99, gae_lambda=0.95, ent_coef=0.01, device="cpu", seed=seed, policy_kwargs={"net_arch": [64, 64]},
    )
    marks.begin()
    model.learn(10**9, callback=Look())
