"""Bounds of estimates: quantiles, Hall's transformation, intervals of means, ratios and shares, against SciPy and mpmath."""

import itertools
import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special, stats

from celoss.intervals import (
    clopper_pearson_interval,
    difference_interval,
    hall_interval,
    hall_inverse,
    hall_transform,
    normal_quantile,
    ratio_interval,
    t_quantile,
    wilson_interval,
)

CONFIDENCES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999)
DEGREES = (1, 2, 3, 4, 5, 9, 10, 30, 49, 199, 598, 599, 600, 998, 999, 1000, 1001, 9_999, 10_000_000)

finite = st.floats(-1e6, 1e6)
# |skewness|/√n of n values is below 1, see the law in test_spread.py.
tilts = st.floats(-1, 1)
confidences = st.floats(0.5, 0.9999)


# --- quantiles ---


# That of SciPy 1.11 has nine digits.
NEAR_SCIPY = 1e-8


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_the_quantile_of_student_agrees_with_scipy(confidence: float, degrees: int) -> None:
    p = 0.5 + confidence / 2
    assert t_quantile(p, degrees) == pytest.approx(special.stdtrit(degrees, p), rel=NEAR_SCIPY, abs=0)


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_the_quantile_of_student_has_what_is_below_it_by_fifty_digits(confidence: float, degrees: int) -> None:
    """Newton's step from it, what lies above it less what should, over the density, is a rounding."""
    with mpmath.workdps(50):
        p = mpmath.mpf(0.5 + confidence / 2)
        t, n = mpmath.mpf(t_quantile(float(p), degrees)), mpmath.mpf(degrees)
        above = mpmath.betainc(n / 2, 0.5, 0, n / (n + t**2), regularized=True) / 2
        density = (
            mpmath.gamma((n + 1) / 2) / mpmath.gamma(n / 2) / mpmath.sqrt(n * mpmath.pi) * (1 + t**2 / n) ** (-(n + 1) / 2)
        )
        assert abs(above - (1 - p)) / density < 2e-12 * t


@given(st.floats(1e-4, 0.4999), st.integers(1, 3000))
def test_the_quantile_of_student_is_odd_and_beyond_that_of_the_normal(tail: float, degrees: int) -> None:
    upper = t_quantile(1.0 - tail, degrees)
    assert t_quantile(1.0 - (1.0 - tail), degrees) == pytest.approx(-upper, rel=1e-9)
    assert upper > normal_quantile(1.0 - tail) > 0


def test_the_middle_of_student_is_0() -> None:
    assert [t_quantile(0.5, degrees) for degrees in (1, 2, 5000)] == [0, 0, 0]


def test_more_degrees_bring_the_quantile_nearer_to_that_of_the_normal() -> None:
    quantiles = [t_quantile(0.975, degrees) for degrees in range(1, 1100)]
    assert all(more < fewer for fewer, more in itertools.pairwise(quantiles))
    assert t_quantile(0.975, 10**9) == pytest.approx(1.959963984540054, rel=1e-8)


def test_intervals_of_means_and_of_shares_load_no_scipy() -> None:
    code = """if True:
        import sys
        from celoss.intervals import *
        hall_interval(1.0, 0.1, 2.0, 50, 0.95), wilson_interval(0.5, 10, 0.95), ratio_interval(0.3, 0.1, 20, 0.95)
        print(any(name.startswith("scipy") for name in sys.modules))"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# --- Hall's transformation and interval ---


@given(st.floats(-60, 60), tilts)
def test_the_inverse_of_the_transformation_is_its_inverse(t: float, c: float) -> None:
    """1 + c t/3 is the cube root that is taken, of which no more digits stay than its cube keeps beside 1."""
    x = hall_transform(t, c)
    root = abs(1.0 + c * t / 3.0)
    assume(root > 1e-3)
    assert hall_inverse(x, c) == pytest.approx(t, rel=1e-6, abs=1e-6)


@given(st.floats(-60, 60), tilts)
def test_the_transformation_of_the_inverse_is_the_identity(x: float, c: float) -> None:
    """Also where 1 + c(x − c/6) is below 0."""
    assert hall_transform(hall_inverse(x, c), c) == pytest.approx(x, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("x", "c", "expected"),
    [
        (2.0, 0.0, 2.0),
        # x − c (1/6 + x²/3)
        (2.0, 1e-7, 2.0 - 1.5e-7),
        # 1 + 0.6 (2 − 0.1) = 2.14; its cube root is 1.28866…
        (2.0, 0.6, 5.0 * (2.14 ** (1 / 3) - 1.0)),
        # 1 + 0.6 (−3 − 0.1) = −0.86, below 0.
        (-3.0, 0.6, 5.0 * (-(0.86 ** (1 / 3)) - 1.0)),
        # A mirrored sample has the mirrored bounds.
        (3.0, -0.6, 5.0 * (0.86 ** (1 / 3) + 1.0)),
    ],
)
def test_the_inverse_transformation_by_hand(x: float, c: float, expected: float) -> None:
    assert hall_inverse(x, c) == pytest.approx(expected, rel=1e-14, abs=0)


@given(st.floats(1e-9, 1e-6), st.floats(-5, 5))
def test_a_slight_skewness_changes_the_inverse_by_its_first_order(c: float, x: float) -> None:
    """G⁻¹(x) = x − c (1/6 + x²/3) + O(c²), with all digits of the small change."""
    assert hall_inverse(x, c) - x == pytest.approx(-c * (1 / 6 + x * x / 3), rel=1e-3, abs=1e-14)


@given(finite, st.floats(0, 1e3), tilts, st.integers(2, 5000), confidences)
def test_halls_interval_is_finite_and_contains_the_mean(mean: float, error: float, c: float, n: int, confidence: float) -> None:
    low, high = bounds(hall_interval(mean, error, c * math.sqrt(n), n, confidence))
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low <= mean <= high


@given(tilts, st.integers(2, 5000), confidences, confidences)
def test_a_higher_confidence_never_brings_halls_bounds_nearer(c: float, n: int, one: float, other: float) -> None:
    lower, higher = (bounds(hall_interval(0.0, 1.0, c * math.sqrt(n), n, each)) for each in sorted((one, other)))
    assert higher[0] <= lower[0]
    assert higher[1] >= lower[1]


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_without_skewness_halls_interval_is_that_of_student(confidence: float) -> None:
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) + 7
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    found = bounds(hall_interval(7.0, float(stats.sem(values)), 0.0, 5, confidence))
    assert found == pytest.approx((expected.low, expected.high), rel=NEAR_SCIPY)


def test_two_values_have_the_interval_of_student() -> None:
    expected = stats.ttest_1samp([1.0, 4.0], 0).confidence_interval(0.95)
    found = bounds(hall_interval(2.5, 1.5, 0.0, 2, 0.95))
    assert found == pytest.approx((expected.low, expected.high), rel=NEAR_SCIPY)


def test_mirrored_values_have_the_mirrored_interval() -> None:
    low, high = bounds(hall_interval(0.4, 0.1, 3.0, 40, 0.9))
    assert bounds(hall_interval(-0.4, 0.1, -3.0, 40, 0.9)) == (-high, -low)


def test_equal_values_have_an_interval_without_width() -> None:
    assert bounds(hall_interval(0.25, 0.0, 0.0, 9, 0.95)) == (0.25, 0.25)


@pytest.mark.parametrize("confidence", [0.5, 0.683, 0.8, 0.95, 0.9999])
@pytest.mark.parametrize(("n", "values"), [(3, 1), (10, 1), (10_000, 1), (10_000, 9)])
def test_one_row_with_a_loss_among_many_without_has_a_wide_interval_above(n: int, values: int, confidence: float) -> None:
    """The largest skewness there is: c = (n − 2)/√(n(n − 1)), so that 1 + c(x − c/6) is below 0 at the upper bound."""
    losses = np.zeros(n)
    losses[:values] = 1.0
    mean, error, skewness = losses.mean(), stats.sem(losses), stats.skew(losses)
    low, high = bounds(hall_interval(mean, error, skewness, n, confidence, least=0.0))
    assert 0.0 <= low <= mean
    assert mean < high < math.inf
    if confidence == 0.95:
        assert high > mean + special.stdtrit(n - 1, 0.975) * error
    # Solved for the mean that is just not rejected, by G itself and not by its inverse.
    c = skewness / math.sqrt(n)
    assert hall_transform((mean - high) / error, c) == pytest.approx(-special.stdtrit(n - 1, 0.5 + confidence / 2), rel=1e-9)


@given(st.floats(0, 1), st.floats(0, 10), tilts, st.integers(2, 100), confidences)
def test_no_bound_is_below_the_least(mean: float, error: float, c: float, n: int, confidence: float) -> None:
    found = hall_interval(mean, error, c * math.sqrt(n), n, confidence, least=0.0)
    free = hall_interval(mean, error, c * math.sqrt(n), n, confidence)
    assert bounds(found) == (max(free.low, 0.0), free.high)
    assert found.method == "hall"


@given(finite, st.floats(0, 1e3), tilts, st.integers(2, 5000), confidences)
def test_the_interval_of_a_difference_holds_those_of_hall_and_of_student(
    mean: float, error: float, c: float, n: int, confidence: float
) -> None:
    found = difference_interval(mean, error, c * math.sqrt(n), n, confidence)
    both = [hall_interval(mean, error, each, n, confidence) for each in (c * math.sqrt(n), 0.0)]
    assert bounds(found) == (min(one.low for one in both), max(one.high for one in both))
    assert found.method == "hall-and-t"


# --- ratios and shares ---


def test_the_interval_of_a_ratio_is_that_of_student() -> None:
    t = special.stdtrit(29, 0.975)
    found = ratio_interval(0.3, 0.02, 30, 0.95)
    assert bounds(found) == pytest.approx((0.3 - 0.02 * t, 0.3 + 0.02 * t), rel=1e-12)
    assert found.method == "ratio"


SHARES = [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (1, 200), (199, 200), (50_000, 100_000), (1, 10_000_000)]


@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize(("count", "n"), SHARES)
def test_wilsons_interval_agrees_with_scipy(count: int, n: int, confidence: float) -> None:
    expected = stats.binomtest(count, n).proportion_ci(confidence, method="wilson")
    found = wilson_interval(count / n, n, confidence)
    # SciPy takes differences near 0 and 1, too, where some of its digits go.
    assert bounds(found) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-15)
    assert found.method == "wilson"


@given(st.floats(0, 1), st.floats(0.01, 1e9), confidences)
def test_wilsons_interval_is_within_0_and_1_and_contains_the_share(share: float, n: float, confidence: float) -> None:
    low, high = bounds(wilson_interval(share, n, confidence))
    assert 0.0 <= low <= share * (1 + 1e-12)
    assert share * (1 - 1e-12) <= high <= 1.0


@given(st.integers(0, 100), st.floats(1.0, 1e6), confidences)
def test_wilsons_interval_of_the_other_share_is_the_mirrored_one(percent: int, n: float, confidence: float) -> None:
    low, high = bounds(wilson_interval(percent / 100, n, confidence))
    mirrored = wilson_interval((100 - percent) / 100, n, confidence)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((low, high), abs=1e-14)


def test_no_row_and_all_rows_reach_the_ends() -> None:
    assert wilson_interval(0.0, 7.5, 0.95).low == 0.0
    assert wilson_interval(1.0, 7.5, 0.95).high == 1.0


@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize(("count", "n"), SHARES)
def test_the_exact_interval_has_half_of_the_rest_in_each_tail_of_the_binomial(count: int, n: int, confidence: float) -> None:
    found = clopper_pearson_interval(count, n, confidence)
    tail = (1 - confidence) / 2
    assert found.low == 0.0 if count == 0 else stats.binom.sf(count - 1, n, found.low) == pytest.approx(tail, rel=1e-8)
    assert found.high == 1.0 if count == n else stats.binom.cdf(count, n, found.high) == pytest.approx(tail, rel=1e-8)
    assert found.method == "clopper-pearson"


@pytest.mark.parametrize(("count", "n"), [(0, 1), (0, 10), (3, 10), (10, 10), (50, 200)])
def test_the_exact_interval_agrees_with_scipy(count: int, n: int) -> None:
    expected = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    # SciPy seeks its roots by steps.
    assert bounds(clopper_pearson_interval(count, n, 0.95)) == pytest.approx((expected.low, expected.high), rel=1e-7)


def test_the_exact_interval_of_no_row_of_100_by_hand() -> None:
    """(1 − high)^100 = 0.025."""
    assert bounds(clopper_pearson_interval(0, 100, 0.95)) == pytest.approx((0.0, 1 - 0.025**0.01), rel=1e-12)


def bounds(interval):
    return interval.low, interval.high
