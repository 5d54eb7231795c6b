"""The machine's matrix-product rate, the yardstick of the tables: sgemm of order 4096 by numpy's OpenBLAS."""
from common import measure, run
import numpy as np


def sgemm():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 4096, 4096), np.float32) - np.float32(0.5)
    c = np.empty_like(a)
    call = lambda: np.matmul(a, b, out=c)
    call()
    error = abs(c[7, 9] - a[7].astype(np.float64) @ b[:, 9])
    measure("peak/sgemm4096", "numpy", 2e-9 * 4096 ** 3, "GFLOP/s", call, error, error < 1e-2, once=True, warm=0)


run({"sgemm": sgemm})
