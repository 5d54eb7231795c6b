"""Our own training, `cafe-cli train` on one thread, as a peer among the others."""

import os
import tempfile
from pathlib import Path

import cafe


def clock():
    """Processor seconds of the processes that have ended, which are those of `cafe-cli`."""
    times = os.times()
    return times.children_user + times.children_system


def train(method, size, seed, setting, marks, test):
    """Trains until all marks are reached, by `train` and a few times `resume`.

    `setting`: reward (a variant) and, where they are not the defaults, lr, epochs, games (an iteration's) and network."""
    tasks, workers = map(int, size.split("/"))
    changes = {"episodes.tasks": f"[{tasks}]", "episodes.workers": f"[{workers}]", "reward.variant": setting["reward"],
               "evaluateEvery": 0}
    names = {"lr": "ppo.learningRate", "epochs": "ppo.updateEpochs", "games": "ppo.numEnvs", "network": "network.policy"}
    changes |= {name: setting[key] for key, name in names.items() if key in setting}
    marks.clock = clock
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"

        def score():
            report = cafe.evaluate_report([run], tasks=tasks, workers=workers, episodes=test["episodes"], seeds=test["seed"])
            entry = next(iter(report["policies"].values()))
            return entry["mean"], entry["sd"]

        marks.begin()
        words = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
        cafe.cli("train", "--scenario", "chengdu", *words, "--seed", str(seed), "--iterations", "1", "--threads", "1", "--quiet",
                 "--out", run)
        iterations = 1
        while True:
            decisions = int(cafe.load(run).metrics["charts/decisions"].iloc[-1])
            marks.look(decisions, score)
            if marks.over:
                return
            more, fewest, soonest = [], marks.next("decisions"), marks.next("seconds")
            if fewest is not None:
                more.append(-(-(fewest - decisions) * iterations // decisions))
            if soonest is not None:
                more.append(int((soonest - marks.spent) * iterations / marks.spent))
            # Iterations grow while a policy learns to wait, so the goal is approached by halves.
            iterations += min(more) // 2 if min(more) > 4 else 1
            cafe.cli("resume", run, "--iterations", str(iterations), "--threads", "1", "--quiet")
