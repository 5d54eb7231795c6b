"""BenchMARL on the game: IPPO, MAPPO and QMIX over `cafe.benchmarl`, parameters shared by all workers."""

import tempfile
import time

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
FRAMES = 512
"""Steps of a game between two updates, over 8 games."""


class Enough(Exception):
    """The decisions have been taken."""


class Until(Callback):
    """Ends the training after the update that follows the last decision."""

    counter = None

    def __init__(self, decisions):
        super().__init__()
        self.wanted = decisions

    def on_train_end(self, training_td, group):
        if self.counter.decisions >= self.wanted:
            raise Enough


def train(method, size, decisions, seed, learning_rate):
    """A trained player, decisions taken, agent-steps, processor seconds."""
    config = ExperimentConfig.get_from_yaml()
    config.loggers, config.create_json, config.evaluation, config.render = [], False, False, False
    config.save_folder = tempfile.mkdtemp()
    config.lr, config.gamma, config.max_n_frames = learning_rate, 0.99, 10**9
    config.on_policy_collected_frames_per_batch = config.off_policy_collected_frames_per_batch = FRAMES
    config.on_policy_n_envs_per_worker = config.off_policy_n_envs_per_worker = 8
    config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = 4, 128
    config.off_policy_n_optimizer_steps, config.off_policy_train_batch_size = 16, 128
    config.off_policy_memory_size = 50_000
    # About the steps of the whole training: 7 decisions are one step of a game of 50 workers, more of larger ones.
    config.exploration_anneal_frames = decisions // 7 // 2
    algorithm = METHODS[method].get_from_yaml()
    if hasattr(algorithm, "entropy_coef"):
        algorithm.entropy_coef, algorithm.lmbda = 0.01, 0.95
    model = MlpConfig.get_from_yaml()
    model.num_cells = [64, 64]
    reward = "team" if "QMIX" in method else "share"
    until = Until(decisions)
    experiment = Experiment(
        task=DispatchTask.CITY.get_task(config={**options(size), "reward": reward}), algorithm_config=algorithm,
        model_config=model, critic_model_config=model, seed=seed, config=config, callbacks=[until],
    )
    until.counter = counter = Counter(innermost(experiment.collector.env).games)
    began = time.process_time()
    try:
        experiment.run()
    except Enough:
        pass
    seconds = time.process_time() - began
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

    return (lambda *where: revenue(act, size, *where), counter.decisions,
            experiment.total_frames * int(size.split("/")[1]), seconds)


def innermost(env):
    """The environment below all wrappers."""
    while hasattr(env, "base_env"):
        env = env.base_env
    return env
