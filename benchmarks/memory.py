"""Peak memory of `celoss eval` as the rows grow: a limit that must hold where rows are in order, and what a join takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.make import Recipe, pair
from benchmarks.process import Run, celoss, measure, warm
from benchmarks.results import Cell, Size, Table

# MB. Rows in order stream, so the limit holds for any number of them; a join holds ids and labels.
LIMIT = 300.0
IN_ORDER = {
    "Parquet, no ids": Recipe(0, ids="none"),
    "Parquet, sorted int64 ids": Recipe(0, ids="int"),
    "Parquet, sorted text ids": Recipe(0, ids="text"),
    "CSV, sorted int64 ids": Recipe(0, ids="int", format="csv"),
}
JOINED = {
    "Parquet, ids in one order, not sorted": Recipe(0, ids="hash"),
    "Parquet, labels shuffled, int64 ids": Recipe(0, ids="int", shuffled=True),
    "Parquet, labels shuffled, text ids": Recipe(0, ids="text", shuffled=True),
    "CSV, labels shuffled, int64 ids": Recipe(0, ids="int", shuffled=True, format="csv"),
}


def peaks(recipe: Recipe, sizes: Sequence[int]) -> list[Run]:
    """One run of celoss for each number of rows."""
    runs = []
    for rows in sizes:
        files = pair(replace(recipe, rows=rows))
        warm(*files)
        runs.append(measure(celoss(*files)))
    return runs


def line(title: str, runs: Sequence[Run], sizes: Sequence[int]) -> list[Cell]:
    """A line of the table: peak and seconds for each size, and how many bytes a further row takes."""
    growth = (runs[-1].peak - runs[0].peak) * 1e6 / (sizes[-1] - sizes[0])
    return [title, *(cell for run in runs for cell in (run.peak, run.seconds)), growth]


def tables(size: Size) -> Iterator[Table]:
    """Peaks of a small and a large number of rows."""
    sizes = [100_000, 1_000_000] if size.small else [1_000_000, 10_000_000]
    columns = ("binary", *(f"{unit}, {rows:,} rows" for rows in sizes for unit in ("MB", "s")), "bytes a further row")
    lines, beyond = [], []
    for title, recipe in (IN_ORDER | JOINED).items():
        print(f"memory: {title}", file=sys.stderr, flush=True)
        runs = peaks(recipe, sizes)
        lines.append(line(title, runs, sizes))
        if title in IN_ORDER and max(run.peak for run in runs) >= LIMIT:
            beyond.append(f"{title}: {max(run.peak for run in runs):.0f} MB, the limit is {LIMIT:.0f}")
    note = f"Rows in order stay below {LIMIT:.0f} MB: {'no' if beyond else 'yes'}."
    yield Table("memory", "Peak memory, binary", columns, lines, note, beyond)
