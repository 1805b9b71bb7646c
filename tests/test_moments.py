"""Sums of values with their squares, against exact fractions and a proof-like check of the bounds."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from celoss.exact import Groups
from celoss.moments import BLOCK_ROWS, EXPONENTS, FIRST_BITS, SLICE_BITS, SLICES, STRIP_ROWS, Moments, _Slices

ONE = 1 << 1074
SEED = 20261121
# Squares below this are not exact in doubles, as `products` says.
SMALLEST = 2.0**-484


def generator():
    return np.random.default_rng(SEED)


VALUES = {
    "one value": np.array([0.1]),
    "signed": np.array([1.5, -1.5, 1e-17, -3.25]),
    "all zero": np.zeros(5),
    "nothing": np.zeros(0),
    "1e-100 beside 745": np.array([1e-100, 745.0, 1e-100]),
    "larger than a block may be": np.array([1e130, 0.5]),
    "smaller than a block may be": np.array([1e-130, 1e-140]),
    "full block of the largest loss": np.full(BLOCK_ROWS, 744.4400719213812),
    "full block just below a power of two": np.full(BLOCK_ROWS, np.nextafter(1024.0, 0)),
    "a strip and one": np.full(STRIP_ROWS + 1, 0.1),
    "a block and one": np.full(BLOCK_ROWS + 1, 0.1),
    "log-uniform 1e-100 to 745": np.exp(generator().uniform(math.log(1e-100), math.log(745), 5000)),
    "weights 1e-12 to 1e12": np.exp(generator().uniform(math.log(1e-12), math.log(1e12), 5000)),
    "losses of a confident model": -np.log1p(-(generator().random(5000) ** 20)),
}


def units(fraction):
    return int(fraction * ONE)


def summed(values, codes, count):
    """Witness: the sums by group and the sum of the squares in rational arithmetic, in units of 2^-1074."""
    fractions = [Fraction(value) for value in values.tolist()]
    sums = [Fraction(0)] * count
    for code, value in zip(codes.tolist(), fractions, strict=True):
        if count:
            sums[code] += value
    return list(map(units, sums)), units(sum((value**2 for value in fractions), Fraction(0)))


def moments(parts, count):
    """The sums and squares of values that come in parts, of pairs of values and codes."""
    found = Moments(count)
    for values, codes in parts:
        found.add(values, Groups(codes, max(count, 1)))
    return found.sums(), found.squares()


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_sums_and_squares_equal_those_of_exact_fractions(values, count):
    codes = generator().integers(0, max(count, 1), len(values))
    assert moments([(values, codes)], count) == summed(values, codes, count)


@given(
    arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > SMALLEST)),
    st.data(),
)
def test_parts_and_their_order_cannot_matter(values, data):
    codes = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(values), max_size=len(values))), dtype=np.intp)
    cut = data.draw(st.integers(0, len(values)))
    parts = [(values[:cut], codes[:cut]), (values[cut:], codes[cut:])]
    assert moments(parts, 2) == moments(parts[::-1], 2) == moments([(values, codes)], 2) == summed(values, codes, 2)


def test_what_is_left_of_many_blocks_is_summed_when_it_fills_one():
    values = np.full(BLOCK_ROWS // 4, 1e-30)
    values[0] = 1.0
    part = (values, np.zeros(len(values), dtype=np.intp))
    found = Moments(1)
    most = 0
    for _ in range(9):
        found.add(part[0], Groups(part[1], 1))
        most = max(most, found._left_rows)
    assert 0 < most < BLOCK_ROWS
    assert (found.sums(), found.squares()) == summed(np.tile(values, 9), np.tile(part[1], 9), 1)
    assert found._left_rows == 0


def test_asking_for_sums_does_not_change_them():
    found = Moments(2)
    found.add(np.array([1.0, 1e-30, 0.25]), Groups(np.array([0, 1, 1]), 2))
    before = found.sums(), found.squares()
    assert (found.sums(), found.squares()) == before
    found.add(np.array([2.0]), Groups(np.array([1]), 2))
    assert found.sums() == [ONE, units(Fraction(1e-30) + Fraction(9, 4))]


def test_no_sum_of_products_of_slices_can_round():
    """Sizes in multiples of the slices' grids: the first slice holds FIRST_BITS bits, what is rounded off half a multiple."""
    first, other = 2**FIRST_BITS, 2 ** (SLICE_BITS - 1)
    assert max(first, other) ** 2 * BLOCK_ROWS <= 2**53
    lowest = EXPONENTS.start - FIRST_BITS - SLICE_BITS * (SLICES - 1)
    assert 2 * lowest >= -1074
    assert 2 * EXPONENTS.stop + BLOCK_ROWS.bit_length() < 1024


@pytest.mark.parametrize("size", [1, 3, 1000, BLOCK_ROWS])
@pytest.mark.parametrize("largest", [1e-100, 1.0, 745.0, np.nextafter(2048.0, 0), 2048.0, 2.0**400])
def test_slices_are_as_small_as_the_proof_says_and_add_up(size, largest):
    values = np.full(size, largest)
    values[::2] = np.nextafter(largest, 0)
    values[1::3] *= -1
    slices = _Slices(values)
    assert slices.left.size == 0
    rest = np.array([Fraction(value) for value in values[:100].tolist()], dtype=object)
    for place, (strips, grid) in enumerate(zip(slices._strips, slices._grids, strict=True)):
        whole = np.ldexp(strips.ravel(), -grid)
        assert (whole == np.rint(whole)).all()
        assert np.abs(whole).max() <= (2**FIRST_BITS if place == 0 else 2 ** (SLICE_BITS - 1))
        rest -= np.array([Fraction(value) for value in strips.ravel()[: len(rest)].tolist()], dtype=object)
    assert not rest.any()


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, 1e300])
def test_what_cannot_be_summed_is_refused(bad):
    found = Moments(1)
    found.add(np.array([1.0, bad]), Groups(np.array([0, 0]), 1))
    with pytest.raises(ValueError, match="at most 2\\^900"), np.errstate(over="ignore", invalid="ignore"):
        found.squares()
