"""Owns the spread of a weighted mean: its standard error and skewness, from exact sums of what its units contribute."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from celoss.exact import UNIT_EXPONENT, UNITS_PER_ONE, products, total
from celoss.kernels import Floats
from celoss.records import dataclass

Exact = int | Fraction
DOUBLE_BITS = 53
# Skewness is taken as 0 where the rounding of cubes could change it by more than this: the units are nearly equal then.
LARGEST_DOUBT = 0.5


class RatioSums(NamedTuple):
    """Sums over n independent units, rows or clusters of them, of v = w · x and w and their products, in units of 2^-1074.

    The last four are of products that are rounded once or twice. Where rows have no weights, w is 1.
    """

    n: int
    v: Exact
    w: Exact
    vv: Exact
    vw: Exact
    ww: Exact
    vvv: Exact
    vvw: Exact
    vww: Exact
    www: Exact

    @classmethod
    def of(cls, v: Floats, w: Floats | None = None) -> RatioSums:
        """The sums of some units (m,). Those of several blocks add up with `plus`."""
        n = len(v)
        squares = v * v
        vv, vvv = sum(map(total, products(v, v))), total(squares * v)
        if w is None:
            return cls.unweighted(n, total(v), vv, vvv)
        vw, ww = (sum(map(total, products(w, one))) for one in (v, w))
        cubes = map(total, (squares * w, v * w * w, w * w * w))
        return cls(n, total(v), total(w), vv, vw, ww, vvv, *cubes)

    @classmethod
    def unweighted(cls, n: int, v: Exact, vv: Exact, vvv: Exact) -> RatioSums:
        """The sums of n units that all have w = 1."""
        whole = n * UNITS_PER_ONE
        return cls(n, v, whole, vv, v, whole, vvv, vv, v, whole)

    def plus(self, other: RatioSums) -> RatioSums:
        """The sums of both."""
        return RatioSums(*map(int.__add__, self, other))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Spread:
    """A mean m = Σ v / Σ w, its standard error, the skewness of what the n units contribute to it, v − m w, and n."""

    mean: float
    error: float
    skewness: float
    n: int

    @property
    def deviation(self) -> float:
        """The standard deviation of single units, of which `error` is the √n-th part."""
        return self.error * math.sqrt(self.n)


def spread(sums: RatioSums, cube_bits: int = DOUBLE_BITS) -> Spread | None:
    """The spread, exact until the last step but for cubes of `cube_bits`. None for fewer than two units, or without weight.

    The error is that of a linearised ratio, sqrt(Σ (v − m w)² n / (n − 1)) / Σ w: s/√n for equal weights.
    W. G. Cochran 1977, Sampling Techniques, section 6.3.
    """
    if sums.n < 2 or not sums.w:
        return None
    sums, (of_first, of_second, of_third) = _shortened(sums)
    mean = float(sums.v / sums.w)
    # Σ (v − m w)² · (Σ w)² and Σ (v − m w)³ · (Σ w)³, each Σ being in units.
    second = sums.vv * sums.w**2 - 2 * sums.v * sums.vw * sums.w + sums.v**2 * sums.ww
    if second <= 0:
        return Spread(mean, 0.0, 0.0, sums.n)
    error = math.sqrt(_quotient(second * sums.n, sums.w**4 * (sums.n - 1), of_second - UNIT_EXPONENT - 2 * of_first))
    terms: tuple[Exact, ...] = (
        sums.vvv * sums.w**3,
        -3 * sums.v * sums.vvw * sums.w**2,
        3 * sums.v**2 * sums.vww * sums.w,
        -(sums.v**3) * sums.www,
    )
    # √n · Σ …³ / (Σ …²)^(3/2), by steps that are not too large for a double.
    root = math.sqrt(_quotient(second, sums.w**2, of_second + UNIT_EXPONENT))
    whole, bits = sums.w * second, of_third - of_second
    doubt = _quotient(sum(max(one, -one) for one in terms), whole, bits) / root * math.sqrt(sums.n) / 2.0**cube_bits
    skewness = 0.0 if doubt > LARGEST_DOUBT else _quotient(sum(terms), whole, bits) / root * math.sqrt(sums.n)
    return Spread(mean, error, skewness, sums.n)


def _shortened(sums: RatioSums) -> tuple[RatioSums, list[int]]:
    """The sums without the last bits that are 0 in all of one degree, and how many bits those were, of degrees 1 to 3.

    Of few rows they are nearly all: thousands of groups take a tenth of the time.
    """
    parts: list[Exact] = []
    shifts = []
    for degree in (sums[1:3], sums[3:6], sums[6:]):
        integers = [one for one in degree if isinstance(one, int)]
        every = reduce(int.__or__, integers) if len(integers) == len(degree) else 0
        shifts.append((every & -every).bit_length() - 1 if every else 0)
        parts += [one >> shifts[-1] for one in integers] if every else degree
    return RatioSums(sums.n, *parts), shifts


def _quotient(numerator: Exact, denominator: Exact, exponent: int) -> float:
    """The numerator times a power of 2 divided by the denominator, correctly rounded."""
    if exponent < 0:
        return float(numerator / (denominator * (1 << -exponent)))
    return float(numerator * (1 << exponent) / denominator)
