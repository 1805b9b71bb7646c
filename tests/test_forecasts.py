"""The histogram of forecasts: where each one goes, that its sums are exact, and that parts add up."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celoss.exact import UNITS_PER_ONE
from celoss.forecasts import LEAST, WIDTH, ForecastCells, located, merged

SPECIAL = [0.0, 5e-324, 1e-300, 1e-20, LEAST, 1e-9, 0.1, 1 / 3, 0.5 - 2**-54, 0.5, 0.5 + 2**-53, 0.75, 1 - 2.0**-53, 1.0]
BINS = [1, 2, 10, 15, 1000]
probabilities = st.one_of(st.sampled_from(SPECIAL), st.floats(0, 1), st.sampled_from([one / 15 for one in range(16)]))
few = settings(max_examples=60, deadline=None)


def histogram(p, true, weights=None, bins=15):
    cells = ForecastCells(bins)
    cells.add(np.array(p, float), np.array(true), None if weights is None else np.array(weights, float))
    return cells.integers()


def kept(p):
    """The first 31 bits of `near`."""
    mantissa, exponent = math.frexp(float(near(p)))
    return math.ldexp(math.floor(math.ldexp(mantissa, 31)), exponent - 31)


def near(p):
    """The distance from 0 or 1, whichever is nearer; below 2^-64 none."""
    distance = min(Fraction(p), 1 - Fraction(p))
    return distance if distance >= Fraction(LEAST) else Fraction(0)


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize("p", SPECIAL)
def test_a_forecast_has_a_cell_of_its_half_its_bin_and_its_size(p, bins):
    ((number, sums),) = histogram([p], [True], bins=bins).items()
    ((is_upper,), (place,)) = located(np.array([number]), bins)
    assert is_upper == (p >= 0.5)
    assert place == min(int(p * bins), bins - 1)
    assert sums[:2] == (1, 1)
    assert Fraction(sums[2], 2**94) == Fraction(kept(p))


@given(st.lists(probabilities, min_size=2, max_size=40), st.sampled_from(BINS))
@few
def test_cells_are_in_the_order_of_their_forecasts_and_narrow(ps, bins):
    ps = sorted(ps)
    numbers = [next(iter(histogram([p], [False], bins=bins))) for p in ps]
    assert numbers == sorted(numbers)
    for (p, number), (other, same) in zip(zip(ps, numbers, strict=True), zip(ps[1:], numbers[1:], strict=True), strict=False):
        if number == same:
            assert abs(near(other) - near(p)) <= max(
                Fraction(WIDTH) * near(other), Fraction(WIDTH) * near(p), 2 * Fraction(LEAST)
            )
            assert min(int(p * bins), bins - 1) == min(int(other * bins), bins - 1)


def test_every_cell_is_in_a_bin_and_bins_are_in_order():
    for bins in (*BINS, 7, 999):
        count = 2 * 63 * 128 + 1 + bins
        is_upper, places = (one.tolist() for one in located(np.arange(count), bins))
        assert places == sorted(places)
        assert set(places) == set(range(bins))
        assert is_upper == sorted(is_upper)


rows_of = st.lists(
    st.tuples(probabilities, st.sampled_from([0.0, 1.0]) | st.floats(0, 1), st.sampled_from([0.0, 1e-60, 0.1, 1.0, 3.0, 1e60])),
    max_size=30,
)


@given(rows_of)
@few
def test_weighted_sums_are_exact(rows):
    found = histogram(*zip(*rows, strict=True)) if rows else histogram([], [], [])
    expected = {}
    for p, true, weight in rows:
        if weight:
            (number,) = histogram([p], [True])
            parts = (1, 0, 0, *(Fraction(weight) * Fraction(one) for one in (true, kept(p), 1.0, weight)))
            expected[number] = tuple(map(sum, zip(expected.get(number, (0,) * 7), parts, strict=True)))
    assert found.keys() == expected.keys()
    for number, sums in expected.items():
        assert found[number][:3] == sums[:3]
        # A product below 2^-968 may be off by two units.
        errors = [abs(Fraction(mine, UNITS_PER_ONE) - one) for mine, one in zip(found[number][3:], sums[3:], strict=True)]
        assert max(errors) <= Fraction(2 * len(rows), UNITS_PER_ONE)


@given(rows_of, st.integers(0, 30), st.sampled_from(["weights", "shares", "none"]), st.randoms(use_true_random=False))
@few
def test_parts_in_any_order_add_up_to_the_histogram_of_all(rows, cut, kind, random):
    def of(part):
        p, true, weights = zip(*part, strict=True) if part else ((), (), ())
        if kind == "none":
            true = [one >= 0.5 for one in true]
        return histogram(p, np.array(true, bool if kind == "none" else float), weights if kind == "weights" else None)

    whole, shuffled = of(rows), random.sample(rows, len(rows))
    assert merged(of(shuffled[:cut]), of(shuffled[cut:])) == merged(of(shuffled[cut:]), of(shuffled[:cut])) == whole
    assert merged(whole, {}) == merged({}, whole) == whole


def test_more_rows_than_a_block_are_summed_as_one():
    random = np.random.default_rng(1)
    p, true = random.random(200_000) ** 8, random.random(200_000) < 0.3
    whole, parts = ForecastCells(15), ForecastCells(15)
    whole.add(p, true, None)
    for part in np.array_split(np.arange(200_000), 1000):
        parts.add(p[part], true[part], None)
    assert whole.integers() == parts.integers()
    assert sum(one[0] for one in whole.integers().values()) == 200_000
    assert sum(one[1] for one in whole.integers().values()) == true.sum()
    # Each is kept with 31 bits.
    total = sum(Fraction(one[2], 2**94) for one in whole.integers().values())
    assert float(total) == pytest.approx(np.minimum(p, 1 - p).sum(), rel=2.0**-30)


def test_a_histogram_can_be_asked_for_in_between():
    cells = ForecastCells(15)
    cells.add(np.array([0.3]), np.array([True]), None)
    before = cells.integers()
    assert cells.integers() == before
    cells.add(np.array([0.3]), np.array([False]), None)
    ((_, (rows, hits, _)),) = cells.integers().items()
    assert (rows, hits) == (2, 1)


def test_shares_and_whole_labels_are_one_histogram():
    (sums,) = histogram([0.3] * 3, [0.0, 1.0, 0.25]).values()
    assert sums[:2] == (3, 1)
    assert Fraction(sums[3], UNITS_PER_ONE) == Fraction(1, 4)
    assert sums[5:] == (0, 0)
