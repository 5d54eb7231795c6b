"""Stable-Baselines3 on the game: PPO (which does not see what is allowed; illegal actions count as "stay") and MaskablePPO."""

import time

from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from cafe.vector import sb3_env
from game import Counter, options, revenue

METHODS = {"SB3 PPO": PPO, "SB3 MaskablePPO": MaskablePPO}


def train(method, size, decisions, seed, learning_rate):
    """A trained player, decisions taken, agent-steps, processor seconds."""
    env = sb3_env(games=8, seed=1000 + seed, reward="share", **options(size))
    counter = Counter(env._rows.games)

    class Until(BaseCallback):
        def _on_step(self):
            return counter.decisions < decisions

    model = METHODS[method](
        "MlpPolicy", env, n_steps=64, batch_size=6400, n_epochs=4, learning_rate=learning_rate, gamma=0.99, gae_lambda=0.95,
        ent_coef=0.01, device="cpu", seed=seed, policy_kwargs={"net_arch": [64, 64]},
    )
    began = time.process_time()
    model.learn(10**9, callback=Until())
    seconds = time.process_time() - began

    def act(observations, masks, states):
        more = {"action_masks": masks} if method == "SB3 MaskablePPO" else {}
        return model.predict(observations, deterministic=True, **more)[0]

    return lambda *where: revenue(act, size, *where), counter.decisions, model.num_timesteps, seconds
