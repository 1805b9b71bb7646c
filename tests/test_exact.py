"""Sums that do not round, against math.fsum, exact fractions and a proof-like check of the bounds."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from celoss.exact import BLOCK_ROWS, MOST_MASKS, Groups, _slices, mean, ratio, standard_error, total, units

ONE = 1 << 1074
SEED = 20261121


def exact_sum(values):
    """Witness: the sum in rational arithmetic, in units of 2^-1074."""
    return int(sum(map(Fraction, values.tolist()), Fraction(0)) * ONE)


ADVERSARIAL = {
    "one value": np.array([0.1]),
    "the smallest double": np.array([5e-324, 5e-324]),
    "1e-300 beside 745": np.array([1e-300, 745.0, 1e-300]),
    "1e250 beside 1": np.array([1e250, 1.0, -1e250]),
    "signed": np.array([1.5, -1.5, 1e-17, -3.25]),
    "all zero": np.zeros(5),
    "nothing": np.zeros(0),
    "full block of the largest loss": np.full(BLOCK_ROWS, 744.4400719213812),
    "full block just below a power of two": np.full(BLOCK_ROWS, np.nextafter(1024.0, 0)),
    "a block and one": np.full(BLOCK_ROWS + 1, 0.1),
    "log-uniform 1e-300 to 745": np.exp(np.random.default_rng(SEED).uniform(math.log(1e-300), math.log(745), 5000)),
    "losses of a confident model": -np.log1p(-(np.random.default_rng(SEED).random(5000) ** 20)),
}


@pytest.mark.parametrize("values", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_a_sum_equals_that_of_exact_fractions(values):
    assert total(values) == exact_sum(values)


@given(arrays(np.float64, st.integers(0, 50), elements=st.floats(-1e200, 1e200, allow_subnormal=True)))
def test_a_rounded_sum_equals_fsum(values):
    assert ratio(total(values), ONE) == math.fsum(values)


@pytest.mark.parametrize("k", [2, 3, MOST_MASKS, MOST_MASKS + 1, 300])
def test_sums_of_groups_equal_fractions_and_add_up_to_the_total(k):
    random = np.random.default_rng(SEED + k)
    values = -np.log(random.random(BLOCK_ROWS + 100) ** 9)
    codes = random.integers(0, k, len(values))
    sums = Groups(codes, k).sums(values)
    assert sum(sums) == total(values)
    assert sums[:3] == [exact_sum(values[codes == group]) for group in range(k)][:3]


@pytest.mark.parametrize("size", [1, 2, 3, 1000, BLOCK_ROWS])
@pytest.mark.parametrize("largest", [5e-324, 1e-300, 1.0, 745.0, 2.0**900])
def test_no_slice_can_overflow(size, largest):
    """Each slice is made of multiples of its grid, fewer than 2^53 of them in all: float64 adds these exactly."""
    values = np.full(size, largest)
    values[::2] = np.nextafter(largest, 0)
    rest = [Fraction(value) for value in values.tolist()]
    for grid, part, rows in _slices(values):
        unit = Fraction(2) ** grid
        counts = [Fraction(value) / unit for value in part.tolist()]
        assert all(count.denominator == 1 for count in counts)
        assert sum(map(abs, counts)) <= 2**53
        for row, value in zip(range(size) if rows is None else rows, part.tolist(), strict=True):
            rest[row] -= Fraction(value)
    assert not any(rest)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, 1e300])
def test_a_value_outside_the_domain_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        total(np.array([0.5, bad]))


@given(st.floats(-1e300, 1e300))
def test_units_are_the_double_itself(value):
    assert Fraction(units(value), ONE) == Fraction(value)


def test_a_mean_is_rounded_once_where_fsum_over_n_rounds_twice():
    values = np.array([0.1, 0.7, 0.7])
    once = float(sum(map(Fraction, values.tolist())) / 3)
    assert mean(total(values), 3) == once
    # Found by search: dividing the rounded sum gives another last digit here.
    random = np.random.default_rng(SEED)
    samples = (random.random(103) for _ in range(50))
    assert any(math.fsum(one) / 103 != mean(total(one), 103) for one in samples)


def squares_of(x):
    return Groups(np.zeros(len(x), dtype=np.intp), 1).square_sums(x)[0]


@given(st.lists(st.floats(0, 745).filter(lambda x: x == 0 or x > 1e-140), min_size=1, max_size=40))
def test_a_sum_of_squares_is_exact(values):
    x = np.array(values)
    assert Fraction(squares_of(x), ONE) == sum(Fraction(value) ** 2 for value in values)


@given(st.lists(st.floats(1e-100, 745), min_size=2, max_size=40))
def test_a_standard_error_is_that_of_the_textbook(values):
    x = np.array(values)
    n = len(values)
    exact = [Fraction(value) for value in values]
    centre = sum(exact) / n
    textbook = math.sqrt(sum((value - centre) ** 2 for value in exact) / (n - 1) / n)
    assert standard_error(total(x), squares_of(x), n) == pytest.approx(textbook, rel=1e-15)


@pytest.mark.parametrize("step", [1e-6, 1e-8, 3e-9, 2.0**-52])
def test_a_standard_error_keeps_its_digits_when_values_are_close(step):
    x = np.array([0.75, 0.75 + step, 0.75 - step])
    exact = [Fraction(value) for value in x.tolist()]
    spread = sum((value - sum(exact) / 3) ** 2 for value in exact)
    assert standard_error(total(x), squares_of(x), 3) == pytest.approx(math.sqrt(spread / 6), rel=1e-15)


def test_equal_values_have_no_standard_error():
    x = np.full(1000, 0.1)
    assert standard_error(total(x), squares_of(x), 1000) == 0.0


def test_one_value_has_an_undefined_standard_error():
    assert standard_error(total(np.ones(1)), squares_of(np.ones(1)), 1) is None
