"""Owns the search for rows that are shifted: the loss if each row of the predictions belonged to a neighbour in the labels."""

from __future__ import annotations

import math

import numpy as np

from celoss.exact import total
from celoss.kernels import Codes, Floats
from celoss.records import dataclass
from celoss.spread import RatioSums, spread
from celoss.swaps import LARGEST, LEAST_Z

FARTHEST = 3
# Row r of the predictions is tried for row r + shift of the labels; of equally good ones the first is told.
SHIFTS = (1, -1, 2, -2, 3, -3)
# As `swaps.least_z`, for so many things that are tried.
LEAST_SHIFT_Z = math.sqrt(LEAST_Z**2 + 2.0 * math.log(len(SHIFTS)))


@dataclass(frozen=True)
class Rows:
    """Rows in a sequence: their numbers (n,), losses by the column of each class (k, n), true classes (n,) and weights (n,)."""

    numbers: Codes
    losses: Floats
    codes: Codes
    weights: Floats

    def followed_by(self, other: Rows) -> Rows:
        """The rows of both."""
        return Rows(
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.losses, other.losses], axis=1),
            np.concatenate([self.codes, other.codes]),
            np.concatenate([self.weights, other.weights]),
        )

    def last(self, count: int) -> Rows:
        """The last rows."""
        return Rows(self.numbers[-count:], self.losses[:, -count:], self.codes[-count:], self.weights[-count:])


class Shifted:
    """Sums over the rows of the labels that have a partner at one shift: what they would lose, and how much less that is."""

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self._loss = 0
        self._infinite = False
        self._less: RatioSums | None = None

    def add(self, rows: Rows, before: int) -> None:
        """Adds the pairs of which at least one row is not among the `before` first, which came before."""
        label = np.arange(max(before + min(self.shift, 0), self.shift, 0), len(rows.codes) + min(self.shift, 0))
        own = label - self.shift
        # Rows that were left out leave gaps: neighbours by number count.
        label = label[(rows.numbers[label] - rows.numbers[own] == self.shift) & (rows.weights[label] > 0.0)]
        if not label.size:
            return
        weights, codes = rows.weights[label], rows.codes[label]
        now, then = rows.losses[codes, label], rows.losses[codes, label - self.shift]
        self._infinite |= bool(np.isinf(then).any())
        self._loss += total(np.where(np.isinf(then), 0.0, then) * weights)
        sums = RatioSums.of((np.minimum(now, LARGEST) - np.minimum(then, LARGEST)) * weights, weights)
        self._less = sums if self._less is None else self._less.plus(sums)

    @property
    def rows(self) -> int:
        """How many rows have a partner."""
        return self._less.n if self._less else 0

    @property
    def loss(self) -> float:
        """The mean loss if shifted, nats; infinite without rows."""
        return math.inf if self._infinite or self._less is None else float(self._loss / self._less.w)

    @property
    def is_proven(self) -> bool:
        """Whether the rows lose less if shifted, by `LEAST_SHIFT_Z` standard errors."""
        one = None if self._less is None else spread(self._less)
        return one is not None and one.mean > 0.0 and one.mean >= LEAST_SHIFT_Z * one.error


class Shifts:
    """The pairs at all shifts, from rows that are added in order, in blocks of any size."""

    def __init__(self) -> None:
        self._all = [Shifted(shift) for shift in SHIFTS]
        self._last: Rows | None = None

    def add(self, rows: Rows) -> None:
        """Adds the next rows."""
        before = 0 if self._last is None else len(self._last.codes)
        rows = rows if self._last is None else self._last.followed_by(rows)
        for one in self._all:
            one.add(rows, before)
        self._last = rows.last(FARTHEST)

    def best(self, reference: float) -> Shifted | None:
        """The proven shift with the least loss below the reference, nats; None without one.

        Of columns that are swapped, or a forecaster that is mostly wrong, rows that do not belong together lose less as well,
        but hardly less than by the base rate.
        """
        found = [one for one in self._all if one.loss < reference and one.is_proven]
        return min(found, key=lambda one: one.loss, default=None)
