"""How much of the loss few rows carry, against NumPy's sort of all rows."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import celoss
from celoss.exact import UNITS_PER_ONE
from celoss.tails import Tail, TailSums

few = settings(max_examples=50, deadline=None)
sizes = st.one_of(st.just(0.0), st.floats(1e-200, 1e60), st.sampled_from([0.5, 1.0, 2.0**-64, 2.0**-70, 36.04]))


def of(losses, weights=None, **options):
    """The tail of binary rows with such losses, all of class 1."""
    return celoss.evaluate(np.exp(-np.asarray(losses, float)), np.ones(len(losses), int), weights=weights, **options).tail


def summed(values, parts=1):
    tails = []
    for part in np.array_split(np.asarray(values, float), parts):
        sums = TailSums()
        sums.add(part)
        tails.append(sums.tail())
    return sum(tails[1:], tails[0])


def share(values, count):
    return np.sort(values)[::-1][:count].sum() / np.sum(values)


@pytest.mark.parametrize("n", [1, 9, 10, 11, 100, 101, 1000])
def test_of_up_to_1000_rows_the_shares_are_those_of_the_sorted_losses(n):
    losses = np.minimum(np.random.default_rng(n).exponential(size=n) ** 2, 30)
    found = of(losses)
    for one, count in ((found.worst, 1), (found.worst_10, min(10, n)), (found.worst_1_percent, -(-n // 100))):
        assert one.rows == count
        assert one.loss_share == pytest.approx(share(losses, count), rel=1e-12)


@pytest.mark.parametrize("power", [1, 3, 8])
@pytest.mark.parametrize("n", [1001, 5000, 40_000])
def test_of_more_rows_a_hundredth_is_within_a_part_of_250(n, power):
    losses = np.minimum(np.random.default_rng(n).exponential(size=n) ** power, 700)
    found = of(losses, eps=0).worst_1_percent
    assert found.rows == -(-n // 100)
    assert found.loss_share == pytest.approx(share(losses, found.rows), rel=0.004)
    assert of(losses, eps=0).worst_10.loss_share == pytest.approx(share(losses, 10), rel=1e-12)


def test_the_share_that_celoss_explain_counts_row_by_row_is_the_same():
    random = np.random.default_rng(1)
    p, y = random.random(3000), random.integers(0, 2, 3000)
    exact = celoss.explain(p, y, worst=10).worst.carried
    (one,) = [one.share for one in exact if one.percent == 1]
    assert celoss.evaluate(p, y).tail.worst_1_percent.loss_share == pytest.approx(one, rel=0.004)


def test_one_row_more_never_carries_less():
    """Ten equal losses at the upper end of a cell, and next to none in the eleventh row."""
    losses = np.full(1001, 1e-9)
    losses[:10] = 1.99999
    found = of(losses)
    assert found.worst_1_percent.rows == 11
    assert found.worst_1_percent.loss_share >= found.worst_10.loss_share == pytest.approx(share(losses, 10), rel=1e-12)


def test_losses_of_very_confident_models_have_a_tail_too():
    """exp(−50) is below 2^-64."""
    margins = np.random.default_rng(3).uniform(46, 60, 5000)
    losses = np.log1p(np.exp(-margins))
    found = celoss.evaluate(margins, np.ones(5000, int), scale="logits").tail
    assert found.worst_1_percent.loss_share == pytest.approx(share(losses, 50), rel=0.004)


@pytest.mark.parametrize("factor", [1.0, 2.0**-64, 1e-50, 1e50])
def test_contributions_are_weighted_losses(factor):
    random = np.random.default_rng(4)
    losses, weights = np.ones(2000), random.uniform(1.0, 1.005, 2000) * factor
    losses[:7], weights[100:110] = 5.0, 0.0
    found = of(losses, weights)
    contributions = losses * weights
    # Rows without weight are none: a hundredth of 1990.
    assert found.worst_1_percent.rows == 20
    assert found.worst_1_percent.loss_share == pytest.approx(share(contributions, 20), rel=0.004)
    assert found.worst_10.loss_share == pytest.approx(share(contributions, 10), rel=1e-12)


def test_rows_without_weight_are_none():
    random = np.random.default_rng(5)
    losses, weights = random.exponential(size=300), random.integers(0, 2, 300)
    assert of(losses, weights) == of(losses[weights > 0], weights[weights > 0])


def test_where_all_losses_are_0_and_where_one_is_infinite_there_is_no_share():
    for tail in (of(np.zeros(20)), celoss.evaluate([0.0, 0.5], [1, 1], eps=0).tail):
        assert {one.loss_share for one in (tail.worst, tail.worst_10, tail.worst_1_percent)} == {None}


def test_an_infinite_loss_of_a_row_without_weight_is_none():
    found = celoss.evaluate([0.0, 0.5, 0.5], [1, 1, 1], weights=[0.0, 1.0, 3.0], eps=0).tail
    assert found.worst.loss_share == 0.75
    assert found.worst_10.rows == 2


def test_base_and_sum_over_labels_change_no_share():
    random = np.random.default_rng(6)
    p, t = random.random((50, 3)), random.integers(0, 2, (50, 3))
    assert celoss.evaluate(p, t, base="2", reduce_labels="sum").tail == celoss.evaluate(p, t).tail


def test_the_tail_stands_in_the_json():
    read = json.loads(celoss.evaluate([0.5, 0.25], [1, 1]).to_json())["tail"]
    assert read["worst"]["rows"] == 1
    assert read["worst"]["loss_share"] == pytest.approx(2 / 3, rel=1e-15)
    assert read["worst_1_percent"] == read["worst"]
    assert read["worst_10"] == {"rows": 2, "loss_share": 1.0}


@given(st.lists(sizes, max_size=40), st.integers(1, 5), st.randoms(use_true_random=False))
@few
def test_parts_in_any_order_add_up_to_the_tail_of_all(values, parts, random):
    shuffled = random.sample(values, len(values))
    assert summed(shuffled, parts) == summed(values)
    assert summed(values).largest == tuple(map(_units, sorted(values, reverse=True)[:10]))


def _units(value):
    numerator, denominator = value.as_integer_ratio()
    return numerator * UNITS_PER_ONE // denominator


@given(st.lists(sizes, min_size=1, max_size=60), st.data())
@few
def test_any_number_of_the_largest_is_known_within_a_part_of_250(values, data):
    count = data.draw(st.integers(1, len(values)))
    exact = sum(sorted(values, reverse=True)[:count])
    assert summed(values).carried(count) == pytest.approx(exact, rel=0.004, abs=1e-150)


def test_an_empty_tail_changes_none():
    tail = summed([1.0, 2.0])
    assert tail + Tail() == Tail() + tail == tail
    assert summed([]) == Tail()
