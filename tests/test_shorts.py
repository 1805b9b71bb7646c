"""Sums of values with few bits are exact, in any order and any blocks."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celoss.shorts import BLOCK_ROWS, ShortSums, shortened

ONE = 1 << 1074
values_of = st.floats(-1e270, 1e270) | st.sampled_from([0.0, -0.0, 5e-324, 2.0**-1022, 2.0**-1023, 1.0, 1 - 2**-53, 1e-300])


def exact(values):
    return sum((Fraction(one) for one in values), Fraction(0)) * ONE


def summed(*parts):
    sums = ShortSums()
    for part in parts:
        sums.add(np.array(part, np.float64))
    return sums.units()


@given(st.lists(values_of, max_size=40), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_the_sum_is_that_of_fractions(values, cut):
    short = shortened(np.array(values, np.float64)).tolist()
    assert summed(short) == exact(short)
    assert summed(short[:cut], short[cut:]) == summed(short[::-1])


@given(values_of.filter(lambda value: abs(value) >= 2.0**-1022))
def test_a_value_is_rounded_to_the_nearest_one_with_24_bits(value):
    (short,) = shortened(np.array([value])).tolist()
    numerator = Fraction(short).numerator
    assert (numerator // (numerator & -numerator)).bit_length() <= 24 if numerator else value == 0.0
    assert abs(Fraction(short) - Fraction(value)) <= abs(Fraction(value)) / 2**24


@pytest.mark.parametrize("rows", [BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS])
def test_many_of_the_largest_of_one_exponent_do_not_round(rows):
    largest = 2.0 - 2.0**-23
    assert summed(np.full(rows, largest)) == rows * int(Fraction(largest) * ONE)
    assert summed(np.full(rows, -largest), np.full(rows, largest)) == 0
