"""Owns exact sums of values with their squares: slices so narrow that BLAS adds products of them without rounding."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from celoss.exact import UNIT_EXPONENT, Groups, largest_size
from celoss.kernels import Floats

# Rows cut at once. Of fewer the calls take longer, and threads wait for each other's; what is made of more leaves the cache.
BLOCK_ROWS = 1 << 16
# Bits of the first slice, and of each of the next ones, and how many there are: all of a value from 2^-41 of the largest of
# its block. Products of two slices have at most 36 bits, and 2^16 of them add up to less than 2^53 of their unit.
FIRST_BITS, SLICE_BITS = 18, 19
SLICES = 5
# OpenBLAS adds more than 10,000 products in several threads, which wait for each other busily: on a machine with other work
# that has taken a hundred times as long.
STRIP_ROWS = 1 << 13
# Exponents of the largest value of a block with which all products of slices are doubles, and no sum is infinite.
EXPONENTS = range(-400, 440)


class Moments:
    """Exact sums of values in each of `count` groups, at most two, and of their squares over all rows, added block by block.

    Takes about half of the time of `Groups.sums` and `Groups.square_sums`. With no groups only squares are summed. Domain
    as of `Groups.square_sums`.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._sums = [0] * count
        self._squares = 0
        # Values that are too small beside the largest of their block, and their groups.
        self._left: list[tuple[Floats, NDArray[np.intp]]] = []
        self._left_rows = 0

    def add(self, values: Floats, groups: Groups) -> None:
        """Adds `values` (n,) to their groups."""
        second = groups.second.astype(np.float64) if self.count == 2 else None
        for start in range(0, len(values), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            slices = _Slices(values[rows])
            self._squares += slices.squares()
            if self.count:
                for group, added in enumerate(slices.sums(None if second is None else second[rows])):
                    self._sums[group] += added
            self._leave(values[rows][slices.left], groups.codes[rows][slices.left])

    def sums(self) -> list[int]:
        """The sum of each group, in units of 2^-1074."""
        self._add_left()
        return list(self._sums)

    def squares(self) -> int:
        """The sum of all squares, in units of 2^-1074."""
        self._add_left()
        return self._squares

    def _leave(self, values: Floats, codes: NDArray[np.intp]) -> None:
        """Keeps values until they are as many as a block: the few of one would take as long."""
        if len(values):
            self._left.append((values, codes))
            self._left_rows += len(values)
        if self._left_rows >= BLOCK_ROWS:
            self._add_left()

    def _add_left(self) -> None:
        if not self._left:
            return
        values = np.concatenate([values for values, _ in self._left])
        codes = np.concatenate([codes for _, codes in self._left])
        self._left, self._left_rows = [], 0
        self._squares += Groups(codes, 1).square_sums(values)[0]
        if self.count:
            self._sums = list(map(int.__add__, self._sums, Groups(codes, self.count).sums(values)))


class _Slices:
    """The slices of a block of values (m,), m ≤ 2^16, but for the rows `left`, whose slices do not add up to the value.

    Slices are multiples of powers of two, as those of `exact`. No partial sum of them, nor of products of two of them,
    exceeds 2^53 multiples, so that no addition rounds, in whatever order and width it is done.
    """

    def __init__(self, values: Floats) -> None:
        # (slices, strips, rows of a strip), the last strip filled up with 0.
        self._strips = np.empty((0, -(-len(values) // STRIP_ROWS), STRIP_ROWS))
        self._grids: list[int] = []
        self.left = np.arange(0)
        largest = largest_size(values)
        exponent = math.frexp(largest)[1] if math.isfinite(largest) else EXPONENTS.stop
        if exponent in EXPONENTS and largest > 0.0:
            self._grids = [exponent - FIRST_BITS - SLICE_BITS * place for place in range(SLICES)]
            self._cut(values)
        elif largest != 0.0:
            self.left = np.arange(len(values))

    def _cut(self, values: Floats) -> None:
        self._strips = np.empty((SLICES, *self._strips.shape[1:]))
        planes = self._strips.reshape(SLICES, -1)
        planes[:, len(values) :] = 0.0
        rest = values.copy()
        for plane, grid in zip(planes[:, : len(values)], self._grids, strict=True):
            shift = math.ldexp(1.5, grid + 52)
            np.add(rest, shift, out=plane)
            plane -= shift
            rest -= plane
        self.left = np.flatnonzero(rest != 0.0)
        if self.left.size:
            planes[:, self.left] = 0.0

    def squares(self) -> int:
        """The sum of the squares, in units of 2^-1074."""
        total = 0
        for place, grid in enumerate(self._grids):
            # Matrices of one row and of one column: what BLAS sees are products of two vectors.
            products = self._strips[place, :, np.newaxis] @ self._strips[place:, :, :, np.newaxis]
            for other, product in enumerate(products.sum(axis=(1, 2, 3)).tolist(), start=place):
                total += _units(product, grid + self._grids[other]) << (other > place)
        return total

    def sums(self, second: Floats | None) -> list[int]:
        """The sum of the values, in units; with a mask of 0 and 1 (m,) those of the rows outside and inside of it."""
        whole = self._sum(self._strips.sum(axis=(1, 2)))
        if second is None:
            return [whole]
        mask = np.zeros(self._strips.shape[1:])
        mask.reshape(-1)[: len(second)] = second
        inside = self._sum((self._strips[:, :, np.newaxis] @ mask[:, :, np.newaxis]).sum(axis=(1, 2, 3)))
        return [whole - inside, inside]

    def _sum(self, of_slices: Floats) -> int:
        return sum(map(_units, of_slices.tolist(), self._grids))


def _units(value: float, exponent: int) -> int:
    """A multiple of 2^exponent, at most 2^53 of them, in units of 2^-1074."""
    return int(math.ldexp(value, -exponent)) << (exponent - UNIT_EXPONENT)
