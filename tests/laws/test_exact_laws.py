"""The laws of exact sums by group, with ==: they are those of rational arithmetic, however rows come in."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from celoss.exact import BLOCK_ROWS, Groups, Table, products, total

ONE = 1 << 1074
SEED = 20261121
MOST_GROUPS = 12

# What is hard to add: far apart, signed, subnormal, at the ends of slices, full of digits.
HARD = [0.0, -0.0, 5e-324, -2.2e-308, 1e-300, 0.1, 1.0, np.nextafter(2048.0, 0), 2048.0, 745.0, -1e250, 2.0**900]
sizes = st.sampled_from(HARD) | st.floats(-745, 745) | st.floats(-(2.0**900), 2.0**900)
rows = st.lists(st.tuples(st.integers(0, MOST_GROUPS - 1), sizes), max_size=30)
# Operands whose products are 0 or at least 2^-968.
factors = st.sampled_from([0.0, 2.0**-484, 2.0**450]) | st.floats(1e-100, 1e100) | st.floats(-745, -1e-100)
pairs = st.lists(st.tuples(st.integers(0, MOST_GROUPS - 1), factors, factors), max_size=30)


def columns(table, *types):
    return [np.array([row[place] for row in table], dtype=of) for place, of in enumerate(types)]


def summed(codes, terms):
    """Witness: the sums of Fractions by group, in units of 2^-1074."""
    sums = [Fraction(0)] * MOST_GROUPS
    for code, term in zip(codes.tolist(), terms, strict=True):
        sums[code] += term
    return [one * ONE for one in sums]


def tabled(codes, values):
    table = Table()
    table.add(codes, values)
    return table.integers(MOST_GROUPS)


@given(rows)
def test_a_table_holds_the_sums_of_fractions(drawn):
    codes, values = columns(drawn, np.intp, np.float64)
    assert tabled(codes, values) == summed(codes, map(Fraction, values.tolist()))


@given(rows, st.randoms(use_true_random=False), st.integers(1, 7))
def test_order_and_chunks_cannot_matter(drawn, random, chunk):
    codes, values = columns(drawn, np.intp, np.float64)
    shuffled = drawn.copy()
    random.shuffle(shuffled)
    table = Table()
    for start in range(0, len(shuffled), chunk):
        table.add(*columns(shuffled[start : start + chunk], np.intp, np.float64))
    assert table.integers(MOST_GROUPS) == tabled(codes, values)


@given(rows)
def test_groups_a_table_and_the_total_agree(drawn):
    codes, values = columns(drawn, np.intp, np.float64)
    sums = tabled(codes, values)
    assert sum(sums) == total(values)
    assert Groups(codes, MOST_GROUPS).sums(values) == sums
    # More groups than rows can fill go another way.
    assert Groups(codes, 100).sums(values) == sums + [0] * (100 - MOST_GROUPS)
    halves = codes % 2
    assert Groups(halves, 2).sums(values) == [sum(sums[0::2]), sum(sums[1::2])]


@given(rows, st.integers(1, 1000))
def test_what_a_group_is_called_cannot_matter(drawn, stride):
    codes, values = columns(drawn, np.intp, np.float64)
    table = Table()
    table.add(codes * stride, values)
    count = (MOST_GROUPS - 1) * stride + 1
    assert table.integers(count)[::stride] == tabled(codes, values)


@given(rows)
def test_adding_the_opposite_leaves_nothing(drawn):
    codes, values = columns(drawn, np.intp, np.float64)
    table = Table()
    table.add(codes, values)
    table.add(codes[::-1], -values[::-1])
    assert table.integers(MOST_GROUPS) == [0] * MOST_GROUPS


@given(pairs)
def test_products_by_group_are_exact(drawn):
    codes, a, b = columns(drawn, np.intp, np.float64, np.float64)
    exact = summed(codes, (Fraction(x) * Fraction(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)))
    table = Table()
    table.add_products(codes, a, b)
    assert table.integers(MOST_GROUPS) == Groups(codes, MOST_GROUPS).product_sums(a, b) == exact


@given(pairs)
def test_squares_by_group_are_exact(drawn):
    codes, values, _ = columns(drawn, np.intp, np.float64, np.float64)
    table = Table()
    table.add_squares(codes, values)
    exact = summed(codes, (Fraction(x) ** 2 for x in values.tolist()))
    assert table.integers(MOST_GROUPS) == Groups(codes, MOST_GROUPS).square_sums(values) == exact


@given(st.floats(-1, 1), st.floats(-1, 1), st.integers(-1074, -900), st.integers(-170, 0))
def test_a_product_too_small_to_be_exact_is_off_by_two_units_at_most(x, y, one, two):
    a, b = np.array([np.ldexp(x, one // 2)]), np.array([np.ldexp(y, one - one // 2 + two)])
    rounded, rest = products(a, b)
    assert abs(Fraction(rounded[0]) + Fraction(rest[0]) - Fraction(a[0]) * Fraction(b[0])) <= Fraction(2, ONE)


@pytest.mark.parametrize("chunk", [1000, BLOCK_ROWS, BLOCK_ROWS + 1, 10**6])
def test_full_blocks_over_many_groups_equal_fractions(chunk):
    random = np.random.default_rng(SEED)
    rows = 2 * BLOCK_ROWS + 77
    values = np.exp(random.uniform(np.log(1e-300), np.log(745), rows)) * random.choice([1, -1], rows)
    values[random.random(rows) < 0.5] = 745.0
    codes = random.integers(0, 5000, rows)
    table = Table()
    for start in range(0, rows, chunk):
        table.add(codes[start : start + chunk], values[start : start + chunk])
    sums = table.integers(5000)
    assert sum(sums) == total(values)
    for group in range(0, 5000, 250):
        assert sums[group] == sum(map(Fraction, values[codes == group].tolist())) * ONE
