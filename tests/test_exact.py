"""Sums that do not round, against math.fsum, exact fractions and a proof-like check of the bounds."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from celoss.exact import (
    BLOCK_ROWS,
    LARGEST_ENTRY,
    LIMB_BITS,
    MOST_LOOPED,
    SLICE_BITS,
    UNIT_EXPONENT,
    Groups,
    Table,
    _slices,
    products,
    ratio,
    total,
    units,
)

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


@pytest.mark.parametrize("k", [1, 2, 3, MOST_LOOPED, MOST_LOOPED + 1, 300])
def test_sums_of_groups_equal_fractions_and_add_up_to_the_total(k):
    random = np.random.default_rng(SEED + k)
    values = -np.log(random.random(BLOCK_ROWS + 100) ** 9)
    codes = random.integers(0, k, len(values))
    sums = Groups(codes, k).sums(values)
    assert sum(sums) == total(values)
    assert len(sums) == k
    assert sums[:3] == [exact_sum(values[codes == group]) for group in range(k)][:3]


@pytest.mark.parametrize("k", [1, 2, 3, MOST_LOOPED + 1])
def test_groups_without_rows_have_a_sum_of_zero(k):
    assert Groups(np.zeros(0, dtype=np.intp), k).sums(np.zeros(0)) == [0] * k
    assert Groups(np.array([k - 1]), k).sums(np.array([0.5])) == [0] * (k - 1) + [ONE // 2]


@pytest.mark.parametrize("size", [1, 2, 3, 1000, BLOCK_ROWS])
@pytest.mark.parametrize("largest", [5e-324, 1e-300, 1.0, 745.0, np.nextafter(2048.0, 0), 2048.0, 2.0**900])
@pytest.mark.parametrize("step", [1, LIMB_BITS])
def test_no_slice_can_overflow(size, largest, step):
    """The slices of a value add up to it, and those of a block are so few of their unit that int64 has room for more."""
    values = np.full(size, largest)
    values[::2] = np.nextafter(largest, 0)
    values[1::3] *= -1
    rest = np.array([units(value) for value in values.tolist()], dtype=object)
    for cut in _slices(values, step):
        whole = cut.whole()
        assert np.abs(whole).max() <= 2**SLICE_BITS
        assert cut.total() == sum(whole.tolist())
        shift = cut.grid - UNIT_EXPONENT
        assert shift % step == 0
        rest[cut.rows] -= whole.astype(object) << shift
    assert not rest.any()


def test_a_table_has_room_for_a_block_and_what_is_carried():
    block = BLOCK_ROWS * 2**SLICE_BITS
    # After a carry an entry has 40 bits, and so takes a block; what it hands on is small beside the spare bit.
    assert 2**LIMB_BITS + block <= LARGEST_ENTRY
    assert LARGEST_ENTRY + (LARGEST_ENTRY >> LIMB_BITS) + 1 < 2**63


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, 1e300, np.nextafter(2.0**900, math.inf)])
def test_a_value_outside_the_domain_is_refused(bad):
    with pytest.raises(ValueError, match=r"^exact sums need finite values of at most 2\^900$"):
        total(np.array([0.5, bad]))
    with pytest.raises(ValueError, match="finite"):
        Table().add(np.zeros(2, dtype=np.intp), np.array([0.5, bad]))


@given(st.floats(-1e300, 1e300))
def test_units_are_the_double_itself(value):
    assert Fraction(units(value), ONE) == Fraction(value)


def test_a_mean_is_rounded_once_where_fsum_over_n_rounds_twice():
    values = np.array([0.1, 0.7, 0.7])
    once = float(sum(map(Fraction, values.tolist())) / 3)
    assert ratio(total(values), 3 * ONE) == once
    # Found by search: dividing the rounded sum gives another last digit here.
    random = np.random.default_rng(SEED)
    samples = (random.random(103) for _ in range(50))
    assert any(math.fsum(one) / 103 != ratio(total(one), 103 * ONE) for one in samples)


def squares_of(x):
    return Groups(np.zeros(len(x), dtype=np.intp), 1).square_sums(x)[0]


@given(st.lists(st.floats(0, 745).filter(lambda x: x == 0 or x > 1e-140), min_size=1, max_size=40))
def test_a_sum_of_squares_is_exact(values):
    x = np.array(values)
    assert Fraction(squares_of(x), ONE) == sum(Fraction(value) ** 2 for value in values)


SMALLEST_ROOT, LARGEST_ROOT = 2.0**-484, 2.0**450


@pytest.mark.parametrize("x", [SMALLEST_ROOT, np.nextafter(SMALLEST_ROOT, 1), 1 / 3, 745.1, np.nextafter(LARGEST_ROOT, 0)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_square_is_exact_up_to_the_ends_of_its_domain(x, sign):
    assert Fraction(squares_of(np.array([sign * x])), ONE) == Fraction(x) ** 2


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (2.0**900, 2.0**-900),
        (np.nextafter(2.0**900, 0), -np.nextafter(2.0**-900, 1)),
        (5e-324, 1 / 3 * 2.0**108),
        (np.nextafter(2.0**-1022, 0), 2.0**60 / 3),
        (0.0, 745.1),
        (5e-324, 0.0),
        (0.1, -0.7),
    ],
)
def test_a_product_is_exact_wherever_it_is_from_2_to_the_minus_968(a, b):
    assert a * b == 0 or abs(Fraction(a) * Fraction(b)) >= Fraction(2) ** -968
    for one, two in ((a, b), (b, a)):
        rounded, rest = products(np.array([one]), np.array([two]))
        assert rounded[0] == one * two
        assert Fraction(rounded[0]) + Fraction(rest[0]) == Fraction(a) * Fraction(b)


def test_sums_of_products_by_group_equal_fractions():
    random = np.random.default_rng(SEED)
    a, b = random.normal(size=50), random.random(50) * 1e-9
    codes = random.integers(0, 3, 50)
    exact = [Fraction(0)] * 3
    for code, one, two in zip(codes.tolist(), a.tolist(), b.tolist(), strict=True):
        exact[code] += Fraction(one) * Fraction(two)
    assert [Fraction(one, ONE) for one in Groups(codes, 3).product_sums(a, b)] == exact


def test_a_table_grows_with_the_groups_that_come():
    table = Table()
    assert table.integers(2) == [0, 0]
    table.add(np.array([0, 1, 1]), np.array([0.5, 0.25, 1e-300]))
    table.add(np.array([1000]), np.array([-3.0]))
    table.add(np.array([], dtype=np.intp), np.array([]))
    sums = table.integers(1003)
    assert sums[:2] == [units(0.5), units(0.25) + units(1e-300)]
    assert sums[1000] == units(-3.0)
    assert sum(map(bool, sums)) == 3
    assert table.integers(1) == sums[:1]
    assert table.integers(0) == []


@pytest.mark.parametrize(
    "value", [np.nextafter(2048.0, 0), -np.nextafter(2048.0, 0), 2047.3, -2047.3, 2.0**900, np.nextafter(2.0**-989, 0)]
)
def test_a_table_carries_before_an_entry_overflows(value):
    table, codes = Table(), np.zeros(BLOCK_ROWS, dtype=np.intp)
    for _ in range(20):  # a block adds almost 2^60 to an entry
        table.add(codes, np.full(BLOCK_ROWS, value))
        assert max(table._bounds.values()) <= LARGEST_ENTRY
        # The bounds hold: no entry of a limb is larger.
        sizes = {number: max(limb.max(), -limb.min()) for number, limb in table._limbs.items()}
        assert all(size <= table._bounds[number] for number, size in sizes.items())
    assert table.integers(1) == [20 * BLOCK_ROWS * units(value)]


def test_a_table_needs_no_carry_while_the_rows_are_spread_over_groups():
    table, codes = Table(), np.arange(BLOCK_ROWS)
    for _ in range(20):
        table.add(codes, np.full(BLOCK_ROWS, 1025.0))
    assert table.integers(BLOCK_ROWS) == [units(20 * 1025.0)] * BLOCK_ROWS
    assert list(table._limbs) == [26]


def test_a_table_has_one_entry_a_group_when_all_groups_come_at_once():
    table = Table()
    for _ in range(3):
        table.add(np.arange(100), np.ones(100))
    assert [len(limb) for limb in table._limbs.values()] == [100]


def test_a_table_whose_groups_come_one_by_one_is_seldom_copied_and_has_a_quarter_to_spare_at_most():
    table, sizes = Table(), []
    for group in range(1000):
        table.add(np.array([group]), np.ones(1))
        (limb,) = table._limbs.values()
        sizes.append(len(limb))
        assert group < len(limb) <= (group + 1) * 5 / 4
    # 1.25^31 > 1000; the first steps, of one entry each, are a few more.
    assert len(set(sizes)) < 40
    assert table.integers(1000) == [ONE] * 1000


def test_the_digits_of_a_group_take_a_limbs_bytes_for_each_limb_and_one_integer():
    table = Table()
    table.add(np.zeros(2, dtype=np.intp), np.array([1.0, 1e-30]))
    assert min(table._limbs) > 0
    limbs = max(table._limbs) - min(table._limbs) + 1
    (digits,) = table._digits(min(table._limbs), 1)
    assert len(digits) == limbs * LIMB_BITS // 8 + 8


def test_a_table_refuses_a_negative_group():
    with pytest.raises(ValueError, match=r"^groups have numbers from 0$"):
        Table().add(np.array([3, -1]), np.ones(2))


def test_a_table_gives_the_sums_of_chosen_groups():
    table = Table()
    table.add(np.array([5, 0, 5, 2]), np.array([0.1, -3.0, 1e-300, 2.0**900]))
    # Groups without a sum, and groups that the table has never seen, have 0.
    chosen = np.array([5, 2, 1, 7, 0])
    every = table.integers(8)
    assert table.integers(8, chosen) == [every[group] for group in chosen]
    assert every[5] == sum(map(units, (0.1, 1e-300)))
    assert table.integers(8, chosen[:0]) == []
    assert Table().integers(8, chosen) == [0] * 5
