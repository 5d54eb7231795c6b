"""The dispatch game as a BenchMARL task: ``DispatchTask.CITY.get_task(config={...})``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarl.environments.common import Task, TaskClass
from torchrl.data import Composite
from torchrl.envs import EnvBase

from .torchrl import DispatchTorchEnv


class DispatchClass(TaskClass):
    """The options of ``cafe.parallel_env`` are the task's configuration; ``max_steps`` (400) as well."""

    def get_env_fun(self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any) -> Callable[[], EnvBase]:
        """Games in step, with action masks and a state; which episodes are played follows from the seed."""
        options = {name: value for name, value in self.config.items() if name != "max_steps"}
        return lambda: DispatchTorchEnv(num_envs, seed=seed, device=device, **options)

    def supports_continuous_actions(self) -> bool:
        """Actions are tasks."""
        return False

    def supports_discrete_actions(self) -> bool:
        """Actions are tasks."""
        return True

    def max_steps(self, env: EnvBase) -> int:
        """A game has ended by itself before."""
        return int(self.config.get("max_steps", 400))

    def has_render(self, env: EnvBase) -> bool:
        """Pictures are those of ``cafe.parallel_env``."""
        return False

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        """One group, "workers"."""
        groups: dict[str, list[str]] = {"workers": [f"worker_{i}" for i in range(self.config.get("workers", 50))]}
        return groups

    def observation_spec(self, env: EnvBase) -> Composite:
        """What workers see, without the mask."""
        return self._part(env, "observation")

    def action_mask_spec(self, env: EnvBase) -> Composite | None:
        """What workers may do."""
        return self._part(env, "action_mask")

    def state_spec(self, env: EnvBase) -> Composite | None:
        """The state of the game."""
        spec = env.full_observation_spec_unbatched.clone()
        del spec["workers"]
        return spec

    def action_spec(self, env: EnvBase) -> Composite:
        """An action for each worker."""
        return env.full_action_spec_unbatched

    def info_spec(self, env: EnvBase) -> Composite | None:
        """There is none."""
        return None

    @staticmethod
    def env_name() -> str:
        """The environment's name."""
        return "cafe"

    @staticmethod
    def _part(env: EnvBase, name: str) -> Composite:
        spec = env.full_observation_spec_unbatched.clone()
        del spec["state"]
        for key in list(spec["workers"].keys()):
            if key != name:
                del spec["workers", key]
        return spec


class DispatchTask(Task):
    """Tasks of the environment ``cafe``."""

    CITY = None

    @staticmethod
    def associated_class() -> type[DispatchClass]:
        """What makes the environments."""
        return DispatchClass
