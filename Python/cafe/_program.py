"""The command line ``cafe-cli`` that the wheel brings along, and what is read from its JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._native import CafeError

if TYPE_CHECKING:
    import pandas


def program() -> Path:
    """Where ``cafe-cli`` is: ``CAFE_CLI`` if set, else inside this package."""
    path = Path(os.environ.get("CAFE_CLI") or Path(__file__).parent / "_lib" / "cafe-cli")
    if not path.exists():
        raise ImportError(f"{path} is missing: build it with `make wheel`, or install the wheel")
    return path


def cli(*arguments: str | os.PathLike, check: bool = True, text: str | None = None) -> str:
    """Runs ``cafe-cli`` with these arguments and returns what it prints.

    ``text`` is its standard input. Raises ``CafeError`` with its sentence where it fails, unless ``check`` is False.
    """
    run = subprocess.run(
        [str(program()), *map(os.fspath, arguments)], input=text, capture_output=True, text=True, check=False
    )
    if check and run.returncode != 0:
        raise CafeError(run.stderr.strip() or run.stdout.strip() or f"cafe-cli ended with status {run.returncode}")
    return run.stdout


def to_arguments(options: dict[str, Any]) -> list[str]:
    """Keyword arguments as options of ``cafe-cli``: ``max_open=3`` is ``--max-open=3``, True a flag, None nothing."""
    arguments = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            arguments.append(f"{flag}={os.fspath(value) if isinstance(value, os.PathLike) else value}")
    return arguments


def evaluate(
    policies: Sequence[str] | str = ("greedy", "coalition"),
    *,
    scenario: str | os.PathLike | None = None,
    orders: str | os.PathLike | None = None,
    tasks: int = 200,
    workers: int = 50,
    episodes: int = 20,
    seeds: Sequence[int] | int = 7,
    **options: Any,
) -> pandas.DataFrame:
    """Plays policies on the same episodes and returns one row per policy: ``mean`` revenue, ``sd``, ``ci95`` and more.

    ``policies`` are names of rules, learnt policies or folders of runs; further keyword arguments become options of
    ``cafe-cli evaluate`` (``days="14-"`` is ``--days 14-``). The frame's ``attrs["report"]`` is the whole document.
    """
    import pandas

    names = [policies] if isinstance(policies, str) else list(policies)
    seeds = [seeds] if isinstance(seeds, int) else list(seeds)
    arguments = ["evaluate", "--policy", ",".join(map(str, names)), "--episodes", str(episodes)]
    arguments += ["--tasks", str(tasks), "--workers", str(workers), "--seeds", ",".join(map(str, seeds))]
    arguments += to_arguments({"scenario": scenario, "orders": orders, **options})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        cli(*arguments, "--json", path)
        report = json.loads(path.read_text())
    frame = pandas.DataFrame.from_dict(report["policies"], orient="index")
    frame.index.name = "policy"
    frame.attrs["report"] = report
    return frame


@dataclass(frozen=True)
class Run:
    """The folder of a trained run: its configuration, its metrics and how it does."""

    folder: Path

    @property
    def metrics(self) -> pandas.DataFrame:
        """One row per iteration."""
        import pandas

        return pandas.read_csv(self.folder / "metrics.csv")

    @property
    def configuration(self) -> str:
        """The configuration as YAML."""
        return (self.folder / "config.yaml").read_text()

    def export(self, path: str | os.PathLike, format: str | None = None) -> Path:
        """Writes the networks as ONNX or safetensors, by the file's ending unless ``format`` says which."""
        path = Path(path)
        cli("export", self.folder, "--format", format or path.suffix.lstrip("."), "--out", path)
        return path

    def evaluate(self, **options: Any) -> pandas.DataFrame:
        """This run beside the greedy and the coalition rule; options as of ``cafe.evaluate``."""
        return evaluate(["greedy", "coalition", str(self.folder)], **options)


def load(folder: str | os.PathLike) -> Run:
    """A trained run. Raises ``CafeError`` where the folder holds none."""
    path = Path(folder)
    if not any((path / name).exists() for name in ("policy.ckpt", "policy.yaml")):
        raise CafeError(f"{path}: there is no policy.ckpt or policy.yaml: no trained run")
    return Run(path)


def main() -> None:
    """The console script ``cafe-cli``."""
    path = str(program())
    os.execv(path, [path, *sys.argv[1:]])
