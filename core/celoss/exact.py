"""Owns sums that do not round: float64 values in, Python integers in units of 2^-1074 out.

Every finite double is an integer multiple of 2^-1074, so a sum kept as such an integer does not depend on order, batch
size, threads or merge tree, and is rounded once, when a ratio is asked for. Adding Python integers value by value would be
slow; instead each block is cut into slices on grids of a power of two that are coarse enough for float64 to add them
without rounding, by any kernel and in any order (the error-free extraction of S. M. Rump, T. Ogita, S. Oishi 2008,
"Accurate Floating-Point Summation Part I", DOI 10.1137/050645671).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

UNIT_EXPONENT = -1074
UNITS_PER_ONE = 1 << -UNIT_EXPONENT
LARGEST_VALUE = 2.0**900
# Rows summed at once: the slices and masks of a block stay in the L2 cache, and 2^15 terms leave 38 bits for a slice.
BLOCK_ROWS = 1 << 15
# A product with 0/1 masks beats a weighted bincount while there are few groups; see benchmarks/README.md.
MOST_MASKS = 8


class Groups:
    """Assigns each of n values to one of `count` groups, ready for several exact sums over the same rows.

    `codes` is (n,) with integers in 0..count-1.
    """

    def __init__(self, codes: NDArray[np.intp], count: int) -> None:
        self.codes = codes
        self.count = count
        self._masks = _masks(codes, count) if 1 < count <= MOST_MASKS else None

    def sums(self, values: NDArray[np.float64]) -> list[int]:
        """Exact sum of `values` (n,) in each group, in units of 2^-1074.

        Domain: finite and at most 2^900 in size; else ValueError.
        """
        totals = [0] * self.count
        for start in range(0, len(values), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            for grid, part, rows in _slices(values[block]):
                rows_of_block = rows if rows is None else rows + start
                for group, added in enumerate(self._float_sums(part, block, rows_of_block)):
                    if added:
                        totals[group] += int(math.ldexp(added, -grid)) << (grid - UNIT_EXPONENT)
        return totals

    def square_sums(self, values: NDArray[np.float64]) -> list[int]:
        """Exact sum of the squares of `values` (n,) in each group, in units of 2^-1074. Domain as in `squares`."""
        rounded, rest = squares(values)
        return [one + two for one, two in zip(self.sums(rounded), self.sums(rest), strict=True)]

    def _float_sums(self, part: NDArray[np.float64], block: slice, rows: NDArray[np.intp] | None) -> list[float]:
        """Sums of one slice by group: float64 additions that cannot round, whatever their order."""
        if self.count == 1:
            return [float(part.sum())]
        chosen: slice | NDArray[np.intp] = block if rows is None else rows
        if self._masks is not None:
            return [float(one) for one in self._masks[:, chosen] @ part]
        return [float(one) for one in np.bincount(self.codes[chosen], weights=part, minlength=self.count)]


def total(values: NDArray[np.float64]) -> int:
    """Exact sum of `values` (n,) in units of 2^-1074. Domain as in `Groups.sums`."""
    return Groups(np.zeros(0, dtype=np.intp), 1).sums(values)[0]


def squares(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x² as a sum of two doubles, the rounded square and its rounding error: exact for 1e-140 < |x| < 1e140.

    T. J. Dekker 1971, A floating-point technique for extending the available precision, DOI 10.1007/BF01397083.
    """
    scaled = 134217729.0 * values
    high = scaled - (scaled - values)
    low = values - high
    rounded = values * values
    return rounded, ((high * high - rounded) + 2.0 * high * low) + low * low


def units(value: float) -> int:
    """A finite double as an integer number of units of 2^-1074."""
    numerator, denominator = value.as_integer_ratio()
    return numerator * (UNITS_PER_ONE // denominator)


def ratio(numerator: int, denominator: int) -> float:
    """numerator / denominator, correctly rounded (Python's division of integers is)."""
    return numerator / denominator


def mean(total_units: int, count: int) -> float:
    """The mean of `count` values whose sum is `total_units`, correctly rounded."""
    return ratio(total_units, count * UNITS_PER_ONE)


def standard_error(total_units: int, squares_units: int, count: int) -> float | None:
    """Standard error of a mean, sqrt(s² / n) with s² = (Σx² − (Σx)²/n) / (n − 1); None for fewer than two values.

    Both sums are exact, so nothing is lost when the values are close together.
    """
    if count < 2:
        return None
    spread = Fraction(squares_units, UNITS_PER_ONE) - Fraction(total_units, UNITS_PER_ONE) ** 2 / count
    return math.sqrt(max(spread, Fraction(0)) / (count * (count - 1)))


def _masks(codes: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    masks = np.empty((count, len(codes)))
    for group in range(count):
        np.equal(codes, group, out=masks[group], casting="unsafe")
    return masks


def _slices(values: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.intp] | None]]:
    """Cuts `values` (n,), n ≤ 2^15, into (grid, part, rows): parts are multiples of 2^grid whose sums stay below 2^53 of them.

    `rows` is None when a part covers all values, else the positions that it covers: after two slices only what is still
    not zero goes through again. Proof of no overflow: with |x| ≤ m and n·m ≤ 2^(grid+51), the part h = (x + C) − C,
    C = 1.5·2^(52+grid), is x rounded to a multiple of 2^grid, so Σ|h| ≤ n·(m + 2^(grid−1)) < 2^(grid+53).
    """
    rest = values
    rows: NDArray[np.intp] | None = None
    largest = float(np.max(np.abs(values), initial=0.0))
    if not largest <= LARGEST_VALUE:
        raise ValueError("exact sums need finite values of at most 2^900")
    turn = 0
    while largest > 0.0:
        grid = max(math.frexp(largest)[1] + (len(rest) - 1).bit_length() - 51, UNIT_EXPONENT)
        shift = math.ldexp(1.5, grid + 52)
        part = (rest + shift) - shift
        rest = rest - part
        yield grid, part, rows
        turn += 1
        if turn >= 2:
            # The comparison first: `flatnonzero` of floats takes three times as long as of booleans.
            left = np.flatnonzero(rest != 0.0)
            rest = rest[left]
            rows = left if rows is None else rows[left]
        largest = float(np.max(np.abs(rest), initial=0.0))
