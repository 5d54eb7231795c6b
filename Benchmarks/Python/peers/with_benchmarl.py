"""BenchMARL on the game: IPPO, MAPPO and QMIX over `cafe.benchmarl`, parameters shared by all workers."""

import tempfile

import numpy as np
import torch
from benchmarl.algorithms import IppoConfig, MappoConfig, QmixConfig
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from tensordict import TensorDict
from torchrl.envs.utils import ExplorationType, set_exploration_type

from cafe.benchmarl import DispatchTask
from game import Counter, options, revenue

METHODS = {"BenchMARL IPPO": IppoConfig, "BenchMARL MAPPO": MappoConfig, "BenchMARL QMIX": QmixConfig}
FRAMES = 128
"""Steps of the game between two updates, over 8 games."""
ANNEAL = 700
"""Steps over which QMIX's exploration falls: about half of what 10,000 decisions take."""
MEMORY = 2_000_000_000
"""Bytes of QMIX's replay memory, about."""
torch.set_num_threads(1)


class Enough(Exception):
    """All marks are reached."""


class Look(Callback):
    """Looks at the marks after each update, and ends the training."""

    def __init__(self, marks):
        super().__init__()
        self.marks, self.counter, self.score = marks, None, None

    def __getstate__(self):
        return {}  # the experiment stores its callbacks; nothing of this one belongs to it

    def on_train_end(self, training_td, group):
        self.marks.look(self.counter.decisions, self.score)
        if self.marks.over:
            raise Enough


def train(method, size, seed, setting, marks, test):
    """Trains until all marks are reached. `setting`: lr, reward, and epochs over 128 steps in minibatches of 32 steps of the
    game, or QMIX's updates after 128 steps, each on 128 of those remembered."""
    config = ExperimentConfig.get_from_yaml()
    config.loggers, config.create_json, config.evaluation, config.render = [], False, False, False
    config.save_folder = tempfile.mkdtemp()
    config.lr, config.gamma, config.max_n_frames = setting["lr"], 0.99, 10**9
    config.on_policy_collected_frames_per_batch = config.off_policy_collected_frames_per_batch = FRAMES
    config.on_policy_n_envs_per_worker = config.off_policy_n_envs_per_worker = 8
    config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = setting.get("epochs", 4), 32
    config.off_policy_n_optimizer_steps, config.off_policy_train_batch_size = setting.get("updates", 4), 128
    config.exploration_anneal_frames = ANNEAL
    algorithm = METHODS[method].get_from_yaml()
    if hasattr(algorithm, "entropy_coef"):
        algorithm.entropy_coef, algorithm.lmbda = 0.01, 0.95
    model = MlpConfig.get_from_yaml()
    model.num_cells = [64, 64]
    look = Look(marks)
    task = DispatchTask.CITY.get_task(config={**options(size), "reward": setting["reward"]})
    width = task.get_env_fun(1, False, 0, "cpu")().games.observations[0].size
    config.off_policy_memory_size = min(50_000, MEMORY // (2 * 4 * width))
    experiment = Experiment(
        task=task, algorithm_config=algorithm, model_config=model, critic_model_config=model, seed=seed, config=config,
        callbacks=[look],
    )
    look.counter = Counter(innermost(experiment.collector.env).games)
    policy = experiment.policy

    def act(observations, masks, states):
        episodes = len(states)
        workers = len(observations) // episodes
        rows = {
            "observation": torch.from_numpy(observations.reshape(episodes, workers, -1)),
            "action_mask": torch.from_numpy(masks.reshape(episodes, workers, -1)),
        }
        seen = TensorDict({"workers": TensorDict(rows, (episodes, workers)), "state": torch.from_numpy(states.copy())},
                          (episodes,))
        with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
            return policy(seen)["workers", "action"].numpy().reshape(-1).astype(np.int32)

    look.score = lambda: revenue(act, size, **test)
    marks.begin()
    try:
        experiment.run()
    except Enough:
        pass


def innermost(env):
    """The environment below all wrappers."""
    while hasattr(env, "base_env"):
        env = env.base_env
    return env
