"""The command line inside the wheel, and evaluations."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import cafe
from cafe._games import Games


def test_the_program_runs():
    assert "chengdu" in cafe.cli("scenarios")


def test_its_errors_are_exceptions():
    with pytest.raises(cafe.CafeError, match="evaluat"):
        cafe.cli("evaluatte")


def test_evaluate_gives_a_table():
    frame = cafe.evaluate(["greedy", "coalition"], tasks=40, workers=10, episodes=3)
    assert list(frame.index) == ["greedy", "coalition"] and (frame["mean"] > 0).all()
    assert frame.attrs["report"]["tasks"] == 40
    assert frame.loc["greedy", "difference"] == 0 and frame.loc["coalition", "difference"] != 0
    assert frame.loc["coalition", "low"] < frame.loc["coalition", "mean"] < frame.loc["coalition", "high"]


def test_evaluate_gives_the_document_of_the_command():
    options = {"tasks": 40, "workers": 10, "episodes": 3}
    words = [f"--{name}={value}" for name, value in options.items()]
    for policies, more, fields in [
        (["greedy", "coalition", "cafe"], ["--seeds=7,8"], {"seeds": [7, 8]}),
        (["coalition"], ["--bounds", "--bound-episodes=1", "--annealing-moves=2000", "--scenario=haikou"],
         {"bounds": True, "bound_episodes": 1, "annealing_moves": 2000, "scenario": "haikou"}),
    ]:
        report = cafe.evaluate_report(policies, **options, **fields)
        assert report.pop("warnings") == []
        assert report == json.loads(cafe.cli("evaluate", *policies, *words, *more, "--json=-"))


def test_evaluate_plays_recorded_orders(tmp_path):
    tasks, workers = tmp_path / "tasks.csv", tmp_path / "workers.csv"
    cafe.cli("generate", "--tasks", "12", "--workers", "5", "--out", tmp_path)
    assert tasks.exists() and workers.exists()
    report = cafe.evaluate_report(["greedy"], orders=tasks)
    assert (report["tasks"], report["workers"], report["episodes"]) == (12, 5, 1)


@pytest.mark.parametrize(("fields", "sentence"), [
    ({"policies": ["gredy"]}, "did you mean 'greedy'"),
    ({"policies": []}, "policies: there is none"),
    ({"policies": ["greedy"], "tasks": 0}, "tasks 0"),
    ({"policies": ["greedy"], "bound_episodes": 3}, "boundEpisodes belongs to bounds"),
    ({"policies": ["greedy"], "task": 3}, "did you mean 'tasks'"),
    ({"policies": ["greedy"], "episodes": "x"}, "episodes: "),
    ({"policies": ["greedy"], "orders": "nowhere.csv"}, "nowhere.csv"),
])
def test_what_is_wrong_with_an_evaluation_is_a_sentence(fields, sentence):
    with pytest.raises(cafe.CafeError, match=sentence):
        cafe.evaluate_report(**fields)


def test_evaluations_print_nothing_and_keep_their_warnings(capfd):
    orders = {"scenario": "chengdu", "tasks": 5, "workers": 2, "episodes": 1}
    assert cafe.evaluate_report(["greedy"], **orders)["warnings"] == []
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""


def test_the_split_of_evaluation_holds_the_episodes_of_evaluate(tmp_path):
    """A trained run played by its networks' outputs through the environment earns what `evaluate` says."""
    folder, size = tmp_path / "run", {"tasks": 30, "workers": 8}
    cafe.cli("train", "--iterations", "2", "--set", "episodes.tasks=[30]", "--set", "episodes.workers=[8]", "--out", folder,
             "--threads", "1")
    games = Games(1, split="evaluation", **size)
    games.reset(0, 7, 0)
    games.observe()
    context, width = games.context_width, games.candidate_width
    while not games.ended[0]:
        acting = np.flatnonzero(games.mask[0, :, 1:].any(axis=1))
        actions = np.zeros((1, 8), np.int32)
        if len(acting):
            rows = games.observations[0, acting]
            # The library's last action is "stay", which comes first here.
            order = [*range(1, games.actions), 0]
            answer = cafe.call("policy.outputs", {
                "run": str(folder), "context": rows[:, :context].tolist(),
                "candidates": rows[:, context:].reshape(len(acting), games.actions, width)[:, order].tolist(),
                "mask": games.mask[0, acting][:, order].tolist(),
            })
            logits = np.array([[-np.inf if value is None else value for value in row] for row in answer["logits"]])
            actions[0, acting] = np.array(order)[logits.argmax(axis=1)]
        games.step(actions)
    report = cafe.evaluate_report([folder], episodes=1, **size)
    assert games.status()["revenue"] == pytest.approx(next(iter(report["policies"].values()))["mean"], abs=1e-9)
    rows = []
    for batch in (games, Games(1, **size)):
        batch.reset(0, 7, 0)
        batch.observe()
        while not batch.mask[0, :, 1:].any():
            batch.step(np.zeros((1, 8), np.int32))
        rows.append(batch.observations.copy())
    assert (rows[0] != rows[1]).any()


def test_the_library_runs_nothing_when_it_is_loaded():
    """It shares its objects with a program that starts itself again with a corrected environment."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    code = "import os, cafe; print('begin', flush=True); cafe.call('verbs'); print('end')"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["begin", "end"]
