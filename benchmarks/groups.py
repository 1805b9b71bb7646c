"""What exact sums in many groups cost: multiples of one `np.bincount` of the same rows, medians of runs in turn.

Losses of random rows in random groups, added block by block. `table` is one sum, `squares` the sum of squares; `integers`
is what reading a table out takes, once; `Groups` is what a table saves: Python integers of all groups after each block.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

import numpy as np
from benchmarks.exact import Floats, realistic
from benchmarks.process import alone
from benchmarks.results import Cell, Size, Table
from numpy.typing import NDArray

from celoss import exact

Codes = NDArray[np.intp]
Work = Callable[[], object]


def works(codes: Codes, values: Floats, groups: int) -> dict[str, Work]:
    """What is timed, by the name in the table; the first is the yardstick."""
    filled = in_table(codes, values)
    return {
        "np.bincount": lambda: np.bincount(codes, weights=values, minlength=groups),
        "table": lambda: in_table(codes, values),
        "squares": lambda: squares_in_table(codes, values),
        "integers": lambda: filled.integers(groups),
        "Groups": lambda: by_groups(codes, values, groups),
    }


def in_table(codes: Codes, values: Floats) -> exact.Table:
    """The values added to a new table."""
    table = exact.Table()
    for block in blocks(len(values)):
        table.add(codes[block], values[block])
    return table


def squares_in_table(codes: Codes, values: Floats) -> exact.Table:
    """The squares of the values added to a new table."""
    table = exact.Table()
    for block in blocks(len(values)):
        table.add_squares(codes[block], values[block])
    return table


def by_groups(codes: Codes, values: Floats, groups: int) -> list[int]:
    """The same sums as Python integers, all of them added after each block."""
    sums = [0] * groups
    for block in blocks(len(values)):
        sums = list(map(int.__add__, sums, exact.Groups(codes[block], groups).sums(values[block])))
    return sums


def blocks(rows: int) -> Iterator[slice]:
    """The rows a block at a time."""
    return (slice(start, start + exact.BLOCK_ROWS) for start in range(0, rows, exact.BLOCK_ROWS))


def in_turn(timed: Mapping[str, Work], times: int) -> list[float]:
    """How long the first takes, and how many times as long each other: the medians over runs one after another."""
    runs = [[_seconds(work) for work in timed.values()] for _ in range(times)]
    ratios = [median(run[place] / run[0] for run in runs) for place in range(1, len(timed))]
    return [median(run[0] for run in runs), *ratios]


def _seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def tables(size: Size) -> Iterator[Table]:
    """A line for each number of groups."""
    rows, most = (100_000, 4) if size.small else (1_000_000, 5)
    values = realistic(rows)
    np.empty(1 << 21)  # glibc then keeps freed memory; see the trap in README.md
    lines: list[list[Cell]] = []
    wrong = []
    for groups in (10**exponent for exponent in range(1, most + 1)):
        codes = np.random.default_rng(groups).integers(0, groups, rows)
        if in_table(codes, values).integers(groups) != by_groups(codes, values, groups):
            wrong.append(f"the sums of a table and those of Groups differ for {groups} groups")
        with alone():
            yardstick, *ratios = in_turn(works(codes, values, groups), size.times)
        lines.append([groups, 1e9 * yardstick / rows, *ratios])
    columns = ("groups", "np.bincount, ns a row", "table", "squares", "integers", "Groups")
    note = f"{rows:,} rows in blocks of {exact.BLOCK_ROWS:,}."
    yield Table("groups", "Exact sums by many groups, × one `np.bincount` of all rows", columns, lines, note, wrong)
