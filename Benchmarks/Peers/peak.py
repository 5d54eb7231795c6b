"""The machine's limits, the yardsticks of the tables: sgemm of order 2048 by numpy's OpenBLAS, memory by the triad."""
import ctypes

from common import SLABS, THREADS, measure, run
import numpy as np


def sgemm():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 2048, 2048), np.float32) - np.float32(0.5)
    c = np.empty_like(a)
    call = lambda: np.matmul(a, b, out=c)
    call()
    error = abs(c[7, 9] - a[7].astype(np.float64) @ b[:, 9])
    measure("peak/sgemm2048", "numpy", 2e-9 * 2048 ** 3, "GFLOP/s", call, error, error < 1e-2, once=True, warm=0)


def triad():
    library = ctypes.CDLL(SLABS)
    library.slabs_start(THREADS)
    at = lambda a: a.ctypes.data_as(ctypes.c_void_p)
    a, b, c = np.zeros(1 << 25, np.float32), np.ones(1 << 25, np.float32), np.ones(1 << 25, np.float32)
    call = lambda: library.slabs_triad(at(a), at(b), at(c), ctypes.c_float(3), ctypes.c_int64(a.size))
    call()
    measure("peak/triad", "C slabs", 12e-9 * a.size, "GB/s", call, 0, bool((a == 4).all()))


run({"sgemm": sgemm, "triad": triad})
