"""Owns intervals: from an estimate and what is known of its spread to bounds, by formulas that need no table.

Nothing here loads SciPy: every report has intervals, and loading it takes longer than scoring a small file.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from celoss.records import dataclass

# From so many degrees of freedom on the expansion of Student's quantile in 1/ν is as good as the closed form.
LARGE = 1000
# A step of Newton's method that moves a quantile by less than this part of it is the rounding of the closed form.
LEAST_STEP = 1e-14


@dataclass(frozen=True)
class Interval:
    """Bounds of an estimate, and the name of the method: hall, hall-and-t, wilson, ratio or clopper-pearson."""

    low: float
    high: float
    method: str


def normal_quantile(p: float) -> float:
    """The quantile of the standard normal distribution, 0 < p < 1."""
    return NormalDist().inv_cdf(p)


@lru_cache(maxsize=4096)
def t_quantile(p: float, degrees: int) -> float:
    """The quantile of Student's t distribution, 0 < p < 1, with an integer number ≥ 1 of degrees of freedom.

    Below 1000 degrees the closed form of the distribution (M. Abramowitz, I. A. Stegun 1964, 26.7.3 and 26.7.4) is inverted
    by Newton's method; from there on the expansion in 1/ν (26.7.5). Relative error below 1e-11 for p from 0.00005 to 0.99995.
    """
    if p <= 0.5:
        return 0.0 if p == 0.5 else -t_quantile(1.0 - p, degrees)
    z = normal_quantile(p)
    if degrees >= LARGE:
        return _expanded(z, degrees)
    if degrees == 1:
        return math.tan(math.pi * (p - 0.5))
    # The normal quantile is below this one, and from below each step ends below it, too: the density falls.
    t, step = z, math.inf
    while step > LEAST_STEP * t:
        step = (2.0 * p - 1.0 - _inside(t, degrees)) / (2.0 * _density(t, degrees))
        t += step
    return t


def _expanded(z: float, degrees: int) -> float:
    z2 = z * z
    terms = (
        (z2 + 1.0) / 4.0,
        ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0,
        (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0,
        ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0,
    )
    return z * (1.0 + math.fsum(term / degrees**power for power, term in enumerate(terms, start=1)))


def _inside(t: float, degrees: int) -> float:
    """The probability of −t … t."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    terms = [term] if degrees > 1 else []
    for j in range(2 + odd, degrees - 1, 2):
        term *= square * (j - 1) / j
        terms.append(term)
    total = sine * math.fsum(terms)
    return (angle + total) * 2.0 / math.pi if odd else total


def _density(t: float, degrees: int) -> float:
    half = (degrees + 1) / 2.0
    logarithm = math.lgamma(half) - math.lgamma(half - 0.5) - half * math.log1p(t * t / degrees)
    return math.exp(logarithm) / math.sqrt(math.pi * degrees)


def hall_transform(t: float, c: float) -> float:
    """G(t) of a studentised mean t, which has no skewness; c = skewness/√n. P. Hall 1992, DOI as in `hall_interval`."""
    return t + c * t * t / 3.0 + c * c * t**3 / 27.0 + c / 6.0


def hall_inverse(x: float, c: float) -> float:
    """G⁻¹(x): (3/c) · (r − 1) with r³ = 1 + c(x − c/6), for c = 0, too."""
    root = math.cbrt(1.0 + c * (x - c / 6.0))
    # r − 1 = (r³ − 1) / (r² + r + 1), in which no digits of a small c go.
    return 3.0 * (x - c / 6.0) / (root * root + root + 1.0)


def hall_interval(mean: float, error: float, skewness: float, n: int, confidence: float, least: float = -math.inf) -> Interval:
    """The skewness-corrected t interval of a mean. n: how many independent values, ≥ 2. least: what no mean is below.

    P. Hall 1992, On the Removal of Skewness by Transformation, DOI 10.1111/j.2517-6161.1992.tb01876.x.
    """
    t, c = t_quantile(0.5 + confidence / 2.0, n - 1), skewness / math.sqrt(n)
    low, high = (mean - error * hall_inverse(x, c) for x in (t, -t))
    # Of little confidence the corrected interval can lie beside the mean.
    return Interval(max(min(low, mean), least), max(high, mean), "hall")


def difference_interval(mean: float, error: float, skewness: float, n: int, confidence: float) -> Interval:
    """The interval of a mean difference: from the lower to the upper bound of Hall's interval and Student's.

    Of two good models few rows differ, in either direction, and the skewness of a sample is then mostly chance, by which
    Hall's correction alone takes models of the same loss for different in 10 to 16 % of samples of 50 to 500 rows, where 5 are
    promised; Student's alone does where the differences are skewed (`benchmarks/statistics/results/paired.md`).
    """
    both = [hall_interval(mean, error, each, n, confidence) for each in (skewness, 0.0)]
    return Interval(min(one.low for one in both), max(one.high for one in both), "hall-and-t")


def ratio_interval(value: float, error: float, n: int, confidence: float) -> Interval:
    """The t interval of a ratio estimator with its linearised error. W. G. Cochran 1977, Sampling Techniques, section 6.3."""
    half = error * t_quantile(0.5 + confidence / 2.0, n - 1)
    return Interval(value - half, value + half, "ratio")


def wilson_interval(share: float, n: float, confidence: float, degrees: int | None = None) -> Interval:
    """The interval of a share, 0 … 1, of n > 0 (effective) rows. E. B. Wilson 1927, DOI 10.1080/01621459.1927.10502953.

    degrees: of freedom, where n follows from a variance that is itself an estimate (E. L. Korn, B. I. Graubard 1998,
    Confidence Intervals for Proportions with Small Expected Number of Positive Counts).
    """
    upper = 0.5 + confidence / 2.0
    z2 = (normal_quantile(upper) if degrees is None else t_quantile(upper, degrees)) ** 2
    centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n)
    half = math.sqrt(share * (1.0 - share) * z2 / n + (z2 / (2.0 * n)) ** 2) / (1.0 + z2 / n)
    # At the ends centre ∓ half is 0 and 1 but for rounding.
    return Interval(
        0.0 if share == 0.0 else max(0.0, centre - half), 1.0 if share == 1.0 else min(1.0, centre + half), "wilson"
    )


def clopper_pearson_interval(count: int, n: int, confidence: float) -> Interval:
    """The exact interval of the rate of `count` of n rows. C. J. Clopper, E. S. Pearson 1934, DOI 10.1093/biomet/26.4.404."""
    from scipy.special import betaincinv

    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1.0 - tail)) if count < n else 1.0
    return Interval(low, high, "clopper-pearson")
