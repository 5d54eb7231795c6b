"""simple_spread_v3 with PettingZoo's module interface: ``parallel_env()``."""

from .envs import SpreadEnv

parallel_env = SpreadEnv
__all__ = ["parallel_env"]
