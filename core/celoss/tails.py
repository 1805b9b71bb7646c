"""Owns the tail of the losses: how much of their sum few rows carry, from one reading and in whatever order it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from celoss.exact import UNITS_PER_ONE, units
from celoss.kernels import Floats
from celoss.records import dataclass

KEPT = 10
# A cell has the contributions with the same exponent and the same next 7 bits, which differ by less than 1/128.
SHIFT = 45
# All that is smaller than this is in the lowest cell, and counts as 0.
LEAST = 2.0**-512
LOWEST = int(np.float64(LEAST).view(np.int64)) >> SHIFT
BLOCK_ROWS = 1 << 16


@dataclass(frozen=True)
class Tail:
    """The largest contributions to the loss, in units of 2^-1074, at most ten in descending order; and how many there are in
    each cell by size. Finite ones only."""

    largest: tuple[int, ...] = ()
    sizes: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: Tail) -> Tail:
        largest = tuple(sorted(self.largest + other.largest, reverse=True)[:KEPT])
        sizes = {**self.sizes, **other.sizes}
        for cell in self.sizes.keys() & other.sizes.keys():
            sizes[cell] = self.sizes[cell] + other.sizes[cell]
        return Tail(largest, sizes)

    def carried(self, rows: int) -> float:
        """The sum of the largest contributions, as many as `rows`: exact up to ten, the others by the middles of their cells,
        within 0.4 %."""
        total = sum(self.largest[:rows]) / UNITS_PER_ONE
        left, known = rows - len(self.largest), len(self.largest)
        for cell in sorted(self.sizes, reverse=True):
            if left <= 0:
                break
            others = max(0, self.sizes[cell] - known)
            known -= self.sizes[cell] - others
            total += min(left, others) * _middle(cell)
            left -= min(left, others)
        return total


class TailSums:
    """The tail of one reading, for one thread."""

    def __init__(self) -> None:
        self._largest = np.empty(0)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._waiting: list[Floats] = []
        self._waiting_rows = 0

    def add(self, contributions: Floats) -> None:
        """Adds contributions (m,), finite and ≥ 0."""
        self._waiting.append(contributions)
        self._waiting_rows += len(contributions)
        if self._waiting_rows >= BLOCK_ROWS:
            self._add_waiting()

    def tail(self) -> Tail:
        """The tail of all that was added."""
        self._add_waiting()
        filled = np.flatnonzero(self._counts)
        sizes = dict(zip((filled + LOWEST).tolist(), self._counts[filled].tolist(), strict=True))
        return Tail(tuple(units(one) for one in self._largest.tolist()), sizes)

    def _add_waiting(self) -> None:
        if not self._waiting:
            return
        values = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting, self._waiting_rows = [], 0
        full = len(self._largest) == KEPT
        candidates = values[values > self._largest[-1]] if full else values
        if len(candidates):
            if len(candidates) > KEPT:
                candidates = np.partition(candidates, -KEPT)[-KEPT:]
            self._largest = np.sort(np.concatenate([self._largest, candidates]))[::-1][:KEPT]
        cells = np.maximum(values, LEAST).view(np.int64)
        cells >>= SHIFT
        cells -= LOWEST
        counts = np.bincount(cells)
        if len(counts) > len(self._counts):
            counts[: len(self._counts)] += self._counts
            self._counts = counts
        else:
            self._counts[: len(counts)] += counts


def _middle(cell: int) -> float:
    """The middle of the values of a cell; 0 for the lowest, which holds what is too small to count."""
    if cell == LOWEST:
        return 0.0
    return float(np.int64((cell << SHIFT) + (1 << (SHIFT - 1))).view(np.float64))
