"""What the peer programs share: thread limits (import this first), timing, one JSON line a case.

    python PEER.py CASEGROUP --threads N --repeats R

Lines have the fields of `cafe-cli bench --json`: case, peer, threads, median_s, throughput, unit, spread, error, ok."""
import argparse
import json
import os
import statistics
import sys
import time
import traceback

parser = argparse.ArgumentParser()
parser.add_argument("what", nargs="+")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()
THREADS = arguments.threads

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR"):
    os.environ[f"{name}_NUM_THREADS"] = str(THREADS)
os.environ.update(JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TOKENIZERS_PARALLELISM="false")
processors = sorted(os.sched_getaffinity(0))
if THREADS < len(processors):  # XLA sizes its pool by the processors that it may use
    os.sched_setaffinity(0, set(processors[-THREADS:]))
if "MALLOC_MMAP_THRESHOLD_" not in os.environ:  # large temporaries stay on the heap: faster numpy and torch
    os.environ.update(MALLOC_MMAP_THRESHOLD_="4294967296", MALLOC_TRIM_THRESHOLD_="17179869184")
    os.execv(sys.executable, [sys.executable] + sys.argv)
SLABS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.venv-peers/libslabs.so")
out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # what libraries print goes to standard error


REALTIME = os.environ.get("REALTIME") == "1"
# Numpy's threads, which worked out what is right just before, spin for some time after a product; a framework that is
# timed beside them loses up to all but a hundredth of its speed. So a case begins when they sleep.
REST_S = 0.3
WARM_S = 0.05  # and calls go untimed for so long, as ours do


def realtime(on):
    """Timed groups run before other processes (round robin, priority 1), as ours do; see scripts/bench-peers."""
    if REALTIME:
        kind = os.SCHED_RR if on else os.SCHED_OTHER
        for thread in os.listdir("/proc/self/task"):
            try:
                os.sched_setscheduler(int(thread), kind, os.sched_param(1 if on else 0))
            except OSError:
                pass  # a thread that has just ended


def measure(case, peer, work, unit, call, error=0.0, ok=True, once=False, warm=2):
    """Median over the repeats of work / seconds; short calls are repeated to 40 ms. once: a repeat is one call."""
    time.sleep(REST_S)
    realtime(True)
    start, calls = time.perf_counter(), 0
    while warm and (calls < warm or time.perf_counter() - start < WARM_S):
        call()
        calls += 1
    inner = 1
    if not once:
        start = time.perf_counter()
        call()
        inner = max(1, min(100_000, int(0.04 / max(time.perf_counter() - start, 1e-9))))
    times = []
    for _ in range(arguments.repeats):
        start = time.perf_counter()
        for _ in range(inner):
            call()
        times.append((time.perf_counter() - start) / inner)
    realtime(False)
    median = statistics.median(times)
    line = dict(case=case, peer=peer, threads=THREADS, median_s=median, throughput=work / median, unit=unit,
                spread=max(times) / min(times), error=float(error), ok=bool(ok))
    print(json.dumps(line), file=out, flush=True)


def run(groups):
    """Runs the groups named on the command line; a failure is one line of its own, and the exit status in the end."""
    failed = 0
    for name in arguments.what:
        try:
            groups[name]()
        except Exception as problem:  # a peer that is missing or broken must not stop the others
            print(json.dumps(dict(case=name, peer=os.path.basename(sys.argv[0]), threads=THREADS,
                                  failed=f"{type(problem).__name__}: {problem}"[:200])), file=out, flush=True)
            traceback.print_exc()
            failed = 1
    if failed:
        sys.exit(failed)
