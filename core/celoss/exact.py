"""Owns sums that do not round: float64 values in, Python integers in units of 2^-1074 out.

Every finite double is an integer multiple of 2^-1074, so a sum kept as such an integer does not depend on order, batch
size, threads or merge tree, and is rounded once, when a ratio is asked for. Adding Python integers value by value would be
slow; instead values are cut into slices on grids of powers of two (the error-free extraction of S. M. Rump, T. Ogita,
S. Oishi 2008, "Accurate Floating-Point Summation Part I", DOI 10.1137/050645671). On its grid a slice is an array of int64,
which any kernel adds without rounding, in any order. The sums of many groups are kept in limbs on fixed grids.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

UNIT_EXPONENT = -1074
UNITS_PER_ONE = 1 << -UNIT_EXPONENT
LARGEST_VALUE = 2.0**900
# Rows cut at once: what is made of them stays in the L2 cache.
BLOCK_ROWS = 1 << 15
# Bits of the largest value of a block in its first slice: two slices are all of a value from 2^-39 of it, and 2^15 of
# them add up to 2^61 at most.
SLICE_BITS = 46
# Limb i of a table counts multiples of 2^(40 i - 1074), limb 26 those of 2^-34.
LIMB_BITS = 40
# No entry of a table exceeds this, which leaves an int64 room for what comes from the limb below, at most 2^23.
LARGEST_ENTRY = 1 << 62
# The sums of more groups than these are read from a table in less time than they take one by one.
MOST_LOOPED = 64

Integers = NDArray[np.int64]
NOTHING: Integers = np.zeros(0, np.int64)


class Cut(NamedTuple):
    """A slice of the values in `rows` (m,): `bits` - `zero` (m,) multiples of 2^grid, each at most 2^46 in size.

    bits: valid until the next slice is asked for.
    """

    grid: int
    rows: slice | NDArray[np.intp]
    bits: Integers
    zero: np.int64

    def whole(self) -> Integers:
        """The multiples."""
        return self.bits - self.zero

    def total(self) -> int:
        """The sum of the multiples."""
        # The sum of the bits wraps around at 2^64, so it tells the sum of the multiples, which is less than 2^63.
        wrapped = int(self.bits.sum()) - len(self.bits) * int(self.zero) + (1 << 63)
        return wrapped % (1 << 64) - (1 << 63)


class Groups:
    """Assigns each of n values to one of `count` groups, ready for several exact sums over the same rows.

    `codes` is (n,) with integers in 0..count-1.
    """

    def __init__(self, codes: NDArray[np.intp], count: int) -> None:
        self.codes = codes
        self.count = count

    def counts(self, rows: NDArray[Any] | None = None) -> NDArray[np.intp]:
        """How many of all rows, or of those at the positions or in the mask (n,) `rows`, are in each group."""
        is_mask = rows is not None and rows.dtype == np.bool_
        of_rows = len(self.codes) if rows is None else int(np.count_nonzero(rows)) if is_mask else len(rows)
        if self.count == 1:
            return np.array([of_rows])
        if self.count == 2 and (rows is None or is_mask):
            second = int(np.count_nonzero(self.second if rows is None else self.second & rows))
            return np.array([of_rows - second, second])
        return np.bincount(self.codes if rows is None else self.codes[rows], minlength=self.count)

    @cached_property
    def second(self) -> NDArray[np.bool_]:
        """Whether each row (n,) is in the second of two groups."""
        second: NDArray[np.bool_] = self.codes != 0
        return second

    def sums(self, values: NDArray[np.float64]) -> list[int]:
        """Exact sum of `values` (n,) in each group, in units of 2^-1074.

        Domain: finite and at most 2^900 in size; else ValueError.
        """
        return self._sums(values)

    def square_sums(self, values: NDArray[np.float64]) -> list[int]:
        """Exact sum of the squares of `values` (n,) in each group, in units of 2^-1074. Domain as in `products`."""
        return self._sums(*products(values, values))

    def product_sums(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> list[int]:
        """Exact sum of the products of `a` and `b` (n,) in each group, in units of 2^-1074. Domain as in `products`."""
        return self._sums(*products(a, b))

    def _sums(self, *terms: NDArray[np.float64]) -> list[int]:
        """Sums by group of values that are themselves sums of `terms`, each (n,)."""
        if self.count == 1:
            return [sum(map(total, terms))]
        if self.count > MOST_LOOPED:
            table = Table()
            for values in terms:
                table.add(self.codes, values)
            return table.integers(self.count)
        totals = [0] * self.count
        for cut in itertools.chain.from_iterable(map(_slices, terms)):
            for group, added in enumerate(self._slice_sums(cut)):
                if added:
                    totals[group] += added << (cut.grid - UNIT_EXPONENT)
        return totals

    def _slice_sums(self, cut: Cut) -> list[int]:
        """Sums of a slice by group."""
        codes = self.codes[cut.rows]
        if self.count == 2:
            # The codes are the second group's mask. `np.add.at` would wait for its last sum, to add to it again.
            whole = cut.whole()
            second = int(np.einsum("n,n->", codes, whole))
            return [int(whole.sum()) - second, second]
        sums = np.zeros(self.count, np.int64)
        np.add.at(sums, codes, cut.whole())
        return sums.tolist()


class Table:
    """Exact sums of one quantity in any number of groups, to which values are added block by block.

    Holds 8 bytes a group for each limb that occurs: three for losses, six for their squares; and up to a quarter more when
    groups come later.
    """

    def __init__(self) -> None:
        self._limbs: dict[int, Integers] = {}
        # The size that no entry of a limb exceeds.
        self._bounds: Counter[int] = Counter()

    def add(self, codes: NDArray[np.intp], values: NDArray[np.float64]) -> None:
        """Adds each of `values` (n,) to the group whose number, from 0, is in `codes` (n,); new groups at any time.

        Domain as in `Groups.sums`; negative numbers are a ValueError, too. After one some values may have been added.
        """
        if codes.min(initial=0) < 0:
            raise ValueError("groups have numbers from 0")
        groups = int(codes.max(initial=-1)) + 1
        for cut in _slices(values, LIMB_BITS):
            limb = self._limb((cut.grid - UNIT_EXPONENT) // LIMB_BITS, groups, len(cut.bits) << SLICE_BITS)
            np.add.at(limb, codes[cut.rows], cut.whole())

    def add_squares(self, codes: NDArray[np.intp], values: NDArray[np.float64]) -> None:
        """Adds the square of each value, as `add` does. Domain as in `products`."""
        self.add_products(codes, values, values)

    def add_products(self, codes: NDArray[np.intp], a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
        """Adds the product of each `a` and `b` (n,), as `add` does. Domain as in `products`."""
        for values in products(a, b):
            self.add(codes, values)

    def integers(self, count: int, chosen: NDArray[np.intp] | None = None) -> list[int]:
        """The sums of groups 0..count-1, or of those among them that are chosen (m,), in units of 2^-1074; 0 for a group
        that got nothing."""
        if not self._limbs:
            return [0] * (count if chosen is None else len(chosen))
        lowest = min(self._limbs)
        shift = LIMB_BITS * lowest
        # One call for the bytes of each group: a shift and a sum of Python integers for each of its limbs take longer.
        return [int.from_bytes(digits, "little", signed=True) << shift for digits in self._digits(lowest, count, chosen)]

    def _digits(self, lowest: int, count: int, chosen: NDArray[np.intp] | None = None) -> list[bytes]:
        """The limbs of the groups from `lowest` up, as integers in two's complement, the lowest byte first."""
        size = LIMB_BITS // 8
        limbs = max(self._limbs) + 1 - lowest
        places = [self._limbs.get(lowest + place, NOTHING)[:count] for place in range(limbs)]
        if chosen is not None:
            count = len(chosen)
            places = [np.append(limb, 0)[np.minimum(chosen, len(limb))] for limb in places]
        digits = np.empty((count, limbs * size + 8), np.uint8)
        carried = np.zeros(count, "<i8")
        for place, limb in enumerate(places):
            carried[: len(limb)] += limb
            digits[:, place * size : (place + 1) * size] = carried.view(np.uint8).reshape(count, 8)[:, :size]
            carried >>= LIMB_BITS
        digits[:, limbs * size :] = carried.view(np.uint8).reshape(count, 8)
        rows: list[bytes] = digits.view(f"V{digits.shape[1]}")[:, 0].tolist()
        return rows

    def _limb(self, number: int, groups: int, added: int) -> Integers:
        """The limb, with an entry for each of so many groups, to any of which up to `added` in size is going to be added."""
        limb = self._limbs.get(number, NOTHING)
        if len(limb) < groups:
            grown = np.zeros(max(groups, len(limb) * 5 // 4), np.int64)
            grown[: len(limb)] = limb
            self._limbs[number] = limb = grown
        if self._bounds[number] + added > LARGEST_ENTRY:
            # The bound is for one group that got all rows. Looking takes less time than carrying and mostly finds room.
            self._bounds[number] = int(max(limb.max(), -limb.min()))
        if self._bounds[number] + added > LARGEST_ENTRY:
            self._carry(number)
        self._bounds[number] += added
        return limb

    def _carry(self, number: int) -> None:
        """Moves all but the lowest 40 bits of a limb to the next one."""
        limb = self._limbs[number]
        carried = limb >> LIMB_BITS
        limb -= carried << LIMB_BITS
        self._limb(number + 1, len(limb), (self._bounds[number] >> LIMB_BITS) + 1)[: len(limb)] += carried
        self._bounds[number] = 1 << LIMB_BITS


def total(values: NDArray[np.float64]) -> int:
    """Exact sum of `values` (n,) in units of 2^-1074. Domain as in `Groups.sums`."""
    return sum(cut.total() << (cut.grid - UNIT_EXPONENT) for cut in _slices(values))


def products(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """a·b (n,) as a sum of two doubles, the rounded product and its rounding error.

    Exact where the product is 0 or from 2^-968 to 2^900 in size, and a and b at most 2^900; for a square: 0 or from 2^-484
    to 2^450. A smaller product is off by at most 2^-1073, which is two units, whatever stands beside it.

    T. J. Dekker 1971, A floating-point technique for extending the available precision, DOI 10.1007/BF01397083.
    """
    rounded = a * b
    high_a, low_a = _halves(a)
    high_b, low_b = (high_a, low_a) if b is a else _halves(b)
    error = high_a * high_b
    error -= rounded
    # In place, since what fits the cache counts here.
    middle = high_a * low_b
    if b is a:
        middle += middle
    else:
        high_b *= low_a
        middle += high_b
    error += middle
    low_a *= low_b
    error += low_a
    return rounded, error


def units(value: float) -> int:
    """A finite double as an integer number of units of 2^-1074."""
    numerator, denominator = value.as_integer_ratio()
    return numerator * (UNITS_PER_ONE // denominator)


def ratio(numerator: int, denominator: int) -> float:
    """numerator / denominator, correctly rounded (Python's division of integers is)."""
    return numerator / denominator


def _halves(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values as sums of two doubles of at most 26 bits, whose products are exact.

    Adding half of the last bit that stays to a double's bits, and clearing the bits below, rounds its size to 26 bits.
    """
    bits = values.view(np.int64) + (1 << 26)
    bits &= -1 << 27
    high = bits.view(np.float64)
    return high, values - high


def _slices(values: NDArray[np.float64], step: int = 1) -> Iterator[Cut]:
    """Cuts `values` (n,) into slices on grids that are multiples of `step` above 2^-1074; they add up to each value."""
    for start in range(0, len(values), BLOCK_ROWS):
        yield from _block_slices(np.ascontiguousarray(values[start : start + BLOCK_ROWS]), start, step)


def _block_slices(values: NDArray[np.float64], start: int, step: int) -> Iterator[Cut]:
    """Cuts the block of values (m,), m ≤ 2^15, whose first row is `start`.

    After two slices only what is still not zero goes through again. Proof: on the grid 2^g, |x| < 2^(g+46), the sum x + C,
    C = 1.5·2^(g+52), lies between 2^(g+52) and 2^(g+53), where doubles are the multiples of 2^g: it is C + h with h the
    multiple next to x. There a double's bits count up by one for each multiple, so h / 2^g is the difference of the bits of
    C + h and C. The rest x − h is exact and at most 2^(g−1), so a lower grid is next, as long as there is a rest: none is
    left on the grid 2^-1074, of which all doubles are multiples. Sums of |h| / 2^g are at most 2^15 · 2^46 = 2^61.
    """
    rest = values
    rows: slice | NDArray[np.intp] = slice(start, start + len(values))
    largest = largest_size(rest)
    if not largest <= LARGEST_VALUE:
        raise ValueError("exact sums need finite values of at most 2^900")
    exponent = math.frexp(largest)[1]
    is_first = True
    while largest > 0.0:
        grid = UNIT_EXPONENT + max(0, -((SLICE_BITS + UNIT_EXPONENT - exponent) // step)) * step
        shift = np.float64(math.ldexp(1.5, grid + 52))
        moved = rest + shift
        yield Cut(grid, rows, moved.view(np.int64), shift.view(np.int64))
        moved -= shift
        if is_first:
            rest = np.subtract(rest, moved, out=moved)
            # `any` ends at the first that is not 0; the bound spares a look at all of them.
            largest, exponent = float(rest.any()), grid
            is_first = False
        else:
            # The comparison first: `flatnonzero` of floats takes three times as long as of booleans.
            left = np.flatnonzero(rest != moved)
            rest = rest[left] - moved[left]
            rows = left + start if isinstance(rows, slice) else rows[left]
            largest = largest_size(rest)
            exponent = math.frexp(largest)[1]


def largest_size(values: NDArray[np.float64]) -> float:
    """The largest |value|, 0 for none; nan when there is one."""
    return float(max(values.max(), -values.min())) if len(values) else 0.0
