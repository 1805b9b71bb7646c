"""celoss against other programs, whole processes in turn: medians, and ratios of the runs that followed one another.

    python -m benchmarks.run --small

Exit status 1 when two programs disagree on the mean log loss by more than 1e-12 of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from benchmarks.make import Recipe, pair
from benchmarks.process import Run, celoss, measure, warm

AGREEMENT = 1e-12
PEERS_FOLDER = Path(__file__).parent / "peers"
ROWS = {"full": (10_000_000, 2_000_000), "small": (200_000, 50_000)}


@dataclass(frozen=True)
class Peer:
    """A program of peers/, called as `script PREDS LABELS position|id`, with the packages it needs.

    number: the mean log loss in what it printed, or None for a program that computes none.
    """

    script: str
    needs: tuple[str, ...]
    number: Callable[[str], float] | None = float


# One entry for each program that celoss is compared with; what is not installed is left out.
PEERS = {
    "pandas + scikit-learn": Peer("pandas_sklearn.py", ("pandas", "scikit-learn")),
    "pyarrow, reading alone": Peer("reading.py", ("pyarrow",), None),
}


def workloads(binary_rows: int, multiclass_rows: int) -> dict[str, Recipe]:
    """What is scored, by the name in the table."""
    kinds = {"binary": (binary_rows, 2), "10 classes": (multiclass_rows, 10)}
    return {
        f"{kind}, {format}, {'labels shuffled' if shuffled else 'in order'}": Recipe(rows, k, "int", shuffled, format)
        for kind, (rows, k) in kinds.items()
        for shuffled in (False, True)
        for format in ("parquet", "csv")
    }


def installed() -> dict[str, Peer]:
    """The peers whose packages are there."""
    return {name: peer for name, peer in PEERS.items() if all(_version(package) for package in peer.needs)}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def in_turn(commands: Mapping[str, Sequence[str]], times: int) -> dict[str, list[Run]]:
    """Runs all commands one after another, `times` times: A B A B."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            runs[name].append(measure(command))
    return runs


def compare(recipe: Recipe, times: int) -> dict[str, list[Run]]:
    """The runs of celoss and of all peers on one workload. Raises SystemExit when their numbers differ."""
    files = pair(recipe)
    warm(*files)
    match = "id" if recipe.shuffled else "position"
    peers = installed()
    commands = {"celoss": celoss(*files)} | {
        name: [sys.executable, str(PEERS_FOLDER / peer.script), *map(str, files), match] for name, peer in peers.items()
    }
    runs = in_turn(commands, times)
    expected = json.loads(runs["celoss"][0].output)["metrics"]["log_loss"]
    for name, peer in peers.items():
        if peer.number is not None:
            _check(name, peer.number(runs[name][0].output), expected)
    return runs


def _check(name: str, found: float, expected: float) -> None:
    if not abs(found - expected) <= AGREEMENT * expected:
        raise SystemExit(f"{name} says {found!r}, celoss {expected!r}")


def table(title: str, rows: int, runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """The lines of a workload: medians of each program, and how much of its time celoss takes."""
    ours = runs["celoss"]
    lines = []
    for name, theirs in runs.items():
        wall = median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))
        cpu = median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True))
        ratios = "|" if theirs is ours else f"{wall:.2f} | {cpu:.2f}"
        seconds, used = median(run.seconds for run in theirs), median(run.cpu for run in theirs)
        peak = max(run.peak for run in theirs)
        shown = f"{title}, {rows:,} rows" if theirs is ours else ""
        lines.append(f"| {shown} | {name} | {seconds:.2f} | {used:.2f} | {peak:.0f} | {ratios} |")
    return lines


def _main() -> None:
    parser = argparse.ArgumentParser(description="Time celoss against other programs, whole processes in turn.")
    parser.add_argument("--small", action="store_true", help="few rows: about two minutes")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", default="", metavar="WORD", help="workloads with this word in their name")
    given = parser.parse_args()
    versions = [
        f"{name} {_version(name)}" for name in ("celoss", "numpy", "pyarrow", "pandas", "scikit-learn") if _version(name)
    ]
    print(f"Python {sys.version.split()[0]}, {', '.join(versions)}; {given.times} runs each\n")
    print("| workload | program | s | CPU s | peak MB | celoss ÷ it | by CPU |\n| --- | --- | --- | --- | --- | --- | --- |")
    for title, recipe in workloads(*ROWS["small" if given.small else "full"]).items():
        if given.only in title:
            print("\n".join(table(title, recipe.rows, compare(recipe, given.times))), flush=True)


if __name__ == "__main__":
    _main()
