"""EPyMARL's QMIX on the game: python with_epymarl.py CHECKOUT [--size 30/8] [--steps 2000] [--config qmix].

CHECKOUT is a clone of uoe-agents/epymarl, which has no package; its requirements but for environments must be installed
(sacred, pyyaml, tensorboard-logger). It registers `cafe.epymarl.DispatchMultiAgentEnv` as environment "cafe" and calls
EPyMARL's `run`; prints the greedy test return (team revenue of an episode) that EPyMARL logs.
"""

import argparse
import logging
import sys
import tempfile
import types
from pathlib import Path

import torch
import yaml

from cafe.epymarl import DispatchMultiAgentEnv

reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
reader.add_argument("checkout", type=Path)
reader.add_argument("--size", default="30/8")
reader.add_argument("--steps", type=int, default=2000)
reader.add_argument("--config", default="qmix")
options = reader.parse_args()
source = options.checkout / "src"
sys.path.insert(0, str(source))
torch.set_num_threads(1)
# EPyMARL's list of environments imports those of other games; here it has ours alone.
environments = types.ModuleType("envs")
environments.REGISTRY = {"cafe": lambda seed=0, reward_scalarisation="sum", **more: DispatchMultiAgentEnv(seed=seed, **more)}
environments.register_smac = environments.register_smacv2 = lambda: None
sys.modules["envs"] = environments
from run import args_sanity_check, run_sequential  # noqa: E402
from utils.logging import Logger  # noqa: E402

tasks, workers = map(int, options.size.split("/"))
config = yaml.safe_load((source / "config/default.yaml").read_text())
config |= yaml.safe_load((source / f"config/algs/{options.config}.yaml").read_text())
config |= {
    "env": "cafe", "env_args": {"tasks": tasks, "workers": workers, "seed": 1}, "t_max": options.steps, "seed": 1,
    "use_cuda": False, "test_interval": options.steps // 2, "test_nepisode": 4, "log_interval": options.steps // 4,
    "runner_log_interval": options.steps // 4, "learner_log_interval": options.steps // 4, "buffer_size": 64, "batch_size": 4,
    "local_results_path": tempfile.mkdtemp(), "unique_token": "cafe",
}
logging.basicConfig(level=logging.INFO, format="%(message)s")
config = args_sanity_check(config, logging.getLogger("epymarl"))
arguments = types.SimpleNamespace(**config)
arguments.device = "cpu"
logger = Logger(logging.getLogger("epymarl"))
run_sequential(args=arguments, logger=logger)
print({key: [round(value, 3) for _, value in values] for key, values in logger.stats.items() if "return_mean" in key})
