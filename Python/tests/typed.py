"""A program of a user, which `mypy --strict` accepts (test_types.py)."""

import numpy as np
import numpy.typing as npt

import cafe
from cafe import labels
from cafe.vector import DispatchVectorEnv


def play(seed: int) -> float:
    env = cafe.parallel_env(scenario="chengdu", tasks=20, workers=5, reward="share", render_mode="rgb_array")
    seen, _ = env.reset(seed=seed)
    while env.agents:
        actions: dict[str, int] = {agent: int(seen[agent]["action_mask"].argmax()) for agent in env.agents}
        seen, _, _, _, _ = env.step(actions)
    picture: npt.NDArray[np.uint8] = env.render()
    assert picture.shape == (400, 400, 3)
    return env.status()["revenue"]


def compare() -> dict[str, float]:
    report = cafe.evaluate_report(["greedy", "coalition"], tasks=20, workers=5, episodes=2, seeds=[7])
    return {name: entry["mean"] for name, entry in report["policies"].items()}


vector = DispatchVectorEnv(games=2, seed=1, tasks=20, workers=5)
names: list[str] = labels.methods()
plan = cafe.Dispatcher("greedy").plan
print(play(1), compare(), vector.num_envs, names, plan)
