"""What exact sums in many groups cost: multiples of one `np.bincount` of the same rows, medians of runs in turn.

    python -m benchmarks.groups

Losses of random rows in random groups, added block by block. `table` is one sum, `squares` the sum of squares; `integers`
is what reading a table out takes, once; `Groups` is what a table saves: Python integers of all groups after each block.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command sets it

import numpy as np
from benchmarks.exact import Floats, realistic
from numpy.typing import NDArray

from celoss.exact import BLOCK_ROWS, Groups, Table

Codes = NDArray[np.intp]
Work = Callable[[], object]


def works(codes: Codes, values: Floats, groups: int) -> dict[str, Work]:
    """What is timed, by the name in the table; the first is the yardstick."""
    filled = Table()
    filled.add(codes, values)
    return {
        "np.bincount": lambda: np.bincount(codes, weights=values, minlength=groups),
        "table": lambda: in_table(codes, values),
        "squares": lambda: squares_in_table(codes, values),
        "integers": lambda: filled.integers(groups),
        "Groups": lambda: by_groups(codes, values, groups),
    }


def in_table(codes: Codes, values: Floats) -> Table:
    """The values added to a new table."""
    table = Table()
    for block in blocks(len(values)):
        table.add(codes[block], values[block])
    return table


def squares_in_table(codes: Codes, values: Floats) -> Table:
    """The squares of the values added to a new table."""
    table = Table()
    for block in blocks(len(values)):
        table.add_squares(codes[block], values[block])
    return table


def by_groups(codes: Codes, values: Floats, groups: int) -> list[int]:
    """The same sums as Python integers, all of them added after each block."""
    sums = [0] * groups
    for block in blocks(len(values)):
        sums = list(map(int.__add__, sums, Groups(codes[block], groups).sums(values[block])))
    return sums


def blocks(rows: int) -> Iterator[slice]:
    """The rows a block at a time."""
    return (slice(start, start + BLOCK_ROWS) for start in range(0, rows, BLOCK_ROWS))


def in_turn(timed: Mapping[str, Work], times: int) -> dict[str, float]:
    """How many times as long as the first each takes: the medians over runs one after another."""
    runs = [[_seconds(work) for work in timed.values()] for _ in range(times)]
    return {name: median(run[place] / run[0] for run in runs) for place, name in enumerate(timed)}


def _seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _main() -> None:
    parser = argparse.ArgumentParser(description="Cost of exact sums in many groups, in units of one np.bincount.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--groups", type=int, nargs="+", default=[10, 1_000, 10_000, 100_000])
    given = parser.parse_args()
    values = realistic(given.rows)
    np.empty(1 << 21)  # glibc then keeps freed memory; see the trap in README.md
    print(f"{given.rows:,} rows\n\n| groups | np.bincount, ns a row | table | squares | integers | Groups |")
    print("| --- | --- | --- | --- | --- | --- |")
    for groups in given.groups:
        codes = np.random.default_rng(groups).integers(0, groups, given.rows)
        timed = works(codes, values, groups)
        if in_table(codes, values).integers(groups) != by_groups(codes, values, groups):
            raise SystemExit("the sums of a table and those of Groups differ")
        yardstick = median(_seconds(timed["np.bincount"]) for _ in range(given.times)) / given.rows * 1e9
        ratios = list(in_turn(timed, given.times).values())[1:]
        print(f"| {groups:,} | {yardstick:.1f} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |", flush=True)


if __name__ == "__main__":
    _main()
