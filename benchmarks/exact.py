"""What sums without rounding cost: multiples of `np.log` of the same array, medians of runs in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
from benchmarks.make import labels, probabilities
from benchmarks.process import alone
from benchmarks.results import Cell, Size, Table
from numpy.typing import NDArray

from celoss import exact

Floats = NDArray[np.float64]
Work = Callable[[], object]

# Calls in one timed run: long enough for the clock, short enough that both of a pair meet the same machine.
CALLS = 20
TURNS = 5
CLASSES = 10
# At most so many times np.log, for losses.
TOTAL_LIMIT, BY_CLASS_LIMIT = 3.0, 6.0


def realistic(rows: int) -> Floats:
    """Losses of calibrated binary forecasts."""
    numbers = np.arange(rows, dtype=np.uint64)
    p = probabilities(numbers, 2)
    return 0.0 - np.log(p[labels(p, numbers), np.arange(rows)])


def log_uniform(rows: int) -> Floats:
    """Losses from the smallest to the largest that there are, 1e-17 to 745, by their logarithm."""
    return np.exp(np.random.default_rng(20261121).uniform(np.log(1e-17), np.log(745.0), rows))


def seconds(work: Work) -> float:
    """How long the calls of one timed run take."""
    start = time.perf_counter()
    for _ in range(CALLS):
        work()
    return time.perf_counter() - start


def costs(values: Floats, times: int) -> list[list[Cell]]:
    """Each sum in multiples of np.log of the values: the medians over turns in which all run."""
    runs = {name: (limit, work) for name, limit, work in works(values)}
    taken = [(seconds(lambda: np.log(values)), [seconds(work) for _, work in runs.values()]) for _ in range(times)]
    ratios = [median(of_all[place] / log for log, of_all in taken) for place in range(len(runs))]
    return [[name, ratio, limit] for (name, (limit, _)), ratio in zip(runs.items(), ratios, strict=True)]


def works(values: Floats) -> list[tuple[str, float | None, Work]]:
    """What is timed, with its limit. The groups are random, as classes are."""
    found: list[tuple[str, float | None, Work]] = [
        ("`np.sum`, which rounds", None, lambda: values.sum()),
        ("exact, total", TOTAL_LIMIT, lambda: exact.total(values)),
    ]
    for count in (2, CLASSES, 32):
        codes = np.random.default_rng(count).integers(0, count, len(values))
        ready = exact.Groups(codes, count)
        found += [
            (f"{count} classes: `bincount`, which rounds", None, _rounding(codes, count, values)),
            (f"{count} classes: exact", BY_CLASS_LIMIT if count <= CLASSES else None, _bound(ready.sums, values)),
            (f"{count} classes: exact, squares", None, _bound(ready.square_sums, values)),
        ]
    return found


def _rounding(codes: NDArray[np.intp], count: int, values: Floats) -> Work:
    return lambda: np.bincount(codes, weights=values, minlength=count)


def _bound(sums: Callable[[Floats], object], values: Floats) -> Work:
    return lambda: sums(values)


def tables(size: Size) -> Iterator[Table]:
    """Losses as they are, and of all magnitudes."""
    np.empty(1 << 21)  # glibc then keeps freed memory; see the trap in README.md
    columns = ("values", "sum", "× np.log", "at most")
    lines: list[list[Cell]] = []
    for title, values in (("losses", realistic(exact.BLOCK_ROWS)), ("1e-17 … 745", log_uniform(exact.BLOCK_ROWS))):
        limits = title == "losses"
        with alone():
            found = costs(values, TURNS * size.times)
        lines += [[title, name, cost, limit if limits else None] for name, cost, limit in found]
    note = f"One block of {exact.BLOCK_ROWS:,} values, medians of {TURNS * size.times} turns."
    yield Table("exact", "Exact sums, × `np.log` of the same array", columns, lines, note)
