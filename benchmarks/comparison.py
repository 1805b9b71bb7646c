"""celoss against other programs: whole processes in turn, that must agree on the mean log loss and the accuracy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.make import Recipe, pair
from benchmarks.process import Run, celoss, in_turn, medians, paired, warm
from benchmarks.results import Cell, Size, Table, version

AGREEMENT = 1e-12
PEERS_FOLDER = Path(__file__).parent / "peers"
ROWS = {2: (10_000_000, 200_000), 10: (2_000_000, 50_000), 1000: (100_000, 2_000)}
COLUMNS = ("workload", "rows", "program", "runs", "s", "CPU s", "peak MB", "celoss ÷ it", "by CPU")
NOTE = """A ratio is the median over rounds of runs one after another, below 1 where celoss takes less; CPU is that of all
threads, MB are 10^6 bytes. celoss computes its full report and compares the ids where there are any; the others compute the
mean log loss and the accuracy, by position in files that are in order; the reader computes nothing."""
TARGETS = "Targets: at most 1.0 × the faster of Polars and DuckDB, and in order at most 0.1 × pandas + scikit-learn."


@dataclass(frozen=True)
class Peer:
    """A program of peers/, called as `script PREDS LABELS position|id CLASSES|lists`, with the packages it needs.

    computes: whether it prints the mean log loss and the accuracy. every: in which rounds it runs, 3 for every third.
    """

    script: str
    needs: tuple[str, ...]
    computes: bool = True
    every: int = 1


# One entry for each program that celoss is compared with; what is not installed is left out.
PEERS = {
    "Polars": Peer("polars_query.py", ("polars",)),
    "DuckDB": Peer("duckdb_query.py", ("duckdb",)),
    "pandas + scikit-learn": Peer("pandas_sklearn.py", ("pandas", "scikit-learn"), every=3),
    "pyarrow, reading alone": Peer("reading.py", ("pyarrow",), computes=False),
}


QUERIES, SLOW = ("Polars", "DuckDB"), "pandas + scikit-learn"


def workloads(small: bool) -> dict[str, Recipe]:
    """What is scored, by the name in the table."""
    rows = {classes: sizes[small] for classes, sizes in ROWS.items()}
    found = {
        f"{'binary' if classes == 2 else f'{classes} classes'}, {format}, {order}": replace(
            recipe, rows=rows[classes], classes=classes, format=format
        )
        for classes in (2, 10)
        for order, recipe in {
            "in order, no ids": Recipe(0, ids="none"),
            "in order, int64 ids": Recipe(0, ids="int"),
            "shuffled, int64 ids": Recipe(0, ids="int", shuffled=True),
            "shuffled, text ids": Recipe(0, ids="text", shuffled=True),
        }.items()
        for format in ("parquet", "csv")
    }
    return found | {f"1000 classes, parquet, {form}": Recipe(rows[1000], 1000, form=form) for form in ("columns", "lists")}


def installed() -> dict[str, Peer]:
    """The peers whose packages are there."""
    return {name: peer for name, peer in PEERS.items() if all(version(package) for package in peer.needs)}


def commands(recipe: Recipe) -> dict[str, list[str]]:
    """The command of celoss and that of each peer."""
    files = pair(recipe)
    form = "lists" if recipe.form == "lists" else str(recipe.classes)
    arguments = [*map(str, files), "id" if recipe.shuffled else "position", form]
    return {"celoss": celoss(*files)} | {
        name: [sys.executable, str(PEERS_FOLDER / peer.script), *arguments] for name, peer in installed().items()
    }


def disagreements(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """What peers say otherwise than celoss."""
    metrics = json.loads(runs["celoss"][0].output)["metrics"]
    found = []
    for name in (name for name, peer in installed().items() if peer.computes):
        numbers = map(float, runs[name][0].output.split())
        for metric, number in zip(("log_loss", "accuracy"), numbers, strict=True):
            if not abs(number - metrics[metric]) <= AGREEMENT * metrics[metric]:
                found.append(f"{name} says {metric} {number!r}, celoss {metrics[metric]!r}")
    return found


def lines(title: str, rows: int, runs: Mapping[str, Sequence[Run]]) -> list[list[Cell]]:
    """The lines of a workload: medians of each program, and how much of its time celoss takes."""
    found: list[list[Cell]] = []
    for name, theirs in runs.items():
        every = PEERS[name].every if name in PEERS else 1
        ratios: tuple[Cell, Cell] = paired(runs["celoss"], theirs, every) if name in PEERS else (None, None)
        found.append([title, rows, name, len(theirs), *medians(theirs), *ratios])
    return found


def beside(title: str, runs: Mapping[str, Sequence[Run]]) -> list[Cell]:
    """The line of a workload: seconds of each program, and what the targets speak of."""
    seconds: dict[str, float | None] = {name: medians(taken)[0] for name, taken in runs.items()}
    found = {name: paired(runs["celoss"], taken, PEERS[name].every) for name, taken in runs.items() if name in PEERS}
    faster = min((found[name] for name in QUERIES if name in found), key=lambda ratios: -ratios[0], default=(None, None))
    slow = found.get(SLOW, (None, None))
    return [title, *(seconds.get(name) for name in ("celoss", *PEERS)), *faster, slow[0], medians(runs["celoss"])[2]]


def tables(size: Size) -> Iterator[Table]:
    """All workloads, beside one another and in full."""
    compared, full, wrong = [], [], []
    for title, recipe in workloads(size.small).items():
        if size.only not in title:
            continue
        print(f"comparison: {title}", file=sys.stderr, flush=True)
        warm(*pair(recipe))
        try:
            runs = in_turn(commands(recipe), size.times, {name: peer.every for name, peer in PEERS.items()})
        except RuntimeError as error:
            wrong.append(f"{title}: {error}")
            continue
        compared.append(beside(title, runs))
        full += lines(title, recipe.rows, runs)
        wrong += [f"{title}: {one}" for one in disagreements(runs)]
    agreed = "Not all programs ran and agreed." if wrong else "All programs agreed on every number to 1e-12 of it."
    columns = ("seconds of whole processes", "celoss", *PEERS, "celoss ÷ the faster query", "by CPU", f"÷ {SLOW}", "celoss MB")
    yield Table("comparison", "celoss and other programs", columns, compared, f"{NOTE} {agreed} {TARGETS}", wrong)
    yield Table("runs", "All runs of the comparison", COLUMNS, full)
