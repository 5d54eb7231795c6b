"""Peers of sections 1 and 2: MLP passes and KL divergences. One framework a process."""
from common import THREADS, measure, run
import numpy as np

NETS = [(64, 64, 64), (64, 128, 128, 16), (256, 256, 256, 8), (34, 32, 32, 1), (18, 64, 64, 5)]
ROWS = (256, 2048, 16384)


def nets():
    for widths in NETS:
        for activation in ("tanh", "relu"):
            for rows in ROWS:
                rng = np.random.default_rng(0)
                layers = [((rng.standard_normal((a, b)) / np.sqrt(a)).astype(np.float32),
                           np.zeros(b, np.float32)) for a, b in zip(widths, widths[1:])]
                x = rng.standard_normal((rows, widths[0])).astype(np.float32)
                g = (rng.standard_normal((rows, widths[-1])) / rows).astype(np.float32)
                products = [a * b for a, b in zip(widths, widths[1:])]
                name = "-".join(map(str, widths)) + f"/{activation}/B{rows}"
                yield name, layers, x, g, activation, 2e-9 * rows * sum(products), 2e-9 * rows * (
                    3 * sum(products) - products[0])


def relative(a, b):
    return float(np.linalg.norm(np.asarray(a, np.float64) - b) / np.linalg.norm(b))


def reference(layers, x, activation):
    h = x.astype(np.float64)
    for index, (w, b) in enumerate(layers):
        h = h @ w.astype(np.float64) + b
        if index < len(layers) - 1:
            h = np.tanh(h) if activation == "tanh" else np.maximum(h, 0)
    return h


def torch_setup():
    import torch
    torch.set_num_threads(THREADS)
    return torch


def mlp_torch(compiled):
    torch = torch_setup()
    for name, layers, x, g, activation, forward, both in nets():
        act = torch.tanh if activation == "tanh" else torch.relu
        p = [torch.from_numpy(a.T.copy() if a.ndim == 2 else a.copy()).requires_grad_() for l in layers for a in l]
        tx, tg = torch.from_numpy(x), torch.from_numpy(g)

        def net(h, *p):
            for index in range(0, len(p), 2):
                h = torch.nn.functional.linear(h, p[index], p[index + 1])
                h = act(h) if index < len(p) - 2 else h
            return h

        f, peer = net, "torch"
        if compiled:
            torch._dynamo.reset()
            f, peer = torch.compile(net, dynamic=False), "torch compiled"

        def predict():
            with torch.inference_mode():
                return f(tx, *p)

        error = relative(predict().numpy(), reference(layers, x, activation))
        measure(f"mlp_fwd/{name}", peer, forward, "GFLOP/s", predict, error, error < 2e-4)
        measure(f"mlp_fwdbwd/{name}", peer, both, "GFLOP/s",
                lambda: torch.autograd.grad(f(tx, *p), p, tg), error, error < 2e-4)


def jax_net(jax, activation):
    def net(p, h):
        for index, (w, b) in enumerate(p):
            h = h @ w + b
            if index < len(p) - 1:
                h = jax.numpy.tanh(h) if activation == "tanh" else jax.nn.relu(h)
        return h
    return net


def mlp_jax():
    import jax
    for name, layers, x, g, activation, forward, both in nets():
        net = jax_net(jax, activation)
        p = jax.tree.map(jax.numpy.asarray, layers)
        jx, jg = jax.numpy.asarray(x), jax.numpy.asarray(g)
        f = jax.jit(net)

        def pull(p, x, g):
            y, back = jax.vjp(lambda q: net(q, x), p)
            return y, back(g)

        b = jax.jit(pull)
        error = relative(np.asarray(f(p, jx)), reference(layers, x, activation))
        measure(f"mlp_fwd/{name}", "jax", forward, "GFLOP/s", lambda: f(p, jx).block_until_ready(), error, error < 2e-4)
        measure(f"mlp_fwdbwd/{name}", "jax", both, "GFLOP/s", lambda: jax.block_until_ready(b(p, jx, jg)), error,
                error < 2e-4)


def kl_data():
    rng = np.random.default_rng(0)
    normal = lambda width, scale: (scale * rng.standard_normal((65536, width))).astype(np.float32)
    return (normal(16, 1), normal(16, 1)), (normal(32, 1), normal(32, .3), normal(32, 1), normal(32, .3))


def kl_exact():
    (p, q), gauss = kl_data()
    p, q = p.astype(np.float64), q.astype(np.float64)
    lp, lq = (z - np.log(np.exp(z).sum(1, keepdims=True)) for z in (p, q))
    mp, sp, mq, sq = (a.astype(np.float64) for a in gauss)
    return (np.exp(lp) * (lp - lq)).sum(1), (sq - sp + (np.exp(2 * sp) + (mp - mq) ** 2) / (2 * np.exp(2 * sq)) - .5).sum(1)


def kl_measure(peer, categorical, gaussian, to_array):
    data, exact = kl_data(), kl_exact()
    for name, call, arguments, right, width in (
            ("kl_categorical/65536x16", categorical, data[0], exact[0], 32),
            ("kl_gauss_diag/65536x32", gaussian, data[1], exact[1], 128)):
        lent = [to_array(a) for a in arguments]
        error = float(np.max(np.abs(np.asarray(call(*lent)) - right) / np.maximum(1, np.abs(right))))
        measure(name, peer, 65536 * 4e-9 * (width + 1), "GB/s", lambda: call(*lent), error, error < 1e-4)


def kl_torch(compiled):
    torch = torch_setup()

    def categorical(p, q):
        lp, lq = torch.log_softmax(p, -1), torch.log_softmax(q, -1)
        return (lp.exp() * (lp - lq)).sum(-1)

    def gaussian(mp, sp, mq, sq):
        return (sq - sp + ((2 * sp).exp() + (mp - mq) ** 2) * (0.5 * (-2 * sq).exp()) - 0.5).sum(-1)

    if compiled:
        categorical, gaussian = torch.compile(categorical, dynamic=False), torch.compile(gaussian, dynamic=False)
    with torch.inference_mode():
        kl_measure("torch compiled" if compiled else "torch", categorical, gaussian, torch.from_numpy)


def kl_jax():
    import jax
    import jax.numpy as jnp

    def categorical(p, q):
        lp, lq = jax.nn.log_softmax(p), jax.nn.log_softmax(q)
        return (jnp.exp(lp) * (lp - lq)).sum(-1)

    def gaussian(mp, sp, mq, sq):
        return (sq - sp + (jnp.exp(2 * sp) + (mp - mq) ** 2) * (0.5 * jnp.exp(-2 * sq)) - 0.5).sum(-1)

    c, g = jax.jit(categorical), jax.jit(gaussian)
    kl_measure("jax", lambda *a: c(*a).block_until_ready(), lambda *a: g(*a).block_until_ready(), jnp.asarray)


def slabs():
    import ctypes
    from common import SLABS
    library = ctypes.CDLL(SLABS)
    library.slabs_start(THREADS)
    return library, lambda a: a.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64


def mlp_slabs():
    library, at, long = slabs()
    for name, layers, x, g, activation, forward, both in nets():
        widths = np.array([w.shape[0] for w, _ in layers] + [layers[-1][0].shape[1]], np.int32)
        p = np.concatenate([a.ravel() for layer in layers for a in layer])
        y, gradient = np.empty((len(x), widths[-1]), np.float32), np.empty_like(p)
        head = (len(layers), at(widths), long(len(x)), 0 if activation == "tanh" else 1, at(p), at(x))
        predict = lambda: library.slabs_forward(*head, at(y))
        predict()
        error = relative(y, reference(layers, x, activation))
        measure(f"mlp_fwd/{name}", "C slabs", forward, "GFLOP/s", predict, error, error < 2e-4)
        step = lambda: library.slabs_both(*head, at(g), at(y), at(gradient))
        step()
        last = layers[-1][1].size
        error = max(error, relative(gradient[-last:], g.astype(np.float64).sum(0)))
        measure(f"mlp_fwdbwd/{name}", "C slabs", both, "GFLOP/s", step, error, error < 1e-3)


def kl_slabs():
    library, at, long = slabs()
    out = np.empty(65536, np.float32)

    def call(function, *a):
        function(at(out), *(at(x) for x in a), long(65536), a[0].shape[1])
        return out

    kl_measure("C slabs", lambda *a: call(library.slabs_kl_categorical, *a),
               lambda *a: call(library.slabs_kl_gaussian, *a), lambda a: a)


run({"mlp-torch": lambda: mlp_torch(False), "mlp-compiled": lambda: mlp_torch(True), "mlp-jax": mlp_jax,
     "kl-torch": lambda: kl_torch(False), "kl-compiled": lambda: kl_torch(True), "kl-jax": kl_jax,
     "mlp-slabs": mlp_slabs, "kl-slabs": kl_slabs})
