"""The results that are kept, one JSON object a line, so that nothing is measured twice; and the tables over them."""

import csv
import hashlib
import json
import os
from importlib import metadata
from pathlib import Path

import numpy as np

T975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Student's t of so many seeds, for an interval of 95 %."""
KEY = ("size", "method", "seed", "purpose", "mark", "wanted", "cap", "setting", "versions")


def versions(packages, size):
    """What decides a result beside its settings: the packages' versions, and the game by what it shows and pays."""
    from game import digest

    return {name: metadata.version(name) for name in ("cafe-dispatch", *packages)} | {"game": digest(size)}


def library():
    """The native library by its content: kept in a row, but not what tells it from others."""
    from cafe import _native

    return hashlib.sha256(Path(_native.library_path()).read_bytes()).hexdigest()[:12]


def key(row):
    """What tells a row from all others."""
    return json.dumps([row.get(name) for name in KEY], sort_keys=True)


class Book:
    """The rows of a file. A row is written as one line and synced before it counts; half a line, of a process that was
    ended while it wrote, is cut off."""

    def __init__(self, path):
        self.path, self.rows = path, {}
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            with open(path, "r+b") as file:
                file.truncate(len(whole))
        for line in whole.splitlines():
            row = json.loads(line)
            self.rows[key(row)] = row

    def find(self, row):
        """The kept row of this key, or None."""
        return self.rows.get(key(row))

    def keep(self, row):
        """Adds a row to the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab") as file:
            file.write(json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.rows[key(row)] = row


def summary(rows):
    """Over the seeds: means of decisions and seconds, the mean revenue, half of its 95 % interval (NaN for one seed), and each
    seed's revenue."""
    each = [row["revenue"] for row in sorted(rows, key=lambda row: row["seed"])]
    half = T975.get(len(each), 1.96) * np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else float("nan")
    return {
        "decisions": float(np.mean([row["decisions"] for row in rows])), "seconds": float(np.mean([row["seconds"] for row in rows])),
        "revenue": float(np.mean(each)), "half": float(half), "seeds": each,
    }


def words(setting):
    """A setting in a table's cell."""
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in setting.items())


def tables(size, rows):
    """The tables of a size in Markdown: by each mark, the rules, and what the searches found."""
    out = [f"### {size}", ""]
    trained = [row for row in rows if row["purpose"] == "test" and row["mark"] != "rule"]
    for mark in sorted({(row["mark"], row["wanted"]) for row in trained}):
        kind, amount = mark
        out += [f"After {amount:,.0f} {'decisions' if kind == 'decisions' else 'processor seconds'}:", "",
                "| method | setting | decisions | processor s | revenue | each seed |", "|---|---|---:|---:|---:|---|"]
        here = [row for row in trained if (row["mark"], row["wanted"]) == mark]
        for method, setting in dict.fromkeys((row["method"], words(row["setting"])) for row in here):
            mine = [row for row in here if (row["method"], words(row["setting"])) == (method, setting)]
            found = summary(mine)
            interval = "" if np.isnan(found["half"]) else f" ± {found['half']:.2f}"
            out.append(
                f"| {method} | {setting} | {found['decisions']:,.0f} | {found['seconds']:.1f} "
                f"| {found['revenue']:.2f}{interval} | {', '.join(f'{value:.2f}' for value in found['seeds'])} |")
        out.append("")
    rules = [row for row in rows if row["mark"] == "rule"]
    if rules:
        out += ["Rules, without training in this run:", "", "| rule | revenue | s.e. over episodes |", "|---|---:|---:|"]
        out += [f"| {row['method']} | {row['revenue']:.2f} | {row['sd'] / row['episodes'] ** 0.5:.2f} |" for row in rules] + [""]
    searches = [row for row in rows if row["purpose"] == "search"]
    if searches:
        out += ["The search (one seed, other episodes):", "", "| method | setting | decisions | processor s | revenue |",
                "|---|---|---:|---:|---:|"]
        order = list(dict.fromkeys(row["method"] for row in searches))
        for row in sorted(searches, key=lambda row: order.index(row["method"])):
            out.append(f"| {row['method']} | {words(row['setting'])} | {row['decisions']:,} | {row['seconds']:.1f} "
                       f"| {row['revenue']:.2f} |")
        out.append("")
    return "\n".join(out)


def write_csv(path, rows):
    """All rows as CSV."""
    names = ["size", "method", "purpose", "mark", "wanted", "seed", "setting", "decisions", "seconds", "revenue", "sd", "episodes", "date"]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([words(row["setting"]) if name == "setting" else row.get(name) for name in names])
