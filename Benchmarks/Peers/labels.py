"""Peers of sections 4 and 6: exponential weights in numpy and numba; majority vote and Dawid-Skene in numpy, numba and
crowd-kit. One thread."""
from common import SLABS, measure, run
import ctypes
import numpy as np


def exp3(peer, play):
    """Rounds at BBTA's rate, which changes in every round and with it every weight. play(losses, weights, u, v, start)."""
    for arms in (10, 100, 1000, 10000):
        rounds = max(50, 100_000 // arms)
        rng = np.random.default_rng(arms)
        losses, weights, u, v = np.zeros(arms), np.zeros(arms), rng.random(rounds), rng.random(rounds)
        state = [0]

        def call():
            play(losses, weights, u, v, state[0])
            state[0] += rounds

        call()
        measure(f"exp3/K{arms}", peer, rounds, "rounds/s", call, 0.0, np.isfinite(losses).all())


def exp3_numpy(losses, weights, u, v, start):
    for t in range(len(u)):
        rate = np.sqrt(np.log(len(losses)) / ((start + t + 1) * len(losses)))
        weights[:] = np.exp(-rate * (losses - losses.min()))
        total = np.cumsum(weights)
        arm = min(np.searchsorted(total, u[t] * total[-1]), len(losses) - 1)
        if v[t] < (0.2 if arm == len(losses) // 3 else 0.6):
            losses[arm] += total[-1] / weights[arm]


def exp3_numba():
    import numba

    @numba.njit(fastmath=True)
    def play(losses, weights, u, v, start):
        arms = len(losses)
        for t in range(len(u)):
            rate = np.sqrt(np.log(arms) / ((start + t + 1) * arms))
            least, total = losses.min(), 0.0
            for j in range(arms):
                weights[j] = np.exp(-rate * (losses[j] - least))
                total += weights[j]
            left, arm = u[t] * total, 0
            while arm < arms - 1:
                left -= weights[arm]
                if left < 0:
                    break
                arm += 1
            if v[t] < (0.2 if arm == arms // 3 else 0.6):
                losses[arm] += total / weights[arm]

    exp3("numba", play)


def exp3_slabs():
    library = ctypes.CDLL(SLABS)
    at, long = lambda a: a.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64
    exp3("C slabs", lambda losses, weights, u, v, start: library.slabs_exp3(
        at(losses), at(weights), at(u), at(v), long(len(u)), long(start), long(len(losses))))


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
        q, table = np.zeros((tasks, 2)), np.empty((workers, 2, 2))
        for i in range(len(t)):
            q[t[i], y[i]] += 1
        for k in range(tasks):
            total = q[k, 0] + q[k, 1]
            q[k, 0] /= total
            q[k, 1] /= total
        for _ in range(iterations):
            table[:] = 0.01
            first = second = 0.0
            for i in range(len(t)):
                table[w[i], 0, y[i]] += q[t[i], 0]
                table[w[i], 1, y[i]] += q[t[i], 1]
            for k in range(tasks):
                first += q[k, 0]
                second += q[k, 1]
            for j in range(workers):
                for c in range(2):
                    total = table[j, c, 0] + table[j, c, 1]
                    table[j, c, 0] = np.log(table[j, c, 0] / total)
                    table[j, c, 1] = np.log(table[j, c, 1] / total)
            first, second = np.log(first / tasks), np.log(second / tasks)
            for k in range(tasks):
                q[k, 0] = first
                q[k, 1] = second
            for i in range(len(t)):
                q[t[i], 0] += table[w[i], 0, y[i]]
                q[t[i], 1] += table[w[i], 1, y[i]]
            for k in range(tasks):
                q[k, 0] = 1 / (1 + np.exp(q[k, 1] - q[k, 0]))
                q[k, 1] = 1 - q[k, 0]
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


run({"exp3-numpy": lambda: exp3("numpy", exp3_numpy), "exp3-numba": exp3_numba, "exp3-slabs": exp3_slabs,
     "vote-numpy": vote_numpy, "ds-numba": dawid_skene_numba, "crowdkit": crowdkit})
