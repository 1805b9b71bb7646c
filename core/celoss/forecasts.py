"""Owns the histogram of forecasts: how often what was forecast with a probability came true, in cells so fine that bins are
made of them later. Its integers do not depend on the order of rows, and those of several parts add up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from celoss.checks import Batch
from celoss.exact import Table
from celoss.kernels import Codes, Floats, Mask, RowScores
from celoss.plan import Plan
from celoss.records import dataclass

# The distance m of a probability from 0 or 1, whichever is nearer, has a place by its exponent, from 2^-64, and the next 7
# bits: a place is at most 1/128 of m wide, and 1/512 of the scale. The last place of the lower half begins at 1/2.
MANTISSA_BITS, LEAST_EXPONENT = 7, -64
LEAST = 2.0**LEAST_EXPONENT
WIDTH = 2.0**-MANTISSA_BITS
SHIFT = 52 - MANTISSA_BITS
PLACES = (-1 - LEAST_EXPONENT) << MANTISSA_BITS
LOWEST = int(np.float64(LEAST).view(np.int64)) >> SHIFT
# m is summed with its first 31 bits, so that a float holds the sum of 2^22 of one place without rounding.
KEPT_BITS = 30
NEAR_EXPONENT = LEAST_EXPONENT - KEPT_BITS
BLOCK_ROWS = 1 << 16

Integers = tuple[int, ...]


def events(plan: Plan, block: Batch, row: RowScores) -> tuple[Floats, Floats | Mask, Floats | None]:
    """The forecasts whose calibration is looked at, what came true of them, 0 … 1 or a mask, and their weights: each (m,).

    Of two classes the positive one; of more the class with the largest probability, and its share of the label (of m tied
    ones 1/m of what theirs is); of independent labels every label.
    """
    if plan.task == "multilabel":
        assert block.targets is not None
        k = len(plan.classes)
        weights = None if block.weights is None else np.tile(block.weights, k)
        return row.p.ravel(), block.targets.ravel(), weights
    if len(plan.classes) == 2:
        positive = 1 if plan.positive is None else plan.classes.index(plan.positive)
        p = row.p[positive] if len(row.p) == 2 else row.p[0]
        if block.targets is not None:
            return p, block.targets[positive], block.weights
        assert block.codes is not None
        is_positive: Mask = np.equal(block.codes, positive)
        return p, is_positive, block.weights
    largest = row.p.max(axis=0) if row.largest is None else row.largest
    if block.targets is None:
        if row.correct.denominator.max(initial=1) > 1:
            return largest, row.correct.shares(), block.weights
        right: Mask = row.correct.numerator == 1
        return largest, right, block.weights
    at_top = row.p == largest
    return largest, np.where(at_top, block.targets, 0.0).sum(axis=0) / at_top.sum(axis=0), block.weights


class ForecastCells:
    """The histogram of one reading, for one thread. `integers` gives it as a State holds it.

    For each cell: rows; of rows without weights of which all or nothing came true how many did, and Σ m in units of 2^-94.
    Where there are others, in units of 2^-1074, their sums of w y, w m, w, w², y being what came true; the last two of
    weights only.
    """

    def __init__(self, bins: int) -> None:
        self._bins = bins
        self._cells = 2 * PLACES + 1 + bins
        self._waiting: list[tuple[Floats, Floats | Mask]] = []
        self._waiting_rows = 0
        # Of rows without weights of which all or nothing came true.
        self._counts = np.zeros((self._cells, 2), np.int64)
        self._sums = np.zeros(self._cells, np.int64)
        # Of the others.
        self._others = np.zeros(self._cells, np.int64)
        self._tables = {name: Table() for name in ("hits", "forecast", "weight", "weight_squared")}

    def add(self, p: Floats, true: Floats | Mask, weights: Floats | None) -> None:
        """Adds forecasts (m,), 0 … 1, of what came true (m,), 0 … 1 or a mask; those without weight are none."""
        if weights is not None:
            weighing = weights > 0.0
            if not weighing.all():
                p, true, weights = p[weighing], true[weighing], weights[weighing]
            self._add_others(p, true.astype(np.float64), weights)
            return
        if true.dtype != np.bool_:
            others = (true != 0.0) & (true != 1.0)
            if others.any():
                self._add_others(p[others], true[others].astype(np.float64), None)
                p, true = p[~others], true[~others]
        self._waiting.append((p, true))
        self._waiting_rows += len(p)
        if self._waiting_rows >= BLOCK_ROWS:
            self._add_waiting()

    def integers(self) -> dict[int, Integers]:
        """Cell → its sums, of the cells that hold any row."""
        self._add_waiting()
        filled = np.flatnonzero(self._counts.any(axis=1) | (self._others > 0))
        shifts = _places(self._bins).exponents - LEAST_EXPONENT
        weighted = np.flatnonzero(self._others)
        others = [table.integers(self._cells, weighted) for table in self._tables.values()] if weighted.size else []
        of_others = dict(zip(weighted.tolist(), zip(*others, strict=True), strict=True)) if others else {}
        sums = zip(self._counts[filled].tolist(), self._sums[filled].tolist(), self._others[filled].tolist(), strict=True)
        found = {}
        for cell, ((misses, hits), near, rows) in zip(filled.tolist(), sums, strict=True):
            found[cell] = (misses + hits + rows, hits, near << int(shifts[cell]), *of_others.get(cell, ()))
        return found

    def _add_waiting(self) -> None:
        if not self._waiting:
            return
        p, true = self._waiting[0]
        if len(self._waiting) > 1:
            p, true = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting, self._waiting_rows = [], 0
        for start in range(0, len(p), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            cells, near = _cells_of(p[rows], self._bins)
            sums = np.bincount(cells, near)
            scale = _places(self._bins).scales[: len(sums)]
            self._sums[: len(sums)] += (sums * scale).astype(np.int64)
            cells *= 2
            cells += true[rows].astype(np.int64)
            counts = np.bincount(cells)
            self._counts.reshape(-1)[: len(counts)] += counts

    def _add_others(self, p: Floats, true: Floats, weights: Floats | None) -> None:
        cells, near = _cells_of(p, self._bins)
        self._others += np.bincount(cells, minlength=self._cells)
        if weights is None:
            self._tables["hits"].add(cells, true)
            self._tables["forecast"].add(cells, near)
            return
        self._tables["hits"].add_products(cells, weights, true)
        self._tables["forecast"].add_products(cells, weights, near)
        self._tables["weight"].add(cells, weights)
        self._tables["weight_squared"].add_squares(cells, weights)


class ClassCells:
    """The histograms of the forecasts of each class by itself, of a plan with more than two, or with independent labels.

    Takes the rows block by block.
    """

    def __init__(self, plan: Plan) -> None:
        self._cells = [ForecastCells(plan.options.bins) for _ in plan.classes]

    def __call__(self, block: Batch, row: RowScores) -> None:
        for index, (cells, p) in enumerate(zip(self._cells, row.p, strict=True)):
            true: Floats | Mask | None = block.targets[index] if block.targets is not None else None
            if block.codes is not None:
                true = np.equal(block.codes, index)
            assert true is not None
            cells.add(p, true, block.weights)

    def integers(self) -> list[dict[int, Integers]]:
        """Of each class."""
        return [cells.integers() for cells in self._cells]


def merged(left: Mapping[int, Integers], right: Mapping[int, Integers]) -> Mapping[int, Integers]:
    """The histogram of both."""
    if not left or not right:
        return left or right
    both = {**left, **right}
    for cell in left.keys() & right.keys():
        both[cell] = tuple(map(sum, zip_longest(left[cell], right[cell], fillvalue=0)))
    return both


def located(numbers: NDArray[np.int64], bins: int) -> tuple[Mask, Codes]:
    """Whether each cell (m,), by its number, is in the upper half, from 1/2 on; and its bin of equal width, from 0."""
    places = _places(bins).numbers[numbers]
    return places >= PLACES, np.minimum(numbers - places, bins - 1)


@dataclass(frozen=True)
class _Places:
    """Of each cell: its place, the exponent of m there, and by what a sum of m becomes an integer. Each array is (cells,)."""

    numbers: NDArray[np.int64]
    exponents: NDArray[np.int64]
    scales: Floats


@lru_cache
def _places(bins: int) -> _Places:
    """A place that a boundary of the bins goes through has a cell for each side, so that the n-th cell of a bin is that many
    cells later than its place is."""
    edges = ((np.arange(PLACES + 1, dtype=np.int64) << SHIFT) + np.float64(LEAST).view(np.int64)).view(np.float64)
    # The least probability of each place: the upper half from 1/2 on, where a place ends with 1 − m of its lower edge.
    upper = np.nextafter(1.0 - edges[1:], 2.0)[::-1]
    least = np.concatenate([edges[:-1], [0.5], upper])
    first = np.arange(2 * PLACES + 1) + (np.minimum(least, 1.0) * bins).astype(np.int64)
    first[0] = 0
    numbers = np.searchsorted(first, np.arange(2 * PLACES + 1 + bins), side="right") - 1
    exponents = LEAST_EXPONENT + (np.where(numbers >= PLACES, 2 * PLACES - numbers, numbers) >> MANTISSA_BITS)
    return _Places(numbers, exponents, np.ldexp(1.0, KEPT_BITS - exponents))


def _cells_of(p: Floats, bins: int) -> tuple[Codes, Floats]:
    """The cells (m,) of probabilities (m,), 0 … 1, and their distances from 0 or 1, whichever is nearer, below 2^-64 as 0.

    Distances lose the bits that would make sums of them depend on their order.
    """
    near = np.subtract(1.0, p)
    np.minimum(near, p, out=near)
    if near.min(initial=1.0) < LEAST:
        near = np.where(near < LEAST, 0.0, near)
    cells = np.maximum(near, LEAST).view(np.int64)
    cells >>= SHIFT
    cells -= LOWEST + PLACES
    # −1 from 1/2 on, where the place counts down from the last one, else 0; `where` and products with a mask take longer.
    side = np.subtract(p, 0.5).view(np.int64)
    side >>= 63
    np.invert(side, out=side)
    cells ^= side
    cells -= side
    cells += PLACES
    cells += (p * bins).astype(np.int64)
    bits = near.view(np.int64)
    bits &= -1 << (52 - KEPT_BITS)
    return cells, near
