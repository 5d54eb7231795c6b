"""TorchRL, BenchMARL, PufferLib on the game: the heavy frameworks, where they are installed (`make python-peers`)."""

import numpy as np
import pytest

SMALL = {"tasks": 30, "workers": 8}


def test_torchrl_accepts_the_environment_and_plays_whole_games():
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchrl")
    from torchrl.envs.utils import check_env_specs

    from cafe.torchrl import DispatchTorchEnv

    env = DispatchTorchEnv(3, seed=4, **SMALL)
    check_env_specs(env)

    def last_allowed(tensordict):
        mask = tensordict["workers", "action_mask"]
        tensordict["workers", "action"] = mask.shape[-1] - 1 - mask.flip(-1).int().argmax(-1)
        return tensordict

    env.set_seed(4)
    played = env.rollout(400, policy=last_allowed, break_when_all_done=True, break_when_any_done=False)
    over = played["next", "done"].squeeze(-1)
    assert over[:, -1].all()
    paid = played["next", "workers", "reward"][..., 0, 0].sum(1)
    for game in range(3):
        assert float(paid[game]) == pytest.approx(env.games.status(game)["revenue"], rel=1e-4)
    assert not torch.equal(paid[0], paid[1])


@pytest.mark.parametrize("name", ["Ippo", "Mappo", "Qmix"])
def test_benchmarl_trains(name, tmp_path):
    algorithms = pytest.importorskip("benchmarl.algorithms")
    from benchmarl.experiment import Experiment, ExperimentConfig
    from benchmarl.models.mlp import MlpConfig

    from cafe.benchmarl import DispatchTask

    config = ExperimentConfig.get_from_yaml()
    config.loggers, config.create_json, config.evaluation, config.render = [], False, True, False
    config.save_folder, config.max_n_frames, config.evaluation_interval = str(tmp_path), 128, 64
    config.on_policy_collected_frames_per_batch = config.off_policy_collected_frames_per_batch = 64
    config.on_policy_n_envs_per_worker = config.off_policy_n_envs_per_worker = config.evaluation_episodes = 2
    config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = 1, 32
    config.off_policy_n_optimizer_steps, config.off_policy_train_batch_size = 1, 32
    model = MlpConfig.get_from_yaml()
    model.num_cells = [16]
    experiment = Experiment(
        task=DispatchTask.CITY.get_task(config=SMALL), algorithm_config=getattr(algorithms, name + "Config").get_from_yaml(),
        model_config=model, critic_model_config=model, seed=0, config=config,
    )
    before = [parameter.detach().clone() for parameter in experiment.policy.parameters()]
    experiment.run()
    assert experiment.total_frames == 128
    assert any((old != new).any() for old, new in zip(before, experiment.policy.parameters()))


def test_pufferlib_writes_into_its_buffers():
    vector = pytest.importorskip("pufferlib.vector")
    from cafe.puffer import DispatchPufferEnv
    from cafe.vector import PufferDispatch

    env = vector.make(DispatchPufferEnv, env_kwargs={"games": 2, **SMALL}, backend=vector.Serial, num_envs=2, seed=5)
    ours = [PufferDispatch(games=2, seed=5 + index, **SMALL) for index in range(2)]
    seen, _ = env.reset(seed=5)
    assert seen is env.observations and seen.shape[0] == 32
    for index in range(2):
        ours[index].reset(seed=5 + index)
    revenues, total = [], np.zeros(2)
    for _ in range(250):
        masks = np.concatenate([one.action_masks for one in env.envs])
        actions = masks.shape[1] - 1 - np.argmax(masks[:, ::-1], axis=1)
        seen, rewards, ends, _, infos = env.step(actions.astype(np.int32))
        for index in range(2):
            ours[index].step(actions[16 * index : 16 * index + 16])
            assert np.array_equal(seen[16 * index : 16 * index + 16], ours[index].observations)
            assert np.array_equal(rewards[16 * index : 16 * index + 16], ours[index].rewards)
        revenues += [info["revenue"] for info in infos if "revenue" in info]
    assert revenues and min(revenues) > 0
    env.close()
