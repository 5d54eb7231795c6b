"""Peers of section 5: simple_spread in random play and under IPPO. One framework a process.

IPPO everywhere: separate actor and critic of 2 x 64 tanh, 128 steps, 4 epochs of 4 minibatches, Adam 7e-4 (eps 1e-5),
gamma 0.99, lambda 0.95, clip 0.2, value coefficient 0.5 on half the squared error, entropy 0.01, gradient norm 0.5,
advantages standardised a minibatch."""
import os

from common import arguments, measure, out, run
import numpy as np

STEPS, EPOCHS, MINIBATCHES = 128, 4, 4


def random_jaxmarl():
    import jax
    import jaxmarl
    env = jaxmarl.make("MPE_simple_spread_v3")
    for count, steps in ((64, 200), (1024, 100), (16384, 25)):
        @jax.jit
        def play(key, state):
            def body(carry, _):
                key, state = carry
                key, ka, ks = jax.random.split(key, 3)
                actions = jax.random.randint(ka, (count, 3), 0, 5)
                seen, state, reward, _, _ = jax.vmap(env.step)(
                    jax.random.split(ks, count), state, {f"agent_{i}": actions[:, i] for i in range(3)})
                return (key, state), reward["agent_0"].sum() + sum(o.sum() for o in seen.values())
            return jax.lax.scan(body, (key, state), None, steps)

        _, state = jax.vmap(env.reset)(jax.random.split(jax.random.PRNGKey(1), count))
        carry = [(jax.random.PRNGKey(2), state)]

        def call():
            carry[0], sums = play(*carry[0])
            return sums.block_until_ready()

        finite = bool(np.isfinite(np.asarray(call())).all())
        measure(f"env_spread/N3/envs{count}", "jaxmarl", 3 * count * steps, "agent-steps/s", call, 0, finite)


def random_pettingzoo():
    from mpe2 import simple_spread_v3
    env = simple_spread_v3.parallel_env(N=3, max_cycles=25)
    rng = np.random.default_rng(0)
    env.reset(seed=0)

    def call():
        for _ in range(250):
            if not env.agents:
                env.reset()
            env.step({a: int(rng.integers(5)) for a in env.agents})

    measure("env_spread/N3/envs64", "pettingzoo (one copy)", 750, "agent-steps/s", call)


def random_slabs():
    import ctypes
    from common import SLABS
    library = ctypes.CDLL(SLABS)
    library.slabs_start(arguments.threads)
    at = lambda a: a.ctypes.data_as(ctypes.c_void_p)
    for count in (64, 1024, 16384):
        worlds = np.zeros(count * library.slabs_world_size(), np.uint8)
        seen, rewards = np.zeros((count, 54), np.float32), np.zeros((count, 3), np.float32)
        library.slabs_worlds_begin(at(worlds), ctypes.c_int64(count))
        # one step a call: observations and rewards of every step are written, as a rollout needs them
        play = lambda: [library.slabs_worlds_play(at(worlds), ctypes.c_int64(count), 1, at(seen), at(rewards))
                        for _ in range(25)]
        play()
        measure(f"env_spread/N3/envs{count}", "C slabs", 75 * count, "agent-steps/s", play, 0,
                bool(np.isfinite(seen).all() and (rewards < 0).all()))


class JaxPPO:
    """Rollout and update in one jitted function, environments by vmap, as JaxMARL's and PureJaxRL's programs do."""

    def __init__(self, count, seed, updates=None):
        import jax
        import jax.numpy as jnp
        import jaxmarl
        import optax
        env = jaxmarl.make("MPE_simple_spread_v3")
        names, rows = env.agents, 3 * count
        size = rows * STEPS

        def orthogonal(key, a, b, gain):
            return jax.nn.initializers.orthogonal(gain)(key, (a, b)), jnp.zeros(b)

        def network(key, width, gain):
            k = jax.random.split(key, 3)
            return [orthogonal(k[0], 18, 64, 2 ** .5), orthogonal(k[1], 64, 64, 2 ** .5), orthogonal(k[2], 64, width, gain)]

        def forward(layers, h):
            for w, b in layers[:-1]:
                h = jnp.tanh(h @ w + b)
            return h @ layers[-1][0] + layers[-1][1]

        stack = lambda values: jnp.stack([values[n] for n in names], 1).reshape(rows, -1)
        # the learning rate falls to zero over the run, as ours does, where a number of updates is given
        rate = 7e-4 if updates is None else optax.linear_schedule(7e-4, 0, updates * EPOCHS * MINIBATCHES)
        optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate, eps=1e-5))

        def loss(p, o, a, old, advantage, target):
            logp = jax.nn.log_softmax(forward(p[0], o))
            value = forward(p[1], o)[:, 0]
            ratio = jnp.exp(jnp.take_along_axis(logp, a[:, None], 1)[:, 0] - old)
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            surrogate = jnp.minimum(ratio * advantage, jnp.clip(ratio, .8, 1.2) * advantage).mean()
            entropy = -(jnp.exp(logp) * logp).sum(-1).mean()
            return -surrogate + 0.25 * ((value - target) ** 2).mean() - 0.01 * entropy

        def update(carry):
            def step(carry, _):
                p, state, o, key, total = carry
                key, ka, ks = jax.random.split(key, 3)
                logits, value = forward(p[0], o), forward(p[1], o)[:, 0]
                a = jax.random.categorical(ka, logits)
                logp = jnp.take_along_axis(jax.nn.log_softmax(logits), a[:, None], 1)[:, 0]
                by_env = a.reshape(count, 3)
                seen, state, reward, done, _ = jax.vmap(env.step)(
                    jax.random.split(ks, count), state, {n: by_env[:, i] for i, n in enumerate(names)})
                r, d = stack(reward)[:, 0], jnp.repeat(done["__all__"], 3).astype(jnp.float32)
                total = total + r
                ended = jnp.stack([(total * d).sum(), d.sum()])
                return (p, state, stack(seen), key, total * (1 - d)), (o, a, logp, value, r, d, ended)

            p, opt, state, o, key, total = carry
            (p, state, o, key, total), (O, A, L, V, R, D, ended) = jax.lax.scan(
                step, (p, state, o, key, total), None, STEPS)
            last = forward(p[1], o)[:, 0]

            def back(g, x):
                v, r, d, nv = x
                g = r + .99 * nv * (1 - d) - v + .99 * .95 * (1 - d) * g
                return g, g

            _, advantages = jax.lax.scan(
                back, jnp.zeros(rows), (V, R, D, jnp.concatenate([V[1:], last[None]])), reverse=True)
            data = (O.reshape(size, 18), A.reshape(size), L.reshape(size), advantages.reshape(size),
                    (advantages + V).reshape(size))

            def epoch(c, key):
                order = jax.random.permutation(key, size)
                shuffled = jax.tree.map(lambda x: x[order].reshape((MINIBATCHES, -1) + x.shape[1:]), data)

                def minibatch(c, batch):
                    p, opt = c
                    change, opt = optimiser.update(jax.grad(loss)(p, *batch), opt)
                    return (optax.apply_updates(p, change), opt), None

                return jax.lax.scan(minibatch, c, shuffled)[0], None

            key, ke = jax.random.split(key)
            (p, opt), _ = jax.lax.scan(epoch, (p, opt), jax.random.split(ke, EPOCHS))
            ended = ended.sum(0)
            return (p, opt, state, o, key, total), ended[0] / jnp.maximum(ended[1], 1)

        key = jax.random.PRNGKey(seed)
        k = jax.random.split(key, 4)
        seen, state = jax.vmap(env.reset)(jax.random.split(k[0], count))
        p = [network(k[1], 5, 0.01), network(k[2], 1, 1.0)]
        self.carry = (p, optimiser.init(p), state, stack(seen), k[3], jnp.zeros(rows))
        self.update = jax.jit(update, donate_argnums=0)
        self.returns = []

    def __call__(self):
        self.carry, episode = self.update(self.carry)
        self.returns.append(float(episode))


def ppo_jax():
    for count in (8, 64, 512):
        learner = JaxPPO(count, 0)
        for _ in range(2 if count == 512 else 12):
            learner()
        first, last = learner.returns[0], learner.returns[-1]
        measure(f"ppo_spread/envs{count}", "jaxmarl ippo", 3 * count * STEPS, "agent-steps/s", learner, last - first,
                last > first, once=True, warm=1)


def curve_jax():
    """Return against agent-steps over three seeds: lines `seed,agent_steps,return a step` (episodes of 26 steps)."""
    updates = int(os.environ.get("UPDATES", "160"))
    for seed in (1, 2, 3):
        learner = JaxPPO(64, seed, updates)
        for _ in range(updates):
            learner()
        for index in range(0, updates, max(1, updates // 20)):
            print(f"{seed},{(index + 1) * 3 * 64 * STEPS},{learner.returns[index] / 26:.5f}", file=out)
        print(f"{seed},{updates * 3 * 64 * STEPS},{np.mean(learner.returns[-5:]) / 26:.5f}", file=out)


def ppo_torch(compiled):
    """CleanRL's manner, on worlds stepped by vectorised numpy."""
    import torch
    from torch import nn
    torch.set_num_threads(arguments.threads)
    for count in (8, 64, 512) if not compiled else (64,):
        env, rows = NumpySpread(count), 3 * count
        size = rows * STEPS

        def network(width, gain):
            layers = [nn.Linear(18, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, width)]
            for layer, g in zip(layers[::2], (2 ** .5, 2 ** .5, gain)):
                nn.init.orthogonal_(layer.weight, g)
                nn.init.zeros_(layer.bias)
            return nn.Sequential(*layers)

        actor, critic = network(5, 0.01), network(1, 1.0)
        params = list(actor.parameters()) + list(critic.parameters())
        adam = torch.optim.Adam(params, lr=7e-4, eps=1e-5, foreach=True)
        shape = (STEPS, rows)
        O, A = torch.zeros(*shape, 18), torch.zeros(shape, dtype=torch.long)
        L, R, D, V = (torch.zeros(shape) for _ in range(4))
        state = dict(o=torch.from_numpy(env.observe()), returns=[], total=np.zeros(count))

        def loss(o, a, old, advantage, target):
            logp = torch.log_softmax(actor(o), -1)
            value = critic(o)[:, 0]
            ratio = (logp.gather(1, a[:, None])[:, 0] - old).exp()
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            surrogate = torch.min(ratio * advantage, ratio.clamp(.8, 1.2) * advantage).mean()
            entropy = -(logp.exp() * logp).sum(-1).mean()
            return -surrogate + 0.25 * ((value - target) ** 2).mean() - 0.01 * entropy

        f = torch.compile(loss, dynamic=False) if compiled else loss

        def update():
            with torch.no_grad():
                for t in range(STEPS):
                    O[t] = state["o"]
                    logp = torch.log_softmax(actor(state["o"]), -1)
                    A[t] = torch.argmax(logp - torch.empty_like(logp).exponential_().log(), -1)
                    L[t], V[t] = logp.gather(1, A[t][:, None])[:, 0], critic(state["o"])[:, 0]
                    o, r, done = env.step(A[t].numpy().reshape(count, 3))
                    state["o"], R[t], D[t] = torch.from_numpy(o), torch.from_numpy(r.reshape(-1)), float(done)
                    state["total"] += r.mean(1)
                    if done:
                        state["returns"].append(state["total"].mean())
                        state["total"][:] = 0
                g, following = torch.zeros(rows), critic(state["o"])[:, 0]
                advantages = torch.zeros(shape)
                for t in range(STEPS - 1, -1, -1):
                    g = R[t] + .99 * following * (1 - D[t]) - V[t] + .99 * .95 * (1 - D[t]) * g
                    advantages[t], following = g, V[t]
            flat = (O.view(size, 18), A.view(size), L.view(size), advantages.view(size), (advantages + V).view(size))
            for _ in range(EPOCHS):
                for part in torch.randperm(size).view(MINIBATCHES, -1):
                    adam.zero_grad(set_to_none=True)
                    f(*(x[part] for x in flat)).backward()
                    nn.utils.clip_grad_norm_(params, 0.5, foreach=True)
                    adam.step()

        for _ in range(2 if count == 512 else 10):
            update()
        rise = state["returns"][-1] - state["returns"][0]
        measure(f"ppo_spread/envs{count}", "torch compiled loss" if compiled else "torch", size, "agent-steps/s", update,
                rise, rise > 0, once=True, warm=1)


class NumpySpread:
    """simple_spread over `count` worlds, vectorised over worlds."""

    def __init__(self, count, seed=1):
        self.rng, self.count = np.random.default_rng(seed), count
        self.reset()

    def reset(self):
        self.p, self.l = self.rng.uniform(-1, 1, (2, self.count, 3, 2)).astype(np.float32)
        self.v, self.t = np.zeros_like(self.p), 0

    def observe(self):
        o = np.zeros((self.count, 3, 18), np.float32)
        o[:, :, 0:2], o[:, :, 2:4] = self.v, self.p
        for i in range(3):
            o[:, i, 4:10] = (self.l - self.p[:, i:i + 1]).reshape(self.count, 6)
            others = self.p[:, [j for j in range(3) if j != i]]
            o[:, i, 10:14] = (others - self.p[:, i:i + 1]).reshape(self.count, 4)
        return o.reshape(-1, 18)

    def step(self, actions):
        push = np.array([[0, 0], [-5, 0], [5, 0], [0, -5], [0, 5]], np.float32)
        force = push[actions]
        for i, j in ((0, 1), (0, 2), (1, 2)):
            way = self.p[:, i] - self.p[:, j]
            far = np.sqrt((way ** 2).sum(1, keepdims=True))
            f = 0.1 * np.logaddexp(0, (0.3 - far) / 1e-3) * way / far
            force[:, i] += f
            force[:, j] -= f
        self.p = self.p + self.v * np.float32(.1)
        self.v = self.v * np.float32(.75) + force * np.float32(.1)
        gap = np.linalg.norm(self.p[:, :, None] - self.l[:, None], axis=-1)
        near = np.linalg.norm(self.p[:, :, None] - self.p[:, None], axis=-1) < 0.3
        reward = -0.5 * gap.min(1).sum(1, keepdims=True) - 0.5 * (near.sum(-1) - 1)
        self.t += 1
        done = self.t == 25
        if done:
            self.reset()
        return self.observe(), reward.astype(np.float32), done


run({"random-jaxmarl": random_jaxmarl, "random-slabs": random_slabs, "random-pettingzoo": random_pettingzoo, "ppo-jax": ppo_jax,
     "curve-jax": curve_jax, "ppo-torch": lambda: ppo_torch(False), "ppo-compiled": lambda: ppo_torch(True)})
