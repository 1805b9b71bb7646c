"""p-values: the skewness-corrected t test, flips of signs, χ², Holm's correction, and how many rows a test needs."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from celoss.intervals import difference_interval, hall_interval
from celoss.significance import FLIPS, chi_squared_p, difference_p, hall_p, holm, rows_needed, sign_flip_above_p, sign_flip_p

REFERENCE = json.loads((Path(__file__).parent / "reference" / "statistics.json").read_text())


def named(case):
    return case["name"]


# --- the skewness-corrected t test ---


@given(st.floats(-5, 5), st.floats(0.01, 2), st.floats(-1, 1), st.integers(2, 3000), st.floats(0.5, 0.9999))
def test_p_is_below_its_level_exactly_if_the_interval_excludes_0(
    mean: float, error: float, c: float, n: int, confidence: float
) -> None:
    skewness = c * math.sqrt(n)
    p, interval = hall_p(mean, error, skewness, n), hall_interval(mean, error, skewness, n, confidence)
    # Not where rounding decides.
    assume(abs(p - (1 - confidence)) > 1e-9)
    assert (p < 1 - confidence) == (not interval.low <= 0 <= interval.high)


@pytest.mark.parametrize("case", REFERENCE["paired"]["cases"], ids=named)
def test_without_skewness_p_is_that_of_the_paired_t_test(case) -> None:
    difference = np.subtract(case["a"], case["b"])
    p = hall_p(difference.mean(), stats.sem(difference), 0.0, len(difference))
    assert p == pytest.approx(case["ttest_p"], rel=1e-10)


@given(st.floats(-5, 5), st.floats(-1, 1), st.integers(2, 500))
def test_the_mirrored_difference_has_the_same_p(mean: float, c: float, n: int) -> None:
    skewness = c * math.sqrt(n)
    assert hall_p(mean, 0.7, skewness, n) == hall_p(-mean, 0.7, -skewness, n)


@given(st.floats(-5, 5), st.floats(0.01, 2), st.floats(-1, 1), st.integers(2, 3000), st.floats(0.5, 0.9999))
def test_a_difference_is_found_exactly_if_its_interval_excludes_0(
    mean: float, error: float, c: float, n: int, confidence: float
) -> None:
    skewness = c * math.sqrt(n)
    p, interval = difference_p(mean, error, skewness, n), difference_interval(mean, error, skewness, n, confidence)
    assume(abs(p - (1 - confidence)) > 1e-9)
    assert (p < 1 - confidence) == (not interval.low <= 0 <= interval.high)


def test_a_difference_has_the_larger_p_of_halls_test_and_students() -> None:
    """A long tail in the direction of the mean is no surprise to Hall's test, one in the other direction is."""
    plain = 2 * stats.t.sf(2.1, 29)
    assert difference_p(2.1, 1.0, 0.0, 30) == pytest.approx(plain, rel=1e-12)
    assert difference_p(2.1, 1.0, 2.0, 30) == pytest.approx(plain, rel=1e-12)
    assert hall_p(2.1, 1.0, 2.0, 30) < plain
    assert difference_p(2.1, 1.0, -2.0, 30) == hall_p(2.1, 1.0, -2.0, 30) > plain


def test_p_by_hand() -> None:
    """T = 2, c = 1.2/√25 = 0.24: G = 2 + 0.32 + 0.0576·8/27 + 0.04."""
    expected = 2 * stats.t.sf(2 + 0.32 + 0.0576 * 8 / 27 + 0.04, 24)
    assert hall_p(0.4, 0.2, 1.2, 25) == pytest.approx(expected, rel=1e-12)


def test_a_difference_of_many_errors_has_a_p_that_is_small_and_not_0() -> None:
    assert 0 < hall_p(10.0, 1.0, 0.0, 1000) < 1e-20


# --- flips of signs ---


@pytest.mark.parametrize("n", [2, 3, 8, 13])
def test_all_flips_agree_with_scipys_permutation_test(n: int) -> None:
    values = np.random.default_rng(n).normal(0.5, 1.0, n)
    expected = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(values) == pytest.approx(expected.pvalue, rel=1e-12)


@pytest.mark.parametrize("mean", [-0.5, 0.0, 0.5])
@pytest.mark.parametrize("n", [2, 3, 8, 13])
def test_all_flips_of_one_side_agree_with_scipys_permutation_test(n: int, mean: float) -> None:
    values = np.random.default_rng(n).normal(mean, 1.0, n)
    resamples = {"permutation_type": "samples", "n_resamples": np.inf, "alternative": "greater"}
    expected = stats.permutation_test((values,), np.mean, **resamples).pvalue
    assert sign_flip_above_p(values) == pytest.approx(expected, rel=1e-12)


def test_random_flips_of_one_side_are_near_the_normal_distribution() -> None:
    values = np.random.default_rng(3).normal(0.3, 1.0, 45)
    expected = stats.norm.sf(values.sum() / math.sqrt((values**2).sum()))
    assert sign_flip_above_p(values) == pytest.approx(expected, abs=0.005)
    assert sign_flip_above_p(values) == sign_flip_above_p(values[::-1])


@pytest.mark.parametrize("case", [case for case in REFERENCE["paired"]["cases"] if "all_flips_p" in case], ids=named)
def test_all_flips_of_the_reference_agree_with_scipy(case) -> None:
    assert sign_flip_p(np.subtract(case["a"], case["b"])) == pytest.approx(case["all_flips_p"], rel=1e-12)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9))
@example([9, -8, -7, -9, 8, -3, 1, 9])
def test_sums_that_are_equal_but_for_rounding_count_as_equal(tenths: list[int]) -> None:
    """0.9 − 0.8 − 0.7 − … in doubles is not what it is in tenths."""
    sums = [abs(sum(map(int.__mul__, signs, tenths))) for signs in itertools.product((1, -1), repeat=len(tenths))]
    expected = np.mean([one >= abs(sum(tenths)) for one in sums])
    assert sign_flip_p(np.array(tenths) * 0.1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [5, 30])
def test_the_order_of_the_values_and_the_sign_of_all_change_nothing(n: int) -> None:
    values = np.random.default_rng(7).standard_t(3, n)
    assert sign_flip_p(values) == sign_flip_p(values[::-1].copy()) == sign_flip_p(np.sort(values)) == sign_flip_p(-values)


def test_random_flips_are_near_all_flips() -> None:
    """The p of 23 values by all 2^22 sums, and by the normal distribution of 99,999 draws within four standard errors."""
    values = np.random.default_rng(5).normal(0.4, 1.0, 23)
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    exact = np.mean(np.abs(sums) >= abs(values.sum()) - 1e-9)
    assert 0.01 < exact < 0.5
    assert abs(sign_flip_p(values) - exact) < 4 * math.sqrt(exact * (1 - exact) / FLIPS)


def test_values_of_one_sign_have_the_least_p() -> None:
    assert sign_flip_p(np.arange(1.0, 21.0)) == 2 / 2**20
    # No random flip of 49 equal signs is found: 1 of 100,000.
    assert sign_flip_p(np.arange(1.0, 50.0)) == 1 / (1 + FLIPS)


@pytest.mark.parametrize("n", [1, 5, 30])
def test_values_that_are_all_0_have_a_p_of_1(n: int) -> None:
    assert sign_flip_p(np.zeros(n)) == 1.0


# --- χ², Holm, rows ---


@pytest.mark.parametrize("degrees", [1, 2, 9, 999])
@pytest.mark.parametrize("value", [0.0, 0.3, 3.84, 50.0, 1000.0])
def test_the_probability_of_chi_squared_agrees_with_scipy(value: float, degrees: int) -> None:
    assert chi_squared_p(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-11)


def test_a_gain_that_rounds_below_0_has_a_p_of_1() -> None:
    assert chi_squared_p(-1e-17, 1) == 1.0


@pytest.mark.parametrize("case", REFERENCE["holm"]["cases"], ids=lambda case: f"{len(case['p'])} tests")
def test_holms_correction_agrees_with_statsmodels(case) -> None:
    assert holm(case["p"]) == pytest.approx(case["adjusted"], rel=1e-14)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holms_p_are_at_least_what_they_were_in_the_same_order_and_at_most_those_of_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(one <= more <= min(1.0, len(p) * one) for one, more in zip(p, adjusted, strict=True))
    ordered = [more for _, more in sorted(zip(p, adjusted, strict=True))]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize(("difference", "deviation", "confidence", "power"), [(0.5, 1.0, 0.95, 0.8), (-0.01, 0.4, 0.99, 0.9)])
def test_the_rows_needed_give_the_power(difference: float, deviation: float, confidence: float, power: float) -> None:
    """By the normal test itself: its power with so many rows is reached, with 1 % fewer it is not."""
    n = rows_needed(difference, deviation, confidence, power)
    assert n is not None

    def reached(rows: float) -> float:
        return float(stats.norm.sf(stats.norm.ppf(0.5 + confidence / 2) - abs(difference) / deviation * math.sqrt(rows)))

    assert reached(n) >= power > reached(0.97 * n - 1)


def test_no_number_of_rows_tells_apart_what_is_equal() -> None:
    assert rows_needed(0.0, 1.0, 0.95) is None
