"""Owns what the simulations have in common: how many samples are drawn, generators, spreads by celoss, shares in percent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celoss.intervals import Interval
from celoss.spread import RatioSums, Spread, spread

Floats = NDArray[np.float64]

SEED = 20261122
SIZES = (50, 200, 1_000, 10_000)
CONFIDENCE = 0.95
# Cells of so many numbers are drawn at once.
BLOCK = 2_000_000


@dataclass(frozen=True)
class Effort:
    """part: of the samples that a full run draws."""

    part: float = 1.0

    def repetitions(self, n: int, full: int = 2_000) -> int:
        """How many samples of n rows: half of the full number from 10,000 rows on, which take longest."""
        return max(20, round(full * self.part / (2 if n >= 10_000 else 1)))


def generator(*key: int) -> np.random.Generator:
    """The random numbers of one cell of a table, which do not depend on what other cells draw."""
    return np.random.default_rng([SEED, *key])


def blocks(repetitions: int, n: int) -> Iterator[int]:
    """Numbers of samples that are drawn at once, and add up to all."""
    size = max(1, BLOCK // n)
    for start in range(0, repetitions, size):
        yield min(size, repetitions - start)


def spread_of(values: Floats, weights: Floats | None = None) -> Spread:
    """The spread of a mean of rows (n,), by celoss."""
    found = spread(RatioSums.of(values if weights is None else values * weights, weights))
    assert found is not None
    return found


def by_cluster(values: Floats, size: int) -> tuple[Floats, Floats]:
    """The sums (G,) of values (n,) over neighbours, `size` to a cluster, and how many they are."""
    starts = np.arange(0, len(values), size)
    return np.add.reduceat(values, starts), np.diff([*starts, len(values)]).astype(np.float64)


@dataclass(frozen=True)
class Coverage:
    """In percent: how many intervals hold the truth, are above it, are below it; and the mean length."""

    covered: float
    above: float
    below: float
    length: float


def coverage(intervals: Iterable[Interval | tuple[float, float]], truth: float) -> Coverage:
    """The coverage of intervals of samples."""
    bounds = np.array([(one.low, one.high) if isinstance(one, Interval) else one for one in intervals])
    above, below = bounds[:, 0] > truth, bounds[:, 1] < truth
    return Coverage(percent(~above & ~below), percent(above), percent(below), float(np.mean(bounds[:, 1] - bounds[:, 0])))


def percent(flags: Sequence[bool] | NDArray[np.bool_]) -> float:
    """How many of the flags are set, in percent; nan of none."""
    return 100.0 * float(np.mean(flags)) if len(flags) else float("nan")


def shown(value: float, digits: int = 1) -> str:
    """A percentage as a table shows it, – for none."""
    return "–" if np.isnan(value) else f"{value:.{digits}f}"
