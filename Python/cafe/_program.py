"""The command line ``cafe-cli`` that the wheel brings along, and what is read from its JSON."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._native import CafeError, call

if TYPE_CHECKING:
    import pandas


def program() -> Path:
    """Where ``cafe-cli`` is: ``CAFE_CLI`` if set, else inside this package."""
    path = Path(os.environ.get("CAFE_CLI") or Path(__file__).parent / "_lib" / "cafe-cli")
    if not path.exists():
        raise ImportError(f"{path} is missing: build it with `make wheel`, or install the wheel")
    return path


def cli(*arguments: str | os.PathLike[str], check: bool = True, text: str | None = None) -> str:
    """Runs ``cafe-cli`` with these arguments and returns what it prints.

    ``text`` is its standard input. Raises ``CafeError`` with its sentence where it fails, unless ``check`` is False.
    """
    run = subprocess.run(
        [str(program()), *(os.fspath(argument) for argument in arguments)], input=text, capture_output=True, text=True, check=False
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
    policies: Sequence[str | os.PathLike[str]] | str = ("greedy", "coalition"),
    *,
    scenario: str | os.PathLike[str] | None = None,
    orders: str | os.PathLike[str] | None = None,
    tasks: int | None = None,
    workers: int | None = None,
    episodes: int | None = None,
    seeds: Sequence[int] | int = 7,
    **options: Any,
) -> pandas.DataFrame:
    """Plays policies on the same episodes and returns one row per policy, the first one being what others are compared to.

    Columns: ``mean`` revenue, ``sd``, ``low`` and ``high`` (95 % interval), ``difference`` to the first policy in the same
    episodes with ``difference_low`` and ``difference_high``, ``ratio``, ``episodes``, ``price``, ``note``. An end of an
    interval is NaN where there is none. ``attrs["report"]`` is the whole document of `cafe-cli evaluate --json`;
    warnings are given as ``UserWarning``.

    ``policies`` are names of rules, learnt policies or folders of runs. Without ``tasks``, ``workers`` and ``episodes``:
    200, 200, 100, or what the orders have. Further keyword arguments are fields of the C ABI's verb "evaluate" in snake
    case (``days="14-"``, ``bounds=True``, ``lookahead=["futures=8"]``). Raises ``CafeError``.
    """
    import pandas

    report = evaluate_report(
        policies, scenario=scenario, orders=orders, tasks=tasks, workers=workers, episodes=episodes, seeds=seeds, **options
    )
    for warning in report["warnings"]:
        warnings.warn(warning.removeprefix("warning: "), stacklevel=2)
    rows = {}
    for name, entry in report["policies"].items():
        apart = entry["minus_first"]
        (low, high), (apart_low, apart_high) = entry["ci95"], apart["ci95"]
        rows[name] = {
            "mean": entry["mean"], "sd": entry["sd"], "low": low, "high": high, "difference": apart["mean"],
            "difference_low": apart_low, "difference_high": apart_high, "ratio": entry.get("ratio_to_first"),
            "episodes": entry["episodes"], "price": entry.get("price"), "note": entry["note"],
        }
    frame = pandas.DataFrame.from_dict(rows, orient="index")
    numbers = ["mean", "sd", "low", "high", "difference", "difference_low", "difference_high", "ratio"]
    frame[numbers] = frame[numbers].astype(float)
    frame.index.name = "policy"
    frame.attrs["report"] = report
    return frame


def evaluate_report(
    policies: Sequence[str | os.PathLike[str]] | str, *, seeds: Sequence[int] | int = 7, **options: Any
) -> dict[str, Any]:
    """As ``evaluate``, as the document of `cafe-cli evaluate --json` with the field ``warnings``; needs no pandas."""
    names = [policies] if isinstance(policies, str) else [os.fspath(policy) for policy in policies]
    document: dict[str, Any] = {"policies": names, "seeds": [seeds] if isinstance(seeds, int) else list(seeds)}
    for name, value in options.items():
        if value is not None:
            head, *rest = name.split("_")
            field = head + "".join(part.capitalize() for part in rest)
            document[field] = os.fspath(value) if isinstance(value, os.PathLike) else value
    report: dict[str, Any] = call("evaluate", document)
    return report


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

    def export(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Writes the networks as ONNX or safetensors, by the file's ending unless ``format`` says which."""
        path = Path(path)
        cli("export", self.folder, "--format", format or path.suffix.lstrip("."), "--out", path)
        return path

    def evaluate(self, **options: Any) -> pandas.DataFrame:
        """This run beside the greedy and the coalition rule; options as of ``cafe.evaluate``."""
        return evaluate(["greedy", "coalition", str(self.folder)], **options)


def load(folder: str | os.PathLike[str]) -> Run:
    """A trained run. Raises ``CafeError`` where the folder holds none."""
    path = Path(folder)
    if not any((path / name).exists() for name in ("policy.ckpt", "policy.yaml")):
        raise CafeError(f"{path}: there is no policy.ckpt or policy.yaml: no trained run")
    return Run(path)


def main() -> None:
    """The console script ``cafe-cli``."""
    path = str(program())
    os.execv(path, [path, *sys.argv[1:]])
