"""The dispatch game as a BenchMARL task: ``DispatchTask.CITY.get_task(config={...})``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarl.environments.common import Task, TaskClass
from torchrl.envs import PettingZooWrapper

from .envs import DispatchEnv


class DispatchClass(TaskClass):
    """The options of ``cafe.parallel_env`` are the task's configuration."""

    def get_env_fun(self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any) -> Callable:
        """An environment with action masks."""
        return lambda: PettingZooWrapper(
            DispatchEnv(**self.config), use_mask=False, categorical_actions=True, seed=seed, device=device,
            group_map={"workers": [f"worker_{i}" for i in range(self.config.get("workers", 50))]},
        )

    def supports_continuous_actions(self) -> bool:
        return False

    def supports_discrete_actions(self) -> bool:
        return True

    def max_steps(self, env: Any) -> int:
        return 400

    def has_render(self, env: Any) -> bool:
        return False

    def group_map(self, env: Any) -> dict[str, list[str]]:
        return env.group_map

    def observation_spec(self, env: Any) -> Any:
        spec = env.observation_spec.clone()
        for group in self.group_map(env):
            for key in list(spec[group].keys()):
                if key != "observation":
                    del spec[group][key]
        spec.pop("state", None)
        return spec

    def action_spec(self, env: Any) -> Any:
        return env.full_action_spec

    def state_spec(self, env: Any) -> Any:
        return None

    def action_mask_spec(self, env: Any) -> Any:
        spec = env.observation_spec.clone()
        for group in self.group_map(env):
            for key in list(spec[group].keys()):
                if key != "action_mask":
                    del spec[group][key]
            if spec[group].is_empty():
                return None
        spec.pop("state", None)
        return spec

    def info_spec(self, env: Any) -> Any:
        return None

    @staticmethod
    def env_name() -> str:
        return "cafe"


class DispatchTask(Task):
    """Tasks of the environment ``cafe``."""

    CITY = None

    @staticmethod
    def associated_class() -> type[DispatchClass]:
        return DispatchClass
