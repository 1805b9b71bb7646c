"""Standard error and skewness of a weighted mean, from sums that merge exactly, against SciPy and formulas written out."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from celoss.exact import UNITS_PER_ONE
from celoss.shorts import shortened as rounded
from celoss.spread import RatioSums, spread

losses = st.floats(0, 745).map(lambda value: value if value > 1e-30 else 0.0)
samples = st.lists(losses, min_size=2, max_size=40)


def of(values, weights=None):
    v = np.array(values, dtype=float)
    if weights is None:
        return spread(RatioSums.of(v))
    w = np.array(weights, dtype=float)
    return spread(RatioSums.of(v * w, w))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [3, 10, 200, 5000])
def test_mean_error_and_skewness_agree_with_scipy(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).exponential(size=n) ** 3
    found = of(values)
    assert found is not None
    assert (found.mean, found.error) == pytest.approx((values.mean(), stats.sem(values)), rel=1e-13)
    # Cubes are summed with 24 bits.
    assert found.skewness == pytest.approx(stats.skew(values), rel=1e-6)
    assert found.deviation == pytest.approx(values.std(ddof=1), rel=1e-13)
    assert found.n == n


@pytest.mark.parametrize("seed", range(5))
def test_a_weighted_mean_has_the_error_and_skewness_of_a_linearised_ratio(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, w = random.exponential(size=300), random.exponential(size=300)
    mean = np.average(x, weights=w)
    residuals = w * (x - mean)
    found = of(x, w)
    assert found is not None
    assert found.mean == pytest.approx(mean, rel=1e-13)
    assert found.error == pytest.approx(math.sqrt(300 / 299 * np.sum(residuals**2)) / w.sum(), rel=1e-12)
    assert found.skewness == pytest.approx(np.mean(residuals**3) / np.mean(residuals**2) ** 1.5, rel=1e-5)


@given(st.lists(st.tuples(losses, st.sampled_from([0.5, 1.0, 2.0, 3.0])), min_size=1, max_size=20), st.integers(0, 20))
def test_sums_of_parts_add_up_to_those_of_all_bit_by_bit(rows: list[tuple[float, float]], cut: int) -> None:
    v, w = np.array(rows).T
    parts = [RatioSums.of(v[part], w[part]) for part in (slice(cut, None), slice(0, cut))]
    assert parts[0].plus(parts[1]) == parts[1].plus(parts[0]) == RatioSums.of(v, w)


@given(samples)
def test_the_order_of_the_rows_changes_no_bit(values: list[float]) -> None:
    assert RatioSums.of(np.array(values)) == RatioSums.of(np.array(sorted(values)))


@given(samples)
def test_weights_of_1_are_no_weights_but_for_the_rounding_of_cubes(values: list[float]) -> None:
    found = RatioSums.of(np.array(values), np.ones(len(values)))
    plain = RatioSums.of(np.array(values))
    assert found[:7] == plain[:7]
    assert [Fraction(one, UNITS_PER_ONE) for one in found[7:]] == pytest.approx(
        [Fraction(one, UNITS_PER_ONE) for one in plain[7:]], rel=2.0**-23
    )


@given(samples, st.integers(-8, 8))
def test_weights_that_are_all_scaled_by_a_power_of_2_change_no_bit(values: list[float], power: int) -> None:
    weights = np.arange(1.0, len(values) + 1)
    # Smaller losses would leave the range in which cubes are normal numbers.
    assume(all(value == 0 or value > 1e-10 for value in values))
    assert of(values, weights) == of(values, weights * 2.0**power)


@given(samples, st.floats(1e-3, 1e3))
def test_weights_that_are_all_scaled_change_nothing(values: list[float], factor: float) -> None:
    weights = np.arange(1.0, len(values) + 1)
    one, other = of(values, weights), of(values, weights * factor)
    assert one is not None
    assert other is not None
    assert (other.mean, other.error) == pytest.approx((one.mean, one.error), rel=1e-6, abs=1e-9)


@given(samples)
def test_the_skewness_of_n_values_is_below_root_n(values: list[float]) -> None:
    """At most (n − 2)/√(n − 1), for one value that differs from all others, which are equal; cubes are rounded."""
    found, n = of(values), len(values)
    assert found is not None
    assert abs(found.skewness) <= (n - 2) / math.sqrt(n - 1) + 0.1


@given(samples)
def test_mirrored_values_have_the_opposite_skewness_and_the_same_error(values: list[float]) -> None:
    one, other = of(values), of([-value for value in values])
    assert one is not None
    assert other is not None
    assert (other.mean, other.error, other.skewness) == (-one.mean, one.error, -one.skewness)


@pytest.mark.parametrize("n", [3, 10, 10_000])
def test_one_row_with_a_loss_has_the_largest_skewness(n: int) -> None:
    values = np.zeros(n)
    values[n // 2] = 3.7
    found = of(values)
    assert found is not None
    assert found.skewness == pytest.approx((n - 2) / math.sqrt(n - 1), rel=1e-6)


def test_two_values_have_no_skewness() -> None:
    found = of([0.1, 2.9])
    assert found is not None
    assert found.skewness == pytest.approx(0, abs=1e-6)
    assert found.error == pytest.approx(1.4, rel=1e-13)


@pytest.mark.parametrize("value", [0.0, 0.1, 36.04365338911715])
def test_equal_values_have_neither_error_nor_skewness(value: float) -> None:
    found = of([value] * 7)
    assert found is not None
    assert (found.mean, found.error, found.skewness) == (value, 0.0, 0.0)


@pytest.mark.parametrize("weights", [[1.0, 3.0, 0.5], [0.1, 0.7, 0.3]])
def test_equal_values_with_weights_have_next_to_no_error(weights: list[float]) -> None:
    """v = w · x is rounded."""
    found = of([0.3, 0.3, 0.3], weights)
    assert found is not None
    assert found.mean == pytest.approx(0.3, rel=1e-15)
    assert found.error < 1e-16


def test_values_that_are_nearly_equal_have_an_error_to_all_digits_and_no_skewness_of_rounding() -> None:
    """(1 + d)³ in 24 bits keeps nothing of d = 2^-30."""
    values = 1 + np.array([0, 0, 0, 1, 5]) * 2.0**-30
    found = of(values)
    assert found is not None
    assert found.error == pytest.approx(math.sqrt(np.var([0, 0, 0, 1, 5], ddof=1) / 5) * 2.0**-30, rel=1e-14)
    assert found.skewness == 0.0


@pytest.mark.parametrize("values", [[], [1.0]])
def test_fewer_than_two_values_have_no_spread(values: list[float]) -> None:
    assert of(values) is None


def test_rows_without_weight_have_no_spread() -> None:
    assert of([1.0, 2.0], [0.0, 0.0]) is None


@given(st.floats(1e-300, 1e300))
def test_rounding_keeps_24_bits_of_either_sign(value: float) -> None:
    positive, negative = rounded(np.array([value, -value])).tolist()
    assert negative == -positive
    assert abs(positive - value) <= value * 2.0**-24
    mantissa, _ = math.frexp(positive)
    assert mantissa * 2**24 == int(mantissa * 2**24)


@given(st.lists(st.tuples(losses, st.sampled_from([0.0, 0.5, 1.0, 3.0, 1e-60, 1e60])), min_size=1, max_size=20))
def test_the_bits_that_all_sums_end_with_change_none_of_the_results(rows: list[tuple[float, float]]) -> None:
    v, w = np.array(rows).T
    sums = RatioSums.of(v * w, w)
    # Those of fractions are not taken off.
    assert spread(sums) == spread(RatioSums(sums.n, *map(Fraction, sums[1:])))
