"""The annotations, as a user's type checker sees them."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def check(*words):
    return subprocess.run([sys.executable, "-m", "mypy", "--strict", *words], capture_output=True, text=True, cwd=HERE)


def test_a_typed_program_is_accepted_and_runs():
    pytest.importorskip("mypy")
    run = check("typed.py")
    assert run.returncode == 0, run.stdout
    subprocess.run([sys.executable, "typed.py"], check=True, cwd=HERE, capture_output=True)


@pytest.mark.parametrize(("line", "error"), [
    ("cafe.parallel_env(task=3)", "task"), ("cafe.parallel_env(reward='money')", "reward"),
    ("x: int = cafe.cli('scenarios')", "assignment"),
])
def test_a_mistake_is_found(line, error, tmp_path):
    pytest.importorskip("mypy")
    path = tmp_path / "wrong.py"
    path.write_text(f"import cafe\n{line}\n")
    run = check(str(path))
    assert run.returncode == 1 and error in run.stdout
