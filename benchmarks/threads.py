"""What threads give where reading is not the limit, and that they change no byte of the output."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.make import Recipe, pair
from benchmarks.process import celoss, in_turn, medians, paired, takes, warm
from benchmarks.results import Cell, Size, Table, skipped

OPTION = "--threads"
COUNTS = (1, 2, 4)
TITLE = "Threads"
NOTE = "Speed-up: how many times as long one thread takes, the median over rounds of runs one after another."


def workloads(small: bool) -> dict[str, Recipe]:
    """What is scored, by the name in the table."""
    return {
        "binary, parquet, in order, no ids": Recipe(200_000 if small else 10_000_000, ids="none"),
        # Here start-up, of which threads take nothing, is a twentieth and no longer a quarter.
        "binary, parquet, in order, no ids, ten times the rows": Recipe(2_000_000 if small else 100_000_000, ids="none"),
        "10 classes, parquet, in order, no ids": Recipe(50_000 if small else 2_000_000, 10, ids="none"),
        "binary, parquet, shuffled, int64 ids": Recipe(200_000 if small else 10_000_000, shuffled=True),
    }


def tables(size: Size) -> Iterator[Table]:
    """Times by number of threads."""
    if not takes(OPTION):
        yield skipped("threads", TITLE, f"`celoss eval` has no {OPTION}")
        return
    lines: list[list[Cell]] = []
    wrong = []
    for title, recipe in workloads(size.small).items():
        files = pair(recipe)
        warm(*files)
        runs = in_turn({str(count): celoss(*files, OPTION, str(count)) for count in COUNTS}, size.times)
        lines += [[title, int(one), *medians(taken), *paired(runs["1"], taken)] for one, taken in runs.items()]
        if len({run.output for taken in runs.values() for run in taken}) > 1:
            wrong.append(f"{title}: the output depends on the number of threads")
    columns = ("workload", "threads", "s", "CPU s", "peak MB", "speed-up", "by CPU")
    same = "The outputs differ." if wrong else "The output was the same to the byte."
    yield Table("threads", TITLE, columns, lines, f"{os.cpu_count()} cores. {NOTE} {same}", wrong)
