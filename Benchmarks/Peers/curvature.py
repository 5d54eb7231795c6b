"""Peers of section 3: inverse-Hessian-vector products by twenty CG iterations on a 64-128-128-16 tanh softmax policy of
4096 rows. Three matrices: the Hessian of the cross-entropy of sampled actions, of PPO's clipped surrogate a little away
from the policy that acted, and Gauss-Newton (Fisher). The primal pass is done once a solve. One framework a process.

Every solution is checked by its residual in double precision, under a product written by hand."""
from common import THREADS, measure, run
import numpy as np

WIDTHS, ROWS, ITERATIONS, CLIP = (64, 128, 128, 16), 4096, 20, 0.2
DAMPING = {"hessian": 0.07, "surrogate": 0.25, "gauss_newton": 0.01}
rng = np.random.default_rng(3)
LAYERS = [((rng.standard_normal((a, b)) / np.sqrt(a)).astype(np.float32), np.zeros(b, np.float32))
          for a, b in zip(WIDTHS, WIDTHS[1:])]
SIZES = [a.size for layer in LAYERS for a in layer]
X = rng.standard_normal((ROWS, WIDTHS[0])).astype(np.float32)
FLAT = np.concatenate([a.ravel() for layer in LAYERS for a in layer])
RIGHT = rng.standard_normal(FLAT.size).astype(np.float32)
ADVANTAGE = rng.standard_normal(ROWS).astype(np.float32)


def unflat(v):
    parts = np.split(v, np.cumsum(SIZES)[:-1])
    return [(parts[2 * l].reshape(WIDTHS[l], WIDTHS[l + 1]), parts[2 * l + 1]) for l in range(3)]


def forward(layers, x):
    h = [x]
    for l, (w, b) in enumerate(layers):
        z = h[-1] @ w + b
        h.append(np.tanh(z) if l < 2 else z)
    return h


def log_softmax(z):
    z = z - z.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


OLD = log_softmax(forward(unflat(FLAT + 0.01 * rng.standard_normal(FLAT.size).astype(np.float32)), X)[-1])
ACTIONS = np.argmax(OLD + rng.gumbel(size=OLD.shape), 1)
OLD = OLD[np.arange(ROWS), ACTIONS].astype(np.float32)


class Product:
    """The R-operator by hand, in any precision, the primal pass kept."""

    def __init__(self, kind, dtype):
        self.kind, self.rows = kind, np.arange(ROWS)
        self.layers = [(w.astype(dtype), b.astype(dtype)) for w, b in LAYERS]
        self.h = forward(self.layers, X.astype(dtype))
        log_p = log_softmax(self.h[-1])
        self.p = np.exp(log_p)
        self.y = np.zeros_like(self.p)
        self.y[self.rows, ACTIONS] = 1
        scale = np.full(ROWS, 1 / ROWS, dtype)
        if kind == "surrogate":
            ratio = np.exp(log_p[self.rows, ACTIONS] - OLD.astype(dtype))
            a = ADVANTAGE.astype(dtype)
            held = np.where(a > 0, ratio > 1 + CLIP, ratio < 1 - CLIP)
            scale = (np.where(held, 0, ratio * a) / ROWS).astype(dtype)
        self.scale = scale[:, None]
        self.derivative = [None] + [1 - self.h[l] ** 2 for l in (1, 2)]
        self.d = [None, None, None, self.scale * (self.p - self.y)]
        self.e = [None] * 3
        for l in (2, 1):
            self.e[l] = self.d[l + 1] @ self.layers[l][0].T
            self.d[l] = self.e[l] * self.derivative[l]

    def __call__(self, v):
        w, h, moved = [w for w, _ in self.layers], self.h, unflat(v)
        r = [None, None, None]
        for l in range(3):
            z = h[l] @ moved[l][0] + moved[l][1]
            if l:
                z += r[l] @ w[l]
            if l < 2:
                r[l + 1] = self.derivative[l + 1] * z
        head = self.p * (z - (self.p * z).sum(1, keepdims=True))
        if self.kind == "surrogate":  # the ratio moves too
            head = head + (self.p - self.y) * ((self.y - self.p) * z).sum(1, keepdims=True)
        head = self.scale * head
        curved, out = self.kind != "gauss_newton", []
        for l in (2, 1, 0):
            g = h[l].T @ head
            if l and curved:
                g += r[l].T @ self.d[l + 1]
            out = [g.ravel(), head.sum(0)] + out
            if l:
                e = head @ w[l].T
                if curved:
                    e += self.d[l + 1] @ moved[l][0].T
                head = e * self.derivative[l]
                if curved:
                    head -= 2 * h[l] * r[l] * self.e[l]
        return np.concatenate(out) + np.asarray(DAMPING[self.kind], v.dtype) * v


def conjugate_gradient(product, right):
    x, r = right * 0, right + 0
    d, rr = r + 0, r @ r
    for _ in range(ITERATIONS):
        ad = product(d)
        step = rr / (d @ ad)
        x, r = x + step * d, r - step * ad
        new = r @ r
        d, rr = r + new / rr * d, new
    return x


def report(kind, peer, solve, array):
    """Times a solver and checks its solution: the residual may not exceed that of twenty iterations in double."""
    exact = Product(kind, np.float64)
    right = RIGHT.astype(np.float64)
    size = np.linalg.norm(right)
    least = np.linalg.norm(right - exact(conjugate_gradient(exact, right))) / size
    error = np.linalg.norm(right - exact(array(solve()).astype(np.float64))) / size
    measure(f"ihvp_{kind}/64-128-128-16/B4096", peer, ITERATIONS, "CG iterations/s", solve, error,
            error < 1.2 * least + 1e-4)


def by_numpy():
    for kind in DAMPING:
        report(kind, "numpy R-operator", lambda: conjugate_gradient(Product(kind, np.float32), RIGHT), np.asarray)


def by_jax():
    import jax
    import jax.numpy as jnp
    x, actions, old, advantage = (jnp.asarray(a) for a in (X, ACTIONS, OLD, ADVANTAGE))
    flat, right = jnp.asarray(FLAT), jnp.asarray(RIGHT)

    def unravel(v):
        parts = jnp.split(v, np.cumsum(SIZES)[:-1])
        return [(parts[2 * l].reshape(WIDTHS[l], WIDTHS[l + 1]), parts[2 * l + 1]) for l in range(3)]

    def net(v):
        h = x
        for l, (w, b) in enumerate(unravel(v)):
            h = jnp.tanh(h @ w + b) if l < 2 else h @ w + b
        return h

    def loss(v, kind):
        log_p = jnp.take_along_axis(jax.nn.log_softmax(net(v)), actions[:, None], 1)[:, 0]
        if kind == "hessian":
            return -log_p.mean()
        ratio = jnp.exp(log_p - old)
        return -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage).mean()

    for kind in DAMPING:
        @jax.jit
        def solve(flat, right):
            if kind == "gauss_newton":
                logits, tangent = jax.linearize(net, flat)
                pull, p = jax.linear_transpose(tangent, flat), jax.nn.softmax(logits)

                def product(v):
                    r = tangent(v)
                    return pull(p * (r - (p * r).sum(-1, keepdims=True)) / ROWS)[0] + DAMPING[kind] * v
            else:
                _, linear = jax.linearize(jax.grad(lambda v: loss(v, kind)), flat)
                product = lambda v: linear(v) + DAMPING[kind] * v

            def body(_, s):
                x, r, d, rr = s
                ad = product(d)
                step = rr / (d @ ad)
                r = r - step * ad
                new = r @ r
                return x + step * d, r, r + new / rr * d, new

            return jax.lax.fori_loop(0, ITERATIONS, body, (jnp.zeros_like(right), right, right, right @ right))[0]

        report(kind, "jax linearised", lambda: solve(flat, right).block_until_ready(), np.asarray)


def by_torch():
    import torch
    from torch.nn.functional import log_softmax
    torch.set_num_threads(THREADS)
    x, actions, old, advantage, right = (torch.from_numpy(a) for a in (X, ACTIONS, OLD, ADVANTAGE, RIGHT))

    def net(v):
        parts, h = v.split(SIZES), x
        for l in range(3):
            h = torch.addmm(parts[2 * l + 1], h, parts[2 * l].view(WIDTHS[l], WIDTHS[l + 1]))
            h = torch.tanh(h) if l < 2 else h
        return h

    def solve(kind):
        """The graph of the gradient is built once; each product is one pass backward through it."""
        v, grad = torch.from_numpy(FLAT.copy()).requires_grad_(), torch.autograd.grad
        z = net(v)
        if kind == "gauss_newton":
            p, u = z.detach().softmax(1), torch.zeros_like(z, requires_grad=True)
            back = grad(z, v, u, create_graph=True)[0]

            def product(d):
                r = grad(back, u, d, retain_graph=True)[0]
                head = p * (r - (p * r).sum(1, keepdim=True)) / ROWS
                return grad(z, v, head, retain_graph=True)[0] + DAMPING[kind] * d
        else:
            log_p = log_softmax(z, 1).gather(1, actions[:, None])[:, 0]
            if kind == "hessian":
                loss = -log_p.mean()
            else:
                ratio = (log_p - old).exp()
                loss = -torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage).mean()
            first = grad(loss, v, create_graph=True)[0]
            product = lambda d: grad(first, v, d, retain_graph=True)[0] + DAMPING[kind] * d
        return conjugate_gradient(product, right)

    for kind in DAMPING:
        report(kind, "torch double backward", lambda: solve(kind), lambda a: a.detach().numpy())


run({"numpy": by_numpy, "jax": by_jax, "torch": by_torch})
