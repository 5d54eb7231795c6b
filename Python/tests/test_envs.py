"""The dispatch game and simple_spread as PettingZoo environments."""

import pickle

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

import cafe
from cafe._games import Games

SMALL = {"tasks": 30, "workers": 8}
SWIFT = (4832038690449534697, "0x1.a0d1d405af079p+0")


def random_play(env, seed, steps=400):
    """A digest of an episode of random allowed actions."""
    choice = np.random.default_rng(5)
    seen, _ = env.reset(seed=seed)
    trace = []
    while env.agents and len(trace) < steps:
        actions = {
            agent: int(choice.choice(np.flatnonzero(seen[agent]["action_mask"]))) for agent in env.agents
        }
        seen, rewards, *_ = env.step(actions)
        trace.append((sum(rewards.values()), sum(float(row["observation"].sum()) for row in seen.values())))
    return trace


def test_pettingzoo_accepts_the_dispatch_game():
    parallel_api_test(cafe.parallel_env(**SMALL), num_cycles=300)
    parallel_seed_test(lambda: cafe.parallel_env(**SMALL), num_cycles=30)


def test_pettingzoo_accepts_simple_spread():
    parallel_api_test(cafe.simple_spread_v3.parallel_env(), num_cycles=100)
    parallel_seed_test(cafe.simple_spread_v3.parallel_env, num_cycles=50)


def test_agents_are_constant_and_spaces_are_the_same_objects():
    env = cafe.parallel_env(**SMALL)
    env.reset(seed=1)
    assert env.agents == env.possible_agents == [f"worker_{index}" for index in range(8)]
    assert env.observation_space("worker_0") is env.observation_space("worker_0")
    assert env.action_space("worker_3") is env.action_space("worker_3")


def test_who_has_no_choice_may_only_stay():
    env = cafe.parallel_env(**SMALL)
    seen, _ = env.reset(seed=2)
    busy = 0
    while env.agents:
        for agent in env.agents:
            mask, row = seen[agent]["action_mask"], seen[agent]["observation"]
            assert mask[0] == 1
            if mask.sum() == 1:
                busy += 1
            else:
                assert np.abs(row).sum() > 0
        actions = {agent: int(np.flatnonzero(seen[agent]["action_mask"])[-1]) for agent in env.agents}
        seen, *_ = env.step(actions)
    assert busy > 0


def test_the_same_seed_gives_the_same_episode_and_another_seed_another():
    one, two = (random_play(cafe.parallel_env(**SMALL), 3) for _ in range(2))
    assert one == two
    assert one != random_play(cafe.parallel_env(**SMALL), 4)


def test_threads_do_not_change_a_bit():
    digests = []
    for threads in (1, 2, 3):
        cafe.set_threads(threads)
        games = Games(5, **SMALL)
        for game in range(5):
            games.reset(game, 9, game)
        games.observe()
        total = 0.0
        rows = []
        for _ in range(60):
            games.step(games.mask.shape[2] - 1 - np.argmax(games.mask[:, :, ::-1], axis=2), autoreset=True)
            total += float(games.rewards.sum(dtype=np.float64))
            rows.append(games.observations.tobytes())
        digests.append((total, hash(b"".join(rows))))
    cafe.set_threads(0)
    assert digests[0] == digests[1] == digests[2]


def test_the_same_bits_as_in_swift():
    """The digest of `GameDigestTests` in Tests/CSCSwiftTests: an episode by "the first allowed task"."""
    games = Games(1, **SMALL)
    games.reset(0, 7, 3)
    games.observe()
    digest, index = np.uint64(0), np.uint64(1)
    with np.errstate(over="ignore"):
        while not games.ended[0]:
            for agent in np.flatnonzero(games.mask[0].sum(axis=1) > 1):
                bits = games.observations[0, agent].view(np.uint32).astype(np.uint64)
                weights = index + np.arange(len(bits), dtype=np.uint64)
                digest += (bits * (weights * np.uint64(0x9E3779B97F4A7C15))).sum(dtype=np.uint64)
                index += np.uint64(len(bits))
            first = np.where(games.mask[0, :, 1:].any(axis=1), 1 + games.mask[0, :, 1:].argmax(axis=1), 0)
            games.step(first[None])
    assert (int(digest), np.float64(games.status()["revenue"]).hex()) == SWIFT


def test_illegal_actions_stay_and_are_counted():
    env = cafe.parallel_env(**SMALL, mask="info")
    _, infos = env.reset(seed=1)
    wrong = {agent: 8 for agent in env.agents}
    legal = sum(int(infos[agent]["action_mask"][8]) for agent in env.agents)
    choosers = sum(int(infos[agent]["action_mask"].sum() > 1) for agent in env.agents)
    _, _, _, _, infos = env.step(wrong)
    assert infos["worker_0"]["illegal_actions"] == choosers - legal


def test_team_rewards_add_up_to_the_revenue():
    env = cafe.parallel_env(**SMALL)
    trace = random_play(env, 11)
    assert sum(reward for reward, _ in trace) / 8 == pytest.approx(env.status()["revenue"], rel=1e-5)
    shares = cafe.parallel_env(**SMALL, reward="share")
    trace = random_play(shares, 11)
    assert sum(reward for reward, _ in trace) == pytest.approx(shares.status()["revenue"], rel=1e-5)


def test_unknown_reset_options_are_accepted_and_it_pickles():
    env = cafe.parallel_env(**SMALL)
    env.reset(seed=1, options={"unknown": 3})
    twin = pickle.loads(pickle.dumps(env))
    assert twin.possible_agents == env.possible_agents


def test_states_and_pictures():
    env = cafe.parallel_env(**SMALL, render_mode="rgb_array")
    env.reset(seed=1)
    assert env.state_space.contains(env.state())
    for _ in range(30):
        env.step({})
    assert env.state_space.contains(env.state())
    picture = env.render()
    assert picture.shape == (400, 400, 3) and picture.dtype == np.uint8 and len(np.unique(picture)) > 2


def test_errors_are_sentences():
    with pytest.raises(cafe.CafeError, match="workers: 0 is not in"):
        cafe.parallel_env(workers=0)
    with pytest.raises(cafe.CafeError, match="atlantis"):
        cafe.parallel_env(scenario="atlantis")
    with pytest.raises(TypeError, match="unknown option 'task'"):
        cafe.parallel_env(task=3)


def test_vector_env_and_buffers_play_the_same_games():
    from cafe.vector import DispatchVectorEnv, PufferDispatch

    vector, puffer = DispatchVectorEnv(games=2, seed=5, **SMALL), PufferDispatch(games=2, seed=5, **SMALL)
    seen, info = vector.reset(seed=5)
    buffers, _ = puffer.reset(seed=5)
    assert vector.num_envs == puffer.num_agents == 16
    assert np.array_equal(seen, buffers)
    ended = 0
    for _ in range(250):
        actions = info["action_mask"].shape[1] - 1 - np.argmax(info["action_mask"][:, ::-1], axis=1)
        seen, rewards, over, _, info = vector.step(actions)
        buffers, paid, done, _, _ = puffer.step(actions)
        assert np.array_equal(seen, buffers) and np.allclose(rewards, paid) and np.array_equal(over, done)
        ended += int(over.sum())
    assert ended > 0


def test_a_forked_child_gets_an_error_and_no_hang():
    import multiprocessing

    cafe.parallel_env(**SMALL).reset(seed=1)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def child(results):
        try:
            cafe.parallel_env(**SMALL)
            results.put("no error")
        except RuntimeError as failure:
            results.put(str(failure))

    process = context.Process(target=child, args=(queue,))
    process.start()
    assert "spawn" in queue.get(timeout=30)
    process.join(30)
    assert process.exitcode == 0
