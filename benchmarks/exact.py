"""What sums without rounding cost: multiples of `np.log` of the same array, medians of runs in turn.

python -m benchmarks.exact
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command sets it

import numpy as np
from benchmarks.make import labels, probabilities
from numpy.typing import NDArray

from celoss import exact

Floats = NDArray[np.float64]
Work = Callable[[], object]

# Calls in one timed run: long enough for the clock, short enough that both of a pair meet the same machine.
CALLS = 20


def realistic(rows: int) -> Floats:
    """Losses of calibrated binary forecasts."""
    numbers = np.arange(rows, dtype=np.uint64)
    p = probabilities(numbers, 2)
    return 0.0 - np.log(p[labels(p, numbers), np.arange(rows)])


def log_uniform(rows: int) -> Floats:
    """Losses from the smallest to the largest that there are, 1e-17 to 745, by their logarithm."""
    return np.exp(np.random.default_rng(20261121).uniform(np.log(1e-17), np.log(745.0), rows))


def paired(work: Work, yardstick: Work, times: int) -> float:
    """How many times as long `work` takes as `yardstick`: the median over runs in turn."""
    return median(_seconds(work) / _seconds(yardstick) for _ in range(times))


def _seconds(work: Work) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        work()
    return time.perf_counter() - start


def by_group(codes: NDArray[np.intp], groups: int, values: Floats) -> Work:
    """One sum by groups."""
    ready = exact.Groups(codes, groups)
    return lambda: ready.sums(values)


def sums(values: Floats, times: int) -> list[tuple[str, float]]:
    """Cost of one sum over all values, exact and not."""

    def log() -> object:
        return np.log(values)

    def naive() -> object:
        return values.sum()

    return [
        ("`np.sum`, which rounds", paired(naive, log, times)),
        ("exact, total", paired(lambda: exact.total(values), log, times)),
    ]


def grouped(values: Floats, groups: int, times: int) -> list[str]:
    """Cost for one number of groups: an exact sum, and a bincount that rounds."""
    codes = np.random.default_rng(groups).integers(0, groups, len(values))

    def log() -> object:
        return np.log(values)

    def naive() -> object:
        return np.bincount(codes, weights=values, minlength=groups)

    return [f"{paired(work, log, times):.2f}" for work in (by_group(codes, groups, values), naive)]


def _keep_freed_memory() -> None:
    """Frees one large array, after which glibc no longer returns every temporary to the system: that triples a time."""
    np.empty(1 << 21)


def _main() -> None:
    parser = argparse.ArgumentParser(description="Cost of exact sums in units of np.log on the same array.")
    parser.add_argument("--rows", type=int, default=exact.BLOCK_ROWS, help="values in the array  [one block]")
    parser.add_argument("--times", type=int, default=31)
    parser.add_argument("--groups", type=int, nargs="+", default=[2, 10, 16, 32])
    given = parser.parse_args()
    _keep_freed_memory()
    for title, values in (("realistic", realistic(given.rows)), ("log-uniform 1e-17 … 745", log_uniform(given.rows))):
        print(f"\n{title}, {given.rows:,} values\n\n| sum | × np.log |\n| --- | --- |")
        for name, cost in sums(values, given.times):
            print(f"| {name} | {cost:.2f} |")
        print("\n| groups | exact | bincount, which rounds |\n| --- | --- | --- |")
        for groups in given.groups:
            print(f"| {groups} | {' | '.join(grouped(values, groups, given.times))} |", flush=True)


if __name__ == "__main__":
    _main()
