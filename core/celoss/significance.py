"""Owns tests: p-values of paired differences and of fitted parameters, and their correction for many. Loads SciPy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from celoss.intervals import hall_transform, normal_quantile
from celoss.kernels import Floats

# Up to so many independent values all flips of signs are tried: 2^19 of them, as the opposite of each has the same size.
MOST_ENUMERATED = 20
FLIPS = 99_999
SEED = 20261122
# Sums of flips that differ by less than this part of the sum of all sizes count as equal: they differ by rounding.
ROUNDING = 1e-12


def hall_p(mean: float, error: float, skewness: float, n: int) -> float:
    """Two-sided p of a mean of 0, by the skewness-corrected t test: the interval of `hall_interval` excludes 0 iff p < 1 − its
    confidence. error > 0, n ≥ 2.

    P. Hall 1992, On the Removal of Skewness by Transformation, DOI 10.1111/j.2517-6161.1992.tb01876.x.
    """
    from scipy.special import stdtr

    t = hall_transform(mean / error, skewness / math.sqrt(n))
    return min(1.0, 2.0 * float(stdtr(n - 1, -abs(t))))


def difference_p(mean: float, error: float, skewness: float, n: int) -> float:
    """Two-sided p of a mean difference of 0: the larger one of `hall_p` and of Student's t test, so that `difference_interval`
    excludes 0 iff p < 1 − its confidence. error > 0, n ≥ 2."""
    return max(hall_p(mean, error, each, n) for each in (skewness, 0.0))


def sign_flip_p(values: Floats) -> float:
    """Two-sided p of n independent values (n,) being as likely with the other sign.

    All flips for n ≤ 20, else (1 + count) / (1 + R) of R = 99,999 random ones with a fixed seed. The order of the values
    does not matter. R. A. Fisher 1935, The Design of Experiments, section 21.
    """
    sums, drawn = _flipped(values)
    whole, slack = _whole(values)
    return float((drawn + np.count_nonzero(np.abs(sums) >= abs(whole) - slack)) / (drawn + len(sums)))


def sign_flip_above_p(values: Floats) -> float:
    """One-sided p of the mean of n independent values (n,) being 0 or less, by flips of their signs as in `sign_flip_p`."""
    sums, drawn = _flipped(values)
    if not drawn:
        sums = np.concatenate([sums, -sums])
    whole, slack = _whole(values)
    return float((drawn + np.count_nonzero(sums >= whole - slack)) / (drawn + len(sums)))


def _whole(values: Floats) -> tuple[float, float]:
    """The sum of the values, and how much of it may be rounding."""
    return math.fsum(values.tolist()), ROUNDING * math.fsum(np.abs(values).tolist())


def _flipped(values: Floats) -> tuple[Floats, int]:
    """Sums of flips of few values' signs: all, of opposites one; of more: random ones, and that 1 is added for the values."""
    # Sorted, so that sums round alike whatever the order; a sum and its opposite are equally large.
    sizes = np.sort(np.abs(values))[::-1]
    n = len(sizes)
    if n <= MOST_ENUMERATED:
        return _all_sums(sizes), 0
    # Bits of the generator itself: its stream is the same in every version of NumPy, that of `Generator` need not be.
    words = np.random.PCG64(SEED).random_raw(-(-FLIPS * n // 64)).astype("<u8")
    signs = np.unpackbits(words.view(np.uint8), count=FLIPS * n).reshape(FLIPS, n)
    # Added value by value, not as a product of matrices, whose order of additions depends on the machine.
    sums = np.zeros(FLIPS)
    for size, sign in zip(sizes.tolist(), signs.T, strict=True):
        sums += np.where(sign, size, -size)
    return sums, 1


def _all_sums(sizes: Floats) -> Floats:
    """The sums of all choices of signs but that of the first, which is +: (2^(n−1),)."""
    sums = sizes[:1].copy()
    for size in sizes[1:].tolist():
        sums = np.concatenate([sums + size, sums - size])
    return sums


def chi_squared_p(value: float, degrees: int) -> float:
    """The probability of a χ² value at least this large."""
    from scipy.special import chdtrc

    return float(chdtrc(degrees, max(value, 0.0)))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p of several tests, in their order. S. Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure."""
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted


def rows_needed(difference: float, deviation: float, confidence: float, power: float = 0.8) -> int | None:
    """How many independent values a two-sided test needs to find a difference with this power; None for 0.

    ((z_a + z_b) s / δ)², by the normal distribution. deviation: s of single values.
    """
    if difference == 0.0:
        return None
    z = normal_quantile(0.5 + confidence / 2.0) + normal_quantile(power)
    return math.ceil((z * deviation / difference) ** 2)
