"""Peak memory of `celoss eval` as the rows grow. Exit status 1 when a limit does not hold.

python -m benchmarks.memory --rows 1000000 10000000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.make import Recipe, pair
from benchmarks.process import Run, celoss, measure, warm

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


def line(title: str, runs: Sequence[Run], sizes: Sequence[int]) -> str:
    """A line of the table: peak and seconds for each size, and how many bytes a further row takes."""
    cells = [f"{run.peak:.0f} MB, {run.seconds:.1f} s" for run in runs]
    growth = (runs[-1].peak - runs[0].peak) * 1e6 / max(sizes[-1] - sizes[0], 1)
    return f"| {title} | {' | '.join(cells)} | {growth:.1f} |"


def _main() -> int:
    parser = argparse.ArgumentParser(description="Peak memory of celoss eval, binary, as the rows grow.")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--in-order", action="store_true", help="leave out the joins")
    given = parser.parse_args()
    sizes = sorted(given.rows)
    print(f"| binary | {' | '.join(f'{rows:,} rows' for rows in sizes)} | bytes a further row |")
    print(f"| --- |{' --- |' * len(sizes)} --- |")
    beyond = []
    for title, recipe in (IN_ORDER if given.in_order else IN_ORDER | JOINED).items():
        runs = peaks(recipe, sizes)
        print(line(title, runs, sizes), flush=True)
        if title in IN_ORDER and max(run.peak for run in runs) >= LIMIT:
            beyond.append(title)
    print(f"\nrows in order stay below {LIMIT:.0f} MB: {'no: ' + '; '.join(beyond) if beyond else 'yes'}")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(_main())
