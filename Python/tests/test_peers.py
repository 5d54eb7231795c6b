"""Benchmarks/Python/peers: what is measured is kept and not measured again, and the tables say what was kept."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLACES = (Path(__file__).parents[1] / "peers", Path(__file__).parents[2] / "Benchmarks/Python/peers")
PEERS = next(place for place in PLACES if (place / "run.py").exists())


def module(name):
    spec = importlib.util.spec_from_file_location(name, PEERS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


book = module("book")


def run(folder, *words):
    """run.py on a tiny game; what it prints, and what it says on the way: a line for each row that it measures."""
    done = subprocess.run(
        [sys.executable, str(PEERS / "run.py"), "--results", str(folder), "--size", "15/4", "--decisions", "400", "--seconds",
         "0.2", "--search", "0", "--seeds", "1,2", *words], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr.splitlines()


def row(seed, revenue, mark="decisions", **more):
    return {"size": "15/4", "method": "ours", "seed": seed, "purpose": "test", "mark": mark, "wanted": 400, "setting": {"lr": 0.1},
            "versions": {}, "decisions": 410, "seconds": 1.5, "revenue": revenue, "sd": 1.0, "episodes": 60, **more}


def test_what_was_measured_is_not_measured_again(tmp_path):
    words = ("--methods", "our PPO, share,;our PPO, searched;rules")
    table, said = run(tmp_path, *words)
    kept = (tmp_path / "results.jsonl").read_bytes()
    assert len(said) == 2 * 2 + 2 and not [line for line in said if "failed" in line]
    assert kept.count(b"\n") == len(said) + 4 and table.count("| our PPO, share, flat network |") == 2 and "| cafe |" in table
    assert (tmp_path / "results.md").read_text() == table
    assert (tmp_path / "results.csv").read_text().count("\n") == 1 + kept.count(b"\n")
    assert run(tmp_path, *words) == (table, []) and (tmp_path / "results.jsonl").read_bytes() == kept
    # A process that was ended while it wrote the last row but one, and half of it is there.
    lines = kept.splitlines(keepends=True)
    (tmp_path / "results.jsonl").write_bytes(b"".join(lines[:-2]) + lines[-2][:40])
    again, said = run(tmp_path, *words)
    assert len(said) == 2 and (tmp_path / "results.jsonl").read_bytes().startswith(b"".join(lines[:-2]))
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert len({book.key(one) for one in rows}) == len(rows) == len(lines)
    assert len(run(tmp_path, *words, "--seeds", "1,2,3")[1]) == 2 + 1  # one more seed


def test_the_search_takes_one_factor_after_the_other(tmp_path):
    run(tmp_path, "--methods", "our PPO, searched", "--search", "5", "--seeds", "3")
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [one["purpose"] for one in rows].count("search") == 3 + 1 + 1  # a setting that was tried is not tried again
    best = max((one for one in rows if one["purpose"] == "search"), key=lambda one: one["revenue"])
    assert rows[-1]["setting"] == best["setting"] and all(one["decisions"] >= 400 for one in rows)


def test_a_peer_is_trained_and_tested_at_each_mark(tmp_path):
    pytest.importorskip("sb3_contrib")
    _, said = run(tmp_path, "--methods", "MaskablePPO", "--decisions", "80", "--seconds", "1", "--seeds", "5")
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    marks = {(one["mark"], one["wanted"]): one for one in rows}
    assert len(rows) == len(said) == 2 and "stable-baselines3" in rows[0]["versions"]
    assert 80 <= marks["decisions", 80]["decisions"] < 400 and 1 <= marks["seconds", 1.0]["seconds"] < 6
    assert all(one["revenue"] > 0 for one in rows)


def test_a_failed_training_is_said_and_not_kept(tmp_path):
    script = tmp_path / "peers"
    script.mkdir()
    for name in ("run.py", "book.py", "game.py"):
        (script / name).write_text((PEERS / name).read_text())
    (script / "with_ours.py").write_text("def train(*_):\n    raise RuntimeError('no luck')\n")
    done = subprocess.run(
        [sys.executable, str(script / "run.py"), "--results", str(tmp_path), "--size", "15/4", "--seeds", "1", "--methods",
         "our PPO, team"], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.stderr.splitlines() == ["15/4 our PPO, team seed 1: failed: RuntimeError: no luck"]
    assert not (tmp_path / "results.jsonl").exists()


def test_the_table_has_the_mean_over_seeds_and_its_interval():
    rows = [row(1, 10.0), row(2, 12.0), row(3, 14.0), row(1, 20.0, mark="seconds")]
    found = book.summary(rows[:3])
    assert found["revenue"] == 12 and found["seeds"] == [10, 12, 14]
    assert found["half"] == pytest.approx(4.303 * 2 / 3**0.5)
    text = book.tables("15/4", rows)
    assert "| ours | lr 0.1 | 410 | 1.5 | 12.00 ± 4.97 | 10.00, 12.00, 14.00 |" in text
    assert "| ours | lr 0.1 | 410 | 1.5 | 20.00 | 20.00 |" in text  # one seed has no interval


def test_other_versions_are_other_rows(tmp_path):
    kept = book.Book(tmp_path / "rows.jsonl")
    kept.keep(row(1, 10.0, versions={"torch": "1"}))
    kept = book.Book(tmp_path / "rows.jsonl")
    assert kept.find(row(1, 11.0, versions={"torch": "1"}))["revenue"] == 10
    assert kept.find(row(1, 11.0, versions={"torch": "2"})) is None
