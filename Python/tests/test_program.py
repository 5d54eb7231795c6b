"""The command line inside the wheel."""

import pytest

import cafe


def test_the_program_runs():
    assert "chengdu" in cafe.cli("scenarios")


def test_its_errors_are_exceptions():
    with pytest.raises(cafe.CafeError, match="evaluat"):
        cafe.cli("evaluatte")


def test_evaluate_gives_a_table():
    frame = cafe.evaluate(["greedy", "coalition"], tasks=40, workers=10, episodes=3)
    assert list(frame.index) == ["greedy", "coalition"] and (frame["mean"] > 0).all()
    assert frame.attrs["report"]["tasks"] == 40


def test_load_needs_a_run(tmp_path):
    with pytest.raises(cafe.CafeError, match="no trained run"):
        cafe.load(tmp_path)


def test_a_run_is_read(tmp_path):
    folder = tmp_path / "run"
    cafe.cli("train", "--iterations", "2", "--set", "episodes.tasks=[50]", "--set", "episodes.workers=[20]",
             "--out", folder, "--threads", "1")
    run = cafe.load(folder)
    assert len(run.metrics) >= 2
    assert "seed" in run.configuration
