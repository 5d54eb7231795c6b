"""Peers of sections 4 and 6: exponential weights in numpy and numba; majority vote and Dawid-Skene in numpy, numba and
crowd-kit. One thread."""
from common import measure, run
import numpy as np


def exp3(peer, wrap):
    for arms in (10, 100, 1000, 10000):
        rounds = max(50, 100_000 // arms)

        def play(losses, u, v, rounds, start):
            # BBTA's rate changes in every round, so every weight does.
            weights = np.empty_like(losses)
            for t in range(rounds):
                rate = np.sqrt(np.log(len(losses)) / ((start + t + 1) * len(losses)))
                weights[:] = np.exp(-rate * (losses - losses.min()))
                total = np.cumsum(weights)
                arm = np.searchsorted(total, u[t] * total[-1])
                if arm >= len(losses):
                    arm = len(losses) - 1
                if v[t] < (0.2 if arm == len(losses) // 3 else 0.6):
                    losses[arm] += total[-1] / weights[arm]
            return weights.sum()

        f = wrap(play)
        rng = np.random.default_rng(arms)
        losses, u, v = np.zeros(arms), rng.random(rounds), rng.random(rounds)
        state = [0]

        def call():
            f(losses, u, v, rounds, state[0])
            state[0] += rounds

        call()
        measure(f"exp3/K{arms}", peer, rounds, "rounds/s", call, 0.0, np.isfinite(losses).all())


def numba_wrap(f):
    import numba
    return numba.njit(fastmath=True)(f)


def crowd(count, workers, tasks):
    rng = np.random.default_rng(6)
    skill = rng.uniform(0.5, 0.95, workers)
    truth = rng.integers(0, 2, tasks)
    # every task first once, then again: no worker twice on a task
    t = np.tile(np.arange(tasks), count // tasks)
    start, stride = rng.integers(0, workers, tasks), np.arange(count) // tasks
    w = (start[t] + stride * (1 + rng.integers(0, workers // (count // tasks) - 1, tasks)[t])) % workers
    right = rng.random(count) < skill[w]
    return t, w, np.where(right, truth[t], 1 - truth[t]), truth


SIZES = (("8k", 8000, 164, 800), ("1M", 1_000_000, 1000, 100_000))


def vote_numpy():
    for name, count, workers, tasks in SIZES:
        t, w, y, truth = crowd(count, workers, tasks)

        def call():
            return np.bincount(t * 2 + y, minlength=2 * tasks).reshape(tasks, 2).argmax(1)

        error = 1 - (call() == truth).mean()
        measure(f"crowd/{name}/majority", "numpy", count, "labels/s", call, error, error < 0.2)


def dawid_skene_numba():
    import numba

    @numba.njit(fastmath=True)
    def fit(t, w, y, workers, tasks, iterations):
        q = np.zeros((tasks, 2))
        for i in range(len(t)):
            q[t[i], y[i]] += 1
        for k in range(tasks):
            q[k] /= q[k].sum()
        table, prior = np.empty((workers, 2, 2)), np.empty(2)
        for _ in range(iterations):
            table[:] = 0.01
            for i in range(len(t)):
                for c in range(2):
                    table[w[i], c, y[i]] += q[t[i], c]
            for j in range(workers):
                for c in range(2):
                    table[j, c] = np.log(table[j, c] / table[j, c].sum())
            for c in range(2):
                prior[c] = np.log(q[:, c].mean())
            q[:] = prior
            for i in range(len(t)):
                for c in range(2):
                    q[t[i], c] += table[w[i], c, y[i]]
            for k in range(tasks):
                q[k] = np.exp(q[k] - q[k].max())
                q[k] /= q[k].sum()
        return q

    for name, count, workers, tasks in SIZES:
        t, w, y, truth = crowd(count, workers, tasks)
        call = lambda: fit(t, w, y, workers, tasks, 20)
        error = 1 - (call().argmax(1) == truth).mean()
        measure(f"crowd/{name}/dawid-skene-20", "numba", count, "labels/s", call, error, error < 0.2)


def crowdkit():
    import pandas
    from crowdkit.aggregation import GLAD, DawidSkene, MajorityVote
    for name, count, workers, tasks in SIZES:
        t, w, y, truth = crowd(count, workers, tasks)
        frame = pandas.DataFrame(dict(task=t, worker=w, label=y))
        for case, make in (("majority", MajorityVote), ("dawid-skene-20", lambda: DawidSkene(n_iter=20, tol=0)),
                           ("glad-3", lambda: GLAD(n_iter=3, tol=0))):
            if case == "glad-3" and count > 100_000:
                continue  # some four minutes: see docs/performance.md
            call = lambda: make().fit_predict(frame)
            error = 1 - (call().sort_index().to_numpy() == truth).mean()
            measure(f"crowd/{name}/{case}", "crowd-kit", count, "labels/s", call, error, error < 0.2, once=True, warm=0)


run({"exp3-numpy": lambda: exp3("numpy", lambda f: f), "exp3-numba": lambda: exp3("numba", numba_wrap),
     "vote-numpy": vote_numpy, "ds-numba": dawid_skene_numba, "crowdkit": crowdkit})
