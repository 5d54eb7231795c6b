"""Other frameworks on the game: a short training each."""

import numpy as np
import pytest

from cafe.vector import DispatchVectorEnv, sb3_env

SMALL = {"tasks": 30, "workers": 8, "reward": "share"}


def test_stable_baselines_trains():
    sb3 = pytest.importorskip("stable_baselines3")
    env = sb3_env(games=2, seed=1, **SMALL)
    model = sb3.PPO("MlpPolicy", env, n_steps=32, batch_size=128, n_epochs=2, device="cpu", seed=0)
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.learn(3 * 32 * 16)
    assert model.num_timesteps == 3 * 32 * 16
    assert any((old != new).any() for old, new in zip(before, model.policy.parameters()))


def test_maskable_ppo_never_acts_illegally():
    contrib = pytest.importorskip("sb3_contrib")
    env = sb3_env(games=2, seed=1, **SMALL)
    model = contrib.MaskablePPO("MlpPolicy", env, n_steps=128, batch_size=512, n_epochs=2, device="cpu", seed=0)
    model.learn(2 * 128 * 16)
    assert len(model.ep_info_buffer) > 0 and all(info["l"] > 10 for info in model.ep_info_buffer)
    seen = env.reset()
    for _ in range(30):
        masks = env.action_masks()
        actions, _ = model.predict(seen, action_masks=masks)
        assert masks[np.arange(env.num_envs), actions].all()
        seen, *_ = env.step(actions)
    assert all(env._rows.games.status(game)["illegal"] == 0 for game in range(2))


def test_gymnasium_accepts_the_vector_environment():
    from gymnasium.vector import AutoresetMode

    env = DispatchVectorEnv(games=3, seed=2, **SMALL)
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    seen, info = env.reset(seed=2)
    assert env.num_envs == 24 and env.observation_space.contains(seen)
    env.action_space.seed(0)
    ends = 0
    for _ in range(400):
        actions = env.action_space.sample()
        seen, rewards, terminated, truncated, info = env.step(actions)
        assert env.observation_space.contains(seen)
        assert rewards.shape == terminated.shape == truncated.shape == (24,) and not truncated.any()
        if terminated.any():
            ends += 1
            assert (info["_final_obs"] == terminated).all()
            assert info["final_obs"][np.flatnonzero(terminated)[0]].shape == env.single_observation_space.shape
    assert ends > 0


def test_epymarls_interface_has_real_available_actions():
    from cafe.epymarl import DispatchMultiAgentEnv

    env = DispatchMultiAgentEnv(tasks=30, workers=8)
    env.reset()
    info = env.get_env_info()
    assert len(env.get_obs()) == info["n_agents"] == 8 and env.get_obs()[0].shape == (info["obs_shape"],)
    total, over, cut = 0.0, False, False
    while not (over or cut):
        available = np.array(env.get_avail_actions())
        assert available.shape == (8, info["n_actions"]) and env.get_state().shape == (info["state_shape"],)
        _, reward, over, cut, _ = env.step(available.shape[1] - 1 - available[:, ::-1].argmax(1))
        total += reward
    assert total == pytest.approx(env.games.status()["revenue"], rel=1e-5)
