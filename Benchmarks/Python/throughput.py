"""Agent-steps per processor second of the environments under random play, one thread.

Usage: python throughput.py [SECONDS]. Others are measured where they are installed: PettingZoo's simple_spread (mpe2),
JaxMARL's simple_spread (jaxmarl 0.2.0, jax on the processor), ride-gym 0.1.0 (its manhattan network, as many orders and drivers
as our game has tasks and workers). An agent-step is one agent's action in one step, whether or not it had a choice.
"""

import os

# One processor, before any library starts threads.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ.update(OMP_NUM_THREADS="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false", JAX_PLATFORMS="cpu")

import sys
import time

import numpy as np

import cafe
from cafe import _native
from cafe.vector import DispatchVectorEnv, PufferDispatch

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
choice = np.random.default_rng(0)


def rate(name, agents, step):
    """Calls `step` for some seconds of processor time; best of three."""
    step()
    best = 0.0
    for _ in range(3):
        count, began = 0, time.process_time()
        while time.process_time() - began < SECONDS:
            step()
            count += 1
        best = max(best, count * agents / (time.process_time() - began))
    print(f"| {name} | {agents} | {best:,.0f} |", flush=True)


def legal(mask):
    """A random allowed action of each row."""
    return (choice.random(mask.shape, np.float32) * mask).argmax(axis=-1)


def parallel(env, masked):
    state = {"seen": env.reset(seed=1)[0]}

    def step():
        if not env.agents:
            state["seen"] = env.reset()[0]
        if masked:
            actions = legal(np.stack([state["seen"][agent]["action_mask"] for agent in env.agents]))
        else:
            actions = choice.integers(0, 5, len(env.agents))
        state["seen"], *_ = env.step(dict(zip(env.agents, actions.tolist())))

    return step


def vector(games):
    env = DispatchVectorEnv(games=games, tasks=200, workers=50)
    state = {"mask": env.reset(seed=1)[1]["action_mask"]}

    def step():
        *_, info = env.step(legal(state["mask"]))
        state["mask"] = info["action_mask"]

    return step


def buffers(games):
    env = PufferDispatch(games=games, tasks=200, workers=50)
    env.reset(seed=1)
    return lambda: env.step(legal(env.action_masks))


def spread(worlds):
    """Worlds of simple_spread in step over the C ABI, with arrays that are written in place."""
    library = _native.lib()
    handle = library.cafe_spread_create(worlds, 25)
    seen = np.zeros((worlds, 3, 18), np.float32)
    rewards, truncated = np.zeros((worlds, 3), np.float32), np.zeros(worlds, np.uint8)
    _native.check(library.cafe_spread_begin(handle, 1, seen.ctypes.data))

    def step():
        actions = choice.integers(0, 5, (worlds, 3), np.int32)
        _native.check(
            library.cafe_spread_play(
                handle, actions.ctypes.data, seen.ctypes.data, rewards.ctypes.data, truncated.ctypes.data, None
            )
        )

    return step


def pettingzoo():
    from mpe2 import simple_spread_v3

    rate("PettingZoo's simple_spread_v3 (mpe2)", 3, parallel(simple_spread_v3.parallel_env(), False))


def jax_game():
    import jax
    import jaxmarl as peer

    env = peer.make("MPE_simple_spread_v3")

    def step(key, state):
        key, *keys = jax.random.split(key, 3)
        drawn = jax.random.randint(keys[0], (len(env.agents),), 0, 5)
        _, state, *_ = env.step(keys[1], state, {agent: drawn[at] for at, agent in enumerate(env.agents)})
        return key, state

    return jax, env, step


def jaxmarl():
    """One game, a compiled step a call."""
    jax, env, step = jax_game()
    step = jax.jit(step)
    held = [jax.random.PRNGKey(0), env.reset(jax.random.PRNGKey(1))[1]]

    def one():
        held[0], held[1] = step(*held)
        held[0].block_until_ready()

    rate("JaxMARL MPE_simple_spread_v3", 3, one)


def jaxmarl_batch(games=1024, length=25):
    """Many games, 25 steps of all in a compiled call."""
    jax, env, step = jax_game()

    def run(keys, states):
        return jax.lax.scan(lambda held, _: (jax.vmap(step)(*held), None), (keys, states), None, length)[0]

    run = jax.jit(run)
    keys = jax.random.split(jax.random.PRNGKey(0), games)
    held = [keys, jax.vmap(env.reset)(keys)[1]]

    def many():
        held[0], held[1] = run(*held)
        held[0].block_until_ready()

    rate(f"JaxMARL MPE_simple_spread_v3 x {games}, 25 steps a call", 3 * games * length, many)


def ride_gym(drivers=50, orders=200):
    """Drivers bid on random pending orders, each on another one."""
    from ride_gym import RidePoolEnv
    from ride_gym.order_generator import RandomOrderGenerator
    from ride_gym.road_network import ManhattanNetwork

    generator = RandomOrderGenerator(
        area=(0.0, 0.0, 10.0, 10.0), horizon=180.0, num_orders=orders, arrival="poisson", max_party_size=3)
    env = RidePoolEnv(
        num_drivers=drivers, driver_capacity=4, dt=1.0, horizon=180.0, order_timeout=15.0, order_generator=generator,
        road_network=ManhattanNetwork(speed=0.5))
    held = {"seen": env.reset(seed=0)[0], "over": False}

    def step():
        if held["over"]:
            held["seen"] = env.reset()[0]
        drivers_seen = held["seen"]
        pool = [order["order_id"] for order in next(iter(drivers_seen.values()))["pending_orders"]]
        bids = choice.permutation(pool).tolist()  # no two drivers may bid on the same order
        actions = {driver: {"orders": [bids.pop()] if bids else []} for driver in drivers_seen}
        held["seen"], _, ends, _ = env.step(actions)
        held["over"] = ends["__all__"]

    rate("ride-gym, 50 drivers, 200 orders", drivers, step)


cafe.set_threads(1)
print("| environment | agents a step | agent-steps/s |")
print("|---|---:|---:|")
rate("cafe dispatch 200/50, PettingZoo", 50, parallel(cafe.parallel_env(tasks=200, workers=50), True))
rate("cafe dispatch 200/50 x 16, Gymnasium vector", 800, vector(16))
rate("cafe dispatch 200/50 x 16, PufferLib buffers", 800, buffers(16))
rate("cafe simple_spread_v3, PettingZoo", 3, parallel(cafe.simple_spread_v3.parallel_env(), False))
rate("cafe simple_spread_v3 x 1024, buffers", 3 * 1024, spread(1024))
for measure in (pettingzoo, jaxmarl, jaxmarl_batch, ride_gym):
    try:
        measure()
    except ImportError as missing:
        print(f"| {measure.__name__}: {missing} | | |")
